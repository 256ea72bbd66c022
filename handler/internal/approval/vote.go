package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// Ballot is a vote as it came in.
type Ballot struct {
	ApprovalID string
	Choice     Choice
	Digest     string     // what the voter was shown
	Comment    string     // at most [MaxComment] characters
	Responder  *Responder // who answered a mail, from the relay only
}

// Responder is a person as the relay states them: nobody signed in.
type Responder struct {
	UserID   string // object id
	TenantID string
	Email    string // the address that the mail went to
	Nonce    string // that the mail carried
}

// Vote casts one vote. A person's own counts as that person, a relay's as the
// responder. The voter must be an approver now, by today's policy, and must
// have been shown this very call.
//
// The errors: [ErrNotFound], [ErrComment], a [*RefusedError] (the vote may not count), a
// [*ClosedError] (too late); both of these are in the log before they are
// returned. The same vote again changes nothing and is no error.
func (s *Service) Vote(ctx context.Context, r Reader, b Ballot, now time.Time) (Approval, error) {
	p, err := placeOf(r, b.ApprovalID)
	if err != nil {
		return Approval{}, err
	}
	if b.Choice != Approve && b.Choice != Deny {
		return Approval{}, fmt.Errorf("a vote is approve or deny, not %q", b.Choice)
	}
	if err := checkComment(b.Comment); err != nil {
		return Approval{}, err
	}
	event := s.options.NewID(now)
	var seen Approval
	h, err := s.change(ctx, p, event, now, func(d *Document) error {
		seen = d.identity(p.generation)
		return s.cast(d, p.generation, r.Principal, &b, event, now)
	})
	if err != nil {
		return Approval{}, s.refuse(ctx, err, r.Principal, &b, seen, now)
	}
	return s.answer(h, p, now)
}

// identity is what a refusal says of an approval, and no more.
func (d *Document) identity(g Generation) Approval {
	a := d.Current.call(d)
	a.ID = ID(d.Slot, g)
	return a
}

// refuse records a vote that does not count.
func (s *Service) refuse(ctx context.Context, err error, p identity.Principal, b *Ballot, a Approval, now time.Time) error {
	refusal := Refusal{ID: s.options.NewID(now), At: stamp(now), Principal: p, Approval: a, Choice: b.Choice}
	var (
		refused *RefusedError
		closed  *ClosedError
	)
	switch {
	case errors.As(err, &refused):
		refusal.Code, refusal.Reason, refused.Record = refused.Code, refused.Detail, refusal.ID
	case errors.As(err, &closed):
		refusal.Late, refusal.Code, refusal.Approval, closed.Record = true, "vote.late", closed.Approval, refusal.ID
		refusal.Reason = "The approval is " + closed.Approval.Status.String() + "."
	default:
		return err
	}
	if logErr := s.log.Refuse(ctx, refusal); logErr != nil {
		return fmt.Errorf("log a refused vote: %w", logErr)
	}
	return err
}

// cast puts the vote into d, or says why not.
func (s *Service) cast(d *Document, g Generation, p identity.Principal, b *Ballot, event string, now time.Time) error {
	if _, ok := s.generation(d, g, now); !ok {
		return ErrNotFound
	}
	voter, relayed, err := d.voter(g, p, b)
	if err != nil {
		return err
	}
	counts := s.counts(d, &voter, relayed, now)
	mine := d.Current.lastVote(&voter)
	switch {
	case len(counts) == 0 && mine == nil:
		return &RefusedError{Code: "vote.notNamed", Detail: "You are not among those who may decide this."}
	case b.Digest != d.Current.Digest:
		return &RefusedError{Code: "vote.digest", Detail: "What was shown to the voter is not this call."}
	case d.repeats(g, mine, b.Choice):
		if counts = d.Current.uncounted(&voter, counts); b.Choice == Deny || len(counts) == 0 {
			return errUnchanged
		}
	}
	if err := s.closed(d, g, now); err != nil {
		return err
	}
	if len(counts) == 0 {
		return &RefusedError{Code: "vote.notNamed", Detail: "You are no longer among those who may decide this."}
	}
	return s.note(d, Vote{
		Event: event, Voter: voter, Choice: b.Choice, PolicyIDs: counts, At: stamp(now), Comment: b.Comment, Relayed: relayed,
	}, now)
}

// counts are the requirements of d for which the voter's vote would count now.
// Whoever asked decides nothing, whatever the packs say.
func (s *Service) counts(d *Document, voter *Voter, relayed bool, now time.Time) []string {
	asked := policy.User{ID: d.Current.Requester.ID, UPN: d.Current.Requester.UPN}
	if (asked.ID != "" || asked.UPN != "") && policy.SamePerson(asked, voter.policy()) {
		return nil
	}
	return slices.DeleteFunc(s.approvers.Judge(*voter, relayed, d, now), func(id string) bool {
		return !d.Current.requires(id, relayed)
	})
}

// note adds the vote where there is room for it. There always is for a no.
func (s *Service) note(d *Document, v Vote, now time.Time) error {
	full := &RefusedError{Code: "vote.full", Detail: "More people have approved this than are noted."}
	if v.Choice == Approve && !d.Current.takes(v.PolicyIDs) {
		return full
	}
	if v.Choice == Deny { // what a token says matters to approvals only, and may be long
		v.Voter.Groups, v.Voter.GroupsKnown, v.Voter.AppRoles, v.Voter.AppRolesKnown = nil, false, nil, false
	}
	d.Current.count(v, s.options.NewID(now), now)
	if v.Choice == Deny {
		return nil
	}
	err := d.leaves(roomToClose)
	if errors.Is(err, ErrTooLarge) {
		return full
	}
	return err
}

