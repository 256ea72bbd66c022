package policy

import (
	"cmp"
	"fmt"
	"strings"
)

// warning is one kind of warning: its stable id and what to do about it.
// README.md lists them; a test holds the list to these.
type warning struct{ id, fix string }

var (
	ruleNever    = warning{"rule.never", "Correct the rule, or remove it."}
	ruleExpired  = warning{"rule.expired", "Remove the rule, or move its until."}
	packExpired  = warning{"pack.expired", "Remove the pack, or publish a version that is in effect."}
	shadowed     = warning{"entitlement.shadowed", "Remove it, or narrow the wider one."}
	uncovered    = warning{"limit.uncovered", "Add an approval rule with \"on\": [\"overLimit\"] for these actions, unless calls over the limit are to be denied."}
	askUncovered = warning{"ask.uncovered", "Add an approval rule with \"on\": [\"ask\"] to the pack that declares these actions, or deny instead of asking."}
	unexposed    = warning{"action.unexposed", "Add it to the \"actions\" of an agent, or remove it."}
	roleEmpty    = warning{"role.empty", "Add members to the bindings, or remove the role."}
	roleAsserted = warning{"role.assertedOnly", "Bind a groups snapshot, name users, or let the agent take verified users."}
	groupsStale  = warning{"groups.stale", "Run handler directory sync on the bindings, and publish again."}
	noMail       = warning{"approval.noMail", "Add \"notify\", name users by UPN, or give the bound groups a mail."}
	single       = warning{"approval.singleApprover", "Name a second approver, or a role with several members."}
	excludedAll  = warning{"approval.excluded", "Exclude fewer people, name more approvers, or lower the quorum."}
	labelGap     = warning{"label.gap", "Use classificationAtLeast, or cover the higher labels too."}
	labelDefault = warning{"label.default", "Give the actions a \"classification\" as a floor, raise or remove defaultClassification, or let the rule hold for the default too."}
	maskMisfit   = warning{"mask.misfit", "Choose another method, or declare the parameter so that the masked value fits."}
	maskNowhere  = warning{"mask.nowhere", "Correct the path, or declare the parameter."}
	noScale      = warning{"limit.scale", "Add \"scale\": how many fraction digits the currency has."}
	unequal      = warning{"caller.unequal", "Give each agent an application of its own: whoever runs this one can act as any of its agents."}
	relayLimit   = warning{"approval.relayOverLimit", "Remove \"relay\": let approvers of amounts sign in."}
	undeclared   = warning{"action.undeclared", "Correct the name, or publish the pack that declares it."}
	spelling     = warning{"guardrail.optionSpelling", "Options can be reordered, bundled and shortened: allow exactly what may run instead."}
)

// warn reports about a pack; pointer is into its published form.
func (v *survey) warn(p *pack, rule, pointer string, w warning, format string, args ...any) {
	v.findings = append(v.findings, p.src.locate(Finding{
		Severity: Warning, Check: w.id, File: p.src.file, Pointer: pointer, Rule: rule,
		Message: fmt.Sprintf(format, args...), Fix: w.fix,
	}))
}

// about reports about a rule; pointer is below it.
func (v *survey) about(r *rule, pointer string, w warning, format string, args ...any) {
	v.warn(r.pack, r.public, at("/"+sectionNames[r.section], r.pos)+pointer, w, format, args...)
}

const namesShown = 3

// few joins names for a message, the first three of many.
func few(names []string) string {
	if len(names) > namesShown {
		return strings.Join(names[:namesShown], ", ") + " and " + itoa(len(names)-namesShown) + " more"
	}
	return strings.Join(names, ", ")
}

func actionIDs(actions []*action) []string {
	ids := make([]string, len(actions))
	for i, a := range actions {
		ids[i] = a.src.ID
	}
	return ids
}

// spelled is a string of a list together with where it is written; of a named
// list that is where the list is named.
type spelled struct{ pointer, text string }

func (p *pack) spell(pointer string, values []string) []spelled {
	var out []spelled
	for i, s := range values {
		name, named := strings.CutPrefix(s, "@")
		if !named {
			out = append(out, spelled{at(pointer, i), s})
			continue
		}
		for _, item := range p.lists[name] {
			out = append(out, spelled{at(pointer, i), item})
		}
	}
	return out
}

func comparePacks(a, b *pack) int {
	return cmp.Or(-cmp.Compare(a.priority, b.priority), cmp.Compare(a.src.Pack, b.src.Pack), cmp.Compare(a.src.Version, b.src.Version))
}

// warnings are all kinds, for the README and the tests.
func warnings() []warning {
	return []warning{
		ruleNever, ruleExpired, packExpired, shadowed, uncovered, askUncovered, unexposed, roleEmpty, roleAsserted, noMail, single,
		excludedAll, labelGap, labelDefault, maskMisfit, maskNowhere, noScale, unequal, relayLimit, undeclared, spelling,
	}
}
