package catalog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// RefusedError is a change that cannot be served; Findings say why, and none
// of it is in effect.
type RefusedError struct{ Findings []policy.Finding }

// Error is the first error, and how many more there are.
func (e *RefusedError) Error() string {
	first, more := "", -1
	for _, f := range e.Findings {
		if f.Severity != policy.Error {
			continue
		}
		if more++; more == 0 {
			first = f.String()
		}
	}
	if more > 0 {
		return first + " (and " + strconv.Itoa(more) + " more)"
	}
	return first
}

// Options of a [Catalog].
type Options struct {
	Environment string        // the one that is served
	SoftStale   time.Duration // 0 means 15 minutes
	HardStale   time.Duration // 0 means 24 hours

	// BeforeUse is called with every set before it decides anything; an error
	// keeps the old one. nil: nothing is to be done.
	BeforeUse func(context.Context, *policy.Set) error
}

// Catalog holds the active snapshot. It is safe for concurrent use.
type Catalog struct {
	store   Store
	options Options
	active  atomic.Pointer[snapshot]
	checked atomic.Int64 // when the store last confirmed it, nanoseconds since 1970

	mu      sync.Mutex // held while refreshing
	seen    Revision   // guarded by mu: of the newest manifest, taken or refused
	refused bool       // guarded by mu: it was refused
}

// snapshot is everything that one decision reads.
type snapshot struct {
	set       *policy.Set
	epoch     int64
	revision  Revision
	suspended []string
	validFrom time.Time
	notices   []policy.Finding
}

// New makes a catalog that has loaded nothing yet.
func New(store Store, o Options) *Catalog {
	if o.SoftStale <= 0 {
		o.SoftStale = 15 * time.Minute
	}
	if o.HardStale <= 0 {
		o.HardStale = 24 * time.Hour
	}
	return &Catalog{store: store, options: o}
}

// Active is the policy at one instant.
type Active struct {
	Set         *policy.Set // nil: none was ever loaded
	Environment string
	Epoch       int64
	Age         time.Duration // since the store last confirmed it
	Stale       bool          // past the soft limit
	Expired     bool          // past the hard limit: every call is denied
	Suspended   []string      // "agent:ID", "caller:ID", "tenant:ID"; not to be changed
}

// Active reads the snapshot; it does no I/O.
func (c *Catalog) Active(now time.Time) Active {
	a := Active{Environment: c.options.Environment}
	s := c.active.Load()
	if s == nil {
		return a
	}
	a.Set, a.Epoch, a.Suspended = s.set, s.epoch, s.suspended
	// A clock that was set back must not make a policy look fresher for ever,
	// but an age below zero says nothing either.
	a.Age = max(0, now.Sub(time.Unix(0, c.checked.Load())))
	a.Stale, a.Expired = a.Age > c.options.SoftStale, a.Age > c.options.HardStale
	return a
}

// ApprovalsValidFrom is the active manifest's; zero where it has none.
func (c *Catalog) ApprovalsValidFrom() time.Time {
	if s := c.active.Load(); s != nil {
		return s.validFrom
	}
	return time.Time{}
}

// Notices are what loading the active packs left out, and why.
func (c *Catalog) Notices() []policy.Finding {
	if s := c.active.Load(); s != nil {
		return s.notices
	}
	return nil
}

// Refresh asks the store for a newer manifest and takes it if all of it can be
// served. Changed says that the active snapshot is another one. An error, a
// [*RefusedError] among them, leaves the active one as it was; a refused
// manifest is reported once and then reads as no change until it changes.
func (c *Catalog) Refresh(ctx context.Context, now time.Time) (changed bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, revision, err := c.store.Manifest(ctx, c.options.Environment, c.seen)
	if errors.Is(err, ErrUnchanged) {
		c.confirm(now)
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the catalog: %w", err)
	}
	active := c.active.Load()
	if active != nil && revision == active.revision { // put back as it was
		c.seen, c.refused = revision, false
		c.confirm(now)
		return false, nil
	}
	next, err := c.load(ctx, m, active)
	var refused *RefusedError
	if errors.As(err, &refused) {
		c.seen, c.refused = revision, true
	}
	if err != nil {
		return false, err
	}
	if c.options.BeforeUse != nil {
		if err := c.options.BeforeUse(ctx, next.set); err != nil {
			return false, fmt.Errorf("prepare the packs: %w", err)
		}
	}
	next.revision = revision
	c.seen, c.refused = revision, false
	c.active.Store(next)
	c.confirm(now)
	return true, nil
}

// confirm notes that the active snapshot is the newest there is: not so while
// a newer manifest is refused.
func (c *Catalog) confirm(now time.Time) {
	if !c.refused && c.active.Load() != nil {
		c.checked.Store(now.UnixNano())
	}
}

// load reads and checks everything a manifest names.
func (c *Catalog) load(ctx context.Context, m Manifest, active *snapshot) (*snapshot, error) {
	findings := m.check(c.options.Environment)
	epoch := m.Epoch
	switch {
	case epoch == 0:
		epoch = 1
		if active != nil {
			epoch = active.epoch + 1
		}
	case active != nil && epoch <= active.epoch:
		findings = append(findings, policy.Finding{
			Check: "manifest", File: "manifest.json", Pointer: "/epoch",
			Message: fmt.Sprintf("epoch %d is not above %d, which is served", epoch, active.epoch),
			Fix:     "An older policy returns as a new epoch.",
		})
	}
	docs, err := c.documents(ctx, m.Packs)
	if err != nil {
		return nil, err
	}
	set, more := policy.Load(docs, policy.LoadOptions{Environment: c.options.Environment})
	if findings = append(findings, more...); policy.Refused(findings) {
		return nil, &RefusedError{Findings: findings}
	}
	return &snapshot{set: set, epoch: epoch, suspended: m.suspended(), validFrom: m.ApprovalsValidFrom, notices: findings}, nil
}

// documents reads what the entries name and believes no byte of it unchecked.
func (c *Catalog) documents(ctx context.Context, entries []Entry) ([]policy.Document, error) {
	docs := make([]policy.Document, 0, len(entries))
	for _, e := range entries {
		text, err := c.store.Document(ctx, e.Hash)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", e.name(), err)
		}
		if Hash(text) != e.Hash {
			return nil, &RefusedError{Findings: []policy.Finding{{
				Check: "hash", File: e.name(), Message: "the document is not the one that was published: its hash is another",
				Fix: "Publish it again.",
			}}}
		}
		docs = append(docs, policy.Document{Name: e.name(), Text: text})
	}
	return docs, nil
}
