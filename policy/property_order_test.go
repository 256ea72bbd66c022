package policy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/policy"
)

// The generator must reach what the properties are about; one that only ever
// drew denials would prove nothing.
func TestGeneratedCallsReachEveryOutcome(t *testing.T) {
	t.Parallel()
	seen := map[policy.Outcome]int{}
	approved := 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, taste{})
		set := w.load(t)
		for range 5 {
			d := set.Decide(drawCall(t, w).input(), false)
			seen[d.Outcome]++
			if d.Code == policy.OKApproved {
				approved++
			}
		}
	})
	for o := policy.Deny; o <= policy.Allow; o++ {
		if seen[o] == 0 {
			t.Errorf("generated calls never get %s (%v)", o, seen)
		}
	}
	if approved == 0 {
		t.Errorf("generated calls are never approved (%v)", seen)
	}
}

// notWeaker fails where after lets through what before did not.
func notWeaker(t *rapid.T, what string, before, after policy.Verdict, w *world, c *call) {
	if after.Outcome > before.Outcome {
		t.Fatalf("%s: %s %s %v became %s %s %v\ncall %s\nworld %s", what,
			before.Outcome, before.Code, before.PolicyIDs, after.Outcome, after.Code, after.PolicyIDs, text(c.input()), strings.Join(w.texts(), "\n"))
	}
}

// T10: a larger amount never gets a weaker decision, with every other fact the
// same and conditions that are stricter for larger amounts.
func TestLargerAmountIsNeverWeaker(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, taste{})
		drawAmountConditions(t, w)
		set := w.load(t)
		c := drawCall(t, w)
		c.action = "Pay" + c.action[strings.Index(c.action, "-"):]
		for name := range c.parameters {
			if name != "currency" && name != "qty" && name != "iban" {
				delete(c.parameters, name)
			}
		}
		cents := rapid.SliceOfNDistinct(rapid.IntRange(-200, 100_000_100), 5, 5, rapid.ID[int]).Draw(t, "cents")
		cents = append(cents, 49_999, 50_000, 50_001, 9_950, 9_951)
		slices.Sort(cents)
		var before policy.Verdict
		for i, n := range slices.Compact(cents) {
			c.parameters["amount"] = drawAmount(t, n)
			v := set.Evaluate(c.input())
			if i > 0 && before.Code != policy.ParameterInvalid {
				notWeaker(t, "a larger amount", before, v, w, c)
			}
			before = v
		}
	})
}

// drawAmount writes an amount of cents as a number or a text, with or without
// trailing zeros.
func drawAmount(t *rapid.T, cents int) any {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	whole, fraction := itoa(cents/100), itoa(100 + cents%100)[1:]
	written := sign + whole + "." + fraction
	if oneIn(t, 2, "short") {
		written = strings.TrimSuffix(strings.TrimRight(written, "0"), ".")
	}
	if oneIn(t, 2, "as text") {
		return written
	}
	return number(written)
}

func drawAmountConditions(t *rapid.T, w *world) {
	for _, p := range w.packs {
		for _, section := range []string{"guardrails", "isolation", "classification", "entitlements"} {
			for _, r := range p[section].([]any) {
				rule := r.(tree)
				if !oneIn(t, 2, "on the amount") {
					continue
				}
				condition := "parameters.amount > 250"
				if section == "entitlements" || rule["effect"] == "allow" {
					condition = `parameters.amount <= decimal("900.5")`
				}
				if when, ok := rule["when"]; ok {
					condition = "(" + when.(string) + pick(t, "joined by", ") && ", ") || ") + condition
				}
				rule["when"] = condition
			}
		}
	}
}

// Principle "no pack loosens another", T42: a deny, a mask, an ask, or a whole
// pack more never weakens a decision.
func TestAnotherRestrictionIsNeverWeaker(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, taste{})
		more := w.clone()
		if oneIn(t, 3, "a whole pack") {
			more.packs = append(more.packs, (&author{t, "c", taste{}}).pack())
		} else {
			drawRestriction(t, more)
		}
		before, after := w.load(t), more.load(t)
		for range 12 {
			c := drawCall(t, w)
			notWeaker(t, "a restriction more", before.Evaluate(c.input()), after.Evaluate(c.input()), more, c)
		}
	})
}

// drawRestriction adds a rule that only restricts to some pack.
func drawRestriction(t *rapid.T, w *world) {
	p := w.packs[rapid.IntRange(0, len(w.packs)-1).Draw(t, "pack of the restriction")]
	a := &author{t, p["pack"].(string)[len("pack-"):], taste{}}
	section := pick(t, "section", "guardrails", "isolation", "classification", "thresholds")
	r := a.rule(section, 9)
	for r["effect"] == "allow" {
		r = a.rule(section, 9)
	}
	p[section] = append(p[section].([]any), r)
}

// Principle "omission never loosens": leaving out any one fact never gives a
// better answer than stating it. The excepted ways to declare that are not drawn.
func TestOmissionNeverLoosens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, taste{noExceptions: true})
		set := w.load(t)
		for range 5 {
			c := drawCall(t, w)
			stated := set.Evaluate(c.input())
			if stated.Code == policy.ParameterInvalid || stated.Code == policy.ParameterPinned {
				continue // what is malformed states nothing
			}
			for _, fact := range c.facts() {
				base, before := c, stated
				if strings.HasPrefix(fact, "user.") { // who asks decides whose votes count: compare without any
					if stated.Code == policy.ApprovalUnavailable {
						continue
					}
					base = c.clone()
					base.approval.Votes = nil
					before = set.Evaluate(base.input())
				}
				without := base.without(fact)
				notWeaker(t, "leaving out "+fact, before, set.Evaluate(without.input()), w, without)
			}
		}
	})
}

// Principle "errors only tighten", T40: a rule whose condition fails at run
// time counts as matched where it restricts and as unmatched where it permits.
func TestFaultInAConditionOnlyTightens(t *testing.T) {
	t.Parallel()
	faults := []string{
		"context.nobody.sends.this == 1", `resource.attributes.nothing != "x"`, "parameters.absent > 3", "user.nickname == agent.id",
		`now.getHours(context.nowhere) < 8`, `context.nobody || resource.attributes.nothing`, `tenant.startsWith(context.nobody)`, "lists.vendors[99] == tenant", `agent.nope in ["x"]`,
	}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, taste{})
		broken := w.clone()
		breakARule(t, broken, pick(t, "fault", faults...))
		before, after := w.load(t), broken.load(t)
		for range 16 {
			c := drawCall(t, w)
			notWeaker(t, "a broken condition", before.Evaluate(c.input()), after.Evaluate(c.input()), broken, c)
		}
	})
}

// breakARule gives one rule of the world a condition that is an error.
func breakARule(t *rapid.T, w *world, fault string) {
	p := w.packs[rapid.IntRange(0, len(w.packs)-1).Draw(t, "pack of the fault")]
	filled := slices.DeleteFunc(slices.Clone(sections), func(s string) bool { return len(p[s].([]any)) == 0 })
	rules := p[pick(t, "section of the fault", filled...)].([]any)
	i := rapid.IntRange(0, len(rules)-1).Draw(t, "broken rule")
	broken := maps.Clone(rules[i].(tree))
	broken["when"] = fault
	rules[i] = broken
}
