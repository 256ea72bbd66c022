package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/authorization-fabric/fabric/policy"
)

// OpenRequest is an approval to open: a call that was decided and needs one.
type OpenRequest struct {
	Call
	DecisionID    string // the decision that asks
	CorrelationID string
	Agent         string
	User          policy.User // zero: nobody
	Identity      policy.Identity
	Door          string

	Action       string
	Title        string
	ResourceType string
	ResourceID   string

	Received  []byte // the request as it was received, a JSON object
	Canonical []byte // the JSON that the digest covers

	Requirements []policy.Requirement // what must be met, at least one
	Triggers     []string
	Packs        []policy.PackRef
	Facts        []Fact // masked
	Main         Main
	Over         *Over
	Said         string
	Region       string
	Label        string
	AgentTitle   string
	Zone         string
	Risk         string // context.risk as shown; "" is absent
	RiskScore    string // context.riskScore as shown, in plain notation

	// Supersede is the id of an approved approval that today's rules want more
	// than; it is closed before another is opened, which no cap keeps from
	// taking its place.
	Supersede string
}

// Open opens the approval of a call, or returns the one that is open already,
// or was closed by a person less than its time ago ([ErrDenied]). It is told
// only after the log has it. Created says which. [ErrLimit] opens none.
//
// After an error the approval may exist: asking again finds it. The caps are
// exact within one process; several may pass one together.
func (s *Service) Open(ctx context.Context, r OpenRequest, now time.Time) (a Approval, created bool, err error) {
	if err := r.check(); err != nil {
		return Approval{}, false, fmt.Errorf("open approval: %w", err)
	}
	slots := s.slots(r.Call)
	for _, slot := range slots[:len(slots)-1] { // of the previous key
		h, err := s.load(ctx, r.tenant(), slot, now)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return Approval{}, false, err
		case h.supersededBy(&r):
			if err := s.supersede(ctx, r, slot, now); err != nil {
				return Approval{}, false, err
			}
		case h.doc.Current.Status.Open() || h.doc.Current.deniedAt(now):
			return s.standing(h, now)
		}
	}
	current := slots[len(slots)-1]
	unlock, err := s.slotLocks.lock(ctx, current)
	if err != nil {
		return Approval{}, false, err
	}
	defer unlock()
	return s.openLocked(ctx, r, current, now)
}

func (s *Service) openLocked(ctx context.Context, r OpenRequest, slot string, now time.Time) (Approval, bool, error) {
	opened := Event{ID: s.options.NewID(now), Kind: EventOpened, At: stamp(now), Status: Pending, By: r.by(), DecisionID: r.DecisionID}
	var err error
	for range tries {
		var h held
		h, err = s.loadLocked(ctx, r.tenant(), slot, now)
		switch {
		case errors.Is(err, ErrNotFound):
			h = held{doc: &Document{Schema: Schema, Tenant: r.tenant(), Slot: slot}}
		case err != nil:
			return Approval{}, false, err
		case h.doc.Current.Events[0].ID == opened.ID: // an unclear write that was ours
			return s.view(h.doc, now), true, nil
		case h.supersededBy(&r):
			if h, err = s.closeLocked(ctx, h, s.superseding(&r, now), now); again(err) {
				continue
			} else if err != nil {
				return Approval{}, false, err
			}
		case h.doc.Current.Status.Open() || h.doc.Current.deniedAt(now):
			return s.standing(h, now)
		}
		if h, err = s.create(ctx, h, r, opened, now); err == nil {
			return s.view(h.doc, now), true, nil
		}
		if !again(err) {
			break
		}
	}
	return Approval{}, false, err
}

// create counts and writes under the agent's lock, so that one process never
// exceeds a cap.
func (s *Service) create(ctx context.Context, h held, r OpenRequest, opened Event, now time.Time) (held, error) {
	unlock, err := s.agents.lock(ctx, r.tenant()+" "+r.Agent)
	if err != nil {
		return held{}, err
	}
	if r.Supersede == "" { // what takes another's place adds none
		err = s.checkLimits(ctx, r, now)
	}
	if err == nil {
		h.doc.turn(s.newCase(r, opened, now), now)
		err = h.doc.leaves(h.doc.Current.roomToUse())
	}
	if err == nil {
		h, err = s.write(ctx, h)
	}
	unlock()
	if err != nil {
		return held{}, err
	}
	return s.settle(ctx, h, now)
}

// standing answers with an approval that was there before.
func (s *Service) standing(h held, now time.Time) (Approval, bool, error) {
	if !h.doc.Current.Status.Open() {
		return s.view(h.doc, now), false, ErrDenied
	}
	return s.view(h.doc, now), false, nil
}

// deniedAt reports whether a person's no still stands: nobody is asked the
// same again before the time they were given has passed.
func (c *Case) deniedAt(now time.Time) bool {
	return c.Status == Denied && now.Before(c.ApproveBy)
}

