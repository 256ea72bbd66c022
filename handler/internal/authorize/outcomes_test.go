package authorize_test

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// outcome is a call and what comes of it.
type outcome struct {
	name    string
	by      identity.Principal
	request authorize.Request
	want    policy.Outcome
	code    policy.Code
}

// outcomes end in every stage.
func outcomes() []outcome {
	return []outcome{
		{"allow", ana(), view("Internal"), policy.Allow, policy.OK},
		{"mask an input", ana(), view("Confidential"), policy.Mask, policy.OKMasked},
		{"mask", ana(), order("100"), policy.Mask, policy.OKMasked},
		{"a command", ana(), run("curl https://contoso.com"), policy.Allow, policy.OK},
		{"over the limit", ana(), order("70000"), policy.RequireApproval, policy.ApprovalRequired},
		{"a risk", ana(), with(order("100"), func(r *authorize.Request) { r.Context = object(`{"riskScore":80}`) }), policy.RequireApproval, policy.ApprovalRequired},
		{"an asked command", ana(), run("systemctl restart nginx"), policy.RequireApproval, policy.ApprovalRequired},
		{"asserted", app(flow), by(order("100"), "ana@contoso.com"), policy.Mask, policy.OKMasked},
		{"a developer", developer(), by(order("100"), "ana@contoso.com"), policy.Mask, policy.OKMasked},
		{"an agent on its own", app(flow), with(order("100"), func(r *authorize.Request) { r.AgentID = "robot" }), policy.Mask, policy.OKMasked},

		{"another tenant than the token's", ana(), with(order("100"), func(r *authorize.Request) { r.TenantID = elsewhere }), policy.Deny, policy.TenantMismatch},
		{"another user than the token's", ana(), by(order("100"), "mia@contoso.com"), policy.Deny, policy.UserMismatch},
		{"no such approval to resume", ana(), resume("apr_x"), policy.Deny, policy.ApprovalMismatchCode},
		{"an unknown tenant", identity.Principal{Kind: identity.Application, Tenant: elsewhere, Application: flow}, order("100"), policy.Deny, policy.TenantUnknown},
		{"an unknown agent", ana(), with(order("100"), func(r *authorize.Request) { r.AgentID = "nobody" }), policy.Deny, policy.AgentUnknown},
		{"no caller of the agent", app(stranger), order("100"), policy.Deny, policy.AgentCaller},
		{"nobody where somebody must be", app(flow), order("100"), policy.Deny, policy.UserRequired},
		{"asserted where verified is needed", app(flow), by(with(order("100"), func(r *authorize.Request) { r.AgentID = "careful-agent" }), "ana@contoso.com"), policy.Deny, policy.UserUnverified},
		{"an unknown action", ana(), with(order("100"), func(r *authorize.Request) { r.Action = "Nothing" }), policy.Deny, policy.ActionUnknown},
		{"an action of another agent", ana(), with(order("100"), func(r *authorize.Request) { r.Action = "bash" }), policy.Deny, policy.ActionNotExposed},
		{"another type", ana(), with(order("100"), func(r *authorize.Request) { r.Resource.Type = "Vendor" }), policy.Deny, policy.ResourceMismatch},
		{"no resource", ana(), with(view(""), func(r *authorize.Request) { r.Resource.ID = "" }), policy.Deny, policy.ResourceRequired},
		{"a bad parameter", ana(), order("1.234"), policy.Deny, policy.ParameterInvalid},
		{"a pinned parameter", ana(), with(order("100"), func(r *authorize.Request) {
			r.Parameters = object(`{"amount":1,"currency":"EUR","ledger":"mine"}`)
		}), policy.Deny, policy.ParameterPinned},
		{"another tenant's resource", ana(), with(order("100"), func(r *authorize.Request) { r.Resource.Tenant = elsewhere }), policy.Deny, policy.TenantBoundary},
		{"another region", ana(), with(order("100"), func(r *authorize.Request) { r.Resource.Region = "US" }), policy.Deny, policy.ResidencyDenied},
		{"a denied command", ana(), run("rm -rf /"), policy.Deny, policy.GuardrailDenied},
		{"an unknown label", ana(), view("Secret"), policy.Deny, policy.ClassificationUnknown},
		{"a denied label", ana(), view("Restricted"), policy.Deny, policy.ClassificationDenied},
		{"no role", app(flow), by(order("100"), "eve@contoso.com"), policy.Deny, policy.EntitlementNone},
		{"a risk too high", ana(), with(order("100"), func(r *authorize.Request) { r.Context = object(`{"riskScore":91}`) }), policy.Deny, policy.ThresholdDenied},
		{"a limit nobody lifts", ana(), refund("11"), policy.Deny, policy.ThresholdExceeded},
		{"a question nobody answers", ana(), run("halt now"), policy.Deny, policy.ApprovalUnavailable},
		{"another call's approval", ana(), named(order("100"), "apr_x"), policy.Deny, policy.ApprovalMismatchCode},
	}
}

// Every outcome is in the log as it is answered, once, under the kind of its
// mode, with who asked for what.
func TestAnswerAndRecordSayTheSame(t *testing.T) {
	for _, c := range outcomes() {
		t.Run(c.name, func(t *testing.T) {
			for _, call := range []authorize.Call{enforce, preview} {
				w := newWorld(t)
				a := w.decideAs(t, c.by, c.request, call)
				wantCode(t, "Decide", a, c.want, c.code)
				kind := audit.KindDecision
				if call.Mode == authorize.Preview {
					kind = audit.KindPreview
				}
				if got := w.recorded(t, audit.KindDecision, audit.KindPreview); len(got) != 1 || got[0].Kind != kind {
					t.Errorf("the log has %+v, want one %s", got, kind)
				}
				r := w.of(t, a)
				if r.Mode != string(call.Mode) || r.Door != string(call.Door) || r.AgentID != c.request.AgentID || r.CallerApp != c.by.Application || r.KeyID != key.ID() {
					t.Errorf("the record of %s through %s = %+v", call.Mode, call.Door, r)
				}
				if a.Policy.Environment != "dev" || !a.EvaluatedAt.Equal(noon) {
					t.Errorf("answer = %+v, want the environment and the time", a)
				}
			}
		})
	}
}

// What ends before stage 0 has no digest and no parameters: nothing of the call
// is believed.
func TestARefusalHoldsNothingOfTheCall(t *testing.T) {
	for _, c := range outcomes() {
		refused := c.code == policy.TenantMismatch || c.code == policy.UserMismatch || c.request.Action == ""
		if !refused {
			continue
		}
		w := newWorld(t)
		a := w.decide(t, c.by, c.request)
		r := w.of(t, a)
		if a.RequestDigest != "" || r.RequestDigest != "" || string(r.Parameters) != "{}" || string(r.Context) != "{}" || len(r.Roles) > 0 {
			t.Errorf("%s: answer digest %q, record %+v, want none of the call", c.name, a.RequestDigest, r)
		}
		if r.TenantID != tenant || r.UserID != anaID || r.UserUPN != "ana@contoso.com" || r.Identity != "verified" {
			t.Errorf("%s: recorded as %s %s %s %s, want the token's", c.name, r.TenantID, r.UserID, r.UserUPN, r.Identity)
		}
		if len(a.PolicyIDs)+len(a.Policy.Packs)+len(a.Warnings) > 0 || a.Approval.ID != "" {
			t.Errorf("%s: answer = %+v, want nothing that decided", c.name, a)
		}
	}
}
