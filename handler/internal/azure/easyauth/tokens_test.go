package easyauth_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/entra"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

func TestTokensOfBothVersions(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	h := newHouse(t, i)
	for _, version := range []string{"1.0", "2.0"} {
		person := identity.Principal{
			Kind: identity.Person, Tenant: entra.Tenant, Application: entra.Flow, ObjectID: entra.Ana, UPN: "ana@contoso.com",
			AppRoles: []string{identity.RoleAuthorize}, GroupsKnown: true,
		}
		if got, err := h.auth.Authenticate(t.Context(), bearer(i.Token(i.Person(version, nil)))); err != nil || !cmp.Equal(got, person) {
			t.Errorf("a person of version %s = %+v, %v, want %+v", version, got, err, person)
		}
		application := identity.Principal{
			Kind: identity.Application, Tenant: entra.Tenant, Application: entra.Flow, ObjectID: "aaaaaaaa-0000-4000-8000-0000000000a1",
			AppRoles: []string{identity.RoleAuthorize}, GroupsKnown: true,
		}
		if got, err := h.auth.Authenticate(t.Context(), bearer(i.Token(i.Application(version, nil)))); err != nil || !cmp.Equal(got, application) {
			t.Errorf("an application of version %s = %+v, %v, want %+v", version, got, err, application)
		}
	}
}

