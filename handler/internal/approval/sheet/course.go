package sheet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

func zoneOf(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // of the machine: another one would show another time
		return time.UTC
	}
	return zone
}

// at is an instant in the zone of the bindings, which it names.
func (b *builder) at(t time.Time) string {
	text := t.In(b.zone).Format("Mon 2 Jan 2006, 15:04 MST")
	if b.zone == time.UTC {
		return text
	}
	return text + " (" + b.zone.String() + ")"
}

// course is the deadline, what happens then, and what approving does.
func (b *builder) course() (deadline, then, effect string) {
	a := &b.Approval
	switch a.Status {
	case approval.Pending:
		within := b.executeWithin()
		return b.at(a.ApproveBy), "If nothing is done, it expires then and nothing is executed." + b.escalations(),
			fmt.Sprintf("Allows exactly this call, once, until %s after the last approval, and at the latest until %s",
				words(within), b.at(a.ApproveBy.Add(within)))
	case approval.Approved:
		return b.at(a.ExecuteBy), "If the call is not made, it expires then and nothing is executed.",
			"Allows exactly this call, once, until " + b.at(a.ExecuteBy)
	default:
		return "", "", ""
	}
}

// executeWithin is the earliest of the requirements' windows.
func (b *builder) executeWithin() time.Duration {
	var within time.Duration
	for i, r := range b.c.Requirements {
		if d := r.ExecuteWithin.Duration(); i == 0 || d < within {
			within = d
		}
	}
	return within
}

func (b *builder) escalations() string {
	var text strings.Builder
	for _, r := range b.c.Requirements {
		if r.Escalate == nil {
			continue
		}
		if at := b.c.OpenedAt.Add(r.Escalate.After.Duration()); at.After(b.Now) && at.Before(b.c.ApproveBy) {
			fmt.Fprintf(&text, " From %s others may decide too: %s.", b.at(at), strings.Join(b.approvers(r.PolicyID, r.Escalate.Approvers), ", "))
		}
	}
	return text.String()
}

// words is a duration as people say it.
func words(d time.Duration) string {
	units := []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}
	var parts []string
	for _, u := range units {
		n := int64(d / u.of)
		d %= u.of
		if u.name == "day" && n == 1 { // 24 hours are not a day when the clocks change
			d, n = d+u.of, 0
		}
		switch {
		case n == 1:
			parts = append(parts, "1 "+u.name)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, u.name))
		}
	}
	return strings.Join(parts, " ")
}

// progress is how far each requirement is met.
func (b *builder) progress() []Requirement {
	all := make([]Requirement, 0, len(b.c.Requirements))
	for _, r := range b.c.Requirements {
		req := Requirement{
			Title: b.line(r.PolicyID), Approvers: b.approvers(r.PolicyID, r.Approvers),
			Except: b.approvers(r.PolicyID, r.Exclude), Need: r.Need, Have: b.have(r.PolicyID),
		}
		if r.Escalate != nil && !b.c.OpenedAt.Add(r.Escalate.After.Duration()).After(b.Now) {
			req.Approvers = append(req.Approvers, b.approvers(r.PolicyID, r.Escalate.Approvers)...)
		}
		for i := range b.c.Votes {
			if v := &b.c.Votes[i]; slices.Contains(v.PolicyIDs, r.PolicyID) {
				req.Votes = append(req.Votes, b.vote(v))
			}
		}
		all = append(all, req)
	}
	return all
}

func (b *builder) have(policyID string) int {
	for _, r := range b.Approval.Requirements {
		if r.PolicyID == policyID {
			return r.Have
		}
	}
	return 0
}

func (b *builder) vote(v *approval.Vote) Vote {
	choice := "denied"
	if v.Choice == approval.Approve {
		choice = "approved"
	}
	if v.Relayed {
		choice += " by mail, not signed in"
	}
	return Vote{Person: b.person(v.Voter.UPN, v.Voter.ID), Choice: choice, At: b.at(v.At), Comment: b.prose(v.Comment, approval.MaxComment)}
}

