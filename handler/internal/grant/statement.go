package grant

import (
	"context"
	"fmt"
	"strings"
)

// Type is what a signed statement is about: the typ of its header, so that
// none is ever taken for another (RFC 8725 §3.11).
type Type string

// The types of statements. A grant has a type of its own, and [Verify].
const (
	AnchorType   Type = "fabric-anchor+jwt"   // of the audit log
	ManifestType Type = "fabric-manifest+jwt" // of the catalog
)

// maxStatement is the longest statement, in bytes: a manifest of 1,000 packs.
const maxStatement = 2 << 20

// Sign signs a payload as a compact JWS of a type (RFC 7515 §3.1) with the
// current key, which is kept first. The payload is not looked into.
func (i *Issuer) Sign(ctx context.Context, typ Type, payload []byte) (string, error) {
	key, err := i.current(ctx)
	if err != nil {
		return "", err
	}
	return i.signText(ctx, key, string(typ), payload)
}

// Open checks a statement of that type and returns its payload and the id of
// the key that signed it. The error is a [*RefusedError].
func Open(ctx context.Context, typ Type, statement string, keys Keys) (payload []byte, kid string, err error) {
	if len(statement) > maxStatement {
		return nil, "", refuse("it is longer than 2 MiB")
	}
	return open(ctx, statement, keys, string(typ))
}

// Match is [Open] for whoever knows what must have been signed: the error says
// whether that was.
func Match(ctx context.Context, typ Type, statement string, keys Keys, payload []byte) error {
	signed, _, err := Open(ctx, typ, statement, keys)
	if err != nil {
		return err
	}
	if string(signed) != string(payload) {
		return refuse("it was signed for something else")
	}
	return nil
}

// KeyID is the key id in a statement's header, unchecked: for messages.
func KeyID(typ Type, statement string) (string, error) {
	header, _, _ := strings.Cut(statement, ".")
	kid, err := readHeader(header, string(typ))
	if err != nil {
		return "", fmt.Errorf("statement: %w", err)
	}
	return kid, nil
}
