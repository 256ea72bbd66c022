package authorize_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// T29: 1,000 calls open no more approvals than the caps allow, for a user, for
// nobody, and for an agent over all its users.
func TestAThousandRequestsAreCapped(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits approval.Options
		calls  int
		by     func(i int) (identity.Principal, authorize.Request)
		want   int
	}{
		{"one user, as it is set by default", approval.Options{}, 1000, func(i int) (identity.Principal, authorize.Request) {
			return ana(), order(fmt.Sprint(50001 + i))
		}, 20},
		{"one user under many names", approval.Options{}, 100, func(i int) (identity.Principal, authorize.Request) {
			upn := []byte("ana@contoso.com")
			upn[i%3] -= 'a' - 'A'
			return app(flow), by(order(fmt.Sprint(50001+i)), string(upn))
		}, 20},
		{"nobody", approval.Options{OpenPerUser: 7}, 100, func(i int) (identity.Principal, authorize.Request) {
			return app(flow), robot(order(fmt.Sprint(50001 + i)))
		}, 7},
		{"an agent over its users", approval.Options{OpenPerUser: 20, OpenPerAgent: 30}, 100, func(i int) (identity.Principal, authorize.Request) {
			return app(flow), by(order(fmt.Sprint(50001+i)), []string{"ana@contoso.com", "bob@contoso.com"}[i%2])
		}, 30},
	} {
		w := newWorld(t)
		w.limits = c.limits
		opened, refused := 0, 0
		for i := range c.calls {
			p, r := c.by(i)
			call := enforce
			call.Trace = false
			a, err := w.serve().Decide(t.Context(), p, r, call)
			switch {
			case err != nil:
				t.Fatalf("%s: Decide = %v", c.name, err)
			case a.ReasonCode == policy.ApprovalRequired:
				opened++
			case a.ReasonCode == policy.ApprovalLimitCode && a.Decision == policy.Deny && policy.NextStep(a.Decision, a.ReasonCode) == "retry":
				refused++
			default:
				t.Fatalf("%s: call %d = %s %s", c.name, i, a.Decision, a.ReasonCode)
			}
		}
		if opened != c.want || refused != c.calls-c.want || len(w.openings(t)) != c.want || int(w.capped.Load()) != refused {
			t.Errorf("%s: %d opened, %d refused and %d told, want %d, and the rest twice", c.name, opened, refused, w.capped.Load(), c.want)
		}
	}
}

// What gives way to another does not count beside it: superseding is not
// blocked by the caps, be they lower than what is open.
func TestCapsDoNotBlockSuperseding(t *testing.T) {
	for _, limits := range []approval.Options{{OpenPerUser: 3}, {OpenPerUser: 1}, {OpenPerAgent: 1}} {
		w := newWorld(t)
		id := w.approved(t, ana(), order("70000"))
		w.decide(t, ana(), order("70001"))
		w.decide(t, ana(), order("70002"))
		w.restart()
		w.limits = limits
		w.policies.use(changed(t, overRule, strings.Replace(overRule, `"advice"`, `"quorum": 2, "advice"`, 1)))
		w.wantSuperseded(t, fmt.Sprintf("with %+v", limits), w.decide(t, ana(), order("70000")), id)
		wantCode(t, "another", w.decide(t, ana(), order("70003")), policy.Deny, policy.ApprovalLimitCode)
	}
}

