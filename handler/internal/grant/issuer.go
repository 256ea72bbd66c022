package grant

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Lifetime is how long a grant counts, unless what it rests on ends before.
const Lifetime = 15 * time.Minute

// maxToken is the longest grant, in bytes: it travels in a header.
const maxToken = 8 << 10

const tokenType = "fabric-grant+jwt"

// Signer holds private keys, none of which it gives away. It is safe for
// concurrent use and may fail: then there is no grant.
type Signer interface {
	// PublicKeys are the keys that grants may be signed with, the current one
	// first. One that signs no more is among them until its last grant is out.
	PublicKeys(ctx context.Context) ([]PublicKey, error)
	// Sign signs a SHA-256 digest with the key of that id, by ECDSA: the 64
	// bytes of r and s (RFC 7518 §3.4).
	Sign(ctx context.Context, kid string, digest [sha256.Size]byte) (signature []byte, err error)
}

// KeepKey puts a public key where it outlives the service, under its id. It
// returns once the key is durable there.
type KeepKey func(ctx context.Context, kid string, jwk []byte) error

// Issuer signs grants. It is safe for concurrent use.
type Issuer struct {
	name   string
	signer Signer
	keep   KeepKey

	kept    sync.Map      // key ids that keep has taken
	keeping chan struct{} // holds a token while nobody calls keep
}

// NewIssuer makes an issuer. Name is the public address of the service, by
// which verifiers know it. Keep is called for every key, once, before its first
// signature; while it fails nothing is signed.
func NewIssuer(name string, signer Signer, keep KeepKey) *Issuer {
	i := &Issuer{name: name, signer: signer, keep: keep, keeping: make(chan struct{}, 1)}
	i.keeping <- struct{}{}
	return i
}

// Issue signs what f says. The grant counts from now until ends: [Lifetime],
// and never past f.NotAfter. An error means that there is no grant: the signer
// or the keeper failed, nothing is left of the time, or the facts make no grant
// that [Verify] would take, such as one too long.
func (i *Issuer) Issue(ctx context.Context, f Facts) (token string, ends time.Time, err error) {
	claims, err := i.claims(&f)
	if err != nil {
		return "", time.Time{}, err
	}
	key, err := i.current(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	if token, err = i.sign(ctx, key, &claims); err != nil {
		return "", time.Time{}, err
	}
	want := Expected{Issuer: i.name, Audience: f.Audience, Now: f.Now}
	if _, err := Verify(ctx, token, NewKeySet(key), want); err != nil {
		return "", time.Time{}, fmt.Errorf("grant: it would be refused: %w", err)
	}
	return token, claims.Expires, nil
}

// current is the key that signs, kept already.
func (i *Issuer) current(ctx context.Context) (PublicKey, error) {
	keys, err := i.signer.PublicKeys(ctx)
	if err != nil {
		return PublicKey{}, fmt.Errorf("grant: read the keys: %w", err)
	}
	if len(keys) == 0 {
		return PublicKey{}, errors.New("grant: there is no key to sign with")
	}
	return keys[0], i.keepFirst(ctx, keys[0])
}

// KeySet is what verifiers need: the current key and those of grants that may
// still be out.
func (i *Issuer) KeySet(ctx context.Context) (KeySet, error) {
	keys, err := i.signer.PublicKeys(ctx)
	if err != nil {
		return KeySet{}, fmt.Errorf("grant: read the keys: %w", err)
	}
	return NewKeySet(keys...), nil
}

// Name is the public address under which the issuer signs.
func (i *Issuer) Name() string { return i.name }

func (i *Issuer) claims(f *Facts) (Claims, error) {
	now := f.Now.UTC().Truncate(time.Second)
	ends := now.Add(Lifetime)
	if !f.NotAfter.IsZero() && f.NotAfter.Before(ends) {
		ends = f.NotAfter.UTC().Truncate(time.Second)
	}
	if !ends.After(f.Now) {
		return Claims{}, errors.New("grant: no time is left for it")
	}
	return Claims{
		Issuer: i.name, Audience: f.Audience, Agent: f.Agent, User: User{f.User.ID, f.User.UPN},
		Application: f.Application, Tenant: f.Tenant,
		Call:      Call{f.Action, f.ResourceType, f.ResourceID},
		Effective: EffectiveHash(f.Effective), Obligations: f.Obligations, DecisionID: f.DecisionID,
		IssuedAt: now, NotBefore: now, Expires: ends,
		RequestDigest: f.RequestDigest, ApprovalID: f.ApprovalID, PolicyHashes: f.PolicyHashes,
	}, nil
}

// keepFirst has a key kept before it signs. Calls wait for one another: until
// the key is kept none of them may go on.
func (i *Issuer) keepFirst(ctx context.Context, key PublicKey) error {
	if _, done := i.kept.Load(key.id); done {
		return nil
	}
	select {
	case <-i.keeping:
		defer func() { i.keeping <- struct{}{} }()
	case <-ctx.Done():
		return fmt.Errorf("grant: keep the public key: %w", ctx.Err())
	}
	if _, done := i.kept.Load(key.id); done {
		return nil
	}
	if err := i.keep(ctx, key.id, key.JWK()); err != nil {
		return fmt.Errorf("grant: keep the public key: %w", err)
	}
	i.kept.Store(key.id, true)
	return nil
}

func (i *Issuer) sign(ctx context.Context, key PublicKey, c *Claims) (string, error) {
	return i.signText(ctx, key, tokenType, c.append(nil))
}

// signText makes a compact JWS of a type over a payload.
func (i *Issuer) signText(ctx context.Context, key PublicKey, typ string, payload []byte) (string, error) {
	header := strictjson.AppendAsSent(nil, object(
		member("alg", text(algorithm)), member("typ", text(typ)), member("kid", text(key.id))))
	signed := encode(header) + "." + encode(payload)
	signature, err := i.signer.Sign(ctx, key.id, sha256.Sum256([]byte(signed)))
	if err != nil {
		return "", fmt.Errorf("grant: sign: %w", err)
	}
	if signature, err = lowS(signature); err != nil {
		return "", fmt.Errorf("grant: sign: %w", err)
	}
	return signed + "." + encode(signature), nil
}
