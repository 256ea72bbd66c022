package policy

import (
	"slices"
	"strings"
)

// memberKind is the form of a member of a role.
type memberKind uint8

const (
	memberUser memberKind = iota
	memberOID
	memberGroup
	memberAppRole
	memberAgent
)

var memberForms = []struct {
	prefix string
	kind   memberKind
}{{"user:", memberUser}, {"oid:", memberOID}, {"group:", memberGroup}, {"appRole:", memberAppRole}, {"agent:", memberAgent}}

type memberKey struct {
	kind memberKind
	id   string
}

// parseMember splits a member into its form and its id, folded as it compares.
func parseMember(s string) (memberKey, bool) {
	for _, f := range memberForms {
		if id, ok := strings.CutPrefix(s, f.prefix); ok && id != "" {
			if f.kind == memberUser || f.kind == memberOID || f.kind == memberGroup {
				id = asciiLower(id)
			}
			return memberKey{f.kind, id}, true
		}
	}
	return memberKey{}, false
}

// grant is a role reached through a membership as the pack writes it.
type grant struct {
	role int
	via  string
}

// rolebook answers which roles of one pack a subject holds. It is immutable.
type rolebook struct {
	names    []string
	index    map[string]int
	grants   map[memberKey][]grant
	needs    []needs // by role
	members  [][]memberKey
	snapshot map[string][]memberKey // group id -> members
}

// roleSet is a set of role indexes of one pack.
type roleSet []uint64

func (s roleSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }
func (s roleSet) add(i int)      { s[i/64] |= 1 << (i % 64) }

// roleNeed is the roles key of a rule: any one of them, or everybody.
type roleNeed struct {
	everybody bool
	roles     []int
	names     []string
}

func (n roleNeed) met(held roleSet) bool {
	if n.everybody {
		return true
	}
	for _, r := range n.roles {
		if held.has(r) {
			return true
		}
	}
	return false
}

func (c *compiler) compileRoles() {
	b := &c.pack.roles
	b.index, b.grants, b.snapshot = map[string]int{}, map[memberKey][]grant{}, map[string][]memberKey{}
	c.snapshots(b)
	seen := map[string]bool{}
	for i, role := range c.src.Roles {
		pointer := at("/roles", i)
		c.unique(pointer, "role", role.ID, seen)
		if role.ID == "*" {
			c.report(pointer+"/id", "choice", "Give it another id.", "\"*\" stands for everybody and is no role")
		}
		b.names = append(b.names, role.ID)
		b.index[role.ID] = i
		b.needs = append(b.needs, needs{})
		b.members = append(b.members, nil)
		for j, m := range role.Members {
			c.member(b, i, at(pointer+"/members", j), m)
		}
	}
}

func (c *compiler) snapshots(b *rolebook) {
	for id, g := range c.src.Groups {
		pointer := "/groups/" + escapePointer(id)
		if !isGUID(id) {
			c.report(pointer, "guid", "Use the group's object id.", "%q is no GUID", id)
		}
		if _, twice := b.snapshot[asciiLower(id)]; twice {
			c.report(pointer, "duplicate", "Keep one of them.", "the group %q stands twice", id)
		}
		keys := []memberKey{}
		for j, m := range g.Members {
			key, ok := parseMember(m)
			if !ok || key.kind > memberOID {
				c.report(at(pointer+"/members", j), "member", "Write user:UPN or oid:GUID.", "%q is no person", m)
				continue
			}
			keys = append(keys, key)
		}
		b.snapshot[asciiLower(id)] = keys
	}
}

func (c *compiler) member(b *rolebook, role int, pointer, text string) {
	key, ok := parseMember(text)
	if !ok || (key.kind == memberOID || key.kind == memberGroup) && !isGUID(key.id) {
		c.report(pointer, "member", "Write user:UPN, oid:GUID, group:GUID, appRole:NAME or agent:ID.", "%q is no member", text)
		return
	}
	b.members[role] = append(b.members[role], key)
	b.grants[key] = append(b.grants[key], grant{role, text})
	told, ok := b.snapshot[key.id]
	if key.kind != memberGroup || !ok {
		b.needs[role].add(key)
		return
	}
	for _, person := range told {
		b.grants[person] = append(b.grants[person], grant{role, text})
		b.needs[role].add(person)
	}
}

// needs are the facts of a person without which nobody can tell that they do
// not hold a role: those that its members are written with.
type needs struct{ upn, oid, groups, appRoles bool }

func (n *needs) add(key memberKey) {
	switch key.kind {
	case memberUser:
		n.upn = true
	case memberOID:
		n.oid = true
	case memberGroup:
		n.groups = true
	case memberAppRole:
		n.appRoles = true
	case memberAgent: // holds only without a user
	}
}

func (n needs) lackedBy(p person) bool {
	return n.upn && p.upn == "" || n.oid && p.id == "" || n.groups && !p.user.GroupsKnown || n.appRoles && !p.user.AppRolesKnown
}

func (c *compiler) roleNeed(pointer string, roles []string) roleNeed {
	if slices.Equal(roles, []string{"*"}) {
		return roleNeed{everybody: true}
	}
	need := roleNeed{names: roles}
	for i, name := range roles {
		if name == "*" {
			c.fault(at(pointer, i), "choice", "Write [\"*\"] alone for everybody.", "\"*\" stands beside other roles")
		} else if r, ok := c.pack.roles.index[name]; ok {
			need.roles = append(need.roles, r)
		} else {
			c.fault(at(pointer, i), "undeclared.role", "Declare it under \"roles\".", "the role %q is not declared", name)
		}
	}
	return need
}

// identifiers of a subject, folded as members compare.
type person struct {
	id, upn string
	user    *User
}

func personOf(u *User) person {
	return person{id: asciiLower(u.ID), upn: asciiLower(u.UPN), user: u}
}

func (p person) known() bool { return p.id != "" || p.upn != "" }

// each calls f for every grant of the person, or of the agent where there is
// no person (2.6).
func (b *rolebook) each(p person, agent string, f func(grant)) {
	visit := func(kind memberKind, id string) {
		if id == "" {
			return
		}
		for _, g := range b.grants[memberKey{kind, id}] {
			f(g)
		}
	}
	if !p.known() {
		visit(memberAgent, agent)
		return
	}
	visit(memberUser, p.upn)
	visit(memberOID, p.id)
	for _, g := range p.user.Groups {
		visit(memberGroup, asciiLower(g))
	}
	for _, r := range p.user.AppRoles {
		visit(memberAppRole, r)
	}
}

// hold fills set with the roles held; set must have room and be zero.
func (b *rolebook) hold(p person, agent string, set roleSet) {
	b.each(p, agent, func(g grant) { set.add(g.role) })
}

// unknown names a role that p may or may not hold because nobody told about
// its groups or app roles, or an identifier that the role is written with, or
// "" (2.6).
func (b *rolebook) unknown(p person, held roleSet) string {
	if !p.known() {
		return ""
	}
	for i, name := range b.names {
		if !held.has(i) && b.needs[i].lackedBy(p) {
			return name
		}
	}
	return ""
}

func (b *rolebook) words() int { return (len(b.names) + 63) / 64 }
