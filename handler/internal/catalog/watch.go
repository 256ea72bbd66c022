package catalog

import (
	"context"
	"time"
)

// Change is what [Catalog.Watch] tells: the active policy is another one, or a
// newer one could not be had, or that is over.
type Change struct {
	Epoch int64 // of what is active now; 0 for nothing
	Taken bool  // a newer policy is active
	Err   error // why a newer one is not; nil: all is well
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
			trouble = c.tick(ctx, now, trouble, tell)
		}
	}
}

// tick is one look; trouble is the error told last, "" for none.
func (c *Catalog) tick(ctx context.Context, now time.Time, trouble string, tell func(Change)) string {
	taken, err := c.Refresh(ctx, now)
	change := Change{Epoch: c.Active(now).Epoch, Taken: taken, Err: err}
	switch {
	case ctx.Err() != nil: // no fault of the store's
		return trouble
	case err != nil && err.Error() == trouble:
		return trouble
	case err != nil:
		tell(change)
		return err.Error()
	case taken, trouble != "" && !c.refusing():
		tell(change)
		return ""
	}
	return trouble
}

// refusing reports whether the newest manifest is one that was refused.
func (c *Catalog) refusing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}
