package policy

import (
	"slices"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// admit is stage 0: is there a policy, and does this agent have this action
// with these parameters. The checks are in the order of the table.
func (e *evaluation) admit() Code {
	sp := e.set.at(e.now)
	if !sp.inEffect {
		return PolicyNone
	}
	if e.in.Stale {
		return PolicyStale
	}
	req, sub := &e.in.Request, &e.in.Subject
	if e.suspended() {
		return SuspendedCode
	}
	if e.u = sp.byTenant[asciiLower(sub.Tenant)]; e.u == nil {
		return TenantUnknown
	}
	if e.agent = e.u.agents[req.Agent]; e.agent == nil {
		return AgentUnknown
	}
	if !sub.AnyAgent && !slices.Contains(e.agent.callers, asciiLower(sub.Application)) {
		return AgentCaller
	}
	if code := e.admitUser(); code != "" {
		return code
	}
	if e.act = e.u.actions[req.Action]; e.act == nil {
		return ActionUnknown
	}
	if !slices.Contains(e.agent.actions, req.Action) {
		return ActionNotExposed
	}
	if t := req.Resource.Type; t != "" && t != e.act.src.Resource {
		return ResourceMismatch
	}
	if req.Resource.ID == "" && !e.act.src.Creates {
		return ResourceRequired
	}
	if code := e.admitParameters(); code != "" {
		return code
	}
	e.establish()
	return ""
}

func (e *evaluation) suspended() bool {
	for _, s := range e.in.Suspended {
		switch kind, id, _ := strings.Cut(s, ":"); {
		case kind == "agent" && id == e.in.Request.Agent,
			kind == "caller" && asciiLower(id) == asciiLower(e.in.Subject.Application),
			kind == "tenant" && asciiLower(id) == asciiLower(e.in.Subject.Tenant):
			return true
		}
	}
	return false
}

func (e *evaluation) admitUser() Code {
	sub := &e.in.Subject
	if !e.agent.takes[sub.Identity] {
		if sub.Identity == None {
			return UserRequired
		}
		return UserUnverified
	}
	if sub.Identity != None {
		if e.who = personOf(&sub.User); !e.who.known() {
			return UserRequired // nobody is not the agent itself
		}
	}
	return ""
}

// admitParameters types every parameter, then applies the pins (2.3, 2.4).
func (e *evaluation) admitParameters() Code {
	e.args = slices.Grow(e.args[:0], len(e.act.params))[:len(e.act.params)]
	clear(e.args)
	for _, m := range e.in.Request.Parameters.Members() {
		if m.Value.Missing() {
			continue
		}
		i := e.act.paramIndex(m.Name)
		if i < 0 {
			e.blame(m.Name, "the action declares no such parameter", false)
		} else if detail := e.act.params[i].read(m.Value, &e.args[i]); detail != "" {
			e.blame(m.Name, detail, true)
		}
	}
	for i, p := range e.act.params {
		if p.src.Required && !p.pinned && !e.args[i].set {
			e.blame(p.name, "it is required and was not sent", true)
		}
	}
	if e.problem.detail != "" {
		return ParameterInvalid
	}
	return e.applyPins()
}

// blame keeps the problem whose parameter comes first, so that the order of
// keys does not matter.
func (e *evaluation) blame(parameter, detail string, declared bool) {
	if e.problem.detail == "" || strictjson.CompareNames(parameter, e.problem.parameter) < 0 {
		e.problem = problem{parameter: parameter, detail: detail, undeclared: !declared}
	}
}

func (e *evaluation) applyPins() Code {
	for i, p := range e.act.params {
		if !p.pinned {
			continue
		}
		if a := &e.args[i]; a.set && !sameArg(p, a, &p.pin) {
			e.problem = problem{parameter: p.name}
			return ParameterPinned
		}
		e.args[i] = p.pin
	}
	return ""
}

func sameArg(p *param, a, b *arg) bool {
	if p.typ.isNumber() {
		return a.dec == b.dec
	}
	var room [2][128]byte
	return string(strictjson.AppendCanonical(room[0][:0], a.value)) == string(strictjson.AppendCanonical(room[1][:0], b.value))
}

// establish finds the facts that rules match on (2.8, 6.3).
func (e *evaluation) establish() {
	req, d := &e.in.Request, &e.u.declared
	region := req.Resource.Region
	if region == "" {
		region = e.act.attested
	}
	e.region = fact{region, slices.Contains(d.regions, region)}
	label := e.effectiveLabel()
	e.label = fact{label, slices.Contains(d.labels, label)}
	e.risk = contextFact(req.Context, "risk", d.risks)
	e.channel = contextFact(req.Context, "channel", d.channels)
	if t := req.Context.Get("threadId"); t.Kind() == strictjson.String {
		e.thread = t.Text()
	}
}

// effectiveLabel is the highest of the label sent (or the default where none
// was) and the action's floor, by the list of the action's pack. An unlisted
// label stays as it was sent.
func (e *evaluation) effectiveLabel() string {
	p, label := e.act.pack, e.in.Request.Resource.Classification
	if label == "" {
		label = p.defaultLabel
	}
	floor := e.act.floor
	if floor == "" || label == "" {
		return label + floor
	}
	if rank, ok := p.labels[label]; ok && rank < p.labels[floor] {
		return floor
	}
	return label
}

// contextFact is a member of context that some pack of the tenant declares; a
// value that is no string counts as absent.
func contextFact(context strictjson.Value, name string, declared []string) fact {
	v := context.Get(name)
	if v.Kind() != strictjson.String {
		return fact{}
	}
	return fact{v.Text(), slices.Contains(declared, v.Text())}
}