// approvals.md, Using: what an id says of a closed approval, and what the reason
// says where the id says nothing more.
func TestWhatAnIdSays(t *testing.T) {
	now := noon
	flowReader := approval.Reader{Principal: app(flow), Tenant: tenant}
	for _, c := range []struct {
		name    string
		close   func(t *testing.T, w *world, id string)
		outcome policy.Outcome
		code    policy.Code
		note    string // in the reason of a call that is asked anew
	}{
		{"denied", func(t *testing.T, w *world, id string) {
			t.Helper()
			w.says(t, mia(), id, approval.Deny, approval.Denied)
		}, policy.Deny, policy.ApprovalDeniedCode, ""},
		{"expired", func(_ *testing.T, _ *world, _ string) { now = noon.Add(8 * time.Hour) }, policy.Deny, policy.ApprovalExpiredCode, ""},
		{"revoked", func(t *testing.T, w *world, id string) {
			t.Helper()
			w.says(t, mia(), id, approval.Approve, approval.Approved)
			w.says(t, mia(), id, approval.Deny, approval.Revoked)
		}, policy.Deny, policy.ApprovalRevokedCode, ""},
		{"cancelled", func(t *testing.T, w *world, id string) {
			t.Helper()
			if _, err := w.votes.Cancel(t.Context(), flowReader, id, "", now); err != nil {
				t.Fatalf("Cancel = %v", err)
			}
		}, policy.RequireApproval, policy.ApprovalRequired, "cancelled at 2026-11-21 12:00:00 UTC"},
		{"consumed", func(t *testing.T, w *world, id string) {
			t.Helper()
			w.says(t, mia(), id, approval.Approve, approval.Approved)
			wantCode(t, "the use", w.decide(t, ana(), order("70000")), policy.Mask, policy.OKApproved)
		}, policy.RequireApproval, policy.ApprovalRequired, "used at 2026-11-21 12:00:00 UTC by decision "},
		{"superseded", func(t *testing.T, w *world, id string) {
			t.Helper()
			w.says(t, mia(), id, approval.Approve, approval.Approved)
			was := w.policies.active.Set
			w.policies.use(changed(t, overRule, strings.Replace(overRule, `"advice"`, `"quorum": 2, "advice"`, 1)))
			w.decide(t, ana(), order("70000"))
			w.policies.use(was)
		}, policy.RequireApproval, policy.ApprovalPending, "superseded at 2026-11-21 12:00:00 UTC"},
	} {
		for _, how := range []string{"named", "resumed"} {
			now = noon
			w := newWorld(t)
			w.clock = func() time.Time { return now }
			id := w.decide(t, ana(), order("70000")).Approval.ID
			c.close(t, w, id)
			r := named(order("70000"), id)
			if how == "resumed" {
				r = resume(id)
			}
			a := w.decide(t, ana(), r)
			wantCode(t, c.name+", "+how, a, c.outcome, c.code)
			if (a.Approval.ID == id) != (c.outcome == policy.Deny) || !strings.Contains(a.Reason, c.note) {
				t.Errorf("%s, %s: approval %s, reason %q; was %s", c.name, how, a.Approval.ID, a.Reason, id)
			}
			// Where none is needed a closed approval that says no still does,
			// and one that says nothing more stands in nobody's way.
			w.policies.use(changed(t, `"max": "50000"`, `"max": "100000"`))
			outcome, code := policy.Mask, policy.OKMasked
			if c.outcome == policy.Deny {
				outcome, code = c.outcome, c.code
			}
			wantCode(t, c.name+", "+how+", where none is needed", w.decide(t, ana(), r), outcome, code)
			// A denial of the rules comes first.
			w.policies.use(changed(t, `"allowedRegions": ["EU"]`, `"allowedRegions": ["US"]`))
			wantCode(t, c.name+", "+how+", where the rules deny", w.decide(t, ana(), r), policy.Deny, policy.ResidencyDenied)
		}
	}
}

// approvals.md, Using: a used approval is as if none were named, and so a no to
// the next one does not stand in the way of what needs none.
func TestAUsedOneBesideANo(t *testing.T) {
	w := newWorld(t)
	id := w.approved(t, ana(), order("70000"))
	wantCode(t, "the use", w.decide(t, ana(), order("70000")), policy.Mask, policy.OKApproved)
	next := w.decide(t, ana(), order("70000")).Approval.ID
	w.says(t, mia(), next, approval.Deny, approval.Denied)
	wantCode(t, "the used one named", w.decide(t, ana(), named(order("70000"), id)), policy.Deny, policy.ApprovalDeniedCode)
	w.policies.use(changed(t, `"max": "50000"`, `"max": "100000"`))
	for _, r := range []authorize.Request{order("70000"), named(order("70000"), id), resume(id)} {
		wantCode(t, "where none is needed", w.decide(t, ana(), r), policy.Mask, policy.OKMasked)
	}
	wantCode(t, "where none is needed, the denied one named", w.decide(t, ana(), named(order("70000"), next)), policy.Deny, policy.ApprovalDeniedCode)
}

// approvals.md, Using: who denied is asked again after approveBy, not before,
// and not by leaving the id out or sending a key.
func TestANoStandsUntilItsTime(t *testing.T) {
	w := newWorld(t)
	now := noon
	w.clock = func() time.Time { return now }
	id := w.decide(t, ana(), order("70000")).Approval.ID
	now = noon.Add(time.Hour)
	w.says(t, mia(), id, approval.Deny, approval.Denied)
	for _, at := range []time.Duration{time.Hour, 8*time.Hour - time.Millisecond} {
		now = noon.Add(at)
		for _, r := range []authorize.Request{order("70000"), order("70000.00"), named(order("70000"), id), resume(id)} {
			wantCode(t, "after a no", w.again(t, ana(), r, "k"), policy.Deny, policy.ApprovalDeniedCode)
		}
	}
	now = noon.Add(8 * time.Hour)
	wantCode(t, "after approveBy, named", w.again(t, ana(), named(order("70000"), id), "k"), policy.Deny, policy.ApprovalDeniedCode)
	wantCode(t, "after approveBy", w.again(t, ana(), order("70000"), "k"), policy.RequireApproval, policy.ApprovalRequired)
}

