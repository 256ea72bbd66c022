package sheet

import (
	"fmt"
	"strings"

	"github.com/authorization-fabric/fabric/policy"
)

// title is the action in words.
func (b *builder) title() string {
	if b.Approval.Title != "" {
		return b.line(b.Approval.Title)
	}
	return b.line(b.Approval.Action)
}

// headline is the main fact: an amount as it is, any other value behind its
// label, since it may be words that somebody chose. Without one it is what the
// call is on.
func (b *builder) headline(title string) (headline, amount string) {
	i := b.c.Main.Fact
	if i < 0 || i >= len(b.c.Facts) || b.c.Facts[i].Value == "" {
		if on := b.on(); on != "" {
			return on, ""
		}
		return title, ""
	}
	f, unit := &b.c.Facts[i], b.c.Main.Unit
	if !number(f.Value) || !shortUnit(unit) {
		first, _, more := strings.Cut(f.Value, "\n")
		headline = b.line(f.Label) + ": " + b.bounded(first, maxMain, true)
		if more && !strings.HasSuffix(headline, " …") {
			headline += " …"
		}
		return headline, ""
	}
	headline = grouped(f.Value) + " " + unit
	if unit == "" {
		headline = b.line(f.Label) + ": " + grouped(f.Value)
	}
	return headline, headline
}

// shortUnit admits units like EUR, kg or %, and none.
func shortUnit(unit string) bool {
	for _, r := range unit {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '%' {
			return false
		}
	}
	return len(unit) <= 5
}

// on is the resource by its name.
func (b *builder) on() string {
	return strings.TrimSpace(b.line(b.c.ResourceType) + " " + b.line(b.c.ResourceID))
}

// resource is what the call is on, in words.
func (b *builder) resource() string {
	text := b.on()
	for _, part := range []struct{ word, value string }{{"region", b.c.Region}, {"label", b.c.Label}} {
		if part.value != "" {
			text += ", " + part.word + " " + b.line(part.value)
		}
	}
	return strings.TrimPrefix(text, ", ")
}

// who is who asks, and how sure that is.
func (b *builder) who() string {
	application := "the application " + b.line(b.c.Application)
	if b.c.Application == "" {
		application = "the developer of this machine"
	}
	name := b.requester()
	switch {
	case name == "":
		return "Nobody: the agent acts on its own, called by " + application
	case b.Approval.Requester.Identity == policy.Verified:
		return name + ", signed in"
	}
	return name + ", stated by " + application + ", not signed in"
}

// requester is the name of the person who asks; "" for nobody.
func (b *builder) requester() string {
	if b.Approval.Requester.Identity == policy.None {
		return ""
	}
	return b.line(b.Approval.Requester.Name)
}

func (b *builder) agent() string {
	id := b.line(b.Approval.Agent)
	if b.c.AgentTitle == "" || b.c.AgentTitle == b.Approval.Agent {
		return id
	}
	return b.line(b.c.AgentTitle) + " (" + id + ")"
}

// why is what was raised, the limit first.
func (b *builder) why() []string {
	var reasons, asks []string
	for _, t := range b.c.Triggers {
		rule, ask := strings.CutPrefix(t, "ask:")
		switch {
		case t == "overLimit":
			reasons = append(reasons, b.over())
		case ask:
			asks = append(asks, "The rule "+b.line(rule)+" asks for a person")
		case t == "always":
			asks = append(asks, "Calls of this kind always need a person")
		default:
			asks = append(asks, b.line(t))
		}
	}
	reasons = append(reasons, asks...)
	if risk := b.risk(); risk != "" {
		reasons = append(reasons, risk)
	}
	return reasons
}

func (b *builder) over() string {
	whose := "the agent's limit"
	if name := b.requester(); name != "" {
		whose = name + "'s limit"
	}
	o := b.c.Over
	if o == nil {
		return "Over " + whose
	}
	unit := ""
	if o.Unit != "" {
		unit = " " + b.line(o.Unit)
	}
	text := fmt.Sprintf("%s%s over %s of %s%s", b.line(grouped(o.Excess)), unit, whose, b.line(grouped(o.Limit)), unit)
	switch b.ViewerLimit {
	case "":
		return text
	case "no limit":
		return text + "; you have no limit"
	}
	return text + "; yours is " + b.line(b.ViewerLimit)
}

// risk is what the caller says of the risk; it may be wrong.
func (b *builder) risk() string {
	switch {
	case b.c.Risk != "" && b.c.RiskScore != "":
		return "Risk as the caller states it: " + b.line(b.c.Risk) + ", score " + b.line(b.c.RiskScore)
	case b.c.Risk != "":
		return "Risk as the caller states it: " + b.line(b.c.Risk)
	case b.c.RiskScore != "":
		return "Risk as the caller states it: score " + b.line(b.c.RiskScore)
	}
	return ""
}

// past is what the same requester asked for before.
func (b *builder) past() string {
	name := b.requester()
	if name == "" || b.Past.Asked == 0 {
		return ""
	}
	if b.Past.Asked == 1 {
		return "Nothing else asked for by " + name + " in the last 30 days"
	}
	least := ""
	if b.Past.More {
		least = "at least "
	}
	return fmt.Sprintf("%s in the last 30 days, this one included: asked %s%d, approved %d, denied %d",
		name, least, b.Past.Asked, b.Past.Approved, b.Past.Denied)
}
