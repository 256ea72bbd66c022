package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/policy"
)

// ApprovalSnapshot is a stored document, ready to be held against the next one
// by the invariants of approvals.md.
type ApprovalSnapshot struct {
	Document *approval.Document

	frozen string   // what never changes within one approval
	votes  []string // each as text
	events []string // each as text, but for its mark
}

// SnapshotOf reads a record.
func SnapshotOf(r approval.Record) (*ApprovalSnapshot, error) {
	d, err := approval.Decode(r.Body)
	if err != nil {
		return nil, err
	}
	s := &ApprovalSnapshot{Document: d}
	frozen := *d
	c := &frozen.Current
	for _, v := range c.Votes {
		s.votes = append(s.votes, fmt.Sprintf("%+v", v))
	}
	for _, e := range c.Events {
		e.Logged = false
		s.events = append(s.events, fmt.Sprintf("%+v", e))
	}
	c.Status, c.ExecuteBy, c.ClosedAt, c.Comment = approval.Pending, time.Time{}, time.Time{}, ""
	c.Votes, c.PassedOn, c.Events, c.Notifications, c.Use = nil, nil, nil, nil, nil
	frozen.Leftover, frozen.Replays = nil, nil
	body, err := approval.Encode(&frozen)
	s.frozen = string(body)
	return s, err
}

// Step says what is wrong with next, written over s by a process whose call
// began at now; a nil s is that there was nothing. Logged reports whether the
// log has an event.
func (s *ApprovalSnapshot) Step(next *ApprovalSnapshot, now time.Time, logged func(id string) bool) error {
	c := &next.Document.Current
	for _, e := range c.Events {
		if e.Logged && !logged(e.ID) {
			return fmt.Errorf("%s is marked, and the log does not have it", e.Kind)
		}
	}
	if s == nil {
		return opened(c)
	}
	switch was := &s.Document.Current; {
	case was.Generation != c.Generation:
		return turned(was, c, logged)
	case next.frozen != s.frozen:
		return fmt.Errorf("what is frozen was changed:\n%s\n%s", s.frozen, next.frozen)
	case !begins(next.votes, s.votes) || !begins(next.events, s.events):
		return fmt.Errorf("a vote or an event was changed")
	case !was.Status.Open() && (c.Status != was.Status || len(next.votes) != len(s.votes) || len(next.events) != len(s.events)):
		return fmt.Errorf("one that is %s was changed", was.Status)
	default:
		return passed(now, was, c)
	}
}

func begins(list, beginning []string) bool {
	return len(list) >= len(beginning) && slices.Equal(list[:len(beginning)], beginning)
}

func opened(c *approval.Case) error {
	if c.Status != approval.Pending || len(c.Votes) != 0 {
		return fmt.Errorf("one was opened that is %s", c.Status)
	}
	return nil
}

// turned: an approval gives way to the next only when it is closed.
func turned(was, c *approval.Case, logged func(string) bool) error {
	switch {
	case was.Status.Open():
		return fmt.Errorf("a second approval was opened while one is %s", was.Status)
	case was.Generation > c.Generation:
		return fmt.Errorf("an id was given that may have been given before")
	case was.Status == approval.Denied && c.OpenedAt.Before(was.ApproveBy):
		return fmt.Errorf("what a person denied was asked again")
	}
	for _, e := range was.Events {
		if !logged(e.ID) {
			return fmt.Errorf("%s was forgotten before it was logged", e.Kind)
		}
	}
	return opened(c)
}

// passed: a transition is one of those there are, and what it rests on is there.
func passed(now time.Time, was, c *approval.Case) error {
	requester := policy.User{ID: c.Requester.ID, UPN: c.Requester.UPN}
	for _, v := range c.Votes {
		if policy.SamePerson(requester, policy.User{ID: v.Voter.ID, UPN: v.Voter.UPN}) {
			return fmt.Errorf("the requester's vote was counted")
		}
	}
	if was.Status == c.Status {
		return nil
	}
	closes := c.ApproveBy
	next := []approval.Status{approval.Approved, approval.Denied, approval.Expired, approval.Cancelled, approval.Revoked}
	if was.Status == approval.Approved {
		closes = c.ExecuteBy.Add(-time.Minute)
		next = []approval.Status{approval.Consumed, approval.Revoked, approval.Expired, approval.Superseded}
	}
	denials, met := votesOf(c)
	switch {
	case !slices.Contains(next, c.Status):
		return fmt.Errorf("%s was made out of %s", c.Status, was.Status)
	case c.Status == approval.Approved && (!met || denials > 0):
		return fmt.Errorf("it was approved with too few for it and %d against", denials)
	case c.Status == approval.Denied && denials != 1, c.Status == approval.Consumed && (denials > 0 || !met):
		return fmt.Errorf("it was %s with %d denials", c.Status, denials)
	case c.Status != approval.Revoked && (c.Status == approval.Expired) == now.Before(closes):
		return fmt.Errorf("it was %s at %s, and closes at %s", c.Status, now, closes)
	}
	return nil
}

// votesOf counts the denials, and whether every requirement has as many people
// as it needs: by object id, which every voter of these tests has.
func votesOf(c *approval.Case) (denials int, met bool) {
	met = true
	for _, v := range c.Votes {
		if v.Choice == approval.Deny {
			denials++
		}
	}
	for _, r := range c.Requirements {
		people := map[string]bool{}
		for _, v := range c.Votes {
			if v.Choice == approval.Approve && slices.Contains(v.PolicyIDs, r.PolicyID) {
				people[v.Voter.ID] = true
			}
		}
		met = met && len(people) >= r.Need
	}
	return denials, met
}
