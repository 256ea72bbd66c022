package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// goodBallot is a vote that is taken, and that the corpus spoils.
const goodBallot = `{"approvalId":"apr_1","vote":"approve","requestDigest":"hmac-sha256:e","comment":"fine",` +
	`"responder":{"userId":"mia","userTenantId":"t","email":"mia@contoso.com","nonce":"N0NCE"}}`

// ballotBox is a voter and closer that remembers what it was asked. It knows
// apr_1 in the tenant t.
type ballotBox struct {
	ballots []approval.Ballot
	readers []approval.Reader
	closed  []string // verb id comment
	fail    error
}

var _ ApprovalVoter = (*ballotBox)(nil)

func (b *ballotBox) Vote(_ context.Context, r approval.Reader, ballot approval.Ballot, _ time.Time) (approval.Approval, error) {
	b.ballots, b.readers = append(b.ballots, ballot), append(b.readers, r)
	return sampleApproval(r.Tenant), b.fail
}

func (b *ballotBox) closing(verb string) Closing {
	return func(_ context.Context, r approval.Reader, id, comment string, _ time.Time) (approval.Approval, error) {
		if r.Tenant != "t" {
			return approval.Approval{}, approval.ErrNotFound
		}
		b.closed = append(b.closed, verb+" "+id+" "+comment)
		return sampleApproval(r.Tenant), b.fail
	}
}

func (b *ballotBox) Outcome(_ context.Context, _ identity.Principal, o authorize.Outcome) (authorize.Receipt, error) {
	b.closed = append(b.closed, o.Result.String()+" "+o.DecisionID+" "+o.Detail)
	return authorize.Receipt{Segment: "s", Seq: 7, Hash: "sha256:h"}, b.fail
}

// approvalPrincipals may do everything; routes of the test demand no roles.
var approvalPrincipals = anybody{"mia": {Kind: identity.Person, Tenant: "t", ObjectID: "mia"}}

func ballotServer(b *ballotBox) *testServer {
	edge := NewEdge(approvalPrincipals, nil, EdgeOptions{Rate: 1e6, Burst: 1e6})
	o := ApprovalOptions{PublicURL: "https://x", Tenants: func() []string { return []string{"s", "t"} }}
	mux := http.NewServeMux()
	mux.Handle("POST /api/approval-callback", edge.Route(Access{}, Callback(b, o)))
	mux.Handle("POST /api/approvals/{id}/cancel", edge.Route(Access{}, CloseApproval(b.closing("cancel"), o)))
	mux.Handle("POST /api/approvals/{id}/revoke", edge.Route(Access{}, CloseApproval(b.closing("revoke"), o)))
	mux.Handle("POST /api/decisions/{id}/outcome", edge.Route(Access{}, Outcome(b)))
	mux.Handle("/", edge.NotFound())
	return &testServer{handler: edge.Front(mux)}
}

func (s *testServer) send(t testing.TB, path, body string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return s.do(r)
}

func TestAVoteReachesTheService(t *testing.T) {
	for body, want := range map[string]approval.Ballot{
		goodBallot: {
			ApprovalID: "apr_1", Choice: approval.Approve, Digest: "hmac-sha256:e", Comment: "fine",
			Responder: &approval.Responder{UserID: "mia", TenantID: "t", Email: "mia@contoso.com", Nonce: "N0NCE"},
		},
		`{"approvalId":"apr_1","vote":"deny","requestDigest":"d"}`: {ApprovalID: "apr_1", Choice: approval.Deny, Digest: "d"},
		`{"requestDigest":"d","responder":null,"comment":null,"vote":"deny","approvalId":"apr_1"}`: {
			ApprovalID: "apr_1", Choice: approval.Deny, Digest: "d",
		},
		`{"approvalId":"apr_1","vote":"approve","requestDigest":"d","comment":"","responder":{}}`: {
			ApprovalID: "apr_1", Choice: approval.Approve, Digest: "d", Responder: &approval.Responder{},
		},
		`{"approvalId":"apr_1","vote":"deny","requestDigest":"d","comment":"two\nlines\tand \u202e \u0645"}`: {
			ApprovalID: "apr_1", Choice: approval.Deny, Digest: "d", Comment: "two\nlines\tand \u202e \u0645",
		},
		`{"approvalId":"apr_1","vote":"deny","requestDigest":"d","comment":"` + strings.Repeat("中", approval.MaxComment) + `"}`: {
			ApprovalID: "apr_1", Choice: approval.Deny, Digest: "d", Comment: strings.Repeat("中", approval.MaxComment),
		},
	} {
		box := &ballotBox{}
		got := ballotServer(box).send(t, "/api/approval-callback", body, "Authorization", "mia")
		if got.status != 200 || string(got.body) != wholeApproval || len(box.ballots) != 1 {
			t.Fatalf("%.200s: %d %s, want 200 and the approval", body, got.status, got.body)
		}
		b, responder := box.ballots[0], box.ballots[0].Responder
		b.Responder = want.Responder
		if b != want || (responder == nil) != (want.Responder == nil) || responder != nil && *responder != *want.Responder {
			t.Errorf("%.200s: Vote(%+v, %+v), want %+v", body, b, responder, want)
		}
		if r := box.readers[0]; r.Tenant != "t" || r.Principal.ObjectID != "mia" {
			t.Errorf("%.200s: Vote by %+v, want mia in her tenant", body, r)
		}
	}
}

