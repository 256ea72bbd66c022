package policy

import (
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/authorization-fabric/fabric/policy/command"
	"github.com/authorization-fabric/fabric/policy/strictjson"
	"github.com/authorization-fabric/fabric/policy/weburl"
)

// compileRules compiles every section in the order of §1.1.
func (c *compiler) compileRules() {
	for i := range c.src.Guardrails {
		src := &c.src.Guardrails[i]
		r := c.start(guardrails, i, &src.RuleHead, nil)
		c.guardrail(c.pointer(r), src, r)
	}
	for i := range c.src.Isolation {
		src := &c.src.Isolation[i]
		r := c.start(isolation, i, &src.RuleHead, src.Match)
		c.isolation(c.pointer(r), src, r)
	}
	for i := range c.src.Classification {
		src := &c.src.Classification[i]
		r := c.start(classification, i, &src.RuleHead, src.Match)
		c.classification(c.pointer(r), src, r)
	}
	for i := range c.src.Entitlements {
		src := &c.src.Entitlements[i]
		r := c.start(entitlements, i, &src.RuleHead, src.Match)
		c.entitlement(c.pointer(r), src, r)
	}
	for i := range c.src.Thresholds {
		src := &c.src.Thresholds[i]
		r := c.start(thresholds, i, &src.RuleHead, src.Match)
		c.threshold(c.pointer(r), src, r)
	}
	for i := range c.src.Approvals {
		src := &c.src.Approvals[i]
		r := c.start(approvals, i, &src.RuleHead, src.Match)
		c.approval(c.pointer(r), src, r)
	}
	c.rule = ""
	c.askTargets()
}

func (c *compiler) pointer(r *rule) string {
	return at("/"+sectionNames[r.section], r.pos)
}

// start compiles what every rule has.
func (c *compiler) start(s section, pos int, head *RuleHead, m *Match) *rule {
	r := &rule{
		pack: c.pack, section: s, pos: pos, head: head, public: c.src.Pack + "/" + head.ID,
		from: instantOr(head.From, math.MinInt64), to: instantOr(head.Until, math.MaxInt64),
	}
	c.rule = r.public
	pointer := c.pointer(r)
	if first, twice := c.ids[head.ID]; twice && head.ID != "" {
		c.fault(pointer+"/id", "duplicate", "Give it another id.", "the rule id %q stands at %s already", head.ID, first)
	}
	c.ids[head.ID] = pointer
	if strings.Contains(head.ID, "/") {
		c.fault(pointer+"/id", "pattern", "Leave the slash out.", "a rule id holds a slash")
	}
	if head.Until.endsBefore(head.From) {
		c.fault(pointer+"/until", "interval", "Let it end after from.", "until is not after from")
	}
	r.match.atLeast = -1
	if m != nil {
		c.match(pointer+"/match", m, r)
	}
	if head.When != nil {
		r.when = c.condition(pointer+"/when", *head.When, s)
	}
	c.pack.rules = append(c.pack.rules, r)
	return r
}

// match compiles the keys that are looked at per request; actions and
// resources are for the index of the union.
func (c *compiler) match(pointer string, m *Match, r *rule) {
	x := &r.match
	x.actions = globsOf(c.expand(pointer+"/actions", m.Actions))
	x.resources = globsOf(c.expand(pointer+"/resources", m.Resources))
	x.agents = globsOf(c.expand(pointer+"/agents", m.Agents))
	x.regions = c.values(pointer+"/regions", "region", m.Regions, c.src.Regions)
	x.labels = c.values(pointer+"/classifications", "classification", m.Classifications, c.src.Classifications)
	x.risks = c.values(pointer+"/risk", "risk", m.Risk, c.src.Risks)
	x.channels = c.values(pointer+"/channels", "channel", m.Channels, c.src.Channels)
	if m.ClassificationAtLeast != "" {
		c.declaredLabel(pointer+"/classificationAtLeast", m.ClassificationAtLeast)
		x.atLeast = c.pack.labels[m.ClassificationAtLeast]
	}
	x.given = x.agents != nil || x.regions != nil || x.labels != nil || x.atLeast >= 0 || x.risks != nil || x.channels != nil
}

