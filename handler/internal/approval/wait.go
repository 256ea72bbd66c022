package approval

import (
	"context"
	"slices"
	"sync"
	"time"
)

// waitPoll is how often a waiting caller looks at the store: another process
// may have changed what this one cannot see.
const waitPoll = 3 * time.Second

// maxWaiting is how many callers may wait in one process; more are answered at
// once.
const maxWaiting = 1000

// Wait reads one approval like [Service.Get] and, unless it is closed, returns
// only when its status or votes differ from what they were at the call, or
// after the time given. The clock is read again while it waits.
func (s *Service) Wait(ctx context.Context, r Reader, id string, atMost time.Duration, clock func() time.Time) (Approval, error) {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	p, err := placeOf(r, id)
	if err != nil {
		return Approval{}, err
	}
	ticker := time.NewTicker(waitPoll)
	defer ticker.Stop()
	changed, leave := s.watchers.watch(p.slot)
	defer func() { leave() }()
	first, err := s.Get(ctx, r, id, clock())
	if err != nil || first.Status != Pending || changed == nil { // nobody waits for more than a decision
		return first, err
	}
	for {
		select {
		case <-changed:
			leave()
			changed, leave = s.watchers.watch(p.slot)
		case <-ticker.C:
		case <-ctx.Done():
			return first, nil
		}
		a, err := s.Get(ctx, r, id, clock())
		switch {
		case ctx.Err() != nil:
			return first, nil
		case err != nil || a.differs(&first) || changed == nil:
			return a, err
		}
	}
}

func (a *Approval) differs(was *Approval) bool {
	return a.Status != was.Status || !slices.Equal(a.Votes, was.Votes)
}

// watchers are those who wait for a slot's document to be written.
type watchers struct {
	mu      sync.Mutex
	waiting int                       // guarded by mu
	slots   map[string]*sharedChannel // guarded by mu
}

type sharedChannel struct {
	c    chan struct{}
	held int
}

// watch returns a channel that is closed by the next write; nil where too many
// are waiting. Leave it in any case, once.
func (w *watchers) watch(slot string) (changed <-chan struct{}, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == maxWaiting {
		return nil, func() {}
	}
	if w.slots == nil {
		w.slots = map[string]*sharedChannel{}
	}
	shared := w.slots[slot]
	if shared == nil {
		shared = &sharedChannel{c: make(chan struct{})}
		w.slots[slot] = shared
	}
	w.waiting++
	shared.held++
	return shared.c, sync.OnceFunc(func() { w.leave(slot, shared) })
}

func (w *watchers) leave(slot string, shared *sharedChannel) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting--
	shared.held--
	if shared.held == 0 && w.slots[slot] == shared {
		delete(w.slots, slot)
	}
}

// tell wakes those who wait for the slot.
func (w *watchers) tell(slot string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if shared := w.slots[slot]; shared != nil {
		close(shared.c)
		delete(w.slots, slot)
	}
}
