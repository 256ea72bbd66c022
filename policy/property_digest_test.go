package policy_test

import (
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/policy"
)

// spellings are other ways to write a value of a parameter of generated packs;
// all are the same value to the declaration.
var spellings = map[string][][]any{
	"amount": {
		{number("10"), "10", "10.00", number("10.0000"), "10.0"},
		{number("0.5"), "0.5", "0.50", number("0.50")},
		{"0", number("-0"), "-0", "0.00", number("0.0"), "-0.0"},
		{"999999.99", number("999999.990")},
		{"-3.1", number("-3.10")},
	},
	"qty":    {{number("3"), number("3.0"), "3", number("3.000")}, {"-7", number("-7.0")}, {number("0"), "0", "-0", number("-0.0")}},
	"due":    {{"2026-06-02T00:00:00Z", "2026-06-02T02:00:00+02:00", "2026-06-01t23:30:00.000-00:30", "2026-06-02T00:00:00z"}, {"2026-06-02T00:00:00.120Z", "2026-06-02T00:00:00.12-00:00"}},
	"target": {{"https://www.contoso.com/", "HTTPS://WWW.Contoso.com.:443", "https://www.contoso.com/a/../"}, {"https://x.example/a%2Fb?q=%c3%a9", "https://x.example:443/./a%2fb?q=%C3%A9"}},
	"items": {
		{tree{"n": number("1.0"), "s": "x"}, tree{"s": "x", "n": 1}}, {[]any{nil, number("0.5")}, []any{nil, number("0.50")}},
	},
	"iban": {{"DE89"}, {"de89"}}, "vendor": {{"V-1"}, {"V-2"}, {""}}, "flag": {{true}, {false}}, "tags": {{[]string{}}, {[]string{"a", "b"}}, {[]string{"b", "a"}}},
	"currency": {{"EUR"}, {"USD"}}, "ledger": {{"GL-1"}}, "line": {{"az vm list"}, {"az  vm list"}, {"az vm 'list'"}},
}

// drawSpellings draws a call whose every parameter has a value with several
// spellings, and the classes they were drawn from.
func drawSpellings(t *rapid.T, w *world) (*call, map[string][]any) {
	c := drawCall(t, w)
	c.approval, c.resource["tenantId"] = policy.Approval{}, pick(t, "tenant", "", tenantOne)
	classes := map[string][]any{}
	for name := range c.parameters {
		if _, known := spellings[name]; !known {
			delete(c.parameters, name)
		}
	}
	for _, name := range sortedKeys(c.parameters) {
		classes[name] = pick(t, "class of "+name, spellings[name]...)
		c.parameters[name] = pick(t, "spelling of "+name, classes[name]...)
	}
	return c, classes
}

// respelled writes the same call in another way.
func respelled(t *rapid.T, w *world, c *call, classes map[string][]any) *call {
	own := c.clone()
	for _, name := range sortedKeys(c.parameters) {
		own.parameters[name] = pick(t, "again "+name, classes[name]...)
	}
	if oneIn(t, 2, "null parameter") {
		own.parameters["nothing"] = nil
	}
	if oneIn(t, 2, "null attribute") {
		own.attributes["nothing"] = nil
	}
	if own.resource["tenantId"] == "" {
		own.resource["tenantId"] = pick(t, "own tenant", "", tenantOne)
	}
	own.resource["type"] = pick(t, "own type", "", resourceOf(c.action))
	if oneIn(t, 2, "upper case") {
		s := &own.subject
		s.Tenant, s.User.ID, s.User.UPN = strings.ToUpper(s.Tenant), strings.ToUpper(s.User.ID), strings.ToUpper(s.User.UPN)
	}
	if own.subject.Identity == policy.Verified {
		own.subject.User.UPN = pick(t, "verified UPN", "", own.subject.User.UPN, "renamed@contoso.com")
	}
	spellFacts(t, w, own)
	own.context = tree{"reason": "context is not part of a call"}
	return own
}

func resourceOf(action string) string {
	return map[string]string{"Pay": "Order", "Run": "Host", "Post": "Page"}[action[:strings.Index(action, "-")]]
}

