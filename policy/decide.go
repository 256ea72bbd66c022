package policy

import (
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/authorization-fabric/fabric/policy/command"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Decide decides one call and puts the decision into words. With trace, every
// rule looked at is in Decision.Trace. It is safe for concurrent use.
func (s *Set) Decide(in *Input, trace bool) Decision {
	e := s.begin(in, trace)
	defer e.end()
	e.run()
	d := Decision{
		Outcome: e.outcome, Code: e.code, Identity: in.Subject.Identity,
		PolicyIDs: e.policyIDs(), Obligations: []Obligation{}, Triggers: e.triggers(),
		Requirements: e.requirements(), Packs: []PackRef{}, Effective: strictjson.ObjectOf(),
		Trace: e.trace,
	}
	if e.u != nil {
		d.Packs = e.u.refs
	}
	if e.stage > stageAdmission {
		d.Digest = e.digest()
		d.Audience = e.act.src.Audience
	}
	if e.outcome != Deny {
		d.Effective = e.effective(e.masks)
	}
	if o := e.obligations(); o != nil {
		d.Obligations = o
	}
	d.Recorded = e.recorded()
	d.Asked = e.asked()
	d.Alternatives = e.alternatives()
	e.words(&d)
	return d
}

// effective are the parameters that may be executed: pinned, canonical and
// masked (2.5, 11).
func (e *evaluation) effective(masks []*rule) strictjson.Value {
	members := make([]strictjson.Member, 0, len(e.args))
	for i := range e.args {
		if e.args[i].set {
			members = append(members, strictjson.Member{Name: e.act.params[i].name, Value: e.args[i].value})
		}
	}
	v := strictjson.ObjectOf(members...)
	if len(masks) == 0 {
		return v
	}
	return e.masker().object(v, parameterMasks(masks))
}

func (e *evaluation) masker() masker { return masker{e.in.Key, asciiLower(e.in.Subject.Tenant)} }

// What is raised, and the words of "on" for it; ask is followed by a rule.
const (
	triggerOverLimit = "overLimit"
	triggerAsk       = "ask:"
	triggerAlways    = "always"
)

// triggers are what was raised (5.6).
func (e *evaluation) triggers() []string {
	out := []string{}
	if e.outcome == Deny && e.stage < stageApproval {
		return out
	}
	if e.overLimit {
		out = append(out, triggerOverLimit)
	}
	slices.SortFunc(e.asks, byOrder)
	for _, r := range e.asks {
		out = append(out, triggerAsk+r.public)
	}
	if e.triggered {
		out = append(out, triggerAlways)
	}
	return out
}

// requirements are the approval rules that apply, met or not.
func (e *evaluation) requirements() []Requirement {
	out := []Requirement{}
	for _, q := range e.applied {
		a := q.rule.approve
		out = append(out, Requirement{
			PolicyID: q.rule.public, Approvers: a.src.Approvers, Exclude: a.src.Exclude,
			Need: a.quorum, Have: q.have, ApproveWithin: a.within, ExecuteWithin: a.execute,
			Notify: q.rule.notify(a.src.Notify, a.src.Approvers), Escalate: q.rule.escalation(), Relay: a.src.Relay,
		})
	}
	return out
}

func (r *rule) escalation() *Escalation {
	e := r.approve.src.Escalate
	if e == nil {
		return nil
	}
	return &Escalation{After: e.After.Duration, Approvers: e.Approvers, Notify: r.notify(e.Notify, e.Approvers)}
}

// notify is whom to tell: as written, else the UPNs of named users and the
// mail of bound groups (4.6). Each address stands once, however it is spelled.
func (r *rule) notify(written, approvers []string) []string {
	out := []string{}
	add := func(to string) {
		if !slices.ContainsFunc(out, func(known string) bool { return asciiLower(known) == asciiLower(to) }) {
			out = append(out, to)
		}
	}
	if written != nil {
		for _, to := range written {
			add(to)
		}
		return out
	}
	for _, a := range r.pack.members(approvers) {
		if upn, ok := strings.CutPrefix(a, "user:"); ok {
			add("mailto:" + upn)
		} else if id, ok := strings.CutPrefix(a, "group:"); ok && r.pack.group(id).Mail != "" {
			add("mailto:" + r.pack.group(id).Mail)
		}
	}
	return out
}

// members puts the members of roles in the place of the roles.
func (p *pack) members(approvers []string) []string {
	var out []string
	for _, text := range approvers {
		role, isRole := strings.CutPrefix(text, "role:")
		if !isRole {
			out = append(out, text)
		} else if i, ok := p.roles.index[role]; ok {
			out = append(out, p.src.Roles[i].Members...)
		}
	}
	return out
}

// alternatives finds the nearest call that would be allowed, where an amount
// over its limit is all that stands in the way (5.5).
func (e *evaluation) alternatives() []Alternative {
	none := []Alternative{}
	if !e.overLimit || e.outcome != RequireApproval && e.code != ThresholdExceeded || e.codesOnly() {
		return none
	}
	name, best := "", strictjson.Decimal{}
	for i, x := range e.ents {
		switch p := x.rule.entitle.limit.parameter; {
		case i == 0:
			name, best = p, x.max
		case p != name:
			return none
		case x.max.Compare(best) > 0:
			best = x.max
		}
	}
	in := *e.in
	in.Approval = Approval{}
	in.Request.Parameters = replaced(in.Request.Parameters, name, strictjson.StringOf(best.String()))
	v := e.set.Evaluate(&in)
	if !v.Outcome.Execute() {
		return none
	}
	return append(none, Alternative{Parameter: name, Value: best.String(), Outcome: v.Outcome})
}

func replaced(object strictjson.Value, name string, v strictjson.Value) strictjson.Value {
	members := slices.DeleteFunc(slices.Clone(object.Members()), func(m strictjson.Member) bool { return m.Name == name })
	return strictjson.ObjectOf(append(members, strictjson.Member{Name: name, Value: v})...)
}

// codesOnly is whether a pack that has a say keeps its limits to itself (5.3).
func (e *evaluation) codesOnly() bool {
	if e.act != nil && e.act.pack.codes {
		return true
	}
	return slices.ContainsFunc(e.decided(), func(r *rule) bool { return r.pack.codes })
}

// recorded is what the audit log may hold (11.2).
func (e *evaluation) recorded() Recorded {
	rec := Recorded{
		ResourceType: e.in.Request.Resource.Type, Region: e.in.Request.Resource.Region,
		Classification: e.in.Request.Resource.Classification,
		Parameters:     strictjson.ObjectOf(), Context: strictjson.ObjectOf(), Roles: []RoleGrant{},
	}
	if e.act == nil {
		return rec
	}
	rec.ResourceType = e.act.src.Resource
	if e.stage > stageAdmission {
		rec.Region, rec.Classification = e.region.value, e.label.value
	}
	rec.Parameters = e.recordedParameters()
	rec.Context = e.recordedContext()
	rec.Roles = e.roleGrants()
	return rec
}

// recordedParameters are masked by what matched or, where the evaluation ended
// before stage 2, by every mask that any rule in effect names for the action.
func (e *evaluation) recordedParameters() strictjson.Value {
	v := e.redacted()
	masks := e.recordMasks()
	if len(masks) == 0 {
		return v
	}
	return e.masker().object(v, parameterMasks(masks))
}

func (e *evaluation) recordMasks() []*rule {
	if e.stage >= stageClassification {
		return e.masks
	}
	var rules []*rule
	for _, list := range e.rules(classification) {
		for _, r := range list {
			if e.live(r) {
				rules = append(rules, r)
			}
		}
	}
	slices.SortFunc(rules, byOrder)
	return rules
}

// redacted are the parameters as sent with what no mask could know: secrets in
// a command are redacted, and names that the action does not declare keep no
// value.
func (e *evaluation) redacted() strictjson.Value {
	if e.stage > stageAdmission && e.act.command < 0 {
		return e.effective(nil)
	}
	var members []strictjson.Member
	sent := e.in.Request.Parameters
	if e.stage > stageAdmission {
		sent = e.effective(nil)
	}
	for _, m := range sent.SortedMembers() {
		switch p := e.act.param(m.Name); {
		case m.Value.Missing():
			continue
		case p == nil:
			m = strictjson.Member{Name: "(undeclared)", Value: strictjson.StringOf("***")}
			if slices.ContainsFunc(members, func(x strictjson.Member) bool { return x.Name == m.Name }) {
				continue
			}
		case p.typ == typeCommand:
			m.Value = redactedCommand(m.Value)
		}
		members = append(members, m)
	}
	return strictjson.ObjectOf(members...)
}

// recordedContext keeps the values the policy may have used; free text only as
// length and HMAC.
func (e *evaluation) recordedContext() strictjson.Value {
	var members []strictjson.Member
	for _, m := range e.in.Request.Context.SortedMembers() {
		if e.usesContext(m.Name) {
			members = append(members, strictjson.Member{Name: m.Name, Value: e.recordable(m)})
		}
	}
	return strictjson.ObjectOf(members...)
}

func (e *evaluation) usesContext(name string) bool {
	switch name {
	case "risk", "riskScore", "channel", "threadId", "reason":
		return true
	}
	for s := range sections {
		for _, list := range e.rules(s) {
			for _, r := range list {
				if r.when != nil && slices.Contains(r.when.context, name) ||
					r.threshold != nil && len(r.threshold.path) > 0 && r.threshold.path[0] == name {
					return true
				}
			}
		}
	}
	return false
}

func (e *evaluation) recordable(m strictjson.Member) strictjson.Value {
	switch m.Value.Kind() {
	case strictjson.Number, strictjson.Bool:
		return m.Value
	case strictjson.String:
		declared := m.Name == "risk" && slices.Contains(e.u.declared.risks, m.Value.Text()) ||
			m.Name == "channel" && slices.Contains(e.u.declared.channels, m.Value.Text())
		if declared {
			return m.Value
		}
	default:
	}
	text := maskText(m.Value)
	sum := e.in.Key.Sum([]byte("fabric-text-v1\n" + asciiLower(e.in.Subject.Tenant) + "\n" + m.Name + "\n" + text))
	return strictjson.ObjectOf(
		strictjson.Member{Name: "hmac", Value: strictjson.StringOf(hex.EncodeToString(sum[:16]))},
		strictjson.Member{Name: "length", Value: strictjson.NumberOf(itoa(utf8.RuneCountInString(text)))})
}

// roleGrants are the roles held, with the membership each came through.
func (e *evaluation) roleGrants() []RoleGrant {
	out := []RoleGrant{}
	for _, p := range e.u.packs {
		out = append(out, p.roles.granted(p.src.Pack, e.who, e.agent.src.ID)...)
	}
	return out
}

func redactedCommand(v strictjson.Value) strictjson.Value {
	line, err := command.Parse(v.Text())
	if v.Kind() != strictjson.String || err != nil {
		return strictjson.StringOf("***")
	}
	return strictjson.StringOf(line.Redacted())
}

// Refusal is a denial that is decided before stage 0, by the identity of the
// caller or by an approval that does not fit: nothing of the call is believed
// or recorded. An empty reason is the code's own sentence.
func Refusal(code Code, reason string, identity Identity) Decision {
	if reason == "" {
		reason = sentences[code]
	}
	return Decision{
		Code: code, Reason: reason, UserMessage: UserSentence(code), Identity: identity,
		PolicyIDs: []string{}, Obligations: []Obligation{}, Triggers: []string{}, Requirements: []Requirement{},
		Alternatives: []Alternative{}, Advice: []string{}, Packs: []PackRef{}, Effective: strictjson.ObjectOf(),
		Recorded: Recorded{Parameters: strictjson.ObjectOf(), Context: strictjson.ObjectOf(), Roles: []RoleGrant{}},
	}
}
