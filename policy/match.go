package policy

// match is the compiled match of a rule. Actions and resources are used once,
// when a union is indexed; the others are looked at per request.
type match struct {
	actions   []glob
	resources []glob

	agents   []glob
	regions  []string
	labels   []string
	atLeast  int // rank in the rule's pack, -1: none
	risks    []string
	channels []string
	given    bool // any key that is looked at per request
}

// fact is an attribute of a request as match sees it: absent where the request
// lacks it or no pack of the tenant declares the value (6.3).
type fact struct {
	value   string
	present bool
}

// in is whether the fact is one of values; an absent fact holds where absent
// says so (7.2).
func (f fact) in(values []string, absent bool) bool {
	if values == nil {
		return true
	}
	if !f.present {
		return absent
	}
	for _, v := range values {
		if v == f.value {
			return true
		}
	}
	return false
}

// matches decides a rule's match for the request. An absent attribute holds
// where restricting is true and does not hold where it is false.
func (e *evaluation) matches(r *rule, restricting bool) bool {
	m := &r.match
	if !m.given {
		return true
	}
	if m.agents != nil && !anyGlob(m.agents, e.in.Request.Agent) {
		return false
	}
	return e.region.in(m.regions, restricting) &&
		e.label.in(m.labels, restricting) &&
		e.atLeast(r, restricting) &&
		e.risk.in(m.risks, restricting) &&
		e.channel.in(m.channels, restricting)
}

func (e *evaluation) atLeast(r *rule, absent bool) bool {
	if r.match.atLeast < 0 {
		return true
	}
	rank, ok := r.pack.labels[e.label.value]
	if !ok || !e.label.present {
		return absent
	}
	return rank >= r.match.atLeast
}
