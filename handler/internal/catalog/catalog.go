package catalog

import (
	"context"
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

	// BeforeUse is called with every set before it decides anything, shadows
	// too; an error keeps the old ones. nil: nothing is to be done.
	BeforeUse func(context.Context, *policy.Set) error

	// Authentic is asked before anything in a manifest is believed, wherever it
	// was kept. An error refuses it, until it is read again. nil: whoever can
	// write to the store is believed, as in a local directory.
	Authentic func(context.Context, *Manifest) error

	// LastGood keeps what was served for a start without the store. nil: there
	// is no such thing.
	LastGood LastGood
}

// Catalog holds the active snapshot. It is safe for concurrent use.
type Catalog struct {
	store    Store
	options  Options
	active   atomic.Pointer[snapshot]
	counters counters
	rhythm   rhythm

	mu       sync.Mutex        // held while refreshing
	seen     Revision          // guarded by mu: of the newest manifest, taken or refused
	refused  bool              // guarded by mu: it was refused
	lastRead bool              // guarded by mu: the last good was asked and has answered
	told     map[Revision]bool // guarded by mu: refused while the active one is served, and told
}

// snapshot is everything that one decision reads, and what the next snapshot
// is compared with and made of.
type snapshot struct {
	arms      *arms
	epoch     int64
	suspended []string
	validFrom time.Time
	notices   []policy.Finding
	checked   atomic.Int64 // when it was known to be the newest, nanoseconds since 1970

	revision atomic.Pointer[Revision] // in the store; nil: it came from elsewhere
	manifest Manifest
	texts    map[string][]byte    // its documents, by hash
	compiled map[string]*compiled // its sets, by what they are made of
}

// New makes a catalog that has loaded nothing yet.
func New(store Store, o Options) *Catalog {
	if o.SoftStale <= 0 {
		o.SoftStale = 15 * time.Minute
	}
	if o.HardStale <= 0 {
		o.HardStale = 24 * time.Hour
	}
	return &Catalog{store: store, options: o, rhythm: newRhythm(), told: map[Revision]bool{}}
}

// Active is the policy at one instant: that of agents in no rollout, until
// [Active.For] says whose call it is for.
type Active struct {
	Set         *policy.Set // nil: none was ever loaded
	Environment string
	Epoch       int64
	Age         time.Duration // since it was last known to be the newest
	Stale       bool          // past the soft limit
	Expired     bool          // past the hard limit: every call is denied
	Suspended   []string      // "agent:ID", "caller:ID", "tenant:ID"; not to be changed
	Shadow      *Shadow       // nil: nothing is tried
	Cohorts     []Cohort      // by pack; nil before For, and where nothing is rolled out

	arms *arms // nil: Set is for everybody
}

// For is the policy for the calls of an agent, by its cohorts. Like all of
// Active it is of one manifest.
func (a Active) For(agent string) Active {
	if a.arms != nil {
		arm, cohorts := a.arms.of(agent)
		a.Set, a.Shadow, a.Cohorts = arm.set, arm.shadow, cohorts
	}
	return a
}

// Active reads the snapshot; it does no I/O. Where the last look at the store
// is longer ago than it should be it has [Catalog.Poll] look again.
func (c *Catalog) Active(now time.Time) Active {
	c.rhythm.rouse(now)
	a := Active{Environment: c.options.Environment}
	s := c.active.Load()
	if s == nil {
		return a
	}
	a.arms, a.Epoch, a.Suspended = s.arms, s.epoch, s.suspended
	a.Set, a.Shadow = s.arms.each[0].set, s.arms.each[0].shadow
	// A clock that was set back must not make a policy look fresher for ever,
	// but an age below zero says nothing either.
	a.Age = max(0, now.Sub(time.Unix(0, s.checked.Load())))
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

// Health is what a catalog has met since it was made.
type Health struct {
	Refused   int64 // manifests that could not be served, each once
	Regressed int64 // looks at the store that showed an older epoch than is served: a lagging replica, or somebody sets it back
	Failed    int64 // looks that gave no answer
	Unsaved   bool  // what is served is not yet kept as the last good
}

type counters struct {
	refused, regressed, failed atomic.Int64
	unsaved                    atomic.Pointer[snapshot]
}

// Health reads the counters; it does no I/O.
func (c *Catalog) Health() Health {
	return Health{
		Refused: c.counters.refused.Load(), Regressed: c.counters.regressed.Load(), Failed: c.counters.failed.Load(),
		Unsaved: c.counters.unsaved.Load() != nil,
	}
}