// spoiledBallots are votes that must be refused with 400, and where.
func spoiledBallots() []spoiled {
	var list []spoiled
	with := func(rule, pointer, old, replacement string) {
		if !strings.Contains(goodBallot, old) {
			panic("not in the good ballot: " + old)
		}
		list = append(list, spoiled{rule, pointer, strings.Replace(goodBallot, old, replacement, 1)})
	}
	for _, vote := range []string{
		"Approve", "APPROVE", "approved", "approve ", " approve", "Reject", "reject", "Deny", "DENY", "denied", "yes", "no", "true", "1", "ok",
		"\u0430pprove", "approve\u200b", "approve\u0000", "approve\n", "approve,deny", "approve;deny", "pending", "consumed", "ALLOW", "ap\u0070rove ",
	} {
		quoted, err := json.Marshal(vote)
		if err != nil {
			panic(err)
		}
		with("a vote is spelled exactly", "/vote", `"approve"`, string(quoted))
	}
	for _, value := range []string{`7`, `true`, `false`, `["approve"]`, `[]`, `{"a":"approve"}`, `{}`} {
		for name, old := range map[string]string{
			"/approvalId": `"apr_1"`, "/vote": `"approve"`, "/requestDigest": `"hmac-sha256:e"`, "/comment": `"fine"`,
			"/responder/userId": `"mia"`, "/responder/userTenantId": `"t"`, "/responder/email": `"mia@contoso.com"`, "/responder/nonce": `"N0NCE"`,
		} {
			with("T13: "+name+" is a string", name, old, value)
		}
	}
	for _, value := range []string{`7`, `true`, `"mia"`, `""`, `[]`, `[{}]`} {
		list = append(list, spoiled{"T13: responder is an object", "/responder", `{"approvalId":"a","vote":"deny","requestDigest":"d","responder":` + value + `}`})
	}
	for name, old := range map[string]string{"/approvalId": `"apr_1"`, "/vote": `"approve"`, "/requestDigest": `"hmac-sha256:e"`} {
		with(name+" is required", name, old, `null`)
		with(name+" is required", name, old, `""`)
		with(name+" is required", name, `"`+name[1:]+`":`+old+`,`, ``)
	}
	for _, c := range []struct{ rule, pointer, old, replacement string }{
		{"T24: the body names no voter", "/userId", `"vote"`, `"userId":"mia","vote"`},
		{"T24: the body names no voter", "/voter", `"vote"`, `"voter":"mia","vote"`},
		{"T24: the body names no voter", "/approver", `"vote"`, `"approver":"mia","vote"`},
		{"T24: the body brings no rights", "/roles", `"vote"`, `"roles":["Fabric.Approver"],"vote"`},
		{"T24: the body brings no rights", "/responder/roles", `"nonce"`, `"roles":["FinanceManager"],"nonce"`},
		{"T24: the body brings no rights", "/responder/groups", `"nonce"`, `"groups":["g"],"nonce"`},
		{"an unknown field", "/correlationId", `"vote"`, `"correlationId":"c-1","vote"`},
		{"an unknown field", "/tenantId", `"vote"`, `"tenantId":"t","vote"`},
		{"an unknown field", "/SelectedOption", `"vote"`, `"SelectedOption":"Approve","vote"`},
		{"an unknown field", "/responder/tenantId", `"nonce"`, `"tenantId":"t","nonce"`},
		{"an unknown field", "/responder/displayName", `"nonce"`, `"displayName":"Mia","nonce"`},
		{"T09: a name in another case", "/Vote", `"vote"`, `"Vote":"deny","vote"`},
		{"T09: a name in another case", "/requestdigest", `"requestDigest"`, `"requestdigest"`},
		{"T09: a name in another case", "/responder/Nonce", `"nonce"`, `"Nonce"`},
		{"T09: a name in another case", "/responder/userTenantID", `"userTenantId"`, `"userTenantID"`},
		{"T09: a name that stands twice", "/vote", `"vote"`, `"vote":"deny","vote"`},
		{"T09: a name that stands twice", "/vote", `"vote"`, `"v\u006fte":"deny","vote"`},
		{"T09: a name that stands twice", "/responder/email", `"nonce"`, `"email":"otto@contoso.com","nonce"`},
		{"T09: one value", "", `"N0NCE"}}`, `"N0NCE"}} {}`},
		{"T09: cut short", "/responder", `"N0NCE"}}`, `"N0NCE"`},
		{"control characters", "/comment", `"fine"`, `"fi\u0000ne"`},
		{"control characters", "/comment", `"fine"`, `"fi\rne"`},
		{"control characters", "/comment", `"fine"`, `"\u001b[2J"`},
		{"control characters", "/comment", `"fine"`, `"\u007f"`},
		{"control characters", "/comment", `"fine"`, `"\u0085"`},
		{"lone surrogates", "/comment", `"fine"`, `"\ud800"`},
		{"control characters", "/approvalId", `"apr_1"`, `"apr_1\n"`},
		{"look-alikes", "/approvalId", `"apr_1"`, `"apr\u200b_1"`},
		{"blanks", "/requestDigest", `"hmac-sha256:e"`, `"hmac-sha256:e "`},
		{"control characters", "/responder/email", `mia@contoso.com`, `mia@contoso.com\r\nBcc: x`},
		{"look-alikes", "/responder/email", `mia@contoso.com`, `mia@contoso\u202e.com`},
		{"blanks", "/responder/nonce", `"N0NCE"`, `"N0 NCE"`},
		{"T16: too long", "/comment", `"fine"`, `"` + strings.Repeat("x", approval.MaxComment+1) + `"`},
		{"T16: too long", "/comment", `"fine"`, `"` + strings.Repeat("中", approval.MaxComment+1) + `"`},
		{"T16: too long", "/approvalId", `"apr_1"`, `"` + strings.Repeat("a", 257) + `"`},
		{"T16: too long", "/requestDigest", `"hmac-sha256:e"`, `"` + strings.Repeat("d", 129) + `"`},
		{"T16: too long", "/responder/nonce", `"N0NCE"`, `"` + strings.Repeat("n", 129) + `"`},
	} {
		with(c.rule, c.pointer, c.old, c.replacement)
	}
	for _, body := range []string{"", " ", "null", "[]", `"approve"`, "7", "true", "approve", "vote=approve&approvalId=apr_1", "<vote/>", "\xef\xbb\xbf" + goodBallot, "{\x00}"} {
		list = append(list, spoiled{"T09: not an object", "", body})
	}
	return list
}

