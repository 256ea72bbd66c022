package gate

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"
)

var (
	// ErrUsed is told of a grant that was used before.
	ErrUsed = errors.New("it was used before")
	// ErrMemoryFull is told while a memory holds as many grants as it may: none
	// can be remembered, so none may be used.
	ErrMemoryFull = errors.New("too many grants are in use at this time")
)

// Uses remembers which grants were used. It is safe for concurrent use, and
// whoever shares it shares what it remembers.
type Uses interface {
	// Use takes a grant's id as used until it ends. It is nil for one caller
	// alone, whatever else happens at the same time; the others get [ErrUsed].
	// Any other error means that nobody knows, and the grant may not be used.
	Use(ctx context.Context, id string, until, now time.Time) error
}

const defaultMemory = 100_000

// Memory is what one process remembers. It forgets everything when the process
// ends, and no other process knows of it: a tool that runs twice, or starts
// again within the quarter of an hour that a grant may live, can be given one
// grant twice. It is bounded; what has ended makes room.
type Memory struct {
	max int

	mu       sync.Mutex
	ids      map[string]bool // those in ends; guarded by mu
	ends     endings         // guarded by mu
	forgotUp time.Time       // everything that ended by then was forgotten; guarded by mu
}

var _ Uses = (*Memory)(nil)

// NewMemory makes a memory of at most so many grants at one time; 0: 100,000.
func NewMemory(most int) *Memory {
	if most <= 0 {
		most = defaultMemory
	}
	return &Memory{max: most, ids: map[string]bool{}}
}

// Use implements [Uses]. A clock that goes back does not bring a grant back
// that was forgotten.
func (m *Memory) Use(_ context.Context, id string, until, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(now)
	switch {
	case m.ids[id], !until.After(m.forgotUp):
		return ErrUsed
	case len(m.ids) >= m.max:
		return ErrMemoryFull
	}
	m.ids[id] = true
	heap.Push(&m.ends, ending{until, id})
	return nil
}

func (m *Memory) forget(now time.Time) {
	for len(m.ends) > 0 && !m.ends[0].at.After(now) {
		gone := heap.Pop(&m.ends).(ending)
		delete(m.ids, gone.id)
		m.forgotUp = gone.at
	}
}

// ending is when a grant ends that was used.
type ending struct {
	at time.Time
	id string
}

// endings is a heap, the first to end on top.
type endings []ending

// Len, Less, Swap, Push and Pop implement [heap.Interface].
func (e endings) Len() int           { return len(e) }
func (e endings) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e endings) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }

// Push adds an ending.
func (e *endings) Push(x any) { *e = append(*e, x.(ending)) }

// Pop takes the last ending.
func (e *endings) Pop() any {
	last := (*e)[len(*e)-1]
	(*e)[len(*e)-1] = ending{}
	*e = (*e)[:len(*e)-1]
	return last
}