// repeats reports whether the voter said the same before: while it is open, or
// where that very denial closed it.
func (d *Document) repeats(g Generation, mine *Vote, choice Choice) bool {
	if g != d.Current.Generation || mine == nil || mine.Choice != choice {
		return false
	}
	return d.Current.Status.Open() || choice == Deny
}

// voter is the person behind a vote.
func (d *Document) voter(g Generation, p identity.Principal, b *Ballot) (v Voter, relayed bool, err error) {
	switch {
	case p.Kind == identity.Person && p.Has(identity.RoleApprover):
		if b.Responder != nil {
			return Voter{}, false, &RefusedError{Code: "vote.responder", Detail: "A person votes for themselves: leave responder out."}
		}
		return voterOf(p), false, nil
	case p.Kind == identity.Application && p.Has(identity.RoleApprovalRelay) && b.Responder != nil:
		v, err := d.responder(g, b)
		return v, true, err
	}
	return Voter{}, false, &RefusedError{Code: "vote.kind", Detail: "Only a person, or the relay with its responder, may vote."}
}

func voterOf(p identity.Principal) Voter {
	return Voter{
		Tenant: lower(p.Tenant), ID: lower(p.ObjectID), UPN: p.UPN,
		Groups: p.Groups, GroupsKnown: p.GroupsKnown, AppRoles: p.AppRoles, AppRolesKnown: true,
	}
}

// responder is who answered a mail: its nonce must be of a mail to that very
// address, and there is one such vote an approval.
func (d *Document) responder(g Generation, b *Ballot) (Voter, error) {
	r := b.Responder
	refused := &RefusedError{Code: "vote.relay", Detail: "The mail's answer does not fit the mail that was sent."}
	if g != d.Current.Generation || r.Nonce == "" || r.Email == "" || lower(r.TenantID) != d.Tenant {
		return Voter{}, refused
	}
	sent := slices.ContainsFunc(d.Current.Notifications, func(n Notification) bool {
		return n.Kind != NoticeOutcome && sameText(n.Nonce, r.Nonce) && strings.EqualFold(n.Recipient, r.Email)
	})
	if !sent {
		return Voter{}, refused
	}
	v := Voter{Tenant: d.Tenant, ID: lower(r.UserID), UPN: r.Email}
	for i := range d.Current.Votes {
		if old := &d.Current.Votes[i]; old.Relayed && (old.Choice != b.Choice || !old.Voter.same(&v)) {
			return Voter{}, &RefusedError{Code: "vote.relay", Detail: "A vote by mail was counted already: sign in for another."}
		}
	}
	return v, nil
}

func (v *Voter) same(other *Voter) bool { return policy.SamePerson(v.policy(), other.policy()) }

// requires reports whether the rule is a requirement of c, and was one that
// takes votes by mail where the vote is relayed.
func (c *Case) requires(policyID string, relayed bool) bool {
	return slices.ContainsFunc(c.Requirements, func(r Requirement) bool {
		return r.PolicyID == policyID && (r.Relay || !relayed)
	})
}

// lastVote is the latest vote of a person, or nil.
func (c *Case) lastVote(v *Voter) *Vote {
	for i := len(c.Votes) - 1; i >= 0; i-- {
		if c.Votes[i].Voter.same(v) {
			return &c.Votes[i]
		}
	}
	return nil
}

// uncounted are those of the requirements that the person has not approved.
func (c *Case) uncounted(v *Voter, policyIDs []string) []string {
	return slices.DeleteFunc(slices.Clone(policyIDs), func(id string) bool {
		return slices.ContainsFunc(c.Votes, func(old Vote) bool {
			return old.Choice == Approve && slices.Contains(old.PolicyIDs, id) && old.Voter.same(v)
		})
	})
}

// count adds a vote and what follows from it. Follow is the id of the event
// that may follow.
func (c *Case) count(v Vote, follow string, now time.Time) {
	c.Votes = append(c.Votes, v)
	c.Comment = v.Comment
	who := "oid:" + v.Voter.ID
	if v.Voter.ID == "" {
		who = "upn:" + v.Voter.UPN
	}
	c.Events = append(c.Events, Event{ID: v.Event, Kind: EventVoted, At: v.At, Status: c.Status, By: who, Comment: v.Comment})
	switch {
	case v.Choice == Deny && c.Status == Approved:
		c.close(closing{Status: Revoked, By: who, Event: follow, Comment: v.Comment}, now)
	case v.Choice == Deny:
		c.close(closing{Status: Denied, By: who, Event: follow, Comment: v.Comment}, now)
	case c.Status == Pending && c.met():
		c.Status, c.ExecuteBy = Approved, stamp(now.Add(c.shortestExecute()))
		c.Events = append(c.Events, Event{ID: follow, Kind: EventApproved, At: v.At, Status: Approved, By: who})
		c.stopAsking(now)
		c.tellRequester(now)
	}
}

// met reports whether every requirement has the votes it needs, of distinct
// people.
func (c *Case) met() bool {
	return !slices.ContainsFunc(c.Requirements, func(r Requirement) bool { return len(c.approving(r.PolicyID)) < r.Need })
}

// shortestExecute is the earliest of the requirements' windows.
func (c *Case) shortestExecute() time.Duration {
	within := c.Requirements[0].ExecuteWithin
	for _, r := range c.Requirements[1:] {
		within = min(within, r.ExecuteWithin)
	}
	return within.Duration()
}
