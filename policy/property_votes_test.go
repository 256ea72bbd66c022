package policy_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/policy"
)

// drawVoter is a person as one of several tokens of theirs may show them.
func drawVoter(t *rapid.T) (name string, u policy.User) {
	name = pick(t, "voter", "ana", "bob", "mia", "omar", "nora", "nobody", "stranger")
	switch name {
	case "nobody":
		return name, policy.User{GroupsKnown: true, AppRolesKnown: true}
	case "stranger":
		return name, person(40, "stranger")
	}
	u = people[name]
	u.Groups = pick(t, "voter's groups", []string{}, []string{groupTwo}, []string{strings.ToUpper(groupTwo)})
	switch pick(t, "token", "whole", "whole", "id", "upn", "upper", "upper id") {
	case "id":
		u.UPN = ""
	case "upn":
		u.ID = ""
	case "upper id":
		u.ID, u.UPN = strings.ToUpper(u.ID), ""
	case "upper":
		u.ID, u.UPN = strings.ToUpper(u.ID), strings.ToUpper(u.UPN)
	}
	return name, u
}

// vote is a voter and who that is.
type vote struct {
	name string
	user policy.User
}

// ballot draws votes, some persons several times and in several spellings.
func ballot(t *rapid.T) []vote {
	var out []vote
	for range rapid.IntRange(1, 6).Draw(t, "votes") {
		name, u := drawVoter(t)
		out = append(out, vote{name, u})
	}
	return out
}

// T21, 4.6: the requester, the excluded, a person's second vote and strangers
// never count.
func TestOnlyDistinctApproversCount(t *testing.T) {
	t.Parallel()
	counted := 0
	rapid.Check(t, func(t *rapid.T) {
		w := openWorld(t)
		p := w.packs[0]
		p["approvals"] = append(p["approvals"].([]any), tree{
			"id": "all", "on": []string{"always"}, "quorum": 1,
			"approvers": some(t, "who", "role:Manager", "user:mia@contoso.com", "oid:"+oid(2), "group:"+groupTwo, "role:Analyst"),
			"exclude":   pick(t, "exclude", []string{}, []string{"owner"}, []string{"role:Auditor"}, []string{"user:mia@contoso.com", "oid:" + oid(5)}),
		})
		set := w.load(t)
		for range 8 {
			c := drawCall(t, w)
			requester := nameOf(c.subject.User)
			votes := ballot(t)
			c.approval = votesFor(w, votes)
			for _, r := range set.Decide(c.input(), false).Requirements {
				counted += r.Have
				if most := (&oracle{w, r, c.agent}).countable(votes, requester); r.Have > most {
					t.Fatalf("%s counts %d of %v (asked by %q), want at most %d\nworld %s", r.PolicyID, r.Have, votes, requester, most, strings.Join(w.texts(), "\n"))
				}
			}
		}
	})
	if counted == 0 {
		t.Error("no generated vote counts")
	}
}

// votesFor casts every vote for every approval rule.
func votesFor(w *world, votes []vote) policy.Approval {
	a := policy.Approval{State: policy.ApprovalOpen, Votes: map[string][]policy.User{}}
	for _, id := range w.approvalRules() {
		for _, v := range votes {
			a.Votes[id] = append(a.Votes[id], v.user)
		}
	}
	return a
}

func nameOf(u policy.User) string {
	for name, p := range people {
		if u.ID != "" && u.ID == p.ID || u.UPN != "" && u.UPN == p.UPN {
			return name
		}
	}
	return ""
}

// oracle knows who people are, whatever their tokens show.
type oracle struct {
	w     *world
	r     policy.Requirement
	agent string
}

// countable is the most votes that may count: distinct people who are
// approvers by some fact of theirs, neither the requester nor excluded.
func (o *oracle) countable(votes []vote, requester string) int {
	var names []string
	entitled := slices.Contains(o.r.Approvers, "entitled")
	for _, v := range votes {
		unknown := v.name == "nobody" || v.name == "stranger" && !entitled
		if unknown || v.name == requester || slices.Contains(names, v.name) {
			continue
		}
		if !o.among(o.r.Exclude, v.name, nil) && (entitled || o.among(o.r.Approvers, v.name, v.user.Groups)) {
			names = append(names, v.name)
		}
	}
	return len(names)
}

func (o *oracle) among(list []string, name string, groups []string) bool {
	return slices.ContainsFunc(list, func(text string) bool { return o.means(text, name, groups) })
}

// means is whether an entry of approvers or exclude is about a person.
func (o *oracle) means(text, name string, groups []string) bool {
	role, isRole := strings.CutPrefix(text, "role:")
	u := people[name]
	switch {
	case isRole:
		return o.among(o.members(role), name, groups)
	case text == "owner":
		return o.means(o.owner(), name, groups)
	case slices.ContainsFunc(groups, func(g string) bool { return "group:"+strings.ToLower(g) == text }):
		return true
	case text == "group:"+groupOne:
		snapshot, ok := o.pack()["groups"].(tree)
		return ok && o.among(snapshot[groupOne].(tree)["members"].([]string), name, groups)
	}
	return text == "user:"+u.UPN || text == "oid:"+u.ID
}

func (o *oracle) pack() tree {
	i := slices.IndexFunc(o.w.packs, func(p tree) bool { return strings.HasPrefix(o.r.PolicyID, p["pack"].(string)+"/") })
	return o.w.packs[i]
}

func (o *oracle) members(role string) []string {
	for _, r := range o.pack()["roles"].([]any) {
		if r.(tree)["id"] == role {
			return r.(tree)["members"].([]string)
		}
	}
	return nil
}

func (o *oracle) owner() string {
	for _, p := range o.w.packs {
		for _, a := range p["agents"].([]any) {
			if a.(tree)["id"] == o.agent {
				return a.(tree)["owner"].(string)
			}
		}
	}
	return ""
}
