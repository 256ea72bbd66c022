package easyauth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/entra"
	"github.com/authorization-fabric/fabric/handler/internal/console"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

func visit(t *testing.T, path string, header http.Header) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header = header
	return r
}

// signedIn is what Easy Auth sends for somebody with that ID token.
func signedIn(token string) http.Header {
	return http.Header{entra.IDTokenHeader: {token}, entra.PrincipalHeader: {entra.PrincipalOf(token)}}
}

func TestSession(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	h := newHouse(t, i)
	token := i.Token(i.SignedIn(nil))
	s, err := h.sessions.Session(visit(t, "/console/approvals", signedIn(token)))
	want := identity.Principal{
		Kind: identity.Person, Tenant: entra.Tenant, Application: entra.ClientID, ObjectID: entra.Ana, UPN: "ana@contoso.com",
		AppRoles: []string{identity.RoleApprover}, GroupsKnown: true,
	}
	if err != nil || !cmp.Equal(s.Principal, want) || s.ID == "" {
		t.Fatalf("Session() = %+v, %v, want %+v", s, err, want)
	}
	again, err := h.sessions.Session(visit(t, "/console/decisions", signedIn(token)))
	if err != nil || again.ID != s.ID {
		t.Errorf("the same sign-in has the ids %q and %q, %v", s.ID, again.ID, err)
	}
	later, err := h.sessions.Session(visit(t, "/console/", signedIn(i.Token(i.SignedIn(entra.Claims{"nonce": "another"})))))
	if err != nil || later.ID == s.ID {
		t.Errorf("two sign-ins have the id %q, %v", later.ID, err)
	}
}

// Nobody comes in with a header pair that Easy Auth would not send, and who is
// signed in and refused is not sent round in circles.
func TestSessionsThatAreNone(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	i.Add(entra.Key{ID: "theirs", Tenants: []string{entra.OtherTenant}})
	h := newHouse(t, i)
	good := i.Token(i.SignedIn(nil))
	edited := func(c entra.Claims) http.Header { return signedIn(i.Token(i.SignedIn(c))) }
	with := func(token string, principal ...string) http.Header {
		return http.Header{entra.IDTokenHeader: {token}, entra.PrincipalHeader: principal}
	}
	flipped := good[:len(good)-8] + "AAAAAAAA"
	signedOut, away := "signed out", "turned away"
	for name, c := range map[string]struct {
		path   string
		header http.Header
		want   string
	}{
		"no headers":                        {"/console/approvals", http.Header{}, signedOut},
		"the principal alone":               {"/console/approvals", http.Header{entra.PrincipalHeader: {entra.PrincipalOf(good)}}, signedOut},
		"name and id alone":                 {"/console/approvals", http.Header{"X-Ms-Client-Principal-Id": {entra.Ana}, "X-Ms-Client-Principal-Name": {"ana@contoso.com"}}, signedOut},
		"the token as a bearer":             {"/console/approvals", bearer(good), signedOut},
		"another path":                      {"/api/whoami", signedIn(good), signedOut},
		"a path that only begins alike":     {"/consoles", signedIn(good), signedOut},
		"expired":                           {"/console/approvals", edited(entra.Claims{"exp": time.Now().Add(-2 * time.Minute).Unix()}), signedOut},
		"the token alone":                   {"/console/approvals", http.Header{entra.IDTokenHeader: {good}}, away},
		"two tokens":                        {"/console/approvals", http.Header{entra.IDTokenHeader: {good, good}, entra.PrincipalHeader: {entra.PrincipalOf(good)}}, away},
		"two tokens joined":                 {"/console/approvals", with(good+", "+good, entra.PrincipalOf(good)), away},
		"two principals":                    {"/console/approvals", with(good, entra.PrincipalOf(good), entra.PrincipalOf(good)), away},
		"a principal without claims":        {"/console/approvals", with(good, entra.Principal(entra.Claims{}, true)), away},
		"a principal without tid":           {"/console/approvals", with(good, entra.Principal(entra.Claims{"oid": entra.Ana}, true)), away},
		"a principal without oid":           {"/console/approvals", with(good, entra.Principal(entra.Claims{"tid": entra.Tenant}, true)), away},
		"another person's principal":        {"/console/approvals", with(good, entra.Principal(entra.Claims{"oid": "x", "tid": entra.Tenant}, true)), away},
		"another tenant's principal":        {"/console/approvals", with(good, entra.Principal(entra.Claims{"oid": entra.Ana, "tid": entra.OtherTenant}, true)), away},
		"a malformed principal":             {"/console/approvals", with(good, "%%%"), away},
		"a forged pair":                     {"/console/approvals", with(flipped, entra.PrincipalOf(good)), away},
		"a pair without a signature":        {"/console/approvals", signedIn(good[:strings.LastIndexByte(good, '.')+1]), away},
		"a person's access token":           {"/console/approvals", signedIn(i.Token(i.Person("2.0", nil))), away},
		"an access token of version 1":      {"/console/approvals", signedIn(i.Token(i.Person("1.0", nil))), away},
		"an application's token":            {"/console/approvals", signedIn(i.Token(i.Application("2.0", nil))), away},
		"an application's without idtyp":    {"/console/approvals", signedIn(i.Token(i.Application("2.0", entra.Claims{"idtyp": nil}))), away},
		"an application's without its name": {"/console/approvals", signedIn(i.Token(i.Application("2.0", entra.Claims{"azp": nil}))), away},
		"a scope":                           {"/console/approvals", edited(entra.Claims{"scp": entra.Scope}), away},
		"an idtyp":                          {"/console/approvals", edited(entra.Claims{"idtyp": "user"}), away},
		"a calling application":             {"/console/approvals", edited(entra.Claims{"azp": entra.ClientID}), away},
		"for another application":           {"/console/approvals", edited(entra.Claims{"aud": entra.Flow}), away},
		"for the identifier URI":            {"/console/approvals", edited(entra.Claims{"aud": entra.Audience}), away},
		"of version 1":                      {"/console/approvals", edited(entra.Claims{"ver": "1.0", "iss": "https://sts.windows.net/" + entra.Tenant + "/"}), away},
		"of another tenant":                 {"/console/approvals", edited(entra.Claims{"tid": entra.OtherTenant, "iss": i.URL + "/" + entra.OtherTenant + "/v2.0"}), away},
		"without oid":                       {"/console/approvals", edited(entra.Claims{"oid": nil}), away},
		"the other tenant's key":            {"/console/approvals", signedIn(i.TokenWith(entra.Claims{"kid": "theirs"}, i.SignedIn(nil))), away},
		"alg none":                          {"/console/approvals", signedIn(i.TokenWith(entra.Claims{"alg": "none"}, i.SignedIn(nil))), away},
	} {
		s, err := h.sessions.Session(visit(t, c.path, c.header))
		var turned *console.TurnedAwayError
		got := "let in"
		switch {
		case errors.Is(err, console.ErrSignedOut):
			got = signedOut
		case errors.As(err, &turned):
			got = away
		case err != nil:
			got = err.Error()
		}
		if got != c.want || s.ID != "" || s.Principal.Kind != identity.Nobody {
			t.Errorf("%s: Session() = %+v, %v: %s, want %s", name, s, err, got, c.want)
		}
	}
}

