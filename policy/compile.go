package policy

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy/command"
	"github.com/authorization-fabric/fabric/policy/strictjson"
	"github.com/authorization-fabric/fabric/policy/weburl"
)

// section is the part of a pack that a rule stands in, in the order of §1.1.
type section uint8

const (
	guardrails section = iota
	isolation
	classification
	entitlements
	thresholds
	approvals
	sections
)

var sectionNames = [sections]string{"guardrails", "isolation", "classification", "entitlements", "thresholds", "approvals"}

// stage is the stage that evaluates a section.
func (s section) stage() stage {
	return [sections]stage{stageIsolation, stageIsolation, stageClassification, stageEntitlement, stageThreshold, stageApproval}[s]
}

// pack is a compiled pack at one version.
type pack struct {
	src      *Pack
	ref      PackRef
	document []byte // the published document in canonical form
	priority int
	codes    bool // disclosure: codes
	from, to int64
	tenants  []string // lower case

	labels       map[string]int
	defaultLabel string
	regions      []string
	risks        []string
	channels     []string
	lists        map[string][]string
	zone         *time.Location

	roles   rolebook
	agents  map[string]*agent
	actions map[string]*action
	rules   []*rule // in the order of sections and positions
}

type agent struct {
	src     *Agent
	pack    *pack
	callers []string // client ids, lower case
	actions []string // expanded
	takes   [3]bool  // by Identity
}

// rule is any rule of a pack; exactly the part of its section is set.
type rule struct {
	pack     *pack
	section  section
	pos      int
	public   string // <pack>/<id>
	head     *RuleHead
	from, to int64
	match    match
	when     *condition
	ord      uint64 // place in the order of 5.1: stage, priority, pack, section, position

	guard     *guard
	isolate   *isolate
	mask      []mask // nil for effect DENY
	entitle   *entitle
	threshold *threshold
	approve   *approve
}

// restricting rules reach every pack's actions, permitting ones only their own.
func (r *rule) permitting() bool {
	return r.section == entitlements || r.section == guardrails && r.guard.effect == effectAllow
}

type effect uint8

const (
	effectDeny effect = iota
	effectAsk
	effectAllow
)

type guard struct {
	effect  effect
	tools   []tool
	agents  []glob
	threads []string
	roles   roleNeed

	anything command.Pattern // what an allow without parentheses permits
}

type tool struct {
	action glob
	line   *command.Pattern // nil: no parentheses
}

type isolate struct {
	regions   []string // allowedRegions; nil without the key
	residency bool
	parameter string
	hosts     []weburl.HostPattern
}

type entitle struct {
	roles roleNeed
	limit *limit
}

type limit struct {
	parameter, by string
	one           strictjson.Decimal
	each          map[string]strictjson.Decimal
}

type threshold struct {
	parameter string   // of parameters.NAME, or
	path      []string // of context.PATH
	ask, deny *strictjson.Decimal
	absent    effect
}

type approve struct {
	src             *ApprovalRule
	quorum          int
	within, execute time.Duration
	overLimit       bool
	always          bool
	asks            bool
	askRules        []string // public ids
}

const (
	defaultPriority = 100
	defaultWithin   = 8 * time.Hour
	defaultExecute  = 24 * time.Hour
)

// compiler compiles one pack and reports every error of §12 that is visible
// inside it.
type compiler struct {
	decoder
	src  *Pack
	pack *pack
	ids  map[string]string // rule id -> pointer of its first use
	rule string            // public id of the rule at hand, for findings
}

func (c *compiler) fault(pointer, check, fix, format string, args ...any) {
	c.report(pointer, check, fix, format, args...)
	c.findings[len(c.findings)-1].Rule = c.rule
}

// compilePack compiles what decoded without errors. The pack is usable only
// where no finding is an error.
func compilePack(src *Pack) (*pack, []Finding) {
	c := &compiler{decoder: decoder{file: src.file}, src: src, ids: map[string]string{}}
	c.pack = &pack{
		src: src, priority: defaultPriority, codes: src.Disclosure == "codes",
		from: instantOr(src.EffectiveFrom, math.MinInt64), to: instantOr(src.EffectiveTo, math.MaxInt64),
		defaultLabel: src.DefaultClassification, lists: src.Lists,
		regions: src.Regions, risks: src.Risks, channels: src.Channels,
		agents: map[string]*agent{}, actions: map[string]*action{},
	}
	if src.Priority != nil {
		c.pack.priority = *src.Priority
	}
	c.head()
	c.labels()
	c.flatLists()
	c.compileRoles()
	c.compileActions()
	c.compileAgents()
	c.compileRules()
	s := <-src.sealing
	c.pack.ref = PackRef{Pack: src.Pack, Version: src.Version, Hash: s.hash, RulesHash: s.rulesHash}
	c.pack.document = s.document
	return c.pack, c.findings
}

