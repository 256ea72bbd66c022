package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/console"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

const (
	unknownApproval = "apr_00000000000000000000000000-0000000001"
	unknownDecision = "01K0000000000000000000000A"
	elsewhere       = "22222222-2222-2222-2222-222222222222"
)

// Who sees which page.
func TestRoles(t *testing.T) {
	w := newWorld(t)
	id := w.orders(t, ana, "70000")
	decided := w.asks(t, ana, orderOf("40000", `"x"`)).DecisionID
	people := map[string]*browser{
		"nobody": w.browser(t), "approver": w.as(t, mia), "requester": w.as(t, ana), "stranger": w.as(t, "olga@contoso.com"), "auditor": w.auditor(t, dora),
	}
	const in, no, ok, forbidden = http.StatusSeeOther, http.StatusNotFound, http.StatusOK, http.StatusForbidden
	for path, want := range map[string]map[string]int{
		"/console/":                         {"nobody": ok, "approver": ok, "requester": ok, "stranger": ok, "auditor": ok},
		"/console/sign-in":                  {"nobody": ok, "approver": ok, "requester": ok, "stranger": ok, "auditor": ok},
		"/console/approvals":                {"nobody": in, "approver": ok, "requester": ok, "stranger": ok, "auditor": ok},
		"/console/approvals/" + id:          {"nobody": in, "approver": ok, "requester": no, "stranger": no, "auditor": ok},
		"/console/decisions":                {"nobody": in, "approver": forbidden, "requester": forbidden, "stranger": forbidden, "auditor": ok},
		"/console/decisions/" + decided:     {"nobody": in, "approver": no, "requester": no, "stranger": no, "auditor": ok},
		"/console/playground":               {"nobody": in, "approver": ok, "requester": ok, "stranger": ok, "auditor": ok},
		"/console/nothing":                  {"nobody": no, "approver": no, "requester": no, "stranger": no, "auditor": no},
		"/console/approvals/x/y":            {"nobody": no, "approver": no, "requester": no, "stranger": no, "auditor": no},
		"/console/decisions/not-a-decision": {"nobody": in, "approver": no, "requester": no, "stranger": no, "auditor": no},
	} {
		for who, b := range people {
			if a := b.get(path); a.status != want[who] {
				t.Errorf("%s opens %s = %d, want %d", who, path, a.status, want[who])
			}
		}
	}
}

// Outside local mode the playground is for auditors, page and form alike.
func TestPlaygroundOutsideLocalMode(t *testing.T) {
	w := newWorld(t)
	w.edit = func(_ *console.Parts, o *console.Options) { o.OpenHouse = false }
	if a := w.as(t, mia).get("/console/playground"); a.status != http.StatusForbidden {
		t.Errorf("an approver opens the playground = %d, want 403", a.status)
	}
	silent(t, "an approver's page", w.as(t, mia).get("/console/approvals"), "/console/playground")
	if a := w.auditor(t, mia).get("/console/playground"); a.status != http.StatusOK {
		t.Errorf("an auditor opens the playground = %d, want 200", a.status)
	}
}

// What is not theirs looks exactly like what does not exist.
func TestNotTheirsIsNotFound(t *testing.T) {
	for house, newWorld := range houses {
		t.Run(house, func(t *testing.T) {
			w := newWorld(t)
			id := w.orders(t, ana, "70000")
			decided := w.asks(t, ana, orderOf("40000", `"x"`)).DecisionID
			for _, c := range []struct{ name, theirs, unknown string }{
				{"an approval", "/console/approvals/" + id, "/console/approvals/" + unknownApproval},
				{"a decision", "/console/decisions/" + decided, "/console/decisions/" + unknownDecision},
			} {
				for who, b := range map[string]*browser{"stranger": w.as(t, "olga@contoso.com"), "requester": w.as(t, ana)} {
					theirs, unknown := b.get(c.theirs), b.get(c.unknown)
					if theirs.status != http.StatusNotFound || theirs.body != unknown.body || theirs.status != unknown.status {
						t.Errorf("%s opens %s = %d %s\nwant what an unknown one is: %d %s", who, c.name, theirs.status, theirs.body, unknown.status, unknown.body)
					}
				}
			}
			b := w.as(t, "olga@contoso.com")
			mine := w.as(t, mia)
			form := mine.form(mine.get("/console/approvals/"+id), "/console/approvals/"+id+"/vote")
			for _, verb := range []string{"/vote", "/pass", "/revoke"} {
				theirs := b.post("/console/approvals/"+id+verb, with(form, "vote", "approve"))
				unknown := b.post("/console/approvals/"+unknownApproval+verb, with(form, "vote", "approve"))
				if theirs.status != http.StatusForbidden || strings.ReplaceAll(theirs.body, id, unknownApproval) != unknown.body {
					t.Errorf("a stranger posts to %s = %d, want what an unknown one is: %d", verb, theirs.status, unknown.status)
				}
			}
		})
	}
}

