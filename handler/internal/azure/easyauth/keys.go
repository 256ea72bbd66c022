package easyauth

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"

	"github.com/authorization-fabric/fabric/handler/internal/azure"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

const (
	fetchLimit = 5 * time.Second  // both requests of a fetch together
	freshFor   = time.Hour        // then keys are fetched again, so that those that left are gone here too
	usableFor  = 24 * time.Hour   // for so long keys count that could not be fetched again
	fetchAgain = time.Minute      // between two fetches at least, whoever asks for what key
	fetchFirst = 5 * time.Second  // the same while there are none yet
	spread     = 10 * time.Minute // instances do not fetch all at once
)

// KeysOptions are what [Keys] may do without.
type KeysOptions struct {
	Transport http.RoundTripper // nil: that of [azure.NewTransport]
	Log       *slog.Logger      // nil: none
}

// Keys are the keys that Entra ID publishes for the allowed tenants: fetched
// tenant by tenant from the authority, at an address that its discovery
// document names on the same host, and kept.
//
// They are fetched again every hour, and for a token with an unknown key at
// most once a minute and tenant; whoever brings a known key never waits. While
// that fails the old keys go on, for 24 hours at most. A key that is no longer
// published counts no longer once a fetch has succeeded. Each tenant's
// document is the only one that counts for its tokens, and a key that names an
// issuer signs for that issuer alone.
//
// Keys is an [identity.TenantKeys], safe for concurrent use.
type Keys struct {
	tenants map[string]*shelf
	log     *slog.Logger
}

var _ identity.TenantKeys = (*Keys)(nil)

// NewKeys makes Keys that have fetched nothing yet: [Keys.Run] does, or the
// first who needs one.
func NewKeys(s Settings, o KeysOptions) (*Keys, error) {
	s, err := s.checked()
	if err != nil {
		return nil, err
	}
	client := azure.NewTransport()
	if o.Transport != nil {
		client.Transport = o.Transport
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	k := &Keys{tenants: map[string]*shelf{}, log: o.Log}
	for _, tenant := range s.Tenants {
		k.tenants[tenant] = &shelf{source: source{tenant: tenant, authority: s.Authority, http: client}, now: s.Now}
	}
	return k, nil
}

// KeyOf implements [identity.TenantKeys]. It waits for a fetch, until ctx ends,
// only where the key is not known or too old.
func (k *Keys) KeyOf(ctx context.Context, tenant, kid string) (jwkset.JWK, error) {
	s, ok := k.tenants[tenant]
	if !ok {
		return jwkset.JWK{}, jwkset.ErrKeyNotFound
	}
	return s.key(ctx, kid)
}

// Ready is nil while tokens of every allowed tenant can be checked.
func (k *Keys) Ready() error {
	for _, tenant := range slices.Sorted(maps.Keys(k.tenants)) {
		if err := k.tenants[tenant].ready(); err != nil {
			return fmt.Errorf("keys of tenant %s: %w", tenant, err)
		}
	}
	return nil
}

// Usable reports whether tokens of any tenant can be checked.
func (k *Keys) Usable() bool {
	for _, s := range k.tenants {
		if s.ready() == nil {
			return true
		}
	}
	return false
}

// Run fetches the keys, at once and every hour, until ctx ends. It logs a
// change for better or worse once.
func (k *Keys) Run(ctx context.Context) {
	var all sync.WaitGroup
	for tenant, s := range k.tenants {
		all.Go(func() { k.run(ctx, tenant, s) })
	}
	all.Wait()
}

func (k *Keys) run(ctx context.Context, tenant string, s *shelf) {
	trouble := ""
	for ctx.Err() == nil {
		now := ""
		err := s.refresh(ctx)
		if err != nil {
			now = err.Error()
		}
		if now != trouble && ctx.Err() == nil {
			k.tell(ctx, tenant, err)
			trouble = now
		}
		timer := time.NewTimer(s.pause(err))
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

func (k *Keys) tell(ctx context.Context, tenant string, err error) {
	if err != nil {
		k.log.LogAttrs(ctx, slog.LevelError, "the keys of Entra ID cannot be fetched; known ones go on for a day",
			slog.String("tenant", tenant), slog.String("cause", err.Error()))
		return
	}
	k.log.LogAttrs(ctx, slog.LevelInfo, "the keys of Entra ID can be fetched again", slog.String("tenant", tenant))
}
