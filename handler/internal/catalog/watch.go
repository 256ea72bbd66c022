package catalog

import (
	"context"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// Change is what [Catalog.Watch] and [Catalog.Poll] tell: the active policy is
// another one, or a newer one could not be had, or that is over.
type Change struct {
	Epoch int64 // of what is active now; 0 for nothing
	Taken bool  // a newer policy is active
	Kept  bool  // and it is the last good: the store has nothing as new
	Err   error // why what the store or the last good has is not; nil: all is well

	Manifest *Manifest        // of what was taken, not to be changed; nil for nothing
	Packs    []policy.PackRef // its packs, in every cohort and shadow
	Refused  *Manifest        // what Err is about, as far as it could be read; nil: nothing of it
}

// Watch refreshes at every tick, with the tick as the clock, until ctx ends.
// It tells each change once, in its own goroutine, and what goes on failing
// only when it fails otherwise than before.
func (c *Catalog) Watch(ctx context.Context, ticks <-chan time.Time, tell func(Change)) {
	trouble := ""
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks:
			trouble = c.tick(ctx, 0, now, trouble, tell)
		}
	}
}

// tick is one look; trouble is the error told last, "" for none.
func (c *Catalog) tick(ctx context.Context, limit time.Duration, now time.Time, trouble string, tell func(Change)) string {
	change := c.look(ctx, limit, now)
	was := trouble
	switch {
	case ctx.Err() != nil: // no fault of the store's
		return trouble
	case change.Err != nil:
		trouble = change.Err.Error()
	case change.Taken, !c.refusing():
		trouble = ""
	}
	if change.Taken || trouble != was {
		tell(change)
	}
	return trouble
}

// refusing reports whether the newest manifest is one that was refused.
func (c *Catalog) refusing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}
