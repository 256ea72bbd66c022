package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// approvals.md: a command of several is shown whole, with its count; what
// cannot be read for certain is not taken apart. Masks and redaction hold.
func TestAskedItems(t *testing.T) {
	const always = `{"id": "look", "on": ["always"], "approvers": ["user:mia@contoso.com"]}`
	pack := func(masks string) string {
		return `{"schema": 1, "pack": "ops", "version": 1, "environment": "dev", "tenants": ["` + tenantOne + `"],
			"classifications": ["Internal"], "defaultClassification": "Internal", "roles": [{"id": "Op", "members": ["user:ana@contoso.com"]}],
			"agents": [{"id": "bot", "actions": ["run"], "callers": ["app:aaaaaaaa-0000-4000-8000-000000000001"]}],
			"actions": [{"id": "run", "resource": "Host", "creates": true, "parameters": {"line": {"type": "command"}, "hosts": {"type": "strings"}}}],
			"classification": [` + masks + `], "entitlements": [{"id": "may", "roles": ["Op"]}], "approvals": [` + always + `]}`
	}
	for _, c := range []struct {
		name, masks, parameters string
		lineItems, hosts        []string
	}{
		{"several commands", "", `{"line": "cat a | grep 'b; c' && id", "hosts": ["x", "y"]}`, []string{"cat a", "grep 'b; c'", "id"}, []string{"x", "y"}},
		{"one command", "", `{"line": "id"}`, nil, nil},
		{"opaque", "", `{"line": "echo $(id); ls"}`, nil, nil},
		{"secrets redacted", "", `{"line": "curl -u bob:CANARY https://x.example; id"}`, []string{"curl -u 'bob:***' https://x.example", "id"}, nil},
		{
			"masked", `{"id": "m", "effect": "MASK", "mask": [{"path": "parameters.line", "method": "redact"}, {"path": "parameters.hosts", "method": "last4"}]}`,
			`{"line": "cat CANARY; id", "hosts": ["CANARY.example.org"]}`, nil,
			[]string{"****.org"},
		},
	} {
		d := ask(t, load(t, pack(c.masks)), "ana", `{"agentId": "bot", "action": "run", "resource": {"id": "h"}, "parameters": `+c.parameters+`}`)
		if d.Asked == nil {
			t.Fatalf("%s: %s %s, want to be asked", c.name, d.Code, d.Reason)
		}
		for _, f := range d.Asked.Facts {
			want := c.lineItems
			if f.Label == "hosts" {
				want = c.hosts
			}
			if diff := cmp.Diff(want, f.Items); diff != "" || f.Command != (f.Label == "line") {
				t.Errorf("%s: items of %s, command %t (-want +got):\n%s", c.name, f.Label, f.Command, diff)
			}
		}
	}
}
