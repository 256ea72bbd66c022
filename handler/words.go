package main

import (
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// words puts into words, for pages and mails, what today's policy says of the
// people around an approval.
type words struct{ approvers *authorize.Approvers }

// Limit is what a page tells its reader of their own limit for the call.
func (w words) Limit(p identity.Principal, d *approval.Document, now time.Time) string {
	return w.limit(policy.User{
		ID: p.ObjectID, UPN: p.UPN, Groups: p.Groups, GroupsKnown: p.GroupsKnown, AppRoles: p.AppRoles, AppRolesKnown: true,
	}, d, now)
}

// LimitOf is the same for whoever reads a mail to that address: what their name
// alone gives.
func (w words) LimitOf(address string, d *approval.Document, now time.Time) string {
	return w.limit(policy.User{UPN: address}, d, now)
}

func (w words) limit(u policy.User, d *approval.Document, now time.Time) string {
	limit, unit, unlimited, ok := w.approvers.Limit(u, d, now)
	switch {
	case !ok:
		return ""
	case unlimited:
		return "no limit"
	}
	return sheet.Amount(limit, unit)
}

// Approver is an entry of a rule's approvers.
func (w words) Approver(policyID, approver string, now time.Time) string {
	return w.approvers.Title(policyID, approver, now)
}
