package grant

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// EnvironmentKey is the HMAC key of an environment, and during rotation the
// one before it.
type EnvironmentKey struct {
	Current  *policy.Key
	Previous *policy.Key // nil outside rotation
}

const (
	secretLength = 32 // what NewEnvironmentKey makes
	shortest     = 32
	longest      = 128
	maxKeyText   = 4096
)

// NewEnvironmentKey makes the text of a new key from random:
//
//	{"schema": 1, "current": {"id": "…", "secret": "<base64>"}}
//
// The same text serves as a file and as a secret in a vault. Whoever reads it
// can make digests: it is a secret.
func NewEnvironmentKey(random io.Reader) ([]byte, error) {
	secret := make([]byte, secretLength)
	if _, err := io.ReadFull(random, secret); err != nil {
		return nil, fmt.Errorf("make an environment key: %w", err)
	}
	text := fmt.Sprintf(`{"schema":1,"current":{"id":%q,"secret":%q}}`+"\n",
		keyID(secret), base64.StdEncoding.EncodeToString(secret))
	return []byte(text), nil
}

// ParseEnvironmentKey reads the text of a key, with a "previous" beside
// "current" during rotation. An id that is not its secret's means damage, and
// is an error: under another key no approval would be found again. No error
// holds anything of the text.
func ParseEnvironmentKey(text []byte) (EnvironmentKey, error) {
	if len(text) > maxKeyText {
		return EnvironmentKey{}, errors.New("environment key: too long")
	}
	v, err := strictjson.Parse(text, strictjson.Limits{Depth: 3, Names: 10})
	if err != nil {
		return EnvironmentKey{}, fmt.Errorf("environment key: %w", err)
	}
	if v.Get("schema").Text() != "1" {
		return EnvironmentKey{}, errors.New("environment key: not of schema 1")
	}
	key := EnvironmentKey{}
	if key.Current, err = parseKey(v.Get("current")); err != nil {
		return EnvironmentKey{}, fmt.Errorf("environment key: current: %w", err)
	}
	if v.Get("previous").Missing() {
		return key, nil
	}
	if key.Previous, err = parseKey(v.Get("previous")); err != nil {
		return EnvironmentKey{}, fmt.Errorf("environment key: previous: %w", err)
	}
	if key.Previous.ID() == key.Current.ID() {
		return EnvironmentKey{}, errors.New("environment key: current and previous are the same")
	}
	return key, nil
}

func parseKey(v strictjson.Value) (*policy.Key, error) {
	secret, err := base64.StdEncoding.Strict().DecodeString(v.Get("secret").Text())
	if err != nil {
		return nil, errors.New("the secret is not base64")
	}
	if len(secret) < shortest || len(secret) > longest {
		return nil, fmt.Errorf("the secret has %d bytes, want %d to %d", len(secret), shortest, longest)
	}
	id := keyID(secret)
	if v.Get("id").Text() != id {
		return nil, errors.New("the id is not that of the secret")
	}
	return policy.NewKey(id, secret), nil
}

// keyID names a secret without giving it away.
func keyID(secret []byte) string {
	sum := sha256.Sum256(append([]byte("fabric-key-id-v1\n"), secret...))
	return hex.EncodeToString(sum[:8])
}
