package catalog

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Bounds of one look, for reading and again for preparing what was read. The
// first is kept short: a start without the store must be over soon.
const (
	startTimeout = 2 * time.Second
	pollTimeout  = 8 * time.Second
)

// Start makes the first look, in a few seconds at most: at the store and, where
// there is one, at the last good beside it. The newer of them is served. What
// it returns is told to nobody else; whether anything is served at all, Active
// says.
func (c *Catalog) Start(ctx context.Context, now time.Time) Change {
	return c.look(ctx, startTimeout, now)
}

// PollOptions of [Catalog.Poll]. The zero PollOptions are right.
type PollOptions struct {
	Interval time.Duration    // between looks, give or take a fifth; 0 means 10 s
	Jitter   func() float64   // from [0, 1); nil means random
	Clock    func() time.Time // nil means time.Now
}

// Poll looks at the store again and again until ctx ends, on time and whenever
// a call finds that the last look is too long ago, and keeps what it took as
// the last good. It tells as [Catalog.Watch] does. A look that hangs is given
// up and changes nothing any more.
func (c *Catalog) Poll(ctx context.Context, o PollOptions, tell func(Change)) {
	if o.Interval <= 0 {
		o.Interval = 10 * time.Second
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	c.rhythm.looks(o.Clock(), o.Interval)
	defer c.rhythm.ends()
	saving := make(chan struct{}, 1)
	defer func() { saving <- struct{}{} }() // the last one is over
	trouble := ""
	for {
		c.saveAside(ctx, saving)
		if !c.rhythm.wait(ctx, c.pause(&o)) {
			return
		}
		now := o.Clock()
		c.rhythm.looks(now, o.Interval)
		trouble = c.tick(ctx, pollTimeout, now, trouble, tell)
	}
}

// pause is the time until the next look: so long that instances do not look in
// step, and shorter while there is nothing to serve.
func (c *Catalog) pause(o *PollOptions) time.Duration {
	d := time.Duration(float64(o.Interval) * (0.8 + 0.4*o.Jitter()))
	if c.active.Load() == nil {
		d /= 5
	}
	return d
}

// rhythm tells calls whether the store was looked at in time, and the poller
// that it was not: an instance may have been frozen, and with it its timers.
type rhythm struct {
	overdue atomic.Int64 // when a look is overdue, nanoseconds since 1970; 0: nobody looks
	wake    chan struct{}
}

func newRhythm() rhythm { return rhythm{wake: make(chan struct{}, 1)} }

func (r *rhythm) looks(now time.Time, interval time.Duration) {
	r.overdue.Store(now.Add(interval + interval/2).UnixNano())
}

func (r *rhythm) ends() { r.overdue.Store(0) }

// rouse wakes the poller where its last look is too long ago. It does not wait.
func (r *rhythm) rouse(now time.Time) {
	if at := r.overdue.Load(); at == 0 || now.UnixNano() <= at {
		return
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// wait reports false when ctx ended.
func (r *rhythm) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-r.wake:
	}
	return ctx.Err() == nil
}