// A decision is read by those who took part in it, in their own tenant.
func TestDecisionsByThoseWhoTookPart(t *testing.T) {
	w := newWorld(t)
	signedIn := identity.Principal{
		Kind: identity.Person, Tenant: tenant, Application: flow, ObjectID: w.oid(t, ana), UPN: ana, GroupsKnown: true, AppRoles: []string{identity.RoleAuthorize},
	}
	r, err := httpapi.DecodeRequest([]byte(orderOf("70000", `"x"`)))
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.authorize.Decide(t.Context(), signedIn, r, authorize.Call{Door: authorize.DoorAuthorize, Mode: authorize.Enforce})
	if err != nil {
		t.Fatal(err)
	}
	w.as(t, mia).votes(a.Approval.ID, "approve", "")
	path := "/console/decisions/" + a.DecisionID
	for _, c := range []struct {
		name string
		b    *browser
		want int
	}{
		{"the user who was signed in", w.as(t, ana), http.StatusOK},
		{"who voted", w.as(t, mia), http.StatusOK},
		{"an approver who did not vote", w.as(t, omar), http.StatusNotFound},
		{"an auditor", w.auditor(t, omar), http.StatusOK},
		{"an auditor of another tenant", w.abroad(t, omar, identity.RoleAuditor, identity.RoleApprover), http.StatusNotFound},
		{"the same person in another tenant", w.abroad(t, ana, identity.RoleApprover), http.StatusNotFound},
	} {
		if got := c.b.get(path); got.status != c.want {
			t.Errorf("%s opens the decision = %d, want %d", c.name, got.status, c.want)
		}
	}
	search := "/console/decisions?agent=finance-agent"
	for who, b := range map[string]*browser{"an auditor": w.auditor(t, dora), "another tenant's": w.abroad(t, dora, identity.RoleAuditor)} {
		if got := strings.Contains(b.get(search).body, a.DecisionID); got != (who == "an auditor") {
			t.Errorf("%s finds the decision: %t", who, got)
		}
	}
	if got := w.abroad(t, mia, identity.RoleApprover, identity.RoleAuditor).get("/console/approvals/" + a.Approval.ID); got.status != http.StatusNotFound {
		t.Errorf("another tenant opens the approval = %d, want 404", got.status)
	}
}

// A user whom an application only named has not taken part.
func TestAssertedUsersReadNoDecision(t *testing.T) {
	w := newWorld(t)
	id := w.oid(t, ana)
	for _, amount := range []string{"40000", "70000"} { // allowed; opens an approval
		a := w.asks(t, ana, strings.Replace(orderOf(amount, `"x"`), "{", `{"userId":"`+id+`",`, 1))
		if got := w.as(t, ana).get("/console/decisions/" + a.DecisionID); got.status != http.StatusNotFound {
			t.Errorf("an asserted user opens the decision on %s = %d, want 404", amount, got.status)
		}
	}
}

// oid is the object id under which somebody signs in.
func (w *world) oid(t *testing.T, upn string) string {
	t.Helper()
	return w.principal(t, w.as(t, upn)).ObjectID
}

