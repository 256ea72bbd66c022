package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// ReplayWindow is how long the answer to a use is given again to whoever sends
// the same Idempotency-Key, though never past executeBy.
const ReplayWindow = 15 * time.Minute

// ErrUsed is what a use gets of an approval that is no longer approved, or that
// another call has used. Decide the call again.
var ErrUsed = errors.New("the approval can no longer be used")

// Taking is a use of an approved approval: the decision that rests on it, with
// the answer that will be given and the record that is to be written of it.
type Taking struct {
	Call
	Approval       string // id
	DecisionID     string
	IdempotencyKey string // "" for none
	GrantEnds      time.Time
	Answer         []byte // a JSON object
	Record         []byte // a JSON object
}

// Use uses an approved approval, once. When it returns without an error, the
// use and its decision are in the log, and the receipt is that of the decision.
// [ErrUsed]: it was not used for this decision and never will be. After any
// other error it may have been: the same call with the same Idempotency-Key
// finds the answer.
//
// Whether the approval suffices by today's rules is for the caller to know.
func (s *Service) Use(ctx context.Context, t Taking, now time.Time) (Approval, audit.Receipt, error) {
	slot, generation, ok := ParseID(t.Approval)
	if !ok || !slices.Contains(s.slots(t.Call), slot) {
		return Approval{}, audit.Receipt{}, ErrUsed // no approval of this call
	}
	if jsontext.Value(t.Answer).Kind() != '{' || jsontext.Value(t.Record).Kind() != '{' {
		return Approval{}, audit.Receipt{}, errors.New("use approval: answer and record are no JSON objects")
	}
	event := Event{ID: s.options.NewID(now), Kind: EventConsumed, At: stamp(now), Status: Consumed, By: t.by(), DecisionID: t.DecisionID}
	p := place{lower(t.Tenant), slot, generation}
	var used *Document
	h, err := s.change(ctx, p, event.ID, now, func(d *Document) error {
		if d.Current.Generation != generation || d.Current.Status != Approved || d.Current.Application != lower(t.Application) {
			return ErrUsed
		}
		d.Current.use(&t, event, now)
		used = d
		return nil
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return Approval{}, audit.Receipt{}, ErrUsed
	case err != nil:
		return Approval{}, audit.Receipt{}, err
	}
	receipt := h.receipt
	if receipt.Hash == "" { // somebody else has logged it: write it again, under the same ids
		if receipt, err = s.log.Append(ctx, Entry{Event: event, Document: used}); err != nil {
			return Approval{}, audit.Receipt{}, fmt.Errorf("log %s: %w", event.Kind, err)
		}
	}
	a, err := s.answer(h, p, now)
	return a, receipt, err
}

func (t *Taking) by() string {
	if t.Application == "" {
		return "developer"
	}
	return "app:" + lower(t.Application)
}

func (c *Case) use(t *Taking, event Event, now time.Time) {
	c.Status, c.ClosedAt = Consumed, stamp(now)
	c.Events = append(c.Events, event)
	c.Use = &Use{
		Generation: c.Generation, DecisionID: t.DecisionID, IdempotencyKey: t.IdempotencyKey,
		At: stamp(now), Until: stamp(earlier(now.Add(ReplayWindow), c.ExecuteBy)), GrantEnds: t.GrantEnds,
		Answer: t.Answer, Record: t.Record,
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
