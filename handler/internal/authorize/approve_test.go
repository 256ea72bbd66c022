package authorize_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// Enforcing opens once; asking again while it is open finds the same.
func TestEnforceOpensOnce(t *testing.T) {
	w := newWorld(t)
	first := w.decide(t, ana(), order("70000"))
	wantCode(t, "asking", first, policy.RequireApproval, policy.ApprovalRequired)
	a := first.Approval
	want := noon.Add(8 * time.Hour)
	if a.Status != "pending" || a.Final || a.StatusURL != w.public+"/api/approvals/"+a.ID || a.PollAfterSeconds != 30 || !a.ApproveBy.Equal(want) || !a.ExecuteBy.IsZero() {
		t.Errorf("approval = %+v, want it pending until %s", a, want)
	}
	if len(a.Requirements) != 1 || a.Requirements[0].PolicyID != "finance/over" || a.Requirements[0].Have != 0 || !slices.Equal(a.Triggers, []string{"overLimit"}) {
		t.Errorf("approval = %+v, want what finance/over requires", a)
	}
	for range 3 {
		again := w.decide(t, ana(), order("70000.00"))
		wantCode(t, "asking again", again, policy.RequireApproval, policy.ApprovalPending)
		if again.Approval.ID != a.ID {
			t.Errorf("asking again: approval %s, want %s", again.Approval.ID, a.ID)
		}
	}
	if other := w.decide(t, ana(), order("70001")); other.Approval.ID == a.ID || other.ReasonCode != policy.ApprovalRequired {
		t.Errorf("another amount: %s with approval %s, want one of its own", other.ReasonCode, other.Approval.ID)
	}
	opened := w.recorded(t, audit.KindApprovalOpened)
	if len(opened) != 2 || opened[0].ApprovalID != a.ID || opened[0].DecisionID != first.DecisionID || opened[0].RequestDigest != first.RequestDigest || !opened[0].TS.Equal(noon) {
		t.Errorf("the log tells %+v, want the openings of two approvals", opened)
	}
}

// A person who waits reads until when, in the pack's time zone.
func TestTheDeadlineIsInTheMessage(t *testing.T) {
	w := newWorld(t)
	want := "A manager decides. It must be decided by 21 November 2026, 21:00 (Europe/Berlin)."
	if got := w.decide(t, ana(), order("70000")).UserMessage; got != want {
		t.Errorf("user message = %q, want %q", got, want)
	}
}

// A preview decides alike and has no effect: the store is not even asked.
func TestPreviewHasNoEffect(t *testing.T) {
	w := newWorld(t)
	calls := 0
	w.store = storetest.FaultyApprovals{Store: w.store, Next: func(string) storetest.Fault { calls++; return storetest.NoFault }}
	for range 2 {
		a := w.decideAs(t, ana(), order("70000"), preview)
		wantCode(t, "a preview", a, policy.RequireApproval, policy.ApprovalRequired)
		if a.Approval.ID != "" || a.Approval.StatusURL != "" || len(a.Approval.Requirements) != 1 {
			t.Errorf("a preview's approval = %+v, want what would be required", a.Approval)
		}
	}
	if calls > 0 || len(w.openings(t)) > 0 {
		t.Errorf("previews made %d calls of the store and opened %d approvals, want none", calls, len(w.openings(t)))
	}
	real := w.decide(t, ana(), order("70000"))
	wantCode(t, "the call itself", real, policy.RequireApproval, policy.ApprovalRequired)
	calls = 0
	for _, id := range []string{"", real.Approval.ID} {
		a := w.decideAs(t, ana(), named(order("70000"), id), preview)
		wantCode(t, "a preview beside an open approval", a, policy.RequireApproval, policy.ApprovalRequired)
	}
	if calls > 0 {
		t.Errorf("previews made %d calls of the store, want none", calls)
	}
}

// Caps: beyond them DENY approval.limit, and what is open stays.
func TestTooManyOpenApprovals(t *testing.T) {
	for _, limits := range []approval.Options{{OpenPerUser: 2}, {OpenPerAgent: 2}} {
		w := newWorld(t)
		w.limits = limits
		first := w.decide(t, ana(), order("70001"))
		w.decide(t, ana(), order("70002"))
		a := w.decide(t, ana(), order("70003"))
		wantCode(t, "a third", a, policy.Deny, policy.ApprovalLimitCode)
		if r := w.of(t, a); a.Approval.ID != "" || r.ApprovalID != "" || len(a.PolicyIDs) > 0 {
			t.Errorf("a third: approval %q by %v, want none", a.Approval.ID, a.PolicyIDs)
		}
		if got := len(w.openings(t)); got != 2 {
			t.Errorf("the log tells of %d openings, want 2", got)
		}
		again := w.decide(t, ana(), order("70001"))
		wantCode(t, "the first again", again, policy.RequireApproval, policy.ApprovalPending)
		if again.Approval.ID != first.Approval.ID {
			t.Errorf("the first again: approval %s, want %s", again.Approval.ID, first.Approval.ID)
		}
		wantCode(t, "what needs none", w.decide(t, ana(), order("100")), policy.Mask, policy.OKMasked)
	}
}