func (w *world) principal(t *testing.T, b *browser) identity.Principal {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/console/", nil)
	r.AddCookie(&http.Cookie{Name: b.cookie.Name, Value: b.cookie.Value})
	s, err := console.NewCookies(w, w.tokens, w.people, false).Session(r)
	if err != nil {
		t.Fatal(err)
	}
	return s.Principal
}

// abroad is a browser with a session of another tenant.
func (w *world) abroad(t *testing.T, upn string, roles ...string) *browser {
	t.Helper()
	return w.holding(t, embedded.TokenFor{Tenant: elsewhere, Application: "console", UPN: upn, Roles: roles})
}

// holding is a browser whose cookie holds a token of the local issuer.
func (w *world) holding(t *testing.T, f embedded.TokenFor) *browser {
	t.Helper()
	token, err := w.issuer.Mint(f)
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser(t)
	b.cookie = &http.Cookie{Name: "fabric-session", Value: "nonce~" + token, Path: "/console"}
	return b
}

// A session is judged anew at every request, by the validator of all tokens.
func TestSessionsThatAreNone(t *testing.T) {
	w := newWorld(t)
	valid := w.as(t, mia).cookie
	flipped := []byte(valid.Value)
	flipped[len(flipped)-10] ^= 1
	foreign := embedded.NewIssuer(t.TempDir(), scope, w.clock)
	token, err := foreign.Mint(embedded.TokenFor{Tenant: tenant, Application: "console", UPN: mia, Roles: []string{identity.RoleApprover}})
	if err != nil {
		t.Fatal(err)
	}
	application := w.holding(t, embedded.TokenFor{Tenant: tenant, Application: flow, AppOnly: true, Roles: []string{identity.RoleAuditor}})
	for name, cookies := range map[string][]*http.Cookie{
		"none":                       {},
		"an empty one":               {{Name: valid.Name, Value: ""}},
		"no token":                   {{Name: valid.Name, Value: "nonce"}},
		"no nonce":                   {{Name: valid.Name, Value: strings.SplitN(valid.Value, "~", 2)[1]}},
		"a changed one":              {{Name: valid.Name, Value: string(flipped)}},
		"another issuer's":           {{Name: valid.Name, Value: "nonce~" + token}},
		"an application's":           {{Name: valid.Name, Value: application.cookie.Value}},
		"two, of which one is valid": {{Name: valid.Name, Value: valid.Value}, {Name: valid.Name, Value: valid.Value + "x"}},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/console/approvals", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		if a := w.browser(t).send(r); a.status != http.StatusSeeOther || a.location != "/console/sign-in" {
			t.Errorf("a session of %s = %d to %q, want the sign-in", name, a.status, a.location)
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	w := newWorld(t)
	b := w.as(t, mia)
	w.later(8*time.Hour - time.Second)
	if a := b.get("/console/approvals"); a.status != http.StatusOK {
		t.Errorf("a session after almost 8 hours = %d, want 200", a.status)
	}
	w.later(2 * time.Minute) // past the leeway
	if a := b.get("/console/approvals"); a.status != http.StatusSeeOther {
		t.Errorf("a session after 8 hours = %d, want the sign-in", a.status)
	}
}

// What the cookie may be used for, on http and on https.
func TestCookieOfASession(t *testing.T) {
	for _, secure := range []bool{false, true} {
		w := newWorld(t)
		w.edit = func(p *console.Parts, _ *console.Options) {
			sessions := console.NewCookies(w, w.tokens, w.people, secure)
			p.Sessions, p.SignIn = sessions, sessions
		}
		c := w.as(t, mia).cookie
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/console" || c.Domain != "" || c.Secure != secure || c.MaxAge != 8*3600 {
			t.Errorf("cookie = %s, want it HttpOnly, SameSite=Strict, of /console for 8 hours, Secure %t", c, secure)
		}
		if strings.HasPrefix(c.Name, "__Secure-") != secure {
			t.Errorf("cookie is named %q, secure %t", c.Name, secure)
		}
	}
}

