package policy_test

import (
	"go/parser"
	"go/token"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// finPack is the fixture FIN of the field reports, with keys replaced or added,
// each as `"name": value`.
func finPack(more ...string) string {
	base := []string{
		`"pack": "fin"`,
		`"roles": [{"id": "FinanceAnalyst", "members": ["user:ana@contoso.com"]}, {"id": "FinanceManager", "members": ["user:mia@contoso.com", "user:omar@contoso.com"]}]`,
		`"agents": [{"id": "fin-agent", "actions": ["CreatePO"], "users": ["asserted"]}]`,
		`"actions": [{"id": "CreatePO", "resource": "PurchaseOrder", "creates": true, "pin": {"ledger": "GL-100"}, "parameters": {
			"amount": {"type": "decimal", "scale": 2, "required": true}, "currency": {"type": "string", "enum": ["EUR", "USD"], "required": true},
			"quantity": {"type": "integer"}, "iban": {"type": "string"}, "payee": {"type": "string"}, "ledger": {"type": "string"}}}]`,
		`"entitlements": [{"id": "analyst", "roles": ["FinanceAnalyst"], "limit": {"parameter": "amount", "by": "currency", "max": {"EUR": "50000"}}}]`,
		`"approvals": [{"id": "over", "on": ["overLimit"], "approvers": ["role:FinanceManager"], "quorum": 1}]`,
	}
	return smallPack(append(base, more...)...)
}

// po is a purchase order of the fixture with the amount as it is written and
// more members of parameters.
func po(amount string, more ...string) string {
	return `{"agentId": "fin-agent", "action": "CreatePO", "resource": {"id": "PO-1"}, "parameters": {"currency": "EUR", "amount": ` + amount +
		strings.Join(append([]string{""}, more...), ", ") + `}}`
}

// FR10, FR11, FR12, FR14: what a rule does with a fact that nobody sent, or
// that is not what it must be.
func TestFieldReportsOfConditions(t *testing.T) {
	const closed = "DENY isolation.denied"
	isolation := func(when string) string { return `"isolation": [{"id": "i", "when": ` + jsonText(when) + `}]` }
	entitlement := func(when string) string {
		return `"entitlements": [{"id": "e", "roles": ["*"], "when": ` + jsonText(when) + `}]`
	}
	threshold := func(bounds string) string {
		return `"thresholds": [{"id": "t", "value": "context.riskScore", ` + bounds + `}], "approvals": [{"id": "a", "on": ["ask"], "approvers": ["user:mia@contoso.com"]}]`
	}
	const both = `"askAbove": "60", "denyAbove": "90"`
	for _, c := range []struct{ id, rules, facts, want string }{
		{"FR10", isolation(`parameters.contentHash != "sha256:abc"`), `"parameters": {}`, closed},
		{"FR10", isolation(`parameters.contentHash != "sha256:abc"`), `"parameters": {"contentHash": "sha256:abc"}`, allowed},
		{"FR10", entitlement(`!(parameters.region in ["US"])`), `"parameters": {}`, unentitled},
		{"FR10", entitlement(`!(parameters.region in ["US"])`), `"parameters": {"region": "EU"}`, allowed},
		{"FR10", isolation(`resource.attributes.a.b != "x"`), `"resource": {"attributes": {"a": {}}}`, closed},
		{"FR10", isolation(`resource.attributes.a.b != "x"`), `"resource": {"attributes": {}}`, closed},
		{"FR10", entitlement(`resource.attributes.a.b != "x"`), `"resource": {"attributes": {"a": 5}}`, unentitled},
		{"FR11", isolation(`resource.attributes.flag`), `"resource": {"attributes": {"flag": "yes"}}`, closed},
		{"FR11", isolation(`resource.attributes.flag`), `"resource": {"attributes": {"flag": false}}`, allowed},
		{"FR11", entitlement(`resource.attributes.flag`), `"resource": {"attributes": {"flag": "yes"}}`, unentitled},
		{"FR11", entitlement(`resource.attributes.flag`), `"resource": {"attributes": {"flag": true}}`, allowed},
		{"FR12", threshold(both), `"context": {}`, "DENY threshold.denied"},
		{"FR12", threshold(both), `"context": {"riskScore": "12"}`, "DENY threshold.denied"},
		{"FR12", threshold(both), `"context": {"riskScore": null}`, "DENY threshold.denied"},
		{"FR12", threshold(both), `"context": {"riskScore": 0}`, allowed},
		{"FR12", threshold(both), `"context": {"riskScore": 60}`, allowed},
		{"FR12", threshold(both), `"context": {"riskScore": 60.0001}`, asked},
		{"FR12", threshold(both + `, "absent": "ask"`), `"context": {}`, asked},
		{"FR12", threshold(`"askAbove": "60"`), `"context": {}`, asked},
		{"FR12", threshold(`"denyAbove": "90"`), `"context": {}`, "DENY threshold.denied"},
		{"FR12", threshold(`"denyAbove": "90"`), `"context": {"riskScore": 90}`, allowed},
	} {
		set := load(t, smallPack(`"actions": [{"id": "Read", "resource": "File", "creates": true, "parameters": {"contentHash": {"type": "string"}, "region": {"type": "string"}}}]`, c.rules))
		if got := short(ask(t, set, "ana", `{"agentId": "agent", "action": "Read", `+c.facts+`}`)); got != c.want {
			t.Errorf("%s: Decide with %s = %s, want %s (%s)", c.id, c.facts, got, c.want, c.rules)
		}
	}
}

// FR11: a constant that is no condition refuses the pack and names the rule.
func TestFieldReportFR11RefusesAConstant(t *testing.T) {
	_, findings := policy.Load(documents(smallPack(`"isolation": [{"id": "typo", "when": "\"Submit order\""}]`)), policy.LoadOptions{})
	i := slices.IndexFunc(findings, func(f policy.Finding) bool { return f.Check == "cel.type" })
	if i < 0 || findings[i].Rule != "p/typo" || !strings.Contains(findings[i].Message, "string") {
		t.Errorf("FR11: Load of a text as a condition = %v, want cel.type for p/typo that names the type", findings)
	}
}

// FR13: a number is refused by its form, before anything is built from it.
func TestFieldReportFR13(t *testing.T) {
	for text, pointer := range map[string]string{
		`{"parameters": {"amount": 10245423601e680507880}}`:                          "/parameters/amount",
		`{"context": {"riskScore": 1e680507880}}`:                                    "/context/riskScore",
		`{"context": {"deep": [0, 1E-680507880]}}`:                                   "/context/deep/1",
		`{"parameters": {"amount": ` + strings.Repeat("9", 400) + `}}`:               "/parameters/amount",
		`{"parameters": {"amount": 0.` + strings.Repeat("0", 4000) + `1e999999999}}`: "/parameters/amount",
	} {
		bytes := allocated(func() {
			_, err := strictjson.Parse([]byte(text), strictjson.Limits{})
			if e, ok := err.(*strictjson.Error); !ok || e.Pointer != pointer { //nolint:errorlint // Parse documents an *Error
				t.Errorf("FR13: Parse(%.60s) = %v, want an error at %s", text, err, pointer)
			}
		})
		if bytes > 1<<20 {
			t.Errorf("FR13: Parse(%.60s) allocates %d bytes, want at most 1 MiB", text, bytes)
		}
	}
	set := load(t, finPack())
	for _, amount := range []string{`"10245423601e680507880"`, `"` + strings.Repeat("9", 5000) + `"`, `"1e5"`, "1e5", "70000E0"} {
		if got := short(ask(t, set, "ana", po(amount))); got != invalid {
			t.Errorf("FR13: Decide of an amount of %.40s = %s, want %s", amount, got, invalid)
		}
	}
	got := refusals(finPack(`"entitlements": [{"id": "analyst", "roles": ["FinanceAnalyst"], "limit": {"parameter": "amount", "max": "1e680507880"}}]`))
	if !slices.Equal(got, []string{"decimal"}) {
		t.Errorf("FR13: Load with a limit of 1e680507880 = %v, want decimal", got)
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FR14: office hours in a named zone, on clock-change nights and again when an
// approval is used.
func TestFieldReportFR14(t *testing.T) {
	set := load(t, smallPack(`"entitlements": [{"id": "e", "roles": ["*"], "when": "now.getHours(\"Europe/Vienna\") >= 8 && now.getHours(\"Europe/Vienna\") < 18"}]`,
		`"approvals": [{"id": "a", "on": ["always"], "approvers": ["user:mia@contoso.com"]}]`))
	for _, c := range []struct {
		at   string
		mia  bool
		want string
	}{
		{"2026-07-01T06:30:00Z", false, asked},
		{"2026-01-15T06:30:00Z", false, unentitled},
		{"2026-03-29T00:30:00Z", false, unentitled},
		{"2026-03-29T01:30:00Z", false, unentitled},
		{"2026-03-29T06:00:00Z", false, asked},
		{"2026-01-15T16:59:59Z", true, "ALLOW ok.approved"},
		{"2026-01-15T17:10:00Z", true, unentitled},
	} {
		in := inputOf(t, "ana", readRequest)
		in.Now, _ = time.Parse(time.RFC3339, c.at)
		if c.mia {
			in.Approval = policy.Approval{State: policy.ApprovalOpen, Votes: map[string][]policy.User{"p/a": {people["mia"]}}}
		}
		if got := short(set.Decide(in, false)); got != c.want {
			t.Errorf("FR14: Decide at %s = %s, want %s", c.at, got, c.want)
		}
	}
	for name, pack := range map[string]string{
		"a condition": smallPack(`"isolation": [{"id": "i", "when": "now.getHours(\"Europe/Viena\") > 18"}]`),
		"timeZone":    smallPack(`"timeZone": "Europe/Viena"`),
	} {
		if got := refusals(pack); !slices.Equal(got, []string{"timezone"}) {
			t.Errorf("FR14: Load with Europe/Viena in %s = %v, want timezone", name, got)
		}
	}
}

// FR14: the program carries its zones, for machines that have none.
func TestFieldReportFR14ZonesAreEmbedded(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			if i.Path.Value == `"time/tzdata"` {
				return
			}
		}
	}
	t.Error("no file of the package imports time/tzdata, want the zones in the program")
}

// FR16, FR19: numbers as flows write them, and amounts formatted for people.
func TestFieldReportsOfNumbers(t *testing.T) {
	set := load(t, finPack())
	for _, c := range []struct{ id, request, want, effective string }{
		{"FR16", po("10", `"quantity": 1.0`), allowed, `{"amount":10,"currency":"EUR","ledger":"GL-100","quantity":1}`},
		{"FR16", po("10", `"quantity": 28.00`), allowed, `{"amount":10,"currency":"EUR","ledger":"GL-100","quantity":28}`},
		{"FR16", po("10", `"quantity": "28"`), allowed, `{"amount":10,"currency":"EUR","ledger":"GL-100","quantity":"28"}`},
		{"FR16", po("10", `"quantity": 1.5`), invalid, `{}`},
		{"FR16", po("10", `"quantity": "1.0"`), invalid, `{}`},
		{"FR16", po("10", `"quantity": 1e0`), invalid, `{}`},
		{"FR16", po("10", `"quantity": true`), invalid, `{}`},
		{"FR19", po(`"1.234,56"`), invalid, `{}`},
		{"FR19", po(`"1,234.56"`), invalid, `{}`},
		{"FR19", po(`"$3.14"`), invalid, `{}`},
		{"FR19", po(`"3.14 €"`), invalid, `{}`},
		{"FR19", po(`" 70000"`), invalid, `{}`},
		{"FR19", po(`"+5"`), invalid, `{}`},
		{"FR19", po(`"１０"`), invalid, `{}`},
		{"FR19", po(`"50.000"`), invalid, `{}`},
		{"FR19", po(`"50.00"`), allowed, `{"amount":"50","currency":"EUR","ledger":"GL-100"}`},
		{"FR19", po(`50.000`), allowed, `{"amount":50,"currency":"EUR","ledger":"GL-100"}`},
	} {
		d := ask(t, set, "ana", c.request)
		if got := short(d); got != c.want || text(d.Effective) != c.effective {
			t.Errorf("%s: Decide(%s) = %s %s, want %s %s", c.id, c.request, got, text(d.Effective), c.want, c.effective)
		}
	}
	for _, pair := range [][2]string{{po("70000.0"), po("70000")}, {po("10", `"quantity": 1.0`), po(`"10.00"`, `"quantity": "1"`)}} {
		if a, b := ask(t, set, "ana", pair[0]).Digest, ask(t, set, "ana", pair[1]).Digest; a != b || a == "" {
			t.Errorf("FR16: the digests of %s and %s = %s and %s, want equal ones", pair[0], pair[1], a, b)
		}
	}
}

// FR19: the refusal names parameter and bound, never the value.
func TestFieldReportFR19Reason(t *testing.T) {
	d := ask(t, load(t, finPack()), "ana", po(`"50.000"`))
	if !strings.Contains(d.Reason, `"amount"`) || !strings.Contains(d.Reason, "3 fraction digits, at most 2") || strings.Contains(d.Reason, "50") {
		t.Errorf("FR19: reason = %q, want the parameter and its bound without the value", d.Reason)
	}
}
