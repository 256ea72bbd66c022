package policy

import (
	"slices"

	"github.com/authorization-fabric/fabric/policy/command"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// isolate is stage 1: the tenant's boundary, guardrails, regions and hosts.
// Every rule is looked at, so that all that denied are reported.
func (e *evaluation) isolate() Code {
	var denies [4]bool // by the order of the codes
	denies[0] = e.in.Request.Resource.Tenant != "" && asciiLower(e.in.Request.Resource.Tenant) != asciiLower(e.in.Subject.Tenant)
	denies[1] = e.guardrails()
	var codes [3]bool
	for _, list := range e.rules(isolation) {
		for _, r := range list {
			if i := e.isolation(r); i >= 0 {
				codes[i] = true
				e.denied = append(e.denied, r)
			}
		}
	}
	switch {
	case denies[0]:
		return TenantBoundary
	case denies[1]:
		return GuardrailDenied
	case codes[0]:
		return IsolationDenied
	case codes[1]:
		return ResidencyDenied
	case codes[2]:
		return EgressDenied
	}
	return ""
}

// isolation is the place of the code with which a rule denies, or -1.
func (e *evaluation) isolation(r *rule) int {
	if !e.restricts(r) {
		return -1
	}
	switch x := r.isolate; {
	case x.residency:
		if e.region.value != "" && slices.Contains(x.regions, e.region.value) {
			return -1
		}
		return 1
	case x.parameter != "":
		if a := &e.args[e.act.paramIndex(x.parameter)]; a.set && x.allows(a) {
			return -1
		}
		return 2
	}
	return 0
}

func (x *isolate) allows(a *arg) bool {
	for i := range x.hosts {
		if x.hosts[i].Matches(*a.url) {
			return true
		}
	}
	return false
}

type allowPattern struct {
	rule    *rule
	pattern command.Pattern
}

// guardrails notes what denies, asks and allows; it reports whether any denied.
func (e *evaluation) guardrails() bool {
	denied := false
	for _, list := range e.rules(guardrails) {
		for _, r := range list {
			switch g := r.guard; g.effect {
			case effectDeny, effectAsk:
				if !e.consider(r, e.inScope(r, true) && e.hits(g) && e.when(r) != no) {
					continue
				}
				if g.effect == effectDeny {
					e.denied, denied = append(e.denied, r), true
				} else {
					e.asks = append(e.asks, r)
				}
			case effectAllow:
				e.offer(r)
			}
		}
	}
	e.takeOffers()
	return denied
}

// inScope is whether agents and threads admit the call. An absent thread is in
// every scope of a deny or an ask and in none of an allow.
func (e *evaluation) inScope(r *rule, restricting bool) bool {
	g := r.guard
	if !e.live(r) || g.agents != nil && !anyGlob(g.agents, e.in.Request.Agent) {
		return false
	}
	if g.threads == nil {
		return true
	}
	if e.thread == "" {
		return restricting
	}
	return slices.Contains(g.threads, e.thread)
}

// hits is whether a tool pattern of a deny or an ask matches. A pattern over
// commands matches an action whose command was left out.
func (e *evaluation) hits(g *guard) bool {
	for i := range g.tools {
		t := &g.tools[i]
		if !t.action.matches(e.act.src.ID) {
			continue
		}
		if t.line == nil {
			return true
		}
		if c := e.act.command; c >= 0 && (!e.args[c].set || t.line.Restricts(*e.args[c].line)) {
			return true
		}
	}
	return false
}

// offer gathers the patterns of an allow that the subject may use here; a line
// may need the patterns of several (9.2).
func (e *evaluation) offer(r *rule) {
	g := r.guard
	if !e.inScope(r, false) || !g.roles.met(e.held(r.pack)) || !e.args[e.act.command].set || e.when(r) != yes {
		e.consider(r, false)
		return
	}
	for i := range g.tools {
		t := &g.tools[i]
		if !t.action.matches(e.act.src.ID) {
			continue
		}
		pattern := g.anything
		if t.line != nil {
			pattern = *t.line
		}
		e.allowPatterns = append(e.allowPatterns, allowPattern{r, pattern})
	}
}

func (e *evaluation) takeOffers() {
	if len(e.allowPatterns) == 0 {
		return
	}
	patterns := make([]command.Pattern, len(e.allowPatterns))
	for i, o := range e.allowPatterns {
		patterns[i] = o.pattern
	}
	_, used := command.Permits(*e.args[e.act.command].line, patterns)
	for _, i := range used {
		if r := e.allowPatterns[i].rule; !slices.Contains(e.allows, r) {
			e.allows = append(e.allows, r)
			e.note(stageNames[stageIsolation], r.public, "allows", "")
		}
	}
	if e.tracing {
		e.noteUnused()
	}
}

// noteUnused traces the allows that were offered and do not hold, with what of
// the line keeps any from holding.
func (e *evaluation) noteUnused() {
	line := e.args[e.act.command].line
	detail := line.Explain()
	if construct, column, ok := line.Barred(); ok && detail == "" {
		detail = construct + " at column " + itoa(column)
	}
	var noted []*rule
	for _, o := range e.allowPatterns {
		if !slices.Contains(e.allows, o.rule) && !slices.Contains(noted, o.rule) {
			noted = append(noted, o.rule)
			e.note(stageNames[stageIsolation], o.rule.public, "not matched", detail)
		}
	}
}

// classify is stage 2: what the label denies and masks.
func (e *evaluation) classify() Code {
	_, listed := e.act.pack.labels[e.label.value]
	denies := false
	for _, list := range e.rules(classification) {
		for _, r := range list {
			if !e.restricts(r) {
				continue
			}
			if r.mask == nil {
				e.denied, denies = append(e.denied, r), true
			} else {
				e.masks = append(e.masks, r)
			}
		}
	}
	switch {
	case !listed:
		return ClassificationUnknown
	case denies:
		return ClassificationDenied
	}
	slices.SortFunc(e.masks, byOrder)
	return ""
}

// entitle is stage 3: who may do this, and up to which limit.
func (e *evaluation) entitle() Code {
	for _, list := range e.rules(entitlements) {
		for _, r := range list {
			if r.pack == e.act.pack {
				e.entitlement(r)
			}
		}
	}
	if len(e.ents) == 0 && len(e.allows) == 0 {
		return EntitlementNone
	}
	within := len(e.allows) > 0 || slices.ContainsFunc(e.ents, func(x entitlement) bool { return !x.exceeded })
	e.overLimit = !within
	return ""
}

func (e *evaluation) entitlement(r *rule) {
	x := entitlement{rule: r}
	ok := r.entitle.roles.met(e.held(r.pack)) && e.permits(r)
	if ok && r.entitle.limit != nil {
		ok = e.limit(r.entitle.limit, &x)
	}
	if e.consider(r, ok) {
		e.ents = append(e.ents, x)
	}
}

// limit finds the figure and whether the amount exceeds it; false where the
// entitlement does not match at all (4.4).
func (e *evaluation) limit(l *limit, x *entitlement) bool {
	amount := e.argOf(l.parameter)
	if amount == nil {
		return false
	}
	x.limited, x.max = true, l.one
	if l.by != "" {
		by := e.argOf(l.by)
		if by == nil {
			return false
		}
		var ok bool
		if x.max, ok = l.each[by.value.Text()]; !ok {
			return false
		}
	}
	x.exceeded = amount.dec.Compare(x.max) > 0
	return true
}

// argOf is a parameter that was sent or pinned, or nil.
func (e *evaluation) argOf(name string) *arg {
	if i := e.act.paramIndex(name); i >= 0 && e.args[i].set {
		return &e.args[i]
	}
	return nil
}

// threshold is stage 4: numbers above which to ask or to deny.
func (e *evaluation) threshold() Code {
	denies := false
	for _, list := range e.rules(thresholds) {
		for _, r := range list {
			if !e.restricts(r) {
				continue
			}
			switch e.exceeds(r.threshold) {
			case effectDeny:
				e.denied, denies = append(e.denied, r), true
			case effectAsk:
				e.asks = append(e.asks, r)
			case effectAllow:
			}
		}
	}
	if denies {
		return ThresholdDenied
	}
	return ""
}

// exceeds is what a threshold does with its value; effectAllow is nothing.
func (e *evaluation) exceeds(t *threshold) effect {
	d, ok := e.numberAt(t)
	switch {
	case !ok:
		return t.absent
	case t.deny != nil && d.Compare(*t.deny) > 0:
		return effectDeny
	case t.ask != nil && d.Compare(*t.ask) > 0:
		return effectAsk
	}
	return effectAllow
}

func (e *evaluation) numberAt(t *threshold) (strictjson.Decimal, bool) {
	if t.parameter != "" {
		i := e.act.paramIndex(t.parameter)
		if i < 0 || !e.args[i].set || !e.act.params[i].typ.isNumber() {
			return strictjson.Decimal{}, false
		}
		return e.args[i].dec, true
	}
	v := e.in.Request.Context
	for _, name := range t.path {
		v = v.Get(name)
	}
	if v.Kind() != strictjson.Number {
		return strictjson.Decimal{}, false
	}
	return strictjson.ParseDecimal(v.Text())
}