func (c *compiler) values(pointer, what string, values, declared []string) []string {
	expanded := c.expand(pointer, values)
	for i, v := range expanded {
		if !slices.Contains(declared, v) {
			c.fault(at(pointer, c.origin(values, i)), "undeclared."+what,
				"Declare it in the pack, or use one of "+join(declared)+".", "the %s %q is not declared", what, v)
		}
	}
	return expanded
}

func globsOf(patterns []string) []glob {
	if patterns == nil {
		return nil
	}
	globs := make([]glob, len(patterns))
	for i, p := range patterns {
		globs[i] = compileGlob(p)
	}
	return globs
}

var effects = map[string]effect{"deny": effectDeny, "ask": effectAsk, "allow": effectAllow}

func (c *compiler) guardrail(pointer string, src *Guardrail, r *rule) {
	r.guard = &guard{effect: effects[src.Effect], agents: globsOf(c.expand(pointer+"/agents", src.Agents)), threads: src.Threads}
	for i, t := range c.expand(pointer+"/tools", src.Tools) {
		c.tools(at(pointer+"/tools", c.origin(src.Tools, i)), t, r.guard)
	}
	switch {
	case r.guard.effect != effectAllow && src.Roles != nil:
		c.fault(pointer+"/roles", "guardrail.roles", "Remove \"roles\"; a deny or an ask holds for everybody.", "roles narrow an allow only")
	case r.guard.effect == effectAllow && len(src.Roles) == 0:
		c.fault(pointer, "guardrail.roles", "Add \"roles\", or [\"*\"] for everybody.", "an allow needs roles")
	case r.guard.effect == effectAllow:
		r.guard.anything, _ = command.CompilePattern("*") // a constant that compiles
		r.guard.roles = c.roleNeed(pointer+"/roles", src.Roles)
		c.allowReaches(pointer, r)
	}
}

// tools compiles one pattern, or several where its parentheses hold a list.
func (c *compiler) tools(pointer, pattern string, g *guard) {
	name, rest, parens := strings.Cut(pattern, "(")
	if !parens {
		g.tools = append(g.tools, tool{action: compileGlob(pattern)})
		return
	}
	inner, ok := strings.CutSuffix(rest, ")")
	if !ok || inner == "" {
		c.fault(pointer, "tool", "Write ACTION or ACTION(COMMAND).", "%q is no tool pattern", pattern)
		return
	}
	lines := []string{inner}
	if list, ok := strings.CutPrefix(inner, "@"); ok {
		lines = c.list(pointer, list)
	}
	for _, line := range lines {
		p, err := command.CompilePattern(line)
		if err != nil {
			c.fault(pointer, "tool", "Write the command as the shell would see it, with * for what may vary.", "%q is no command pattern: %v", line, err)
			continue
		}
		g.tools = append(g.tools, tool{action: compileGlob(name), line: &p})
	}
}

// mayAllow is whether an allow guardrail may reach an action at all (4.1): it
// must never lift an amount limit.
func (a *action) mayAllow() bool { return a.command >= 0 && !a.hasDecimal }

func (c *compiler) allowReaches(pointer string, r *rule) {
	for _, a := range c.pack.actions {
		if a.mayAllow() && r.guard.names(a.src.ID) {
			return
		}
	}
	c.fault(pointer+"/tools", "guardrail.reach", "Name an action of this pack that declares a command and no decimal.", "the allow reaches no action that it may reach")
}

func (g *guard) names(action string) bool {
	return slices.ContainsFunc(g.tools, func(t tool) bool { return t.action.matches(action) })
}

