package policy

import (
	"cmp"
	"slices"
	"sync"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Verdict is the bare decision: what [Set.Decide] puts into words.
type Verdict struct {
	Outcome     Outcome
	Code        Code
	PolicyIDs   []string
	Obligations []Obligation
}

// stage names a stage of the evaluation, for reasons and traces.
type stage uint8

const (
	stageAdmission stage = iota
	stageIsolation
	stageClassification
	stageEntitlement
	stageThreshold
	stageApproval
)

var stageNames = [...]string{"admission", "isolation", "classification", "entitlement", "threshold", "approval"}

// evaluation is the state of one decision. It is used by one goroutine and
// reused through a pool; nothing in it outlives the call but what is copied.
type evaluation struct {
	set   *Set
	in    *Input
	now   int64
	u     *union
	agent *agent
	act   *reached
	args  []arg
	who   person

	region, label, risk, channel fact
	thread                       string
	roleSets                     []roleSet // by place of the pack in the union; nil until asked
	roleWords                    roleSet   // room for roleSets
	vars                         celVars

	outcome   Outcome
	code      Code
	stage     stage
	problem   problem
	denied    []*rule // rules of the stage that denied
	asks      []*rule // guardrails and thresholds that asked
	allows    []*rule // allow guardrails that entitle
	masks     []*rule
	ents      []entitlement
	overLimit bool
	applied   []requirement
	deciding  []*rule
	triggered bool // an always rule applies
	approved  bool // an approval was used
	outgrown  bool // the open approval was given for less than this

	allowPatterns []allowPattern
	tracing       bool
	trace         []TraceLine
}

// problem is what a reason says beyond the code.
type problem struct {
	parameter  string
	detail     string
	undeclared bool // the caller made the parameter's name up
	rule       *rule
}

type entitlement struct {
	rule     *rule
	max      strictjson.Decimal
	limited  bool
	exceeded bool
}

type requirement struct {
	rule   *rule
	covers bool
	have   int
}

var evaluations = sync.Pool{New: func() any { return &evaluation{roleWords: make(roleSet, 0, 64)} }}

// Evaluate decides one call without putting it into words: no digest, reason,
// alternatives or effective parameters. It is safe for concurrent use.
func (s *Set) Evaluate(in *Input) Verdict {
	e := s.begin(in, false)
	defer e.end()
	e.run()
	return Verdict{Outcome: e.outcome, Code: e.code, PolicyIDs: e.policyIDs(), Obligations: e.obligations()}
}

func (s *Set) begin(in *Input, tracing bool) *evaluation {
	e := evaluations.Get().(*evaluation)
	e.set, e.in, e.now, e.tracing = s, in, in.Now.UnixNano(), tracing
	return e
}

// end gives the evaluation back, without anything of this call in it.
func (e *evaluation) end() {
	clear(e.args)
	*e = evaluation{
		args: e.args[:0], denied: e.denied[:0], asks: e.asks[:0], allows: e.allows[:0], masks: e.masks[:0],
		ents: e.ents[:0], applied: e.applied[:0], deciding: e.deciding[:0], roleSets: e.roleSets[:0], roleWords: e.roleWords[:0],
		allowPatterns: e.allowPatterns[:0],
	}
	evaluations.Put(e)
}

// run goes through the stages; the first one with a denial ends it.
func (e *evaluation) run() {
	for i, decide := range [...]func(*evaluation) Code{
		(*evaluation).admit, (*evaluation).isolate, (*evaluation).classify,
		(*evaluation).entitle, (*evaluation).threshold, (*evaluation).approve,
	} {
		e.stage = stage(i)
		if code := decide(e); code != "" {
			e.outcome, e.code = Deny, code
			e.note(stageNames[i], "", "denied", string(code))
			return
		}
	}
	e.conclude()
}

// conclude names the outcome of a call that nothing denied.
func (e *evaluation) conclude() {
	missing := slices.ContainsFunc(e.applied, func(r requirement) bool { return r.have < r.rule.approve.quorum })
	switch {
	case missing && e.in.Approval.State == ApprovalOpen && !e.outgrown:
		e.outcome, e.code = RequireApproval, ApprovalPending
	case missing:
		e.outcome, e.code = RequireApproval, ApprovalRequired
	default:
		e.permit()
	}
	if e.tracing {
		e.note(stageNames[stageApproval], "", e.outcome.String(), string(e.code))
	}
}

func (e *evaluation) permit() {
	e.approved = len(e.applied) > 0
	e.outcome, e.code = Allow, OK
	if len(e.masks) > 0 {
		e.outcome, e.code = Mask, OKMasked
	}
	if e.approved {
		e.code = OKApproved
	}
}

// live is whether a rule is in force now.
func (e *evaluation) live(r *rule) bool { return r.from <= e.now && e.now < r.to }

// truth is what a when says.
type truth uint8

const (
	no truth = iota
	yes
	broken // it could not be evaluated
)

// when evaluates a rule's condition; a rule without one holds.
func (e *evaluation) when(r *rule) truth {
	if r.when == nil {
		return yes
	}
	e.vars.prepare(e, r.pack)
	value, err := r.when.holds(&e.vars)
	switch {
	case err != nil:
		e.note(stageNames[e.stage], r.public, "error", celProblem(r.when, err))
		return broken
	case value:
		return yes
	}
	return no
}

// restricts is whether a restricting rule matches: an error counts as a match.
func (e *evaluation) restricts(r *rule) bool {
	return e.consider(r, e.live(r) && e.matches(r, true) && e.when(r) != no)
}

// permits is whether a permitting rule matches: an error does not count.
func (e *evaluation) permits(r *rule) bool {
	return e.live(r) && e.matches(r, false) && e.when(r) == yes
}

func (e *evaluation) consider(r *rule, matched bool) bool {
	if e.tracing {
		result := "not matched"
		if matched {
			result = "matched"
		}
		e.note(stageNames[e.stage], r.public, result, "")
	}
	return matched
}

func (e *evaluation) note(stage, rule, result, detail string) {
	if e.tracing {
		e.trace = append(e.trace, TraceLine{Stage: stage, Rule: rule, Result: result, Detail: detail})
	}
}

// rules are the rules of a section that may be about this call: those for any
// action and those that name it.
func (e *evaluation) rules(s section) [2][]*rule {
	return [2][]*rule{e.u.any[s], e.act.own[s]}
}

// held are the roles of a pack that the subject holds.
func (e *evaluation) held(p *pack) roleSet {
	i := slices.Index(e.u.packs, p)
	for len(e.roleSets) <= i {
		e.roleSets = append(e.roleSets, nil)
	}
	if e.roleSets[i] == nil {
		e.roleSets[i] = e.room(p.roles.words())
		p.roles.hold(e.who, e.agent.src.ID, e.roleSets[i])
	}
	return e.roleSets[i]
}

// room takes zeroed words from the pool's slice, or makes some.
func (e *evaluation) room(words int) roleSet {
	n := len(e.roleWords)
	if n+words > cap(e.roleWords) {
		return make(roleSet, max(words, 1))
	}
	e.roleWords = e.roleWords[:n+words]
	set := e.roleWords[n : n+words : n+words]
	clear(set)
	return set
}

// decided are the rules that decided, each once, in the order of 5.1.
func (e *evaluation) decided() []*rule {
	rules := e.deciding[:0]
	switch {
	case e.outcome == Deny:
		rules = append(rules, e.denied...)
	case e.outcome == RequireApproval || e.approved:
		rules = e.askedFor(rules)
	default:
		rules = append(append(rules, e.allows...), e.masks...)
		for _, x := range e.ents {
			if !x.exceeded {
				rules = append(rules, x.rule)
			}
		}
	}
	if !slices.IsSortedFunc(rules, byOrder) {
		slices.SortFunc(rules, byOrder)
	}
	e.deciding = slices.Compact(rules)
	return e.deciding
}

// askedFor appends what REQUIRE_APPROVAL lists and, after an approval, the
// masking rules.
func (e *evaluation) askedFor(rules []*rule) []*rule {
	rules = append(rules, e.asks...)
	if e.overLimit {
		for _, x := range e.ents {
			rules = append(rules, x.rule)
		}
	}
	for _, q := range e.applied {
		rules = append(rules, q.rule)
	}
	if e.approved {
		rules = append(rules, e.masks...)
	}
	return rules
}

func (e *evaluation) policyIDs() []string {
	rules := e.decided()
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.public
	}
	return ids
}

func byOrder(a, b *rule) int { return cmp.Compare(a.ord, b.ord) }

// obligations are what the matching masks demand of parameters and outputs.
func (e *evaluation) obligations() []Obligation {
	if !e.outcome.Execute() || len(e.masks) == 0 {
		return nil
	}
	return obligationsOf(e.masks)
}
