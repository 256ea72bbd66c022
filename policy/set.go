package policy

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Set is every pack of an environment, compiled. It is immutable and safe for
// concurrent use.
type Set struct {
	environment string
	packs       []*pack
	spans       []span
}

// span is a stretch of time in which the same packs are in effect.
type span struct {
	from, until int64
	byTenant    map[string]*union
	inEffect    bool // some pack is
}

// union is the policy of one tenant in one span: its packs together (§6).
type union struct {
	packs    []*pack // by priority, then id
	refs     []PackRef
	agents   map[string]*agent
	actions  map[string]*reached
	any      [sections][]*rule // rules that no action narrows
	declared declaredValues
}

// declaredValues are the values that some pack of the tenant declares (6.3),
// each once. They are few: looking through them beats hashing.
type declaredValues struct{ labels, regions, risks, channels []string }

// reached is an action with the rules that name it.
type reached struct {
	*action
	own [sections][]*rule
}

// Load reads, checks and compiles documents. The findings are the errors of
// policy-pack §12 and notices of what was skipped; the Set is nil exactly when
// one of them is an error. Warnings are [Lint]'s.
func Load(docs []Document, opts LoadOptions) (*Set, []Finding) {
	l := &loader{environment: opts.Environment}
	l.read(docs)
	published := l.publish()
	s := &Set{environment: l.environment}
	if !Refused(l.findings) {
		for _, p := range published {
			compiled, findings := compilePack(p)
			for _, f := range findings {
				l.findings = append(l.findings, p.locate(f))
			}
			s.packs = append(s.packs, compiled)
		}
	}
	if !Refused(l.findings) {
		l.findings = append(l.findings, s.link()...)
	}
	l.findings = dedupe(l.findings)
	if Refused(l.findings) {
		return nil, l.findings
	}
	return s, l.findings
}

// Environment is the environment that the packs are published for.
func (s *Set) Environment() string { return s.environment }

// link orders the packs, cuts time into spans and indexes each tenant's union.
func (s *Set) link() []Finding {
	slices.SortFunc(s.packs, func(a, b *pack) int {
		return cmp.Or(-cmp.Compare(a.priority, b.priority), cmp.Compare(a.src.Pack, b.src.Pack), cmp.Compare(a.src.Version, b.src.Version))
	})
	var findings []Finding
	for rank, p := range s.packs {
		for _, r := range p.rules {
			r.ord = uint64(r.section.stage())<<60 | uint64(rank)<<40 | uint64(r.section)<<32 | uint64(r.pos)
		}
		if i := slices.IndexFunc(s.packs[:rank], p.sameVersion); i >= 0 {
			findings = append(findings, Finding{
				Check: "duplicate", File: p.src.file, Pointer: "/version",
				Message: "version " + itoa(p.src.Version) + " of " + p.src.Pack + " stands in " + s.packs[i].src.file + " too",
				Fix:     "A published version never changes: raise the version.",
			})
		}
	}
	edges := s.edges()
	for i := range len(edges) - 1 {
		sp, more := s.span(edges[i], edges[i+1])
		s.spans = append(s.spans, sp)
		findings = append(findings, more...)
	}
	return dedupe(findings)
}

func (p *pack) sameVersion(q *pack) bool {
	return p.src.Pack == q.src.Pack && p.src.Version == q.src.Version
}

// edges are the instants at which the packs in effect change, with both ends
// of time.
func (s *Set) edges() []int64 {
	edges := []int64{math.MinInt64, math.MaxInt64}
	for _, p := range s.packs {
		edges = append(edges, p.from, p.to)
	}
	slices.Sort(edges)
	return slices.Compact(edges)
}

func (s *Set) span(from, until int64) (span, []Finding) {
	sp := span{from: from, until: until, byTenant: map[string]*union{}}
	active := s.activeAt(from)
	sp.inEffect = len(active) > 0
	findings := conflicts(active)
	findings = append(findings, reachNothing(active)...)
	findings = append(findings, routeOnFreeText(active)...)
	for _, p := range active {
		for _, t := range p.tenants {
			if sp.byTenant[t] == nil {
				sp.byTenant[t] = sp.unionOf(slices.DeleteFunc(slices.Clone(active), func(q *pack) bool { return !slices.Contains(q.tenants, t) }))
			}
		}
	}
	return sp, findings
}

