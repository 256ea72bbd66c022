package identity_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

const other = "22222222-2222-2222-2222-222222222222"

func person(upn string) identity.Principal {
	return identity.Principal{
		Kind: identity.Person, Tenant: tenant, Application: client, ObjectID: ana, UPN: upn,
		AppRoles: []string{"Finance.Analyst"}, Groups: []string{other}, GroupsKnown: true,
	}
}

func TestBindAPerson(t *testing.T) {
	fixed := policy.Subject{
		Tenant: tenant, Application: client, Identity: policy.Verified,
		User: policy.User{
			ID: ana, UPN: "Ana@contoso.com", Groups: []string{other}, GroupsKnown: true,
			AppRoles: []string{"Finance.Analyst"}, AppRolesKnown: true,
		},
	}
	for _, c := range []struct {
		name   string
		stated identity.Stated
		want   policy.Code
	}{
		{"nothing stated", identity.Stated{}, ""},
		{"all alike", identity.Stated{TenantID: tenant, UserID: ana, UserUPN: "Ana@contoso.com"}, ""},
		{"GUIDs and UPN in other case", identity.Stated{TenantID: tenant, UserID: strings.ToUpper(ana), UserUPN: "ANA@CONTOSO.COM"}, ""},
		{"another tenant", identity.Stated{TenantID: other}, policy.TenantMismatch},
		{"another tenant and user", identity.Stated{TenantID: other, UserID: other}, policy.TenantMismatch},
		{"T03 another user id", identity.Stated{UserID: other}, policy.UserMismatch},
		{"T03 another UPN", identity.Stated{UserUPN: "mia@contoso.com"}, policy.UserMismatch},
		{"right id, another UPN", identity.Stated{UserID: ana, UserUPN: "mia@contoso.com"}, policy.UserMismatch},
		{"T11 a UPN that only looks alike", identity.Stated{UserUPN: "An\u0430@contoso.com"}, policy.UserMismatch},
		{"T11 a UPN whose fold is Unicode's", identity.Stated{UserUPN: "ana@conto\u017fo.com"}, policy.UserMismatch},
	} {
		got, mismatch := identity.Bind(person("Ana@contoso.com"), c.stated, []string{tenant, other})
		if code(mismatch) != c.want || !cmp.Equal(got, fixed) {
			t.Errorf("%s: Bind() = %v, %v, want the token's subject and %q", c.name, got, mismatch, c.want)
		}
	}
}

// FR23: a UPN beside a token without one cannot be shown to be the same person.
func TestBindAUPNBesideATokenWithoutOne(t *testing.T) {
	_, mismatch := identity.Bind(person(""), identity.Stated{UserUPN: "ana@contoso.com"}, nil)
	if code(mismatch) != policy.UserMismatch || !strings.Contains(mismatch.Reason, "send userId, or have the registration add upn") {
		t.Errorf("Bind(UPN beside none) = %v, want user.mismatch that says what to do", mismatch)
	}
	if _, mismatch = identity.Bind(person(""), identity.Stated{UserID: ana}, nil); mismatch != nil {
		t.Errorf("Bind(own id) = %v, want none", mismatch)
	}
}

func TestBindAnApplication(t *testing.T) {
	p := identity.Principal{
		Kind: identity.Application, Tenant: tenant, Application: client, ObjectID: ana,
		AppRoles: []string{"Fabric.Authorize", "Finance.Manager"}, Groups: []string{other}, GroupsKnown: true,
	}
	for _, c := range []struct {
		name   string
		stated identity.Stated
		want   policy.Subject
		code   policy.Code
	}{
		{"no user", identity.Stated{}, policy.Subject{Tenant: tenant, Application: client}, ""},
		{"a user asserted", identity.Stated{UserUPN: "ana@contoso.com", UserID: strings.ToUpper(ana)}, policy.Subject{
			Tenant: tenant, Application: client, Identity: policy.Asserted, User: policy.User{ID: ana, UPN: "ana@contoso.com"},
		}, ""},
		{"another tenant", identity.Stated{TenantID: other, UserUPN: "ana@contoso.com"}, policy.Subject{Tenant: tenant, Application: client}, policy.TenantMismatch},
	} {
		got, mismatch := identity.Bind(p, c.stated, []string{tenant, other})
		if code(mismatch) != c.code || !cmp.Equal(got, c.want) {
			t.Errorf("%s: Bind() = %v, %v, want %v, %q", c.name, got, mismatch, c.want, c.code)
		}
	}
}

