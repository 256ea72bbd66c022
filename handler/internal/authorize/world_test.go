package authorize_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	tenant    = storetest.Tenant
	elsewhere = "22222222-2222-2222-2222-222222222222"
	flow      = storetest.Flow
	otherFlow = "bbbbbbbb-0000-4000-8000-000000000002"
	stranger  = "cccccccc-0000-4000-8000-000000000003"
	anaID     = "0a0a0a0a-0000-4000-8000-00000000000a"
	miaID     = "0d0d0d0d-0000-4000-8000-00000000000d"
	analysts  = "0e0e0e0e-0000-4000-8000-00000000000e" // a group
)

var (
	noon   = storetest.Noon
	key    = storetest.Key
	oldKey = policy.NewKey("k1", []byte(strings.Repeat("1", 32)))
)

// tester is a test, or one try of a property.
type tester interface {
	rapid.TB
	Cleanup(f func())
	Context() context.Context
}

// world is a service and what is behind it: real ones over memory. What a test
// wants otherwise it changes before the first call.
type world struct {
	policies  *policies
	sink      *storetest.MemorySink
	log       authorize.Log
	store     approval.Store
	keys      approval.Keys
	limits    approval.Options
	clock     func() time.Time
	approvals func(authorize.Approvals) authorize.Approvals // wraps them; nil: as they are
	public    string
	grants    authorize.Grants // nil: none
	entropy   io.Reader

	capped  *atomic.Int64      // calls of Options.Capped
	service *authorize.Service // made by the first call
	votes   *approval.Service  // behind it
}

func newWorld(t tester) *world {
	t.Helper()
	set, problems := bothPacks()
	if set == nil {
		t.Fatalf("Load = %s", problems)
	}
	w := &world{
		policies: &policies{active: catalog.Active{Set: set, Environment: "dev", Epoch: 7, Age: 4 * time.Second}},
		sink:     &storetest.MemorySink{}, store: &storetest.MemoryApprovals{},
		keys: approval.Keys{Current: key}, clock: func() time.Time { return noon }, public: "https://fabric.example", capped: new(atomic.Int64), entropy: rand.Reader,
	}
	w.log = openLog(t, w.sink)
	return w
}

func openLog(t tester, sink audit.Sink) *audit.Log {
	t.Helper()
	log, err := audit.Open(context.Background(), sink, audit.Options{
		Environment: "dev", Instance: "test", Writer: "v0", KeyID: key.ID(), Clock: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() { _ = log.Close(context.Background()) })
	return log
}

// serve makes the service as the wiring does.
func (w *world) serve() *authorize.Service {
	if w.service == nil {
		w.votes = approval.New(w.store, w.keys, authorize.NewApprovalLog(w.log), authorize.NewApprovers(w.policies, w.keys.Current), w.limits)
		var use authorize.Approvals = w.votes
		if w.approvals != nil {
			use = w.approvals(use)
		}
		w.service = authorize.New(w.policies, w.log, use, w.keys.Current, authorize.Options{
			PublicURL: w.public, Capped: func(string, string) { w.capped.Add(1) }, PreviousKey: w.keys.Previous, Grants: w.grants, Clock: w.clock, Entropy: w.entropy,
		})
	}
	return w.service
}

// restart is the end of the process: another one begins over the same stores.
func (w *world) restart() { w.service, w.votes = nil, nil }

var (
	enforce = authorize.Call{Door: authorize.DoorAuthorize, Mode: authorize.Enforce, Trace: true}
	preview = authorize.Call{Door: authorize.DoorMCP, Mode: authorize.Preview, Trace: true}
)

// decide is one enforced call that must be answered, and whose answer and
// record must say the same.
func (w *world) decide(t tester, p identity.Principal, r authorize.Request) authorize.Answer {
	t.Helper()
	return w.decideAs(t, p, r, enforce)
}

func (w *world) decideAs(t tester, p identity.Principal, r authorize.Request, c authorize.Call) authorize.Answer {
	t.Helper()
	a, err := w.serve().Decide(context.Background(), p, r, c)
	if err != nil {
		t.Fatalf("Decide = %v, want an answer", err)
	}
	w.agree(t, a)
	return a
}

// unavailable is one enforced call that must not be answered.
func (w *world) unavailable(t tester, p identity.Principal, r authorize.Request, component string) authorize.UnavailableError {
	t.Helper()
	return w.unavailableAs(t, p, r, enforce, component)
}

func (w *world) unavailableAs(t tester, p identity.Principal, r authorize.Request, c authorize.Call, component string) authorize.UnavailableError {
	t.Helper()
	a, err := w.serve().Decide(context.Background(), p, r, c)
	return wantUnavailable(t, a, err, component)
}

func wantUnavailable(t tester, a authorize.Answer, err error, component string) authorize.UnavailableError {
	t.Helper()
	var unavailable *authorize.UnavailableError
	if !errors.As(err, &unavailable) {
		t.Fatalf("Decide = %s %s, %v, want an UnavailableError", a.Decision, a.ReasonCode, err)
	}
	if unavailable.Component != component {
		t.Errorf("Decide = %v, want %s to be what is missing", err, component)
	}
	if a.DecisionID != "" || a.Decision.Execute() || a.ReasonCode != "" || a.EffectiveParameters.Kind() != strictjson.Absent {
		t.Errorf("Decide = %+v besides an error, want nothing", a)
	}
	return *unavailable
}

func wantCode(t tester, what string, a authorize.Answer, outcome policy.Outcome, code policy.Code) {
	t.Helper()
	if a.Decision != outcome || a.ReasonCode != code {
		t.Errorf("%s = %s %s (%s), want %s %s", what, a.Decision, a.ReasonCode, a.Reason, outcome, code)
	}
}

// policies is a catalog that holds what the test puts in.
type policies struct {
	mu     sync.Mutex
	active catalog.Active
	next   func(asked int) catalog.Active // nil: active
	asked  []time.Time
}

// Active implements [authorize.Policies].
func (p *policies) Active(now time.Time) catalog.Active {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, now)
	if p.next != nil {
		return p.next(len(p.asked))
	}
	return p.active
}

