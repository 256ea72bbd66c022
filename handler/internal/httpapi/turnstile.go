package httpapi

import (
	"context"
	"slices"
	"sync"
	"time"
)

// longestWait is for a place; a caller who waits longer is told to come again.
const longestWait = time.Second

// turnstile bounds how many requests are inside at one time. Places that fall
// free go round the callers that wait, one each, so that a caller with many
// requests delays its own and not those of others.
type turnstile struct {
	limit     int // who may wait in all
	callerMax int // who may wait of one caller

	mu      sync.Mutex
	free    int                  // guarded by mu; 0 while anybody waits
	waiting int                  // guarded by mu
	queues  map[string][]*ticket // of callers that wait; guarded by mu
	order   []string             // the callers that wait, next first; guarded by mu
}

// ticket is one request that waits; called is closed when it has a place.
type ticket struct{ called chan struct{} }

func newTurnstile(places, waiting int) *turnstile {
	return &turnstile{limit: waiting, callerMax: max(1, waiting/4), free: places, queues: map[string][]*ticket{}}
}

// enter waits for a place, which [turnstile.leave] gives back. Without a nil
// error there is none to give back.
func (t *turnstile) enter(ctx context.Context, caller string) error {
	ticket, err := t.queue(caller)
	if ticket == nil || err != nil {
		return err
	}
	timer := time.NewTimer(longestWait)
	defer timer.Stop()
	select {
	case <-ticket.called:
		return nil
	case <-ctx.Done():
	case <-timer.C:
	}
	if t.abandon(caller, ticket) {
		return &Problem{Kind: Unavailable, Detail: "The service has more to do than it can: no place fell free in time."}
	}
	return nil // called in the same moment
}

// queue takes a place at once (no ticket), or a ticket.
func (t *turnstile) queue(caller string) (*ticket, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.free > 0 {
		t.free--
		return nil, nil
	}
	if t.waiting >= t.limit {
		return nil, &Problem{Kind: Unavailable, Detail: "The service has more to do than it can."}
	}
	mine := t.queues[caller]
	if len(mine) >= t.callerMax {
		return nil, &Problem{Kind: Rate, Detail: "Too many requests of this application are waiting already."}
	}
	if len(mine) == 0 {
		t.order = append(t.order, caller)
	}
	ticket := &ticket{called: make(chan struct{})}
	t.queues[caller] = append(mine, ticket)
	t.waiting++
	return ticket, nil
}

// leave gives a place back: to the next caller in turn, if anybody waits.
func (t *turnstile) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.order) == 0 {
		t.free++
		return
	}
	caller := t.order[0]
	mine := t.queues[caller]
	close(mine[0].called)
	t.waiting--
	t.order = t.order[1:]
	if len(mine) == 1 {
		delete(t.queues, caller)
		return
	}
	t.queues[caller] = mine[1:]
	t.order = append(t.order, caller)
}

// abandon takes a ticket out of its queue. It reports false if the ticket has
// been called: then the place is the caller's.
func (t *turnstile) abandon(caller string, gone *ticket) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine := t.queues[caller]
	i := slices.Index(mine, gone)
	if i < 0 {
		return false
	}
	t.waiting--
	if len(mine) == 1 {
		delete(t.queues, caller)
		t.order = slices.DeleteFunc(t.order, func(c string) bool { return c == caller })
		return true
	}
	t.queues[caller] = slices.Delete(mine, i, i+1)
	return true
}
