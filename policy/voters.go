package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// RuleApprover is one entry of a rule's approvers that may name a person.
type RuleApprover struct {
	PolicyID string
	Approver string // as the rule writes it
}

// ApproverEntries are the entries of approval rules in effect that may name the
// person, now or once the rule escalates. It lists "entitled" for everybody,
// since only the call can tell.
func (s *Set) ApproverEntries(tenant string, u User, now time.Time) []RuleApprover {
	var out []RuleApprover
	un := s.at(now.UnixNano()).byTenant[asciiLower(tenant)]
	if un == nil {
		return out
	}
	p := personOf(&u)
	for _, pk := range un.packs {
		for _, r := range pk.rules {
			if r.approve == nil {
				continue
			}
			for _, text := range r.approve.everybody() {
				if text == "entitled" || pk.namedBy(text, p) {
					out = append(out, RuleApprover{r.public, text})
				}
			}
		}
	}
	return out
}

// MayApprove reports whether a person's vote would count now for the rule on
// the call in: a relayed one only where the rule takes them, and an escalation's
// approvers only once its time since in.Approval.Opened has passed. Whatever
// denies the call otherwise is not looked at.
func (s *Set) MayApprove(in *Input, policyID string, v Ballot) bool {
	e := s.begin(in, false)
	defer e.end()
	if e.admit() != "" {
		return false
	}
	for _, list := range e.rules(approvals) {
		if i := slices.IndexFunc(list, func(r *rule) bool { return r.public == policyID }); i >= 0 {
			return (list[i].approve.src.Relay || !v.Relayed) && e.mayVote(list[i], v.Voter)
		}
	}
	return false
}

// voters is who may vote on a rule by now.
func (e *evaluation) voters(a *approve) []string {
	if a.src.Escalate == nil || e.in.Now.Before(e.in.Approval.Opened.Add(a.src.Escalate.After.Duration)) {
		return a.src.Approvers
	}
	return a.everybody()
}

// ApproverTitle is an entry of a rule's approvers or exclude in words: the title of a
// role and the name of a group as the rule's pack and its bindings give them,
// else the bare id. What titles hold is the author's and unescaped.
func (s *Set) ApproverTitle(policyID, approver string) string {
	form, id, _ := strings.Cut(approver, ":")
	switch form {
	case "entitled":
		return "anyone entitled to this"
	case "owner":
		return "the agent's owner"
	case "user", "oid":
		return id
	}
	p := s.packOf(policyID)
	if p == nil {
		return cmp.Or(id, approver)
	}
	title := ""
	switch form {
	case "role":
		if i, ok := p.roles.index[id]; ok {
			title = p.src.Roles[i].Title
		}
	case "group":
		title = p.group(id).Name
	}
	return cmp.Or(title, id, approver)
}

// packOf is the latest version of the pack that a public rule id is of.
func (s *Set) packOf(policyID string) *pack {
	name, _, _ := strings.Cut(policyID, "/")
	var latest *pack
	for _, p := range s.packs {
		if p.src.Pack == name && (latest == nil || p.src.Version > latest.src.Version) {
			latest = p
		}
	}
	return latest
}

// group is a bound group, the zero Group where the bindings have none.
func (p *pack) group(id string) Group {
	for name, g := range p.src.Groups {
		if asciiLower(name) == asciiLower(id) {
			return g
		}
	}
	return Group{}
}
