package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// leadTime is how far ahead an effectiveFrom must lie for all instances to
// switch at that instant: three polls.
const leadTime = 30 * time.Second

// Event is one step of an operator. It is recorded before the manifest of its
// epoch is written, so an event may be of an epoch that never came about, or
// that another manifest became: Manifest tells.
type Event struct {
	Environment string
	Epoch       int64  // of the manifest that follows
	Manifest    string // [Hash] of its [Manifest.Canonical]
	Made
	Packs      []Entry     // what the packs that are touched do from then on
	Suspension *Suspension // who is suspended or resumed
	Reason     string      // what the operator said
}

// Plan is a step that is about to be made.
type Plan struct {
	Change    Made
	Was, Next Manifest         // Next is not signed yet
	Published []Published      // the new versions, with their texts
	Findings  []policy.Finding // notices and warnings
}

// Step is what became of an operation.
type Step struct {
	Manifest Manifest         // what is in force
	Changed  bool             // false: it was in force before, and nothing was written
	Note     string           // why nothing was
	Findings []policy.Finding // notices and warnings
}

// OvertakenError is a step that was not made, because somebody else changed
// the same meanwhile.
type OvertakenError struct{ By Made }

func (e *OvertakenError) Error() string {
	return fmt.Sprintf("%s changed the same at %s: %s. Look at the status and decide again",
		e.By.By, e.By.At.UTC().Format(time.RFC3339), e.By.Detail)
}

// PublisherOptions of a [Publisher]. Environment, By and Record are required.
type PublisherOptions struct {
	Environment string
	By          string           // who publishes
	Now         func() time.Time // nil means time.Now

	// Sign signs [Manifest.Canonical]. nil: manifests are not signed.
	Sign func(ctx context.Context, canonical []byte) (string, error)

	// Authentic is what instances hold a manifest against before they believe
	// it ([Options.Authentic]): a step is built on none other, or the publisher
	// would sign what somebody else wrote into the store. nil where nobody
	// signs.
	Authentic func(ctx context.Context, m *Manifest) error

	// Record makes an event durable in the audit log. An error ends the step
	// with nothing written.
	Record func(ctx context.Context, e Event) error

	// Confirm is asked once a step has been checked, before anything is
	// recorded. An error ends it with nothing written. nil agrees.
	Confirm func(ctx context.Context, p Plan) error
}

// Publisher changes what an environment serves, one step at a time: each is
// checked exactly as instances check it, recorded, and then made the next
// epoch on the condition that nobody else made one. It is safe for concurrent
// use, also by several processes on one store.
type Publisher struct {
	editor  Editor
	options PublisherOptions
}

// NewPublisher makes a publisher of an environment.
func NewPublisher(editor Editor, o PublisherOptions) *Publisher {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Publisher{editor: editor, options: o}
}

// Publication says how versions are published.
type Publication struct {
	To *Reach // nil: everybody
	// Immediate publishes a version although its effectiveFrom is so close that
	// instances switch at different instants.
	Immediate bool
}

// Publish publishes the packs among documents, with their bindings. A version
// for everybody takes the place of every other version of its pack; where its
// effectiveFrom lies ahead, what serves goes on until then. For a cohort, what
// serves goes on for all others; as a shadow it stands beside.
func (p *Publisher) Publish(ctx context.Context, docs []policy.Document, o Publication) (Step, error) {
	return p.make(ctx, func(r *reader, m *Manifest) (change, error) { return p.planPublish(r, m, docs, o) })
}

// Rollout makes a published version serve a cohort, or more or fewer agents of
// one, and the version that serves now all others.
func (p *Publisher) Rollout(ctx context.Context, v PackVersion, c Reach) (Step, error) {
	return p.makeOfPack(ctx, v, func(r *reader, l *lineup, found *version) (edit, error) {
		detail := v.String() + " to " + c.String()
		if err := l.admits(found, &c, r.now); err != nil {
			return edit{}, err
		}
		if err := r.knowsAgents(c.Agents, found); err != nil {
			return edit{}, err
		}
		return edit{kind: KindRollout, detail: detail, entries: l.cohort(found, c)}, nil
	})
}

// Promote makes a version that is rolled out or a shadow serve everybody.
func (p *Publisher) Promote(ctx context.Context, v PackVersion) (Step, error) {
	return p.makeOfPack(ctx, v, func(r *reader, l *lineup, found *version) (edit, error) {
		named := slices.ContainsFunc(l.all, func(e Entry) bool { return e.Version == v.Version && e.Reach() != nil })
		switch {
		case l.alone(v.Version):
			return edit{nothing: v.String() + " serves everybody already"}, nil
		case !named:
			return edit{}, refuseStep("publish.promote", v.String(), "it is neither rolled out nor a shadow",
				"Promote ends a rollout. An older version comes back by rollback, a newer one by rollout or publish.")
		case found.ended(r.now):
			return edit{}, refuseEnded(found)
		}
		return edit{kind: KindRollout, detail: v.String() + " promoted to everybody", entries: l.everybody(found, r.now)}, nil
	})
}