// A body that is not a vote in the form of the contract is 400 with its
// pointer, and never reaches the service.
func TestMalformedBallots(t *testing.T) {
	box := &ballotBox{}
	server := ballotServer(box)
	bodies := spoiledBallots()
	if len(bodies) < 140 {
		t.Errorf("the corpus holds %d bodies, want at least 140", len(bodies))
	}
	for _, c := range bodies {
		got := server.send(t, "/api/approval-callback", c.body, "Authorization", "mia")
		mustPoint(t, c, got)
	}
	if len(box.ballots) > 0 {
		t.Errorf("the service got %d votes, the first %+v", len(box.ballots), box.ballots[0])
	}
}

// mustPoint demands a 400 that points at what is wrong and quotes nothing of it.
func mustPoint(t *testing.T, c spoiled, got answer) {
	t.Helper()
	p := got.problem(t)
	if got.status != http.StatusBadRequest || p.Type != "urn:authorization-fabric:problem:malformed" {
		t.Errorf("%s: %.200q: %d %s, want 400", c.rule, c.body, got.status, got.body)
		return
	}
	if !slices.ContainsFunc(p.Errors, func(e problemError) bool { return e.Pointer == c.pointer && e.Detail != "" }) {
		t.Errorf("%s: %.200q: errors %.300v, want one at %q", c.rule, c.body, p.Errors, c.pointer)
	}
	if strings.Contains(string(got.body), "contoso") {
		t.Errorf("%s: %.200q: the answer quotes a value: %s", c.rule, c.body, got.body)
	}
}

func TestVotesAreJSON(t *testing.T) {
	for contentType, want := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "": 415, "text/plain": 415,
		"application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, "application/json; charset=utf-16": 415,
	} {
		if got := ballotServer(&ballotBox{}).send(t, "/api/approval-callback", goodBallot, "Content-Type", contentType, "Authorization", "mia"); got.status != want {
			t.Errorf("Content-Type %q: %d, want %d", contentType, got.status, want)
		}
	}
	large := goodBallot + strings.Repeat(" ", MaxBody)
	if got := ballotServer(&ballotBox{}).send(t, "/api/approval-callback", large, "Authorization", "mia"); got.status != 413 {
		t.Errorf("a large vote: %d, want 413", got.status)
	}
}

