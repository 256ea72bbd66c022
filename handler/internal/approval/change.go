package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// ClosedError refuses what only an open approval takes. It holds the approval
// as it is.
type ClosedError struct {
	Approval Approval
	Detail   string // a sentence of ours; never what a caller wrote
	Record   string // id of the record of a late vote; "" for anything else
}

// Error implements error.
func (e *ClosedError) Error() string { return "the approval is " + e.Approval.Status.String() }

// RefusedError is a vote that may not count. Detail is a sentence of ours.
type RefusedError struct {
	Code   string // for the log: vote.digest, vote.notNamed, vote.relay, …
	Detail string
	Record string // id of the refusal's record
}

// Error implements error.
func (e *RefusedError) Error() string { return e.Code }

// Refusal is an attempt that changed nothing, for the log.
type Refusal struct {
	ID        string // of the record, and what the answer names it by
	At        time.Time
	Principal identity.Principal
	Approval  Approval // as far as it is known
	Late      bool     // a vote on a closed approval
	Choice    Choice
	Code      string
	Reason    string // a sentence of ours
}

// place is one approval in the store.
type place struct {
	tenant, slot string
	generation   Generation
}

func placeOf(r Reader, id string) (place, error) {
	slot, generation, ok := ParseID(id)
	tenant, err := r.tenant()
	if err != nil || !ok {
		return place{}, ErrNotFound
	}
	return place{tenant, slot, generation}, nil
}

// errUnchanged ends an edit that has nothing to write.
var errUnchanged = errors.New("nothing to change")

// change applies edit to the document at p until it is written, settled and
// logged, or edit returns an error. Edit sees a settled document and may be
// called again, for one that somebody else has changed meanwhile. Event is the
// id of the event that edit adds: a write whose outcome is not known was ours
// if the document holds it.
func (s *Service) change(ctx context.Context, p place, event string, now time.Time, edit func(*Document) error) (held, error) {
	unlock, err := s.slotLocks.lock(ctx, p.slot)
	if err != nil {
		return held{}, err
	}
	defer unlock()
	for range tries {
		var h held
		if h, err = s.loadLocked(ctx, p.tenant, p.slot, now); err != nil {
			return held{}, err
		}
		if h.doc.has(event) {
			return h, nil
		}
		if err = edit(h.doc); errors.Is(err, errUnchanged) {
			return h, nil
		} else if err != nil {
			return held{}, err
		}
		if h, err = s.commit(ctx, h, now); !again(err) {
			return h, err
		}
	}
	return held{}, fmt.Errorf("%d tries: %w", tries, err)
}

// commit writes what was changed in h and logs it.
func (s *Service) commit(ctx context.Context, h held, now time.Time) (held, error) {
	h, err := s.write(ctx, h)
	if err != nil {
		return held{}, err
	}
	return s.settle(ctx, h, now)
}

// has reports whether the event has happened to d's current approval or to one
// before it: a writer that does not know its own success may look only after
// the approval has given way.
func (d *Document) has(event string) bool {
	if slices.ContainsFunc(d.Current.Events, func(e Event) bool { return e.ID == event }) {
		return true
	}
	return slices.ContainsFunc(d.Earlier, func(l Line) bool { return slices.Contains(l.Events, event) })
}

// answer is the approval that was changed, as it is now.
func (s *Service) answer(h held, p place, now time.Time) (Approval, error) {
	a, ok := s.generation(h.doc, p.generation, now)
	if !ok {
		return Approval{}, ErrNotFound
	}
	return a, nil
}

// closed is the error for an approval that takes nothing any more, be it the
// current one of d or an earlier one; nil for one that is open.
func (s *Service) closed(d *Document, g Generation, now time.Time) error {
	a, ok := s.generation(d, g, now)
	switch {
	case !ok:
		return ErrNotFound
	case a.Final:
		return &ClosedError{Approval: a}
	}
	return nil
}
