package policy

import (
	"cmp"
	"slices"
	"time"
)

// Persons are the people whom packs in effect for the tenant name: in roles,
// groups, as owners of agents and as approvers. Each has a UPN or an object id,
// as the packs write it, and stands once; somebody named by both stands twice,
// since no pack says that the two are one. They are sorted.
func (s *Set) Persons(tenant string, now time.Time) []User {
	u := s.at(now.UnixNano()).byTenant[asciiLower(tenant)]
	if u == nil {
		return nil
	}
	seen := map[memberKey]bool{}
	for _, p := range u.packs {
		p.notePersons(seen)
	}
	people := make([]User, 0, len(seen))
	for key := range seen {
		if key.kind == memberUser {
			people = append(people, User{UPN: key.id})
		} else {
			people = append(people, User{ID: key.id})
		}
	}
	slices.SortFunc(people, func(a, b User) int {
		// Names first, then the ids that nobody can tell apart.
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.UPN, b.UPN))
	})
	return people
}

func (p *pack) notePersons(seen map[memberKey]bool) {
	note := func(key memberKey) {
		if key.kind == memberUser || key.kind == memberOID {
			seen[key] = true
		}
	}
	noteText := func(text string) {
		if key, ok := parseMember(text); ok {
			note(key)
		}
	}
	for _, members := range p.roles.members {
		for _, key := range members {
			note(key)
		}
	}
	for _, members := range p.roles.snapshot {
		for _, key := range members {
			note(key)
		}
	}
	for _, a := range p.agents {
		noteText(a.src.Owner)
	}
	for _, r := range p.rules {
		if r.approve != nil {
			for _, text := range r.approve.everybody() {
				noteText(text)
			}
		}
	}
}
