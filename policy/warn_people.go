package policy

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// rolesOf reports roles that nobody holds, or nobody can hold where they are
// needed.
func (v *survey) rolesOf(p *pack) {
	unknowable := map[int]bool{} // to an application that asserts its users
	for i, name := range p.roles.names {
		held, told := p.holdable(i)
		switch {
		case !held:
			v.warn(p, "", at("/roles", i), roleEmpty, "nobody holds the role %q", name)
		case !told:
			unknowable[i] = true
		}
	}
	if len(unknowable) > 0 {
		v.unknowableRoles(p, unknowable)
	}
}

// oldSnapshot is the age from which the members of a group are no longer taken
// to be those of today.
const oldSnapshot = 7 * 24 * time.Hour

// snapshotsOf reports groups whose members were read long ago, or at a time
// that is still to come. A snapshot that does not say when is somebody's own.
func (v *survey) snapshotsOf(p *pack) {
	for _, id := range slices.Sorted(maps.Keys(p.src.Groups)) {
		read := p.src.Groups[id].SyncedAt
		if read.IsZero() {
			continue
		}
		pointer := "/groups/" + escapePointer(id) + "/syncedAt"
		switch age := time.Unix(0, v.now).Sub(read.Time); {
		case age > oldSnapshot:
			v.warn(p, "", pointer, groupsStale, "the members of the group were read %d days ago", int(age.Hours()/24))
		case age < -time.Hour: // clocks differ
			v.warn(p, "", pointer, groupsStale, "the members of the group were read at a time that is still to come")
		}
	}
}

// holdable is whether some member of a role may count, and whether one does
// for a user about whom groups and app roles are not told.
func (p *pack) holdable(role int) (held, told bool) {
	for _, m := range p.roles.members[role] {
		switch m.kind {
		case memberUser, memberOID:
			held, told = true, true
		case memberGroup:
			people, bound := p.roles.snapshot[m.id]
			held = held || !bound || len(people) > 0
			told = told || len(people) > 0
		case memberAppRole:
			held = true
		case memberAgent:
			g := p.agents[m.id]
			counts := g == nil || g.takes[None] // an agent of another pack may
			held, told = held || counts, told || counts
		}
	}
	return held, told
}

// unknowableRoles looks for a rule that needs such a role on an action of an
// agent that takes asserted users only.
func (v *survey) unknowableRoles(p *pack, unknowable map[int]bool) {
	for _, r := range p.rules {
		need := r.needs()
		if _, dead := v.dead[r]; dead || need == nil {
			continue
		}
		for _, role := range need.roles {
			if g := v.assertingAgent(r); unknowable[role] && g != nil {
				delete(unknowable, role)
				v.warn(p, r.public, at("/roles", role), roleAsserted,
					"the agent %q takes asserted users only, about whom groups and app roles are not told: nobody can hold %q through it",
					g.src.ID, p.roles.names[role])
			}
		}
	}
}

// needs are the roles of a permitting rule, nil for everybody and for others.
func (r *rule) needs() *roleNeed {
	switch {
	case r.entitle != nil && !r.entitle.roles.everybody:
		return &r.entitle.roles
	case r.guard != nil && r.permitting() && !r.guard.roles.everybody:
		return &r.guard.roles
	}
	return nil
}

func (v *survey) assertingAgent(r *rule) *agent {
	globs := r.match.agents
	if r.guard != nil {
		globs = r.guard.agents
	}
	for _, a := range v.reach[r] {
		for _, g := range v.exposing[a] {
			if g.asserting() && (globs == nil || anyGlob(globs, g.src.ID)) {
				return g
			}
		}
	}
	return nil
}

// asserting is whether the agent is written for asserted users only.
func (a *agent) asserting() bool {
	return slices.Contains(a.src.Users, "asserted") && !slices.Contains(a.src.Users, "verified")
}

// electorate is who may vote for a rule, by name.
type electorate struct {
	people, excluded int
	all              bool // nobody else may
}

func (p *pack) electorateOf(a *approve) electorate {
	people, all := p.named(a.everybody())
	excluded, _ := p.named(withoutWord(a.src.Exclude, "owner"))
	e := electorate{all: all}
	for key := range people {
		if excluded[key] {
			e.excluded++
		} else {
			e.people++
		}
	}
	return e
}

// approval checks an approval rule: who is told, and who can vote. Rules with
// the same approvers share the work.
func (v *survey) approval(r *rule, known map[string]electorate) {
	a := r.approve
	v.mail(r, "", a.src.Notify, a.src.Approvers)
	if e := a.src.Escalate; e != nil {
		v.mail(r, "/escalate", e.Notify, e.Approvers)
	}
	if a.src.Relay && a.overLimit {
		v.about(r, "/relay", relayLimit, "a vote relayed from a mail counts for amounts over a limit")
	}
	key := strings.Join(a.everybody(), "\x00") + "\x01" + strings.Join(a.src.Exclude, "\x00")
	e, ok := known[key]
	if !ok {
		e = r.pack.electorateOf(a)
		known[key] = e
	}
	switch {
	case !e.all:
	case e.people < a.quorum && e.excluded > 0:
		v.about(r, "/exclude", excludedAll, "of %d approvers %d are excluded, and %d must approve", e.people+e.excluded, e.excluded, a.quorum)
	case e.people == 1:
		v.about(r, "/approvers", single, "one person alone can approve: nobody can while that person is away or asks")
	}
}

func (v *survey) mail(r *rule, pointer string, written, approvers []string) {
	if len(written) > 0 || written == nil && slices.ContainsFunc(approvers, r.pack.mailed) {
		return
	}
	v.about(r, pointer, noMail, "nobody is told: no mail address follows from the rule")
}

// mailed is whether a mail address follows from one of the approvers.
func (p *pack) mailed(approver string) bool {
	if role, ok := strings.CutPrefix(approver, "role:"); ok {
		i, ok := p.roles.index[role]
		return ok && slices.ContainsFunc(p.src.Roles[i].Members, p.mailed)
	}
	if id, ok := strings.CutPrefix(approver, "group:"); ok {
		return p.group(id).Mail != ""
	}
	return strings.HasPrefix(approver, "user:")
}

// callers reports an application that may call for agents that expose
// different actions.
func (v *survey) callers(p *pack) {
	first := map[string]*agent{}
	for _, q := range v.near[p] {
		for i := range q.src.Agents {
			g := q.agents[q.src.Agents[i].ID]
			for j, app := range g.callers {
				if first[app] == nil {
					first[app] = g
				} else if other := first[app]; q == p && !sameActions(g, other) {
					v.warn(p, "", at(at("/agents", i)+"/callers", j), unequal,
						"one application calls for the agents %q and %q, which expose different actions", other.src.ID, g.src.ID)
				}
			}
		}
	}
}

func sameActions(a, b *agent) bool {
	if a == b {
		return true
	}
	x, y := slices.Clone(a.actions), slices.Clone(b.actions)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(slices.Compact(x), slices.Compact(y))
}