// change rewrites the document behind an approval as another program would.
func (w *world) change(t tester, id string, edit func(*approval.Case)) {
	t.Helper()
	slot, _, ok := approval.ParseID(id)
	if !ok {
		t.Fatalf("approval id = %q", id)
	}
	r, err := w.store.Get(t.Context(), tenant, slot)
	if err != nil {
		t.Fatalf("Get = %v", err)
	}
	d, err := approval.Decode(r.Body)
	if err != nil {
		t.Fatalf("Decode = %v", err)
	}
	edit(&d.Current)
	if r.Body, err = approval.Encode(d); err != nil {
		t.Fatalf("Encode = %v", err)
	}
	if _, err := w.store.Put(t.Context(), r, r.Revision); err != nil {
		t.Fatalf("Put = %v", err)
	}
}

// vote puts a manager's vote into a document.
func vote(c *approval.Case, choice approval.Choice) {
	c.Votes = append(c.Votes, approval.Vote{
		Event: "e1", Voter: approval.Voter{Tenant: tenant, ID: miaID, UPN: "mia@contoso.com", GroupsKnown: true},
		Choice: choice, PolicyIDs: []string{"finance/over", "finance/review"}, At: noon, Comment: "as agreed",
	})
	c.Events = append(c.Events, approval.Event{ID: "e1", Kind: approval.EventVoted, At: noon, Status: c.Status, By: "oid:" + miaID, Logged: true})
}

func approved(c *approval.Case) {
	c.Status, c.ExecuteBy = approval.Approved, noon.Add(24*time.Hour)
	vote(c, approval.Approve)
}

// An approved call runs once, whichever way it is asked for, and its decision
// is recorded with the use; votes on a pending one lift nothing.
func TestAnApprovedCallRunsOnce(t *testing.T) {
	for name, ask := range map[string]func(id string) authorize.Request{
		"the same call":  func(string) authorize.Request { return order("70000") },
		"with the id":    func(id string) authorize.Request { return named(order("70000"), id) },
		"resumed by id":  resume,
		"written anew":   func(string) authorize.Request { return order("70000.00") },
		"by id and anew": func(id string) authorize.Request { return named(order("70000.0"), id) },
	} {
		w := newWorld(t)
		id := w.decide(t, ana(), order("70000")).Approval.ID
		w.change(t, id, func(c *approval.Case) { vote(c, approval.Approve) })
		wantCode(t, name+", pending", w.decide(t, ana(), ask(id)), policy.RequireApproval, policy.ApprovalPending)
		w.change(t, id, func(c *approval.Case) { c.Status, c.ExecuteBy = approval.Approved, noon.Add(24*time.Hour) })
		wantCode(t, name+", a preview", w.decideAs(t, ana(), ask(id), preview), policy.RequireApproval, policy.ApprovalRequired)
		a := w.decide(t, ana(), ask(id))
		wantCode(t, name, a, policy.Mask, policy.OKApproved)
		if r := w.of(t, a); a.Approval.Status != "consumed" || r.ApprovalID != id || r.ApprovalOutcome != "consumed" {
			t.Errorf("%s: approval %+v, record %+v, want it consumed", name, a.Approval, r)
		}
		again := w.decide(t, ana(), ask(id))
		wantCode(t, name+", again", again, policy.RequireApproval, policy.ApprovalRequired)
		if again.Approval.ID == id || !strings.Contains(again.Reason, a.DecisionID) || !strings.Contains(again.Reason, "Idempotency-Key") {
			t.Errorf("%s, again: %s %q, want another approval and what became of the first", name, again.Approval.ID, again.Reason)
		}
	}
}

