package policy

import (
	"slices"
	"strings"
)

// named lists the people that a list of approvers names, each once, as member
// keys. All is false where somebody else may count too: a group without a
// snapshot, an app role, or "entitled" (4.6).
func (p *pack) named(list []string) (people map[memberKey]bool, all bool) {
	people, all = map[memberKey]bool{}, true
	for _, text := range list {
		if role, ok := strings.CutPrefix(text, "role:"); ok {
			if i, ok := p.roles.index[role]; ok {
				for _, m := range p.roles.members[i] {
					all = p.addNamed(people, m) && all
				}
			}
			continue
		}
		key, ok := parseMember(text)
		all = ok && p.addNamed(people, key) && all
	}
	return people, all
}

// isEmptyRole is whether an approver is a role that nobody holds.
func (p *pack) isEmptyRole(approver string) bool {
	role, isRole := strings.CutPrefix(approver, "role:")
	i, known := p.roles.index[role]
	return isRole && known && len(p.roles.members[i]) == 0
}

func (p *pack) addNamed(people map[memberKey]bool, key memberKey) bool {
	switch key.kind {
	case memberUser, memberOID:
		people[key] = true
	case memberGroup:
		told, ok := p.roles.snapshot[key.id]
		for _, person := range told {
			people[person] = true
		}
		return ok
	case memberAgent: // an agent never approves
	default:
		return false
	}
	return true
}

// SamePerson reports whether two identities are the same person: their object
// ids or their UPNs are equal, or nothing can be compared (contract.md).
func SamePerson(a, b User) bool {
	ids, upns := a.ID != "" && b.ID != "", a.UPN != "" && b.UPN != ""
	if ids && asciiLower(a.ID) == asciiLower(b.ID) || upns && asciiLower(a.UPN) == asciiLower(b.UPN) {
		return true
	}
	return !ids && !upns
}

// entitled is whether the person's own roles would bring this very call within
// limits.
func (e *evaluation) entitled(p person) bool {
	own := e.asIf(p)
	return own.entitle() == "" && !own.overLimit
}

// asIf is the same call as the person would make it, signed in, before any
// stage but admission.
func (e *evaluation) asIf(p person) *evaluation {
	in := *e.in
	in.Subject.User, in.Subject.Identity = *p.user, Verified
	return &evaluation{
		set: e.set, in: &in, now: e.now, u: e.u, agent: e.agent, act: e.act, args: e.args, who: p,
		region: e.region, label: e.label, risk: e.risk, channel: e.channel,
	}
}

// isNamed reports whether the person is one of the approvers: by name, role,
// group or, with entitled, by rights of their own.
func (e *evaluation) isNamed(r *rule, list []string, p person) bool {
	for _, text := range list {
		if e.isOne(r.pack, text, p) {
			return true
		}
	}
	return false
}

func (e *evaluation) isOne(pk *pack, text string, p person) bool {
	if text == "entitled" {
		return e.entitled(p)
	}
	return pk.namedBy(text, p)
}

// namedBy is whether a role, a name or a group names the person.
func (p *pack) namedBy(text string, who person) bool {
	if role, ok := strings.CutPrefix(text, "role:"); ok {
		set := make(roleSet, p.roles.words())
		p.roles.hold(who, "", set)
		i, known := p.roles.index[role]
		return known && set.has(i)
	}
	key, ok := parseMember(text)
	return ok && p.isMember(key, who)
}

func (p *pack) isMember(key memberKey, who person) bool {
	switch key.kind {
	case memberUser:
		return key.id == who.upn
	case memberOID:
		return key.id == who.id
	case memberGroup:
		for _, g := range who.user.Groups {
			if asciiLower(g) == key.id {
				return true
			}
		}
		for _, m := range p.roles.snapshot[key.id] {
			if p.isMember(m, who) {
				return true
			}
		}
	default:
	}
	return false
}

// mayBe is whether the person is, or for all that is known may be, the one who
// is excluded: what a token leaves out must not lift an exclusion.
func (e *evaluation) mayBe(pk *pack, excluded string, p person) bool {
	if role, ok := strings.CutPrefix(excluded, "role:"); ok {
		i, known := pk.roles.index[role]
		return known && slices.ContainsFunc(pk.roles.members[i], func(m memberKey) bool { return pk.mayBeMember(m, p) })
	}
	if excluded == "owner" {
		excluded = e.agent.src.Owner
	}
	key, ok := parseMember(excluded)
	return ok && pk.mayBeMember(key, p)
}

func (p *pack) mayBeMember(key memberKey, who person) bool {
	switch key.kind {
	case memberUser:
		return who.upn == "" || key.id == who.upn
	case memberOID:
		return who.id == "" || key.id == who.id
	case memberGroup:
		told, snapshot := p.roles.snapshot[key.id]
		return p.isMember(key, who) || !snapshot && !who.user.GroupsKnown ||
			slices.ContainsFunc(told, func(m memberKey) bool { return p.mayBeMember(m, who) })
	case memberAppRole:
		return !who.user.AppRolesKnown || slices.Contains(who.user.AppRoles, key.id)
	default: // an agent never votes
		return false
	}
}