// R15, T06, T07: whatever is altered in a token of either version, nobody comes
// in, and no key is fetched for it from where it says.
func TestR15MutatedTokens(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	i.Add(entra.Key{ID: "theirs", Tenants: []string{entra.OtherTenant}})
	i.Add(entra.Key{ID: "enc", Use: "enc"})
	h := newHouse(t, i)
	past, future := time.Now().Add(-2*time.Minute).Unix(), time.Now().Add(2*time.Minute).Unix()
	type edit struct {
		name           string
		header, claims entra.Claims
	}
	either := []edit{
		{"alg none", entra.Claims{"alg": "none"}, nil},
		{"alg HS256", entra.Claims{"alg": "HS256"}, nil},
		{"alg RS512", entra.Claims{"alg": "RS512"}, nil},
		{"alg absent", entra.Claims{"alg": nil}, nil},
		{"kid absent", entra.Claims{"kid": nil}, nil},
		{"kid unknown", entra.Claims{"kid": "k9"}, nil},
		{"kid of a key for encryption", entra.Claims{"kid": "enc"}, nil},
		{"kid of the other tenant's key", entra.Claims{"kid": "theirs"}, nil},
		{"typ of another kind", entra.Claims{"typ": "at+jwt"}, nil},
		{"a nonce in the header", entra.Claims{"nonce": "n"}, nil},
		{"jku", entra.Claims{"jku": i.URL + "/evil"}, nil},
		{"x5u", entra.Claims{"x5u": i.URL + "/evil"}, nil},
		{"x5c", entra.Claims{"x5c": []string{"MIIB"}}, nil},
		{"crit", entra.Claims{"crit": []string{"exp"}}, nil},
		{"aud absent", nil, entra.Claims{"aud": nil}},
		{"aud of Graph", nil, entra.Claims{"aud": "https://graph.microsoft.com"}},
		{"aud of Graph by id", nil, entra.Claims{"aud": "00000003-0000-0000-c000-000000000000"}},
		{"aud the calling application", nil, entra.Claims{"aud": entra.Flow}},
		{"aud a list", nil, entra.Claims{"aud": []string{entra.ClientID, entra.Audience}}},
		{"aud a wildcard", nil, entra.Claims{"aud": "*"}},
		{"iss absent", nil, entra.Claims{"iss": nil}},
		{"iss of another tenant", nil, entra.Claims{"iss": i.URL + "/" + entra.OtherTenant + "/v2.0"}},
		{"iss of another tenant in version 1", nil, entra.Claims{"iss": "https://sts.windows.net/" + entra.OtherTenant + "/"}},
		{"iss common", nil, entra.Claims{"iss": i.URL + "/common/v2.0"}},
		{"iss a template", nil, entra.Claims{"iss": i.URL + "/{tid}/v2.0"}},
		{"iss the public cloud's, not this authority's", nil, entra.Claims{"iss": "https://login.microsoftonline.com/" + entra.Tenant + "/v2.0"}},
		{"iss of people's own accounts", nil, entra.Claims{"iss": i.URL + "/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"}},
		{"tid absent", nil, entra.Claims{"tid": nil}},
		{"tid another", nil, entra.Claims{"tid": entra.OtherTenant}},
		{"tid a list", nil, entra.Claims{"tid": []string{entra.Tenant}}},
		{"T07 all of another tenant", nil, entra.Claims{"tid": entra.OtherTenant, "iss": i.URL + "/" + entra.OtherTenant + "/v2.0"}},
		{"T07 all of another tenant in version 1", nil, entra.Claims{"tid": entra.OtherTenant, "iss": "https://sts.windows.net/" + entra.OtherTenant + "/"}},
		{"ver absent", nil, entra.Claims{"ver": nil}},
		{"ver another", nil, entra.Claims{"ver": "3.0"}},
		{"exp absent", nil, entra.Claims{"exp": nil}},
		{"exp past", nil, entra.Claims{"exp": past}},
		{"exp a string", nil, entra.Claims{"exp": "9999999999"}},
		{"nbf absent", nil, entra.Claims{"nbf": nil}},
		{"nbf to come", nil, entra.Claims{"nbf": future}},
		{"iat to come", nil, entra.Claims{"iat": future}},
		{"no calling application", nil, entra.Claims{"azp": nil, "appid": nil}},
		{"two calling applications", nil, entra.Claims{"azp": entra.Flow, "appid": entra.ClientID}},
		{"roles a string", nil, entra.Claims{"roles": "Fabric.Authorize"}},
		{"oid with a blank", nil, entra.Claims{"oid": "a b"}},
		{"groups a string", nil, entra.Claims{"groups": "g"}},
	}
	person := []edit{
		{"scp absent", nil, entra.Claims{"scp": nil}},
		{"scp of another", nil, entra.Claims{"scp": "User.Read"}},
		{"scp almost", nil, entra.Claims{"scp": entra.Scope + "2"}},
		{"scp a list", nil, entra.Claims{"scp": []string{entra.Scope}}},
		{"idtyp app beside scp", nil, entra.Claims{"idtyp": "app"}},
		{"oid absent", nil, entra.Claims{"oid": nil}},
	}
	application := []edit{
		{"idtyp absent", nil, entra.Claims{"idtyp": nil}},
		{"idtyp user", nil, entra.Claims{"idtyp": "user"}},
		{"idtyp app and a scope of another", nil, entra.Claims{"scp": "User.Read"}},
	}
	count := 0
	refuse := func(name string, token string) {
		t.Helper()
		count++
		p, err := h.auth.Authenticate(t.Context(), bearer(token))
		var out *identity.UnauthenticatedError
		if !errors.As(err, &out) || !cmp.Equal(p, identity.Principal{}) {
			t.Errorf("%s: Authenticate() = %+v, %v, want nobody and 401", name, p, err)
		}
	}
	for _, version := range []string{"1.0", "2.0"} {
		for _, e := range append(either, person...) {
			refuse("a person's "+version+", "+e.name, i.TokenWith(e.header, i.Person(version, e.claims)))
		}
		for _, e := range append(either, application...) {
			refuse("an application's "+version+", "+e.name, i.TokenWith(e.header, i.Application(version, e.claims)))
		}
	}
	refuse("version 1 for the client id", i.Token(i.Person("1.0", entra.Claims{"aud": entra.ClientID})))
	refuse("version 2 for the identifier URI", i.Token(i.Person("2.0", entra.Claims{"aud": entra.Audience})))
	refuse("version 1 that says 2.0", i.Token(i.Person("1.0", entra.Claims{"ver": "2.0"})))
	refuse("version 2 that says 1.0", i.Token(i.Person("2.0", entra.Claims{"ver": "1.0"})))
	refuse("an ID token", i.Token(i.SignedIn(nil)))
	refuse("an ID token with the scope of a person", i.Token(i.SignedIn(entra.Claims{"scp": entra.Scope})))
	stranger := entra.Start(t, entra.Options{})
	stranger.Add(entra.Key{ID: "x"})
	refuse("another issuer's key of the same name", stranger.Raw("x", `{"typ":"JWT","alg":"RS256","kid":"k1"}`, textOf(t, i.Token(i.Person("2.0", nil)))))
	good := i.Token(i.Person("2.0", nil))
	refuse("no signature", good[:strings.LastIndexByte(good, '.')+1])
	refuse("a managed identity's, for another service", mustToken(t, i, "https://vault.azure.net"))
	if count < 180 {
		t.Errorf("%d mutated tokens, want 180 at least", count)
	}
	h.expect(t, "after them all, a good one", good, "in")
}

