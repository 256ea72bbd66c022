package identity

import (
	"github.com/authorization-fabric/fabric/policy"
)

// Stated is what a request says about its caller: empty strings are absent.
type Stated struct {
	TenantID string
	UserID   string
	UserUPN  string
}

// Mismatch is a request that speaks of another tenant or user than its token.
// It is a decision, not an error: DENY with Code, before anything else.
type Mismatch struct {
	Code   policy.Code // policy.TenantMismatch or policy.UserMismatch
	Reason string      // a sentence without values
}

// Bind says on whose behalf a request is decided. The token decides, and what
// the request states can only agree with it, or name a user where an
// application brings no user of its own (graded Asserted; whether its agent
// accepts that is the policy's to say). Tenants are those that the packs list:
// the local developer who names none means the only one, and with several the
// tenant stays empty, which no pack lists.
//
// With a Mismatch the subject is the token's, for the record.
func Bind(p Principal, s Stated, tenants []string) (policy.Subject, *Mismatch) {
	switch p.Kind {
	case Person:
		return bindPerson(p, s)
	case Application:
		subject := policy.Subject{Tenant: p.Tenant, Application: p.Application}
		if m := checkTenant(p, s); m != nil {
			return subject, m
		}
		subject.Identity, subject.User = assert(s)
		return subject, nil
	case Developer:
		subject := policy.Subject{Tenant: foldID(s.TenantID), AnyAgent: true}
		if s.TenantID == "" && len(tenants) == 1 {
			subject.Tenant = foldID(tenants[0])
		}
		subject.Identity, subject.User = assert(s)
		return subject, nil
	case Nobody:
	}
	return policy.Subject{}, &Mismatch{policy.UserMismatch, "The request comes from nobody."}
}

func bindPerson(p Principal, s Stated) (policy.Subject, *Mismatch) {
	subject := policy.Subject{
		Tenant: p.Tenant, Application: p.Application, Identity: policy.Verified,
		User: policy.User{
			ID: p.ObjectID, UPN: p.UPN,
			Groups: p.Groups, GroupsKnown: p.GroupsKnown,
			AppRoles: p.AppRoles, AppRolesKnown: true,
		},
	}
	if m := checkTenant(p, s); m != nil {
		return subject, m
	}
	switch {
	case s.UserID != "" && foldID(s.UserID) != p.ObjectID:
		return subject, &Mismatch{policy.UserMismatch, "The request names another user than the token: leave userId out or send the token's oid."}
	case s.UserUPN != "" && p.UPN == "":
		return subject, &Mismatch{policy.UserMismatch, "The token has no upn to compare with userUPN: send userId, or have the registration add upn."}
	case s.UserUPN != "" && lowerASCII(s.UserUPN) != lowerASCII(p.UPN):
		return subject, &Mismatch{policy.UserMismatch, "The request names another user than the token: leave userUPN out or send the token's upn."}
	}
	return subject, nil
}

func checkTenant(p Principal, s Stated) *Mismatch {
	if s.TenantID == "" || foldID(s.TenantID) == p.Tenant {
		return nil
	}
	return &Mismatch{policy.TenantMismatch, "The request names another tenant than the token: leave tenantId out or send the token's tid."}
}

// assert is the user that an application names: nobody vouches for groups or
// app roles.
func assert(s Stated) (policy.Identity, policy.User) {
	if s.UserID == "" && s.UserUPN == "" {
		return policy.None, policy.User{}
	}
	return policy.Asserted, policy.User{ID: foldID(s.UserID), UPN: s.UserUPN}
}
