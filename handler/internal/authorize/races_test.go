package authorize_test

import (
	"context"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/policy"
)

// between does something after the approval was looked for and before it is
// opened.
type between struct {
	authorize.Approvals
	do func()
}

func (b *between) Open(ctx context.Context, r approval.OpenRequest, now time.Time) (approval.Approval, bool, error) {
	if do := b.do; do != nil {
		b.do = nil
		do()
	}
	return b.Approvals.Open(ctx, r, now)
}

// What others do to the call's approval between looking and opening is in the
// decision: nothing is opened twice, and a no stands.
func TestTheApprovalChangesMeanwhile(t *testing.T) {
	deny := func(c *approval.Case) { vote(c, approval.Deny); c.Status, c.ClosedAt = approval.Denied, noon }
	cancel := func(c *approval.Case) { c.Status, c.ClosedAt = approval.Cancelled, noon }
	for _, c := range []struct {
		name    string
		before  bool // an approval is open before
		do      func(t *testing.T, w *world) string
		outcome policy.Outcome
		code    policy.Code
		same    bool // the answer has the approval that do names
	}{
		{"opened by the same call", false, openOne, policy.RequireApproval, policy.ApprovalPending, true},
		{"opened and denied", false, func(t *testing.T, w *world) string { return w.edited(t, openOne(t, w), deny) }, policy.Deny, policy.ApprovalDeniedCode, true},
		{"denied", true, func(t *testing.T, w *world) string { return w.edited(t, openOne(t, w), deny) }, policy.Deny, policy.ApprovalDeniedCode, true},
		{"cancelled", true, func(t *testing.T, w *world) string { return w.edited(t, openOne(t, w), cancel) }, policy.RequireApproval, policy.ApprovalRequired, false},
	} {
		w := newWorld(t)
		b := &between{}
		w.approvals = func(a authorize.Approvals) authorize.Approvals { b.Approvals = a; return b }
		if c.before {
			openOne(t, w)
		}
		id := ""
		b.do = func() { id = c.do(t, w) }
		a := w.decide(t, ana(), order("70000"))
		wantCode(t, c.name, a, c.outcome, c.code)
		if (a.Approval.ID == id) != c.same || a.Approval.ID == "" {
			t.Errorf("%s: approval %q, was %q", c.name, a.Approval.ID, id)
		}
	}
}

func openOne(t *testing.T, w *world) string {
	t.Helper()
	return w.decide(t, ana(), order("70000")).Approval.ID
}

func (w *world) edited(t *testing.T, id string, edit func(*approval.Case)) string {
	t.Helper()
	w.change(t, id, edit)
	return id
}

// During the rotation of the environment's key what was opened under the
// previous one is found, by the call, by its id and by resuming.
func TestAnApprovalUnderThePreviousKey(t *testing.T) {
	w := newWorld(t)
	w.keys = approval.Keys{Current: oldKey}
	old := w.decide(t, ana(), order("70000"))

	w.service, w.keys = nil, approval.Keys{Current: key, Previous: oldKey}
	for name, r := range map[string]authorize.Request{"the call": order("70000"), "its id": named(order("70000"), old.Approval.ID), "resuming": resume(old.Approval.ID)} {
		a := w.decide(t, ana(), r)
		wantCode(t, name, a, policy.RequireApproval, policy.ApprovalPending)
		if a.Approval.ID != old.Approval.ID || a.RequestDigest == old.RequestDigest {
			t.Errorf("%s: approval %s with digest %s, want %s and a digest under the new key", name, a.Approval.ID, a.RequestDigest, old.Approval.ID)
		}
	}
	previewed := w.decideAs(t, ana(), named(order("70000"), old.Approval.ID), preview)
	wantCode(t, "a preview that names it", previewed, policy.RequireApproval, policy.ApprovalRequired)
	wantCode(t, "another call that names it", w.decide(t, ana(), named(order("70001"), old.Approval.ID)), policy.Deny, policy.ApprovalMismatchCode)
	if got := w.openings(t); len(got) != 1 {
		t.Errorf("the log tells of %d openings, want 1", len(got))
	}
	w.change(t, old.Approval.ID, func(c *approval.Case) { vote(c, approval.Deny); c.Status, c.ClosedAt = approval.Denied, noon })
	wantCode(t, "after a no", w.decide(t, ana(), order("70000")), policy.Deny, policy.ApprovalDeniedCode)

	fresh := w.decide(t, ana(), order("70002"))
	w.service, w.keys = nil, approval.Keys{Current: key}
	if a := w.decide(t, ana(), order("70002")); a.Approval.ID != fresh.Approval.ID {
		t.Errorf("after the rotation: approval %s, want %s, which was opened under the new key", a.Approval.ID, fresh.Approval.ID)
	}
}

// A store that was restored would revive used approvals: the manifest revokes
// what was opened before.
func TestApprovalsBeforeTheManifestsDate(t *testing.T) {
	w := newWorld(t)
	now, validFrom := noon, time.Time{}
	w.clock = func() time.Time { return now }
	w.limits.ValidFrom = func() time.Time { return validFrom }
	old := w.decide(t, ana(), order("70000")).Approval.ID
	w.change(t, old, approved)
	now, validFrom = noon.Add(time.Minute), noon.Add(time.Second)
	wantCode(t, "by its id", w.decide(t, ana(), named(order("70000"), old)), policy.Deny, policy.ApprovalRevokedCode)
	a := w.decide(t, ana(), order("70000"))
	wantCode(t, "without it", a, policy.RequireApproval, policy.ApprovalRequired)
	if a.Approval.ID == old {
		t.Errorf("approval = %s, want another", a.Approval.ID)
	}
}