// unionOf indexes packs once, however many tenants have the same ones.
func (sp *span) unionOf(packs []*pack) *union {
	for _, u := range sp.byTenant {
		if slices.Equal(u.packs, packs) {
			return u
		}
	}
	return newUnion(packs)
}

// activeAt are the packs in effect, each at its highest version (1.5).
func (s *Set) activeAt(t int64) []*pack {
	best := map[string]*pack{}
	for _, p := range s.packs {
		if p.from <= t && t < p.to && (best[p.src.Pack] == nil || best[p.src.Pack].src.Version < p.src.Version) {
			best[p.src.Pack] = p
		}
	}
	return slices.DeleteFunc(slices.Clone(s.packs), func(p *pack) bool { return best[p.src.Pack] != p })
}

// conflicts reports agents and actions that two packs in effect declare (6.1).
func conflicts(active []*pack) []Finding {
	var findings []Finding
	owners := map[string]*pack{}
	claim := func(p *pack, what, id, pointer string) {
		key := what + "\x00" + id
		if first := owners[key]; first != nil {
			findings = append(findings, Finding{
				Check: "conflict." + what, File: p.src.file, Pointer: pointer,
				Message: "the " + what + " " + quote(id) + " is declared by " + first.src.Pack + " too",
				Fix:     "Ids of agents and actions are unique across packs in effect: rename one.",
			})
		}
		owners[key] = p
	}
	for _, p := range active {
		for i, a := range p.src.Agents {
			claim(p, "agent", a.ID, at("/agents", i)+"/id")
		}
		for i, a := range p.src.Actions {
			claim(p, "action", a.ID, at("/actions", i)+"/id")
		}
	}
	return findings
}

// reachNothing reports egress rules and thresholds on parameters that no action
// in effect declares: a boundary that bounds nothing.
func reachNothing(active []*pack) []Finding {
	var findings []Finding
	for _, p := range active {
		for _, r := range p.rules {
			key, name, right := r.boundParameter()
			if name == "" || slices.ContainsFunc(active, func(q *pack) bool { return q.declares(r, name, right) }) {
				continue
			}
			findings = append(findings, Finding{
				Check: "undeclared.parameter", File: p.src.file, Rule: r.public,
				Pointer: at("/"+sectionNames[r.section], r.pos) + key,
				Message: "no action in effect that the rule matches declares " + quote(name) + " as this rule needs it",
				Fix:     "Name a parameter of those actions, of the right type.",
			})
		}
	}
	return findings
}

// routeOnFreeText reports approval rules whose condition reads a json parameter
// of another pack's action (T31); one of the own pack's is found where the rule
// is compiled.
func routeOnFreeText(active []*pack) []Finding {
	isJSON := func(p *param) bool { return p.typ == typeJSON }
	var findings []Finding
	for _, p := range active {
		for _, r := range p.rules {
			if r.approve == nil || r.when == nil {
				continue
			}
			for _, name := range r.when.params {
				if !slices.ContainsFunc(active, func(q *pack) bool { return q != p && q.declares(r, name, isJSON) }) {
					continue
				}
				findings = append(findings, Finding{
					Check: "approval.freeText", File: p.src.file, Rule: r.public,
					Pointer: at("/"+sectionNames[r.section], r.pos) + "/when",
					Message: "an approval rule must not depend on free text: it reads parameters." + name + ", which is json in another pack",
					Fix:     "Route on typed parameters, the resource or declared context.",
				})
			}
		}
	}
	return findings
}

// boundParameter is the parameter that an egress rule or a threshold is about.
func (r *rule) boundParameter() (key, name string, right func(*param) bool) {
	switch {
	case r.isolate != nil && r.isolate.parameter != "":
		return "/parameter", r.isolate.parameter, func(p *param) bool { return p.typ == typeURL }
	case r.threshold != nil && r.threshold.parameter != "":
		return "/value", r.threshold.parameter, func(p *param) bool { return p.typ.isNumber() }
	}
	return "", "", nil
}

// declares is whether an action that the rule matches has the parameter.
func (p *pack) declares(r *rule, name string, right func(*param) bool) bool {
	for a := range r.match.among(p.actions) {
		if q := a.param(name); q != nil && right(q) {
			return true
		}
	}
	return false
}

func dedupe(findings []Finding) []Finding {
	sortFindings(findings)
	return slices.Compact(findings)
}

