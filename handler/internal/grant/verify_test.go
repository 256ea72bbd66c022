package grant_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

const claimsText = `{"iss":"https://fabric.example","aud":"api://purchasing","sub":"finance-agent",` +
	`"act":{"oid":"0a0a0a0a-0000-4000-8000-00000000000a","upn":"ana@contoso.com"},"app":"aaaaaaaa-0000-4000-8000-000000000001",` +
	`"ten":"11111111-1111-1111-1111-111111111111","call":{"action":"CreatePO","resource":{"type":"PurchaseOrder","id":"PO-1001"}},` +
	`"eff":"sha256:` + digest64 + `","obl":[{"type":"mask","path":"output.**.iban","method":"last4"}],"jti":"01JD0000000000000000000000",` +
	`"iat":1795290720,"nbf":1795290720,"exp":1795291620,"req":"hmac-sha256:` + digest64 + `","apr":"","pol":["sha256:` + digest64 + `"]}`

// bench is a verifier with one key, and who can sign with it.
type bench struct {
	key    *ecdsa.PrivateKey
	kid    string
	other  string // kid of a second key in the set
	keys   grant.KeySet
	header string
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{key: newKey(t)}
	public, err := grant.NewPublicKey(&b.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	second, err := grant.NewPublicKey(&newKey(t).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	b.kid, b.other, b.keys = public.ID(), second.ID(), grant.NewKeySet(public, second)
	b.header = `{"alg":"ES256","typ":"fabric-grant+jwt","kid":"` + b.kid + `"}`
	return b
}

func (b *bench) verify(token string) (grant.Claims, error) {
	return grant.Verify(context.Background(), token, b.keys, grant.Expected{Issuer: service, Audience: audience, Now: at})
}

func (b *bench) refused(t *testing.T, name, token string) {
	t.Helper()
	c, err := b.verify(token)
	var refused *grant.RefusedError
	if !errors.As(err, &refused) || !cmp.Equal(c, grant.Claims{}) {
		t.Errorf("%s: Verify() = %+v, %v, want nothing and a RefusedError", name, c, err)
	} else if len(refused.Reason) > 80 || strings.Contains(refused.Reason, "evil") {
		t.Errorf("%s: reason %q is not one of ours", name, refused.Reason)
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

func TestForgedTokenOfTheKeyIsTaken(t *testing.T) {
	b := newBench(t)
	if _, err := b.verify(forge(t, b.key, b.header, claimsText)); err != nil {
		t.Errorf("Verify(good) = %v, want it taken: the cases below change it", err)
	}
	if _, err := b.verify(forge(t, b.key, b.header, edit(t, claimsText, `{"iss"`, `{"new":{"a":[1]},"iss"`))); err != nil {
		t.Errorf("Verify(with a claim of a later version) = %v, want it taken", err)
	}
}

// T17: whatever is altered in the header, the token does not count, though its
// signature fits what stands there.
func TestAlteredHeadersAreRefused(t *testing.T) {
	b := newBench(t)
	for _, m := range []struct{ name, old, with string }{
		{"alg none", `ES256`, `none`},
		{"alg None", `ES256`, `None`},
		{"alg empty", `ES256`, ``},
		{"alg HS256", `ES256`, `HS256`},
		{"alg RS256", `ES256`, `RS256`},
		{"alg ES384", `ES256`, `ES384`},
		{"alg ES256K", `ES256`, `ES256K`},
		{"alg EdDSA", `ES256`, `EdDSA`},
		{"alg in lower case", `ES256`, `es256`},
		{"alg absent", `"alg":"ES256",`, ``},
		{"alg null", `"ES256"`, `null`},
		{"alg a list", `"ES256"`, `["ES256"]`},
		{"alg twice", `"alg":"ES256"`, `"alg":"none","alg":"ES256"`},
		{"alg twice, in another case", `"alg":"ES256"`, `"Alg":"none","alg":"ES256"`},
		{"typ absent", `"typ":"fabric-grant+jwt",`, ``},
		{"typ JWT", `fabric-grant+jwt`, `JWT`},
		{"typ of an anchor", `fabric-grant+jwt`, `fabric-anchor+jwt`},
		{"typ as a whole media type", `fabric-grant+jwt`, `application/fabric-grant+jwt`},
		{"typ in another case", `fabric-grant+jwt`, `Fabric-Grant+JWT`},
		{"typ a number", `"fabric-grant+jwt"`, `1`},
		{"typ twice", `"typ":`, `"typ":"JWT","typ":`},
		{"kid absent", `,"kid":"` + b.kid + `"`, ``},
		{"kid empty", b.kid, ``},
		{"kid null", `"` + b.kid + `"`, `null`},
		{"kid a number", `"` + b.kid + `"`, `1`},
		{"kid a list of two", `"` + b.kid + `"`, `["` + b.kid + `","` + b.other + `"]`},
		{"kid twice", `"kid":`, `"kid":"` + b.other + `","kid":`},
		{"kid of another key of the set", b.kid, b.other},
		{"kid unknown", b.kid, strings.Repeat("A", 43)},
		{"kid in another case", b.kid, swapCase(b.kid)},
		{"kid a path", b.kid, "../../keys/" + b.kid},
		{"kid SQL", b.kid, b.kid[:20] + "' or '1'='1"},
		{"kid with NUL", b.kid, b.kid[:42] + `\u0000`},
		{"kid an address", b.kid, "https://evil.example/keys"},
		{"kid very long", b.kid, strings.Repeat(b.kid, 20)},
		{"jku", `"kid"`, `"jku":"https://evil.example/keys","kid"`},
		{"jwk", `"kid"`, `"jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},"kid"`},
		{"x5u", `"kid"`, `"x5u":"https://evil.example/cert","kid"`},
		{"x5c", `"kid"`, `"x5c":["MIIB"],"kid"`},
		{"x5t", `"kid"`, `"x5t":"abc","kid"`},
		{"crit", `"kid"`, `"crit":["exp"],"kid"`},
		{"b64", `"kid"`, `"b64":false,"kid"`},
		{"zip", `"kid"`, `"zip":"DEF","kid"`},
		{"enc", `"kid"`, `"enc":"A128GCM","kid"`},
		{"cty", `"kid"`, `"cty":"JWT","kid"`},
		{"a list", b.header, `[` + b.header + `]`},
		{"null", b.header, `null`},
		{"empty", b.header, ``},
		{"something behind", b.header, b.header + `{}`},
		{"a byte-order mark", b.header, "\uFEFF" + b.header},
		{"bad UTF-8", `fabric-grant`, "fabric\xff"},
	} {
		b.refused(t, m.name, forge(t, b.key, edit(t, b.header, m.old, m.with), claimsText))
	}
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r ^ 0x20
		}
		return r
	}, s)
}

// T17: every claim is demanded and has one form; names count once.
func TestAlteredClaimsAreRefused(t *testing.T) {
	b := newBench(t)
	for _, m := range []struct{ name, old, with string }{
		{"iss of another service", `https://fabric.example`, `https://evil.example`},
		{"iss with a slash more", `https://fabric.example`, `https://fabric.example/`},
		{"iss in another case", `https://fabric.example`, `https://Fabric.example`},
		{"iss empty", `https://fabric.example`, ``},
		{"iss twice", `"iss":`, `"iss":"https://evil.example","iss":`},
		{"iss twice, in another case", `"iss":`, `"ISS":"https://evil.example","iss":`},
		{"aud of another tool", `api://purchasing`, `api://payroll`},
		{"aud a list of one", `"api://purchasing"`, `["api://purchasing"]`},
		{"aud a list of two", `"api://purchasing"`, `["api://purchasing","api://payroll"]`},
		{"aud empty", `api://purchasing`, ``},
		{"aud a wildcard", `api://purchasing`, `*`},
		{"sub empty", `finance-agent`, ``},
		{"sub a number", `"finance-agent"`, `1`},
		{"act a text", `{"oid":"0a0a0a0a-0000-4000-8000-00000000000a","upn":"ana@contoso.com"}`, `"ana@contoso.com"`},
		{"act without upn", `,"upn":"ana@contoso.com"`, ``},
		{"act with a name more", `,"upn":"ana@contoso.com"`, `,"upn":"ana@contoso.com","act":{}`},
		{"act's oid null", `"0a0a0a0a-0000-4000-8000-00000000000a"`, `null`},
		{"act's oid twice", `"oid":`, `"oid":"evil","oid":`},
		{"app a number", `"aaaaaaaa-0000-4000-8000-000000000001"`, `7`},
		{"ten empty", `11111111-1111-1111-1111-111111111111`, ``},
		{"call a text", `{"action":"CreatePO","resource":{"type":"PurchaseOrder","id":"PO-1001"}}`, `"CreatePO"`},
		{"call without a resource", `,"resource":{"type":"PurchaseOrder","id":"PO-1001"}`, ``},
		{"call's action empty", `"CreatePO"`, `""`},
		{"call's action a list", `"CreatePO"`, `["CreatePO","PayPO"]`},
		{"call's resource null", `{"type":"PurchaseOrder","id":"PO-1001"}`, `null`},
		{"call's id a number", `"PO-1001"`, `1001`},
		{"call's id twice", `"id":"PO-1001"`, `"id":"PO-1","id":"PO-1001"`},
		{"eff without its kind", `"eff":"sha256:`, `"eff":"`},
		{"eff of another kind", `"eff":"sha256:`, `"eff":"sha512:`},
		{"eff in upper case", `abcdef0123456789abcdef"` + `,"obl"`, `ABCDEF0123456789abcdef"` + `,"obl"`},
		{"eff with a line behind", digest64 + `","obl"`, digest64 + `\n","obl"`},
		{"eff null", `"sha256:` + digest64 + `","obl"`, `null,"obl"`},
		{"obl null", `[{"type":"mask","path":"output.**.iban","method":"last4"}]`, `null`},
		{"obl an object", `[{"type":"mask","path":"output.**.iban","method":"last4"}]`, `{}`},
		{"obl with a text in it", `[{"type":"mask","path":"output.**.iban","method":"last4"}]`, `["mask"]`},
		{"obl without its path", `"path":"output.**.iban",`, ``},
		{"obl with a name more", `"method":"last4"`, `"method":"last4","unless":"x"`},
		{"obl's method twice", `"method":"last4"`, `"method":"remove","method":"last4"`},
		{"jti empty", `01JD0000000000000000000000`, ``},
		{"jti a number", `"01JD0000000000000000000000"`, `1`},
		{"jti twice", `"jti":`, `"jti":"x","jti":`},
		{"iat to come", `"iat":1795290720`, `"iat":1795290730`},
		{"iat long ago", `"iat":1795290720`, `"iat":1795280000`},
		{"iat zero", `"iat":1795290720`, `"iat":0`},
		{"iat a text", `"iat":1795290720`, `"iat":"1795290720"`},
		{"nbf to come", `"nbf":1795290720`, `"nbf":1795290721`},
		{"nbf before iat", `"nbf":1795290720`, `"nbf":1795290719`},
		{"nbf null", `"nbf":1795290720`, `"nbf":null`},
		{"exp past", `"exp":1795291620`, `"exp":1795290720`},
		{"exp later than 15 minutes", `"exp":1795291620`, `"exp":1795291621`},
		{"exp in milliseconds", `"exp":1795291620`, `"exp":1795291620000`},
		{"exp enormous", `"exp":1795291620`, `"exp":1e300`},
		{"exp with an exponent", `"exp":1795291620`, `"exp":179529162e1`},
		{"exp with a fraction", `"exp":1795291620`, `"exp":1795291620.0`},
		{"exp a text", `"exp":1795291620`, `"exp":"1795291620"`},
		{"exp negative", `"exp":1795291620`, `"exp":-1795291620`},
		{"exp null", `"exp":1795291620`, `"exp":null`},
		{"exp twice", `"exp":`, `"exp":1,"exp":`},
		{"exp twice, in another case", `"exp":`, `"Exp":9999999999,"exp":`},
		{"req of another kind", `hmac-sha256:`, `sha256:`},
		{"req too short", `"req":"hmac-sha256:0`, `"req":"hmac-sha256:`},
		{"apr a list", `"apr":""`, `"apr":[]`},
		{"apr null", `"apr":""`, `"apr":null`},
		{"pol a text", `["sha256:` + digest64 + `"]`, `"sha256:` + digest64 + `"`},
		{"pol with a number", `"pol":[`, `"pol":[1,`},
		{"pol with another text", `"pol":[`, `"pol":["pack",`},
		{"a name with a Kelvin sign's kin", `"sub":`, `"ſub":"evil","sub":`},
		{"a list", claimsText, `[` + claimsText + `]`},
		{"null", claimsText, `null`},
		{"empty object", claimsText, `{}`},
		{"empty", claimsText, ``},
		{"no JSON", claimsText, `hello`},
		{"something behind", claimsText, claimsText + ` x`},
		{"a second value behind", claimsText, claimsText + claimsText},
		{"a byte-order mark", claimsText, "\uFEFF" + claimsText},
		{"bad UTF-8", `finance-agent`, "finance\xff"},
		{"a lone surrogate", `finance-agent`, `finance\ud800`},
		{"very deep", `"obl":[`, `"obl":` + strings.Repeat("[", 40)},
	} {
		b.refused(t, m.name, forge(t, b.key, b.header, edit(t, claimsText, m.old, m.with)))
	}
	for _, name := range []string{
		"iss", "aud", "sub", "act", "app", "ten", "call", "eff", "obl", "jti", "iat", "nbf", "exp", "req", "apr", "pol",
	} {
		b.refused(t, name+" absent", forge(t, b.key, b.header, edit(t, claimsText, `"`+name+`":`, `"x-`+name+`":`)))
	}
}

// T17: signatures of somebody else, of another kind or in another spelling.
func TestAlteredSignaturesAreRefused(t *testing.T) {
	b := newBench(t)
	good := forge(t, b.key, b.header, claimsText)
	signed, signature := cutSignature(t, good)
	hash := sha256.Sum256([]byte(signed))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	n := elliptic.P256().Params().N
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	bytes32 := func(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r384, s384, err := ecdsa.Sign(rand.Reader, p384, hash[:])
	if err != nil {
		t.Fatal(err)
	}
	for name, with := range map[string][]byte{
		"none":                    {},
		"all zero":                make([]byte, 64),
		"r zero":                  append(make([]byte, 32), signature[32:]...),
		"s zero":                  append(bytes.Clone(signature[:32]), make([]byte, 32)...),
		"r of n":                  append(bytes32(n), signature[32:]...),
		"s of n":                  append(bytes.Clone(signature[:32]), bytes32(n)...),
		"the other s":             append(bytes.Clone(signature[:32]), bytes32(new(big.Int).Sub(n, s))...),
		"r and s exchanged":       append(bytes.Clone(signature[32:]), signature[:32]...),
		"DER":                     der,
		"a byte short":            signature[:63],
		"a byte more":             append(bytes.Clone(signature), 0),
		"zeros in front":          append(make([]byte, 2), signature...),
		"twice":                   append(bytes.Clone(signature), signature...),
		"of P-384":                append(r384.FillBytes(make([]byte, 48)), s384.FillBytes(make([]byte, 48))...),
		"HS256 with the JWK":      mac(b.keys.Keys()[0].JWK(), signed),
		"HS256 with the point":    mac(point(t, b.key), signed),
		"HS256 with the PKIX key": mac(pkix(t, b.key), signed),
		"HS256 with nothing":      mac(nil, signed),
	} {
		b.refused(t, name, signed+"."+encode(string(with)))
	}
	b.refused(t, "somebody else's key", forge(t, newKey(t), b.header, claimsText))
	for i := range signature {
		flipped := bytes.Clone(signature)
		flipped[i] ^= 1 << (i % 8)
		b.refused(t, "a bit flipped", signed+"."+encode(string(flipped)))
	}
	header := edit(t, b.header, "ES256", "HS256")
	forged := encode(header) + "." + encode(claimsText)
	b.refused(t, "alg HS256 under the public key", forged+"."+encode(string(mac(pkix(t, b.key), forged))))
	forged = encode(edit(t, b.header, "ES256", "none")) + "." + encode(claimsText)
	b.refused(t, "alg none without a signature", forged+".")
}

func cutSignature(t *testing.T, token string) (signed string, signature []byte) {
	t.Helper()
	dot := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		t.Fatal(err)
	}
	return token[:dot], signature
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func point(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	p, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func pkix(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// One grant has one spelling: whatever is done to its text makes another.
func TestOtherSpellingsAreRefused(t *testing.T) {
	b := newBench(t)
	good := forge(t, b.key, b.header, claimsText)
	parts := strings.Split(good, ".")
	join := func(header, claims, signature string) string { return header + "." + claims + "." + signature }
	padded := base64.URLEncoding.EncodeToString([]byte(b.header))
	std := strings.NewReplacer("-", "+", "_", "/")
	for name, token := range map[string]string{
		"empty":                    "",
		"dots":                     "..",
		"two parts":                parts[0] + "." + parts[1],
		"four parts":               good + ".x",
		"a dot behind":             good + ".",
		"a dot in front":           "." + good,
		"a blank behind":           good + " ",
		"a line end behind":        good + "\n",
		"a line end in the header": join(parts[0][:8]+"\n"+parts[0][8:], parts[1], parts[2]),
		"CR LF in the signature":   join(parts[0], parts[1], parts[2][:8]+"\r\n"+parts[2][8:]),
		"a padded signature":       join(parts[0], parts[1], parts[2]+"=="),
		"a padded header":          join(padded+"=", parts[1], parts[2]),
		"a bit under the end":      join(parts[0], parts[1], parts[2][:85]+string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", parts[2][85])|1])),
		"Bearer in front":          "Bearer " + good,
		"quoted":                   `"` + good + `"`,
		"as JSON":                  `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
		"claims of another":        join(parts[0], encode(strings.Replace(claimsText, "CreatePO", "DeletePO", 1)), parts[2]),
		"claims spaced":            join(parts[0], encode(strings.Replace(claimsText, ":", ": ", 1)), parts[2]),
		"detached claims":          join(parts[0], "", parts[2]),
		"claims not in base64":     join(parts[0], claimsText, parts[2]),
		"header not in base64":     join(b.header, parts[1], parts[2]),
		"a full-width letter":      join(parts[0], parts[1], "Ａ"+parts[2][1:]),
		"very long":                join(parts[0], parts[1]+strings.Repeat("A", 8<<10), parts[2]),
	} {
		b.refused(t, name, token)
	}
	if signature := std.Replace(parts[2]); signature != parts[2] {
		b.refused(t, "the other alphabet", join(parts[0], parts[1], signature))
	}
	long := edit(t, claimsText, `"pol":[`, `"pol":[`+strings.Repeat(`"sha256:`+digest64+`",`, 80))
	b.refused(t, "a grant longer than 8 kB", forge(t, b.key, b.header, long))
}

// The end of a grant is exact, and leeway only ever brings it nearer.
func TestTimesAndLeeway(t *testing.T) {
	b := newBench(t)
	token := forge(t, b.key, b.header, claimsText)
	start, end := time.Unix(1795290720, 0), time.Unix(1795291620, 0)
	for _, c := range []struct {
		name   string
		now    time.Time
		leeway time.Duration
		ok     bool
	}{
		{"at nbf", start, 0, true},
		{"before nbf", start.Add(-time.Nanosecond), 0, false},
		{"the last moment", end.Add(-time.Nanosecond), 0, true},
		{"at exp", end, 0, false},
		{"after exp", end.Add(time.Hour), 0, false},
		{"a verifier whose clock is behind", start.Add(-10 * time.Second), 10 * time.Second, true},
		{"one whose clock is further behind", start.Add(-11 * time.Second), 10 * time.Second, false},
		{"leeway before exp", end.Add(-10 * time.Second), 10 * time.Second, false},
		{"more than leeway before exp", end.Add(-11 * time.Second), 10 * time.Second, true},
		{"negative leeway at exp", end, -time.Minute, false},
		{"no clock", time.Time{}, 0, false},
	} {
		_, err := grant.Verify(t.Context(), token, b.keys, grant.Expected{Issuer: service, Audience: audience, Now: c.now, Leeway: c.leeway})
		if (err == nil) != c.ok {
			t.Errorf("%s: Verify() = %v, want accepted %v", c.name, err, c.ok)
		}
	}
}

// A verifier that forgot to say who it is takes nothing.
func TestExpectationsStartSafe(t *testing.T) {
	b := newBench(t)
	token := forge(t, b.key, b.header, claimsText)
	for _, c := range []struct {
		name string
		want grant.Expected
		ok   bool
	}{
		{"nothing", grant.Expected{}, false},
		{"no audience", grant.Expected{Issuer: service}, false},
		{"no issuer", grant.Expected{Audience: audience}, false},
		{"another audience", grant.Expected{Issuer: service, Audience: "dev"}, false},
		{"any issuer", grant.Expected{AnyIssuer: true, Audience: audience}, true},
		{"any audience", grant.Expected{Issuer: service, AnyAudience: true}, true},
		{"any audience of another issuer", grant.Expected{Issuer: "https://other.example", AnyAudience: true}, false},
	} {
		c.want.Now = at
		if _, err := grant.Verify(t.Context(), token, b.keys, c.want); (err == nil) != c.ok {
			t.Errorf("%s: Verify() = %v, want accepted %v", c.name, err, c.ok)
		}
	}
	for name, keys := range map[string]grant.Keys{"no keys": grant.KeySet{}, "unreadable keys": brokenKeys{}, "another curve": otherCurve{t}} {
		if _, err := grant.Verify(t.Context(), token, keys, grant.Expected{Issuer: service, Audience: audience, Now: at}); err == nil {
			t.Errorf("%s: Verify() = nil, want an error", name)
		}
	}
}

type brokenKeys struct{}

func (brokenKeys) Key(context.Context, string) (*ecdsa.PublicKey, error) {
	return nil, errors.New("keys cannot be read")
}

type otherCurve struct{ t *testing.T }

func (o otherCurve) Key(context.Context, string) (*ecdsa.PublicKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		o.t.Fatal(err)
	}
	return &key.PublicKey, nil
}

// During rotation grants of both keys count; a key that has left does not.
func TestTwoKeysDuringRotation(t *testing.T) {
	s := newSigner(t)
	i := grant.NewIssuer(service, s, kept)
	old := issue(t, i, facts())
	s.rotate(t)
	fresh := issue(t, i, facts())
	both, err := i.KeySet(t.Context())
	if err != nil || len(both.Keys()) != 2 {
		t.Fatalf("KeySet = %d keys, %v, want two", len(both.Keys()), err)
	}
	newest := grant.NewKeySet(both.Keys()[0])
	for _, c := range []struct {
		name, token string
		keys        grant.KeySet
		ok          bool
	}{
		{"old grant, both keys", old, both, true},
		{"new grant, both keys", fresh, both, true},
		{"old grant, new key", old, newest, false},
		{"new grant, new key", fresh, newest, true},
	} {
		_, err := grant.Verify(t.Context(), c.token, c.keys, grant.Expected{Issuer: service, Audience: audience, Now: at})
		if (err == nil) != c.ok {
			t.Errorf("%s: Verify() = %v, want accepted %v", c.name, err, c.ok)
		}
	}
}

// A signer that gives the larger s makes the same kind of grant.
func TestIssuerNormalizesSignatures(t *testing.T) {
	s := newSigner(t)
	s.high = true
	issue(t, grant.NewIssuer(service, s, kept), facts())
}

// Permits: every part of the call and every parameter counts.
func TestPermits(t *testing.T) {
	f := facts()
	s := newSigner(t)
	i := grant.NewIssuer(service, s, kept)
	token := issue(t, i, f)
	keys, err := i.KeySet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := grant.Verify(t.Context(), token, keys, grant.Expected{Issuer: service, Audience: audience, Now: at})
	if err != nil {
		t.Fatal(err)
	}
	good := grant.Call{Action: f.Action, ResourceType: f.ResourceType, ResourceID: f.ResourceID}
	for _, m := range []struct {
		name, parameters string
		call             grant.Call
		ok               bool
	}{
		{"as granted", `{"amount":70000,"currency":"EUR"}`, good, true},
		{"spelled otherwise", ` { "currency" : "EUR", "amount" : 7.0e4 } `, good, true},
		{"another action", `{"amount":70000,"currency":"EUR"}`, grant.Call{Action: "DeletePO", ResourceType: f.ResourceType, ResourceID: f.ResourceID}, false},
		{"another type", `{"amount":70000,"currency":"EUR"}`, grant.Call{Action: f.Action, ResourceType: "Order", ResourceID: f.ResourceID}, false},
		{"another resource", `{"amount":70000,"currency":"EUR"}`, grant.Call{Action: f.Action, ResourceType: f.ResourceType, ResourceID: "PO-1002"}, false},
		{"another amount", `{"amount":70001,"currency":"EUR"}`, good, false},
		{"the amount as a text", `{"amount":"70000","currency":"EUR"}`, good, false},
		{"a parameter less", `{"amount":70000}`, good, false},
		{"a parameter more", `{"amount":70000,"currency":"EUR","vendor":"V-7"}`, good, false},
		{"a null more", `{"amount":70000,"currency":"EUR","vendor":null}`, good, false},
		{"no parameters", `{}`, good, false},
		{"a list", `[]`, good, false},
	} {
		if err := c.Permits(m.call, parse(m.parameters)); (err == nil) != m.ok {
			t.Errorf("%s: Permits() = %v, want permitted %v", m.name, err, m.ok)
		}
	}
}
