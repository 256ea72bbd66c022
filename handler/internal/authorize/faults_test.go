package authorize_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// brokenApprovals breaks one call of the use case.
type brokenApprovals struct {
	authorize.Approvals
	op    string // find, open, resume; "" is none
	fault storetest.Fault
}

func broken[T any](b *brokenApprovals, op string, do func() (T, error)) (T, error) {
	var none T
	if b.op == op && b.fault == storetest.FailBefore {
		return none, errBroken
	}
	result, err := do()
	if b.op == op && b.fault == storetest.FailAfter {
		return result, errBroken // with the result: nobody may use it
	}
	return result, err
}

func (b *brokenApprovals) Find(ctx context.Context, call approval.Call, wanted approval.Wanted, now time.Time) (approval.Found, error) {
	return broken(b, "find", func() (approval.Found, error) { return b.Approvals.Find(ctx, call, wanted, now) })
}

func (b *brokenApprovals) Open(ctx context.Context, r approval.OpenRequest, now time.Time) (a approval.Approval, created bool, err error) {
	a, err = broken(b, "open", func() (approval.Approval, error) {
		var err error
		a, created, err = b.Approvals.Open(ctx, r, now)
		return a, err
	})
	return a, created, err
}

func (b *brokenApprovals) Resume(ctx context.Context, tenant, application, id string, now time.Time) (approval.Resumable, error) {
	return broken(b, "resume", func() (approval.Resumable, error) { return b.Approvals.Resume(ctx, tenant, application, id, now) })
}

// withBroken is a world whose approvals can be broken.
func withBroken(t tester) (*world, *brokenApprovals) {
	w, b := newWorld(t), &brokenApprovals{}
	w.approvals = func(a authorize.Approvals) authorize.Approvals { b.Approvals = a; return b }
	return w, b
}

// approvals.md: an unclear store is a 503, never "absent"; what an unanswered
// call has opened is what the next one finds.
func TestApprovalsThatFail(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter} {
		for _, op := range []string{"find", "open"} {
			for _, asked := range []bool{false, true} {
				w, b := withBroken(t)
				first := ""
				if asked {
					first = w.decide(t, ana(), order("70000")).Approval.ID
				}
				before := len(w.recorded(t))
				b.op, b.fault = op, fault
				w.unavailable(t, ana(), order("70000"), "approvals")
				opened := op == "open" && fault == storetest.FailAfter && !asked
				if got := len(w.recorded(t)) - before; got != 0 && !opened {
					t.Errorf("%s fails: %d records more, want none", op, got)
				}
				b.op = ""
				w.samePending(t, first, opened || asked)
			}
		}
	}
}

// samePending asks twice more: it is the approval that is there, and one event
// tells of it.
func (w *world) samePending(t tester, id string, open bool) {
	t.Helper()
	a := w.decide(t, ana(), order("70000"))
	code := policy.ApprovalRequired
	if open {
		code = policy.ApprovalPending
	}
	wantCode(t, "asking again", a, policy.RequireApproval, code)
	if a.Approval.ID == "" || id != "" && a.Approval.ID != id || a.Approval.Status != "pending" {
		t.Errorf("asking again: approval %s %s, want %s pending", a.Approval.ID, a.Approval.Status, id)
	}
	again := w.decide(t, ana(), order("70000"))
	wantCode(t, "asking a third time", again, policy.RequireApproval, policy.ApprovalPending)
	if again.Approval.ID != a.Approval.ID {
		t.Errorf("asking a third time: approval %s, want %s", again.Approval.ID, a.Approval.ID)
	}
	if got := w.openings(t); len(got) != 1 {
		t.Errorf("the log tells of %d openings, want 1", len(got))
	}
}

func TestResumeThatFails(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter} {
		for _, op := range []string{"resume", "find", "open"} {
			w, b := withBroken(t)
			id := w.decide(t, ana(), order("70000")).Approval.ID
			before := len(w.recorded(t))
			b.op, b.fault = op, fault
			w.unavailable(t, ana(), resume(id), "approvals")
			if got := len(w.recorded(t)) - before; got != 0 {
				t.Errorf("%s fails: %d records more, want none", op, got)
			}
			b.op = ""
			a := w.decide(t, ana(), resume(id))
			wantCode(t, "resuming again", a, policy.RequireApproval, policy.ApprovalPending)
			w.samePending(t, id, true)
		}
	}
}

// A named approval is looked up also where none is needed, and not knowing is
// no permission.
func TestANamedApprovalThatCannotBeLookedUp(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter} {
		w, b := withBroken(t)
		b.op, b.fault = "find", fault
		w.unavailable(t, ana(), named(view(""), "apr_x"), "approvals")
		if got := w.recorded(t); len(got) > 0 {
			t.Errorf("the log has %+v, want nothing", got)
		}
	}
}

// Every call of the store fails in its turn, alone or with all that come after
// it, before and after it took effect.
func TestEveryCallOfTheStoreFails(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter} {
		for _, lasting := range []bool{false, true} {
			for turn := 1; ; turn++ {
				calls, on := 0, true
				w := newWorld(t)
				w.store = storetest.FaultyApprovals{Store: w.store, Next: func(string) storetest.Fault {
					calls++
					if on && (calls == turn || lasting && calls > turn) {
						return fault
					}
					return storetest.NoFault
				}}
				a, err := w.serve().Decide(t.Context(), ana(), order("70000"), enforce)
				if err != nil {
					wantUnavailable(t, a, err, "approvals")
				} else {
					w.agree(t, a)
				}
				done := calls < turn
				on = false
				w.settled(t, a.Approval.ID)
				if done {
					break
				}
			}
		}
	}
}

// settled asks until the approval is pending, which is at most twice.
func (w *world) settled(t tester, id string) {
	t.Helper()
	a := w.decide(t, ana(), order("70000"))
	again := w.decide(t, ana(), order("70000"))
	wantCode(t, "asking again", again, policy.RequireApproval, policy.ApprovalPending)
	if again.Approval.ID != a.Approval.ID || id != "" && id != a.Approval.ID {
		t.Errorf("approvals %q, %q and %q of one call, want one", id, a.Approval.ID, again.Approval.ID)
	}
	if got := w.openings(t); len(got) != 1 {
		t.Errorf("the log tells of %d openings, want 1", len(got))
	}
}

// Visible only once logged: an opening that the log did not take is not
// answered, and the next to ask logs it, under the same id.
func TestAnOpeningThatIsNotLogged(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter} {
		w := newWorld(t)
		on := true
		w.log = &brokenLog{Log: w.log, next: func(r audit.Record) storetest.Fault {
			if _, ok := r.(*audit.ApprovalOpened); ok && on {
				return fault
			}
			return storetest.NoFault
		}}
		w.unavailable(t, ana(), order("70000"), "approvals")
		if got := w.recorded(t, audit.KindDecision); len(got) > 0 {
			t.Errorf("the log has %+v, want no decision", got)
		}
		on = false
		w.samePending(t, "", true)
		lines := w.recorded(t, audit.KindApprovalOpened)
		if ids := slices.Compact([]string{lines[0].EventID, lines[len(lines)-1].EventID}); len(ids) != 1 {
			t.Errorf("the opening is told under %v, want one id", ids)
		}
	}
}

// The decision that opened an approval may be lost; the approval is not.
func TestADecisionThatIsNotLoggedLeavesItsApproval(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter} {
		w := newWorld(t)
		log := &brokenLog{Log: w.log, next: decisions(fault)}
		w.log = log
		w.unavailable(t, ana(), order("70000"), "audit")
		log.next = nil
		w.samePending(t, "", true)
	}
}
