package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// ledger is a small decider: it allows up to 50,000 and remembers what it was
// asked. It is safe for concurrent use.
type ledger struct {
	mu    sync.Mutex
	calls []ledgerEntry

	fail   error                     // answers every call, if set
	before func(ctx context.Context) // runs in every call, if set
	panics bool
}

type ledgerEntry struct {
	principal identity.Principal
	request   authorize.Request
	call      authorize.Call
}

var _ Decider = (*ledger)(nil)

var decidedAt = time.Date(2026, 11, 21, 20, 52, 0, 123_456_789, time.FixedZone("", 3600))

func (l *ledger) Decide(ctx context.Context, p identity.Principal, r authorize.Request, c authorize.Call) (authorize.Answer, error) {
	l.mu.Lock()
	l.calls = append(l.calls, ledgerEntry{p, r, c})
	l.mu.Unlock()
	if l.before != nil {
		l.before(ctx)
	}
	if l.panics {
		panic("the ledger is on fire")
	}
	if l.fail != nil {
		return authorize.Answer{}, l.fail
	}
	a := authorize.Answer{
		Decision: policy.Deny, ReasonCode: policy.EntitlementNone, DecisionID: "01JD", CorrelationID: r.CorrelationID,
		Tenant: p.Tenant, EvaluatedAt: decidedAt, Trace: []policy.TraceLine{{Stage: "entitlement", Rule: "r", Result: "not matched", Detail: "d"}},
	}
	amount, ok := strictjson.ParseDecimal(r.Parameters.Get("amount").Text())
	if ok && amount.Compare(strictjson.DecimalOf(50000)) <= 0 {
		a.Decision, a.ReasonCode, a.EffectiveParameters = policy.Allow, policy.OK, r.Parameters
	}
	return a, nil
}

// anybody authenticates everybody as the local developer, but for a header
// that names another principal of the test.
type anybody map[string]identity.Principal

func (a anybody) Authenticate(_ context.Context, h http.Header) (identity.Principal, error) {
	name := h.Get("Authorization")
	if name == "" {
		return identity.Principal{Kind: identity.Developer}, nil
	}
	if p, ok := a[name]; ok {
		return p, nil
	}
	return identity.Principal{}, &identity.UnauthenticatedError{Reason: "the token is not one of the test's"}
}

var principals = anybody{
	"flow": {Kind: identity.Application, Tenant: "t", Application: "flow", AppRoles: []string{identity.RoleAuthorize}},
	"bare": {Kind: identity.Application, Tenant: "t", Application: "bare"},
	"audi": {Kind: identity.Person, Tenant: "t", Application: "console", ObjectID: "audi", AppRoles: []string{identity.RoleAuthorize, identity.RoleAuditor}},
}

type testServer struct {
	handler  http.Handler
	mu       sync.Mutex
	refusals []Refusal
}

func newTestServer(t testing.TB, d Decider, o EdgeOptions) *testServer {
	t.Helper()
	s := &testServer{}
	if o.NewID == nil {
		o.NewID = func() string { return "made" }
	}
	record := func(_ context.Context, _ identity.Principal, r Refusal) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refusals = append(s.refusals, r)
		return nil
	}
	edge := NewEdge(principals, record, o)
	s.handler = edge.Front(testRoutes(edge, d, AuthorizeOptions{TraceForAll: o.Loopback, Metrics: o.Metrics, Log: o.Log}))
	return s
}

func testRoutes(edge *Edge, d Decider, o AuthorizeOptions) http.Handler {
	mux := http.NewServeMux()
	demand := Access{Roles: []string{identity.RoleAuthorize}, Queued: true}
	mux.Handle("POST /api/authorize", edge.Route(demand, Authorize(d, o)))
	mux.Handle("GET /api/health/live", edge.Route(Access{Public: true}, Live()))
	mux.Handle("GET /api/health/metrics", edge.Route(Access{Public: true}, o.Metrics.Handler()))
	mux.Handle("GET /{$}", edge.Route(Access{Public: true}, Root()))
	mux.Handle("/", edge.NotFound())
	return mux
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

type problemError struct{ Pointer, Detail string }

type problemJSON struct {
	Decision, NextStep, UserMessage, Type, Title, Detail, CorrelationID, ApprovalStatus string
	Execute                                                                             *bool
	Status                                                                              int
	Errors                                                                              []problemError
}

func (s *testServer) post(t testing.TB, body string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/api/authorize", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return s.do(r)
}

func (s *testServer) get(t testing.TB, target string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return s.do(r)
}

func (s *testServer) do(r *http.Request) answer {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	result := w.Result()
	defer func() { _ = result.Body.Close() }()
	body, _ := io.ReadAll(result.Body)
	return answer{result.StatusCode, result.Header, body}
}

// problem checks what every problem has in common: it denies, strictly.
func (a answer) problem(t testing.TB) problemJSON {
	t.Helper()
	var p problemJSON
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatalf("problem %.300q: %v", a.body, err)
	}
	if p.Decision != "DENY" || p.Execute == nil || *p.Execute || p.Status != a.status || p.CorrelationID == "" ||
		p.UserMessage == "" || p.Title == "" || p.Detail == "" || p.Errors == nil {
		t.Errorf("problem %s lacks a member or does not deny", a.body)
	}
	return p
}
