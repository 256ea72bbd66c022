package approval

import (
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// PollAfter is how long a caller that waits for an approval should wait before
// it looks again.
const PollAfter = 30 * time.Second

// Approval is an approval as callers see it: masked, at one instant. The zero
// Approval, of [NoStatus], is none. Slices are never nil otherwise.
type Approval struct {
	ID           string
	Status       Status
	Final        bool // closed for ever
	Triggers     []string
	PollAfter    time.Duration // 0 when final
	ApproveBy    time.Time
	ExecuteBy    time.Time // zero until approved
	Comment      string
	Requirements []policy.Requirement // with what they have

	Tenant    string
	Agent     string
	Action    string
	Title     string
	Requester Requester
	Digest    string
	Facts     []Fact
	OpenedAt  time.Time
	Votes     []CountedVote
}

// Requester is who asked, for people to read.
type Requester struct {
	Name     string // UPN, else object id, else ""
	Identity policy.Identity
}

// CountedVote is one vote for one requirement.
type CountedVote struct {
	PolicyID string
	Person   string
	Choice   Choice
	At       time.Time
	Comment  string
}

// view is d's current approval as callers see it at the instant now.
func (s *Service) view(d *Document, now time.Time) Approval {
	c := &d.Current
	a := c.call(d)
	a.ID, a.OpenedAt, a.Comment = d.ID(), c.OpenedAt, c.Comment
	a.Triggers = append(a.Triggers, c.Triggers...)
	a.ApproveBy, a.ExecuteBy = c.ApproveBy, c.ExecuteBy
	a.Facts = append(a.Facts, c.Facts...)
	a.Votes = c.countedVotes()
	a.Requirements = c.requirements()
	a.finish(s.statusAt(c, now))
	return a
}

// earlier is a closed approval of d that gave way to a later one: of the call
// it says the same, of its own course only what a line keeps.
func (d *Document) earlier(l *Line) Approval {
	a := d.Current.call(d)
	a.ID, a.OpenedAt, a.Comment = ID(d.Slot, l.Generation), l.OpenedAt, l.Comment
	a.finish(l.Status)
	return a
}

// call is what every approval of d's slot has in common.
func (c *Case) call(d *Document) Approval {
	return Approval{
		Tenant: d.Tenant, Agent: c.Agent, Action: c.Action, Title: c.Title, Digest: c.Digest,
		Requester: Requester{Name: firstOf(c.Requester.UPN, c.Requester.ID), Identity: c.Identity.Identity},
		Triggers:  []string{}, Requirements: []policy.Requirement{}, Facts: []Fact{}, Votes: []CountedVote{},
	}
}

func (a *Approval) finish(s Status) {
	a.Status, a.Final = s, !s.Open()
	if !a.Final {
		a.PollAfter = PollAfter
	}
}

func (c *Case) countedVotes() []CountedVote {
	votes := []CountedVote{}
	for _, v := range c.Votes {
		for _, id := range v.PolicyIDs {
			votes = append(votes, CountedVote{
				PolicyID: id, Person: firstOf(v.Voter.UPN, v.Voter.ID), Choice: v.Choice, At: v.At, Comment: v.Comment,
			})
		}
	}
	return votes
}

func (c *Case) requirements() []policy.Requirement {
	all := make([]policy.Requirement, 0, len(c.Requirements))
	for _, r := range c.Requirements {
		all = append(all, r.policy(len(c.approving(r.PolicyID))))
	}
	return all
}

// approving are the people who approved the requirement of that id, each once.
// Two who each may be the same person as a third are one.
func (c *Case) approving(policyID string) []policy.User {
	return c.approvingBy(policyID, func(*Vote) bool { return true })
}

// approvingBy is approving by some of the votes.
func (c *Case) approvingBy(policyID string, counts func(*Vote) bool) []policy.User {
	var people [][]policy.User // what is known of each
	for i := range c.Votes {
		v := &c.Votes[i]
		if v.Choice != Approve || !slices.Contains(v.PolicyIDs, policyID) || !counts(v) {
			continue
		}
		user := v.Voter.policy()
		person := []policy.User{}
		people = slices.DeleteFunc(people, func(other []policy.User) bool {
			same := slices.ContainsFunc(other, func(u policy.User) bool { return policy.SamePerson(u, user) })
			if same {
				person = append(person, other...)
			}
			return same
		})
		people = append(people, append(person, user))
	}
	users := make([]policy.User, 0, len(people))
	for _, person := range people {
		users = append(users, person[0])
	}
	return users
}

func (v *Voter) policy() policy.User {
	return policy.User{
		ID: v.ID, UPN: v.UPN, Groups: v.Groups, GroupsKnown: v.GroupsKnown,
		AppRoles: v.AppRoles, AppRolesKnown: v.AppRolesKnown,
	}
}

func (r *Requirement) policy(have int) policy.Requirement {
	out := policy.Requirement{
		PolicyID: r.PolicyID, Approvers: r.Approvers, Exclude: r.Exclude, Need: r.Need, Have: have,
		ApproveWithin: r.ApproveWithin.Duration(), ExecuteWithin: r.ExecuteWithin.Duration(),
		Notify: r.Notify, Relay: r.Relay,
	}
	if r.Escalate != nil {
		out.Escalate = &policy.Escalation{
			After: r.Escalate.After.Duration(), Approvers: r.Escalate.Approvers, Notify: r.Escalate.Notify,
		}
	}
	return out
}

// storedRequirement is r as documents hold it.
func storedRequirement(r policy.Requirement) Requirement {
	out := Requirement{
		PolicyID: r.PolicyID, Approvers: append([]string{}, r.Approvers...), Exclude: r.Exclude, Need: r.Need,
		ApproveWithin: seconds(r.ApproveWithin), ExecuteWithin: seconds(r.ExecuteWithin),
		Notify: r.Notify, Relay: r.Relay,
	}
	if r.Escalate != nil {
		out.Escalate = &Escalation{
			After: seconds(r.Escalate.After), Approvers: append([]string{}, r.Escalate.Approvers...), Notify: r.Escalate.Notify,
		}
	}
	return out
}

func seconds(d time.Duration) Seconds { return Seconds(d / time.Second) }

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
