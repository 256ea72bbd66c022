package policy

import (
	"math/big"
	"slices"
	"strings"

	"github.com/authorization-fabric/fabric/policy/command"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

func (e *evaluation) asked() *Asked {
	if e.outcome != RequireApproval {
		return nil
	}
	a := &Asked{
		Title: e.act.src.Title, ResourceType: e.act.src.Resource, Agent: e.agent.src.Title,
		Canonical: e.appendCall(nil), Zone: e.act.pack.zone,
		Region: e.region.value, Classification: e.label.value,
		RiskScore: e.riskScore(), Said: e.said(), Over: e.over(),
	}
	if a.Title == "" {
		a.Title = e.act.src.ID
	}
	if a.Agent == "" {
		a.Agent = e.agent.src.ID
	}
	if e.risk.present {
		a.Risk = e.risk.value
	}
	var names []string
	a.Facts, names = e.facts()
	a.Main, a.Unit = e.main(names)
	return a
}

// facts are the parameters as people read them, with their names.
func (e *evaluation) facts() (facts []Fact, names []string) {
	masks := parameterMasks(e.masks)
	values := e.masker().object(e.redacted(), masks)
	facts = make([]Fact, 0, len(values.Members()))
	for _, m := range values.Members() {
		p := e.act.param(m.Name)
		f := Fact{Label: p.src.Label, Value: maskText(m.Value)}
		if f.Label == "" {
			f.Label = m.Name
		}
		f.Items, f.Command = itemsOf(p, m.Value)
		switch {
		case covers(masks, m.Name):
			f.Mark = "masked"
		case p.pinned:
			f.Mark = "pinned"
		}
		facts, names = append(facts, f), append(names, m.Name)
	}
	return facts, names
}

// itemsOf takes apart what people must see whole and counted.
func itemsOf(p *param, v strictjson.Value) (items []string, isCommand bool) {
	switch {
	case p.typ == typeStrings && v.Kind() == strictjson.Array:
		for _, item := range v.Items() {
			items = append(items, item.Text())
		}
		return items, false
	case p.typ == typeCommand && v.Kind() == strictjson.String:
		return severalCommands(v.Text()), true
	}
	return nil, false
}

// severalCommands are the commands of a line of more than one. Of a line that
// cannot be read for certain nobody knows them.
func severalCommands(text string) []string {
	line, err := command.Parse(text)
	if err != nil {
		return nil
	}
	if _, _, _, opaque := line.Opaque(); opaque {
		return nil
	}
	if all := line.Commands(); len(all) > 1 {
		return all
	}
	return nil
}

// main is the place of the fact that matters most, and its unit: what a limit
// or a threshold that asked is about, else the first required decimal, else the
// first fact.
func (e *evaluation) main(names []string) (index int, unit string) {
	limited := limitedParameter(e.ents)
	for _, parameter := range []string{limited, e.askedParameter(), e.requiredDecimal(names)} {
		i := slices.Index(names, parameter)
		if i < 0 {
			continue
		}
		if x, ok := largest(e.ents, parameter); ok && x.rule.entitle.limit.by != "" {
			unit = e.shown(x.rule.entitle.limit.by)
		}
		return i, unit
	}
	if len(names) == 0 {
		return -1, ""
	}
	return 0, ""
}

// askedParameter is the parameter of a threshold that asked, of several the
// first by name.
func (e *evaluation) askedParameter() string {
	name := ""
	for _, r := range e.asks {
		if r.threshold != nil && r.threshold.parameter != "" && (name == "" || r.threshold.parameter < name) {
			name = r.threshold.parameter
		}
	}
	return name
}

func (e *evaluation) requiredDecimal(names []string) string {
	for _, name := range names {
		if p := e.act.param(name); p.src.Required && p.typ == typeDecimal {
			return name
		}
	}
	return ""
}

// limitedParameter is the parameter that limits are about, of several the first
// by name, so that the order of rules does not matter.
func limitedParameter(ents []entitlement) string {
	name := ""
	for _, x := range ents {
		if x.limited && (name == "" || x.rule.entitle.limit.parameter < name) {
			name = x.rule.entitle.limit.parameter
		}
	}
	return name
}

// largest is the entitlement with the largest limit on a parameter, of two
// alike the one that names a unit.
func largest(ents []entitlement, parameter string) (best entitlement, ok bool) {
	for _, x := range ents {
		if !x.limited || x.rule.entitle.limit.parameter != parameter {
			continue
		}
		c := x.max.Compare(best.max)
		if !ok || c > 0 || c == 0 && x.rule.entitle.limit.by > best.rule.entitle.limit.by {
			best, ok = x, true
		}
	}
	return best, ok
}

// over is the limit that is exceeded, where no mask covers what it would tell.
func (e *evaluation) over() *Over {
	if !e.overLimit {
		return nil
	}
	x, ok := largest(e.ents, limitedParameter(e.ents))
	if !ok {
		return nil
	}
	unit, ok := e.unitOf(x.rule.entitle.limit)
	if !ok {
		return nil
	}
	amount := e.argOf(x.rule.entitle.limit.parameter).dec
	return &Over{Limit: x.max.String(), Excess: difference(amount, x.max), Unit: unit}
}

// unitOf is the value of a limit's by parameter; ok is false where a mask
// covers it or the amount, and nothing may be said of the limit.
func (e *evaluation) unitOf(l *limit) (unit string, ok bool) {
	if e.shown(l.parameter) == "" {
		return "", false
	}
	if l.by == "" {
		return "", true
	}
	unit = e.shown(l.by)
	return unit, unit != ""
}

// difference is a-b in plain notation, exactly: parameters and limits have at
// most [maxFractionDigits].
func difference(a, b strictjson.Decimal) string {
	x, _ := new(big.Rat).SetString(a.String())
	y, _ := new(big.Rat).SetString(b.String())
	text := x.Sub(x, y).FloatString(maxFractionDigits)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// LimitOf is a person's own largest limit for this very call, in plain
// notation with the value that picked it, such as a currency. Unlimited is a
// person who needs no limit raised. It is not ok where no role of theirs
// entitles them, where their limits are on another parameter than the
// requester's, and where a mask covers what the limit would tell.
func (s *Set) LimitOf(in *Input, u User) (limit, unit string, unlimited, ok bool) {
	e := s.begin(in, false)
	defer e.end()
	if e.admit() != "" {
		return "", "", false, false
	}
	e.classify() // for the masks; a denial of its own is not this one's business
	e.entitle()
	own := e.asIf(personOf(&u))
	if !own.who.known() || own.entitle() != "" {
		return "", "", false, false
	}
	if slices.ContainsFunc(own.ents, func(x entitlement) bool { return !x.limited }) {
		return "", "", true, true
	}
	parameter := limitedParameter(e.ents)
	if parameter == "" {
		parameter = limitedParameter(own.ents)
	}
	x, ok := largest(own.ents, parameter)
	if !ok {
		return "", "", false, false
	}
	if unit, ok = e.unitOf(x.rule.entitle.limit); !ok {
		return "", "", false, false
	}
	return x.max.String(), unit, false, true
}
