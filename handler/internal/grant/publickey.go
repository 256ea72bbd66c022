package grant

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	algorithm = "ES256"
	curve     = "P-256"
	keyType   = "EC"
	keyUse    = "sig"

	coordinate       = 32 // bytes
	thumbprintLength = 43 // characters
	uncompressed     = 4  // the first byte of an uncompressed point, SEC 1
)

// PublicKey is a key that signatures are checked with: on P-256, and for ES256
// only. Its id is its RFC 7638 thumbprint, so that no two keys share one and a
// key cannot be put under the id of another; it is a plain file name.
type PublicKey struct {
	id  string
	key *ecdsa.PublicKey
	x   string // base64url
	y   string
}

// NewPublicKey names a key. The error is for any curve but P-256.
func NewPublicKey(key *ecdsa.PublicKey) (PublicKey, error) {
	if key == nil || key.Curve != elliptic.P256() {
		return PublicKey{}, errors.New("the key is not on P-256")
	}
	point, err := key.Bytes()
	if err != nil {
		return PublicKey{}, fmt.Errorf("name a key: %w", err)
	}
	p := PublicKey{key: key, x: encode(point[1 : 1+coordinate]), y: encode(point[1+coordinate:])}
	sum := sha256.Sum256(strictjson.AppendCanonical(nil, object(
		member("crv", text(curve)), member("kty", text(keyType)), member("x", text(p.x)), member("y", text(p.y)),
	)))
	p.id = encode(sum[:])
	return p, nil
}

// ID is the key's kid.
func (p PublicKey) ID() string { return p.id }

// JWK is the key in the form of RFC 7517. Equal keys give equal bytes.
func (p PublicKey) JWK() []byte { return strictjson.AppendCanonical(nil, p.value()) }

func (p PublicKey) value() strictjson.Value {
	return object(
		member("alg", text(algorithm)), member("crv", text(curve)), member("kid", text(p.id)), member("kty", text(keyType)),
		member("use", text(keyUse)), member("x", text(p.x)), member("y", text(p.y)),
	)
}

// jwkNames are what a key may hold; no "d": a private key in a public place is
// lost, and not to be used.
var jwkNames = []string{"alg", "crv", "kid", "kty", "use", "x", "y"}

func parsePublicKey(v strictjson.Value) (PublicKey, error) {
	if !holdsExactly(v, jwkNames...) {
		return PublicKey{}, errors.New("a key holds other members than alg, crv, kid, kty, use, x and y")
	}
	for name, want := range map[string]string{"alg": algorithm, "crv": curve, "kty": keyType, "use": keyUse} {
		if v.Get(name).Kind() != strictjson.String || v.Get(name).Text() != want {
			return PublicKey{}, fmt.Errorf("a key's %s is not %s", name, want)
		}
	}
	point := []byte{uncompressed}
	for _, name := range []string{"x", "y"} {
		number, err := decode(v.Get(name).Text())
		if err != nil || len(number) != coordinate || v.Get(name).Kind() != strictjson.String {
			return PublicKey{}, fmt.Errorf("a key's %s is not 32 bytes in base64url", name)
		}
		point = append(point, number...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return PublicKey{}, errors.New("a key is no point of P-256")
	}
	p, err := NewPublicKey(key)
	if err != nil {
		return PublicKey{}, err
	}
	if kid := v.Get("kid"); kid.Kind() != strictjson.String || kid.Text() != p.id {
		return PublicKey{}, errors.New("a key's kid is not its thumbprint")
	}
	return p, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decode takes one spelling only: base64 decoders skip line ends and bits under
// the end, which would make two texts of one.
func decode(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || encode(b) != s {
		return nil, errors.New("not base64url")
	}
	return b, nil
}
