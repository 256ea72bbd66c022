package authorize

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/policy"
)

// races is how often a call that lost its approval to another is looked at
// again.
const races = 3

var errRaces = errors.New("other calls were faster each time")

// consult brings in what the approval store knows, where it matters: where the
// decision asks for approval or the caller names one. A denial of an earlier
// stage stands whatever the store knows. A preview is decided without the
// store; the id it names says by itself whether it is one of this call.
//
// A call that needs no approval and names none is answered without the store,
// with an Idempotency-Key too: what may be done as often as one likes must not
// fail with a store that has no say in it, and there is no use to repeat.
func (d *deciding) consult(ctx context.Context) error {
	asks := d.decision.Outcome == policy.RequireApproval
	named := d.request.ApprovalID != ""
	if !asks && (!named || d.decision.Outcome == policy.Deny) {
		return nil
	}
	if d.call.Mode == Preview {
		if named && !d.fits() {
			d.know(policy.ApprovalMismatch, approval.Approval{})
		}
		return nil
	}
	for range races {
		lost, err := d.settleWith(ctx)
		if !lost || err != nil {
			return err
		}
	}
	return &UnavailableError{Component: "approvals", Err: errRaces}
}

// settleWith decides with what the store knows now: gives an earlier answer
// again, uses the approval, or opens one. Lost says that the approval was used
// by another call meanwhile.
func (d *deciding) settleWith(ctx context.Context) (lost bool, err error) {
	named := d.request.ApprovalID != ""
	found, err := d.approvals.Find(ctx, d.callOf(), approval.Wanted{ID: d.request.ApprovalID, IdempotencyKey: d.call.IdempotencyKey}, d.now)
	if err != nil {
		return false, &UnavailableError{Component: "approvals", Err: fmt.Errorf("find: %w", err)}
	}
	d.in.Approval, d.approval = found.Facts, found.Approval
	d.in.Approval.Named = named && found.Earlier.Status == approval.NoStatus
	d.in.Approval.Note = note(found.Earlier)
	d.evaluate()
	switch {
	case d.decision.Outcome == policy.Deny:
		return false, nil
	case found.Replay != nil:
		return false, d.replay(ctx, found.Replay)
	case d.decision.Code == policy.OKApproved:
		return d.use(ctx)
	case d.decision.Outcome == policy.RequireApproval:
		return false, d.open(ctx)
	}
	return false, nil
}

