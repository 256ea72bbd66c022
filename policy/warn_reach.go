package policy

import (
	"slices"
	"strings"
)

// defect is why a rule can never match any more, and where it says so.
type defect struct {
	warning
	pointer, why string
}

func (v *survey) defect(r *rule) defect {
	if r.to <= v.now {
		return defect{ruleExpired, "/until", "the rule has ended"}
	}
	for _, look := range []func(*rule) (string, string){
		neverInTime, emptyList, contradiction, v.reachesNothing, v.belowFloors, v.noAgent,
	} {
		if pointer, why := look(r); why != "" {
			return defect{ruleNever, pointer, "the rule can never match: " + why}
		}
	}
	return defect{}
}

func neverInTime(r *rule) (pointer, why string) {
	switch {
	case r.pack.src.EffectiveTo.endsBefore(r.head.From):
		return "/from", "it begins when the pack has ended"
	case r.head.Until.endsBefore(r.pack.src.EffectiveFrom):
		return "/until", "it ends before the pack begins"
	case r.when != nil && strings.TrimSpace(r.when.text) == "false":
		return "/when", "its condition is false"
	}
	return "", ""
}

// emptyList finds a list that names nothing, as written or after a named list
// was spliced in.
func emptyList(r *rule) (pointer, why string) {
	m := &r.match
	for _, l := range []struct {
		key   string
		empty bool
	}{
		{"/match/actions", m.actions != nil && len(m.actions) == 0},
		{"/match/resources", m.resources != nil && len(m.resources) == 0},
		{"/match/agents", m.agents != nil && len(m.agents) == 0},
		{"/match/regions", m.regions != nil && len(m.regions) == 0},
		{"/match/classifications", m.labels != nil && len(m.labels) == 0},
		{"/match/risk", m.risks != nil && len(m.risks) == 0},
		{"/match/channels", m.channels != nil && len(m.channels) == 0},
		{"/tools", r.guard != nil && len(r.guard.tools) == 0},
		{"/agents", r.guard != nil && r.guard.agents != nil && len(r.guard.agents) == 0},
		{"/threads", r.guard != nil && r.guard.threads != nil && len(r.guard.threads) == 0},
		{"/roles", r.entitle != nil && !r.entitle.roles.everybody && len(r.entitle.roles.roles) == 0},
		{"/limit/max", r.entitle != nil && r.entitle.limit != nil && r.entitle.limit.by != "" && len(r.entitle.limit.each) == 0},
	} {
		if l.empty {
			return l.key, "an empty list names nothing"
		}
	}
	return "", ""
}

func contradiction(r *rule) (pointer, why string) {
	if labels, given := r.labels(); given && len(labels) == 0 {
		return "/match/classificationAtLeast", "none of its classifications is that high"
	}
	return "", ""
}

// labels are those of the rule's own pack that its match admits, low to high;
// given is false where it does not look at labels.
func (r *rule) labels() (labels []string, given bool) {
	m := &r.match
	if m.labels == nil && m.atLeast < 0 {
		return nil, false
	}
	for rank, label := range r.pack.src.Classifications {
		if rank >= m.atLeast && (m.labels == nil || slices.Contains(m.labels, label)) {
			labels = append(labels, label)
		}
	}
	return labels, true
}

// reachesNothing leaves a restricting rule to [survey.undeclaredActions] where
// its names are what is wrong, and a guardrail to [survey.deadTools].
func (v *survey) reachesNothing(r *rule) (pointer, why string) {
	switch {
	case len(v.reach[r]) > 0 || r.guard != nil:
		return "", ""
	case r.permitting():
		return "/match", "no action of its pack fits its actions and resources"
	case len(v.every[r.pack]) == 0 || len(v.strangers(r)) > 0:
		return "", ""
	}
	return "/match", "no action in effect fits its actions and resources"
}

// deadTools reports patterns of a guardrail that name actions and still hit
// none of them.
func (v *survey) deadTools(r *rule) {
	for i, t := range v.tools(r) {
		compiled := r.guard.tools[i]
		candidates := v.every[r.pack]
		if compiled.action.kind == globExact {
			candidates = v.named[r.pack][compiled.action.text]
		}
		named := func(a *action) bool { return compiled.action.matches(a.src.ID) }
		hit := func(a *action) bool { return r.guard.mayHit(compiled, a) && (!r.permitting() || a.pack == r.pack) }
		switch {
		case slices.ContainsFunc(candidates, hit):
		case r.permitting():
			v.about(r, t.pointer, ruleNever, "%q names no action of its pack that an allow may reach", t.text)
		case slices.ContainsFunc(candidates, named):
			v.about(r, t.pointer, ruleNever, "no action that %q names has a command", t.text)
		}
	}
}

