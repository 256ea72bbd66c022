package catalog

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// arms are the policies that one manifest makes: one for each way in which its
// rollouts can split agents, all compiled before the first of them decides.
type arms struct {
	rollouts []Entry // by pack
	each     []arm   // by the bits of the rollouts an agent is in; 0: in none
}

// arm is what decides, and what is tried beside it.
type arm struct {
	set    *policy.Set
	shadow *Shadow // nil: nothing
}

// of is the arm of an agent, and where it is in every rollout.
func (a *arms) of(agent string) (arm, []Cohort) {
	if len(a.rollouts) == 0 {
		return a.each[0], nil
	}
	which, cohorts := 0, make([]Cohort, len(a.rollouts))
	for i := range a.rollouts {
		if cohorts[i] = a.rollouts[i].cohort(agent); cohorts[i].In {
			which |= 1 << i
		}
	}
	return a.each[which], cohorts
}

// sets are the policies that decide, each once.
func (a *arms) sets() []*policy.Set {
	out := make([]*policy.Set, 0, len(a.each))
	for _, arm := range a.each {
		if !slices.Contains(out, arm.set) {
			out = append(out, arm.set)
		}
	}
	return out
}

// rolledOut are the entries with a rollout, by pack.
func (m *Manifest) rolledOut() []Entry {
	var out []Entry
	for _, e := range m.Packs {
		if e.Rollout != nil {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.Pack, b.Pack) })
	return out
}

// enforced are the entries that decide in an arm: of every rollout the version
// or the one for all others, never both.
func (m *Manifest) enforced(rollouts []Entry, which int) []Entry {
	var out []Entry
	for _, e := range m.Packs {
		serves := e.Mode != ModeShadow
		for i, r := range rollouts {
			in := which&(1<<i) != 0
			switch {
			case r.Pack != e.Pack:
			case r.Version == e.Version:
				serves = serves && in
			case r.Rollout.Else == e.Version:
				serves = serves && !in
			}
		}
		if serves {
			out = append(out, e)
		}
	}
	return out
}

// shadowed are the entries of an arm with every shadow in the place of its
// pack; nil where there is none.
func (m *Manifest) shadowed(enforced []Entry) []Entry {
	var shadows []Entry
	for _, e := range m.Packs {
		if e.Mode == ModeShadow {
			shadows = append(shadows, e)
		}
	}
	if shadows == nil {
		return nil
	}
	kept := slices.DeleteFunc(slices.Clone(enforced), func(e Entry) bool {
		return slices.ContainsFunc(shadows, func(s Entry) bool { return s.Pack == e.Pack })
	})
	return append(kept, shadows...)
}

// compiled is a set by what it was made of.
type compiled struct {
	set      *policy.Set
	findings []policy.Finding
}

// compiler makes the sets of a manifest, each combination of documents once: a
// suspension or a larger share makes no new set.
type compiler struct {
	environment string
	texts       map[string][]byte    // by hash
	before      map[string]*compiled // of the snapshot that is served
	made        map[string]*compiled
	findings    []policy.Finding
}

func (c *compiler) arms(m *Manifest) *arms {
	a := &arms{rollouts: m.rolledOut()}
	for which := range 1 << len(a.rollouts) {
		enforced := m.enforced(a.rollouts, which)
		arm := arm{set: c.set(enforced)}
		if shadowed := m.shadowed(enforced); shadowed != nil {
			arm.shadow = &Shadow{set: c.set(shadowed)}
		}
		a.each = append(a.each, arm)
	}
	return a
}

// set compiles entries; what is wrong with them is in c.findings.
func (c *compiler) set(entries []Entry) *policy.Set {
	key, docs := strings.Builder{}, make([]policy.Document, 0, len(entries))
	for _, e := range entries {
		key.WriteString(e.name() + "\x00" + e.Hash + "\x00")
		docs = append(docs, policy.Document{Name: e.name(), Text: c.texts[e.Hash]})
	}
	made := c.made[key.String()]
	if made == nil {
		if made = c.before[key.String()]; made == nil {
			made = &compiled{}
			made.set, made.findings = policy.Load(docs, policy.LoadOptions{Environment: c.environment})
		}
		c.made[key.String()] = made
		c.note(made.findings)
	}
	return made.set
}

// note keeps findings, each once: arms have most of their documents in common.
func (c *compiler) note(findings []policy.Finding) {
	for _, f := range findings {
		if !slices.Contains(c.findings, f) {
			c.findings = append(c.findings, f)
		}
	}
}

// Sets are all policies that decide under a, each once: that of agents in no
// rollout is the first. They are none where none was ever loaded.
func (a Active) Sets() []*policy.Set {
	switch {
	case a.arms != nil:
		return a.arms.sets()
	case a.Set != nil:
		return []*policy.Set{a.Set}
	}
	return nil
}

// Tenants are the tenants that packs in effect list, in any cohort, sorted.
func (a Active) Tenants(now time.Time) []string {
	var tenants []string
	for _, set := range a.Sets() {
		tenants = append(tenants, set.Tenants(now)...)
	}
	slices.Sort(tenants)
	return slices.Compact(tenants)
}

// Persons are those whom packs in effect for the tenant name, in any cohort, as
// [policy.Set.Persons] gives them.
func (a Active) Persons(tenant string, now time.Time) []policy.User {
	var people []policy.User
	for _, set := range a.Sets() {
		people = append(people, set.Persons(tenant, now)...)
	}
	byName := func(a, b policy.User) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.UPN, b.UPN)) }
	slices.SortFunc(people, byName)
	return slices.CompactFunc(people, func(a, b policy.User) bool { return byName(a, b) == 0 })
}

// Standing is [policy.Set.Standing] where agents of one application may be in
// different cohorts: each agent stands as its own calls would find it.
func (a Active) Standing(s policy.Subject, now time.Time) (roles []policy.RoleGrant, agents []policy.AgentStanding) {
	for _, set := range a.Sets() {
		held, standing := set.Standing(s, now)
		for _, r := range held {
			if !slices.Contains(roles, r) {
				roles = append(roles, r)
			}
		}
		for _, x := range standing {
			if a.For(x.ID).Set == set {
				agents = append(agents, x)
			}
		}
	}
	return roles, agents
}