// Votes of nobody who may vote, or against, or for another rule, lift nothing.
func TestVotesThatDoNotCount(t *testing.T) {
	for name, edit := range map[string]func(*approval.Vote){
		"the requester's own":  func(v *approval.Vote) { v.Voter.ID, v.Voter.UPN = anaID, "ana@contoso.com" },
		"nobody's":             func(v *approval.Vote) { v.Voter.ID, v.Voter.UPN = "", "" },
		"no manager's":         func(v *approval.Vote) { v.Voter.ID, v.Voter.UPN = "", "eve@contoso.com" },
		"for another rule":     func(v *approval.Vote) { v.PolicyIDs = []string{"finance/review"} },
		"a no that is not yet": func(v *approval.Vote) { v.Choice = approval.Deny },
	} {
		w := newWorld(t)
		id := w.decide(t, ana(), order("70000")).Approval.ID
		w.change(t, id, func(c *approval.Case) { approved(c); edit(&c.Votes[0]) })
		a := w.decide(t, ana(), order("70000"))
		wantCode(t, name, a, policy.RequireApproval, policy.ApprovalRequired)
		if a.Approval.ID == id || w.document(t, id).Earlier[0].Status != approval.Superseded {
			t.Errorf("%s: approval %s, want another in its place", name, a.Approval.ID)
		}
	}
}

// An approved one where none is needed today is left untouched, and who voted
// for it is recorded once.
func TestAnApprovedOneThatIsNotNeeded(t *testing.T) {
	w := newWorld(t)
	risky := with(order("100"), func(r *authorize.Request) { r.Context = object(`{"riskScore":80}`) })
	id := w.decide(t, ana(), risky).Approval.ID
	w.change(t, id, approved)
	a := w.decide(t, ana(), named(order("100"), id))
	wantCode(t, "where none is needed", a, policy.Mask, policy.OKMasked)
	if r := w.of(t, a); a.Approval.Status != "approved" || !slices.Equal(r.Approvers, []string{"mia@contoso.com"}) {
		t.Errorf("approval = %+v by %v, want it approved by mia", a.Approval, r.Approvers)
	}
	wantCode(t, "where it is needed", w.decide(t, ana(), risky), policy.Mask, policy.OKApproved)
}

// A person's no stands until its time has passed, by the call and by the id,
// and also where no approval is needed by then.
func TestAPersonsNo(t *testing.T) {
	w := newWorld(t)
	now := noon
	w.clock = func() time.Time { return now }
	risky := with(order("100"), func(r *authorize.Request) { r.Context = object(`{"riskScore":80}`) })
	first := w.decide(t, ana(), risky).Approval
	w.change(t, first.ID, func(c *approval.Case) {
		vote(c, approval.Deny)
		c.Status, c.ClosedAt, c.Comment = approval.Denied, noon, "not this month"
	})
	for _, r := range []authorize.Request{risky, named(risky, first.ID), named(order("100"), first.ID)} {
		a := w.decide(t, ana(), r)
		wantCode(t, "after a no", a, policy.Deny, policy.ApprovalDeniedCode)
		if rec := w.of(t, a); a.Approval.ID != first.ID || a.Approval.Status != "denied" || a.Approval.Comment != "not this month" || rec.ApprovalID != first.ID || len(rec.Approvers) > 0 {
			t.Errorf("after a no: approval %+v, recorded approvers %v, want the denied one and none", a.Approval, rec.Approvers)
		}
	}
	wantCode(t, "what needs none and names none", w.decide(t, ana(), order("100")), policy.Mask, policy.OKMasked)
	now = first.ApproveBy
	a := w.decide(t, ana(), risky)
	wantCode(t, "after its time", a, policy.RequireApproval, policy.ApprovalRequired)
	if a.Approval.ID == first.ID {
		t.Errorf("after its time the approval is %s again, want another", a.Approval.ID)
	}
}

// The other closed ones: revoked is told by id; used, withdrawn and superseded
// ones are as if none were named.
func TestClosedApprovals(t *testing.T) {
	for status, want := range map[approval.Status]policy.Code{
		approval.Revoked: policy.ApprovalRevokedCode, approval.Consumed: policy.ApprovalRequired,
		approval.Cancelled: policy.ApprovalRequired, approval.Superseded: policy.ApprovalRequired,
	} {
		w := newWorld(t)
		id := w.decide(t, ana(), order("70000")).Approval.ID
		w.change(t, id, func(c *approval.Case) { approved(c); c.Status, c.ClosedAt = status, noon })
		a := w.decide(t, ana(), named(order("70000"), id))
		if a.ReasonCode != want {
			t.Errorf("naming a %s one: %s, want %s", status, a.ReasonCode, want)
		}
		if (a.Approval.ID == id) != (status == approval.Revoked) {
			t.Errorf("naming a %s one: approval %s, was %s", status, a.Approval.ID, id)
		}
	}
}
