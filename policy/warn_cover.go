package policy

import "slices"

// coverers are the approval rules that may cover a call of an action: those of
// its own pack, alive.
func (v *survey) coverers(a *action) []*rule {
	if v.covers == nil {
		v.covers = map[*action][]*rule{}
		for _, p := range v.packs {
			for _, r := range p.rules {
				if _, dead := v.dead[r]; r.approve == nil || dead {
					continue
				}
				for _, b := range v.reach[r] {
					if b.pack == p {
						v.covers[b] = append(v.covers[b], r)
					}
				}
			}
		}
	}
	return v.covers[a]
}

// covered is whether some approval rule covers what r raises on a.
func (v *survey) covered(r *rule, a *action, answers func(*approve) bool) bool {
	return slices.ContainsFunc(v.coverers(a), func(q *rule) bool {
		return answers(q.approve) && !disjoint(r, q)
	})
}

// disjoint is whether no call is in the match of both, as far as lists tell.
func disjoint(a, b *rule) bool {
	if b.from >= a.to || a.from >= b.to {
		return true
	}
	if !a.match.given || !b.match.given {
		return false
	}
	labels, labelled := a.labels()
	others, otherLabelled := b.labels()
	return labelled && otherLabelled && apart(labels, others) || apart(a.match.regions, b.match.regions) ||
		apart(a.match.risks, b.match.risks) || apart(a.match.channels, b.match.channels) ||
		allExact(a.match.agents) && allExact(b.match.agents) && apart(texts(a.match.agents), texts(b.match.agents))
}

// apart is whether two lists that are both given share nothing.
func apart(a, b []string) bool {
	return a != nil && b != nil && !slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

func texts(globs []glob) []string {
	if globs == nil {
		return nil
	}
	out := make([]string, len(globs))
	for i, g := range globs {
		out[i] = g.text
	}
	return out
}

// asks reports a rule that asks where no approval rule of the action's pack
// would take the question.
func (v *survey) asks(r *rule) {
	if !r.mayAsk() {
		return
	}
	var open []*action
	for _, a := range v.reach[r] {
		if !v.covered(r, a, func(x *approve) bool { return x.asks || slices.Contains(x.askRules, r.public) }) {
			open = append(open, a)
		}
	}
	if len(open) > 0 {
		v.about(r, "", askUncovered, "no approval rule covers what this rule asks, for %s: such calls are denied", few(actionIDs(open)))
	}
}

func (r *rule) mayAsk() bool {
	return r.guard != nil && r.guard.effect == effectAsk ||
		r.threshold != nil && (r.threshold.ask != nil || r.threshold.absent == effectAsk)
}
