package identity_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
)

// T17: the same for how a token is signed and spelled.
func TestForgedTokensAreRefused(t *testing.T) {
	v := entra(t)
	good := sign(goodHeader, goodPerson, signingKey())
	text, signature := good[:strings.LastIndex(good, ".")], good[strings.LastIndex(good, ".")+1:]
	for name, token := range map[string]string{
		"empty":                         "",
		"two parts":                     text,
		"empty signature":               text + ".",
		"four parts":                    good + ".x",
		"five parts as encrypted":       good + ".x.y",
		"signature of other bytes":      text + "." + encode("signature"),
		"signature cut":                 good[:len(good)-4],
		"signature with a bit flipped":  text + "." + flip(signature),
		"signature padded":              good + "=",
		"signature in standard base64":  text + "." + base64.StdEncoding.EncodeToString([]byte("x")),
		"non-canonical base64":          text + "." + signature[:len(signature)-1] + nonCanonical(signature[len(signature)-1]),
		"another claims part":           encode(goodHeader) + "." + encode(goodApp) + "." + signature,
		"another header part":           encode(edit(t, goodHeader, "abc", "abd")) + text[strings.Index(text, "."):] + "." + signature,
		"signed with another key":       sign(goodHeader, goodPerson, otherKey()),
		"signed with a short key":       sign(edit(t, goodHeader, "k1", "short"), goodPerson, shortKey()),
		"HS256 with the public key":     hs256(t, edit(t, goodHeader, "RS256", "HS256")),
		"HS256 text under RS256 header": hs256(t, goodHeader),
		"none without a signature":      encode(edit(t, goodHeader, "RS256", "none")) + "." + encode(goodPerson) + ".",
		"a blank in front":              " " + good,
		"a line feed behind":            good + "\n",
		"too long":                      good + strings.Repeat("A", 20<<10),
	} {
		refused(t, v, name, token)
	}
}

func flip(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

// nonCanonical is another last character that a lenient decoder reads alike:
// 256 bytes leave four bits of the last character unused, and unset.
func nonCanonical(last byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, last)|1])
}

func hs256(t *testing.T, header string) string {
	der, err := x509.MarshalPKIXPublicKey(signingKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	text := encode(header) + "." + encode(goodPerson)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
