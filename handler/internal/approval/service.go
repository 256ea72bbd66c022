package approval

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// Sentinels of a [Service], besides those of its [Store].
var (
	// ErrLimit: the agent, or the agent for this user, has too many open
	// approvals already.
	ErrLimit = errors.New("too many open approvals")
	// ErrDenied: a person has denied this very call and its time has not
	// passed. Decide the call again: the evaluator denies it.
	ErrDenied = errors.New("a person has denied this call")
)

// Keys are the environment's keys: new approvals open under Current, and those
// of Previous, which may be nil, are still found.
type Keys struct {
	Current  *policy.Key
	Previous *policy.Key
}

// Log is the audit log. Both methods return once what they were given is
// durable.
type Log interface {
	// Append writes one event, and whatever belongs to it: with
	// approval.consumed the record of the decision that used the approval,
	// whose receipt it returns. It may be given an event it has had before,
	// under the same id.
	Append(ctx context.Context, e Entry) (audit.Receipt, error)

	// Refuse writes an attempt that changed nothing.
	Refuse(ctx context.Context, r Refusal) error
}

// Entry is an event and the document that it stands in. Both are read only.
type Entry struct {
	Event    Event
	Document *Document
}

// Approvers says, by today's policy, whom approval rules name.
type Approvers interface {
	// Lists are the lists ([ByApprover]) that could name p. It may give too
	// many, never too few.
	Lists(tenant string, p identity.Principal, now time.Time) []Key

	// Judge returns the ids of the requirements of d for which the vote of
	// that person would count now. Relayed: it came through a mail and nobody
	// signed in.
	Judge(v Voter, relayed bool, d *Document, now time.Time) []string
}

// Options of a [Service]. The zero Options are right.
type Options struct {
	OpenPerUser  int // open approvals per agent and user; 0 means 20
	OpenPerAgent int // open approvals per agent; 0 means 500

	// NewID makes ids of events; nil makes ULIDs.
	NewID func(now time.Time) string

	// ValidFrom is the manifest's approvalsValidFrom: whatever was opened
	// before it counts as revoked. nil means there is none.
	ValidFrom func() time.Time

	// Tenants are those that the packs list, for closing what ValidFrom
	// revokes before anybody reads it. nil leaves that to readers.
	Tenants func(now time.Time) []string

	Notifier Notifier // nil: messages wait for a process that has one
}

// Service is the use case. It is safe for concurrent use; the clock is a
// parameter of every method.
type Service struct {
	store     Store
	keys      Keys
	log       Log
	approvers Approvers
	options   Options
	slotLocks *stripes
	agents    *stripes // taken while a slot's lock is held, never the other way
	watchers  watchers
	work      chan struct{} // holds one element while something may be due
	revoked   time.Time     // the ValidFrom that Sweep has applied; owned by Sweep
}

// New makes a service over a store.
func New(store Store, keys Keys, log Log, approvers Approvers, o Options) *Service {
	if o.OpenPerUser <= 0 {
		o.OpenPerUser = 20
	}
	if o.OpenPerAgent <= 0 {
		o.OpenPerAgent = 500
	}
	if o.NewID == nil {
		o.NewID = newULID
	}
	if o.ValidFrom == nil {
		o.ValidFrom = func() time.Time { return time.Time{} }
	}
	return &Service{
		store: store, keys: keys, log: log, approvers: approvers, options: o,
		slotLocks: newStripes(), agents: newStripes(), work: make(chan struct{}, 1),
	}
}

func newULID(now time.Time) string {
	return ulid.MustNew(ulid.Timestamp(now), rand.Reader).String() // crypto/rand never fails
}

// statusAt is the status of c at the instant now, whatever was written.
func (s *Service) statusAt(c *Case, now time.Time) Status {
	switch {
	case !c.Status.Open():
		return c.Status
	case c.OpenedAt.Before(s.options.ValidFrom()):
		return Revoked
	case !now.Before(c.closes()):
		return Expired
	}
	return c.Status
}

// slots are where approvals of a call may be, in the order they count. A call
// without a digest has none.
func (s *Service) slots(call Call) []string {
	var slots []string
	if s.keys.Previous != nil && call.Previous != "" {
		slots = append(slots, Slot(s.keys.Previous, call.Tenant, call.Application, call.Previous))
	}
	if call.Digest != "" {
		slots = append(slots, Slot(s.keys.Current, call.Tenant, call.Application, call.Digest))
	}
	return slots
}

// held is a document as it was read.
type held struct {
	doc      *Document
	revision Revision
	receipt  audit.Receipt // of the use, where this very reading logged it
}

func (s *Service) read(ctx context.Context, tenant, slot string) (held, error) {
	r, err := s.store.Get(ctx, tenant, slot)
	if err != nil {
		return held{}, fmt.Errorf("read approval: %w", err)
	}
	return heldFrom(r)
}

func heldFrom(r Record) (held, error) {
	doc, err := Decode(r.Body)
	if err != nil {
		return held{}, err
	}
	if doc.Tenant != r.Tenant || doc.Slot != r.Slot {
		return held{}, errors.New("approval document of another slot")
	}
	return held{doc: doc, revision: r.Revision}, nil
}

// write stores h.doc over the revision it was read at.
func (s *Service) write(ctx context.Context, h held) (held, error) {
	r, err := h.doc.record()
	if err != nil {
		return held{}, err
	}
	revision, err := s.store.Put(ctx, r, h.revision)
	if err != nil {
		return held{}, fmt.Errorf("write approval: %w", err)
	}
	s.watchers.tell(h.doc.Slot)
	if !r.Index.Due.IsZero() {
		s.wake()
	}
	return held{doc: h.doc, revision: revision}, nil
}
