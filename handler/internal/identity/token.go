package identity

import (
	"context"
	"crypto/rsa"
	"errors"
	"strings"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

const (
	// Leeway is how far the clocks of issuer and service may differ.
	Leeway = 60 * time.Second

	maxToken   = 16 << 10 // bytes of an encoded token
	minKeyBits = 2048
)

// Keys finds an issuer's public keys by their id: [jwkset.Storage] is one. It
// must be safe for concurrent use and must answer from its own set, never from
// anything a token says besides the id.
type Keys interface {
	KeyRead(ctx context.Context, kid string) (jwkset.JWK, error)
}

// TenantKeys are an issuer's public keys tenant by tenant: one tenant's sign
// for no other. It must be safe for concurrent use and must answer from its own
// set. What it does not know is [jwkset.ErrKeyNotFound]; any other error means
// that it cannot tell, and no token is refused or accepted on it.
type TenantKeys interface {
	// KeyOf is the key of that id for tokens of the tenant, a tid in lower case.
	KeyOf(ctx context.Context, tenant, kid string) (jwkset.JWK, error)
}

// Issuer is one pair that a token may name: who signs, and for whom. {tid} in
// Name stands for the token's own tenant.
type Issuer struct {
	Name     string // iss
	Audience string // aud
	Version  string // ver: "1.0" tokens name their client in appid, "2.0" in azp
}

// Config says which tokens count. A Config without issuers or tenants lets
// nobody in.
type Config struct {
	Issuers   []Issuer
	Tenants   []string // allowed tid, GUIDs in any case
	AnyTenant bool     // the issuer is our own: whatever tenant it wrote
	Scope     string   // what scp of a person must hold
	Now       func() time.Time

	// One of them is given.
	Keys       Keys
	TenantKeys TenantKeys

	// IDTokens takes the tokens that tell an application who has signed in to
	// it, and no others: version 2, without scope and without calling
	// application. All are a Person's, whose application is the audience.
	IDTokens bool
}

// PublicAuthority is where Microsoft Entra ID is, sovereign clouds aside.
const PublicAuthority = "https://login.microsoftonline.com"

// EntraIssuers are the pairs of Microsoft Entra ID: version 1 tokens name the
// application by one of its identifier URIs, version 2 tokens by its client id.
func EntraIssuers(clientID string, identifierURIs []string) []Issuer {
	return EntraIssuersAt(PublicAuthority, clientID, identifierURIs)
}

// EntraIssuersAt are the pairs of [EntraIssuers] in the cloud of an authority,
// an address without a slash at its end. Version 1 tokens name the same issuer
// in all clouds but China's.
func EntraIssuersAt(authority, clientID string, identifierURIs []string) []Issuer {
	v1 := "https://sts.windows.net/{tid}/"
	if strings.HasSuffix(authority, ".cn") {
		v1 = "https://sts.chinacloudapi.cn/{tid}/"
	}
	issuers := []Issuer{{Name: authority + "/{tid}/v2.0", Audience: clientID, Version: "2.0"}}
	for _, uri := range identifierURIs {
		issuers = append(issuers, Issuer{Name: v1, Audience: uri, Version: "1.0"})
	}
	return issuers
}

// UnauthenticatedError is a caller that gave no valid identity. Reason is a
// fixed phrase for the caller's maker and holds nothing that the caller sent.
type UnauthenticatedError struct {
	Reason string
	cause  error
}

// Error implements error.
func (e *UnauthenticatedError) Error() string { return "unauthenticated: " + e.Reason }

// Unwrap is why the keys could not be read, or [ErrExpired], if it was that.
func (e *UnauthenticatedError) Unwrap() error { return e.cause }

// ErrExpired is the cause of an [*UnauthenticatedError] where nothing is wrong
// with the token but its age.
var ErrExpired = errors.New("the token has expired")

// KeysError is a token that could not be checked, for want of keys to check it
// with: it says nothing of the token.
type KeysError struct{ cause error }

// Error implements error.
func (e *KeysError) Error() string {
	return "the keys to check tokens with are not available: " + e.cause.Error()
}

// Unwrap is why there are none.
func (e *KeysError) Unwrap() error { return e.cause }

func refuse(reason string) error { return &UnauthenticatedError{Reason: reason} }

// Validator turns bearer tokens into principals. It is safe for concurrent use.
type Validator struct {
	config  Config
	tenants map[string]bool
	parser  *jwt.Parser
}

// NewValidator makes a Validator; keys and a clock are required, and a scope
// but for ID tokens.
func NewValidator(c Config) (*Validator, error) {
	if (c.Keys == nil) == (c.TenantKeys == nil) || c.Now == nil || c.Scope == "" && !c.IDTokens {
		return nil, errors.New("token validation needs keys of one kind, a clock and a scope")
	}
	tenants := make(map[string]bool, len(c.Tenants))
	for _, t := range c.Tenants {
		tenants[foldID(t)] = true
	}
	return &Validator{config: c, tenants: tenants, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Name}),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(c.Now),
		jwt.WithLeeway(Leeway),
		jwt.WithExpirationRequired(),
		jwt.WithNotBeforeRequired(),
		jwt.WithIssuedAt(),
	)}, nil
}

