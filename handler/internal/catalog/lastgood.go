package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// maxAhead is how far the publisher's clock may be ahead of this one before the
// age of a kept manifest says nothing.
const maxAhead = 5 * time.Minute

// readKept reads the last good, which is believed no more than the store.
func (c *Catalog) readKept(ctx context.Context, active *snapshot) offer {
	m, err := c.options.LastGood.Newest(ctx, c.options.Environment)
	o := offer{manifest: m, kept: true}
	if err != nil {
		o.err = err
		return o
	}
	c.fill(ctx, &o, active, func(ctx context.Context, hash string) ([]byte, error) {
		return c.options.LastGood.Document(ctx, c.options.Environment, hash)
	})
	return o
}

// takeKept makes the last good the active snapshot where it is newer than what
// is served: a store that shows less lags behind, or somebody sets it back. Its
// age counts from its issue: nothing later is known of it.
func (c *Catalog) takeKept(ctx context.Context, limit time.Duration, o *offer, now time.Time, change *Change) {
	active := c.active.Load()
	if errors.Is(o.err, ErrNotFound) && o.manifest.Schema == 0 { // nothing was ever kept
		c.lastRead = true
		return
	}
	if o.err == nil && active != nil && o.manifest.Epoch <= active.epoch {
		c.lastRead = true
		return
	}
	if o.err == nil && o.manifest.IssuedAt.After(now.Add(maxAhead)) {
		o.err = &RefusedError{Findings: []policy.Finding{{
			Check: "manifest", File: "manifest.json", Pointer: "/issuedAt", Message: "it was issued in the future",
			Fix: "Set the clocks of the publisher and of this machine.",
		}}}
	}
	if o.err == nil {
		o.err = c.take(ctx, limit, o, now)
	}
	var refused *RefusedError
	c.lastRead = o.err == nil || errors.As(o.err, &refused) && !o.again
	if o.err != nil {
		change.Err = errors.Join(change.Err, fmt.Errorf("the last good: %w", o.err))
		return
	}
	change.Taken, change.Kept = true, true
}

// saveTimeout bounds one try to keep what is served.
const saveTimeout = 5 * time.Second

// saveAside saves beside the poller, once at a time: who holds busy.
func (c *Catalog) saveAside(ctx context.Context, busy chan struct{}) {
	if c.counters.unsaved.Load() == nil {
		return
	}
	select {
	case busy <- struct{}{}:
	default:
		return
	}
	go func() {
		defer func() { <-busy }()
		c.save(ctx)
	}()
}

// save keeps what was taken from the store, if that is not done yet. Failing
// changes nothing that is served: the next poll tries again.
func (c *Catalog) save(ctx context.Context) {
	s := c.counters.unsaved.Load()
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	if err := within(ctx, func() error { return c.options.LastGood.Save(ctx, s.manifest) }); err == nil {
		c.counters.unsaved.CompareAndSwap(s, nil)
	}
}