// Rollback makes an older published version serve everybody, and ends whatever
// rollout, shadow or schedule its pack has.
func (p *Publisher) Rollback(ctx context.Context, v PackVersion) (Step, error) {
	return p.makeOfPack(ctx, v, func(r *reader, l *lineup, found *version) (edit, error) {
		switch {
		case l.alone(v.Version):
			return edit{nothing: v.String() + " serves everybody already"}, nil
		case v.Version > l.enforced():
			return edit{}, refuseStep("publish.rollback", v.String(), "it is newer than what serves", "Publish it, or roll it out.")
		case found.ended(r.now):
			return edit{}, refuseEnded(found)
		case found.from.After(r.now):
			return edit{}, refuseStep("publish.rollback", v.String(), "it is not in effect yet", "Publish it.")
		}
		return edit{kind: KindRollout, detail: "rolled back to " + v.String(), entries: []Entry{found.entry()}}, nil
	})
}

// Suspend takes an agent, a caller or a tenant out of service.
func (p *Publisher) Suspend(ctx context.Context, kind SuspendedKind, id, reason string) (Step, error) {
	s := Suspension{Kind: kind, ID: id, By: p.options.By, Reason: reason}
	if err := s.check(); err != nil {
		return Step{}, err
	}
	return p.make(ctx, func(r *reader, m *Manifest) (change, error) {
		c := change{next: m.clone(), scope: scope{suspended: s.String()}}
		for _, x := range m.Suspended {
			if x.String() == s.String() {
				c.nothing = fmt.Sprintf("%s %s is suspended already, since %s by %s", kind, id, x.Since.Format(time.RFC3339), x.By)
			}
		}
		warn, err := r.warnUnknown(s)
		if err != nil {
			return change{}, err
		}
		s.Since = r.now
		c.made, c.warn, c.suspension, c.reason = Made{Kind: KindSuspended, Detail: describe(s, "suspended")}, warn, &s, reason
		c.next.Suspended = append(c.next.Suspended, s)
		slices.SortFunc(c.next.Suspended, func(a, b Suspension) int { return strings.Compare(a.String(), b.String()) })
		return c, nil
	})
}

// Resume puts it back into service.
func (p *Publisher) Resume(ctx context.Context, kind SuspendedKind, id, reason string) (Step, error) {
	s := Suspension{Kind: kind, ID: id, By: p.options.By, Reason: reason}
	if err := s.check(); err != nil {
		return Step{}, err
	}
	return p.make(ctx, func(_ *reader, m *Manifest) (change, error) {
		c := change{next: m.clone(), scope: scope{suspended: s.String()}}
		c.next.Suspended = slices.DeleteFunc(c.next.Suspended, func(x Suspension) bool { return x.String() == s.String() })
		if len(c.next.Suspended) == len(m.Suspended) {
			c.nothing = fmt.Sprintf("%s %s is not suspended", kind, id)
		}
		c.made, c.suspension, c.reason = Made{Kind: KindResumed, Detail: describe(s, "resumed")}, &s, reason
		return c, nil
	})
}

func describe(s Suspension, what string) string {
	detail := string(s.Kind) + " " + s.ID + " " + what
	if s.Reason != "" {
		detail += ": " + s.Reason
	}
	return detail
}

// ApprovalsValidFrom revokes every approval that was opened before an instant,
// which never goes back: that would revive what was revoked.
func (p *Publisher) ApprovalsValidFrom(ctx context.Context, t time.Time) (Step, error) {
	t = t.UTC()
	return p.make(ctx, func(r *reader, m *Manifest) (change, error) {
		c := change{next: m.clone(), scope: scope{validFrom: true}}
		switch {
		case t.After(r.now):
			return change{}, refuseStep("publish.validFrom", "", "the instant lies ahead: approvals opened until then would be revoked too",
				"Name the instant of the restore, or now.")
		case t.Before(m.ApprovalsValidFrom):
			return change{}, refuseStep("publish.validFrom", "", "it is "+m.ApprovalsValidFrom.Format(time.RFC3339Nano)+" already, and an earlier instant would revive what was revoked",
				"Name a later instant.")
		case t.Equal(m.ApprovalsValidFrom):
			c.nothing = "approvals count from that instant on already"
		}
		c.next.ApprovalsValidFrom = t
		c.made = Made{Kind: KindPublished, Detail: "approvals count if opened from " + t.Format(time.RFC3339Nano) + " on"}
		return c, nil
	})
}

// Status is what an environment serves as of its newest manifest.
func (p *Publisher) Status(ctx context.Context) (Manifest, error) {
	m, _, err := p.editor.Manifest(ctx, p.options.Environment, "")
	if errors.Is(err, ErrNotFound) {
		return Manifest{}, fmt.Errorf("nothing is published for %s: %w", p.options.Environment, err)
	}
	return m, err
}

// Text is the document of a published version.
func (p *Publisher) Text(ctx context.Context, v PackVersion) ([]byte, error) {
	r := p.newReader(ctx)
	r.signed = false // a look at what is stored there: nothing is signed for it
	found, err := r.version(v)
	if err != nil {
		return nil, err
	}
	return r.text(found.hash)
}

// Serving is the version of a pack that serves everybody, or whomever a
// rollout does not reach; [ErrNotFound] where none does.
func (p *Publisher) Serving(ctx context.Context, pack string) (PackVersion, error) {
	m, err := p.Status(ctx)
	if err != nil {
		return PackVersion{}, err
	}
	l, err := p.newReader(ctx).lineup(&m, pack)
	switch {
	case err != nil:
		return PackVersion{}, err
	case l.serving == nil:
		return PackVersion{}, fmt.Errorf("no version of %s serves: %w", pack, ErrNotFound)
	}
	return l.serving.PackVersion, nil
}
