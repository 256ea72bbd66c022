package policy_test

import (
	"slices"
	"testing"

	"github.com/authorization-fabric/fabric/policy"
)

// Every allow guardrail that was looked at is in the trace, also one that does
// not hold.
func TestTraceOfAllowsThatDoNotHold(t *testing.T) {
	const actions = `"actions": [{"id": "Read", "resource": "File", "creates": true, "parameters": {"line": {"type": "command"}}}]`
	const rules = `"entitlements": [], "guardrails": [
		{"id": "list", "effect": "allow", "roles": ["*"], "tools": ["Read(ls *)", "Read(dir *)"]},
		{"id": "show", "effect": "allow", "roles": ["*"], "tools": ["Read(cat *)"]},
		{"id": "lead", "effect": "allow", "roles": ["Lead"], "tools": ["Read(ls *)"]},
		{"id": "later", "effect": "allow", "roles": ["*"], "tools": ["Read(ls *)"], "from": "2027-01-01T00:00:00Z"}]`
	set := load(t, smallPack(actions, `"roles": [{"id": "Lead"}]`, rules))
	const barred, opaque = "an assignment at column 1", "a variable at column 4: write the literal"
	for _, c := range []struct {
		line       string
		list, show policy.TraceLine
	}{
		{`"ls /srv"`, policy.TraceLine{Result: "allows"}, policy.TraceLine{Result: "not matched"}},
		{`"rm /srv"`, policy.TraceLine{Result: "not matched"}, policy.TraceLine{Result: "not matched"}},
		{`"A=1 ls /srv"`, policy.TraceLine{Result: "not matched", Detail: barred}, policy.TraceLine{Result: "not matched", Detail: barred}},
		{`"ls $HOME"`, policy.TraceLine{Result: "not matched", Detail: opaque}, policy.TraceLine{Result: "not matched", Detail: opaque}},
		{`null`, policy.TraceLine{Result: "not matched"}, policy.TraceLine{Result: "not matched"}},
	} {
		d := ask(t, set, "ana", `{"agentId": "agent", "action": "Read", "parameters": {"line": `+c.line+`}}`)
		for id, want := range map[string]policy.TraceLine{"list": c.list, "show": c.show, "lead": {Result: "not matched"}, "later": {Result: "not matched"}} {
			want.Stage, want.Rule = "isolation", "p/"+id
			var got []policy.TraceLine
			for _, l := range d.Trace {
				if l.Rule == want.Rule {
					got = append(got, l)
				}
			}
			if !slices.Equal(got, []policy.TraceLine{want}) {
				t.Errorf("trace of %s for %s = %+v, want %+v once", want.Rule, c.line, got, want)
			}
		}
	}
}
