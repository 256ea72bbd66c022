package policy

import "slices"

// coverage is a place that some rule of a kind covers: a label, for an action
// or for all (nil).
type coverage struct {
	kind   string
	action *action
	label  int
	when   string // of a rule that looks at no label: the condition it has
}

const anyLabel = -1

// labelsOf reports rules on a label that leave higher labels uncovered.
func (v *survey) labelsOf(p *pack) {
	top := len(p.src.Classifications) - 1
	covered := map[coverage]bool{}
	var suspects []*rule
	for _, r := range p.rules {
		if _, dead := v.dead[r]; dead {
			continue
		}
		labels, given := r.labels()
		if given && len(r.kinds()) > 0 && p.labels[labels[len(labels)-1]] < top {
			suspects = append(suspects, r)
		}
	}
	if len(suspects) == 0 {
		return
	}
	for _, r := range p.rules {
		if _, dead := v.dead[r]; !dead {
			v.noteCoverage(covered, r)
		}
	}
	for _, r := range suspects {
		v.gap(covered, r, top)
	}
}

// kinds are what a rule does, as far as doing it for one label and not for a
// higher one is likely a mistake.
func (r *rule) kinds() []string {
	switch {
	case r.section == classification && r.mask == nil:
		return []string{"deny"}
	case r.section == classification:
		var kinds []string
		for _, m := range r.mask {
			kinds = append(kinds, "mask "+m.path)
		}
		return kinds
	case r.isolate != nil && r.isolate.residency:
		return []string{"residency"}
	case r.isolate != nil && r.isolate.parameter != "":
		return []string{"egress " + r.isolate.parameter}
	case r.isolate != nil:
		return []string{"isolation"}
	case r.threshold != nil:
		return []string{"threshold " + r.threshold.name()}
	case r.approve != nil && r.approve.always:
		return []string{"approval"}
	}
	return nil
}

func (v *survey) noteCoverage(covered map[coverage]bool, r *rule) {
	labels, given := r.labels()
	ranks, when := []int{anyLabel}, ""
	if given {
		ranks = ranks[:0]
		for _, label := range labels {
			ranks = append(ranks, r.pack.labels[label])
		}
	} else if r.when != nil {
		when = r.when.text
	}
	actions := v.reach[r]
	if names, everywhere := r.actionNames(); everywhere && !r.narrows() || names == nil {
		actions = []*action{nil}
	}
	for _, kind := range r.kinds() {
		for _, a := range actions {
			for _, rank := range ranks {
				covered[coverage{kind, a, rank, when}] = true
			}
		}
	}
}

func (v *survey) gap(covered map[coverage]bool, r *rule, top int) {
	labels, _ := r.labels()
	highest := labels[len(labels)-1]
	for rank := r.pack.labels[highest] + 1; rank <= top; rank++ {
		for _, kind := range r.kinds() {
			i := slices.IndexFunc(v.reach[r], func(a *action) bool {
				return !isCovered(covered, kind, a, rank, r) && !isCovered(covered, "deny", a, rank, r)
			})
			if i >= 0 {
				v.about(r, "/match", labelGap, "it is about %s and no rule does as much for %s, for %s",
					highest, r.pack.src.Classifications[rank], v.reach[r][i].src.ID)
				return
			}
		}
	}
}

func isCovered(covered map[coverage]bool, kind string, a *action, rank int, r *rule) bool {
	when := ""
	if r.when != nil {
		when = r.when.text
	}
	for _, action := range []*action{a, nil} {
		if covered[coverage{kind, action, rank, ""}] || covered[coverage{kind, action, anyLabel, ""}] ||
			covered[coverage{kind, action, anyLabel, when}] {
			return true
		}
	}
	return false
}

// unlabelled reports a DENY or MASK rule that a request escapes by leaving the
// label out.
func (v *survey) unlabelled(r *rule) {
	labels, given := r.labels()
	if !given {
		return
	}
	highest := r.pack.labels[labels[len(labels)-1]]
	var escapes []*action
	for _, a := range v.reach[r] {
		label := a.unlabelled()
		if rank, own := r.pack.labels[label]; label != "" && !r.match.admits(label, r.pack) && (!own || rank < highest) {
			escapes = append(escapes, a)
		}
	}
	if len(escapes) > 0 {
		v.about(r, "/match", labelDefault, "a request without a label counts as %s and escapes this rule, for %s",
			escapes[0].unlabelled(), few(actionIDs(escapes)))
	}
}

// unlabelled is the effective label of a request that sends none; "" where
// such a request is denied.
func (a *action) unlabelled() string {
	label := a.pack.defaultLabel
	if label == "" || a.floor != "" && a.pack.labels[label] < a.pack.labels[a.floor] {
		return a.floor
	}
	return label
}

// admits is whether match lets a declared label pass.
func (m *match) admits(label string, p *pack) bool {
	if m.labels != nil && !slices.Contains(m.labels, label) {
		return false
	}
	rank, own := p.labels[label]
	return m.atLeast < 0 || !own || rank >= m.atLeast
}
