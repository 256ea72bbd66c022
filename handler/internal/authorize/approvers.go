package authorize

import (
	"context"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// Approvers tells by today's policy who may approve. It is an
// [approval.Approvers] and safe for concurrent use.
type Approvers struct {
	policies Policies
	key      *policy.Key
}

var _ approval.Approvers = (*Approvers)(nil)

// NewApprovers makes an Approvers over the active policy.
func NewApprovers(policies Policies, key *policy.Key) *Approvers { return &Approvers{policies, key} }

// Lists implements [approval.Approvers].
func (a *Approvers) Lists(tenant string, p identity.Principal, now time.Time) []approval.Key {
	set := a.policies.Active(now).Set
	if set == nil {
		return nil
	}
	var keys []approval.Key
	for _, e := range set.ApproverEntries(tenant, userOf(p), now) {
		if key := approval.ByApprover(e.PolicyID, e.Approver); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Names implements [approval.Approvers].
func (a *Approvers) Names(p identity.Principal, d *approval.Document, now time.Time) bool {
	set := a.policies.Active(now).Set
	in, err := a.frozen(d, now)
	if set == nil || err != nil {
		return false
	}
	return slices.ContainsFunc(d.Current.Requirements, func(r approval.Requirement) bool {
		return set.MayApprove(in, r.PolicyID, userOf(p))
	})
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
		Now: now, Key: a.key,
	}, nil
}

func userOf(p identity.Principal) policy.User {
	return policy.User{
		ID: p.ObjectID, UPN: p.UPN, Groups: p.Groups, GroupsKnown: p.GroupsKnown,
		AppRoles: p.AppRoles, AppRolesKnown: true,
	}
}

// ApprovalLog writes the events of approvals into the audit log.
func ApprovalLog(log Log) approval.Log {
	return func(ctx context.Context, e approval.Entry) error {
		_, err := log.Append(ctx, approvalRecord(e))
		return err
	}
}

func approvalRecord(e approval.Entry) audit.Record {
	d, c := e.Document, &e.Document.Current
	if e.Event.Kind != approval.EventOpened {
		return &audit.Event{
			Kind: audit.Kind(e.Event.Kind), TS: e.Event.At, EventID: e.Event.ID, CorrelationID: c.CorrelationID,
			DecisionID: e.Event.DecisionID, ApprovalID: d.ID(), TenantID: d.Tenant, AgentID: c.Agent, CallerApp: c.Application,
			RequestDigest: c.Digest, Outcome: e.Event.Status.String(), Reason: e.Event.By, Comment: e.Event.Comment,
		}
	}
	opened := &audit.ApprovalOpened{
		TS: e.Event.At, EventID: e.Event.ID, ApprovalID: d.ID(), DecisionID: e.Event.DecisionID, CorrelationID: c.CorrelationID,
		TenantID: d.Tenant, AgentID: c.Agent, CallerApp: c.Application,
		UserID: c.Requester.ID, UserUPN: c.Requester.UPN, Identity: c.Identity.Identity,
		Action: c.Action, Title: c.Title, Resource: audit.Resource{Type: c.ResourceType, ID: c.ResourceID},
		RequestDigest: c.Digest, Triggers: c.Triggers, Packs: c.Packs, ApproveBy: c.ApproveBy,
	}
	for _, f := range c.Facts {
		opened.Facts = append(opened.Facts, audit.Fact{Label: f.Label, Value: f.Value, Mark: f.Mark})
	}
	for _, r := range c.Requirements {
		opened.Requirements = append(opened.Requirements, audit.Requirement{
			PolicyID: r.PolicyID, Approvers: r.Approvers, Exclude: r.Exclude, Need: r.Need,
			ApproveWithin: r.ApproveWithin.Duration(), ExecuteWithin: r.ExecuteWithin.Duration(),
		})
	}
	return opened
}