func (c *compiler) isolation(pointer string, src *IsolationRule, r *rule) {
	x := &isolate{parameter: src.Parameter, residency: src.AllowedRegions != nil}
	r.isolate = x
	if x.residency {
		x.regions = c.values(pointer+"/allowedRegions", "region", src.AllowedRegions, c.src.Regions)
		if src.Match != nil && src.Match.Regions != nil {
			c.fault(pointer+"/match/regions", "isolation.regions", "Keep one of match.regions and allowedRegions.", "match.regions stands beside allowedRegions")
		}
	}
	if (src.Parameter == "") != (src.AllowedHosts == nil) {
		c.fault(pointer, "isolation.hosts", "Give both \"parameter\" and \"allowedHosts\".", "parameter and allowedHosts belong together")
	}
	if src.Parameter != "" && x.residency {
		c.fault(pointer, "isolation.both", "Write two rules.", "allowedRegions stands beside allowedHosts")
	}
	for i, h := range c.expand(pointer+"/allowedHosts", src.AllowedHosts) {
		p, err := weburl.CompileHost(h)
		if err != nil {
			c.fault(at(pointer+"/allowedHosts", c.origin(src.AllowedHosts, i)), "host", "Write a name, *.name, an address or a CIDR, with :port for another port.", "%q is no host pattern: %v", h, err)
			continue
		}
		x.hosts = append(x.hosts, p)
	}
}

func (c *compiler) classification(pointer string, src *ClassificationRule, r *rule) {
	if src.Effect == "MASK" && len(src.Mask) == 0 {
		c.fault(pointer, "key.missing", "Add \"mask\".", "a MASK rule masks nothing")
	}
	if src.Effect == "DENY" && src.Mask != nil {
		c.fault(pointer+"/mask", "mask", "Remove it, or use MASK.", "a DENY rule has masks")
	}
	r.mask = []mask{}
	if src.Effect == "DENY" {
		r.mask = nil
	}
	for i, m := range src.Mask {
		compiled, problem := compileMask(m)
		if problem != "" {
			c.fault(at(pointer+"/mask", i)+"/path", "mask.path", "Write parameters.NAME or output.PATH.", "%q is no path: %s", m.Path, problem)
		}
		r.mask = append(r.mask, compiled)
	}
}

func (c *compiler) entitlement(pointer string, src *Entitlement, r *rule) {
	r.entitle = &entitle{roles: c.roleNeed(pointer+"/roles", src.Roles)}
	if src.Match != nil {
		for i, a := range c.expand(pointer+"/match/actions", src.Match.Actions) {
			if !strings.Contains(a, "*") && c.pack.actions[a] == nil {
				c.fault(at(pointer+"/match/actions", c.origin(src.Match.Actions, i)), "undeclared.action",
					"Declare it under \"actions\"; an entitlement reaches only its own pack's.", "the action %q is not declared", a)
			}
		}
	}
	if src.Limit != nil {
		r.entitle.limit = c.limit(pointer+"/limit", src.Limit, r)
	}
}

func (c *compiler) limit(pointer string, src *Limit, r *rule) *limit {
	l := &limit{parameter: src.Parameter, by: src.By}
	if (src.By == "") != (src.Max.Each == nil) {
		c.fault(pointer+"/max", "limit", "Write one amount, or \"by\" and one amount for each of its values.", "max and by do not go together")
	}
	if src.Max.Each == nil {
		l.one, _ = c.decimal(pointer+"/max", src.Max.One)
	}
	l.each = map[string]strictjson.Decimal{}
	for value, amount := range src.Max.Each {
		d, _, _ := strictjson.ParsePlain(amount) // reported while decoding
		l.each[value] = d
	}
	c.ownParameter(pointer+"/parameter", src.Parameter, r, func(p *param) bool { return p.typ.isNumber() }, "a decimal or an integer")
	if src.By != "" {
		c.ownParameter(pointer+"/by", src.By, r, func(p *param) bool { return p.typ == typeString }, "a string")
	}
	return l
}

