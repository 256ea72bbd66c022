package authorize

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Grants signs what tells a tool that a call may run.
type Grants interface {
	Issue(ctx context.Context, f grant.Facts) (token string, ends time.Time, err error)
}

// use spends the approval that the decision rests on: the answer is complete
// before it is stored, stored before it is recorded, recorded before it is
// given. Lost says that another call was faster.
func (d *deciding) use(ctx context.Context) (lost bool, err error) {
	d.approval.Status, d.approval.Final, d.approval.PollAfter = approval.Consumed, true, 0
	if err := d.sign(ctx); err != nil {
		return false, err
	}
	answer := d.answer(audit.Receipt{})
	taking := approval.Taking{
		Call: d.callOf(), Approval: d.approval.ID, DecisionID: d.id, IdempotencyKey: d.call.IdempotencyKey, GrantEnds: d.grantEnds,
	}
	var err1, err2 error
	taking.Answer, err1 = encodeAnswer(&answer)
	taking.Record, err2 = audit.Encode(d.entry())
	if err := errors.Join(err1, err2); err != nil {
		return false, &UnavailableError{Component: "approvals", Err: err}
	}
	_, receipt, err := d.approvals.Use(ctx, taking, d.now)
	switch {
	case errors.Is(err, approval.ErrUsed):
		d.grant, d.grantEnds = "", time.Time{}
		return true, nil
	case err != nil:
		return false, &UnavailableError{Component: "approvals", Err: fmt.Errorf("use: %w", err)}
	}
	answer.Receipt = Receipt(receipt)
	d.given = &answer
	d.tryShadow(ctx)
	return false, nil
}

// replay gives the answer of an earlier use again, to whoever brings its
// Idempotency-Key, if today's evaluation would have it run in the same way.
func (d *deciding) replay(ctx context.Context, u *approval.Use) error {
	answer, err := decodeAnswer(u.Answer)
	if err != nil {
		return &UnavailableError{Component: "approvals", Err: err}
	}
	d.evaluateUnder(answer.RequestDigest)
	if !d.agreesWith(&answer) {
		d.in.Key = d.key
		d.know(policy.ApprovalMismatch, approval.Approval{})
		return nil
	}
	d.id = answer.DecisionID
	d.decision.Outcome, d.decision.Code = answer.Decision, answer.ReasonCode
	d.decision.Reason, d.decision.PolicyIDs, d.decision.Advice = answer.Reason, answer.PolicyIDs, answer.Advice
	d.decision.Obligations = answer.Obligations
	d.approval = approval.Approval{ID: answer.Approval.ID, Status: approval.Consumed, Final: true}
	entry := d.entry()
	entry.As = audit.KindReplayed
	receipt, err := d.log.Append(ctx, entry)
	if err != nil {
		return noRecord(err)
	}
	answer.Receipt = Receipt(receipt)
	if !d.call.Trace {
		answer.Trace = []policy.TraceLine{}
	}
	d.given = &answer
	return nil
}

// evaluateUnder evaluates under the environment's previous key where the digest
// was made with that one: digests and hashed masks of one call differ from key
// to key, and compare only under the same.
func (d *deciding) evaluateUnder(digest string) {
	if previous := d.options.PreviousKey; previous != nil && digest != d.decision.Digest {
		d.in.Key = previous
		d.evaluate()
	}
}

// agreesWith reports whether today's evaluation denies nothing and would run
// the call as the answer says, for a user who is known as well as then.
func (d *deciding) agreesWith(a *Answer) bool {
	effective := strictjson.AppendCanonical(nil, d.decision.Effective)
	return d.decision.Outcome != policy.Deny && d.decision.Digest == a.RequestDigest && d.decision.Identity >= a.Identity &&
		string(effective) == string(strictjson.AppendCanonical(nil, a.EffectiveParameters)) &&
		slices.Equal(d.active.Set.Obligations(&d.in), a.Obligations)
}

// sign adds the grant where the answer carries one: for an action with an
// audience, after an approval, and where an output is to be masked.
func (d *deciding) sign(ctx context.Context) error {
	if !d.wantsGrant() {
		return nil
	}
	facts := grant.Facts{
		Audience: d.decision.Audience, Agent: d.request.AgentID, User: d.subject.User, Application: d.subject.Application,
		Tenant: d.subject.Tenant, Action: d.request.Action, ResourceType: d.decision.Recorded.ResourceType, ResourceID: d.request.Resource.ID,
		Effective: d.decision.Effective, Obligations: d.decision.Obligations, DecisionID: d.id, RequestDigest: d.decision.Digest,
		Now: d.now,
	}
	if facts.Audience == "" {
		facts.Audience = d.active.Environment
	}
	for _, p := range d.decision.Packs {
		facts.PolicyHashes = append(facts.PolicyHashes, p.RulesHash)
	}
	if d.decision.Code == policy.OKApproved {
		facts.ApprovalID, facts.NotAfter = d.approval.ID, d.approval.ExecuteBy
	}
	var err error
	if d.grant, d.grantEnds, err = d.options.Grants.Issue(ctx, facts); err != nil {
		return &UnavailableError{Component: "grants", Err: err}
	}
	return nil
}

func (d *deciding) wantsGrant() bool {
	if d.options.Grants == nil || d.call.Mode == Preview || !d.decision.Outcome.Execute() {
		return false
	}
	return d.decision.Audience != "" || d.decision.Code == policy.OKApproved ||
		slices.ContainsFunc(d.decision.Obligations, func(o policy.Obligation) bool { return strings.HasPrefix(o.Path, "output.") })
}

// outgrown is the note of a decision that wants more than was approved.
const outgrown = "The approval that was given is not enough: the rules want more than was approved."

// note says of an approval that counts for nothing any more what became of it.
func note(l approval.Line) string {
	at := l.ClosedAt.UTC().Format("2006-01-02 15:04:05") + " UTC"
	switch l.Status {
	case approval.Consumed:
		return "An approval of this call was used at " + at + " by decision " + l.UsedBy +
			"; a repeat of that use must carry the same Idempotency-Key."
	case approval.Cancelled:
		return "The approval named was cancelled at " + at + "."
	case approval.Superseded:
		return "The approval named was superseded at " + at + ": the rules want more than was approved."
	case approval.NoStatus, approval.Pending, approval.Approved, approval.Denied, approval.Expired, approval.Revoked:
	}
	return ""
}
