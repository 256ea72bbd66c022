package grant_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

func publicKey(t testing.TB) grant.PublicKey {
	t.Helper()
	key, err := grant.NewPublicKey(&newKey(t).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// What is published is read back alike, byte for byte.
func TestKeySetRoundTrip(t *testing.T) {
	a, b := publicKey(t), publicKey(t)
	set := grant.NewKeySet(a, b, a)
	read, err := grant.ParseKeySet(set.Document())
	if err != nil || !bytes.Equal(read.Document(), set.Document()) || len(read.Keys()) != 2 || read.Keys()[0].ID() != a.ID() {
		t.Errorf("ParseKeySet(%s) = %s, %v, want the same two keys", set.Document(), read.Document(), err)
	}
	if key, err := read.Key(t.Context(), b.ID()); err != nil || key == nil {
		t.Errorf("Key(%s) = %v, %v, want it", b.ID(), key, err)
	}
	if key, err := read.Key(t.Context(), "x"); !errors.Is(err, grant.ErrUnknownKey) || key != nil {
		t.Errorf("Key(x) = %v, %v, want %v", key, err, grant.ErrUnknownKey)
	}
	if empty, err := grant.ParseKeySet([]byte(`{"keys":[]}`)); err != nil || len(empty.Keys()) != 0 {
		t.Errorf("ParseKeySet of none = %v, %v", empty, err)
	}
}

// The kid is the key's RFC 7638 thumbprint, and a plain file name.
func TestKeyIDIsTheThumbprint(t *testing.T) {
	key := publicKey(t)
	var jwk struct{ X, Y, Kid string }
	if err := json.Unmarshal(key.JWK(), &jwk); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + jwk.X + `","y":"` + jwk.Y + `"}`))
	if want := encode(string(sum[:])); key.ID() != want || jwk.Kid != want {
		t.Errorf("kid = %s, in the JWK %s, want %s", key.ID(), jwk.Kid, want)
	}
	if strings.Trim(key.ID(), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("kid = %q is no plain file name", key.ID())
	}
}

func TestNewPublicKeyWantsP256(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]*ecdsa.PublicKey{"nil": nil, "P-384": &other.PublicKey} {
		if got, err := grant.NewPublicKey(key); err == nil {
			t.Errorf("%s: NewPublicKey = %v, want an error", name, got)
		}
	}
}

// A key set is of this service or it is none: P-256 and ES256 under the
// thumbprint, nothing private, nothing twice.
func TestParseKeySetRefuses(t *testing.T) {
	a, b := publicKey(t), publicKey(t)
	good := string(grant.NewKeySet(a, b).Document())
	for _, m := range []struct{ name, old, with string }{
		{"RSA", `"kty":"EC"`, `"kty":"RSA"`},
		{"oct", `"kty":"EC"`, `"kty":"oct"`},
		{"P-384", `"crv":"P-256"`, `"crv":"P-384"`},
		{"secp256k1", `"crv":"P-256"`, `"crv":"secp256k1"`},
		{"ES384", `"alg":"ES256"`, `"alg":"ES384"`},
		{"no alg", `"alg":"ES256",`, ``},
		{"for encryption", `"use":"sig"`, `"use":"enc"`},
		{"a private part", `"crv"`, `"d":"AA","crv"`},
		{"a certificate", `"crv"`, `"x5c":["MIIB"],"crv"`},
		{"an address", `"crv"`, `"x5u":"https://evil.example","crv"`},
		{"key_ops", `"crv"`, `"key_ops":["sign"],"crv"`},
		{"the kid of another", `"kid":"` + a.ID(), `"kid":"` + b.ID()},
		{"a kid of its own", `"kid":"` + a.ID(), `"kid":"k1`},
		{"a kid twice", `"kid":`, `"kid":"x","kid":`},
		{"no kid", `"kid":"` + a.ID() + `",`, ``},
		{"a coordinate changed", `"x":"`, `"x":"A`},
		{"a short coordinate", `"x":"`, `"x":"AA","y":"`},
		{"a number", `"x":"`, `"x":1,"z":"`},
		{"another member beside keys", `{"keys"`, `{"next":"","keys"`},
		{"keys twice", `{"keys"`, `{"keys":[],"keys"`},
		{"keys an object", good, `{"keys":{}}`},
		{"keys in another case", `"keys"`, `"Keys"`},
		{"a text among them", `[{`, `["x",{`},
		{"a null among them", `[{`, `[null,{`},
		{"the same twice", good, `{"keys":[` + string(a.JWK()) + `,` + string(a.JWK()) + `]}`},
		{"a list", good, `[` + good + `]`},
		{"one key alone", good, string(a.JWK())},
		{"null", good, `null`},
		{"empty", good, ``},
		{"HTML", good, `<html>`},
		{"something behind", good, good + `{}`},
		{"too long", good, good + strings.Repeat(" ", 64<<10)},
		{"too many", good, `{"keys":[` + strings.TrimSuffix(strings.Repeat(string(a.JWK())+",", 200), ",") + `]}`},
	} {
		if set, err := grant.ParseKeySet([]byte(edit(t, good, m.old, m.with))); err == nil || len(set.Keys()) != 0 {
			t.Errorf("%s: ParseKeySet = %s, %v, want an error and no key", m.name, set.Document(), err)
		}
	}
	off := strings.Replace(string(a.JWK()), `"y":"`, `"y":"`, 1)
	y := strings.Index(off, `"y":"`) + 5
	off = off[:y] + strings.Repeat("A", 43) + off[y+43:]
	if set, err := grant.ParseKeySet([]byte(`{"keys":[` + off + `]}`)); err == nil {
		t.Errorf("ParseKeySet of a point off the curve = %s, want an error", set.Document())
	}
}