// ownParameter demands that some action of the own pack that the rule matches
// declares the parameter, and every one that does in the right type.
func (c *compiler) ownParameter(pointer, name string, r *rule, right func(*param) bool, what string) {
	found := false
	for a := range r.match.among(c.pack.actions) {
		p := a.param(name)
		if p != nil && !right(p) {
			c.fault(pointer, "parameter.type", "Name "+what+".", "%q of %s is of type %s, not %s", name, a.src.ID, p.typ, what)
		}
		found = found || p != nil
	}
	if !found {
		c.fault(pointer, "undeclared.parameter", "Name a parameter of the actions the rule matches.", "no action that the rule matches has a parameter %q", name)
	}
}

// among are the actions that match admits by name and resource type. Where all
// names are exact it looks them up, so that a pack of many rules and actions
// does not compare each with each.
func (m *match) among(all map[string]*action) iter.Seq[*action] {
	return func(yield func(*action) bool) {
		admits := func(a *action) bool { return a != nil && (m.resources == nil || anyGlob(m.resources, a.src.Resource)) }
		if m.actions != nil && allExact(m.actions) {
			for _, g := range m.actions {
				if a := all[g.text]; admits(a) && !yield(a) {
					return
				}
			}
			return
		}
		for id, a := range all {
			if admits(a) && (m.actions == nil || anyGlob(m.actions, id)) && !yield(a) {
				return
			}
		}
	}
}

func allExact(globs []glob) bool {
	return !slices.ContainsFunc(globs, func(g glob) bool { return g.kind != globExact })
}

func (c *compiler) threshold(pointer string, src *Threshold, r *rule) {
	t := &threshold{ask: c.bound(pointer+"/askAbove", src.AskAbove), deny: c.bound(pointer+"/denyAbove", src.DenyAbove)}
	r.threshold = t
	if src.AskAbove == nil && src.DenyAbove == nil {
		c.fault(pointer, "key.missing", "Add \"askAbove\" or \"denyAbove\".", "the threshold has no bound")
	}
	if t.ask != nil && t.deny != nil && t.ask.Compare(*t.deny) > 0 {
		c.fault(pointer+"/askAbove", "interval", "Let askAbove be at most denyAbove.", "askAbove is above denyAbove and never asks")
	}
	t.absent = effectAsk
	if src.Absent == "deny" || src.Absent == "" && src.DenyAbove != nil {
		t.absent = effectDeny
	}
	where, name, _ := strings.Cut(src.Value, ".")
	switch {
	case where == "context" && name != "" && !slices.Contains(strings.Split(name, "."), ""):
		t.path = strings.Split(name, ".")
	case where == "parameters" && name != "":
		t.parameter = name
	default:
		c.fault(pointer+"/value", "threshold.value", "Write parameters.NAME or context.PATH.", "%q is neither a parameter nor a path in context", src.Value)
	}
}

func (c *compiler) approval(pointer string, src *ApprovalRule, r *rule) {
	a := &approve{src: src, quorum: 1, within: defaultWithin, execute: defaultExecute}
	r.approve = a
	if src.Quorum != nil {
		a.quorum = *src.Quorum
	}
	if src.ApproveWithin.Duration > 0 {
		a.within = src.ApproveWithin.Duration
	}
	if src.ExecuteWithin.Duration > 0 {
		a.execute = src.ExecuteWithin.Duration
	}
	for i, on := range src.On {
		c.trigger(at(pointer+"/on", i), on, a)
	}
	if len(src.On) == 0 {
		c.fault(pointer+"/on", "approval.on", "Write overLimit, ask, ask:<rule id> or always.", "the rule answers to nothing")
	}
	c.approvers(pointer+"/approvers", src.Approvers, "role:", "entitled")
	if len(src.Approvers) == 0 {
		c.fault(pointer+"/approvers", "approval.approvers", "Name who may approve.", "the rule has no approvers")
	}
	c.approvers(pointer+"/exclude", src.Exclude, "role:", "owner")
	c.mails(pointer+"/notify", src.Notify)
	if e := src.Escalate; e != nil {
		c.approvers(pointer+"/escalate/approvers", e.Approvers, "role:", "entitled")
		c.mails(pointer+"/escalate/notify", e.Notify)
		if e.After.Duration >= a.within {
			c.fault(pointer+"/escalate/after", "interval", "Escalate before approveWithin is over.", "the escalation comes after the deadline")
		}
	}
	c.quorum(pointer, a, src.Approvers)
}

