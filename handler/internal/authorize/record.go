package authorize

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/policy"
)

// record makes the decision durable, and only then an answer.
func (d *deciding) record(ctx context.Context) (Answer, error) {
	receipt, err := d.log.Append(ctx, d.entry())
	if err != nil {
		return Answer{}, noRecord(err)
	}
	d.tryShadow(ctx)
	return d.answer(receipt), nil
}

// noRecord is the end of a call that the log does not take. The wait is short
// where the log only had too much to do.
func noRecord(err error) *UnavailableError {
	e := &UnavailableError{Component: "audit", Err: err}
	if errors.Is(err, audit.ErrOverloaded) {
		e.RetryAfter = time.Second
	}
	return e
}

func (d *deciding) entry() *audit.Decision {
	r, dec := &d.request, &d.decision
	kind := audit.KindDecision
	if d.call.Mode == Preview {
		kind = audit.KindPreview
	}
	return &audit.Decision{
		As: kind, TS: d.now, DecisionID: d.id, CorrelationID: r.CorrelationID,
		Door: string(d.call.Door), Mode: string(d.call.Mode),
		TenantID: d.subject.Tenant, AgentID: r.AgentID, CallerApp: d.subject.Application,
		UserID: d.subject.User.ID, UserUPN: d.subject.User.UPN, Identity: d.subject.Identity, Roles: dec.Recorded.Roles,
		Action: r.Action,
		Resource: audit.Resource{
			Type: dec.Recorded.ResourceType, ID: r.Resource.ID,
			Region: dec.Recorded.Region, Classification: dec.Recorded.Classification,
		},
		Parameters: dec.Recorded.Parameters, Context: dec.Recorded.Context,
		RequestDigest: dec.Digest, Decision: dec.Outcome, ReasonCode: dec.Code, Reason: dec.Reason, Advice: dec.Advice,
		PolicyIDs: dec.PolicyIDs, Packs: dec.Packs,
		Epoch: d.active.Epoch, PolicyAge: d.active.Age, Stale: d.active.Stale, Obligations: dec.Obligations,
		ApprovalID: d.approval.ID, ApprovalOutcome: d.approvalOutcome(), Approvers: d.approvers(),
		Latency: max(0, d.options.Clock().Sub(d.started)), KeyID: d.in.Key.ID(),
		Rollout: d.rollout(),
	}
}

func (d *deciding) rollout() []audit.Cohort {
	var out []audit.Cohort
	for _, c := range d.active.Cohorts {
		out = append(out, audit.Cohort(c))
	}
	return out
}

func (d *deciding) approvalOutcome() string {
	if d.approval.ID == "" {
		return ""
	}
	return d.approval.Status.String()
}

// approvers are the people whose yes is behind the approval, each once: one
// vote may count for several requirements.
func (d *deciding) approvers() []string {
	var people []string
	for _, v := range d.approval.Votes {
		if v.Choice == approval.Approve && !slices.Contains(people, v.Person) {
			people = append(people, v.Person)
		}
	}
	return people
}

func (d *deciding) answer(receipt audit.Receipt) Answer {
	dec := &d.decision
	return Answer{
		Decision: dec.Outcome, UserMessage: d.userMessage(), ReasonCode: dec.Code, Reason: dec.Reason, Advice: dec.Advice,
		DecisionID: d.id, CorrelationID: d.request.CorrelationID, PolicyIDs: dec.PolicyIDs,
		Policy: PolicyState{
			Environment: d.active.Environment, Epoch: d.active.Epoch,
			AgeSeconds: int64(d.active.Age / time.Second), Stale: d.active.Stale, Packs: dec.Packs,
		},
		Identity: d.subject.Identity, RequestDigest: dec.Digest, EffectiveParameters: dec.Effective,
		Obligations: dec.Obligations, Approval: d.answered(), Alternatives: dec.Alternatives, Grant: d.grant, Tenant: d.subject.Tenant,
		Receipt:     Receipt{Segment: receipt.Segment, Seq: receipt.Seq, Hash: receipt.Hash},
		EvaluatedAt: d.now, Warnings: append([]string{}, d.warnings...), Trace: append([]policy.TraceLine{}, dec.Trace...),
	}
}

// userMessage adds the deadline to what a person waits for.
func (d *deciding) userMessage() string {
	text := d.decision.UserMessage
	if d.decision.Outcome != policy.RequireApproval || d.approval.ApproveBy.IsZero() || d.decision.Asked == nil {
		return text
	}
	by := d.approval.ApproveBy.In(d.decision.Asked.Zone)
	return text + " It must be decided by " + by.Format("2 January 2006, 15:04") + " (" + d.decision.Asked.Zone.String() + ")."
}
