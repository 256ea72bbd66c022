package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy/packs"
)

// desk is the service behind its routes about approvals, over memory, with a clock that
// the test moves and tokens that are names.
type desk struct {
	*service
	store *storetest.FaultyApprovals
	sink  *storetest.MemorySink
	entry http.Handler

	mu    sync.Mutex
	now   time.Time              // guarded by mu
	fault func(call string) bool // guarded by mu: fails a call of the approval store; nil: none
	after bool                   // guarded by mu: calls fail once they have taken effect
}

// Who calls, by the name that a request's Authorization has.
const (
	elsewhere = "22222222-2222-2222-2222-222222222222"
	otherFlow = "bbbbbbbb-0000-4000-8000-000000000002"
	console   = "cccccccc-0000-4000-8000-000000000003"
)

func person(name string, roles ...string) identity.Principal {
	return identity.Principal{
		Kind: identity.Person, Tenant: storetest.Tenant, Application: console, ObjectID: "oid-" + name, UPN: name + "@contoso.com",
		AppRoles: roles, GroupsKnown: true,
	}
}

func application(id string, roles ...string) identity.Principal {
	return identity.Principal{Kind: identity.Application, Tenant: storetest.Tenant, Application: id, ObjectID: "sp-" + id, AppRoles: roles}
}

func abroad(p identity.Principal) identity.Principal {
	p.Tenant = elsewhere
	return p
}

func through(app string, p identity.Principal) identity.Principal {
	p.Application = app
	return p
}

// callers are all sorts of them. Mia, Omar and Dora are approvers of the sample
// packs, Ana asks, and nobody has named Vera.
var callers = map[string]identity.Principal{
	"developer":       {Kind: identity.Developer},
	"flow":            application(storetest.Flow, identity.RoleAuthorize),
	"other flow":      application(otherFlow, identity.RoleAuthorize),
	"flow abroad":     abroad(application(storetest.Flow, identity.RoleAuthorize)),
	"bare flow":       application(storetest.Flow),
	"relay":           application("dddddddd-0000-4000-8000-000000000004", identity.RoleApprovalRelay),
	"approver app":    application("eeeeeeee-0000-4000-8000-000000000005", identity.RoleApprover),
	"auditor app":     application("eeeeeeee-0000-4000-8000-000000000006", identity.RoleAuditor),
	"ana":             person("ana", identity.RoleAuthorize),
	"ana in flow":     through(storetest.Flow, person("ana", identity.RoleAuthorize)),
	"ana as approver": person("ana", identity.RoleApprover),
	"mia":             person("mia", identity.RoleApprover),
	"omar":            person("omar", identity.RoleApprover),
	"mia without":     person("mia"),
	"mia abroad":      abroad(person("mia", identity.RoleApprover)),
	"vera":            person("vera", identity.RoleApprover),
	"auditor":         person("audrey", identity.RoleAuditor),
	"auditor abroad":  abroad(person("audrey", identity.RoleAuditor)),
}

// Authenticate implements [httpapi.Authenticator].
func (d *desk) Authenticate(_ context.Context, h http.Header) (identity.Principal, error) {
	if p, ok := callers[h.Get("Authorization")]; ok {
		return p, nil
	}
	return identity.Principal{}, &identity.UnauthenticatedError{Reason: "the token is not one of the test's"}
}

// numbered signs nothing, and no grant twice.
type numbered struct {
	mu sync.Mutex
	n  int // guarded by mu
}

func (n *numbered) Issue(_ context.Context, f grant.Facts) (string, time.Time, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.n++
	return fmt.Sprintf("grant-%d", n.n), f.Now.Add(grant.Lifetime), nil
}

// postbox takes every message.
type postbox struct{}

func (postbox) Notify(context.Context, approval.Message) error { return nil }

