package logicapp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/mail"
	trigger "github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/logicapp"
	"github.com/authorization-fabric/fabric/handler/internal/azure/logicapp"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

const (
	audience = "api://fabric-mail"
	nonce    = "NONCE-OF-THE-TESTS"
)

// holder is a credential that gives tokens for any scope, or fails.
type holder struct{ err error }

func (h holder) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "for " + strings.Join(o.Scopes, " "), ExpiresOn: time.Now().Add(time.Hour)}, h.err
}

func demandToken(r *http.Request) error {
	if r.Header.Get("Authorization") != "Bearer for "+audience+"/.default" {
		return errors.New("another token")
	}
	return nil
}

func options() logicapp.Options {
	return logicapp.Options{
		Environment: "dev", Composer: mail.Composer{PublicURL: "https://fabric.example"},
		Clock: func() time.Time { return storetest.Noon }, CallLimit: 10 * time.Second, Client: &http.Client{},
	}
}

func newNotifier(t *testing.T, s *trigger.Server) *logicapp.Notifier {
	t.Helper()
	n, err := logicapp.New(s.URL(), audience, holder{}, options())
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	return n
}

// hasty is a notifier that waits for no answer long.
func hasty(t *testing.T, s *trigger.Server) *logicapp.Notifier {
	t.Helper()
	o := options()
	o.CallLimit = time.Second
	n, err := logicapp.New(s.URL(), audience, holder{}, o)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	return n
}

func newTrigger(t *testing.T) *trigger.Server {
	t.Helper()
	return trigger.New(t, trigger.Options{Authorize: demandToken})
}

// keeping keeps the messages that a service sends.
type keeping struct{ messages []approval.Message }

func (k *keeping) Notify(_ context.Context, m approval.Message) error {
	k.messages = append(k.messages, m)
	return nil
}

// nobody names no approver at all.
type nobody struct{}

func (nobody) Lists(string, identity.Principal, time.Time) []approval.Key         { return nil }
func (nobody) Judge(approval.Voter, bool, *approval.Document, time.Time) []string { return nil }

func serviceOver(store approval.Store, n approval.Notifier) *approval.Service {
	return approval.New(store, approval.Keys{Current: storetest.Key}, &storetest.EventLog{}, nobody{}, approval.Options{Notifier: n})
}

// asked is the message that an order gives rise to.
func asked(t *testing.T, edit func(*approval.OpenRequest)) approval.Message {
	t.Helper()
	k := &keeping{}
	s := serviceOver(&storetest.MemoryApprovals{}, k)
	r := storetest.Order("a")
	r.Requirements[0].Notify = []string{"mailto:mia@contoso.com"}
	if edit != nil {
		edit(&r)
	}
	if _, _, err := s.Open(t.Context(), r, storetest.Noon); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sweep(t.Context(), func() time.Time { return storetest.Noon }); err != nil || len(k.messages) == 0 {
		t.Fatalf("Sweep = %v, %d messages", err, len(k.messages))
	}
	m := k.messages[0]
	m.Nonce = nonce
	return m
}

func relayed(r *approval.OpenRequest) { r.Requirements[0].Relay = true }

// The trigger is told all that the workflow needs, under an id that stays.
func TestMessage(t *testing.T) {
	s := newTrigger(t)
	n := newNotifier(t, s)
	m := asked(t, relayed)
	for range 2 {
		if err := n.Notify(t.Context(), m); err != nil {
			t.Fatalf("Notify = %v", err)
		}
	}
	sent := s.Messages()
	if len(sent) != 2 {
		t.Fatalf("%d messages, want 2", len(sent))
	}
	got := sent[0]
	for name, want := range map[string]string{
		"environment": "dev", "kind": "asked", "recipient": "mia@contoso.com", "approvalId": m.Approval.ID, "tenantId": storetest.Tenant,
		"requestDigest": m.Approval.Digest, "status": "pending", "nonce": nonce, "deadline": "2026-11-21T20:00:00Z",
		"link": "https://fabric.example/console/approvals/" + m.Approval.ID,
	} {
		if got.Text(name) != want {
			t.Errorf("%s = %q, want %q", name, got.Text(name), want)
		}
	}
	if got.Body["schema"] != 1.0 || got.Body["relay"] != true || len(got.Body["options"].([]any)) != 2 {
		t.Errorf("schema, relay, options = %v, %v, %v", got.Body["schema"], got.Body["relay"], got.Body["options"])
	}
	if !strings.HasPrefix(got.Text("subject"), "Approval needed: ") || !strings.Contains(got.Text("html"), "<html") || got.Text("text") == "" {
		t.Errorf("the mail is not there: %q", got.Text("subject"))
	}
	id := got.Text("messageId")
	if id == "" || sent[1].Text("messageId") != id || got.Header.Get("X-Ms-Client-Tracking-Id") != id || strings.Contains(id, nonce) {
		t.Errorf("messageId = %q, then %q, tracked as %q", id, sent[1].Text("messageId"), got.Header.Get("X-Ms-Client-Tracking-Id"))
	}
	for _, text := range []string{got.Text("html"), got.Text("text"), got.Text("subject"), got.Text("link")} {
		if strings.Contains(text, nonce) {
			t.Error("the nonce stands in what people read")
		}
	}
}

