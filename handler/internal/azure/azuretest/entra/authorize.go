package entra

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Authorize is what a service in Azure demands of its callers: a token that
// this issuer signed, in force, for that audience, with all of the roles. It
// reads both Bearer and the form that Cosmos DB has of its own. The error says
// what is wrong and holds nothing of the token.
func (i *Issuer) Authorize(audience string, roles ...string) func(*http.Request) error {
	return func(r *http.Request) error {
		token, err := tokenOf(r)
		if err != nil {
			return err
		}
		c, err := i.verify(token)
		if err != nil {
			return err
		}
		now := i.options.Now().Unix()
		switch {
		case strings.TrimSuffix(c.Audience, "/") != strings.TrimSuffix(audience, "/"):
			return fmt.Errorf("the token is for another audience than %s", audience)
		case c.Expires <= now || c.NotBefore > now:
			return errors.New("the token is not in force")
		}
		for _, role := range roles {
			if !slices.Contains(c.Roles, role) {
				return fmt.Errorf("the token lacks the role %s", role)
			}
		}
		return nil
	}
}

type checked struct {
	Audience  string   `json:"aud"`
	Expires   int64    `json:"exp"`
	NotBefore int64    `json:"nbf"`
	Roles     []string `json:"roles"`
}

// tokenOf is the token of a request. Cosmos DB's form is
// type=aad&ver=1.0&sig=TOKEN, with or without URL escapes.
func tokenOf(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", fmt.Errorf("%d Authorization headers, want one", len(values))
	}
	if token, ok := strings.CutPrefix(values[0], "Bearer "); ok {
		return token, nil
	}
	plain, err := url.QueryUnescape(values[0])
	if err != nil {
		return "", errors.New("the Authorization header is not URL-encoded")
	}
	token, ok := strings.CutPrefix(plain, "type=aad&ver=1.0&sig=")
	if !ok {
		return "", errors.New("the Authorization header holds neither Bearer nor Cosmos DB's form")
	}
	return token, nil
}

func (i *Issuer) verify(token string) (checked, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return checked{}, errors.New("the token is no JWT")
	}
	var header struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	}
	var c checked
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err = errors.Join(err, decode(parts[0], &header), decode(parts[1], &c)); err != nil {
		return checked{}, errors.New("the token is not readable")
	}
	key, ok := i.key(header.Kid)
	if !ok || key.rsa == nil || header.Alg != "RS256" {
		return checked{}, errors.New("the token is not signed with a key of this issuer")
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(&key.rsa.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return checked{}, errors.New("the token's signature does not fit")
	}
	return c, nil
}

func decode(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
