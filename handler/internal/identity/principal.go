// Package identity says who is calling and what may be believed about it.
package identity

import "slices"

// Kind is what stands behind a [Principal]. The zero Kind is nobody.
type Kind uint8

// The kinds of principal.
const (
	Nobody      Kind = iota
	Developer        // local mode, no token: asserts whom it likes
	Application      // a token without a user
	Person           // a delegated token
)

// The app roles of the product, as the roles claim names them.
const (
	RoleAuthorize     = "Fabric.Authorize"
	RoleApprover      = "Fabric.Approver"
	RoleApprovalRelay = "Fabric.ApprovalRelay"
	RoleAuditor       = "Fabric.Auditor"
)

// Principal is a validated caller. It is a parameter of every use case and
// never travels in a context.
type Principal struct {
	Kind        Kind
	Tenant      string   // tid, lower case; "" for the Developer
	Application string   // client id, lower case; "" for the Developer
	ObjectID    string   // oid of a Person (lower case) or of an Application's service principal
	UPN         string   // upn claim of a Person; "" when the token has none
	AppRoles    []string // roles claim
	Groups      []string // groups claim, lower case
	GroupsKnown bool     // false with group overage
}

// Has reports whether p carries an app role of the product. The Developer has
// every one but those that vote: a vote is always a person's.
func (p Principal) Has(role string) bool {
	if p.Kind == Developer {
		return role == RoleAuthorize || role == RoleAuditor
	}
	return slices.Contains(p.AppRoles, role)
}