func (b *builder) person(upn, id string) string {
	if upn != "" {
		return b.line(upn)
	}
	return "the person " + b.line(id)
}

// approvers are those whom a rule names, in words.
func (b *builder) approvers(policyID string, names []string) []string {
	all := make([]string, 0, len(names))
	for _, name := range names {
		all = append(all, b.approver(policyID, name))
	}
	return all
}

func (b *builder) approver(policyID, name string) string {
	if b.Title != nil {
		if title := b.Title(policyID, name); title != "" {
			return b.line(title)
		}
	}
	form, rest, _ := strings.Cut(name, ":")
	switch form {
	case "role":
		return b.line(rest)
	case "user":
		return b.line(rest)
	case "oid":
		return "the person " + b.line(rest)
	case "group":
		return "the group " + b.line(rest)
	case "entitled":
		return "whoever may do this without approval"
	case "owner":
		return "the agent's owner"
	}
	return b.line(name)
}

// outcome is what became of the approval, and what was written with it.
func (b *builder) outcome() (text, comment string) {
	a := &b.Approval
	comment = b.prose(a.Comment, approval.MaxComment)
	by, at := b.closing()
	const nothing = " Nothing was executed."
	switch a.Status {
	case approval.Approved:
		return "Approved" + b.lastVote() + ".", comment
	case approval.Consumed:
		return "The approved call was allowed" + at + ". The approval cannot be used again.", comment
	case approval.Denied:
		return "Denied" + by + at + "." + nothing, comment
	case approval.Revoked:
		return "Taken back" + by + at + "." + nothing, comment
	case approval.Cancelled:
		return "Withdrawn" + by + at + "." + nothing, comment
	case approval.Superseded:
		return "Replaced" + at + ": today's rules want more than was approved. It allows nothing any more." + nothing, comment
	case approval.Expired:
		return b.expired() + nothing, comment
	case approval.Pending, approval.NoStatus:
	}
	return "", ""
}

func (b *builder) expired() string {
	switch {
	case b.earlier:
		_, at := b.closing()
		return "Its time has passed" + at + "."
	case !b.Approval.ExecuteBy.IsZero():
		return "It was approved, but the call was not made in time. It expired on " + b.at(b.Approval.ExecuteBy) + "."
	case len(b.c.Votes) > 0:
		return "Too few people decided in time. It expired on " + b.at(b.Approval.ApproveBy) + "."
	}
	return "Nobody decided in time. It expired on " + b.at(b.Approval.ApproveBy) + "."
}

// closing says who closed the approval and when, as far as it is known.
func (b *builder) closing() (by, at string) {
	when := b.c.ClosedAt
	if b.earlier {
		when = time.Time{}
		for _, l := range b.Document.Earlier {
			if approval.ID(b.Document.Slot, l.Generation) == b.Approval.ID {
				when = l.ClosedAt
			}
		}
	} else {
		for _, e := range b.c.Events {
			if e.Kind == approval.EventClosed {
				by = b.actor(e.By)
			}
		}
	}
	if !when.IsZero() {
		at = " on " + b.at(when)
	}
	return by, at
}

// actor is who caused an event, in words after a verb.
func (b *builder) actor(by string) string {
	form, id, _ := strings.Cut(by, ":")
	switch form {
	case "oid":
		for _, v := range b.c.Votes {
			if strings.EqualFold(v.Voter.ID, id) {
				return " by " + b.person(v.Voter.UPN, id)
			}
		}
		return " by " + b.person("", id)
	case "upn":
		return " by " + b.line(id)
	case "app":
		return " by the application that asked"
	case "developer":
		return " by the developer of this machine"
	case "manifest":
		return ", like everything opened before the store was restored,"
	}
	return ""
}

// lastVote is who approved last.
func (b *builder) lastVote() string {
	if b.earlier || len(b.c.Votes) == 0 {
		return ""
	}
	v := &b.c.Votes[len(b.c.Votes)-1]
	return " by " + b.person(v.Voter.UPN, v.Voter.ID) + " on " + b.at(v.At)
}
