package grant

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// ErrUnknownKey is told of a key id that is not in a set.
var ErrUnknownKey = errors.New("no such key")

const (
	maxKeys       = 100
	maxKeySetText = 64 << 10
)

// Keys finds public keys by their id, in a set of its own and never by
// anything else that a token says. The error is [ErrUnknownKey] for an id that
// the set does not hold; any other means that nobody knows. It must be safe
// for concurrent use.
type Keys interface {
	Key(ctx context.Context, kid string) (*ecdsa.PublicKey, error)
}

// KeySet is a fixed set of keys. The zero KeySet is empty.
type KeySet struct {
	keys []PublicKey
}

var _ Keys = KeySet{}

// NewKeySet is a set of keys, in their order; each counts once.
func NewKeySet(keys ...PublicKey) KeySet {
	var s KeySet
	for _, k := range keys {
		if _, twice := s.find(k.id); !twice {
			s.keys = append(s.keys, k)
		}
	}
	return s
}

// ParseKeySet reads a JWKS document (RFC 7517 §5), strictly: ES256 keys on
// P-256 under their thumbprints and nothing else. One key that is otherwise
// refuses the whole document, which then is not one of this service.
func ParseKeySet(document []byte) (KeySet, error) {
	if len(document) > maxKeySetText {
		return KeySet{}, errors.New("key set: too long")
	}
	v, err := strictjson.Parse(document, strictjson.Limits{Depth: 3, Names: maxKeys*len(jwkNames) + 1})
	if err != nil {
		return KeySet{}, fmt.Errorf("key set: %w", err)
	}
	list := v.Get("keys")
	if !holdsExactly(v, "keys") || list.Kind() != strictjson.Array {
		return KeySet{}, errors.New("key set: not an object that holds a list of keys and nothing else")
	}
	var s KeySet
	for _, item := range list.Items() {
		key, err := parsePublicKey(item)
		if err != nil {
			return KeySet{}, fmt.Errorf("key set: %w", err)
		}
		if _, twice := s.find(key.id); twice {
			return KeySet{}, errors.New("key set: a key stands twice")
		}
		s.keys = append(s.keys, key)
	}
	return s, nil
}

// Document is the set as a JWKS document. Equal sets give equal bytes.
func (s KeySet) Document() []byte {
	items := make([]strictjson.Value, 0, len(s.keys))
	for _, k := range s.keys {
		items = append(items, k.value())
	}
	return strictjson.AppendCanonical(nil, object(member("keys", strictjson.ArrayOf(items...))))
}

// Keys are the keys of the set, in its order.
func (s KeySet) Keys() []PublicKey { return slices.Clone(s.keys) }

// Key implements [Keys].
func (s KeySet) Key(_ context.Context, kid string) (*ecdsa.PublicKey, error) {
	if k, ok := s.find(kid); ok {
		return k.key, nil
	}
	return nil, ErrUnknownKey
}

func (s KeySet) find(kid string) (PublicKey, bool) {
	for _, k := range s.keys {
		if k.id == kid {
			return k, true
		}
	}
	return PublicKey{}, false
}
