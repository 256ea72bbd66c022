package policy

import (
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

func (e *evaluation) asked() *Asked {
	if e.outcome != RequireApproval {
		return nil
	}
	a := &Asked{
		Title: e.act.src.Title, ResourceType: e.act.src.Resource,
		Canonical: e.appendCall(nil), Facts: e.facts(), Zone: e.act.pack.zone, Main: -1,
		Region: e.region.value, Classification: e.label.value,
	}
	if a.Title == "" {
		a.Title = e.act.src.ID
	}
	if e.risk.present {
		a.Risk = e.risk.value
	}
	if v := e.in.Request.Context.Get("riskScore"); v.Kind() == strictjson.Number {
		if d, ok := strictjson.ParseDecimal(v.Text()); ok {
			a.RiskScore = d.String()
		}
	}
	return a
}

func (e *evaluation) facts() []Fact {
	masks := parameterMasks(e.masks)
	values := e.masker().object(e.redacted(), masks)
	facts := make([]Fact, 0, len(values.Members()))
	for _, m := range values.Members() {
		p := e.act.param(m.Name)
		f := Fact{Label: p.src.Label, Value: maskText(m.Value)}
		if f.Label == "" {
			f.Label = m.Name
		}
		switch {
		case covers(masks, m.Name):
			f.Mark = "masked"
		case p.pinned:
			f.Mark = "pinned"
		}
		facts = append(facts, f)
	}
	return facts
}

// RuleApprover is one entry of a rule's approvers that may name a person.
type RuleApprover struct {
	PolicyID string
	Approver string // as the rule writes it
}

// ApproverEntries are the entries of approval rules in effect that may name the
// person. It lists "entitled" for everybody, since only the call can tell.
func (s *Set) ApproverEntries(tenant string, u User, now time.Time) []RuleApprover {
	var out []RuleApprover
	un := s.at(now.UnixNano()).byTenant[asciiLower(tenant)]
	if un == nil {
		return out
	}
	p := personOf(&u)
	for _, pk := range un.packs {
		for _, r := range pk.rules {
			if r.approve == nil {
				continue
			}
			for _, text := range r.approve.everybody() {
				if text == "entitled" || pk.namedBy(text, p) {
					out = append(out, RuleApprover{r.public, text})
				}
			}
		}
	}
	return out
}

// MayApprove reports whether a person's vote would count now for the rule on
// the call in. Whatever denies the call otherwise is not looked at.
func (s *Set) MayApprove(in *Input, policyID string, v Ballot) bool {
	e := s.begin(in, false)
	defer e.end()
	if e.admit() != "" {
		return false
	}
	for _, list := range e.rules(approvals) {
		if i := slices.IndexFunc(list, func(r *rule) bool { return r.public == policyID }); i >= 0 {
			return (list[i].approve.src.Relay || !v.Relayed) && e.mayVote(list[i], v.Voter)
		}
	}
	return false
}
