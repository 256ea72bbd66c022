package policy_test

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// canaries are what is looked for in a decision. None can come about by chance
// in a digest, and none is among the last four characters of its value.
var canaries = []string{"CANARY", "271828.18", "27182818", "314159265", "2031-03-17"}

// plant puts a canary into every parameter, well formed or not, and into the
// free facts of a request.
func plant(t *rapid.T, c *call) {
	p := c.parameters
	for name := range p {
		p[name] = canaryFor(t, name)
	}
	if oneIn(t, 6, "undeclared") {
		p["CANARY-name"] = "CANARY-undeclared"
	}
	if oneIn(t, 6, "wrong kind") && len(p) > 0 {
		p[pick(t, "of which", sortedKeys(p)...)] = pick[any](t, "wrong", tree{"CANARY": 1}, []string{"CANARY-1"}, "CANARY", number("27182818.5"))
	}
	c.context["reason"], c.context["site"] = prose+strings.Join(quoted(valueOf(p)), ", "), "CANARY-site"
	c.attributes["kind"] = "CANARY-kind"
}

// prose is what an agent writes by itself: its approvers read it, nobody else.
const prose = "PROSE of the agent, quoting "

// quoted are the texts in a value, as an agent may repeat them in its reason.
func quoted(v strictjson.Value) []string {
	var out []string
	for _, item := range v.Items() {
		out = append(out, quoted(item)...)
	}
	for _, m := range v.Members() {
		out = append(out, quoted(m.Value)...)
	}
	if v.Text() != "" {
		out = append(out, v.Text())
	}
	return out
}

func canaryFor(t *rapid.T, name string) any {
	switch name {
	case "amount":
		return pick[any](t, "amount canary", number("271828.18"), "271828.18")
	case "qty":
		return pick[any](t, "qty canary", 27182818, "27182818")
	case "currency", "flag", "ledger":
		return map[string]any{"currency": "EUR", "flag": true, "ledger": "GL-1"}[name]
	case "due":
		return "2031-03-17T11:22:33Z"
	case "tags":
		return []string{"CANARY-tag-0000"}
	case "items":
		return tree{"total": 314159265, "list": []any{"CANARY-item-0000", 314159265, tree{"CANARY-key": []any{"CANARY-deep-0000"}}}}
	case "line":
		return pick(t, "line canary", "az vm list --tags CANARY-0000", `echo "$CANARY"`, "git push CANARY 'unbalanced", "curl -H 'Authorization: Bearer CANARY0000' https://x.example", "CANARY --run")
	case "target":
		return pick(t, "target canary", "https://CANARY.example/CANARY?CANARY=0000", "ftp://CANARY", "https://user:CANARY@x.example/", "https://x.example/CANARY%zz")
	default:
		return "CANARY-" + name + "-0000"
	}
}

func sortedKeys(m tree) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return sortedCopy(out)
}

// coverAll adds a rule to each pack that masks everything a caller sends.
func coverAll(t *rapid.T, w *world, match tree, when string) {
	declared := []string{}
	for name := range spellings {
		declared = append(declared, "parameters."+name)
	}
	for _, p := range w.packs {
		masks := []any{}
		for _, path := range pick(t, "paths", []string{"parameters.*"}, []string{"parameters.**"}, sortedCopy(declared)) {
			masks = append(masks, tree{"path": path, "method": pick(t, "method", "redact", "last4", "hash", "remove")})
		}
		r := tree{"id": "cover", "effect": "MASK", "match": match, "mask": masks}
		if when != "" {
			r["when"] = when
		}
		p["classification"] = append(p["classification"].([]any), r)
	}
}

// leaks are the canaries in a decision, its trace included. What the approval
// store freezes is the call itself and not looked at.
func leaks(d policy.Decision) []string {
	all := text(undigested(d))
	var out []string
	if d.Asked != nil {
		all = strings.ReplaceAll(all, strconv.Quote(d.Asked.Said), strconv.Quote(strings.Replace(d.Asked.Said, prose, "", 1)))
	}
	if strings.Contains(all, prose) {
		out = append(out, prose)
	}
	for _, c := range canaries {
		if strings.Contains(all, c) {
			out = append(out, c)
		}
	}
	return out
}

// T56, 5.3, 11.2: no part of a decision holds a value under a mask, whatever
// the outcome; free text and attributes are nowhere either.
func TestMaskedValuesAreNowhereInADecision(t *testing.T) {
	t.Parallel()
	seen := map[policy.Outcome]bool{}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, taste{})
		coverAll(t, w, tree{}, "")
		set := w.load(t)
		for range 5 {
			c := drawCall(t, w)
			plant(t, c)
			d := set.Decide(c.input(), true)
			seen[d.Outcome] = true
			if found := leaks(d); found != nil {
				t.Fatalf("%s holds %v: %s", short(d), found, text(d))
			}
		}
	})
	for o := policy.Deny; o < policy.Allow; o++ {
		if !seen[o] {
			t.Errorf("no generated call gets %s", o)
		}
	}
}

// 11.2: what ends before stage 2 is masked by every mask that any rule in
// effect names for the action, whatever its match on the request and its when.
func TestEarlyDenialsAreMaskedByRulesThatDidNotMatch(t *testing.T) {
	t.Parallel()
	early := map[policy.Code]bool{}
	for _, code := range []policy.Code{
		policy.PolicyStale, policy.SuspendedCode, policy.AgentUnknown, policy.AgentCaller, policy.UserRequired, policy.UserUnverified, policy.ActionUnknown,
		policy.ActionNotExposed, policy.ResourceMismatch, policy.ParameterInvalid, policy.ParameterPinned, policy.TenantBoundary, policy.GuardrailDenied,
		policy.IsolationDenied, policy.ResidencyDenied, policy.EgressDenied,
	} {
		early[code] = true
	}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, taste{})
		coverAll(t, w, tree{"classifications": []string{"Restricted"}, "regions": []string{"US"}}, `context.site == "never"`)
		set := w.load(t)
		for range 5 {
			c := drawCall(t, w)
			plant(t, c)
			c.resource["classification"], c.resource["region"] = "Public", "EU"
			c.action = pick(t, "known or not", c.action, c.action, c.action, "Unheard-of")
			c.resource["type"] = pick(t, "type", "", "", "Elsewhere")
			in := c.input()
			in.Stale = oneIn(t, 10, "stale")
			if d := set.Decide(in, true); early[d.Code] {
				if found := leaks(d); found != nil {
					t.Fatalf("%s holds %v: %s", short(d), found, text(d))
				}
			}
		}
	})
}