// spellFacts states what the pack fills in, or leaves out what it would fill in.
func spellFacts(t *rapid.T, w *world, c *call) {
	p, a := declarationOf(w, c.action)
	effective := c.resource["classification"]
	if effective == "" {
		effective, _ = p["defaultClassification"].(string)
	}
	if floor, ok := a["classification"].(string); ok && rank(effective) >= 0 && rank(effective) < rank(floor) || effective == "" && ok {
		effective = floor
	}
	if oneIn(t, 2, "effective label") && effective != "" {
		c.resource["classification"] = effective
	}
	if attested, ok := a["attested"].(tree); ok && c.resource["region"] == "" && oneIn(t, 2, "attested region") {
		c.resource["region"] = attested["region"].(string)
	}
	if pin, ok := a["pin"].(tree); ok {
		if _, sent := c.parameters["ledger"]; sent && oneIn(t, 2, "pinned") {
			delete(c.parameters, "ledger")
		} else if !sent {
			maps.Copy(c.parameters, pin)
		}
	}
}

func rank(label string) int {
	for i, l := range labels {
		if l == label {
			return i
		}
	}
	return -1
}

func declarationOf(w *world, action string) (pack, declaration tree) {
	for _, p := range w.packs {
		for _, a := range p["actions"].([]any) {
			if a.(tree)["id"] == action {
				return p, a.(tree)
			}
		}
	}
	return nil, nil
}

// openWorld is a world without rules that deny, so that every call has a digest.
func openWorld(t *rapid.T) *world {
	w := drawWorld(t, taste{})
	for _, p := range w.packs {
		p["agents"].([]any)[0].(tree)["users"] = []string{"asserted", "none"}
	}
	return w
}

func normalized(c *call) *policy.Input {
	in := c.input()
	in.Request.Resource.Attributes = in.Request.Resource.Attributes.WithoutNullMembers()
	return in
}

// 2.9: equal calls have equal digests, however they were written.
func TestEqualCallsHaveEqualDigests(t *testing.T) {
	t.Parallel()
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		w := openWorld(t)
		set := w.load(t)
		for range 4 {
			c, classes := drawSpellings(t, w)
			again := respelled(t, w, c, classes)
			want, got := set.Decide(normalized(c), false), set.Decide(normalized(again), false)
			if want.Digest == "" && got.Digest == "" {
				continue
			}
			compared++
			if got.Digest != want.Digest {
				t.Fatalf("the digests of %s (%s) and %s (%s) differ", text(c.input().Request), short(want), text(again.input().Request), short(got))
			}
		}
	})
	if compared == 0 {
		t.Error("no generated call has a digest")
	}
}

// 2.9, T19: different calls never have equal digests: any one field changed
// changes it.
func TestAnyChangedFieldChangesTheDigest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := openWorld(t)
		set := w.load(t)
		for range 3 {
			c, classes := drawSpellings(t, w)
			want := set.Decide(normalized(c), false).Digest
			if want == "" {
				continue
			}
			for name, changed := range drawChanges(t, c, classes) {
				if d := set.Decide(normalized(changed), false); d.Digest == want {
					t.Fatalf("%s changed, and the digest is the same: %s and %s", name, text(c.input().Request), text(changed.input().Request))
				}
			}
		}
	})
}

// drawChanges are calls that differ from c in one field.
func drawChanges(t *rapid.T, c *call, classes map[string][]any) map[string]*call {
	out := map[string]*call{}
	change := func(name string, f func(own *call)) {
		own := c.clone()
		f(own)
		out[name] = own
	}
	for _, name := range sortedKeys(c.parameters) {
		others := [][]any{}
		for _, class := range spellings[name] {
			if text(class) != text(classes[name]) {
				others = append(others, class)
			}
		}
		if len(others) > 0 {
			change(name, func(own *call) { own.parameters[name] = pick(t, "other "+name, others...)[0] })
		}
		if name != "ledger" {
			change("no "+name, func(own *call) { delete(own.parameters, name) })
		}
	}
	change("id", func(own *call) { own.resource["id"] += "x" })
	change("region", func(own *call) { own.resource["region"] = "PLUTO" })
	change("classification", func(own *call) { own.resource["classification"] = "Unlisted" })
	change("tenant of the resource", func(own *call) { own.resource["tenantId"] = tenantTwo })
	change("attribute", func(own *call) { own.attributes["more"] = 1 })
	change("attribute's case", func(own *call) { own.attributes["Kind"] = own.attributes["kind"]; own.attributes["kind"] = "other" })
	switch c.subject.Identity {
	case policy.None:
		change("a user", func(own *call) { own.subject.Identity, own.subject.User = policy.Asserted, people["nora"] })
	case policy.Verified:
		change("user", func(own *call) { own.subject.User.ID = oid(7) })
	case policy.Asserted:
		change("user's id", func(own *call) { own.subject.User.ID = oid(7) })
		change("user's UPN", func(own *call) { own.subject.User.UPN = "zoe@contoso.com" })
	}
	return out
}
