package policy

import (
	"slices"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// exceedsShown names what today goes beyond what the approvers of the call were
// shown, or is "": then the votes are about this call as it stands now.
func (e *evaluation) exceedsShown() string {
	s := e.in.Approval.Shown
	switch {
	case s == nil:
		return ""
	case e.raisedBeyond(s.Triggers):
		return "more is raised"
	case e.in.Subject.Identity < s.Identity:
		return "the identity is weaker"
	case e.riskAbove(s.Risk):
		return "context.risk is higher"
	case scoreAbove(e.riskScore(), s.RiskScore):
		return "context.riskScore is higher"
	}
	return ""
}

// raisedBeyond is whether anything was raised that is not among the triggers.
func (e *evaluation) raisedBeyond(triggers []string) bool {
	if e.overLimit && !slices.Contains(triggers, triggerOverLimit) || e.triggered && !slices.Contains(triggers, triggerAlways) {
		return true
	}
	return slices.ContainsFunc(e.asks, func(ask *rule) bool {
		return !slices.ContainsFunc(triggers, func(t string) bool {
			id, ok := strings.CutPrefix(t, triggerAsk)
			return ok && id == ask.public
		})
	})
}

// riskAbove is whether today's context.risk is above the one shown, by the
// order of the pack that declares the action; an undeclared value is absent,
// and absent above every value. A value shown that this order does not know
// was shown all the same: nothing but itself is no higher.
func (e *evaluation) riskAbove(shown string) bool {
	today := ""
	if e.risk.present {
		today = e.risk.value
	}
	if today == shown || shown == "" {
		return false
	}
	order := e.act.pack.risks
	rank := slices.Index(order, today)
	return rank < 0 || rank > slices.Index(order, shown)
}

// scoreAbove compares scores by value. A score shown that is no number is
// below everything.
func scoreAbove(today, shown string) bool {
	if today == shown || shown == "" {
		return false
	}
	now, sent := strictjson.ParseDecimal(today)
	then, ok := strictjson.ParseDecimal(shown)
	return !sent || !ok || now.Compare(then) > 0
}

// riskScore is context.riskScore in plain notation, so that 40, 40.0 and 4e1
// are one score; "" is absent, as is whatever is no JSON number of at most 24
// digits.
func (e *evaluation) riskScore() string {
	v := e.in.Request.Context.Get("riskScore")
	if v.Kind() != strictjson.Number {
		return ""
	}
	d, ok := strictjson.ParseDecimal(v.Text())
	if !ok {
		return ""
	}
	return d.String()
}