// newDesk serves the sample packs; edits are pairs of a text of finance.json
// and what takes its place.
func newDesk(t testing.TB, edits ...string) *desk {
	t.Helper()
	d := &desk{now: storetest.Noon, sink: &storetest.MemorySink{}}
	d.store = &storetest.FaultyApprovals{Store: &storetest.MemoryApprovals{}, Next: d.breaks}
	s := &service{
		config: config{mode: modeLocal, environment: "dev", publicURL: "https://fabric.example"}, log: slog.New(slog.DiscardHandler),
		metrics: &httpapi.Metrics{}, clock: d.time, stopping: make(chan struct{}),
	}
	d.service = s
	var err error
	if s.audit, err = audit.Open(t.Context(), d.sink, audit.Options{Environment: "dev", Instance: "test", Clock: d.time}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.audit.Close(context.Background()) })
	s.catalog = catalog.New(embedded.NewPacks(samples(t, edits)), catalog.Options{Environment: "dev", HardStale: 1000 * time.Hour})
	if _, err := s.catalog.Refresh(t.Context(), d.time()); err != nil {
		t.Fatal(err)
	}
	keys := approval.Keys{Current: storetest.Key}
	s.approvals = approval.New(d.store, keys, authorize.NewApprovalLog(s.audit), authorize.NewApprovers(s.catalog, keys.Current), approval.Options{Tenants: s.tenantsAt, Notifier: postbox{}})
	s.authorize = authorize.New(s.catalog, s.audit, s.approvals, keys.Current, authorize.Options{
		PublicURL: s.config.publicURL, Clock: d.time, Grants: &numbered{},
	})
	s.edge = httpapi.NewEdge(d, s.recordRefusal, httpapi.EdgeOptions{Loopback: true, Rate: 1e6, Burst: 1e6})
	mux := http.NewServeMux()
	for _, r := range routes {
		if slices.Contains([]string{"authorize", "approvals", "approval-callback", "outcome"}, r.function) {
			mux.Handle(r.Method+" "+r.Path, s.only(r.Method, s.edge.Route(r.Access, r.handler(s))))
		}
	}
	mux.Handle("/", s.edge.NotFound())
	d.entry = s.edge.Front(mux)
	return d
}

// samples are the sample packs of finance after edits.
func samples(t testing.TB, edits []string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{"finance.json", "finance.bindings.dev.json"} {
		text, err := packs.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "finance.json" {
			for i := 0; i < len(edits); i += 2 {
				if !bytes.Contains(text, []byte(edits[i])) {
					t.Fatalf("finance.json does not hold %s", edits[i])
				}
				text = bytes.Replace(text, []byte(edits[i]), []byte(edits[i+1]), 1)
			}
		}
		files[name] = &fstest.MapFile{Data: text, ModTime: storetest.Noon}
	}
	return files
}

func (d *desk) time() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// pass lets time pass.
func (d *desk) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func (d *desk) breaks(call string) storetest.Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.fault == nil || !d.fault(call):
		return storetest.NoFault
	case d.after:
		return storetest.FailAfter
	}
	return storetest.FailBefore
}

// breakStore has calls of the approval store fail, before or after they have
// taken effect.
func (d *desk) breakStore(after bool, which func(call string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.after, d.fault = after, which
}

// reply is an answer, with what tests look at of its body.
type reply struct {
	status int
	header http.Header
	body   string

	Decision, ReasonCode, Reason, DecisionID, RequestDigest, Grant, NextStep string
	Execute                                                                  *bool
	Approval                                                                 struct{ ID, Status string }
	ID, Status                                                               string // of an approval
	Votes                                                                    []struct{ Person, Vote, Comment string }
	Comment                                                                  string
	ApprovalStatus                                                           string
	Detail                                                                   string
	Errors                                                                   []struct{ Pointer string }
}

func (d *desk) call(t testing.TB, as, method, path, body string, headers ...string) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost"+path, strings.NewReader(body))
	r.Header.Set("Authorization", as)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.entry.ServeHTTP(w, r)
	return readReply(t, w.Result())
}