func (p *policies) use(set *policy.Set) { p.active.Set = set }

// Principals.

func ana() identity.Principal {
	return identity.Principal{Kind: identity.Person, Tenant: tenant, Application: flow, ObjectID: anaID, UPN: "ana@contoso.com", GroupsKnown: true}
}

func app(id string) identity.Principal {
	return identity.Principal{Kind: identity.Application, Tenant: tenant, Application: id}
}

func developer() identity.Principal { return identity.Principal{Kind: identity.Developer} }

// Requests.

func object(text string) strictjson.Value {
	v, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		panic(err)
	}
	return v
}

func order(amount string) authorize.Request {
	return authorize.Request{
		CorrelationID: "po-1", AgentID: "finance-agent", Action: "CreatePO",
		Resource:   policy.Resource{ID: "PO-1", Region: "EU"},
		Parameters: object(`{"amount":` + amount + `,"currency":"EUR"}`), Context: object(`{"riskScore":10}`),
	}
}

func view(label string) authorize.Request {
	return authorize.Request{
		AgentID: "finance-agent", Action: "ViewVendor", Resource: policy.Resource{ID: "V-1", Region: "EU", Classification: label},
		Parameters: object(`{"iban":"DE00111122223333"}`),
	}
}

func refund(amount string) authorize.Request {
	return authorize.Request{
		AgentID: "finance-agent", Action: "Refund", Resource: policy.Resource{ID: "PO-1", Region: "EU"},
		Parameters: object(`{"amount":` + amount + `}`),
	}
}

func run(command string) authorize.Request {
	return authorize.Request{
		AgentID: "ops-agent", Action: "bash", Resource: policy.Resource{ID: "web-1"},
		Parameters: strictjson.ObjectOf(strictjson.Member{Name: "command", Value: strictjson.StringOf(command)}),
	}
}

// resume is a later turn of a call: an approval's id and nothing else.
func resume(id string) authorize.Request {
	return authorize.Request{CorrelationID: "later", AgentID: "finance-agent", ApprovalID: id}
}

// with is r after an edit.
func with(r authorize.Request, edit func(*authorize.Request)) authorize.Request {
	edit(&r)
	return r
}

func named(r authorize.Request, id string) authorize.Request {
	r.ApprovalID = id
	return r
}

// by is r for a user whom an application names.
func by(r authorize.Request, upn string) authorize.Request {
	r.UserUPN = upn
	return r
}