// A mail offers an answer only where a rule that names its reader takes one,
// and where the mail shows all there is to know. Elsewhere there is no nonce.
func TestT24WhoMayAnswerByMail(t *testing.T) {
	long := func(r *approval.OpenRequest) {
		relayed(r)
		r.Facts = append(r.Facts, approval.Fact{Label: "Script", Value: strings.Repeat("rm -rf /tmp/x; ", 10_000)})
	}
	for _, test := range []struct {
		name string
		open func(*approval.OpenRequest)
		edit func(*approval.Message)
		want bool
	}{
		{"a rule with relay", relayed, nil, true},
		{"a rule without", nil, nil, false},
		{"a call too long for a mail", long, nil, false},
		{"the outcome", relayed, func(m *approval.Message) { m.Kind = approval.NoticeOutcome }, false},
		{"somebody no rule with relay names", relayed, func(m *approval.Message) { m.Recipient = "eve@contoso.com" }, false},
		{"another spelling", relayed, func(m *approval.Message) { m.Recipient = "Mia@Contoso.com" }, true},
		{"what is decided", relayed, func(m *approval.Message) { m.Approval.Status = approval.Denied }, false},
		{"an earlier approval", relayed, func(m *approval.Message) { m.Document.Current.Generation++ }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newTrigger(t)
			m := asked(t, test.open)
			if test.edit != nil {
				test.edit(&m)
			}
			if err := newNotifier(t, s).Notify(t.Context(), m); err != nil {
				t.Fatalf("Notify = %v", err)
			}
			got := s.Messages()[0]
			if got.Body["relay"] != test.want || (got.Text("nonce") != "") != test.want || (len(got.Body["options"].([]any)) > 0) != test.want {
				t.Errorf("relay %v, options %v, nonce %q, want relay %t", got.Body["relay"], got.Body["options"], got.Text("nonce"), test.want)
			}
		})
	}
}

// Each answer: whether the message is tried again, and whether it is told as
// trouble. No error and no trouble holds the nonce or the address.
func TestT23Answers(t *testing.T) {
	for _, test := range []struct {
		name     string
		reply    trigger.Reply
		fails    bool
		rejected bool
		trouble  int // a status; 0 for none
	}{
		{"taken", trigger.Reply{}, false, false, 0},
		{"taken at once", trigger.Reply{Status: 200}, false, false, 0},
		{"malformed", trigger.Reply{Status: 400, Code: "TriggerInputSchemaMismatch"}, true, true, 400},
		{"too large", trigger.Reply{Status: 413}, true, true, 413},
		{"unauthorized", trigger.Reply{Status: 401, Code: "AuthorizationFailed"}, true, false, 401},
		{"forbidden", trigger.Reply{Status: 403}, true, false, 403},
		{"unknown", trigger.Reply{Status: 404, Code: "WorkflowNotFound"}, true, false, 404},
		{"gone", trigger.Reply{Status: 410}, true, false, 410},
		{"moved", trigger.Reply{Status: 302, Location: "http://127.0.0.1:1/"}, true, false, 302},
		{"late", trigger.Reply{Status: 408}, true, false, 0},
		{"throttled", trigger.Reply{Status: 429, RetryAfter: "30"}, true, false, 0},
		{"broken", trigger.Reply{Status: 500, Code: nonce}, true, false, 0},
		{"away", trigger.Reply{Status: 503}, true, false, 0},
		{"silent", trigger.Reply{Hang: true}, true, false, 0},
		{"taken and silent", trigger.Reply{Late: true}, true, false, 0},
		{"taken and cut", trigger.Reply{Lost: true}, true, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newTrigger(t)
			n := hasty(t, s)
			s.Script(test.reply)
			began := time.Now()
			err := n.Notify(t.Context(), asked(t, relayed))
			if (err != nil) != test.fails || errors.Is(err, approval.ErrRejected) != test.rejected {
				t.Errorf("Notify = %v", err)
			}
			status, since, detail := n.Trouble()
			if status != test.trouble || since.IsZero() != (test.trouble == 0) || (detail == "") != (test.trouble == 0) {
				t.Errorf("Trouble = %d, %v, %q, want %d", status, since, detail, test.trouble)
			}
			if s.Requests() != 1 || time.Since(began) > 5*time.Second {
				t.Errorf("%d requests in %v, want one", s.Requests(), time.Since(began))
			}
			if err != nil && (strings.Contains(err.Error(), "as the test wants") || strings.Contains(err.Error(), "/workflows/")) {
				t.Errorf("the error holds the body or the address: %v", err)
			}
			if err := n.Notify(t.Context(), asked(t, nil)); err != nil {
				t.Errorf("after it: %v", err)
			}
			if _, since, _ := n.Trouble(); !since.IsZero() {
				t.Error("the trouble stays although a message was taken")
			}
		})
	}
}