// FR22: groups left out for their number are unknown, in either form, and
// nothing is fetched from where the token says.
func TestFR22Overage(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	h := newHouse(t, i)
	evil := map[string]any{"src1": map[string]any{"endpoint": i.URL + "/" + entra.Tenant + "/discovery/v2.0/keys"}}
	h.expect(t, "at the start", i.Token(i.Person("2.0", nil)), "in")
	before := i.Requests(entra.KeySet)
	for name, claims := range map[string]entra.Claims{
		"_claim_names":                   {"_claim_names": map[string]any{"groups": "src1"}, "_claim_sources": evil},
		"_claim_names and groups beside": {"_claim_names": map[string]any{"groups": "src1"}, "_claim_sources": evil, "groups": []string{"g"}},
		"hasgroups":                      {"hasgroups": true},
		"hasgroups as text":              {"hasgroups": "true"},
	} {
		for _, version := range []string{"1.0", "2.0"} {
			p, err := h.auth.Authenticate(t.Context(), bearer(i.Token(i.Person(version, claims))))
			if err != nil || p.GroupsKnown || p.Groups != nil {
				t.Errorf("%s, version %s: groups %v known %t, %v, want unknown", name, version, p.Groups, p.GroupsKnown, err)
			}
		}
	}
	if got := i.Requests(entra.KeySet) - before; got != 0 {
		t.Errorf("overage made %d requests", got)
	}
}

// FR23, T06, T08: only upn is a UPN, whatever a guest is called at home, and a
// person is the oid, whoever has the UPN now.
func TestWhoAPersonIs(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	h := newHouse(t, i)
	of := func(c entra.Claims) identity.Principal {
		p, err := h.auth.Authenticate(t.Context(), bearer(i.Token(i.Person("2.0", c))))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	names := entra.Claims{"upn": nil, "preferred_username": "mia@contoso.com", "unique_name": "mia@contoso.com", "email": "mia@contoso.com"}
	if p := of(names); p.UPN != "" {
		t.Errorf("FR23: UPN = %q, want none", p.UPN)
	}
	guest := of(entra.Claims{
		"upn": "mia_contoso.com#EXT#@fabrikam.onmicrosoft.com", "idp": i.URL + "/" + entra.OtherTenant + "/", "acct": 1,
		"preferred_username": "mia@contoso.com", "oid": "dddddddd-0000-4000-8000-00000000000d",
	})
	if guest.UPN == "mia@contoso.com" || guest.Tenant != entra.Tenant || guest.ObjectID != "dddddddd-0000-4000-8000-00000000000d" {
		t.Errorf("T06: a guest is %+v, want somebody of this tenant alone", guest)
	}
	before, renamed, reused := of(nil), of(entra.Claims{"upn": "ana.new@contoso.com"}), of(entra.Claims{"oid": "eeeeeeee-0000-4000-8000-00000000000e"})
	if before.ObjectID != renamed.ObjectID || before.ObjectID == reused.ObjectID || before.UPN != reused.UPN {
		t.Errorf("T08: %+v, renamed %+v, reused %+v", before, renamed, reused)
	}
}