func instantOr(i Instant, otherwise int64) int64 {
	if i.IsZero() {
		return otherwise
	}
	switch y := i.Year(); { // what nanoseconds in 64 bits cannot hold is the end of time
	case y < 1700:
		return math.MinInt64
	case y > 2250:
		return math.MaxInt64
	}
	return i.UnixNano()
}

// endsBefore is whether an end that was given leaves nothing after a beginning,
// which need not have been given. It compares the instants themselves: in 64 bits
// of nanoseconds those far away are one.
func (i Instant) endsBefore(begin Instant) bool { return !i.IsZero() && !i.After(begin.Time) }

func (c *compiler) head() {
	if c.src.Environment == "" {
		c.report("", "key.missing", "Add \"environment\" here, or put a bindings document beside the pack.", "the published form needs \"environment\"")
	}
	if len(c.src.Tenants) == 0 {
		c.report("", "key.missing", "Add \"tenants\": the tenant GUIDs the pack is for.", "the published form needs \"tenants\"")
	}
	for i, t := range c.src.Tenants {
		if !isGUID(t) {
			c.report(at("/tenants", i), "guid", "Write the tenant's GUID.", "%q is no GUID", t)
		}
		c.pack.tenants = append(c.pack.tenants, asciiLower(t))
	}
	if c.src.EffectiveTo.endsBefore(c.src.EffectiveFrom) {
		c.report("/effectiveTo", "interval", "Let it end after effectiveFrom.", "effectiveTo is not after effectiveFrom")
	}
	zone, err := loadZone(c.src.TimeZone)
	if err != nil {
		c.report("/timeZone", "timezone", "Use an IANA name such as Europe/Berlin.", "there is no time zone %q", c.src.TimeZone)
	}
	c.pack.zone = zone
}

func (c *compiler) labels() {
	if len(c.src.Actions) > 0 && len(c.src.Classifications) == 0 {
		c.report("", "key.missing", "Add \"classifications\", low to high.", "a pack with actions needs \"classifications\"")
	}
	c.pack.labels = map[string]int{}
	for i, label := range c.src.Classifications {
		if _, twice := c.pack.labels[label]; twice {
			c.report(at("/classifications", i), "duplicate", "Remove it.", "the label %q stands twice", label)
		}
		c.pack.labels[label] = i
	}
	for key, values := range map[string][]string{"regions": c.src.Regions, "risks": c.src.Risks, "channels": c.src.Channels} {
		for i, v := range values {
			if slices.Contains(values[:i], v) {
				c.report(at("/"+key, i), "duplicate", "Remove it.", "%q stands twice", v)
			}
		}
	}
	if d := c.src.DefaultClassification; d != "" {
		c.declaredLabel("/defaultClassification", d)
	}
}

// flatLists reports lists inside lists: they would not be spliced in.
func (c *compiler) flatLists() {
	for name, values := range c.src.Lists {
		for i, v := range values {
			if strings.HasPrefix(v, "@") {
				c.report(at("/lists/"+escapePointer(name), i), "undeclared.list", "Write its values here.", "a list holds values, not other lists: %q", v)
			}
		}
	}
}

func (c *compiler) declaredLabel(pointer, label string) {
	if _, ok := c.pack.labels[label]; !ok {
		c.fault(pointer, "undeclared.classification", "Add it to \"classifications\", or use one of "+join(c.src.Classifications)+".", "the label %q is not declared", label)
	}
}

// declared reports a value that is none of the declared ones.
func (c *compiler) declared(pointer, what, value string, declared []string) {
	if !slices.Contains(declared, value) {
		c.fault(pointer, "undeclared."+what, "Declare it in the pack, or use one of "+join(declared)+".", "the %s %q is not declared", what, value)
	}
}