// Local sign-in: the roles of a vote, an auditor's only where chosen, and
// nobody whom no policy names.
func TestSignInAs(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		b     *browser
		roles string
	}{
		{w.as(t, mia), "Fabric.Approver"},
		{w.auditor(t, mia), "Fabric.Approver Fabric.Auditor"},
	} {
		p := w.principal(t, c.b)
		if got := strings.Join(p.AppRoles, " "); got != c.roles || p.Kind != identity.Person || p.UPN != mia || p.Tenant != tenant {
			t.Errorf("signed in with %q as %+v, want %q", got, p, c.roles)
		}
	}
	for _, person := range []string{"", tenant + " user:eve@contoso.com", "user:" + mia, elsewhere + " user:" + mia, tenant + " user:" + mia + " "} {
		b := w.browser(t)
		if a := b.post("/console/sign-in", url.Values{"person": {person}}); a.status != http.StatusBadRequest || b.cookie != nil {
			t.Errorf("sign in as %q = %d with cookie %v, want neither", person, a.status, b.cookie)
		}
	}
}

// In Azure somebody else signs people in, and in the mode that asks for tokens
// nobody can be chosen.
func TestSignInElsewhere(t *testing.T) {
	w := newWorld(t)
	w.edit = func(p *console.Parts, _ *console.Options) { p.Sessions, p.SignIn = easyAuth{}, nil }
	b := w.browser(t)
	if a := b.get("/console/approvals"); a.location != "/.auth/login/aad?post_login_redirect_uri=/console/approvals" {
		t.Errorf("signed out = %d to %q, want the sign-in of the platform", a.status, a.location)
	}
	if a := b.get("/console/sign-in?next=/console/decisions"); a.location != "/.auth/login/aad?post_login_redirect_uri=/console/decisions" {
		t.Errorf("sign-in = %d to %q, want the sign-in of the platform", a.status, a.location)
	}
	if a := b.post("/console/sign-in", url.Values{"person": {tenant + " user:" + mia}}); a.status != http.StatusNotFound || b.cookie != nil {
		t.Errorf("sign in as somebody = %d, want 404", a.status)
	}
}

// easyAuth is a sign-in elsewhere, with nobody signed in.
type easyAuth struct{}

func (easyAuth) Session(*http.Request) (console.Session, error) {
	return console.Session{}, console.ErrSignedOut
}

func (easyAuth) SignInURL(next string) string {
	return "/.auth/login/aad?post_login_redirect_uri=" + next
}
func (easyAuth) SignOutURL() string { return "/.auth/logout" }

// Nothing that a link or form says leads off the console.
func TestNoOpenRedirect(t *testing.T) {
	w := newWorld(t)
	for _, next := range []string{
		"https://evil.example/", "//evil.example", `/\evil.example`, "/console//evil.example", "/console/../api/authorize", "/console/approvals/../../x",
		"/console/approvals?next=x", "/console/approvals/x#y", "/console/sign-out", "javascript:alert(1)", "/console/approvals/a/b", "/console/approvals/%2e%2e",
		"/console/approvals/x\r\nSet-Cookie: a=b", " /console/approvals", "/.auth/logout", "\\\\evil",
	} {
		page := w.browser(t).get("/console/sign-in?" + url.Values{"next": {next}}.Encode())
		if got := w.browser(t).form(page, "/console/sign-in").Get("next"); got != "/console/approvals" {
			t.Errorf("next=%q is offered as %q, want the approvals", next, got)
		}
		a := w.browser(t).post("/console/sign-in", url.Values{"person": {tenant + " user:" + mia}, "next": {next}})
		if a.status != http.StatusSeeOther || a.location != "/console/approvals" {
			t.Errorf("next=%q leads to %q, want the approvals", next, a.location)
		}
	}
	for _, next := range []string{"/console/approvals/" + unknownApproval, "/console/decisions/" + unknownDecision, "/console/decisions", "/console/playground"} {
		if a := w.browser(t).post("/console/sign-in", url.Values{"person": {tenant + " user:" + mia}, "next": {next}}); a.location != next {
			t.Errorf("next=%q leads to %q", next, a.location)
		}
	}
}