// know decides again with what the store has said of the call's approval.
func (d *deciding) know(state policy.ApprovalState, a approval.Approval) {
	d.in.Approval, d.approval = policy.Approval{State: state, Note: d.in.Approval.Note}, a
	d.evaluate()
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

// fits reports whether the approval that the request names is, or was, one of
// the call that was decided: the id holds the digest.
func (d *deciding) fits() bool {
	slot, _, ok := approval.ParseID(d.request.ApprovalID)
	call := d.callOf()
	if !ok || call.Digest == "" {
		return false
	}
	return slot == approval.Slot(d.key, call.Tenant, call.Application, call.Digest) ||
		call.Previous != "" && slot == approval.Slot(d.options.PreviousKey, call.Tenant, call.Application, call.Previous)
}

// open opens the approval or finds the one that is open. An approved one that
// today's rules want more than gives way to a new one.
func (d *deciding) open(ctx context.Context) error {
	r := d.openRequest()
	if d.approval.Status == approval.Approved {
		r.Supersede = d.approval.ID
		d.in.Approval.Note = outgrown
		d.know(policy.NoApproval, d.approval)
	}
	a, created, err := d.approvals.Open(ctx, r, d.now)
	switch {
	case errors.Is(err, approval.ErrLimit):
		d.options.Capped(d.subject.Tenant, r.Agent)
		d.know(policy.ApprovalLimit, approval.Approval{})
	case errors.Is(err, approval.ErrDenied):
		d.know(policy.ApprovalDenied, a)
	case err != nil:
		return &UnavailableError{Component: "approvals", Err: fmt.Errorf("open: %w", err)}
	case !created && d.decision.Code == policy.ApprovalRequired: // opened meanwhile by the same call
		d.know(policy.ApprovalOpen, a)
	case created && d.decision.Code == policy.ApprovalPending: // what was open was closed meanwhile
		d.know(policy.NoApproval, a)
	default:
		d.approval = a
	}
	return nil
}

func (d *deciding) openRequest() approval.OpenRequest {
	asked, r := d.decision.Asked, &d.request
	facts := make([]approval.Fact, 0, len(asked.Facts))
	for _, f := range asked.Facts {
		facts = append(facts, approval.Fact(f))
	}
	return approval.OpenRequest{
		Call: d.callOf(), DecisionID: d.id, CorrelationID: r.CorrelationID,
		Agent: r.AgentID, User: d.subject.User, Identity: d.subject.Identity, Door: string(d.call.Door),
		Action: r.Action, Title: asked.Title, ResourceType: asked.ResourceType, ResourceID: r.Resource.ID,
		Received: freeze(r), Canonical: asked.Canonical,
		Requirements: d.decision.Requirements, Triggers: d.decision.Triggers, Packs: d.decision.Packs,
		Facts: facts, Risk: asked.Risk, RiskScore: asked.RiskScore,
		Main: approval.Main{Fact: asked.Main, Unit: asked.Unit}, Over: overOf(asked.Over), Said: asked.Said,
		Region: asked.Region, Label: asked.Classification, AgentTitle: asked.Agent, Zone: asked.Zone.String(),
	}
}

func overOf(o *policy.Over) *approval.Over {
	if o == nil {
		return nil
	}
	return &approval.Over{Limit: o.Limit, Excess: o.Excess, Unit: o.Unit}
}

// resume decides the request that is frozen behind the approval named, in the
// place of the one sent. Whatever does not fit gets one and the same answer,
// without a frozen fact.
func (d *deciding) resume(ctx context.Context) error {
	sent, subject := d.request, d.subject
	fits, err := d.decideFrozen(ctx)
	if fits || err != nil {
		return err
	}
	code := policy.ApprovalMismatchCode
	if slices.Contains(beforeTheCall, d.decision.Code) {
		code = d.decision.Code
	}
	d.request, d.subject, d.approval, d.warnings = sent, subject, approval.Approval{}, nil
	d.refuse(code, "")
	return nil
}

// beforeTheCall are the denials that hold for every call of the agent: they
// stand without a digest to compare, and tell nothing of what is frozen.
var beforeTheCall = []policy.Code{
	policy.PolicyNone, policy.PolicyStale, policy.SuspendedCode, policy.TenantUnknown, policy.AgentUnknown, policy.AgentCaller,
}

func (d *deciding) decideFrozen(ctx context.Context) (fits bool, err error) {
	frozen, err := d.approvals.Resume(ctx, d.subject.Tenant, d.subject.Application, d.request.ApprovalID, d.now)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return false, nil
	case err != nil:
		return false, &UnavailableError{Component: "approvals", Err: fmt.Errorf("resume: %w", err)}
	case frozen.Agent != d.request.AgentID || !d.thaw(frozen):
		return false, nil
	}
	if d.examine(); !d.fits() {
		return false, nil
	}
	err = d.consult(ctx)
	return d.decision.Code != policy.ApprovalMismatchCode, err
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
	case d.subject.Identity == policy.Asserted && agrees(d.subject.User, user):
		d.subject.User = user
	case d.subject.Identity == policy.Asserted, frozen.Identity == policy.None, !policy.SamePerson(d.subject.User, user):
		return false
	}
	r := &d.request
	was.CorrelationID, was.ApprovalID, was.AgentID = r.CorrelationID, r.ApprovalID, r.AgentID
	was.TenantID, was.UserID, was.UserUPN = r.TenantID, r.UserID, r.UserUPN
	was.Context = overlay(was.Context, r.Context)
	d.request = was
	return true
}

// agrees reports whether everything said of a user holds for the one that is
// frozen, so that one of two names is enough to name the same person.
func agrees(said, frozen policy.User) bool {
	id := said.ID == "" || frozen.ID != "" && policy.SamePerson(policy.User{ID: said.ID}, policy.User{ID: frozen.ID})
	upn := said.UPN == "" || frozen.UPN != "" && policy.SamePerson(policy.User{UPN: said.UPN}, policy.User{UPN: frozen.UPN})
	return id && upn
}

// shown are the statuses under which an approval is in the answer.
var shown = []approval.Status{
	approval.Pending, approval.Approved, approval.Denied, approval.Expired, approval.Revoked, approval.Consumed,
}

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