func (s *Service) checkLimits(ctx context.Context, r OpenRequest, now time.Time) error {
	user := UserKey(r.User.ID, r.User.UPN)
	limits := []struct {
		what  string
		limit int
		count Count
	}{
		// Nobody is a user too: leaving the user out must not buy more.
		{"agent and user", s.options.OpenPerUser, Count{Agent: r.Agent, User: user}},
		{"agent", s.options.OpenPerAgent, Count{Agent: r.Agent, AnyUser: true}},
	}
	for _, l := range limits {
		l.count.Tenant, l.count.At, l.count.Limit = r.tenant(), now, l.limit
		n, err := s.store.CountOpen(ctx, l.count)
		if err != nil {
			return fmt.Errorf("count open approvals: %w", err)
		}
		if n >= l.limit {
			return fmt.Errorf("%w: %d for this %s", ErrLimit, l.limit, l.what)
		}
	}
	return nil
}

// turn makes c the current approval of d, and the one before it a line.
func (d *Document) turn(c Case, now time.Time) {
	if old := &d.Current; old.Status != NoStatus {
		c.Generation = old.Generation.next(now)
		line := old.line()
		d.Earlier = slices.Insert(d.Earlier, 0, line)
		d.Earlier = d.Earlier[:min(len(d.Earlier), KeepEarlier)]
		if old.Use != nil {
			d.Replays = slices.Insert(d.Replays, 0, *old.Use)
		}
		d.leave(old, line)
	}
	d.Replays = slices.DeleteFunc(d.Replays, func(u Use) bool { return !now.Before(u.Until) })
	d.boundReplays()
	d.Current = c
}

// line is what a document keeps of c when it gives way.
func (c *Case) line() Line {
	l := Line{
		Generation: c.Generation, Status: c.Status, OpenedAt: c.OpenedAt, ClosedAt: c.ClosedAt, Comment: c.Comment,
		Approved: !c.ExecuteBy.IsZero(),
	}
	if c.Use != nil {
		l.UsedBy = c.Use.DecisionID
	}
	for i := range c.Events {
		l.Events = append(l.Events, c.Events[i].ID)
	}
	return l
}

func (s *Service) newCase(r OpenRequest, opened Event, now time.Time) Case {
	c := Case{
		Generation: Generation(0).next(now), Status: Pending,
		Application: strings.ToLower(r.Application), Agent: r.Agent,
		Requester: Person{ID: strings.ToLower(r.User.ID), UPN: r.User.UPN}, Identity: Grade{r.Identity}, Door: r.Door,
		Action: r.Action, Title: r.Title, ResourceType: r.ResourceType, ResourceID: r.ResourceID,
		Region: r.Region, Label: r.Label, AgentTitle: r.AgentTitle, Zone: r.Zone, Main: r.Main, Over: r.Over, Said: r.Said,
		Digest: r.Digest, KeyID: s.keys.Current.ID(),
		Frozen: Frozen{Received: jsontext.Value(r.Received), Canonical: jsontext.Value(r.Canonical)},
		Facts:  append([]Fact{}, r.Facts...), Risk: r.Risk, RiskScore: r.RiskScore,
		Triggers: append([]string{}, r.Triggers...), Packs: append([]policy.PackRef{}, r.Packs...),
		DecisionID: r.DecisionID, CorrelationID: r.CorrelationID,
		OpenedAt: opened.At, Events: []Event{opened},
	}
	for _, req := range r.Requirements {
		c.Requirements = append(c.Requirements, storedRequirement(req))
	}
	c.ApproveBy = stamp(opened.At.Add(r.shortest()))
	c.Notifications = c.asking()
	return c
}

// shortest is the earliest of the requirements' windows.
func (r *OpenRequest) shortest() time.Duration {
	within := r.Requirements[0].ApproveWithin
	for _, req := range r.Requirements[1:] {
		within = min(within, req.ApproveWithin)
	}
	return within
}

func (r *OpenRequest) tenant() string { return lower(r.Tenant) }

func (r *OpenRequest) by() string {
	if r.Application == "" {
		return "developer"
	}
	return "app:" + strings.ToLower(r.Application)
}

// check refuses what the evaluator cannot have meant.
func (r *OpenRequest) check() error {
	switch {
	case r.Tenant == "" || r.Digest == "" || r.Agent == "":
		return errors.New("tenant, digest and agent are needed")
	case len(r.Requirements) == 0:
		return errors.New("no requirement")
	case jsontext.Value(r.Received).Kind() != '{' || jsontext.Value(r.Canonical).Kind() != '{':
		return errors.New("the frozen request is no JSON object")
	}
	for _, req := range r.Requirements {
		if req.Need < 1 || req.ApproveWithin < time.Second || req.ExecuteWithin < time.Second {
			return fmt.Errorf("requirement %s needs %d votes within %s, to run within %s", req.PolicyID, req.Need, req.ApproveWithin, req.ExecuteWithin)
		}
	}
	return nil
}
