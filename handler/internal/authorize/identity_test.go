package authorize_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// contract.md, Identity: whose call it is comes from the token; a body agrees
// with it or names a user where an application brings none.
func TestOnWhoseBehalf(t *testing.T) {
	for _, c := range []struct {
		name     string
		by       identity.Principal
		request  authorize.Request
		outcome  policy.Outcome
		code     policy.Code
		identity policy.Identity
		user     string // recorded upn
	}{
		{"a person", ana(), order("100"), policy.Mask, policy.OKMasked, policy.Verified, "ana@contoso.com"},
		{"a person who says so", ana(), by(order("100"), "ANA@contoso.com"), policy.Mask, policy.OKMasked, policy.Verified, "ana@contoso.com"},
		{"a person of that tenant", ana(), with(order("100"), func(r *authorize.Request) { r.TenantID = strings.ToUpper(tenant) }), policy.Mask, policy.OKMasked, policy.Verified, "ana@contoso.com"},
		{"a person who says it is a manager", ana(), by(order("70000"), "mia@contoso.com"), policy.Deny, policy.UserMismatch, policy.Verified, "ana@contoso.com"},
		{"an application that asserts", app(flow), by(order("100"), "ana@contoso.com"), policy.Mask, policy.OKMasked, policy.Asserted, "ana@contoso.com"},
		{"an application that asserts an object id", app(flow), with(order("100"), func(r *authorize.Request) { r.UserID = strings.ToUpper(anaID) }), policy.Mask, policy.OKMasked, policy.Asserted, ""},
		{"an application of another tenant", app(flow), with(by(order("100"), "ana@contoso.com"), func(r *authorize.Request) { r.TenantID = elsewhere }), policy.Deny, policy.TenantMismatch, policy.None, ""},
		{"an application for an agent that wants a token", app(flow), by(with(order("100"), func(r *authorize.Request) { r.AgentID = "careful-agent" }), "ana@contoso.com"), policy.Deny, policy.UserUnverified, policy.Asserted, "ana@contoso.com"},
		{"the developer in the only tenant", developer(), by(order("100"), "ana@contoso.com"), policy.Mask, policy.OKMasked, policy.Asserted, "ana@contoso.com"},
		{"the developer in an unlisted tenant", developer(), with(by(order("100"), "ana@contoso.com"), func(r *authorize.Request) { r.TenantID = elsewhere }), policy.Deny, policy.TenantUnknown, policy.Asserted, "ana@contoso.com"},
		{"nobody", identity.Principal{}, order("100"), policy.Deny, policy.UserMismatch, policy.None, ""},
	} {
		w := newWorld(t)
		a := w.decide(t, c.by, c.request)
		wantCode(t, c.name, a, c.outcome, c.code)
		if r := w.of(t, a); a.Identity != c.identity || r.UserUPN != c.user {
			t.Errorf("%s: decided for %q (%s), want %q (%s)", c.name, r.UserUPN, a.Identity, c.user, c.identity)
		}
	}
}

// The local developer means the only tenant there is; of several it must name
// one.
func TestADeveloperAmongSeveralTenants(t *testing.T) {
	w := newWorld(t)
	w.policies.use(changed(t, `"tenants": ["`+tenant+`"]`, `"tenants": ["`+tenant+`", "`+elsewhere+`"]`))
	wantCode(t, "naming none", w.decide(t, developer(), by(order("100"), "ana@contoso.com")), policy.Deny, policy.TenantUnknown)
	for _, name := range []string{tenant, elsewhere} {
		a := w.decide(t, developer(), with(by(order("100"), "ana@contoso.com"), func(r *authorize.Request) { r.TenantID = name }))
		wantCode(t, "naming "+name, a, policy.Mask, policy.OKMasked)
		if r := w.of(t, a); r.TenantID != name {
			t.Errorf("recorded tenant = %q, want %q", r.TenantID, name)
		}
	}
}

// T03: whatever rights a body names, it gets what it would get without them,
// and a warning.
func TestRightsInABodyAreNeverBelieved(t *testing.T) {
	bare := newWorld(t).decide(t, ana(), order("70000"))
	for _, name := range []string{"roles", "role", "groups", "group", "appRoles", "permissions", "scopes"} {
		for _, where := range []string{"context", "resource.attributes"} {
			w := newWorld(t)
			a := w.decide(t, ana(), with(order("70000"), func(r *authorize.Request) {
				if where == "context" {
					r.Context = object(`{"riskScore":10,"` + name + `":["Manager"]}`)
				} else {
					r.Resource.Attributes = object(`{"` + name + `":["Manager"]}`)
				}
			}))
			wantCode(t, where+"."+name, a, bare.Decision, bare.ReasonCode)
			if !slices.ContainsFunc(a.Warnings, func(s string) bool { return strings.HasPrefix(s, where+"."+name+" was not believed") }) {
				t.Errorf("%s.%s: warnings = %q, want one about it", where, name, a.Warnings)
			}
			if got, want := w.of(t, a).Roles, []string{"finance/Analyst"}; !slices.Equal(got, want) {
				t.Errorf("%s.%s: recorded roles = %q, want %q", where, name, got, want)
			}
		}
	}
	if len(bare.Warnings) > 0 {
		t.Errorf("without such names: warnings = %q, want none", bare.Warnings)
	}
}

// Group overage is said: the token does not tell the groups.
func TestGroupsThatAreNotKnownAreSaid(t *testing.T) {
	w := newWorld(t)
	p := ana()
	p.GroupsKnown = false
	if a := w.decide(t, p, order("100")); len(a.Warnings) != 1 || !strings.Contains(a.Warnings[0], "overage") {
		t.Errorf("warnings = %q, want one about the overage", a.Warnings)
	}
	if a := w.decide(t, app(flow), by(order("100"), "ana@contoso.com")); len(a.Warnings) > 0 {
		t.Errorf("asserted: warnings = %q, want none", a.Warnings)
	}
}

// A correlation id is the caller's, or else the decision's.
func TestACorrelationIDIsMadeWhereNoneIsSent(t *testing.T) {
	w := newWorld(t)
	for _, r := range []authorize.Request{view(""), with(view(""), func(r *authorize.Request) { r.TenantID = elsewhere })} {
		if a := w.decide(t, ana(), r); a.CorrelationID != a.DecisionID {
			t.Errorf("correlation id = %q, want the decision's, %q", a.CorrelationID, a.DecisionID)
		}
	}
}