// Validate checks a token as it came in the Authorization header and says who
// it stands for. The error is an [*UnauthenticatedError], or a [*KeysError]
// where [Config.TenantKeys] cannot tell.
func (v *Validator) Validate(ctx context.Context, token string) (Principal, error) {
	if len(token) > maxToken || !isCompact(token) { // base64 decoders skip line feeds: two texts, one token
		return Principal{}, refuse("the bearer token is not a signed JWT")
	}
	kid, err := checkHeader(token)
	if err != nil {
		return Principal{}, err
	}
	var c claims
	_, err = v.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return v.key(ctx, kid, &c) })
	if err != nil {
		return Principal{}, explain(err)
	}
	return v.principal(&c)
}

// key looks the id up in our own set; an algorithm or use that the set states
// must be ours too.
func (v *Validator) key(ctx context.Context, kid string, c *claims) (*rsa.PublicKey, error) {
	jwk, err := v.find(ctx, kid, c)
	if err != nil {
		return nil, err
	}
	stated := jwk.Marshal()
	key, ok := jwk.Key().(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minKeyBits || stated.KID != kid ||
		stated.ALG != "" && stated.ALG != jwkset.AlgRS256 || stated.USE != "" && stated.USE != jwkset.UseSig {
		return nil, refuse("the token is signed with a key that may not sign tokens")
	}
	return key, nil
}

// find looks in the keys of the tenant that the token claims, if that is one
// of ours: the signature has yet to prove it.
func (v *Validator) find(ctx context.Context, kid string, c *claims) (jwkset.JWK, error) {
	unknown := func(cause error) error {
		return &UnauthenticatedError{Reason: "the token is signed with a key that is not known here", cause: cause}
	}
	if v.config.TenantKeys == nil {
		jwk, err := v.config.Keys.KeyRead(ctx, kid)
		if err != nil {
			return jwkset.JWK{}, unknown(err)
		}
		return jwk, nil
	}
	tenant, err := v.tenant(c)
	if err != nil {
		return jwkset.JWK{}, err
	}
	jwk, err := v.config.TenantKeys.KeyOf(ctx, tenant, kid)
	switch {
	case errors.Is(err, jwkset.ErrKeyNotFound):
		return jwkset.JWK{}, unknown(err)
	case err != nil:
		return jwkset.JWK{}, &KeysError{err}
	}
	return jwk, nil
}

// explain names the check that failed, in our words: the library's own may
// quote the token, and errors are logged.
func explain(err error) error {
	var own *UnauthenticatedError
	var keys *KeysError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &keys):
		return keys
	case errors.Is(err, jwt.ErrTokenExpired):
		return &UnauthenticatedError{Reason: "the token has expired", cause: ErrExpired}
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return refuse("the token is not valid yet: compare the clocks")
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return refuse("the token lacks exp or nbf")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return refuse("the token's signature does not fit")
	default:
		return refuse("the bearer token is not a signed JWT")
	}
}