// A call that needs no approval and names none never depends on the approval
// store, key or not; one that does is a 503 while it is down.
func TestTheStoreIsReadOnlyWhereItMatters(t *testing.T) {
	w := newWorld(t)
	risky := with(order("100"), func(r *authorize.Request) { r.Context = object(`{"riskScore":80}`) })
	id := w.decide(t, ana(), risky).Approval.ID
	w.restart()
	calls := 0
	w.store = storetest.FaultyApprovals{Store: w.store, Next: func(string) storetest.Fault { calls++; return storetest.FailBefore }}
	for _, c := range outcomes() {
		if c.want == policy.RequireApproval || c.request.ApprovalID != "" {
			continue
		}
		for _, call := range []authorize.Call{enforce, keyed("k"), preview} {
			a := w.decideAs(t, c.by, c.request, call)
			wantCode(t, c.name, a, c.want, c.code)
		}
	}
	if calls > 0 {
		t.Errorf("%d calls of the store, want none", calls)
	}
	w.unavailable(t, ana(), named(order("100"), id), "approvals")
}

// FR26: a read that is not clear is neither absent nor a mismatch.
func TestAnUnclearReadIsNoMismatch(t *testing.T) {
	w := newWorld(t)
	id := w.approved(t, ana(), order("70000"))
	before, store := len(w.recorded(t)), w.store
	w.restart()
	w.store = storetest.FaultyApprovals{Store: store, Next: func(call string) storetest.Fault {
		if call == "get" {
			return storetest.FailBefore
		}
		return storetest.NoFault
	}}
	for _, r := range []authorize.Request{order("70000"), named(order("70000"), id), resume(id)} {
		w.unavailableAs(t, ana(), r, keyed("k"), "approvals")
	}
	if got := len(w.recorded(t)); got != before {
		t.Errorf("%d records more, want none", got-before)
	}
	w.store = store
	w.restart()
	wantCode(t, "when it is clear", w.again(t, ana(), named(order("70000"), id), "k"), policy.Mask, policy.OKApproved)
}

// The largest call that the contract lets in can be approved, used and
// repeated, with its trace.
func TestTheLargestCallIsUsed(t *testing.T) {
	w := newWorld(t)
	payload := `"` + strings.Repeat("x", 250_000) + `"`
	big := with(order("70000"), func(r *authorize.Request) {
		r.Parameters = object(`{"amount":70000,"currency":"EUR","payload":{"x":` + payload + `}}`)
	})
	id := w.approved(t, ana(), big)
	first := w.decideAs(t, ana(), big, keyed("k"))
	wantCode(t, "the use", first, policy.Mask, policy.OKApproved)
	w.wantReplayed(t, "the largest", first, w.again(t, ana(), resume(id), "k"))
	next := w.approved(t, ana(), big)
	wantCode(t, "the next use", w.decideAs(t, ana(), resume(next), keyed("k2")), policy.Mask, policy.OKApproved)
	if a := w.again(t, ana(), big, "k2"); a.ReasonCode != policy.OKApproved {
		t.Errorf("the next, again = %s", a.ReasonCode)
	}
}

// The log of a use: consumed and decided, each under its own id, both with the
// approval and who approved.
func TestTheRecordOfAUse(t *testing.T) {
	w := newWorld(t)
	id := w.approved(t, ana(), order("70000"))
	a := w.decideAs(t, ana(), order("70000"), keyed("k"))
	r := w.of(t, a)
	if r.Kind != audit.KindDecision || r.ApprovalID != id || r.ApprovalOutcome != "consumed" || len(r.Approvers) != 1 || r.Approvers[0] != "mia@contoso.com" {
		t.Errorf("the decision = %+v, want it with the approval and mia", r)
	}
	consumed := w.recorded(t, audit.KindApprovalConsumed)
	if len(consumed) != 1 || consumed[0].ApprovalID != id || consumed[0].DecisionID != a.DecisionID || consumed[0].EventID == "" || consumed[0].Outcome != "consumed" {
		t.Errorf("consumed = %+v, want one that names the decision %s", consumed, a.DecisionID)
	}
}
