package console_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/entra"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/console"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/packs"
)

const (
	tenant = storetest.Tenant
	flow   = storetest.Flow
	scope  = "access_as_user"

	ana, ben, mia, omar, dora = "ana@contoso.com", "ben@contoso.com", "mia@contoso.com", "omar@contoso.com", "dora@contoso.com"
)

var errDown = errors.New("secret-host.example:8081: connection refused")

// world is a console over the real use cases, on memory, with the sample packs.
type world struct {
	set       *policy.Set
	store     *faulty
	sink      *storetest.MemorySink
	approvals *approval.Service
	authorize *authorize.Service
	issuer    *embedded.Issuer
	tokens    *identity.Validator
	edit      func(*console.Parts, *console.Options) // before the console is made
	console   *console.Console                       // made by the first request
	azure     *entra.Issuer                          // nil: people sign in at the console

	mu  sync.Mutex
	now time.Time // guarded by mu
}

// faulty is a store that can be down.
type faulty struct {
	storetest.MemoryApprovals
	down, deaf bool // deaf: reads are answered, writes are not
}

func (f *faulty) Get(ctx context.Context, tenant, slot string) (approval.Record, error) {
	if f.down {
		return approval.Record{}, errDown
	}
	return f.MemoryApprovals.Get(ctx, tenant, slot)
}

func (f *faulty) List(ctx context.Context, q approval.Query) (approval.Page, error) {
	if f.down {
		return approval.Page{}, errDown
	}
	return f.MemoryApprovals.List(ctx, q)
}