// newUnion indexes the rules of packs by the actions they name, so that a
// decision looks only at the rules of its own action.
func newUnion(packs []*pack) *union {
	u := &union{packs: packs, agents: map[string]*agent{}, actions: map[string]*reached{}}
	for _, p := range packs {
		u.refs = append(u.refs, p.ref)
		for id, a := range p.agents {
			u.agents[id] = a
		}
		for id, a := range p.actions {
			u.actions[id] = &reached{action: a}
		}
		note(&u.declared.labels, p.src.Classifications)
		note(&u.declared.regions, p.regions)
		note(&u.declared.risks, p.risks)
		note(&u.declared.channels, p.channels)
	}
	for _, p := range packs {
		for _, r := range p.rules {
			u.index(r)
		}
	}
	return u
}

func note(set *[]string, values []string) {
	for _, v := range values {
		if !slices.Contains(*set, v) {
			*set = append(*set, v)
		}
	}
}

// index files a rule under each action it may reach, or under any.
func (u *union) index(r *rule) {
	names, everywhere := r.actionNames()
	if everywhere && !r.narrowsByAction() {
		u.any[r.section] = append(u.any[r.section], r)
		return
	}
	if !everywhere && allExact(names) {
		for i, g := range names {
			if a := u.actions[g.text]; a != nil && !slices.ContainsFunc(names[:i], func(h glob) bool { return h.text == g.text }) {
				a.file(r)
			}
		}
		return
	}
	for _, a := range u.actions {
		if everywhere || anyGlob(names, a.src.ID) {
			a.file(r)
		}
	}
}

// actionNames are the globs over actions that the rule is written with.
func (r *rule) actionNames() (names []glob, everywhere bool) {
	if r.guard != nil {
		for _, t := range r.guard.tools {
			names = append(names, t.action)
		}
	} else {
		names = r.match.actions
		everywhere = names == nil
	}
	return names, everywhere || slices.ContainsFunc(names, func(g glob) bool { return g.kind == globAny })
}

// narrowsByAction is whether the rule depends on more of the action than its
// name: then it is filed action by action.
func (r *rule) narrowsByAction() bool {
	return r.match.resources != nil || r.isolate != nil && r.isolate.parameter != "" || r.guard != nil && r.guard.effect == effectAllow
}

func (a *reached) file(r *rule) {
	if r.permitting() && r.pack != a.pack {
		return
	}
	if r.match.resources != nil && !anyGlob(r.match.resources, a.src.Resource) {
		return
	}
	if r.guard != nil && r.guard.effect == effectAllow && !a.mayAllow() {
		return
	}
	if r.isolate != nil && r.isolate.parameter != "" {
		if p := a.param(r.isolate.parameter); p == nil || p.typ != typeURL {
			return
		}
	}
	a.own[r.section] = append(a.own[r.section], r)
}

// at is the span of an instant.
func (s *Set) at(now int64) *span {
	i, _ := slices.BinarySearchFunc(s.spans, now, func(sp span, t int64) int {
		if sp.until <= t {
			return -1
		}
		if sp.from > t {
			return 1
		}
		return 0
	})
	return &s.spans[min(i, len(s.spans)-1)]
}

// Tenants are the tenants that packs in effect list, sorted.
func (s *Set) Tenants(now time.Time) []string {
	var tenants []string
	for t := range s.at(now.UnixNano()).byTenant {
		tenants = append(tenants, t)
	}
	slices.Sort(tenants)
	return tenants
}

// Packs are the packs in effect at an instant, in their order.
func (s *Set) Packs(now time.Time) []PackRef {
	refs := []PackRef{}
	for _, p := range s.activeAt(now.UnixNano()) {
		refs = append(refs, p.ref)
	}
	return refs
}

// RuleIDs are the public ids of every rule of every pack, in their order.
func (s *Set) RuleIDs() []string {
	var ids []string
	for _, p := range s.packs {
		for _, r := range p.rules {
			ids = append(ids, r.public)
		}
	}
	return ids
}

// Documents are the published packs in canonical form, by their hash: what the
// audit log keeps so that a decision can be explained years later.
func (s *Set) Documents() map[string][]byte {
	out := make(map[string][]byte, len(s.packs))
	for _, p := range s.packs {
		out[p.ref.Hash] = p.document
	}
	return out
}
