package approval

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// Wanted is what a caller says about the approval of its call; both may be "".
type Wanted struct {
	ID             string // of the approval
	IdempotencyKey string
}

// Found is what the store knows about a call.
type Found struct {
	Facts    policy.Approval // for the evaluator
	Approval Approval        // the one behind Facts; zero when there is none
	// Replay is the use of an approval of this call that had the same
	// Idempotency-Key, as long as its answer may be given again. A use that was
	// taken back since is a mismatch.
	Replay *Use
	// Earlier is an approval that counts for nothing any more and that the
	// reason should speak of: the one that the caller named, or one that this
	// very call has used up.
	Earlier Line
}

// Find looks for the approval of a call. An approval that the caller names and
// that is unknown, or of another application or another call, is a mismatch,
// and nothing else is told of it.
//
// Of what is found without an id, the open one counts, and one denied by a
// person until its time has passed.
func (s *Service) Find(ctx context.Context, call Call, w Wanted, now time.Time) (Found, error) {
	found := Found{}
	if w.ID != "" {
		named, counts, err := s.findNamed(ctx, call, w, now)
		if err != nil || counts {
			return named, err
		}
		found.Earlier = named.Earlier
	}
	for _, slot := range s.slots(call) {
		h, err := s.load(ctx, lower(call.Tenant), slot, now)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return Found{}, err
		}
		if s.findIn(&found, h.doc, w.IdempotencyKey, now) {
			return found, nil
		}
	}
	return found, nil
}

// findIn takes from d what counts for a call that names no approval. It
// reports false where nothing does.
func (s *Service) findIn(f *Found, d *Document, idempotencyKey string, now time.Time) bool {
	c := &d.Current
	use, withdrawn := s.replay(d, idempotencyKey, now)
	switch {
	case withdrawn:
		f.Facts.State = policy.ApprovalMismatch
	case use != nil:
		f.Replay = use
	case c.Status.Open():
		f.Facts, f.Approval = c.open(), s.view(d, now)
		if f.Earlier.Status == NoStatus {
			f.Earlier = d.usedLately(now)
		}
	case c.deniedAt(now):
		f.Facts.State, f.Approval = policy.ApprovalDenied, s.view(d, now)
	default:
		if c.Status == Consumed && f.Earlier.Status == NoStatus {
			f.Earlier = c.line()
		}
		return false
	}
	return true
}

// usedLately is the approval before d's open one, if a call that repeats its
// use could still be on its way: whoever repeats it without its key is told.
func (d *Document) usedLately(now time.Time) Line {
	if len(d.Earlier) == 0 || d.Earlier[0].Status != Consumed || !now.Before(d.Earlier[0].ClosedAt.Add(ReplayWindow)) {
		return Line{}
	}
	return d.Earlier[0]
}

// replay is the use of one of d's approvals whose answer may be given again
// for that key. Withdrawn says that there was one, and that it was taken back.
func (s *Service) replay(d *Document, key string, now time.Time) (use *Use, withdrawn bool) {
	if key == "" {
		return nil, false
	}
	uses := d.Replays
	if d.Current.Use != nil {
		uses = append([]Use{*d.Current.Use}, uses...)
	}
	for i := range uses {
		u := &uses[i]
		if u.IdempotencyKey == key && now.Before(u.Until) {
			return u, u.Withdrawn || u.Generation.time().Before(s.options.ValidFrom())
		}
	}
	return nil, false
}

// findNamed looks the named approval up. counts is false where it is the
// call's but says nothing any more.
func (s *Service) findNamed(ctx context.Context, call Call, w Wanted, now time.Time) (f Found, counts bool, err error) {
	mismatch := Found{Facts: policy.Approval{State: policy.ApprovalMismatch}}
	slot, generation, ok := ParseID(w.ID)
	if !ok || !slices.Contains(s.slots(call), slot) {
		return mismatch, true, nil
	}
	h, err := s.load(ctx, lower(call.Tenant), slot, now)
	if errors.Is(err, ErrNotFound) {
		return mismatch, true, nil
	}
	if err != nil {
		return Found{}, false, err
	}
	a, ok := s.generation(h.doc, generation, now)
	if !ok {
		return mismatch, true, nil
	}
	if use, withdrawn := s.replay(h.doc, w.IdempotencyKey, now); withdrawn {
		return mismatch, true, nil
	} else if use != nil {
		return Found{Replay: use}, true, nil
	}
	f = Found{Approval: a}
	switch a.Status {
	case Pending, Approved:
		f.Facts = h.doc.Current.open()
	case Denied:
		f.Facts.State = policy.ApprovalDenied
	case Expired:
		f.Facts.State = policy.ApprovalExpired
	case Revoked:
		f.Facts.State = policy.ApprovalRevoked
	case NoStatus, Consumed, Cancelled, Superseded:
		return Found{Earlier: h.doc.lineOf(generation)}, false, nil
	}
	return f, true, nil
}

// generation is one approval of d, current or earlier.
func (s *Service) generation(d *Document, g Generation, now time.Time) (Approval, bool) {
	if g == d.Current.Generation {
		return s.view(d, now), true
	}
	for i := range d.Earlier {
		if d.Earlier[i].Generation == g {
			return d.earlier(&d.Earlier[i]), true
		}
	}
	return Approval{}, false
}

// lineOf is one closed approval of d in short.
func (d *Document) lineOf(g Generation) Line {
	for i := range d.Earlier {
		if d.Earlier[i].Generation == g {
			return d.Earlier[i]
		}
	}
	return d.Current.line()
}

// open is c for the evaluator: what was shown and, once it is approved, the
// votes that were cast. The votes of a pending one lift nothing yet.
func (c *Case) open() policy.Approval {
	facts := policy.Approval{
		State: policy.ApprovalOpen, Opened: c.OpenedAt,
		Shown: &policy.Shown{Triggers: c.Triggers, Identity: c.Identity.Identity, Risk: c.Risk, RiskScore: c.RiskScore},
	}
	if c.Status != Approved {
		return facts
	}
	facts.Votes = c.votes(func(v *Vote) bool { return !v.Relayed })
	if relayed := c.votes(func(v *Vote) bool { return v.Relayed }); len(relayed) > 0 {
		facts.Relayed = relayed
	}
	return facts
}

// votes are the people behind some of the approving votes, by requirement.
func (c *Case) votes(counts func(*Vote) bool) map[string][]policy.User {
	votes := map[string][]policy.User{}
	for _, r := range c.Requirements {
		if users := c.approvingBy(r.PolicyID, counts); len(users) > 0 {
			votes[r.PolicyID] = users
		}
	}
	return votes
}
