package embedded

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// What tokens of the local issuer say of it and of this service.
const (
	IssuerName = "urn:authorization-fabric:local-issuer"
	Audience   = "urn:authorization-fabric:local"

	tokenVersion  = "2.0"
	tokenLifetime = 8 * time.Hour
)

// Issuer signs the tokens of local mode with a key of its own in the data
// directory, which it makes when it signs for the first time. Whoever can read
// that directory can sign too. It is an [identity.Keys], so that the code that
// checks tokens in Azure checks these. It is safe for concurrent use, also by
// several processes on one directory.
type Issuer struct {
	dir   string
	scope string
	now   func() time.Time

	mu  sync.Mutex
	key *issuerKey // nil until first read or made; guarded by mu
}

type issuerKey struct {
	private *rsa.PrivateKey
	id      string
	public  jwkset.JWK
}

var _ identity.Keys = (*Issuer)(nil)

// NewIssuer is the issuer of a data directory. It touches no file yet. Scope
// is what it writes into the scp of people.
func NewIssuer(dir, scope string, now func() time.Time) *Issuer {
	return &Issuer{dir: dir, scope: scope, now: now}
}

// Config is how tokens of this issuer are validated. Whatever tenant it wrote
// is allowed; the packs say which they serve.
func (i *Issuer) Config() identity.Config {
	return identity.Config{
		Issuers:   []identity.Issuer{{Name: IssuerName, Audience: Audience, Version: tokenVersion}},
		AnyTenant: true, Scope: i.scope, Keys: i, Now: i.now,
	}
}

// KeyRead implements [identity.Keys]. Before anything was signed there is no
// key, so that a start costs none.
func (i *Issuer) KeyRead(_ context.Context, kid string) (jwkset.JWK, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.key == nil {
		key, err := readIssuerKey(i.dir)
		if errors.Is(err, fs.ErrNotExist) {
			return jwkset.JWK{}, jwkset.ErrKeyNotFound
		}
		if err != nil {
			return jwkset.JWK{}, err
		}
		i.key = key
	}
	if kid != i.key.id {
		return jwkset.JWK{}, jwkset.ErrKeyNotFound
	}
	return i.key.public, nil
}

// TokenFor is whom a local token stands for.
type TokenFor struct {
	Tenant      string
	Application string // client id of the calling application
	AppOnly     bool   // no person: an application's own token
	UPN         string // of the person
	ObjectID    string // empty: made from tenant and UPN, always alike
	Roles       []string
	Groups      []string
	Lifetime    time.Duration // zero: eight hours
}

// Mint signs a token. It refuses what validation would refuse.
func (i *Issuer) Mint(f TokenFor) (string, error) {
	someone := f.UPN != "" || f.ObjectID != ""
	if f.AppOnly && f.UPN != "" || !f.AppOnly && !someone {
		return "", errors.New("a token is for a person, by UPN or object id, or for an application alone")
	}
	key, err := i.signingKey()
	if err != nil {
		return "", err
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, i.claims(f))
	token.Header["kid"] = key.id
	signed, err := token.SignedString(key.private)
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	v, err := identity.NewValidator(i.Config())
	if err != nil {
		return "", err
	}
	if _, err := v.Validate(context.Background(), signed); err != nil {
		return "", fmt.Errorf("the token would be refused: %w", err)
	}
	return signed, nil
}

func (i *Issuer) signingKey() (*issuerKey, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.key == nil {
		key, err := readOrMakeIssuerKey(i.dir)
		if err != nil {
			return nil, err
		}
		i.key = key
	}
	return i.key, nil
}

func (i *Issuer) claims(f TokenFor) jwt.MapClaims {
	now := i.now()
	lifetime := f.Lifetime
	if lifetime == 0 {
		lifetime = tokenLifetime
	}
	c := jwt.MapClaims{
		"iss": IssuerName, "aud": Audience, "ver": tokenVersion, "tid": f.Tenant, "azp": f.Application,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(lifetime).Unix(),
		"oid": f.ObjectID, "roles": emptyNotNil(f.Roles), "groups": emptyNotNil(f.Groups),
	}
	if f.ObjectID == "" {
		c["oid"] = derivedID(f.Tenant, f.Application, f.UPN)
	}
	if f.AppOnly {
		c["idtyp"] = "app"
		return c
	}
	c["idtyp"], c["scp"] = "user", i.scope
	if f.UPN != "" {
		c["upn"] = f.UPN
	}
	return c
}

// derivedID is an object id for somebody who was given none: the same person
// has the same in every token, whatever the application.
func derivedID(tenant, application, upn string) string {
	who := "upn\n" + strings.ToLower(upn)
	if upn == "" {
		who = "app\n" + strings.ToLower(application)
	}
	sum := sha256.Sum256([]byte("fabric-local-oid-v1\n" + strings.ToLower(tenant) + "\n" + who))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // RFC 9562 version 8
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func emptyNotNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
