package gate

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

// KeysPath is where the service publishes its keys.
const KeysPath = "/.well-known/fabric-jwks.json"

const maxDocument = 64 << 10 // bytes of a key set

// Keys are the public keys of a service.
type Keys struct{ set grant.Keys }

// ParseKeys reads a JWKS document of the service.
func ParseKeys(document []byte) (Keys, error) {
	set, err := grant.ParseKeySet(document)
	if err != nil {
		return Keys{}, fmt.Errorf("gate: %w", err)
	}
	return Keys{set}, nil
}

// ReadKeys reads a JWKS document from a file, once.
func ReadKeys(path string) (Keys, error) {
	document, err := os.ReadFile(path)
	if err != nil {
		return Keys{}, fmt.Errorf("gate: read the keys: %w", err)
	}
	return ParseKeys(document)
}

// FetchOptions are what [FetchKeys] may do without.
type FetchOptions struct {
	Transport http.RoundTripper // nil: [http.DefaultTransport]
	Now       func() time.Time  // nil: time.Now
}

const (
	fetchTimeout = 10 * time.Second
	freshFor     = time.Hour       // then keys are fetched again, so that those that left are gone here too
	usableFor    = 24 * time.Hour  // for so long keys count that could not be fetched again
	fetchAgain   = time.Minute     // between two fetches at least, whoever asks for what key
	fetchFirst   = 5 * time.Second // the same while there are none yet
)

// FetchKeys are the keys that the service publishes at address, which is its
// own with [KeysPath] behind: fetched when they are needed and kept. A grant
// with an unknown key has them fetched again, at most once a minute. Redirects
// are not followed, and plain http is for this machine only.
func FetchKeys(address string, o FetchOptions) (Keys, error) {
	u, err := checkAddress(address)
	if err != nil {
		return Keys{}, fmt.Errorf("gate: keys: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &fetched{address: u.String(), http: noRedirects(o.Transport), now: o.Now, turn: make(chan struct{}, 1)}
	f.turn <- struct{}{}
	return Keys{f}, nil
}

// fetched is a key set behind an address. Whoever holds the token of turn owns
// the fields below it.
type fetched struct {
	address string
	http    *http.Client
	now     func() time.Time

	fresh atomic.Pointer[keysAt] // what set and at say, for whoever need not wait

	turn  chan struct{}
	set   grant.KeySet
	at    time.Time // when set was fetched; zero: never
	tried time.Time // when a fetch was last begun
}

// keysAt is a key set that is never changed.
type keysAt struct {
	set grant.KeySet
	at  time.Time // when it was fetched
}

// Key implements [grant.Keys].
func (f *fetched) Key(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	if k := f.fresh.Load(); k != nil {
		if key, err := k.set.Key(ctx, kid); err == nil && within(f.now().Sub(k.at), freshFor) {
			return key, nil // whoever names an unknown key keeps nobody from this
		}
	}
	select {
	case <-f.turn:
		defer func() { f.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, fmt.Errorf("keys: %w", ctx.Err())
	}
	now := f.now()
	key, err := f.set.Key(ctx, kid)
	if err == nil && within(now.Sub(f.at), freshFor) {
		return key, nil
	}
	failed := f.refresh(ctx, now)
	if !within(now.Sub(f.at), usableFor) {
		return nil, errors.Join(errors.New("keys: there are none that may still be used"), failed)
	}
	return f.set.Key(ctx, kid)
}

// within is false where the clock went back, and no age is known.
func within(age, most time.Duration) bool { return age >= 0 && age < most }

func (f *fetched) refresh(ctx context.Context, now time.Time) error {
	pause := fetchAgain
	if f.at.IsZero() {
		pause = fetchFirst
	}
	if within(now.Sub(f.tried), pause) {
		return nil
	}
	f.tried = now
	// Others wait for these keys too: a caller that leaves does not waste the try.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	set, err := f.fetch(ctx)
	if err != nil {
		return err
	}
	f.set, f.at = set, now
	f.fresh.Store(&keysAt{set, now})
	return nil
}

func (f *fetched) fetch(ctx context.Context) (grant.KeySet, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.address, nil)
	if err != nil {
		return grant.KeySet{}, fmt.Errorf("keys: %w", err)
	}
	r.Header.Set("Accept", "application/json")
	response, err := f.http.Do(r)
	if err != nil {
		return grant.KeySet{}, fmt.Errorf("keys: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		return grant.KeySet{}, fmt.Errorf("keys: status %d", response.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil {
		return grant.KeySet{}, fmt.Errorf("keys: %w", err)
	}
	return grant.ParseKeySet(document)
}