// What goes on passes through trouble: its beginning stays, its cause is the
// latest, and what passes by itself ends nothing.
func TestTroubleKeepsItsBeginning(t *testing.T) {
	s := newTrigger(t)
	now := storetest.Noon
	o := options()
	o.Clock = func() time.Time { return now }
	n, err := logicapp.New(s.URL(), audience, holder{}, o)
	if err != nil {
		t.Fatal(err)
	}
	s.Script(trigger.Reply{Status: 401}, trigger.Reply{Status: 503}, trigger.Reply{Status: 404, Code: "WorkflowNotFound"})
	for range 3 {
		if err := n.Notify(t.Context(), asked(t, nil)); err == nil {
			t.Fatal("Notify = nil")
		}
		now = now.Add(time.Minute)
	}
	if status, since, detail := n.Trouble(); status != 404 || !since.Equal(storetest.Noon) || detail != "status 404 (WorkflowNotFound)" {
		t.Errorf("Trouble = %d, %v, %q", status, since, detail)
	}
}

// Without a token nothing is sent, and the trouble says so.
func TestNoToken(t *testing.T) {
	s := newTrigger(t)
	n, err := logicapp.New(s.URL(), audience, holder{errors.New("identity not found")}, options())
	if err != nil {
		t.Fatal(err)
	}
	err = n.Notify(t.Context(), asked(t, nil))
	if status, since, detail := n.Trouble(); err == nil || errors.Is(err, approval.ErrRejected) || status != 0 || since.IsZero() || !strings.Contains(detail, "identity not found") {
		t.Errorf("Notify = %v, Trouble = %d, %v, %q", err, status, since, detail)
	}
	if s.Requests() != 0 {
		t.Error("a request went out without a token")
	}
	other, err := logicapp.New(s.URL(), "api://other", holder{}, options())
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Notify(t.Context(), asked(t, nil)); err == nil || len(s.Messages()) != 0 {
		t.Errorf("with a token for another audience: %v", err)
	}
}

// T23: an address that lets in whoever has it is no setting of ours.
func TestT23NewRefuses(t *testing.T) {
	for name, address := range map[string]string{
		"a signature":            "https://prod.logic.azure.com/x?api-version=2016-10-01&sp=%2Ftriggers&sv=1.0&sig=SECRET",
		"in capitals":            "https://prod.logic.azure.com/x?SIG=SECRET",
		"what a signature is of": "https://prod.logic.azure.com/x?sv=1.0",
		"http":                   "http://prod.logic.azure.com/x",
		"a user":                 "https://SECRET@prod.logic.azure.com/x",
		"no host":                "https:///x",
		"a fragment":             "https://prod.logic.azure.com/x#SECRET",
		"semicolons":             "https://prod.logic.azure.com/x?a=1;sig=SECRET",
		"nothing":                "",
	} {
		if _, err := logicapp.New(address, audience, holder{}, options()); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: New = %v", name, err)
		}
	}
	for _, audience := range []string{"", "a b"} {
		if _, err := logicapp.New("https://prod.logic.azure.com/x", audience, holder{}, options()); err == nil {
			t.Errorf("New with the audience %q = nil", audience)
		}
	}
	for _, address := range []string{"https://prod.logic.azure.com/x?api-version=2016-10-01", "http://127.0.0.1:8/x", "http://[::1]:8/x"} {
		if _, err := logicapp.New(address, audience, holder{}, options()); err != nil {
			t.Errorf("New(%s) = %v", address, err)
		}
	}
}

// What no mail may be sent for is refused for good and never sent.
func TestUnsendable(t *testing.T) {
	s := newTrigger(t)
	for name, edit := range map[string]func(*approval.Message){
		"a list of recipients": func(m *approval.Message) { m.Recipient = "mia@contoso.com, eve@evil.example" },
		"no recipient":         func(m *approval.Message) { m.Recipient = "" },
		"another kind":         func(m *approval.Message) { m.Kind = "gossip" },
		"no approval":          func(m *approval.Message) { m.Approval.ID = "x" },
	} {
		m := asked(t, nil)
		edit(&m)
		if err := newNotifier(t, s).Notify(t.Context(), m); !errors.Is(err, approval.ErrRejected) {
			t.Errorf("%s: Notify = %v, want it refused for good", name, err)
		}
	}
	if s.Requests() != 0 {
		t.Errorf("%d requests", s.Requests())
	}
}
