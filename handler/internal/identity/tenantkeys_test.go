package identity_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// tenantKeys are one tenant's, or an error for all.
type tenantKeys struct {
	keys   jwkset.Storage
	tenant string
	err    error
	asked  []string
}

func (k *tenantKeys) KeyOf(ctx context.Context, tenant, kid string) (jwkset.JWK, error) {
	k.asked = append(k.asked, tenant)
	switch {
	case k.err != nil:
		return jwkset.JWK{}, k.err
	case tenant != k.tenant:
		return jwkset.JWK{}, jwkset.ErrKeyNotFound
	}
	return k.keys.KeyRead(ctx, kid)
}

func withTenantKeys(t *testing.T, k *tenantKeys, edit func(*identity.Config)) *identity.Validator {
	t.Helper()
	k.keys, k.tenant = keySet(t, map[string]jwkset.JWKOptions{"k1": {}}), tenant
	c := identity.Config{
		Issuers: identity.EntraIssuers(client, []string{"api://fabric"}), Tenants: []string{tenant, other}, Scope: "access_as_user",
		TenantKeys: k, Now: func() time.Time { return at },
	}
	if edit != nil {
		edit(&c)
	}
	v, err := identity.NewValidator(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// T06: one tenant's key signs for no other, and no keys are asked for a tenant
// that is not allowed.
func TestOneTenantsKeysSignForNoOther(t *testing.T) {
	k := &tenantKeys{}
	v := withTenantKeys(t, k, nil)
	if _, err := v.Validate(t.Context(), sign(goodHeader, goodPerson, signingKey())); err != nil {
		t.Errorf("Validate(own key) = %v", err)
	}
	refused(t, v, "another tenant's key", sign(goodHeader, strings.ReplaceAll(goodPerson, tenant, other), signingKey()))
	k.asked = nil
	foreign := strings.ReplaceAll(goodPerson, tenant, "33333333-3333-3333-3333-333333333333")
	refused(t, v, "a tenant that is not allowed", sign(goodHeader, foreign, signingKey()))
	if k.asked != nil {
		t.Errorf("keys of %q were asked for", k.asked)
	}
}

// A token that cannot be checked is neither accepted nor refused.
func TestKeysThatCannotTell(t *testing.T) {
	down := errors.New("down")
	v := withTenantKeys(t, &tenantKeys{err: down}, nil)
	p, err := v.Validate(t.Context(), sign(goodHeader, goodPerson, signingKey()))
	var keys *identity.KeysError
	var refused *identity.UnauthenticatedError
	if !errors.As(err, &keys) || errors.As(err, &refused) || !errors.Is(err, down) || !cmp.Equal(p, identity.Principal{}) {
		t.Errorf("Validate() = %v, %v, want a KeysError", p, err)
	}
}

// An expired token says so, and one with anything else wrong does not.
func TestExpiredAlone(t *testing.T) {
	v := entra(t)
	expired := edit(t, goodPerson, `"exp":1700003600`, `"exp":1700000030`)
	for name, c := range map[string]struct {
		token string
		want  bool
	}{
		"expired":            {sign(goodHeader, expired, signingKey()), true},
		"not yet valid":      {sign(goodHeader, edit(t, goodPerson, `"nbf":1700000000`, `"nbf":1700009999`), signingKey()), false},
		"expired and forged": {sign(goodHeader, expired, otherKey()), false},
	} {
		if _, err := v.Validate(t.Context(), c.token); errors.Is(err, identity.ErrExpired) != c.want {
			t.Errorf("%s: Validate() = %v, want ErrExpired %t", name, err, c.want)
		}
	}
}

// ID tokens tell who has signed in, and are told from access tokens by all that
// those have besides.
func TestIDTokens(t *testing.T) {
	v := withTenantKeys(t, &tenantKeys{}, func(c *identity.Config) {
		c.IDTokens, c.Scope, c.Issuers = true, "", identity.EntraIssuers(client, nil)
	})
	idToken := edit(t, edit(t, edit(t, goodPerson, `"azp":"`+client+`",`, `"nonce":"n",`), `"scp":"User.Read access_as_user",`, ``), `"idtyp":"user",`, ``)
	p, err := v.Validate(t.Context(), sign(goodHeader, idToken, signingKey()))
	if err != nil || p.Kind != identity.Person || p.Application != client || p.ObjectID != ana {
		t.Errorf("Validate(ID token) = %+v, %v", p, err)
	}
	for name, with := range map[string]string{
		"scp": `"scp":"access_as_user"`, "scp null": `"scp":null`, "azp": `"azp":"x"`, "appid": `"appid":"x"`, "azpacr": `"azpacr":"1"`, "idtyp": `"idtyp":"app"`,
	} {
		refused(t, v, name, sign(goodHeader, edit(t, idToken, `"nonce":"n"`, with), signingKey()))
	}
	refused(t, v, "an access token", sign(goodHeader, goodPerson, signingKey()))
	refused(t, v, "an application's", sign(goodHeader, goodApp, signingKey()))
	refused(t, entra(t), "an ID token where access tokens count", sign(goodHeader, idToken, signingKey()))
}

func TestIssuersOfOtherClouds(t *testing.T) {
	for authority, v1 := range map[string]string{
		"https://login.microsoftonline.us": "https://sts.windows.net/{tid}/", "https://login.partner.microsoftonline.cn": "https://sts.chinacloudapi.cn/{tid}/",
	} {
		got := identity.EntraIssuersAt(authority, client, []string{"api://fabric"})
		want := []identity.Issuer{{Name: authority + "/{tid}/v2.0", Audience: client, Version: "2.0"}, {Name: v1, Audience: "api://fabric", Version: "1.0"}}
		if !cmp.Equal(got, want) {
			t.Errorf("EntraIssuersAt(%s) = %v, want %v", authority, got, want)
		}
	}
}

func TestValidatorsNeedKeysOfOneKind(t *testing.T) {
	keys := keySet(t, map[string]jwkset.JWKOptions{"k1": {}})
	for name, c := range map[string]identity.Config{
		"none": {Scope: "s", Now: time.Now}, "both": {Scope: "s", Now: time.Now, Keys: keys, TenantKeys: &tenantKeys{}},
		"no scope": {Now: time.Now, Keys: keys}, "no clock": {Scope: "s", Keys: keys},
	} {
		if _, err := identity.NewValidator(c); err == nil {
			t.Errorf("NewValidator(%s) = nil, want an error", name)
		}
	}
}
