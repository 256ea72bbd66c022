package identity

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const maxKeyID = 256

// Bearer takes the token out of an Authorization header. Present is false
// where there is no such header at all; anything but exactly one bearer token
// is an [*UnauthenticatedError], so that no caller is taken for somebody who
// sent none.
func Bearer(h http.Header) (token string, present bool, err error) {
	values := h["Authorization"]
	if len(values) == 0 {
		return "", false, nil
	}
	if len(values) > 1 {
		return "", true, refuse("the Authorization header stands twice")
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || !isCompact(token) {
		return "", true, refuse("the Authorization header must be: Bearer, a blank and one token")
	}
	return token, true, nil
}

// isCompact reports whether s is three base64url parts joined by dots.
func isCompact(s string) bool {
	dots, last := 0, -1
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if last == i-1 {
				return false
			}
			last = i
			dots++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return dots == 2 && last < len(s)-1
}

// checkHeader reads the token's header strictly and returns its key id. Names
// that bring a key along or change how the token is read are refused, whatever
// they say (RFC 8725 §3.10). A nonce is one: Entra puts it into tokens for its
// own services and signs another header than the one it sends.
func checkHeader(token string) (kid string, err error) {
	encoded, _, ok := strings.Cut(token, ".")
	if !ok {
		return "", refuse("the bearer token is not a signed JWT")
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", refuse("the token's header is not base64url")
	}
	header, err := strictjson.Parse(text, strictjson.Limits{Depth: 4, Names: 32})
	if err != nil || header.Kind() != strictjson.Object {
		return "", refuse("the token's header is not a strict JSON object")
	}
	for _, m := range header.Members() {
		switch m.Name {
		case "jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc", "nonce":
			return "", refuse("the token's header holds a name that is never followed: " + m.Name)
		}
	}
	return keyID(header)
}

func keyID(header strictjson.Value) (string, error) {
	if header.Get("alg").Text() != "RS256" {
		return "", refuse("the token is not signed with RS256")
	}
	if !strings.EqualFold(header.Get("typ").Text(), "JWT") {
		return "", refuse("the token's type is not JWT")
	}
	kid := header.Get("kid")
	if kid.Kind() != strictjson.String || !isIdentifier(kid.Text(), maxKeyID) {
		return "", refuse("the token names no key")
	}
	return kid.Text(), nil
}