// tools are the patterns of a guardrail, in the order of guard.tools.
func (v *survey) tools(r *rule) []spelled {
	var out []spelled
	for _, t := range r.pack.spell("/tools", r.pack.src.Guardrails[r.pos].Tools) {
		name, rest, parens := strings.Cut(t.text, "(")
		list, named := strings.CutPrefix(strings.TrimSuffix(rest, ")"), "@")
		if !parens || !named {
			out = append(out, t)
			continue
		}
		for _, line := range r.pack.lists[list] {
			out = append(out, spelled{t.pointer, name + "(" + line + ")"})
		}
	}
	return out
}

// strangers are the names of a rule that no pack in effect declares.
func (v *survey) strangers(r *rule) []spelled {
	var names []spelled
	if r.guard != nil {
		for _, t := range r.pack.spell("/tools", r.pack.src.Guardrails[r.pos].Tools) {
			t.text, _, _ = strings.Cut(t.text, "(")
			names = append(names, t)
		}
	} else if m := r.matchSource(); m != nil {
		names = r.pack.spell("/match/actions", m.Actions)
	}
	return slices.DeleteFunc(names, func(n spelled) bool { return v.declares(r.pack, n.text) })
}

func (v *survey) declares(p *pack, name string) bool {
	if !strings.Contains(name, "*") {
		return len(v.named[p][name]) > 0
	}
	g := compileGlob(name)
	return g.kind == globAny || slices.ContainsFunc(v.every[p], func(a *action) bool { return g.matches(a.src.ID) })
}

// matchSource is the match as it is written, nil where there is none.
func (r *rule) matchSource() *Match {
	src := r.pack.src
	switch r.section {
	case isolation:
		return src.Isolation[r.pos].Match
	case classification:
		return src.Classification[r.pos].Match
	case entitlements:
		return src.Entitlements[r.pos].Match
	case thresholds:
		return src.Thresholds[r.pos].Match
	case approvals:
		return src.Approvals[r.pos].Match
	case guardrails, sections: // a guardrail has none
	}
	return nil
}

func (v *survey) undeclaredActions(r *rule) {
	if r.permitting() {
		return
	}
	for _, n := range v.strangers(r) {
		v.about(r, n.pointer, undeclared, "no pack in effect declares an action %q", n.text)
	}
}

// belowFloors is about a rule whose labels are all below the floors of every
// action it reaches.
func (v *survey) belowFloors(r *rule) (pointer, why string) {
	labels, given := r.labels()
	if !given || len(v.reach[r]) == 0 {
		return "", ""
	}
	top := r.pack.labels[labels[len(labels)-1]]
	for _, a := range v.reach[r] {
		if a.pack != r.pack || a.floor == "" || a.pack.labels[a.floor] <= top {
			return "", ""
		}
	}
	return "/match", "every action it reaches has a higher classification"
}

// noAgent is about a rule that names agents of which none is declared, or none
// exposes an action that the rule reaches while others do.
func (v *survey) noAgent(r *rule) (pointer, why string) {
	globs, pointer := r.match.agents, "/match/agents"
	if r.guard != nil {
		globs, pointer = r.guard.agents, "/agents"
	}
	if globs == nil || len(v.every[r.pack]) == 0 {
		return "", ""
	}
	others := false
	for _, a := range v.reach[r] {
		for _, g := range v.exposing[a] {
			if anyGlob(globs, g.src.ID) {
				return "", ""
			}
			others = true
		}
	}
	switch {
	case !v.anyAgent(r.pack, globs):
		return pointer, "no pack in effect declares an agent that it names"
	case others:
		return pointer, "no agent that it names exposes an action that it reaches"
	}
	return "", ""
}

func (v *survey) anyAgent(p *pack, globs []glob) bool {
	return slices.ContainsFunc(v.near[p], func(q *pack) bool {
		return slices.ContainsFunc(q.src.Agents, func(g Agent) bool { return anyGlob(globs, g.ID) })
	})
}

// actionsOf reports actions that no agent exposes.
func (v *survey) actionsOf(p *pack) {
	for i := range p.src.Actions {
		if id := p.src.Actions[i].ID; len(v.exposing[p.actions[id]]) == 0 {
			v.warn(p, "", at("/actions", i), unexposed, "no agent exposes the action %q", id)
		}
	}
}