// Each refusal of the use cases has its status, and what is not known is 503
// with a time to come again: never 404, never a success.
func TestApprovalErrorsBecomeProblems(t *testing.T) {
	closed := func(s approval.Status, detail string) error {
		return fmt.Errorf("vote: %w", &approval.ClosedError{Approval: approval.Approval{Status: s, Final: true}, Detail: detail})
	}
	for _, c := range []struct {
		name   string
		err    error
		status int
		detail string
		closed string
		retry  string
	}{
		{"a vote that may not count", fmt.Errorf("x: %w", &approval.RefusedError{Code: "vote.digest", Detail: "What was shown is not this."}), 403, "What was shown is not this.", "", ""},
		{"expired", closed(approval.Expired, ""), 409, "The approval is expired.", "expired", ""},
		{"denied", closed(approval.Denied, ""), 409, "The approval is denied.", "denied", ""},
		{"consumed", closed(approval.Consumed, "The approval was used already; the grant ends soon."), 409, "The approval was used already; the grant ends soon.", "consumed", ""},
		{"superseded", closed(approval.Superseded, ""), 409, "The approval is superseded.", "superseded", ""},
		{"unknown", fmt.Errorf("read approval: %w", approval.ErrNotFound), 404, NotFound.Title, "", ""},
		{"unclear", fmt.Errorf("write: %w", approval.ErrUnclear), 503, Unavailable.Title, "", "2"},
		{"a race that is always lost", fmt.Errorf("7 tries: %w", approval.ErrConflict), 503, Unavailable.Title, "", "2"},
		{"too large", fmt.Errorf("put: %w", approval.ErrTooLarge), 503, Unavailable.Title, "", "2"},
		{"the log is down", errors.New("log approval.voted: secret disk"), 503, Unavailable.Title, "", "2"},
		{"the caller is gone", context.Canceled, 503, "The decision was not made in time.", "", "2"},
		{"audit", &authorize.UnavailableError{Component: "audit", RetryAfter: time.Second}, 503, "Audit is not available.", "", "1"},
		{"no decision", authorize.ErrNoDecision, 404, NotFound.Title, "", ""},
	} {
		server := ballotServer(&ballotBox{fail: c.err})
		for path, body := range map[string]string{
			"/api/approval-callback": goodBallot, "/api/approvals/apr_1/cancel": "", "/api/approvals/apr_1/revoke": `{}`,
			"/api/decisions/01JD/outcome": `{"outcome":"failed"}`,
		} {
			got := server.send(t, path, body, "Authorization", "mia")
			p := got.problem(t)
			if got.status != c.status || p.Detail != c.detail || p.ApprovalStatus != c.closed || got.header.Get("Retry-After") != c.retry {
				t.Errorf("%s, %s: %d %s, Retry-After %q, want %d %q %q %q", path, c.name, got.status, got.body, got.header.Get("Retry-After"), c.status, c.detail, c.closed, c.retry)
			}
		}
	}
}

func FuzzDecodeBallot(f *testing.F) {
	f.Add([]byte(goodBallot))
	for _, c := range spoiledBallots() {
		f.Add([]byte(c.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := DecodeBallot(body)
		if err != nil {
			var p *Problem
			if !errors.As(err, &p) || p.Kind != Malformed || len(p.Errors) == 0 || !json.Valid(problemBody(p)) {
				t.Errorf("DecodeBallot(%q) = %v, want a malformed problem that says where", body, err)
			}
			if b.Choice != "" || b.ApprovalID != "" || b.Responder != nil {
				t.Errorf("DecodeBallot(%q) = %+v beside an error, want nothing", body, b)
			}
			return
		}
		mustBeABallot(t, body, &b)
	})
}

// mustBeABallot demands that what was taken is what any JSON parser reads.
func mustBeABallot(t *testing.T, body []byte, b *approval.Ballot) {
	t.Helper()
	if b.Choice != approval.Approve && b.Choice != approval.Deny || b.ApprovalID == "" || b.Digest == "" ||
		utf8.RuneCountInString(b.Comment) > approval.MaxComment || !utf8.ValidString(b.Comment) {
		t.Errorf("DecodeBallot(%q) = %+v", body, b)
	}
	var plain map[string]any
	if err := json.Unmarshal(body, &plain); err != nil {
		t.Fatalf("DecodeBallot(%q) takes what is no JSON: %v", body, err)
	}
	comment, _ := plain["comment"].(string)
	if plain["vote"] != string(b.Choice) || plain["approvalId"] != b.ApprovalID || plain["requestDigest"] != b.Digest || comment != b.Comment {
		t.Errorf("DecodeBallot(%q) = %+v, encoding/json reads %v", body, b, plain)
	}
	if _, there := plain["responder"].(map[string]any); there != (b.Responder != nil) {
		t.Errorf("DecodeBallot(%q): responder %+v, encoding/json reads %v", body, b.Responder, plain["responder"])
	}
}
