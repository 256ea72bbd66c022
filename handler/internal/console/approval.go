package console

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
	"github.com/authorization-fabric/fabric/policy"
)

// approvalView is one approval and what this person can do about it.
type approvalView struct {
	sheet.Sheet
	Notice  string // why a click changed nothing; "" otherwise
	You     string // what the person said before; "" for nothing
	Later   string // id of the approval that this one gave way to
	Many    bool   // more than one requirement
	Left    string // time to the deadline, in words
	Forms   actions
	Tone    string // of the status: waiting, good, bad or done
	MaxText int    // characters of a comment
}

// actions are the forms of the page: a token where there is one.
type actions struct {
	Vote, Pass, Revoke string
	Approve            bool // the vote may be to approve
}

// Any reports whether there is anything to do.
func (a actions) Any() bool { return a.Vote != "" || a.Pass != "" || a.Revoke != "" }

// approval is GET /console/approvals/{id}.
func (c *Console) approval(w http.ResponseWriter, r *http.Request, s Session) error {
	return c.show(w, r, s, http.StatusOK, "")
}

// show renders the approval of the path, as it is now.
func (c *Console) show(w http.ResponseWriter, r *http.Request, s Session, status int, notice string) error {
	now := c.options.Now()
	in, err := c.parts.Approvals.Inspect(r.Context(), readerOf(s), r.PathValue("id"), now)
	if err != nil {
		return err
	}
	v, err := c.viewOf(r.Context(), s, in, now)
	if err != nil {
		return err
	}
	v.Notice = notice
	c.render(w, r, s, status, "approval", v.Headline+", "+v.Title, v)
	return nil
}

func (c *Console) viewOf(ctx context.Context, s Session, in approval.Inspection, now time.Time) (approvalView, error) {
	d := in.Document
	past, err := c.parts.Approvals.History(ctx, d.Tenant, d.Current.Requester, now)
	if err != nil {
		return approvalView{}, err
	}
	input := sheet.Input{Document: d, Approval: in.Approval, Past: past, Now: now}
	if words := c.parts.Words; words != nil {
		input.ViewerLimit = words.Limit(s.Principal, d, now)
		input.Title = func(policyID, approver string) string { return words.Approver(policyID, approver, now) }
	}
	v := approvalView{Sheet: sheet.Of(input), You: said(&in, s), Tone: tone(in.Approval.Status), MaxText: approval.MaxComment}
	v.Many = len(v.Progress) > 1
	if in.Earlier {
		v.Later = d.ID()
	}
	if until := deadline(&in.Approval); until.After(now) {
		v.Left = span(until.Sub(now))
	}
	v.Forms = c.actionsFor(s, &in, now)
	return v, nil
}

func deadline(a *approval.Approval) time.Time {
	switch a.Status {
	case approval.Pending:
		return a.ApproveBy
	case approval.Approved:
		return a.ExecuteBy
	default:
		return time.Time{}
	}
}

func tone(s approval.Status) string {
	switch s {
	case approval.Pending:
		return "waiting"
	case approval.Approved, approval.Consumed:
		return "good"
	case approval.Denied, approval.Revoked:
		return "bad"
	default:
		return "done"
	}
}

// said is what the person has done about the approval before.
func said(in *approval.Inspection, s Session) string {
	me := approval.UserKey(s.Principal.ObjectID, s.Principal.UPN)
	switch {
	case in.Earlier:
		return ""
	case in.Voted == approval.Approve:
		return "You approved this."
	case in.Voted == approval.Deny:
		return "You denied this."
	case slices.Contains(in.Document.Current.PassedOn, me) && in.Approval.Status == approval.Pending:
		return "You said that this is not yours to decide; the others were told. You can still decide."
	}
	return ""
}

// actionsFor are the forms that would do something now. The use case decides
// again when they come in.
func (c *Console) actionsFor(s Session, in *approval.Inspection, now time.Time) actions {
	var a actions
	token := func(purpose string) string { return c.forms.token(s, purpose, in.Approval.ID, now) }
	pending := in.Approval.Status == approval.Pending
	switch {
	case in.Earlier || in.Approval.Final:
	case pending && len(in.MayVote) > 0:
		a.Vote, a.Approve = token(toVote), uncounted(in, s)
		if in.Voted == "" && !slices.Contains(in.Document.Current.PassedOn, approval.UserKey(s.Principal.ObjectID, s.Principal.UPN)) {
			a.Pass = token(toPass)
		}
	case in.MayRevoke:
		a.Revoke = token(toRevoke)
	}
	return a
}

// uncounted reports whether the person's approval would count for something
// that it has not counted for yet.
func uncounted(in *approval.Inspection, s Session) bool {
	me := policy.User{ID: s.Principal.ObjectID, UPN: s.Principal.UPN}
	counted := map[string]bool{}
	for _, v := range in.Document.Current.Votes {
		if v.Choice == approval.Approve && policy.SamePerson(policy.User{ID: v.Voter.ID, UPN: v.Voter.UPN}, me) {
			for _, id := range v.PolicyIDs {
				counted[id] = true
			}
		}
	}
	return slices.ContainsFunc(in.MayVote, func(id string) bool { return !counted[id] })
}
