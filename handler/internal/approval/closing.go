package approval

import (
	"context"
	"fmt"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// closing is how an approval ends.
type closing struct {
	Status     Status
	By         string
	Event      string // id
	DecisionID string
	Comment    string
}

// close ends c. Messages that are still to be sent about it are dropped, and
// the requester is told where that says anything new.
func (c *Case) close(how closing, now time.Time) {
	c.Status, c.ClosedAt = how.Status, stamp(now)
	if how.Comment != "" {
		c.Comment = how.Comment
	}
	c.Events = append(c.Events, Event{
		ID: how.Event, Kind: EventClosed, At: stamp(now), Status: how.Status, By: how.By, DecisionID: how.DecisionID, Comment: how.Comment,
	})
	c.stopAsking(now)
	if how.Status == Denied || how.Status == Expired || how.Status == Revoked {
		c.tellRequester(now)
	}
}

// Cancel withdraws a pending approval for the application that asked; for any
// other caller it is [ErrNotFound]. One that is no longer pending is a
// [*ClosedError].
func (s *Service) Cancel(ctx context.Context, r Reader, id, comment string, now time.Time) (Approval, error) {
	p, err := placeOf(r, id)
	if err != nil {
		return Approval{}, err
	}
	if err := checkComment(comment); err != nil {
		return Approval{}, err
	}
	event := s.options.NewID(now)
	h, err := s.change(ctx, p, event, now, func(d *Document) error {
		if !asked(r.Principal, d) {
			return ErrNotFound
		}
		if err := s.closed(d, p.generation, now); err != nil {
			return err
		}
		if d.Current.Status != Pending {
			return &ClosedError{Approval: s.view(d, now), Detail: "The approval is given already: it can be revoked, not cancelled."}
		}
		d.Current.close(closing{Status: Cancelled, By: by(r.Principal), Event: event, Comment: comment}, now)
		return nil
	})
	if err != nil {
		return Approval{}, err
	}
	return s.answer(h, p, now)
}

// asked reports whether p is the application that asked for d, or the requester
// through it: one connector is the application of many people. For what was
// asked without a token that is the developer of this machine.
func asked(p identity.Principal, d *Document) bool {
	switch {
	case d.Current.Application == "" || p.Kind == identity.Developer:
		return d.Current.Application == "" && p.Kind == identity.Developer
	case lower(p.Application) != d.Current.Application:
		return false
	}
	return p.Kind == identity.Application || p.Kind == identity.Person && d.Current.isOf(p)
}

// isOf reports whether a person is certainly the requester of c.
func (c *Case) isOf(p identity.Principal) bool {
	r := c.Requester
	comparable := r.ID != "" && p.ObjectID != "" || r.UPN != "" && p.UPN != ""
	return comparable && policy.SamePerson(policy.User{ID: r.ID, UPN: r.UPN}, policy.User{ID: p.ObjectID, UPN: p.UPN})
}

// Revoke takes an open approval back, for one of its approvers or an auditor;
// for any other caller it is [ErrNotFound]. One that was used already is a
// [*ClosedError] that says when its grant ends, and its answer is not given
// again: that is in the log before it is told.
func (s *Service) Revoke(ctx context.Context, r Reader, id, comment string, now time.Time) (Approval, error) {
	p, err := placeOf(r, id)
	if err != nil {
		return Approval{}, err
	}
	if err := checkComment(comment); err != nil {
		return Approval{}, err
	}
	event := s.options.NewID(now)
	h, err := s.change(ctx, p, event, now, func(d *Document) error {
		if !s.mayRevoke(r.Principal, d, now) {
			return ErrNotFound
		}
		if u := d.use(p.generation); u != nil && !u.Withdrawn {
			u.Withdrawn = true
			return nil
		} else if u != nil {
			return errUnchanged
		}
		if err := s.closed(d, p.generation, now); err != nil {
			return err
		}
		d.Current.close(closing{Status: Revoked, By: by(r.Principal), Event: event, Comment: comment}, now)
		return nil
	})
	if err != nil {
		return Approval{}, err
	}
	if u := h.doc.use(p.generation); u != nil {
		return Approval{}, s.withdrawn(ctx, r.Principal, h.doc, u, now)
	}
	return s.answer(h, p, now)
}

// withdrawn logs and tells that the answer to a use is not given again.
func (s *Service) withdrawn(ctx context.Context, p identity.Principal, d *Document, u *Use, now time.Time) error {
	a, ok := s.generation(d, u.Generation, now)
	if !ok {
		return ErrNotFound
	}
	detail := usedDetail(u)
	refusal := Refusal{ID: s.options.NewID(now), At: stamp(now), Principal: p, Approval: a, Late: true, Code: "revoke.used", Reason: detail}
	if err := s.log.Refuse(ctx, refusal); err != nil {
		return fmt.Errorf("log a late revocation: %w", err)
	}
	return &ClosedError{Approval: a, Detail: detail}
}

func usedDetail(u *Use) string {
	if u.GrantEnds.IsZero() {
		return "The approval was used already; its answer is not given again."
	}
	return "The approval was used already; the grant ends at " + u.GrantEnds.UTC().Format(time.RFC3339) + ", and the answer is not given again."
}

func (s *Service) mayRevoke(p identity.Principal, d *Document, now time.Time) bool {
	return p.Has(identity.RoleAuditor) || s.mayDecide(p, d, now)
}

// mayDecide reports whether p is a person whose vote would count now, were d
// open.
func (s *Service) mayDecide(p identity.Principal, d *Document, now time.Time) bool {
	voter := voterOf(p)
	return p.Kind == identity.Person && p.Has(identity.RoleApprover) && len(s.counts(d, &voter, false, now)) > 0
}

// use is what a generation was used for, while its answer is kept.
func (d *Document) use(g Generation) *Use {
	if u := d.Current.Use; u != nil && u.Generation == g {
		return u
	}
	for i := range d.Replays {
		if d.Replays[i].Generation == g {
			return &d.Replays[i]
		}
	}
	return nil
}

// by names who acted, for the log.
func by(p identity.Principal) string {
	switch {
	case p.Kind == identity.Person:
		return "oid:" + lower(p.ObjectID)
	case p.Application != "":
		return "app:" + lower(p.Application)
	}
	return "developer"
}

// supersede closes an approved approval of an earlier key's slot.
func (s *Service) supersede(ctx context.Context, r OpenRequest, slot string, now time.Time) error {
	_, generation, _ := ParseID(r.Supersede)
	how := s.superseding(&r, now)
	_, err := s.change(ctx, place{r.tenant(), slot, generation}, how.Event, now, func(d *Document) error {
		if !(held{doc: d}).supersededBy(&r) {
			return errUnchanged
		}
		d.Current.close(how, now)
		return nil
	})
	return err
}

func (s *Service) superseding(r *OpenRequest, now time.Time) closing {
	return closing{Status: Superseded, By: "policy", Event: s.options.NewID(now), DecisionID: r.DecisionID}
}

// supersededBy reports whether h is the approved approval that r wants closed.
func (h held) supersededBy(r *OpenRequest) bool {
	return r.Supersede != "" && h.doc.Current.Status == Approved && h.doc.ID() == r.Supersede
}

// closeLocked ends the current approval of h, for whoever holds the slot's lock.
func (s *Service) closeLocked(ctx context.Context, h held, how closing, now time.Time) (held, error) {
	h.doc.Current.close(how, now)
	return s.commit(ctx, h, now)
}
