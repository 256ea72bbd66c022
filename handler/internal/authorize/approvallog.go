package authorize

import (
	"context"
	"fmt"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// ApprovalLog writes what happens to approvals into the audit log. It is an
// [approval.Log] and safe for concurrent use.
type ApprovalLog struct{ log Log }

var _ approval.Log = ApprovalLog{}

// NewApprovalLog makes an ApprovalLog.
func NewApprovalLog(log Log) ApprovalLog { return ApprovalLog{log} }

// Append implements [approval.Log]. The use of an approval comes with the
// record of its decision, so that neither is in the log alone for long.
func (l ApprovalLog) Append(ctx context.Context, e approval.Entry) (audit.Receipt, error) {
	receipt, err := l.log.Append(ctx, approvalRecord(e))
	use := e.Document.Current.Use
	if err != nil || e.Event.Kind != approval.EventConsumed || use == nil {
		return receipt, err
	}
	decision, err := audit.Decode(use.Record)
	if err != nil {
		return audit.Receipt{}, fmt.Errorf("the decision %s: %w", use.DecisionID, err)
	}
	return l.log.Append(ctx, decision)
}

// Refuse implements [approval.Log]: a late vote is a record of the approval,
// any other a refusal.
func (l ApprovalLog) Refuse(ctx context.Context, r approval.Refusal) error {
	var record audit.Record = &audit.Refused{
		TS: r.At, EventID: r.ID, CorrelationID: r.ID, Door: "approval-callback", TenantID: r.Principal.Tenant, AgentID: r.Approval.Agent,
		CallerApp: r.Principal.Application, UserID: r.Principal.ObjectID, UserUPN: r.Principal.UPN,
		ApprovalID: r.Approval.ID, ReasonCode: r.Code, Reason: r.Reason,
	}
	if r.Late {
		record = &audit.Event{
			Kind: audit.KindApprovalRefused, TS: r.At, EventID: r.ID, CorrelationID: r.ID, ApprovalID: r.Approval.ID, TenantID: r.Approval.Tenant,
			AgentID: r.Approval.Agent, CallerApp: r.Principal.Application, UserID: r.Principal.ObjectID, UserUPN: r.Principal.UPN,
			RequestDigest: r.Approval.Digest, Outcome: string(r.Choice), Reason: r.Reason,
		}
	}
	_, err := l.log.Append(ctx, record)
	return err
}

func approvalRecord(e approval.Entry) audit.Record {
	if e.Event.Kind == approval.EventOpened {
		return openedRecord(e)
	}
	d, c := e.Document, &e.Document.Current
	event := &audit.Event{
		Kind: audit.Kind(e.Event.Kind), TS: e.Event.At, EventID: e.Event.ID, CorrelationID: c.CorrelationID,
		DecisionID: e.Event.DecisionID, ApprovalID: d.ID(), TenantID: d.Tenant, AgentID: c.Agent, CallerApp: c.Application,
		RequestDigest: c.Digest, Outcome: e.Event.Status.String(), Reason: e.Event.By, Comment: e.Event.Comment,
	}
	if v := c.VoteOf(&e.Event); v != nil {
		event.UserID, event.UserUPN, event.PolicyIDs = v.Voter.ID, v.Voter.UPN, v.PolicyIDs
		event.Outcome = string(v.Choice)
		event.Detail = strictjson.ObjectOf(strictjson.Member{Name: "relayed", Value: strictjson.BoolOf(v.Relayed)})
	}
	return event
}

func openedRecord(e approval.Entry) audit.Record {
	d, c := e.Document, &e.Document.Current
	opened := &audit.ApprovalOpened{
		TS: e.Event.At, EventID: e.Event.ID, ApprovalID: d.ID(), DecisionID: e.Event.DecisionID, CorrelationID: c.CorrelationID,
		TenantID: d.Tenant, AgentID: c.Agent, CallerApp: c.Application,
		UserID: c.Requester.ID, UserUPN: c.Requester.UPN, Identity: c.Identity.Identity,
		Action: c.Action, Title: c.Title, Resource: audit.Resource{Type: c.ResourceType, ID: c.ResourceID, Region: c.Region, Classification: c.Label},
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