func (f *faulty) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	if f.down || f.deaf {
		return "", errDown
	}
	return f.MemoryApprovals.Put(ctx, r, was)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	docs, err := embedded.ReadDocuments(packs.FS)
	if err != nil {
		t.Fatal(err)
	}
	set, findings := policy.Load(docs, policy.LoadOptions{Environment: "dev"})
	if set == nil {
		t.Fatalf("Load = %v", findings)
	}
	w := &world{set: set, store: &faulty{}, sink: &storetest.MemorySink{}, now: storetest.Noon}
	log, err := audit.Open(t.Context(), w.sink, audit.Options{
		Environment: "dev", Instance: "test", Writer: "v0", KeyID: storetest.Key.ID(), Clock: w.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close(context.Background()) })
	w.approvals = approval.New(w.store, approval.Keys{Current: storetest.Key}, authorize.NewApprovalLog(log),
		authorize.NewApprovers(w, storetest.Key), approval.Options{OpenPerUser: 1000})
	w.authorize = authorize.New(w, log, w.approvals, storetest.Key, authorize.Options{PublicURL: "https://fabric.example", Clock: w.clock})
	w.issuer = embedded.NewIssuer(issuerDir, scope, w.clock)
	if w.tokens, err = identity.NewValidator(w.issuer.Config()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Active implements [authorize.Policies].
func (w *world) Active(time.Time) catalog.Active {
	return catalog.Active{Set: w.set, Environment: "dev", Epoch: 1}
}

// Issue implements [console.Issuer].
func (w *world) Issue(p console.Person, roles []string, lifetime time.Duration) (string, error) {
	return w.issuer.Mint(embedded.TokenFor{
		Tenant: p.Tenant, Application: "0fabc000-0000-4000-8000-000000000001", UPN: p.User.UPN, ObjectID: p.User.ID, Roles: roles, Lifetime: lifetime,
	})
}

func (w *world) people(now time.Time) []console.Person {
	var people []console.Person
	for _, u := range w.set.Persons(tenant, now) {
		people = append(people, console.Person{Tenant: tenant, User: u})
	}
	return people
}

// Find implements [console.Decisions].
func (w *world) Find(ctx context.Context, s audit.Search) (audit.Result, error) {
	if w.store.down {
		return audit.Result{}, errDown
	}
	return audit.Find(ctx, w.sink, s)
}

// Why implements [console.Decisions].
func (w *world) Why(ctx context.Context, q audit.Query) (audit.Story, error) {
	if w.store.down {
		return audit.Story{}, errDown
	}
	return audit.Why(ctx, w.sink, q)
}

// Preview implements [console.Playground].
func (w *world) Preview(ctx context.Context, _ identity.Principal, body []byte) (authorize.Answer, error) {
	if w.store.down {
		return authorize.Answer{}, errDown
	}
	r, err := httpapi.DecodeRequest(body)
	var wrong *httpapi.Problem
	if errors.As(err, &wrong) {
		mistakes := &console.MistakeError{}
		for _, e := range wrong.Errors {
			mistakes.Mistakes = append(mistakes.Mistakes, console.Mistake{Pointer: e.Pointer, Detail: e.Detail})
		}
		return authorize.Answer{}, mistakes
	}
	return w.authorize.Decide(ctx, identity.Principal{Kind: identity.Developer}, r,
		authorize.Call{Door: authorize.DoorAuthorize, Mode: authorize.Preview, Trace: true})
}

// pages is the console, as it is wired in local mode.
func (w *world) pages() *console.Console {
	if w.console == nil {
		sessions := console.NewCookies(w, w.tokens, w.people, false)
		parts := console.Parts{Approvals: w.approvals, Decisions: w, Playground: w, Sessions: sessions, SignIn: sessions}
		options := console.Options{Environment: "dev", Secret: []byte(strings.Repeat("s", 32)), OpenHouse: true, Now: w.clock}
		if w.edit != nil {
			w.edit(&parts, &options)
		}
		w.console = console.New(parts, options)
	}
	return w.console
}

// asks has the application ask for an order on behalf of a user, and returns
// the answer.
func (w *world) asks(t *testing.T, user, body string) authorize.Answer {
	t.Helper()
	r, err := httpapi.DecodeRequest([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		r.UserUPN = user
	}
	a, err := w.authorize.Decide(t.Context(), identity.Principal{Kind: identity.Application, Tenant: tenant, Application: flow}, r,
		authorize.Call{Door: authorize.DoorAuthorize, Mode: authorize.Enforce})
	if err != nil {
		t.Fatalf("Decide = %v", err)
	}
	return a
}

// orders opens the approval of an order of that amount, and returns its id.
func (w *world) orders(t *testing.T, user, amount string) string {
	t.Helper()
	a := w.asks(t, user, orderOf(amount, `"Please approve soon."`))
	if a.Approval.ID == "" {
		t.Fatalf("Decide = %s %s: %s, want an approval", a.Decision, a.ReasonCode, a.Reason)
	}
	return a.Approval.ID
}

func orderOf(amount, reason string) string {
	return `{"correlationId":"po-` + amount + `","agentId":"finance-agent","action":"CreatePO",
		"resource":{"id":"PO-1001","region":"EU","classification":"Internal"},
		"parameters":{"amount":` + amount + `,"currency":"EUR","vendor":"V-7"},"context":{"riskScore":40,"reason":` + reason + `}}`
}

// browser is one person's, with a cookie jar of its own.
type browser struct {
	w      *world
	t      *testing.T
	cookie *http.Cookie // nil: none
	token  string       // of the token store in front; "" for none
}

// answer is what a browser got.
type answer struct {
	status   int
	header   http.Header
	body     string
	location string
}

func (w *world) browser(t *testing.T) *browser { t.Helper(); return &browser{w: w, t: t} }

// as is a browser in which somebody has signed in.
func (w *world) as(t *testing.T, upn string) *browser { t.Helper(); return w.signedIn(t, upn, "") }

// auditor is a browser in which somebody has signed in as an auditor too.
func (w *world) auditor(t *testing.T, upn string) *browser {
	t.Helper()
	return w.signedIn(t, upn, "yes")
}

func (w *world) signedIn(t *testing.T, upn, auditor string) *browser {
	t.Helper()
	b := w.browser(t)
	if w.azure != nil {
		b.token = w.idToken(upn, auditor)
		return b
	}
	a := b.post("/console/sign-in", url.Values{"person": {tenant + " user:" + upn}, "auditor": {auditor}})
	if a.status != http.StatusSeeOther || b.cookie == nil {
		t.Fatalf("sign in as %s = %d %s, want a session", upn, a.status, a.body)
	}
	return b
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.send(httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, path, nil))
}

func (b *browser) post(path string, values url.Values) answer {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(r)
}

// send does what a browser and the route in front of the console do.
func (b *browser) send(r *http.Request) answer {
	b.t.Helper()
	if b.cookie != nil && strings.HasPrefix(r.URL.Path, b.cookie.Path) {
		r.AddCookie(&http.Cookie{Name: b.cookie.Name, Value: b.cookie.Value})
	}
	if b.token != "" {
		r.Header.Set(entra.IDTokenHeader, b.token)
		r.Header.Set(entra.PrincipalHeader, entra.PrincipalOf(b.token))
	}
	recorder := httptest.NewRecorder()
	if err := b.w.pages().Handle(recorder, r, identity.Principal{}); err != nil {
		b.t.Fatalf("Handle(%s) = %v, want it answered", r.URL, err)
	}
	response := recorder.Result()
	defer response.Body.Close() //nolint:errcheck // it is in memory
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range response.Cookies() {
		if b.cookie = c; c.MaxAge < 0 {
			b.cookie = nil
		}
	}
	return answer{response.StatusCode, response.Header, string(body), response.Header.Get("Location")}
}

// form is what a page offers to send to an address.
func (b *browser) form(page answer, action string) url.Values {
	b.t.Helper()
	for _, f := range formsOf(b.t, page.body) {
		if f.action == action {
			return f.hidden
		}
	}
	b.t.Fatalf("the page has no form to %s:\n%s", action, page.body)
	return nil
}

// with is a form with more in it.
func with(form url.Values, pairs ...string) url.Values {
	out := url.Values{}
	for name, values := range form {
		out[name] = slices.Clone(values)
	}
	for i := 0; i < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}

// votes opens an approval and presses a button.
func (b *browser) votes(id, choice, comment string) {
	b.t.Helper()
	path := "/console/approvals/" + id
	form := b.form(b.get(path), path+"/vote")
	if a := b.post(path+"/vote", with(form, "vote", choice, "comment", comment)); a.status != http.StatusSeeOther {
		b.t.Fatalf("%s = %d %s", choice, a.status, a.body)
	}
}

// status is what the approval is now.
func (w *world) status(t *testing.T, id string) string {
	t.Helper()
	r := approval.Reader{Principal: identity.Principal{Kind: identity.Person, Tenant: tenant, ObjectID: "aud", AppRoles: []string{identity.RoleAuditor}}, Tenant: tenant}
	a, err := w.approvals.Get(t.Context(), r, id, w.clock())
	if err != nil {
		t.Fatal(err)
	}
	return a.Status.String()
}

// stored is everything in the store, to see whether anything changed.
func (w *world) stored(t *testing.T) string {
	t.Helper()
	page, err := w.store.MemoryApprovals.List(t.Context(), approval.Query{Tenant: tenant, Keys: []approval.Key{approval.Everything}, At: w.clock(), Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, r := range page.Records {
		all.WriteString(string(r.Revision) + string(r.Body) + "\n")
	}
	return all.String()
}
