package authorize

import (
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// Approvers tells by today's policy who may approve: by that of the cohort of
// the approval's agent, where packs are being rolled out. It is an
// [approval.Approvers] and safe for concurrent use.
type Approvers struct {
	policies Policies
	key      *policy.Key
}

var _ approval.Approvers = (*Approvers)(nil)

// NewApprovers makes an Approvers over the active policy.
func NewApprovers(policies Policies, key *policy.Key) *Approvers { return &Approvers{policies, key} }

// Lists implements [approval.Approvers]: the lists of every cohort.
func (a *Approvers) Lists(tenant string, p identity.Principal, now time.Time) []approval.Key {
	var keys []approval.Key
	for _, set := range a.policies.Active(now).Sets() {
		for _, e := range set.ApproverEntries(tenant, userOf(p), now) {
			if key := approval.ByApprover(e.PolicyID, e.Approver); !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// Judge implements [approval.Approvers].
func (a *Approvers) Judge(v approval.Voter, relayed bool, d *approval.Document, now time.Time) []string {
	set := a.policies.Active(now).For(d.Current.Agent).Set
	in, err := a.frozen(d, now)
	if set == nil || err != nil {
		return nil
	}
	ballot := policy.Ballot{Voter: userOfVoter(&v), Relayed: relayed}
	var counts []string
	for _, r := range d.Current.Requirements {
		if set.MayApprove(in, r.PolicyID, ballot) {
			counts = append(counts, r.PolicyID)
		}
	}
	return counts
}

func userOfVoter(v *approval.Voter) policy.User {
	return policy.User{
		ID: v.ID, UPN: v.UPN, Groups: v.Groups, GroupsKnown: v.GroupsKnown, AppRoles: v.AppRoles, AppRolesKnown: v.AppRolesKnown,
	}
}

// frozen is the call behind an approval, as it would be decided now.
func (a *Approvers) frozen(d *approval.Document, now time.Time) (*policy.Input, error) {
	c := &d.Current
	r, err := thaw(c.Frozen.Received)
	if err != nil {
		return nil, err
	}
	return &policy.Input{
		Request: policy.Request{Agent: r.AgentID, Action: r.Action, Resource: r.Resource, Parameters: r.Parameters, Context: r.Context},
		Subject: policy.Subject{
			Tenant: d.Tenant, Application: c.Application, AnyAgent: c.Application == "",
			Identity: c.Identity.Identity, User: policy.User{ID: c.Requester.ID, UPN: c.Requester.UPN},
		},
		Now: now, Key: a.key, Approval: policy.Approval{Opened: c.OpenedAt},
	}, nil
}

func userOf(p identity.Principal) policy.User {
	return policy.User{
		ID: p.ObjectID, UPN: p.UPN, Groups: p.Groups, GroupsKnown: p.GroupsKnown,
		AppRoles: p.AppRoles, AppRolesKnown: true,
	}
}
