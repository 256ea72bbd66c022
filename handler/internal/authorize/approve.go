package authorize

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/policy"
)

var errNotUsable = errors.New("this version opens approvals and cannot use them")

// consult brings in what the approval store knows, where it matters: where the
// decision asks for approval or the caller names one. A denial of an earlier
// stage stands whatever the store knows.
func (d *deciding) consult(ctx context.Context) error {
	asks := d.decision.Outcome == policy.RequireApproval
	named := d.request.ApprovalID != ""
	if d.decision.Digest == "" || !asks && (!named || d.decision.Outcome == policy.Deny) {
		return nil
	}
	found, err := d.approvals.Find(ctx, d.callOf(), d.request.ApprovalID, d.now)
	if err != nil {
		return &UnavailableError{Component: "approvals", Err: fmt.Errorf("find: %w", err)}
	}
	d.in.Approval, d.approval = found.Facts, found.Approval
	d.in.Approval.Named = named && found.Given == approval.NoStatus
	d.evaluate()
	if d.decision.Code == policy.OKApproved {
		return &UnavailableError{Component: "approvals", Err: errNotUsable}
	}
	if d.decision.Outcome != policy.RequireApproval {
		return nil
	}
	if d.call.Mode == Preview {
		return nil
	}
	return d.open(ctx)
}

func (d *deciding) callOf() approval.Call {
	call := approval.Call{Tenant: d.subject.Tenant, Application: d.subject.Application, Digest: d.decision.Digest}
	if d.options.PreviousKey != nil {
		in := d.in
		in.Key = d.options.PreviousKey
		call.Previous = d.active.Set.Digest(&in)
	}
	return call
}

// open opens the approval or finds the one that is open.
func (d *deciding) open(ctx context.Context) error {
	a, created, err := d.approvals.Open(ctx, d.openRequest(), d.now)
	switch {
	case errors.Is(err, approval.ErrLimit):
		d.in.Approval = policy.Approval{State: policy.ApprovalLimit}
		d.evaluate()
		return nil
	case errors.Is(err, approval.ErrDenied):
		d.in.Approval = policy.Approval{State: policy.ApprovalDenied}
		d.evaluate()
		return nil
	case err != nil:
		return &UnavailableError{Component: "approvals", Err: fmt.Errorf("open: %w", err)}
	}
	d.approval = a
	if !created && d.decision.Code == policy.ApprovalRequired {
		d.in.Approval.State = policy.ApprovalOpen // opened meanwhile by the same call
		d.evaluate()
	}
	return nil
}

func (d *deciding) openRequest() approval.OpenRequest {
	asked, r := d.decision.Asked, &d.request
	facts := make([]approval.Fact, 0, len(asked.Facts))
	for _, f := range asked.Facts {
		facts = append(facts, approval.Fact{Label: f.Label, Value: f.Value, Mark: f.Mark})
	}
	return approval.OpenRequest{
		Call: d.callOf(), DecisionID: d.id, CorrelationID: r.CorrelationID,
		Agent: r.AgentID, User: d.subject.User, Identity: d.subject.Identity, Door: string(d.call.Door),
		Action: r.Action, Title: asked.Title, ResourceType: asked.ResourceType, ResourceID: r.Resource.ID,
		Received: freeze(r), Canonical: asked.Canonical,
		Requirements: d.decision.Requirements, Triggers: d.decision.Triggers, Packs: d.decision.Packs,
		Facts: facts, Risk: asked.Risk, RiskScore: asked.RiskScore,
	}
}

// resume replaces the request by the one frozen behind the approval it names.
// Whatever does not fit gets one and the same answer, without a frozen fact.
func (d *deciding) resume(ctx context.Context) (fits bool, err error) {
	frozen, err := d.approvals.Resume(ctx, d.subject.Tenant, d.subject.Application, d.request.ApprovalID, d.now)
	if err != nil && !errors.Is(err, approval.ErrNotFound) {
		return false, &UnavailableError{Component: "approvals", Err: fmt.Errorf("resume: %w", err)}
	}
	if err == nil && frozen.Agent == d.request.AgentID {
		fits = d.thaw(frozen)
	}
	if !fits {
		d.refuse(policy.ApprovalMismatchCode, "")
	}
	return fits, nil
}

// thaw takes the frozen request, with the context that the caller sends anew.
func (d *deciding) thaw(frozen approval.Resumable) bool {
	was, err := thaw(frozen.Received)
	if err != nil {
		return false
	}
	user := policy.User{ID: frozen.Requester.ID, UPN: frozen.Requester.UPN}
	switch {
	case d.subject.Identity == policy.None:
		d.subject.Identity, d.subject.User = min(frozen.Identity, policy.Asserted), user
	case frozen.Identity == policy.None || !policy.SamePerson(d.subject.User, user):
		return false
	}
	r := &d.request
	was.CorrelationID, was.ApprovalID, was.AgentID = r.CorrelationID, r.ApprovalID, r.AgentID
	was.TenantID, was.UserID, was.UserUPN = r.TenantID, r.UserID, r.UserUPN
	was.Context = overlay(was.Context, r.Context)
	d.request = was
	return true
}

// mayRead is the set of statuses under which an approval is shown in an answer.
var shown = []approval.Status{approval.Pending, approval.Approved, approval.Denied, approval.Expired, approval.Revoked}

// answered is the approval in the form of the answer.
func (d *deciding) answered() Approval {
	a := &d.approval
	if !slices.Contains(shown, a.Status) || d.decision.Code == policy.ApprovalMismatchCode {
		return Approval{Triggers: d.decision.Triggers, Requirements: d.decision.Requirements}
	}
	return Approval{
		ID: a.ID, Status: a.Status.String(), Final: a.Final, Triggers: a.Triggers,
		StatusURL:        d.options.PublicURL + "/api/approvals/" + a.ID,
		PollAfterSeconds: int(a.PollAfter.Seconds()), ApproveBy: a.ApproveBy, ExecuteBy: a.ExecuteBy,
		Comment: a.Comment, Requirements: a.Requirements,
	}
}
