package authorize_test

import (
	"strings"
	"sync"

	"github.com/authorization-fabric/fabric/policy"
)

// financePack has a way to every outcome. Its CreatePO is always masked, each
// place by another method.
const financePack = `{
"schema": 1, "pack": "finance", "version": 1, "environment": "dev", "timeZone": "Europe/Berlin", "tenants": ["` + tenant + `"],
"classifications": ["Internal", "Confidential", "Restricted"], "defaultClassification": "Internal",
"regions": ["EU", "US"], "risks": ["low", "high"], "channels": ["teams"],
"roles": [
  {"id": "Analyst", "members": ["user:ana@contoso.com", "oid:` + anaID + `", "user:bob@contoso.com", "group:` + analysts + `"]},
  {"id": "Manager", "members": ["user:mia@contoso.com", "oid:` + miaID + `", "user:max@contoso.com"]},
  {"id": "Robot", "members": ["agent:robot"]}],
"agents": [
  {"id": "finance-agent", "actions": ["CreatePO", "ViewVendor", "Refund"], "users": ["verified", "asserted"], "callers": ["app:` + flow + `", "app:` + otherFlow + `"]},
  {"id": "second-agent", "actions": ["CreatePO", "ViewVendor"], "users": ["verified", "asserted"], "callers": ["app:` + flow + `"]},
  {"id": "careful-agent", "actions": ["CreatePO"], "users": ["verified"], "callers": ["app:` + flow + `"]},
  {"id": "robot", "actions": ["CreatePO"], "users": ["none"], "callers": ["app:` + flow + `"]}],
"actions": [
  {"id": "CreatePO", "title": "Create purchase order", "resource": "PurchaseOrder", "creates": true,
   "parameters": {
     "amount": {"type": "decimal", "required": true, "scale": 2, "label": "Amount"}, "currency": {"type": "string", "required": true, "enum": ["EUR", "USD"]},
     "pin": {"type": "string"}, "card": {"type": "string"}, "token": {"type": "string"}, "gone": {"type": "string"}, "payload": {"type": "json"},
     "ledger": {"type": "string"}},
   "pin": {"ledger": "GL-100"}},
  {"id": "ViewVendor", "resource": "Vendor", "parameters": {"iban": {"type": "string"}}},
  {"id": "Refund", "resource": "PurchaseOrder", "parameters": {"amount": {"type": "decimal", "required": true, "scale": 2}}}],
"isolation": [{"id": "eu-only", "match": {"actions": ["CreatePO", "ViewVendor", "Refund"]}, "allowedRegions": ["EU"], "advice": "Use the other region's system."}],
"classification": [
  {"id": "hide", "match": {"actions": ["CreatePO"]}, "effect": "MASK", "mask": [
    {"path": "parameters.pin", "method": "redact"}, {"path": "parameters.card", "method": "last4"},
    {"path": "parameters.token", "method": "hash"}, {"path": "parameters.gone", "method": "remove"},
    {"path": "parameters.payload.**.iban", "method": "redact"}, {"path": "output.**.iban", "method": "last4"}]},
  {"id": "hide-iban", "match": {"actions": ["ViewVendor"], "classifications": ["Confidential"]}, "effect": "MASK", "mask": [
    {"path": "parameters.iban", "method": "last4"}]},
  {"id": "nothing-restricted", "match": {"classifications": ["Restricted"]}, "effect": "DENY"}],
"entitlements": [
  {"id": "po-analyst", "roles": ["Analyst", "Robot"], "match": {"actions": ["CreatePO"]}, "limit": {"parameter": "amount", "max": "50000"}},
  {"id": "refund", "roles": ["Analyst"], "match": {"actions": ["Refund"]}, "limit": {"parameter": "amount", "max": "10"}},
  {"id": "view", "roles": ["Analyst"], "match": {"actions": ["ViewVendor"]}}],
"thresholds": [{"id": "risk", "match": {"actions": ["CreatePO"]}, "value": "context.riskScore", "askAbove": "70", "denyAbove": "90"}],
"approvals": [
  {"id": "over", "match": {"actions": ["CreatePO"]}, "on": ["overLimit"], "approvers": ["role:Manager"], "advice": "A manager decides."},
  {"id": "review", "match": {"actions": ["CreatePO"]}, "on": ["ask:risk"], "approvers": ["role:Manager"]}]
}`

// opsPack has commands: what may run, what asks, and what asks in vain.
const opsPack = `{
"schema": 1, "pack": "ops", "version": 3, "environment": "dev", "tenants": ["` + tenant + `"],
"classifications": ["Internal"], "defaultClassification": "Internal",
"roles": [{"id": "Lead", "members": ["user:mia@contoso.com"]}],
"agents": [{"id": "ops-agent", "actions": ["bash"], "users": ["verified", "asserted"], "callers": ["app:` + flow + `"]}],
"actions": [{"id": "bash", "resource": "Host", "parameters": {"command": {"type": "command", "required": true, "label": "Command"}}}],
"guardrails": [
  {"id": "no-rm", "effect": "deny", "tools": ["bash(rm *)"], "advice": "Ask the platform team."},
  {"id": "restart", "effect": "ask", "tools": ["bash(systemctl *)"]},
  {"id": "halt", "effect": "ask", "tools": ["bash(halt *)"]},
  {"id": "may", "effect": "allow", "roles": ["*"], "tools": ["bash(curl *)", "bash(systemctl *)", "bash(halt *)"]}],
"approvals": [{"id": "lead", "match": {"actions": ["bash"]}, "on": ["ask:restart"], "approvers": ["role:Lead"]}]
}`

// load compiles packs of this environment.
func load(t tester, packs ...string) *policy.Set {
	t.Helper()
	set, err := compile(packs...)
	if set == nil {
		t.Fatalf("Load = %s", err)
	}
	return set
}

func compile(packs ...string) (*policy.Set, string) {
	var docs []policy.Document
	for _, text := range packs {
		docs = append(docs, policy.Document{Name: "pack.json", Text: []byte(text)})
	}
	set, findings := policy.Load(docs, policy.LoadOptions{Environment: "dev"})
	var problems []string
	for _, f := range findings {
		problems = append(problems, f.String())
	}
	return set, strings.Join(problems, "; ")
}

// bothPacks are compiled once: a set is immutable.
var bothPacks = sync.OnceValues(func() (*policy.Set, string) { return compile(financePack, opsPack) })

// changed is the finance pack with pairs of texts replaced.
func changed(t tester, pairs ...string) *policy.Set {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(financePack, pairs[i]) {
			t.Fatalf("the pack does not hold %q", pairs[i])
		}
	}
	return load(t, strings.NewReplacer(pairs...).Replace(financePack), opsPack)
}
