package console_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/entra"
	"github.com/authorization-fabric/fabric/handler/internal/azure/easyauth"
	"github.com/authorization-fabric/fabric/handler/internal/console"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// houses are the worlds in which people sign in at the console, and behind Easy
// Auth.
var houses = map[string]func(*testing.T) *world{"local": newWorld, "azure": newAzureWorld}

// newAzureWorld is a world in which Easy Auth stands in front.
func newAzureWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.azure = entra.Start(t, entra.Options{Now: w.clock})
	settings := easyauth.Settings{
		ClientID: entra.ClientID, Tenants: []string{tenant}, Scope: entra.Scope, Authority: w.azure.URL, Now: w.clock,
	}
	keys, err := easyauth.NewKeys(settings, easyauth.KeysOptions{Transport: w.azure.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := easyauth.NewSessions(keys, settings)
	if err != nil {
		t.Fatal(err)
	}
	w.edit = func(p *console.Parts, o *console.Options) {
		p.Sessions, p.SignIn, o.PublicURL = sessions, nil, "https://fabric.example"
	}
	return w
}

// idToken is a new sign-in of a person for eight hours.
func (w *world) idToken(upn, auditor string) string {
	roles := []string{identity.RoleApprover}
	if auditor == "yes" {
		roles = append(roles, identity.RoleAuditor)
	}
	sum := sha256.Sum256([]byte(upn))
	return w.azure.Token(w.azure.SignedIn(entra.Claims{
		"tid": tenant, "iss": w.azure.URL + "/" + tenant + "/v2.0", "upn": upn, "roles": roles, "nonce": rand.Text(),
		"oid": fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]),
		"exp": w.clock().Add(8 * time.Hour).Unix(),
	}))
}

// Behind Easy Auth people see what they see elsewhere, and vote.
func TestAzureSession(t *testing.T) {
	w := newAzureWorld(t)
	id := w.orders(t, ana, "70000")
	path := "/console/approvals/" + id
	for who, c := range map[string]struct {
		b    *browser
		want int
	}{
		"an approver": {w.as(t, mia), http.StatusOK}, "the requester": {w.as(t, ana), http.StatusNotFound}, "an auditor": {w.auditor(t, dora), http.StatusOK},
		"nobody": {w.browser(t), http.StatusSeeOther},
	} {
		if a := c.b.get(path); a.status != c.want {
			t.Errorf("%s opens the approval = %d, want %d", who, a.status, c.want)
		}
	}
	page := w.as(t, mia).get(path)
	if !strings.Contains(page.body, `href="/.auth/logout?post_logout_redirect_uri=%2Fconsole%2F"`) || strings.Contains(page.body, `action="/console/sign-out"`) {
		t.Errorf("the page does not lead to the platform's sign-out:\n%s", page.body)
	}
	w.as(t, mia).votes(id, "approve", "")
	if got := w.status(t, id); got != "approved" {
		t.Errorf("the approval is %s, want approved", got)
	}
}

// An ended session leads back to sign-in with the page remembered; a form is
// told on a page of its own, and changes nothing.
func TestAzureSessionsEnd(t *testing.T) {
	w := newAzureWorld(t)
	id := w.orders(t, ana, "70000")
	path := "/console/approvals/" + id
	signIn := "/.auth/login/aad?post_login_redirect_uri=" + url.QueryEscape(path)
	b := w.as(t, mia)
	form := with(b.form(b.get(path), path+"/vote"), "vote", "approve")
	w.later(8*time.Hour + 2*time.Minute)
	if a := b.get(path); a.status != http.StatusSeeOther || a.location != signIn {
		t.Errorf("a page after the end = %d to %q, want %q", a.status, a.location, signIn)
	}
	before := w.stored(t)
	a := b.post(path+"/vote", form)
	if a.status != http.StatusForbidden || a.location != "" || !strings.Contains(a.body, `href="`+signIn+`"`) || w.stored(t) != before {
		t.Errorf("a form after the end = %d to %q, want a page that leads to sign-in:\n%s", a.status, a.location, a.body)
	}
	if a := w.browser(t).get("/console/sign-in?next=" + path); a.location != signIn {
		t.Errorf("sign-in leads to %q, want %q", a.location, signIn)
	}
}

// T01: a forged pair signs nobody in on any page, and who is signed in and not
// taken is told so, not sent round in circles. The landing is for all.
func TestT01ForgedSessions(t *testing.T) {
	w := newAzureWorld(t)
	id := w.orders(t, ana, "70000")
	good := w.idToken(mia, "yes")
	for name, token := range map[string]string{
		"no signature":    good[:strings.LastIndexByte(good, '.')+1],
		"a changed one":   good[:len(good)-8] + "AAAAAAAA",
		"an access token": w.azure.Token(w.azure.Person("2.0", entra.Claims{"upn": mia, "roles": []string{identity.RoleAuditor}})),
		"another tenant's": w.azure.Token(w.azure.SignedIn(entra.Claims{
			"tid": elsewhere, "iss": w.azure.URL + "/" + elsewhere + "/v2.0", "upn": mia, "roles": []string{identity.RoleAuditor},
		})),
	} {
		b := w.browser(t)
		b.token = token
		for _, path := range []string{"/console/approvals", "/console/approvals/" + id, "/console/decisions", "/console/playground"} {
			if a := b.get(path); a.status != http.StatusForbidden || a.location != "" || !strings.Contains(a.body, `href="/.auth/logout`) || strings.Contains(a.body, id) {
				t.Errorf("T01: %s opens %s = %d to %q, want a page that says so", name, path, a.status, a.location)
			}
		}
		if a := b.get("/console/"); a.status != http.StatusOK || strings.Contains(a.body, mia) {
			t.Errorf("T01: %s opens the landing = %d, want it as for nobody", name, a.status)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/console/approvals", nil)
	r.Header.Set(entra.IDTokenHeader, good)
	r.Header.Set(entra.PrincipalHeader, entra.PrincipalOf(w.idToken(omar, "")))
	if a := w.browser(t).send(r); a.status != http.StatusForbidden {
		t.Errorf("T01: a token beside another's principal = %d, want 403", a.status)
	}
}

// Where nobody can be checked the page is not available.
func TestAzureSessionsWithoutKeys(t *testing.T) {
	w := newAzureWorld(t)
	w.azure.Break(entra.Discovery, entra.ServerError)
	if a := w.as(t, mia).get("/console/approvals"); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.location != "" {
		t.Errorf("without keys = %d to %q, want 503", a.status, a.location)
	}
}
