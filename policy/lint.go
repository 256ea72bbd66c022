package policy

import (
	"slices"
	"time"
)

// Lint is what [Load] reports and, where the documents load, the warnings of
// policy-pack §12: what an author will want to know although nothing refuses
// it. Warnings are about what is in effect at now or will be later.
func Lint(docs []Document, opts LoadOptions, now time.Time) []Finding {
	set, findings := Load(docs, opts)
	if set == nil {
		return findings
	}
	return dedupe(append(findings, set.warnings(now.UnixNano())...))
}

// survey is the work of one lint: the packs that take part now or later, and
// which actions each of their rules reaches. It exists so that no check has to
// look at every pair of rules.
type survey struct {
	now      int64
	packs    []*pack                        // that take part now or later
	near     map[*pack][]*pack              // in effect for the same tenant at the same time, itself included
	every    map[*pack][]*action            // of the packs near
	named    map[*pack]map[string][]*action // the same by name
	exposing map[*action][]*agent           // the agents that expose an action
	reach    map[*rule][]*action            // the actions that a rule may be about
	dead     map[*rule]defect               // rules that can never match, or have expired
	covers   map[*action][]*rule
	findings []Finding
}

func (s *Set) warnings(now int64) []Finding {
	v := newSurvey(s, now)
	for _, p := range s.packs {
		if p.to <= now {
			v.warn(p, "", "/effectiveTo", packExpired, "the pack ended")
		}
	}
	for _, p := range v.packs {
		v.rulesOf(p)
		v.actionsOf(p)
		v.rolesOf(p)
		v.snapshotsOf(p)
		v.labelsOf(p)
		v.shadows(p)
		v.spellings(p)
		v.callers(p)
	}
	return v.findings
}

// rulesOf checks the rules of a pack one by one. A dead rule is looked at no
// further.
func (v *survey) rulesOf(p *pack) {
	electorates := map[string]electorate{}
	for _, r := range p.rules {
		if d, ok := v.dead[r]; ok {
			v.about(r, d.pointer, d.warning, "%s", d.why)
			continue
		}
		v.undeclaredActions(r)
		v.asks(r)
		switch r.section {
		case guardrails:
			v.deadTools(r)
		case classification:
			v.unlabelled(r)
			v.masks(r)
		case entitlements:
			v.limit(r)
		case approvals:
			v.approval(r, electorates)
		case isolation, thresholds, sections:
		}
	}
}

func newSurvey(s *Set, now int64) *survey {
	v := &survey{
		now: now, near: map[*pack][]*pack{}, every: map[*pack][]*action{}, named: map[*pack]map[string][]*action{},
		exposing: map[*action][]*agent{}, reach: map[*rule][]*action{}, dead: map[*rule]defect{},
	}
	for _, sp := range s.spans {
		if sp.until > now {
			for _, u := range sp.byTenant {
				v.meet(u.packs)
			}
		}
	}
	v.packs = slices.DeleteFunc(slices.Clone(s.packs), func(p *pack) bool { return v.near[p] == nil })
	for _, p := range v.packs {
		v.index(p)
	}
	for _, p := range v.packs {
		for _, r := range p.rules {
			v.reach[r] = v.reached(r)
			if d := v.defect(r); d.why != "" {
				v.dead[r] = d
			}
		}
	}
	return v
}

// meet notes that packs are in effect together.
func (v *survey) meet(packs []*pack) {
	for _, p := range packs {
		for _, q := range packs {
			if !slices.Contains(v.near[p], q) {
				v.near[p] = append(v.near[p], q)
			}
		}
	}
}

// index files the actions that rules of the pack may name, in the order of
// packs and of their declarations.
func (v *survey) index(p *pack) {
	near := slices.Clone(v.near[p])
	slices.SortFunc(near, comparePacks)
	v.near[p] = near
	v.named[p] = map[string][]*action{}
	for _, q := range near {
		for i := range q.src.Actions {
			a := q.actions[q.src.Actions[i].ID]
			v.every[p] = append(v.every[p], a)
			v.named[p][a.src.ID] = append(v.named[p][a.src.ID], a)
		}
	}
	for i := range p.src.Agents {
		g := p.agents[p.src.Agents[i].ID]
		for _, id := range g.actions {
			v.exposing[p.actions[id]] = append(v.exposing[p.actions[id]], g)
		}
	}
}

// reached are the actions that a rule may ever be about.
func (v *survey) reached(r *rule) []*action {
	names, everywhere := r.actionNames()
	if everywhere && !r.narrows() {
		return v.every[r.pack]
	}
	candidates := v.every[r.pack]
	if allExact(names) && !everywhere {
		candidates = nil
		for i, g := range names {
			if !slices.ContainsFunc(names[:i], func(h glob) bool { return h.text == g.text }) {
				candidates = append(candidates, v.named[r.pack][g.text]...)
			}
		}
	}
	var out []*action
	for _, a := range candidates {
		if r.mayReach(a) {
			out = append(out, a)
		}
	}
	return out
}

// narrows is whether a rule that names every action still leaves some out.
func (r *rule) narrows() bool {
	return r.permitting() || r.guard != nil || r.narrowsByAction()
}

// mayReach is whether nothing that is known without a request keeps the rule
// from an action.
func (r *rule) mayReach(a *action) bool {
	switch {
	case r.permitting() && r.pack != a.pack:
		return false
	case r.guard != nil:
		return slices.ContainsFunc(r.guard.tools, func(t tool) bool { return r.guard.mayHit(t, a) })
	case !r.match.admitsAction(a):
		return false
	case r.isolate != nil && r.isolate.parameter != "":
		p := a.param(r.isolate.parameter)
		return p != nil && p.typ == typeURL
	}
	return true
}

func (g *guard) mayHit(t tool, a *action) bool {
	if g.effect == effectAllow && !a.mayAllow() || t.line != nil && a.command < 0 {
		return false
	}
	return t.action.matches(a.src.ID)
}

// admitsAction is whether match lets an action pass by name and resource type.
func (m *match) admitsAction(a *action) bool {
	return (m.actions == nil || anyGlob(m.actions, a.src.ID)) && (m.resources == nil || anyGlob(m.resources, a.src.Resource))
}
