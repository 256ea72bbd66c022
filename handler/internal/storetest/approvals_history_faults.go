package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// lateStore holds a write back now and then: its writer learns nothing, and it
// arrives before somebody else's write, if at all.
type lateStore struct {
	approval.Store
	hold func() bool // asked once a write
	land func() bool // asked once a write that is not held: what is on its way goes first

	mu   sync.Mutex
	held []lateWrite // guarded by mu
}

type lateWrite struct {
	record approval.Record
	was    approval.Revision
}

// Put implements [approval.Store].
func (s *lateStore) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	if s.hold() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held = append(s.held, lateWrite{record: clone(r), was: was})
		return "", fmt.Errorf("put, still on its way: %w", approval.ErrUnclear)
	}
	if s.land() {
		s.arrive(ctx)
	}
	return s.Store.Put(ctx, r, was)
}

// arrive writes what was held back. Nobody is left to be told of an error.
func (s *lateStore) arrive(ctx context.Context) {
	s.mu.Lock()
	held := s.held
	s.held = nil
	s.mu.Unlock()
	for _, w := range held {
		_, _ = s.Store.Put(ctx, w.record, w.was)
	}
}

// brokenLog is an [EventLog] that fails before or after it takes an entry.
type brokenLog struct {
	EventLog
	next func() Fault // asked once an entry
}

// Append implements [approval.Log].
func (l *brokenLog) Append(ctx context.Context, e approval.Entry) (audit.Receipt, error) {
	fault := l.next()
	if fault == FailBefore {
		return audit.Receipt{}, ErrLog
	}
	receipt, err := l.EventLog.Append(ctx, e)
	if fault == FailAfter {
		return audit.Receipt{}, ErrLog
	}
	return receipt, err
}

// Refuse implements [approval.Log].
func (l *brokenLog) Refuse(ctx context.Context, r approval.Refusal) error {
	fault := l.next()
	if fault == FailBefore {
		return ErrLog
	}
	err := l.EventLog.Refuse(ctx, r)
	if fault == FailAfter {
		return ErrLog
	}
	return err
}

// uses are the decisions that used an approval, one for every event: whoever
// reads a log counts an id once.
func (l *EventLog) uses() []string {
	var ids, decisions []string
	for _, e := range l.Entries() {
		if e.Event.Kind == approval.EventConsumed && !slices.Contains(ids, e.Event.ID) {
			ids = append(ids, e.Event.ID)
			decisions = append(decisions, e.Event.DecisionID)
		}
	}
	return decisions
}

// managers are Mia and Omar, who may vote for every requirement.
type managers struct{}

// Lists implements [approval.Approvers]. It gives too many, which it may.
func (managers) Lists(string, identity.Principal, time.Time) []approval.Key {
	return []approval.Key{approval.Everything}
}

// Judge implements [approval.Approvers].
func (managers) Judge(v approval.Voter, relayed bool, d *approval.Document, _ time.Time) []string {
	var ids []string
	for _, r := range d.Current.Requirements {
		if (v.ID == "mia" || v.ID == "omar") && !relayed {
			ids = append(ids, r.PolicyID)
		}
	}
	return ids
}

// tally counts what became of histories.
type tally struct {
	illegal, undecided int
	replies            [acts][endings]int
	finally            map[approval.Status]int
	checking, slowest  time.Duration
}

func (t *tally) add(h *history, result porcupine.CheckResult, took time.Duration) {
	t.checking, t.slowest = t.checking+took, max(t.slowest, took)
	switch result {
	case porcupine.Illegal:
		t.illegal++
	case porcupine.Unknown:
		t.undecided++
	case porcupine.Ok:
	}
	if t.finally == nil {
		t.finally = map[approval.Status]int{}
	}
	t.finally[h.final.status]++
	for _, op := range h.done {
		t.replies[op.Input.(move).act][op.Output.(reply).ending]++
	}
}

// String says it in a few lines.
func (t *tally) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d illegal, %d undecided; checked in %s, the slowest in %s\nthey ended", t.illegal, t.undecided,
		t.checking.Round(time.Millisecond), t.slowest.Round(10*time.Microsecond))
	for s := approval.Pending; s <= approval.Superseded; s++ {
		if n := t.finally[s]; n > 0 {
			fmt.Fprintf(&text, " %s %d", s, n)
		}
	}
	for a, replies := range t.replies {
		fmt.Fprintf(&text, "\n%s:", act(a))
		for e, n := range replies {
			fmt.Fprintf(&text, " %d %s,", n, ending(e))
		}
	}
	return text.String()
}
