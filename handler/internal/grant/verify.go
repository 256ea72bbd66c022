package grant

import (
	"context"
	"crypto/elliptic"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// RefusedError is a grant that does not count. Reason is a fixed phrase of ours
// and holds nothing that the grant says.
type RefusedError struct {
	Reason string
	cause  error
}

// Error implements error.
func (e *RefusedError) Error() string { return "grant refused: " + e.Reason }

// Unwrap is why the keys could not be read, if it was that.
func (e *RefusedError) Unwrap() error { return e.cause }

func refuse(reason string) error { return &RefusedError{Reason: reason} }

// Expected is what a verifier demands of a grant. The zero Expected takes none.
type Expected struct {
	Issuer      string // the public address of the service
	Audience    string // who the verifier is: the action's audience, else the environment
	AnyIssuer   bool   // take any issuer whose key is in the set
	AnyAudience bool   // take any audience: for whoever runs nothing on the grant's word
	Now         time.Time

	// Leeway is how far the clocks of service and verifier may differ. For a
	// verifier it only ever shortens a grant's life: the grant ends that much
	// before exp, so that also a clock that is behind does not stretch it, and
	// begins that much before nbf, at which moment it was signed.
	Leeway time.Duration
}

// Verify checks a grant and returns what it says. Algorithm and key are ours:
// ES256 with the key that keys has under the token's key id. Header and claims
// are read strictly, and every claim is demanded. The error is a
// [*RefusedError].
//
// It does not know what the verifier is about to do, nor whether the grant was
// used before: see [Claims.Permits], and remember DecisionID until Expires.
func Verify(ctx context.Context, token string, keys Keys, e Expected) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, refuse("it is longer than 8 kB")
	}
	body, _, err := open(ctx, token, keys, tokenType)
	if err != nil {
		return Claims{}, err
	}
	c, err := readClaims(body)
	if err != nil {
		return Claims{}, err
	}
	if err := e.check(&c); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// open checks a compact JWS of a type and returns what was signed, and by
// which key.
func open(ctx context.Context, token string, keys Keys, typ string) (payload []byte, kid string, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, "", refuse("it is not a signed JWT")
	}
	if kid, err = readHeader(parts[0], typ); err != nil {
		return nil, "", err
	}
	if err := checkSignature(ctx, keys, kid, parts); err != nil {
		return nil, "", err
	}
	if payload, err = decode(parts[1]); err != nil {
		return nil, "", refuse("the claims are not base64url")
	}
	return payload, kid, nil
}

// readHeader demands exactly the header that an [Issuer] writes. So no name is
// ever followed that brings a key along or changes how the token is read
// (RFC 8725 §3.10): jku, jwk, x5u, x5c, crit, b64, zip.
func readHeader(part, typ string) (kid string, err error) {
	header, err := decode(part)
	if err != nil {
		return "", refuse("the header is not base64url")
	}
	v, err := strictjson.Parse(header, strictjson.Limits{Depth: 2, Names: 8})
	if err != nil || v.Kind() != strictjson.Object {
		return "", refuse("the header is not a strict JSON object")
	}
	switch {
	case !holdsExactly(v, "alg", "typ", "kid"):
		return "", refuse("the header holds other names than alg, typ and kid")
	case v.Get("alg").Kind() != strictjson.String || v.Get("alg").Text() != algorithm:
		return "", refuse("it is not signed with ES256")
	case v.Get("typ").Kind() != strictjson.String || v.Get("typ").Text() != typ:
		return "", refuse("it is a token of another type")
	case v.Get("kid").Kind() != strictjson.String || len(v.Get("kid").Text()) != thumbprintLength:
		return "", refuse("it names no key")
	}
	return v.Get("kid").Text(), nil
}

func checkSignature(ctx context.Context, keys Keys, kid string, parts []string) error {
	signature, err := decode(parts[2])
	if err != nil || len(signature) != signatureLength {
		return refuse("the signature is not of ES256")
	}
	key, err := keys.Key(ctx, kid)
	switch {
	case errors.Is(err, ErrUnknownKey):
		return &RefusedError{Reason: "it is signed with a key that is not known here", cause: err}
	case err != nil:
		return &RefusedError{Reason: "the keys cannot be read", cause: err}
	case key == nil || key.Curve != elliptic.P256():
		return refuse("it is signed with a key that may not sign grants")
	}
	if !isLowS(signature) || jwt.SigningMethodES256.Verify(parts[0]+"."+parts[1], signature, key) != nil {
		return refuse("the signature does not fit")
	}
	return nil
}

// check holds claims against what is expected.
func (e *Expected) check(c *Claims) error {
	switch leeway := max(0, e.Leeway); {
	case !e.AnyIssuer && (e.Issuer == "" || c.Issuer != e.Issuer):
		return refuse("it is of another issuer")
	case !e.AnyAudience && (e.Audience == "" || c.Audience != e.Audience):
		return refuse("it is for another audience")
	case c.NotBefore.Before(c.IssuedAt), c.Expires.Sub(c.IssuedAt) > Lifetime:
		return refuse("its times are not those of a grant")
	case e.Now.Before(c.NotBefore.Add(-leeway)):
		return refuse("it does not count yet: compare the clocks")
	case !e.Now.Before(c.Expires.Add(-leeway)):
		return refuse("it has expired")
	}
	return nil
}

// Permits compares a grant with what its holder is about to do: the call, and
// the parameters it will really run with. The error is a [*RefusedError].
func (c *Claims) Permits(call Call, parameters strictjson.Value) error {
	if err := c.PermitsCall(call); err != nil {
		return err
	}
	if c.Effective != EffectiveHash(parameters) {
		return refuse("it is for other parameters")
	}
	return nil
}

// PermitsCall is half of [Claims.Permits], for who looks and runs nothing: what
// the call runs with counts as much.
func (c *Claims) PermitsCall(call Call) error {
	switch {
	case c.Call.Action != call.Action:
		return refuse("it is for another action")
	case c.Call.ResourceType != call.ResourceType || c.Call.ResourceID != call.ResourceID:
		return refuse("it is for another resource")
	}
	return nil
}