func readReply(t testing.TB, response *http.Response) reply {
	t.Helper()
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := reply{status: response.StatusCode, header: response.Header, body: string(text)}
	var plain struct {
		Status json.RawMessage
		Errors json.RawMessage
	}
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatalf("%d %s: %v", a.status, text, err)
	}
	if strings.HasPrefix(string(plain.Status), `"`) || plain.Status == nil {
		err = json.Unmarshal(text, &a)
	} else { // a problem, whose status is a number
		err = json.Unmarshal(bytes.Replace(text, []byte(`"status":`), []byte(`"number":`), 1), &a)
		mustDeny(t, a)
	}
	if err != nil {
		t.Fatalf("%d %s: %v", a.status, text, err)
	}
	return a
}

// mustDeny demands of a problem what every problem has: it permits nothing.
func mustDeny(t testing.TB, a reply) {
	t.Helper()
	retry := a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests
	if a.Decision != "DENY" || a.Execute == nil || *a.Execute || retry != (a.header.Get("Retry-After") != "") || retry != (a.NextStep == "retry") {
		t.Errorf("%d %v %s: does not deny", a.status, a.header, a.body)
	}
}

const anOrder = `{"agentId":"finance-agent","userUPN":"ana@contoso.com","action":"CreatePO",` +
	`"resource":{"region":"EU","classification":"Internal"},"parameters":{"amount":70000,"currency":"EUR","vendor":"V-7"}}`

// ask has the flow ask for Ana's order of 70,000 and demands what is decided.
func (d *desk) ask(t testing.TB, code string, headers ...string) reply {
	t.Helper()
	return d.askFor(t, code, anOrder, headers...)
}

func (d *desk) askFor(t testing.TB, code, body string, headers ...string) reply {
	t.Helper()
	a := d.call(t, "flow", http.MethodPost, "/api/authorize", body, headers...)
	if a.status != 200 || a.ReasonCode != code {
		t.Fatalf("authorize %s = %d %s, want %s", body, a.status, a.body, code)
	}
	return a
}

// opened is a desk with a pending approval that the flow has asked for.
func opened(t testing.TB, edits ...string) (*desk, reply) {
	t.Helper()
	d := newDesk(t, edits...)
	return d, d.ask(t, "approval.required")
}

func (d *desk) vote(t testing.TB, as, choice string, asked reply) reply {
	t.Helper()
	return d.call(t, as, http.MethodPost, "/api/approval-callback", ballot(asked, choice, ""))
}

// ballot is a vote on what was asked; more are further members.
func ballot(asked reply, choice, more string) string {
	return fmt.Sprintf(`{"approvalId":%q,"vote":%q,"requestDigest":%q%s}`, asked.Approval.ID, choice, asked.RequestDigest, more)
}

func (d *desk) get(t testing.TB, as, id string) reply {
	t.Helper()
	return d.call(t, as, http.MethodGet, "/api/approvals/"+id, "")
}

// mustBe demands that the approval stands as said.
func (d *desk) mustBe(t testing.TB, status string, votes int, asked reply) {
	t.Helper()
	if a := d.get(t, "auditor", asked.Approval.ID); a.Status != status || len(a.Votes) != votes {
		t.Errorf("the approval is %s with %d votes, want %s with %d", a.Status, len(a.Votes), status, votes)
	}
}

// logged are the records of some kinds, in the order they were written.
func (d *desk) logged(t testing.TB, kinds ...string) []logLine {
	t.Helper()
	var all []logLine
	for _, name := range d.sink.Names() {
		for line := range bytes.Lines(d.sink.Bytes(name)) {
			var r logLine
			if strings.HasPrefix(name, "v1/") && json.Unmarshal(line, &r) == nil && slices.Contains(kinds, r.Kind) {
				all = append(all, r)
			}
		}
	}
	return all
}

type logLine struct {
	Kind, Door, DecisionID, ApprovalID, CallerApp, UserID, TenantID, Decision, ReasonCode, Outcome, Reason, Comment string
}

var receipts = regexp.MustCompile(`"receipt":\{[^}]*\}`)

// withoutReceipt is a body but for what a replay may change.
func (a reply) withoutReceipt() string { return receipts.ReplaceAllString(a.body, `"receipt":{}`) }

const hour = time.Hour