// Local mode: any tenant that the packs list, when absent the only one.
func TestBindTheDeveloper(t *testing.T) {
	for _, c := range []struct {
		name    string
		stated  identity.Stated
		tenants []string
		want    policy.Subject
	}{
		{"the only tenant", identity.Stated{}, []string{strings.ToUpper(tenant)}, policy.Subject{Tenant: tenant, AnyAgent: true}},
		{"several tenants", identity.Stated{}, []string{tenant, other}, policy.Subject{AnyAgent: true}},
		{"no tenant", identity.Stated{}, nil, policy.Subject{AnyAgent: true}},
		{"one of several", identity.Stated{TenantID: other}, []string{tenant, other}, policy.Subject{Tenant: other, AnyAgent: true}},
		{"an unlisted one stays what it is", identity.Stated{TenantID: "elsewhere"}, []string{tenant}, policy.Subject{Tenant: "elsewhere", AnyAgent: true}},
		{"any user", identity.Stated{UserUPN: "ana@contoso.com"}, []string{tenant}, policy.Subject{
			Tenant: tenant, AnyAgent: true, Identity: policy.Asserted, User: policy.User{UPN: "ana@contoso.com"},
		}},
	} {
		got, mismatch := identity.Bind(identity.Principal{Kind: identity.Developer}, c.stated, c.tenants)
		if mismatch != nil || !cmp.Equal(got, c.want) {
			t.Errorf("%s: Bind() = %v, %v, want %v", c.name, got, mismatch, c.want)
		}
	}
}

func TestBindNobody(t *testing.T) {
	got, mismatch := identity.Bind(identity.Principal{}, identity.Stated{TenantID: tenant, UserUPN: "ana@contoso.com"}, []string{tenant})
	if mismatch == nil || !cmp.Equal(got, policy.Subject{}) {
		t.Errorf("Bind(nobody) = %v, %v, want nothing and a mismatch", got, mismatch)
	}
}

// T03, T04, T05: no body raises the caller's rights. Whatever is stated, the
// tenant, the application and every fact of a token's user are the token's; a
// user whom an application names brings no groups, no app roles and no better
// grade than Asserted.
func TestNoBodyRaisesRights(t *testing.T) {
	id := rapid.SampledFrom([]string{"", tenant, other, ana, strings.ToUpper(ana), "x", "ana@contoso.com", "ANA@contoso.com"})
	rapid.Check(t, func(t *rapid.T) {
		p := identity.Principal{
			Kind:        rapid.SampledFrom([]identity.Kind{identity.Nobody, identity.Application, identity.Person}).Draw(t, "kind"),
			Tenant:      rapid.SampledFrom([]string{tenant, other}).Draw(t, "tenant"),
			Application: client,
			ObjectID:    rapid.SampledFrom([]string{ana, other}).Draw(t, "oid"),
			UPN:         rapid.SampledFrom([]string{"", "ana@contoso.com"}).Draw(t, "upn"),
			AppRoles:    rapid.SliceOf(rapid.SampledFrom([]string{"A", "B"})).Draw(t, "roles"),
			Groups:      rapid.SliceOf(rapid.SampledFrom([]string{"g", "h"})).Draw(t, "groups"),
			GroupsKnown: rapid.Bool().Draw(t, "known"),
		}
		stated := identity.Stated{TenantID: id.Draw(t, "tenantId"), UserID: id.Draw(t, "userId"), UserUPN: id.Draw(t, "userUPN")}
		bare, _ := identity.Bind(p, identity.Stated{}, []string{tenant})
		got, mismatch := identity.Bind(p, stated, []string{tenant})

		if got.Identity == policy.Asserted && p.Kind == identity.Application {
			if mismatch != nil || got.User.GroupsKnown || got.User.AppRolesKnown || got.User.Groups != nil || got.User.AppRoles != nil {
				t.Fatalf("Bind(%v) = %v, %v: an asserted user has rights of its own", stated, got, mismatch)
			}
			got.Identity, got.User = policy.None, policy.User{}
		}
		if !cmp.Equal(got, bare) || got.AnyAgent {
			t.Fatalf("Bind(%v) = %v, without a body %v", stated, got, bare)
		}
	})
}

func code(m *identity.Mismatch) policy.Code {
	if m == nil {
		return ""
	}
	return m.Code
}
