package entra

import (
	"encoding/json"
	"maps"
	"time"
)

// Claims are a token's, by name. Where they edit others, nil removes a claim.
type Claims map[string]any

// Person are the claims of a delegated access token: Ana's, through Flow.
// Version is "1.0" or "2.0".
func (i *Issuer) Person(version string, edit Claims) Claims {
	c := i.access(version)
	c["scp"], c["idtyp"], c["oid"], c["upn"] = "User.Read "+Scope, "user", Ana, "ana@contoso.com"
	c["sub"], c["name"] = "pairwise-ana", "Ana"
	return c.edited(edit)
}

// Application are the claims of an application's own access token: Flow's.
func (i *Issuer) Application(version string, edit Claims) Claims {
	c := i.access(version)
	c["idtyp"], c["oid"], c["sub"] = "app", "aaaaaaaa-0000-4000-8000-0000000000a1", "aaaaaaaa-0000-4000-8000-0000000000a1"
	return c.edited(edit)
}

// SignedIn are the claims of an ID token for the service itself: Ana's.
func (i *Issuer) SignedIn(edit Claims) Claims {
	c := i.dated()
	c["ver"], c["aud"], c["iss"] = "2.0", ClientID, i.issuerV2(Tenant)
	c["oid"], c["upn"], c["name"], c["preferred_username"] = Ana, "ana@contoso.com", "Ana", "ana@contoso.com"
	c["nonce"], c["sub"], c["roles"] = "n-0S6_WzA2Mj", "pairwise-ana", []string{"Fabric.Approver"}
	return c.edited(edit)
}

// access are the claims that all access tokens for the service have.
func (i *Issuer) access(version string) Claims {
	c := i.dated()
	c["ver"], c["roles"] = version, []string{"Fabric.Authorize"}
	if version == "1.0" {
		c["aud"], c["iss"], c["appid"], c["appidacr"] = Audience, issuerV1(Tenant), Flow, "1"
	} else {
		c["aud"], c["iss"], c["azp"], c["azpacr"] = ClientID, i.issuerV2(Tenant), Flow, "1"
	}
	return c
}

func (i *Issuer) dated() Claims {
	now := i.options.Now().Unix()
	return Claims{"tid": Tenant, "iat": now, "nbf": now, "exp": now + int64(time.Hour/time.Second), "uti": "u-1", "rh": "0.A"}
}

func (c Claims) edited(edit Claims) Claims {
	out := maps.Clone(c)
	for name, value := range edit {
		if out[name] = value; value == nil {
			delete(out, name)
		}
	}
	return out
}

// Token signs claims as Entra would.
func (i *Issuer) Token(c Claims) string { return i.TokenWith(nil, c) }

// TokenWith signs claims under a header edited so. Its kid names the key that
// signs, as long as the issuer has one of that name.
func (i *Issuer) TokenWith(header, c Claims) string {
	i.mu.Lock()
	signing := i.signing
	i.mu.Unlock()
	h := Claims{"typ": "JWT", "alg": "RS256", "kid": signing, "x5t": signing}.edited(header)
	key, ok := i.key(signing)
	if kid, named := h["kid"].(string); named {
		if k, known := i.key(kid); known {
			key, ok = k, true
		}
	}
	if !ok {
		panic("entra: no key to sign with")
	}
	return key.sign(text(h), text(c))
}

// Raw signs exactly these texts with a key of the issuer.
func (i *Issuer) Raw(kid, header, claims string) string {
	key, ok := i.key(kid)
	if !ok {
		panic("entra: no key " + kid)
	}
	return key.sign(header, claims)
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