// expand splices lists named by "@name" into values (1.8).
func (c *compiler) expand(pointer string, values []string) []string {
	if !slices.ContainsFunc(values, func(v string) bool { return strings.HasPrefix(v, "@") }) {
		return values
	}
	out := []string{} // not nil: an empty list names nothing, an absent one everything
	for i, v := range values {
		if name, ok := strings.CutPrefix(v, "@"); ok {
			out = append(out, c.list(at(pointer, i), name)...)
		} else {
			out = append(out, v)
		}
	}
	return out
}

// origin is the place in values that the i-th expanded value comes from.
func (c *compiler) origin(values []string, i int) int {
	for place, v := range values {
		n := 1
		if name, ok := strings.CutPrefix(v, "@"); ok {
			n = len(c.src.Lists[name])
		}
		if i < n {
			return place
		}
		i -= n
	}
	return 0
}

func (c *compiler) list(pointer, name string) []string {
	list, ok := c.src.Lists[name]
	if !ok {
		c.fault(pointer, "undeclared.list", "Add it to \"lists\".", "there is no list %q", name)
	}
	return list
}

func (c *compiler) unique(pointer, what, id string, seen map[string]bool) {
	if id != "" && seen[id] {
		c.report(pointer+"/id", "duplicate", "Give it another id.", "the %s %q stands twice", what, id)
	}
	seen[id] = true
}

func (c *compiler) compileAgents() {
	seen := map[string]bool{}
	for i := range c.src.Agents {
		src := &c.src.Agents[i]
		pointer := at("/agents", i)
		c.unique(pointer, "agent", src.ID, seen)
		a := &agent{src: src, pack: c.pack, actions: c.expand(pointer+"/actions", src.Actions)}
		for j, action := range a.actions {
			if c.pack.actions[action] == nil {
				c.report(at(pointer+"/actions", c.origin(src.Actions, j)), "undeclared.action", "Declare it under \"actions\".", "the action %q is not declared", action)
			}
		}
		c.agentUsers(a)
		c.agentBindings(pointer, a)
		c.agentTools(pointer, src)
		c.pack.agents[src.ID] = a
	}
}

func (c *compiler) agentUsers(a *agent) {
	if len(a.src.Users) == 0 {
		a.takes[Verified] = true
	}
	for _, u := range a.src.Users {
		switch u {
		case "verified":
			a.takes[Verified] = true
		case "asserted":
			a.takes[Asserted], a.takes[Verified] = true, true
		case "none":
			a.takes[None] = true
		}
	}
}

func (c *compiler) agentBindings(pointer string, a *agent) {
	for i, caller := range a.src.Callers {
		id, ok := strings.CutPrefix(caller, "app:")
		if !ok || !isGUID(id) {
			c.report(at(pointer+"/callers", i), "member", "Write app: and the client id (a GUID).", "%q is no application", caller)
		}
		a.callers = append(a.callers, asciiLower(id))
	}
	owner, ok := parseMember(a.src.Owner)
	if a.src.Owner != "" && (!ok || owner.kind > memberOID || owner.kind == memberOID && !isGUID(owner.id)) {
		c.report(pointer+"/owner", "member", "Write user:UPN or oid:GUID.", "%q is no person", a.src.Owner)
	}
}

func (c *compiler) agentTools(pointer string, a *Agent) {
	seen := map[string]bool{}
	for i, t := range a.Tools {
		p := at(pointer+"/tools", i)
		c.unique(p, "tool", t.ID, seen)
		act := c.pack.actions[t.Action]
		if act == nil {
			c.report(p+"/action", "undeclared.action", "Declare it under \"actions\".", "the action %q is not declared", t.Action)
			continue
		}
		for input, name := range t.Inputs {
			if act.param(name) == nil {
				c.report(p+"/inputs/"+escapePointer(input), "undeclared.parameter", "Name a parameter of "+t.Action+".", "the action has no parameter %q", name)
			}
		}
	}
}

func at(pointer string, i int) string { return pointer + "/" + strconv.Itoa(i) }

func itoa(n int) string { return strconv.Itoa(n) }

func join(values []string) string {
	if len(values) == 0 {
		return "(none is)"
	}
	return strings.Join(values, ", ")
}

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return false
			}
		}
	}
	return true
}

// asciiLower folds the case of ASCII letters only, as GUIDs and UPNs compare.
func asciiLower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			return lowered(s, i)
		}
	}
	return s
}

func lowered(s string, from int) string {
	b := []byte(s)
	for i := from; i < len(b); i++ {
		if b[i] >= 'A' && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}
