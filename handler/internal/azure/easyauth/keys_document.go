package easyauth

import (
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"strings"

	"github.com/MicahParks/jwkset"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	minKeyBits = 2048
	maxKeyBits = 8192 // checking a signature must not be work for an attacker to give
	maxKeyID   = 256
	maxKeys    = 100
)

// keysOf are the keys of a document that may sign tokens of the tenant, by id.
// The others are nothing: Entra may publish what we do not know. Two different
// keys of one id are none.
func keysOf(document strictjson.Value, issuer, tenant string) map[string]jwkset.JWK {
	keys := map[string]jwkset.JWK{}
	twice := map[string]bool{}
	for n, member := range document.Get("keys").Items() {
		if n == maxKeys {
			break
		}
		kid, key := readKey(member, issuer, tenant)
		if key == nil {
			continue
		}
		jwk, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{
			Metadata: jwkset.JWKMetadataOptions{KID: kid, ALG: jwkset.AlgRS256, USE: jwkset.UseSig},
		})
		if err != nil {
			continue
		}
		if other, ok := keys[kid]; ok && !key.Equal(other.Key()) {
			twice[kid] = true
		}
		keys[kid] = jwk
	}
	for kid := range twice {
		delete(keys, kid)
	}
	return keys
}

// readKey is a key and its id; nil if it may not sign tokens of the tenant.
// Certificates and addresses in it are not looked at.
func readKey(v strictjson.Value, issuer, tenant string) (string, *rsa.PublicKey) {
	kid := v.Get("kid").Text()
	switch {
	case v.Get("kid").Kind() != strictjson.String || kid == "" || len(kid) > maxKeyID:
		return "", nil
	case v.Get("kty").Text() != "RSA" || !isOr(v.Get("use"), "sig") || !isOr(v.Get("alg"), "RS256"):
		return "", nil
	case !signsFor(v.Get("issuer"), issuer, tenant):
		return "", nil
	}
	n, e := number(v.Get("n")), number(v.Get("e"))
	if n == nil || e == nil || n.BitLen() < minKeyBits || n.BitLen() > maxKeyBits || n.Bit(0) == 0 ||
		e.BitLen() > 31 || e.Bit(0) == 0 || e.BitLen() < 2 {
		return "", nil
	}
	return kid, &rsa.PublicKey{N: n, E: int(e.Int64())}
}

// isOr reports a member that is absent or has that text.
func isOr(v strictjson.Value, want string) bool {
	return v.Kind() == strictjson.Absent || v.Kind() == strictjson.String && v.Text() == want
}

// signsFor honours the issuer that Entra may give a key: one tenant's, or
// {tenantid} for all whose document it stands in.
func signsFor(v strictjson.Value, issuer, tenant string) bool {
	if v.Kind() == strictjson.Absent {
		return true
	}
	return v.Kind() == strictjson.String && strings.EqualFold(strings.ReplaceAll(v.Text(), "{tenantid}", tenant), issuer)
}

// number is a Base64urlUInt, nil if it is none.
func number(v strictjson.Value) *big.Int {
	b, err := base64.RawURLEncoding.Strict().DecodeString(v.Text())
	if err != nil || len(b) == 0 || len(b) > maxKeyBits/8+1 {
		return nil
	}
	return new(big.Int).SetBytes(b)
}
