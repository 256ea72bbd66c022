package easyauth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/entra"
	"github.com/authorization-fabric/fabric/handler/internal/azure/easyauth"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// server is a route behind the edge, which counts who reaches it.
func server(t *testing.T, auth httpapi.Authenticator, reached *int) http.Handler {
	t.Helper()
	record := func(context.Context, identity.Principal, httpapi.Refusal) error { return nil }
	edge := httpapi.NewEdge(auth, record, httpapi.EdgeOptions{Rate: 1e6, Burst: 1e6})
	access := httpapi.Access{Roles: []string{identity.RoleAuthorize}}
	return edge.Front(edge.Route(access, func(w http.ResponseWriter, _ *http.Request, p identity.Principal) error {
		if p.Kind == identity.Nobody {
			t.Error("nobody reaches evaluation")
		}
		*reached++
		w.WriteHeader(http.StatusOK)
		return nil
	}))
}

// T01: Easy Auth on or off, whatever the principal header and whatever the
// token: nobody but a valid token reaches evaluation, and not even that one
// beside a header that names somebody else.
func TestT01Matrix(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	h := newHouse(t, i)
	reached := 0
	next := server(t, h.auth, &reached)
	valid := i.Token(i.Person("2.0", nil))
	theirs := entra.Claims{"tid": entra.OtherTenant, "iss": i.URL + "/" + entra.OtherTenant + "/v2.0"}
	tokens := map[string]string{
		"absent": "", "valid": valid, "of another tenant": i.Token(i.Person("2.0", theirs)),
		"expired": i.Token(i.Person("2.0", entra.Claims{"exp": 1})), "unsigned": valid[:strings.LastIndexByte(valid, '.')] + ".AAAA", "an ID token": i.Token(i.SignedIn(nil)),
	}
	own, forged := entra.PrincipalOf(valid), entra.Principal(entra.Claims{"oid": "admin", "tid": entra.Tenant, "roles": []string{"Fabric.Authorize"}}, true)
	headers := map[string][]string{
		"absent": nil, "own": {own}, "forged": {forged}, "malformed": {"%%%"}, "empty": {""}, "doubled": {own, own}, "joined": {own + ", " + own}, "doubled, one forged": {own, forged},
	}
	for _, off := range []bool{false, true} {
		front := &entra.Front{Issuer: i, Off: off, Public: []string{"/console/"}}
		for _, path := range []string{"/api/authorize", "/console/"} {
			for token, text := range tokens {
				for header, values := range headers {
					r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil)
					for _, v := range values {
						r.Header.Add("X-MS-CLIENT-PRINCIPAL", v)
					}
					r.Header.Set("X-MS-CLIENT-PRINCIPAL-ID", "admin")
					r.Header.Set("X-MS-CLIENT-PRINCIPAL-NAME", "admin@contoso.com")
					r.Header.Set("X-MS-CLIENT-PRINCIPAL-IDP", "aad")
					if text != "" {
						r.Header.Set("Authorization", "Bearer "+text)
					}
					reached = 0
					w := httptest.NewRecorder()
					front.Before(next).ServeHTTP(w, r)
					want := token == "valid" && (!off || header == "absent" || header == "own")
					if (reached == 1) != want || want != (w.Code == http.StatusOK) || !want && w.Code != http.StatusUnauthorized {
						t.Errorf("T01: off %t, %s, token %s, header %s = %d, reached %d, want it reached: %t", off, path, token, header, w.Code, reached, want)
					}
				}
			}
		}
	}
}