func (c *compiler) trigger(pointer, on string, a *approve) {
	id, named := strings.CutPrefix(on, "ask:")
	switch {
	case on == "overLimit":
		a.overLimit = true
	case on == "always":
		a.always = true
	case on == "ask":
		a.asks = true
	case named && id != "":
		if !strings.Contains(id, "/") {
			id = c.src.Pack + "/" + id
		}
		a.askRules = append(a.askRules, id)
	default:
		c.fault(pointer, "choice", "Use overLimit, ask, ask:<rule id> or always.", "%q is nothing that can be raised", on)
	}
}

// askTargets reports ask:<rule> of the own pack that names no rule that asks.
func (c *compiler) askTargets() {
	asks := map[string]bool{}
	for _, r := range c.pack.rules {
		asks[r.public] = r.guard != nil && r.guard.effect == effectAsk || r.threshold != nil
	}
	for _, r := range c.pack.rules {
		if r.approve == nil {
			continue
		}
		c.rule = r.public
		for _, id := range r.approve.askRules {
			if strings.HasPrefix(id, c.src.Pack+"/") && !asks[id] {
				written := []string{"ask:" + id, "ask:" + strings.TrimPrefix(id, c.src.Pack+"/")}
				on := slices.IndexFunc(r.approve.src.On, func(on string) bool { return slices.Contains(written, on) })
				c.fault(at(c.pointer(r)+"/on", on), "undeclared.rule", "Name a guardrail that asks or a threshold.", "no rule %q asks", id)
			}
		}
	}
	c.rule = ""
}

func (c *compiler) approvers(pointer string, list []string, rolePrefix, word string) {
	for i, text := range list {
		if text == word {
			continue
		}
		if role, ok := strings.CutPrefix(text, rolePrefix); ok {
			c.declared(at(pointer, i), "role", role, c.pack.roles.names)
			continue
		}
		key, ok := parseMember(text)
		if !ok || key.kind > memberGroup || key.kind != memberUser && !isGUID(key.id) {
			c.fault(at(pointer, i), "member", "Write role:ID, user:UPN, oid:GUID, group:GUID or "+word+".", "%q names nobody", text)
		}
	}
}

func (c *compiler) mails(pointer string, list []string) {
	for i, m := range list {
		address, ok := strings.CutPrefix(m, "mailto:")
		if !ok || strings.Count(address, "@") != 1 || strings.ContainsAny(address, " \r\n\t,;<>\"") {
			c.fault(at(pointer, i), "mail", "Write mailto: and one address.", "%q is no mail address", m)
		}
	}
}

// quorum reports one that its approvers, all known by name, cannot reach.
// A role without members is a warning and not counted: a removed person must
// not keep the new policy out.
func (c *compiler) quorum(pointer string, a *approve, approvers []string) {
	people, all := c.pack.named(a.everybody())
	if all && len(approvers) > 0 && len(people) < a.quorum && !slices.ContainsFunc(a.everybody(), c.pack.isEmptyRole) {
		c.fault(pointer+"/quorum", "approval.quorum", "Lower the quorum or name more approvers.", "a quorum of %d among %d approvers", a.quorum, len(people))
	}
}
