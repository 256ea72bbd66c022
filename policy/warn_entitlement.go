package policy

import (
	"cmp"
	"slices"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// compared bounds how many entitlements one is held against: those that share
// a role and an action with it, the widest first. What is shadowed is nearly
// always shadowed by one of the widest, and lint stays linear.
const compared = 200

// shadows reports entitlements that a wider one makes superfluous.
func (v *survey) shadows(p *pack) {
	ents := v.aliveEntitlements(p)
	index := v.indexEntitlements(ents)
	for _, r := range ents {
		if wider := v.wider(index, r); wider != nil {
			v.about(r, "", shadowed, "%s entitles to all of this, and to no less", wider.public)
		}
	}
}

func (v *survey) aliveEntitlements(p *pack) []*rule {
	var ents []*rule
	for _, r := range p.rules {
		if _, dead := v.dead[r]; r.entitle != nil && !dead {
			ents = append(ents, r)
		}
	}
	return ents
}

// place is what two entitlements must share for one to shadow the other: a
// role, or everybody (-1), and an action, or all (nil).
type place struct {
	role   int
	action *action
}

func (v *survey) indexEntitlements(ents []*rule) map[place][]*rule {
	widest := slices.Clone(ents)
	slices.SortStableFunc(widest, func(a, b *rule) int {
		return cmp.Or(cmp.Compare(a.narrowness(), b.narrowness()), -cmp.Compare(len(v.reach[a]), len(v.reach[b])))
	})
	index := map[place][]*rule{}
	for _, r := range widest {
		for _, role := range r.entitle.roles.places() {
			if names, everywhere := r.actionNames(); everywhere || !allExact(names) {
				index[place{role, nil}] = append(index[place{role, nil}], r)
				continue
			}
			for _, a := range v.reach[r] {
				index[place{role, a}] = append(index[place{role, a}], r)
			}
		}
	}
	return index
}

func (n roleNeed) places() []int {
	if n.everybody {
		return []int{-1}
	}
	return n.roles
}

// narrowness counts what keeps an entitlement from a call.
func (r *rule) narrowness() int {
	n := 0
	for _, given := range []bool{
		r.entitle.limit != nil, r.when != nil, r.match.agents != nil, r.match.regions != nil, r.match.labels != nil,
		r.match.atLeast >= 0, r.match.risks != nil, r.match.channels != nil,
	} {
		if given {
			n++
		}
	}
	return n
}

func (v *survey) wider(index map[place][]*rule, r *rule) *rule {
	first := v.reach[r][0]
	looked := 0
	for _, at := range []place{
		{r.entitle.roles.places()[0], first}, {r.entitle.roles.places()[0], nil}, {-1, first}, {-1, nil},
	} {
		for _, w := range index[at] {
			if looked++; looked > compared {
				return nil
			}
			if w != r && v.shadowedBy(r, w) {
				return w
			}
		}
	}
	return nil
}

// shadowedBy is whether w entitles whoever r does, to whatever r does, at any
// time r does. Of two alike the later is the shadowed one.
func (v *survey) shadowedBy(r, w *rule) bool {
	return v.within(r, w) && (w.pos < r.pos || !v.within(w, r))
}

func (v *survey) within(r, w *rule) bool {
	return w.entitle.roles.includes(r.entitle.roles) && w.from <= r.from && r.to <= w.to &&
		(w.when == nil || r.when != nil && w.when.text == r.when.text) &&
		r.match.within(&w.match) && r.labelsWithin(w) && r.entitle.limit.within(w.entitle.limit) &&
		includesActions(v.reach[w], v.reach[r])
}

func (n roleNeed) includes(m roleNeed) bool {
	if n.everybody || m.everybody {
		return n.everybody
	}
	return includes(n.roles, m.roles)
}

// includes is whether all holds every one of some.
func includes[T comparable](all, some []T) bool {
	for _, x := range some {
		if !slices.Contains(all, x) {
			return false
		}
	}
	return true
}

// includesActions relies on the order of both, which is that of declarations
// or that of names.
func includesActions(all, some []*action) bool {
	if len(some) > len(all) {
		return false
	}
	if len(some) == 0 || &all[0] == &some[0] {
		return true
	}
	set := make(map[*action]bool, len(all))
	for _, a := range all {
		set[a] = true
	}
	for _, a := range some {
		if !set[a] {
			return false
		}
	}
	return true
}

// within is whether w admits whatever m does, labels and actions aside.
func (m *match) within(w *match) bool {
	return globsWithin(m.agents, w.agents) && valuesWithin(m.regions, w.regions) &&
		valuesWithin(m.risks, w.risks) && valuesWithin(m.channels, w.channels)
}

func valuesWithin(some, all []string) bool {
	return all == nil || some != nil && includes(all, some)
}

func globsWithin(some, all []glob) bool {
	if all == nil {
		return true
	}
	return some != nil && !slices.ContainsFunc(some, func(g glob) bool {
		return !slices.ContainsFunc(all, func(w glob) bool { return w.matches(g.spelled()) })
	})
}

// spelled is the glob as it is written. A glob that matches it matches all
// that it does: the star in it can only be taken by a star.
func (g glob) spelled() string {
	switch g.kind {
	case globPrefix:
		return g.text + "*"
	case globSuffix:
		return "*" + g.text
	case globExact, globAny, globMany:
	}
	return g.text
}

func (r *rule) labelsWithin(w *rule) bool {
	all, given := w.labels()
	if !given {
		return true
	}
	some, given := r.labels()
	return given && includes(all, some)
}

// within is whether w lets pass whatever l does.
func (l *limit) within(w *limit) bool {
	switch {
	case w == nil:
		return true
	case l == nil || l.parameter != w.parameter || l.by != w.by:
		return false
	case l.by == "":
		return l.one.Compare(w.one) <= 0
	}
	for value, figure := range l.each {
		if other, ok := w.each[value]; !ok || figure.Compare(other) > 0 {
			return false
		}
	}
	return true
}

// limit checks the limit of an entitlement: what is over it, and how amounts
// are declared.
func (v *survey) limit(r *rule) {
	l := r.entitle.limit
	if l == nil {
		return
	}
	var open []*action
	for _, a := range v.reach[r] {
		p := a.param(l.parameter)
		if p == nil {
			continue
		}
		if p.typ == typeDecimal && p.scale < 0 {
			v.warn(r.pack, r.public, "/actions/"+itoa(v.position(a))+"/parameters/"+escapePointer(p.name), noScale,
				"%q of %s is limited and may have six fraction digits", p.name, a.src.ID)
		}
		if l.exceedable(p) && !v.covered(r, a, func(x *approve) bool { return x.overLimit }) {
			open = append(open, a)
		}
	}
	if len(open) > 0 {
		v.about(r, "/limit", uncovered, "no approval rule covers what is over this limit, for %s", few(actionIDs(open)))
	}
}

// exceedable is whether the declaration admits more than the limit.
func (l *limit) exceedable(p *param) bool {
	over := func(d strictjson.Decimal) bool { return p.max == nil || p.max.Compare(d) > 0 }
	if l.by == "" {
		return over(l.one)
	}
	for _, d := range l.each {
		if over(d) {
			return true
		}
	}
	return false
}

// position is the place of an action in its pack.
func (v *survey) position(a *action) int {
	return slices.IndexFunc(a.pack.src.Actions, func(x Action) bool { return x.ID == a.src.ID })
}