// Where nobody can be checked nobody is sent to sign in, for nothing.
func TestSessionsWithoutKeys(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	i.Break(entra.KeySet, entra.ServerError)
	h := newHouse(t, i)
	_, err := h.sessions.Session(visit(t, "/console/approvals", signedIn(i.Token(i.SignedIn(nil)))))
	var unsure *identity.KeysError
	if !errors.As(err, &unsure) || errors.Is(err, console.ErrSignedOut) {
		t.Errorf("Session() = %v, want that it cannot be told", err)
	}
}

// Sign-in and sign-out come back to the console, and lead nowhere else.
func TestAddressesOfSessions(t *testing.T) {
	h := newHouse(t, entra.Start(t, entra.Options{}))
	for next, want := range map[string]string{
		"/console/approvals":         "%2Fconsole%2Fapprovals",
		"/console/approvals/apr_1-A": "%2Fconsole%2Fapprovals%2Fapr_1-A",
		"/console/decisions":         "%2Fconsole%2Fdecisions",
		"//evil.example":             "%2Fconsole%2Fapprovals",
		"https://evil.example":       "%2Fconsole%2Fapprovals",
		"/console//evil.example":     "%2Fconsole%2Fapprovals",
		"/.auth/logout":              "%2Fconsole%2Fapprovals",
		"/console/x?y=z":             "%2Fconsole%2Fapprovals",
		"/console/x\n":               "%2Fconsole%2Fapprovals",
		"":                           "%2Fconsole%2Fapprovals",
	} {
		if got := h.sessions.SignInURL(next); got != "/.auth/login/aad?post_login_redirect_uri="+want {
			t.Errorf("SignInURL(%q) = %q, want %q behind", next, got, want)
		}
	}
	if got := h.sessions.SignOutURL(); got != "/.auth/logout?post_logout_redirect_uri=%2Fconsole%2F" {
		t.Errorf("SignOutURL() = %q", got)
	}
}
