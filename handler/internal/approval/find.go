package approval

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// Found is what the store knows about a call.
type Found struct {
	Facts    policy.Approval // for the evaluator
	Approval Approval        // the one behind Facts; zero when there is none
	// Given is the status of the approval that the caller named, where it
	// counts for nothing and the reason should say so: consumed, cancelled or
	// superseded.
	Given Status
}

// Find looks for the approval of a call. id is the approval that the caller
// names, or "": one that is unknown, or of another application or another
// call, is a mismatch, and nothing else is told of it.
//
// Of what is found without an id, the open one counts, and one denied by a
// person until its time has passed.
func (s *Service) Find(ctx context.Context, call Call, id string, now time.Time) (Found, error) {
	found := Found{}
	if id != "" {
		named, counts, err := s.findNamed(ctx, call, id, now)
		if err != nil || counts {
			return named, err
		}
		found.Given = named.Given
	}
	for _, slot := range s.slots(call) {
		h, err := s.load(ctx, lower(call.Tenant), slot, now)
		switch {
		case errors.Is(err, ErrNotFound):
			continue
		case err != nil:
			return Found{}, err
		case h.doc.Current.Status.Open():
			found.Facts, found.Approval = h.doc.Current.open(), s.view(h.doc, now)
			return found, nil
		case h.doc.Current.deniedAt(now):
			found.Facts.State, found.Approval = policy.ApprovalDenied, s.view(h.doc, now)
			return found, nil
		}
	}
	return found, nil
}

// findNamed looks the named approval up. counts is false where it is the
// call's but says nothing any more.
func (s *Service) findNamed(ctx context.Context, call Call, id string, now time.Time) (f Found, counts bool, err error) {
	mismatch := Found{Facts: policy.Approval{State: policy.ApprovalMismatch}}
	slot, generation, ok := ParseID(id)
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
		return Found{Given: a.Status}, false, nil
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

// open is c for the evaluator: the votes that were cast.
func (c *Case) open() policy.Approval {
	facts := policy.Approval{State: policy.ApprovalOpen, Votes: map[string][]policy.User{}}
	for _, r := range c.Requirements {
		if users := c.approving(r.PolicyID); len(users) > 0 {
			facts.Votes[r.PolicyID] = users
		}
	}
	return facts
}