// What the header says can only agree, in names long or short, and in any case.
func TestPrincipalHeader(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	h := newHouse(t, i)
	raw := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	claims := func(c ...string) string {
		list := []string{}
		for n := 0; n < len(c); n += 2 {
			list = append(list, `{"typ":"`+c[n]+`","val":"`+c[n+1]+`"}`)
		}
		return raw(`{"auth_typ":"aad","claims":[` + strings.Join(list, ",") + `]}`)
	}
	const oid, tid = "http://schemas.microsoft.com/identity/claims/objectidentifier", "http://schemas.microsoft.com/identity/claims/tenantid"
	for name, c := range map[string]struct {
		header string
		ok     bool
	}{
		"the token's, long names":          {entra.Principal(entra.Claims(i.Person("2.0", nil)), true), true},
		"the token's, short names":         {entra.Principal(entra.Claims(i.Person("2.0", nil)), false), true},
		"in capitals":                      {claims("oid", strings.ToUpper(entra.Ana), "tid", strings.ToUpper(entra.Tenant)), true},
		"no claims that matter":            {claims("name", "Ana"), true},
		"long and short alike":             {claims("oid", entra.Ana, oid, entra.Ana), true},
		"another oid":                      {claims("oid", "x", "tid", entra.Tenant), false},
		"another oid, long":                {claims(oid, "x"), false},
		"another tid":                      {claims("tid", entra.OtherTenant), false},
		"another tid, long":                {claims(tid, entra.OtherTenant), false},
		"another azp":                      {claims("azp", entra.ClientID), false},
		"another appid":                    {claims("appid", entra.ClientID), false},
		"two oids":                         {claims("oid", entra.Ana, "oid", "x"), false},
		"long and short differ":            {claims("oid", entra.Ana, oid, "x"), false},
		"an empty oid":                     {claims("oid", ""), false},
		"no JSON":                          {raw("hello"), false},
		"no claims":                        {raw(`{"auth_typ":"aad"}`), false},
		"claims an object":                 {raw(`{"claims":{}}`), false},
		"claims null":                      {raw(`{"claims":null}`), false},
		"a claim without a type":           {raw(`{"claims":[{"val":"x"}]}`), false},
		"a claim of a number":              {raw(`{"claims":[{"typ":"oid","val":7}]}`), false},
		"a claim of null that matters not": {raw(`{"claims":[{"typ":"name","val":null}]}`), true},
		"claims twice":                     {raw(`{"claims":[],"claims":[{"typ":"oid","val":"x"}]}`), false},
		"val twice":                        {raw(`{"claims":[{"typ":"oid","val":"x","val":"` + entra.Ana + `"}]}`), false},
		"something behind":                 {raw(`{"claims":[]} x`), false},
		"base64url":                        {"eyJ_-w==", false},
		"base64 without padding":           {strings.TrimRight(raw(`{"claims":[]}`), "="), false},
		"a line feed":                      {raw(`{"claims":[]}`)[:4] + "\n" + raw(`{"claims":[]}`)[4:], false},
		"joined":                           {raw(`{"claims":[]}`) + "," + raw(`{"claims":[]}`), false},
		"very long":                        {raw(`{"claims":[` + strings.Repeat(" ", 60<<10) + `]}`), false},
	} {
		header := bearer(i.Token(i.Person("2.0", nil)))
		header["X-Ms-Client-Principal"] = []string{c.header}
		p, err := h.auth.Authenticate(t.Context(), header)
		var out *identity.UnauthenticatedError
		if (err == nil) != c.ok || err != nil && (!errors.As(err, &out) || !cmp.Equal(p, identity.Principal{})) {
			t.Errorf("%s: Authenticate() = %+v, %v, want accepted %t", name, p, err, c.ok)
		}
	}
}

// The edge answers 503 where a token cannot be checked, and 401 where it was.
func TestUncheckedIsUnavailable(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	i.Break(entra.Discovery, entra.ServerError)
	h := newHouse(t, i)
	reached := 0
	next := server(t, h.auth, &reached)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/authorize", nil)
	r.Header.Set("Authorization", "Bearer "+i.Token(i.Person("2.0", nil)))
	w := httptest.NewRecorder()
	next.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || reached != 0 || !strings.Contains(w.Body.String(), `"execute":false`) {
		t.Errorf("without keys = %d %v %s, want 503 that denies", w.Code, w.Header(), w.Body)
	}
}

// FuzzPrincipal: no header makes anybody of a request, and beside a valid
// token the principal is the token's or nobody.
func FuzzPrincipal(f *testing.F) {
	i := entra.Start(f, entra.Options{})
	h := newHouse(f, i)
	good := i.Token(i.Person("2.0", nil))
	want, err := h.auth.Authenticate(f.Context(), bearer(good))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"", "e30=", entra.PrincipalOf(good), entra.Principal(entra.Claims{"oid": "x"}, true), "eyJjbGFpbXMiOltdfQ==", entra.PrincipalOf(good) + ",e30=",
	} {
		f.Add(seed, seed)
	}
	keys, err := easyauth.NewSessions(h.keys, settingsAt(i))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value, second string) {
		header := http.Header{"X-Ms-Client-Principal": {value}, "X-Ms-Client-Principal-Id": {entra.Ana}}
		if p, err := h.auth.Authenticate(t.Context(), header); err == nil || p.Kind != identity.Nobody {
			t.Errorf("Authenticate(%q) without a token = %+v, %v", value, p, err)
		}
		header["Authorization"] = []string{"Bearer " + good}
		if p, err := h.auth.Authenticate(t.Context(), header); err == nil && !cmp.Equal(p, want) || err != nil && !cmp.Equal(p, identity.Principal{}) {
			t.Errorf("Authenticate(%q) = %+v, %v, want %+v or nobody", value, p, err, want)
		}
		header["X-Ms-Token-Aad-Id-Token"] = []string{second}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/console/approvals", nil)
		r.Header = header
		if s, err := keys.Session(r); err == nil {
			t.Errorf("Session(%q, %q) = %+v, want nobody", value, second, s)
		}
	})
}
