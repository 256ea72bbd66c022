package identity_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

const (
	tenant = "11111111-1111-1111-1111-111111111111"
	client = "aaaaaaaa-0000-4000-8000-000000000001"
	ana    = "cccccccc-0000-4000-8000-00000000000a"

	goodHeader = `{"typ":"JWT","alg":"RS256","kid":"k1","x5t":"abc"}`
	goodPerson = `{"aud":"` + client + `","iss":"https://login.microsoftonline.com/` + tenant + `/v2.0","iat":1700000000,` +
		`"nbf":1700000000,"exp":1700003600,"azp":"` + client + `","groups":["DDDDDDDD-0000-4000-8000-00000000000D"],"idtyp":"user",` +
		`"oid":"` + ana + `","roles":["Fabric.Authorize"],"scp":"User.Read access_as_user","tid":"` + tenant + `","upn":"Ana@contoso.com","ver":"2.0"}`
	goodApp = `{"aud":"api://fabric","iss":"https://sts.windows.net/` + tenant + `/","iat":1700000000,"nbf":1700000000,"exp":1700003600,` +
		`"appid":"AAAAAAAA-0000-4000-8000-000000000001","idtyp":"app","oid":"` + ana + `","roles":["Fabric.Authorize"],"tid":"` + tenant + `","ver":"1.0"}`
)

var (
	at = time.Unix(1700000100, 0)

	signingKey = sync.OnceValue(func() *rsa.PrivateKey { return newKey(2048) })
	otherKey   = sync.OnceValue(func() *rsa.PrivateKey { return newKey(2048) })
	shortKey   = sync.OnceValue(func() *rsa.PrivateKey { return newKey(1024) })
)

func newKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// sign makes a token of exactly these texts, whatever they are.
func sign(header, claims string, key *rsa.PrivateKey) string {
	text := encode(header) + "." + encode(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func keySet(t testing.TB, entries map[string]jwkset.JWKOptions) jwkset.Storage {
	t.Helper()
	store := jwkset.NewMemoryStorage()
	for kid, options := range entries {
		options.Metadata.KID = kid
		key := signingKey()
		if kid == "short" {
			key = shortKey()
		}
		jwk, err := jwkset.NewJWKFromKey(key.Public(), options)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.KeyWrite(t.Context(), jwk); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

func entra(t testing.TB) *identity.Validator {
	t.Helper()
	v, err := identity.NewValidator(identity.Config{
		Issuers: identity.EntraIssuers(client, []string{"api://fabric"}),
		Tenants: []string{strings.ToUpper(tenant)},
		Scope:   "access_as_user",
		Keys: keySet(t, map[string]jwkset.JWKOptions{
			"k1": {}, "short": {},
			"enc": {Metadata: jwkset.JWKMetadataOptions{USE: jwkset.UseEnc}},
			"ps":  {Metadata: jwkset.JWKMetadataOptions{ALG: jwkset.AlgPS256}},
		}),
		Now: func() time.Time { return at },
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTokenOfAPerson(t *testing.T) {
	got, err := entra(t).Validate(t.Context(), sign(goodHeader, goodPerson, signingKey()))
	want := identity.Principal{
		Kind: identity.Person, Tenant: tenant, Application: client, ObjectID: ana, UPN: "Ana@contoso.com",
		AppRoles: []string{"Fabric.Authorize"}, Groups: []string{"dddddddd-0000-4000-8000-00000000000d"}, GroupsKnown: true,
	}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("Validate(person) = %v, %v, want %v", got, err, want)
	}
}

func TestTokenOfAnApplication(t *testing.T) {
	got, err := entra(t).Validate(t.Context(), sign(goodHeader, goodApp, signingKey()))
	want := identity.Principal{
		Kind: identity.Application, Tenant: tenant, Application: client, ObjectID: ana,
		AppRoles: []string{"Fabric.Authorize"}, GroupsKnown: true,
	}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("Validate(application) = %v, %v, want %v", got, err, want)
	}
}

// edit replaces the first occurrence and fails if there is none, so that no
// case tests the unchanged token.
func edit(t *testing.T, s, old, with string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("edit: %q is not in %q", old, s)
	}
	return strings.Replace(s, old, with, 1)
}

// T06, T17, R15: whatever is altered in a token, nobody comes in.
func TestMutatedTokensAreRefused(t *testing.T) {
	v := entra(t)
	for _, m := range []struct{ name, part, old, with string }{
		{"alg none", "header", `RS256`, `none`},
		{"alg None", "header", `RS256`, `None`},
		{"alg HS256", "header", `RS256`, `HS256`},
		{"alg RS384", "header", `RS256`, `RS384`},
		{"alg PS256", "header", `RS256`, `PS256`},
		{"alg ES256", "header", `RS256`, `ES256`},
		{"alg in lower case", "header", `RS256`, `rs256`},
		{"alg absent", "header", `"alg":"RS256",`, ``},
		{"alg null", "header", `"RS256"`, `null`},
		{"alg a list", "header", `"RS256"`, `["RS256"]`},
		{"alg twice", "header", `"alg":"RS256"`, `"alg":"none","alg":"RS256"`},
		{"alg twice, other case", "header", `"alg":"RS256"`, `"alg":"none","Alg":"RS256"`},
		{"typ absent", "header", `"typ":"JWT",`, ``},
		{"typ of another kind", "header", `"JWT"`, `"fabric-grant+jwt"`},
		{"typ JOSE", "header", `"JWT"`, `"JOSE"`},
		{"kid absent", "header", `,"kid":"k1"`, ``},
		{"kid empty", "header", `"k1"`, `""`},
		{"kid unknown", "header", `"k1"`, `"k9"`},
		{"kid a number", "header", `"k1"`, `1`},
		{"kid a path", "header", `"k1"`, `"../../k1"`},
		{"kid SQL", "header", `"k1"`, `"k1' or '1'='1"`},
		{"kid with NUL", "header", `"k1"`, `"k1\u0000"`},
		{"kid of an encryption key", "header", `"k1"`, `"enc"`},
		{"kid of a PS256 key", "header", `"k1"`, `"ps"`},
		{"kid in another case", "header", `"k1"`, `"K1"`},
		{"kid very long", "header", `"k1"`, `"` + strings.Repeat("k", 300) + `"`},
		{"jku", "header", `"x5t":"abc"`, `"jku":"https://evil.example/keys"`},
		{"x5u", "header", `"x5t":"abc"`, `"x5u":"https://evil.example/cert"`},
		{"x5c", "header", `"x5t":"abc"`, `"x5c":["MIIB"]`},
		{"jwk", "header", `"x5t":"abc"`, `"jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}`},
		{"a nonce, as in Graph's", "header", `"x5t":"abc"`, `"nonce":"abc"`},
		{"crit", "header", `"x5t":"abc"`, `"crit":["exp"]`},
		{"b64", "header", `"x5t":"abc"`, `"b64":false`},
		{"zip", "header", `"x5t":"abc"`, `"zip":"DEF"`},
		{"header is a list", "header", goodHeader, `[` + goodHeader + `]`},
		{"header is null", "header", goodHeader, `null`},
		{"header empty", "header", goodHeader, ``},
		{"header with something behind", "header", goodHeader, goodHeader + ` x`},
		{"header with a byte-order mark", "header", goodHeader, "\uFEFF" + goodHeader},

		{"claims null", "claims", goodPerson, `null`},
		{"claims a list", "claims", goodPerson, `[` + goodPerson + `]`},
		{"claims empty", "claims", goodPerson, `{}`},
		{"claims no JSON", "claims", goodPerson, `hello`},
		{"claims with something behind", "claims", goodPerson, goodPerson + `{}`},
		{"claims with bad UTF-8", "claims", `User.Read`, "User\xff"},
		{"aud absent", "claims", `"aud":"` + client + `",`, ``},
		{"aud of another service", "claims", `"aud":"` + client, `"aud":"bbbbbbbb-0000-4000-8000-000000000002`},
		{"aud of the other version", "claims", `"aud":"` + client, `"aud":"api://fabric`},
		{"aud a list", "claims", `"aud":"` + client + `"`, `"aud":["` + client + `","x"]`},
		{"aud a list of one", "claims", `"aud":"` + client + `"`, `"aud":["` + client + `"]`},
		{"aud empty", "claims", `"aud":"` + client, `"aud":"`},
		{"aud wildcard", "claims", `"aud":"` + client, `"aud":"*`},
		{"aud with a slash more", "claims", `"aud":"` + client, `"aud":"` + client + `/`},
		{"aud twice", "claims", `"aud":`, `"aud":"x","aud":`},
		{"iss absent", "claims", `"iss":"https://login.microsoftonline.com/` + tenant + `/v2.0",`, ``},
		{"iss of version 1", "claims", `https://login.microsoftonline.com/` + tenant + `/v2.0`, `https://sts.windows.net/` + tenant + `/`},
		{"iss of another tenant", "claims", `.com/11111111-`, `.com/22222222-`},
		{"iss common", "claims", `.com/` + tenant, `.com/common`},
		{"iss template", "claims", `.com/` + tenant, `.com/{tid}`},
		{"iss plain http", "claims", `https://login`, `http://login`},
		{"iss other host", "claims", `microsoftonline.com/`, `microsoftonline.com.evil.example/`},
		{"iss trailing slash", "claims", `/v2.0"`, `/v2.0/"`},
		{"iss twice", "claims", `"iss":`, `"iss":"x","iss":`},
		{"ver 1.0", "claims", `"ver":"2.0"`, `"ver":"1.0"`},
		{"ver absent", "claims", `,"ver":"2.0"`, ``},
		{"ver a number", "claims", `"ver":"2.0"`, `"ver":2.0`},
		{"tid absent", "claims", `"tid":"` + tenant + `",`, ``},
		{"tid not allowed, issuer alike", "both tenants", tenant, `22222222-1111-1111-1111-111111111111`},
		{"tid empty", "claims", `"tid":"` + tenant, `"tid":"`},
		{"tid null", "claims", `"tid":"` + tenant + `"`, `"tid":null`},
		{"tid a list", "claims", `"tid":"` + tenant + `"`, `"tid":["` + tenant + `"]`},
		{"tid differs from the issuer's", "claims", `"tid":"11111111-`, `"tid":"22222222-`},
		{"exp absent", "claims", `,"exp":1700003600`, ``},
		{"exp past", "claims", `1700003600`, `1700000040`},
		{"exp a string", "claims", `1700003600`, `"1700003600"`},
		{"exp null", "claims", `1700003600`, `null`},
		{"exp negative", "claims", `1700003600`, `-1`},
		{"exp enormous", "claims", `1700003600`, `1e300`},
		{"exp with an exponent", "claims", `1700003600`, `17e8`},
		{"exp twice", "claims", `"exp":1700003600`, `"exp":1,"exp":1700003600`},
		{"exp twice, other case", "claims", `"exp":1700003600`, `"exp":1,"EXP":1700003600`},
		{"nbf absent", "claims", `"nbf":1700000000,`, ``},
		{"nbf to come", "claims", `"nbf":1700000000`, `"nbf":1700000161`},
		{"nbf a string", "claims", `"nbf":1700000000`, `"nbf":"now"`},
		{"iat to come", "claims", `"iat":1700000000`, `"iat":1700000161`},
		{"scp without our scope", "claims", `User.Read access_as_user`, `User.Read`},
		{"scp that only begins like ours", "claims", `access_as_user`, `access_as_user2`},
		{"scp in another case", "claims", `access_as_user`, `Access_As_User`},
		{"scp a list", "claims", `"User.Read access_as_user"`, `["access_as_user"]`},
		{"scp null", "claims", `"User.Read access_as_user"`, `null`},
		{"scp empty", "claims", `User.Read access_as_user`, ``},
		{"scp beside idtyp app", "claims", `"idtyp":"user"`, `"idtyp":"app"`},
		{"scp beside an unknown idtyp", "claims", `"idtyp":"user"`, `"idtyp":"device"`},
		{"no scp, idtyp user", "claims", `"scp":"User.Read access_as_user",`, ``},
		{"azp absent", "claims", `"azp":"` + client + `",`, ``},
		{"azp empty", "claims", `"azp":"` + client, `"azp":"`},
		{"azp a number", "claims", `"azp":"` + client + `"`, `"azp":7`},
		{"azp and another appid", "claims", `"azp":`, `"appid":"bbbbbbbb-0000-4000-8000-000000000002","azp":`},
		{"oid absent", "claims", `"oid":"` + ana + `",`, ``},
		{"oid empty", "claims", `"oid":"` + ana, `"oid":"`},
		{"oid with a blank", "claims", `"oid":"` + ana, `"oid":"a b`},
		{"oid a list", "claims", `"oid":"` + ana + `"`, `"oid":["` + ana + `"]`},
		{"oid twice", "claims", `"oid":`, `"oid":"x","oid":`},
		{"upn with a line feed", "claims", `Ana@contoso.com`, `Ana@contoso.com\n`},
		{"upn a list", "claims", `"Ana@contoso.com"`, `["Ana@contoso.com"]`},
		{"roles a string", "claims", `["Fabric.Authorize"]`, `"Fabric.Authorize"`},
		{"roles an object", "claims", `["Fabric.Authorize"]`, `{"Fabric.Authorize":true}`},
		{"roles with a number", "claims", `["Fabric.Authorize"]`, `["Fabric.Authorize",1]`},
		{"groups a string", "claims", `["DDDDDDDD-0000-4000-8000-00000000000D"]`, `"DDDDDDDD-0000-4000-8000-00000000000D"`},

		{"application without idtyp", "app", `"idtyp":"app",`, ``},
		{"application with idtyp user", "app", `"idtyp":"app"`, `"idtyp":"user"`},
		{"application with idtyp in another case", "app", `"idtyp":"app"`, `"idtyp":"App"`},
		{"application without appid", "app", `"appid":"AAAAAAAA-0000-4000-8000-000000000001",`, ``},
		{"application of version 1 with azp only", "app", `"appid"`, `"azp"`},
		{"application with a version 2 audience", "app", `api://fabric`, client},
		{"application with an empty scp", "app", `"idtyp":"app"`, `"scp":"","idtyp":"app"`},
	} {
		header, body := goodHeader, goodPerson
		switch m.part {
		case "header":
			header = edit(t, header, m.old, m.with)
		case "claims":
			body = edit(t, body, m.old, m.with)
		case "both tenants":
			body = strings.ReplaceAll(body, m.old, m.with)
		case "app":
			body = edit(t, goodApp, m.old, m.with)
		}
		refused(t, v, m.name, sign(header, body, signingKey()))
	}
}

func refused(t *testing.T, v *identity.Validator, name, token string) {
	t.Helper()
	p, err := v.Validate(t.Context(), token)
	var unauthenticated *identity.UnauthenticatedError
	if !errors.As(err, &unauthenticated) || !cmp.Equal(p, identity.Principal{}) {
		t.Errorf("%s: Validate() = %v, %v, want nobody and an UnauthenticatedError", name, p, err)
	} else if len(unauthenticated.Reason) > 120 || strings.Contains(unauthenticated.Reason, "evil") {
		t.Errorf("%s: reason %q is not one of ours", name, unauthenticated.Reason)
	}
}

// Identity: exp and nbf with 60 s of leeway.
func TestLeewayIsSixtySeconds(t *testing.T) {
	for _, c := range []struct {
		claim, value string
		ok           bool
	}{
		{`"exp":1700003600`, `"exp":1700000041`, true},
		{`"exp":1700003600`, `"exp":1700000040`, false},
		{`"nbf":1700000000`, `"nbf":1700000160`, true},
		{`"nbf":1700000000`, `"nbf":1700000161`, false},
	} {
		_, err := entra(t).Validate(t.Context(), sign(goodHeader, edit(t, goodPerson, c.claim, c.value), signingKey()))
		if (err == nil) != c.ok {
			t.Errorf("Validate(%s) = %v, want accepted %v", c.value, err, c.ok)
		}
	}
}

// FR22: groups left out for their number are unknown, in either form, and no
// address in the token is called (Validate has nothing to call it with).
func TestGroupOverageIsUnknown(t *testing.T) {
	for with, known := range map[string]bool{
		`"groups":[]`:           true,
		`"hasgroups":false`:     true,
		`"hasgroups":true`:      false,
		`"hasgroups":"true"`:    false,
		`"_claim_names":null`:   false,
		`"_claim_names":{}`:     true,
		`"_claim_names":"x"`:    false,
		`"_claim_sources":{}`:   true,
		`"hasgroups":null`:      false,
		`"_claim_names":["gr"]`: false,
		`"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"https://evil.example/x"}}`:                                    false,
		`"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"https://evil.example/x"}},"groups":["a"]`:                     false,
		`"_claim_names":{"picture":"src1"},"_claim_sources":{"src1":{"endpoint":"https://evil.example/x"}},"groups":["` + tenant[:35] + `a"]`: true,
	} {
		body := edit(t, goodPerson, `"groups":["DDDDDDDD-0000-4000-8000-00000000000D"]`, with)
		p, err := entra(t).Validate(t.Context(), sign(goodHeader, body, signingKey()))
		if err != nil || p.GroupsKnown != known || !known && p.Groups != nil {
			t.Errorf("Validate(%s) = groups %v known %v, %v, want known %v", with, p.Groups, p.GroupsKnown, err, known)
		}
	}
}

// FR23: only upn is a UPN.
func TestOnlyTheUPNClaimIsAUPN(t *testing.T) {
	body := edit(t, goodPerson, `"upn":"Ana@contoso.com"`,
		`"preferred_username":"ana@contoso.com","email":"ana@contoso.com","unique_name":"ana@contoso.com"`)
	p, err := entra(t).Validate(t.Context(), sign(goodHeader, body, signingKey()))
	if err != nil || p.UPN != "" {
		t.Errorf("Validate(no upn) = %q, %v, want no UPN", p.UPN, err)
	}
}

func TestTokensOfAnyTenantOnlyWhereToldSo(t *testing.T) {
	foreign := strings.ReplaceAll(goodPerson, tenant, "22222222-2222-2222-2222-222222222222")
	config := identity.Config{
		Issuers: identity.EntraIssuers(client, nil), Scope: "access_as_user",
		Keys: keySet(t, map[string]jwkset.JWKOptions{"k1": {}}), Now: func() time.Time { return at },
	}
	for _, anyTenant := range []bool{false, true} {
		config.AnyTenant = anyTenant
		v, err := identity.NewValidator(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = v.Validate(t.Context(), sign(goodHeader, foreign, signingKey())); (err == nil) != anyTenant {
			t.Errorf("Validate(foreign) with AnyTenant %v = %v", anyTenant, err)
		}
	}
}

type brokenKeys struct{}

func (brokenKeys) KeyRead(context.Context, string) (jwkset.JWK, error) {
	return jwkset.JWK{}, errors.New("keys cannot be read")
}

func TestUnreadableKeysLetNobodyIn(t *testing.T) {
	v, err := identity.NewValidator(identity.Config{
		Issuers: identity.EntraIssuers(client, nil), AnyTenant: true, Scope: "access_as_user",
		Keys: brokenKeys{}, Now: func() time.Time { return at },
	})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, v, "unreadable keys", sign(goodHeader, goodPerson, signingKey()))
	if _, err := identity.NewValidator(identity.Config{}); err == nil {
		t.Error("NewValidator(Config{}) = nil, want an error")
	}
}
