package authorize_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// keyed is an enforced call with an Idempotency-Key.
func keyed(key string) authorize.Call {
	call := enforce
	call.Trace, call.IdempotencyKey = false, key
	return call
}

// body is an answer on the wire, without its receipt.
func body(a authorize.Answer) string {
	a.Receipt = authorize.Receipt{}
	return string(httpapi.AppendAnswer(nil, &a))
}

// again repeats a call whose reply got lost.
func (w *world) again(t tester, p identity.Principal, r authorize.Request, key string) authorize.Answer {
	t.Helper()
	a, err := w.serve().Decide(t.Context(), p, r, keyed(key))
	if err != nil {
		t.Fatalf("Decide = %v, want an answer", err)
	}
	wantNoNil(t, a)
	return a
}

// wantReplayed: the same answer, byte for byte but for its receipt, which is of
// a record that says so.
func (w *world) wantReplayed(t tester, what string, first, a authorize.Answer) {
	t.Helper()
	if diff := cmp.Diff(body(first), body(a)); diff != "" {
		t.Errorf("%s: the answer differs (-first +again):\n%s", what, diff)
		return
	}
	r := w.of(t, a)
	if r.Kind != audit.KindReplayed || r.DecisionID != first.DecisionID || r.ApprovalID != first.Approval.ID || r.ApprovalOutcome != "consumed" ||
		r.ReasonCode != first.ReasonCode || r.Decision != first.Decision.String() || r.RequestDigest != first.RequestDigest ||
		string(r.Parameters) != canonical(first.EffectiveParameters) || !r.TS.Equal(w.clock().UTC().Truncate(time.Millisecond)) {
		t.Errorf("%s: recorded as %+v, want a replay of %s now", what, r, first.DecisionID)
	}
	if a.Receipt == first.Receipt {
		t.Errorf("%s: the receipt is that of the first answer", what)
	}
	if got := w.uses(t); len(got) != 1 || got[0] != first.DecisionID {
		t.Errorf("%s: the log tells of the uses %v, want %s alone", what, got, first.DecisionID)
	}
}

// used is a world in which ana's order was approved and decided, with a key;
// the clock is the test's.
func used(t tester, now *time.Time) (*world, authorize.Answer) {
	t.Helper()
	w := newWorld(t)
	w.clock = func() time.Time { return *now }
	w.approved(t, ana(), order("70000"))
	first := w.decideAs(t, ana(), order("70000"), keyed("run-17"))
	wantCode(t, "the use", first, policy.Mask, policy.OKApproved)
	return w, first
}

// FR15, contract.md Idempotency-Key: a reply that got lost is given again, to
// the second, however the call is named and written, and also by a process
// that was started since.
func TestALostReplyIsGivenAgain(t *testing.T) {
	now := noon
	w, first := used(t, &now)
	if u := w.document(t, first.Approval.ID).Current.Use; u.DecisionID != first.DecisionID || u.IdempotencyKey != "run-17" {
		t.Errorf("stored use = %s by %q, want that of %s", u.DecisionID, u.IdempotencyKey, first.DecisionID)
	}
	for _, after := range []time.Duration{0, 130 * time.Second, 290 * time.Second, 600 * time.Second, 15*time.Minute - time.Second} {
		now = noon.Add(after)
		for how, r := range map[string]authorize.Request{
			"the same": order("70000"), "written otherwise": order("70000.00"), "named": named(order("70000"), first.Approval.ID),
			"resumed": resume(first.Approval.ID), "another correlation": with(order("70000"), func(r *authorize.Request) { r.CorrelationID = "c2" }),
			"a higher risk": with(order("70000"), func(r *authorize.Request) { r.Context = object(`{"riskScore":60}`) }),
		} {
			w.restart()
			w.wantReplayed(t, how+" after "+after.String(), first, w.again(t, ana(), r, "run-17"))
		}
	}
	if got := w.openings(t); len(got) != 1 {
		t.Errorf("the log tells of %d openings, want the one", len(got))
	}
}

// A trace is for who asks for it and may: the stored one is not given along.
func TestAReplayKeepsItsTrace(t *testing.T) {
	w := newWorld(t)
	w.approved(t, ana(), order("70000"))
	traced := keyed("k")
	traced.Trace = true
	first := w.decideAs(t, ana(), order("70000"), traced)
	if a := w.again(t, ana(), order("70000"), "k"); a.Trace == nil || len(a.Trace) > 0 {
		t.Errorf("trace = %v, want none", a.Trace)
	}
	a, err := w.serve().Decide(t.Context(), ana(), order("70000"), traced)
	if err != nil {
		t.Fatal(err)
	}
	w.wantReplayed(t, "with a trace", first, a)
}

// After its time a key brings nothing back, nor does another one, or none; and
// nothing runs twice: the reason says by which decision it ran.
func TestWithoutTheKeyNothingRunsTwice(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		key   string
	}{
		"no key": {130 * time.Second, ""}, "another key": {130 * time.Second, "run-18"}, "in another case": {0, "RUN-17"}, "too late": {15*time.Minute + time.Second, "run-17"},
		"at the end": {15 * time.Minute, "run-17"},
	} {
		for _, named := range []bool{false, true} {
			now := noon
			w, first := used(t, &now)
			now = noon.Add(c.after)
			r := order("70000")
			if named {
				r.ApprovalID = first.Approval.ID
			}
			a := w.again(t, ana(), r, c.key)
			wantCode(t, name, a, policy.RequireApproval, policy.ApprovalRequired)
			if a.Approval.ID == first.Approval.ID || !strings.Contains(a.Reason, first.DecisionID) || !strings.Contains(a.Reason, "12:00:00 UTC") || !strings.Contains(a.Reason, "Idempotency-Key") {
				t.Errorf("%s: approval %s, reason %q; want another, and why: %s", name, a.Approval.ID, a.Reason, first.DecisionID)
			}
			b := w.again(t, ana(), r, c.key)
			wantCode(t, name+", once more", b, policy.RequireApproval, policy.ApprovalPending)
			if c.after < approval.ReplayWindow && !strings.Contains(b.Reason, first.DecisionID) {
				t.Errorf("%s, once more: reason %q, want %s in it", name, b.Reason, first.DecisionID)
			}
			if got := w.uses(t); len(got) != 1 {
				t.Errorf("%s: uses %v, want one", name, got)
			}
		}
	}
}

// policy-pack 5.3: with disclosure codes the reason is the code's own sentence.
func TestCodesOnlyTellsOfNoEarlierUse(t *testing.T) {
	w := newWorld(t)
	w.policies.use(changed(t, `"timeZone": "Europe/Berlin",`, `"timeZone": "Europe/Berlin", "disclosure": "codes",`))
	id := w.approved(t, ana(), order("70000"))
	wantCode(t, "the use", w.decide(t, ana(), order("70000")), policy.Mask, policy.OKApproved)
	for _, r := range []authorize.Request{order("70000"), order("70000"), named(order("70000"), id)} {
		a := w.decide(t, ana(), r)
		if a.Reason != policy.Sentence(a.ReasonCode) || a.Decision != policy.RequireApproval {
			t.Errorf("Decide = %s %q, want the sentence of %s", a.Decision, a.Reason, a.ReasonCode)
		}
	}
}

// An answer is never given again past the approval's executeBy.
func TestNoReplayPastExecuteBy(t *testing.T) {
	w := newWorld(t)
	now := noon
	w.clock = func() time.Time { return now }
	w.policies.use(changed(t, overRule, strings.Replace(overRule, `"advice"`, `"executeWithin": "PT10M", "advice"`, 1)))
	w.approved(t, ana(), order("70000"))
	now = noon.Add(8 * time.Minute)
	first := w.decideAs(t, ana(), order("70000"), keyed("k"))
	wantCode(t, "the use", first, policy.Mask, policy.OKApproved)
	now = noon.Add(10*time.Minute - time.Millisecond)
	w.wantReplayed(t, "a moment before", first, w.again(t, ana(), order("70000"), "k"))
	now = noon.Add(10 * time.Minute)
	wantCode(t, "at executeBy", w.again(t, ana(), order("70000"), "k"), policy.RequireApproval, policy.ApprovalRequired)
}

// Key kept, call changed: another call with its own decision, never the stored
// answer. Another person's or application's key is none of this call's.
func TestAKeyBelongsToItsCall(t *testing.T) {
	now := noon
	w, first := used(t, &now)
	for name, c := range map[string]struct {
		by identity.Principal
		r  authorize.Request
	}{
		"another amount":            {ana(), order("70001")},
		"another user":              {person("bbb", "bob@contoso.com"), order("70000")},
		"another application":       {app(otherFlow), by(order("70000"), "ana@contoso.com")},
		"the same user, only named": {app(flow), by(order("70000"), "ana@contoso.com")},
	} {
		a := w.again(t, c.by, c.r, "run-17")
		wantCode(t, name, a, policy.RequireApproval, policy.ApprovalRequired)
		if a.DecisionID == first.DecisionID || a.Approval.ID == first.Approval.ID {
			t.Errorf("%s: decision %s with approval %s, want its own", name, a.DecisionID, a.Approval.ID)
		}
	}
	a := w.again(t, ana(), order("100"), "run-17")
	wantCode(t, "what needs no approval", a, policy.Mask, policy.OKMasked)
	if a.DecisionID == first.DecisionID {
		t.Errorf("what needs no approval: decision %s again", a.DecisionID)
	}
}

// contract.md, Idempotency-Key: only after a fresh evaluation that gives the
// same and does not deny; what denies says so itself.
func TestAReplayIsEvaluatedAnew(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*testing.T, *world)
		code   policy.Code
		call   bool // the change makes it another call
	}{
		{"another pin", pack(`"pin": {"ledger": "GL-100"}`, `"pin": {"ledger": "GL-200"}`), policy.ApprovalRequired, true},
		{"another mask", pack(`"parameters.pin", "method": "redact"`, `"parameters.pin", "method": "remove"`), policy.ApprovalMismatchCode, false},
		{"no mask", pack(`{"path": "parameters.card", "method": "last4"},`, ``), policy.ApprovalMismatchCode, false},
		{"another obligation", pack(`"output.**.iban", "method": "last4"`, `"output.**.iban", "method": "redact"`), policy.ApprovalMismatchCode, false},
		{"one obligation more", pack(`{"path": "output.**.iban"`, `{"path": "output.name", "method": "redact"}, {"path": "output.**.iban"`), policy.ApprovalMismatchCode, false},
		{"a threshold denies", pack(`"askAbove": "70", "denyAbove": "90"`, `"askAbove": "5", "denyAbove": "9"`), policy.ThresholdDenied, false},
		{"nothing entitles", pack(`"user:ana@contoso.com", "oid:`+anaID+`",`, ``), policy.EntitlementNone, false},
		{"the rule is removed", pack(overRule+",", ``), policy.ThresholdExceeded, false},
		{"suspended", func(_ *testing.T, w *world) { w.policies.active.Suspended = []string{"agent:finance-agent"} }, policy.SuspendedCode, false},
		{"too old a policy", func(_ *testing.T, w *world) { w.policies.active.Expired = true }, policy.PolicyStale, false},
	} {
		for how, ask := range map[string]func(id string) authorize.Request{
			"": func(string) authorize.Request { return secret() }, ", named": func(id string) authorize.Request { return named(secret(), id) }, ", resumed": resume,
		} {
			w := newWorld(t)
			id := w.approved(t, ana(), secret())
			first := w.decideAs(t, ana(), secret(), keyed("k"))
			wantCode(t, "the use", first, policy.Mask, policy.OKApproved)
			c.change(t, w)
			a := w.again(t, ana(), ask(id), "k")
			w.agree(t, a)
			want, outcome := c.code, policy.Deny
			switch {
			case c.call && how == "":
				outcome = policy.RequireApproval
			case c.call:
				want = policy.ApprovalMismatchCode
			}
			wantCode(t, c.name+how, a, outcome, want)
			if a.DecisionID == first.DecisionID || a.Grant != "" {
				t.Errorf("%s%s: the stored answer was given", c.name, how)
			}
			if want == policy.ApprovalMismatchCode && a.Approval.ID != "" {
				t.Errorf("%s%s: a mismatch tells of %s", c.name, how, a.Approval.ID)
			}
			w.wantStatus(t, c.name+how, id, approval.Consumed)
		}
	}
}

func pack(pairs ...string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) { t.Helper(); w.policies.use(changed(t, pairs...)) }
}

// secret is an order with a value for every mask.
func secret() authorize.Request {
	return with(order("70000"), func(r *authorize.Request) {
		r.Parameters = object(`{"amount":70000,"currency":"EUR","pin":"p1","card":"4111111111111111","token":"t1","gone":"g1"}`)
	})
}

// Rules that merely want more approval, or none any more, do not take back an
// answer that was given: it is for the same single run.
func TestAReplayNeedsNoNewApproval(t *testing.T) {
	now := noon
	w, first := used(t, &now)
	w.policies.use(changed(t, overRule, strings.Replace(overRule, `"advice"`, `"quorum": 2, "advice"`, 1)))
	w.wantReplayed(t, "a higher quorum", first, w.again(t, ana(), order("70000"), "run-17"))
	w.policies.use(changed(t, `"max": "50000"`, `"max": "100000"`))
	w.wantReplayed(t, "no approval, but the id", first, w.again(t, ana(), named(order("70000"), first.Approval.ID), "run-17"))
	// Without the id the store is not read: the call is one that anybody in
	// her role may make as often as they like.
	a := w.again(t, ana(), order("70000"), "run-17")
	wantCode(t, "no approval and no id", a, policy.Mask, policy.OKMasked)
}

// A user who is known less well than in the answer does not get it.
func TestAReplayIsForWhoIsKnownAsWell(t *testing.T) {
	w := newWorld(t)
	noUPN := person(anaID, "")
	w.approved(t, noUPN, order("70000"))
	first := w.decideAs(t, noUPN, order("70000"), keyed("k"))
	wantCode(t, "the use", first, policy.Mask, policy.OKApproved)
	asserted := with(order("70000"), func(r *authorize.Request) { r.UserID = anaID })
	a := w.again(t, app(flow), asserted, "k")
	wantCode(t, "only asserted", a, policy.Deny, policy.ApprovalMismatchCode)
	if a.RequestDigest != first.RequestDigest {
		t.Fatalf("the digests of one call are %s and %s", first.RequestDigest, a.RequestDigest)
	}
	w.wantReplayed(t, "verified", first, w.again(t, noUPN, order("70000"), "k"))
}

// contract.md: not after the approval was revoked meanwhile.
func TestNoReplayAfterARevocation(t *testing.T) {
	now := noon
	w, first := used(t, &now)
	auditor := person("aaa", "aud@contoso.com")
	auditor.AppRoles = []string{identity.RoleAuditor}
	if _, err := w.votes.Revoke(t.Context(), approval.Reader{Principal: auditor, Tenant: tenant}, first.Approval.ID, "wrong vendor", now); err == nil {
		t.Error("Revoke after the use = nil, want that it was used")
	}
	for how, r := range map[string]authorize.Request{"": order("70000"), "named": named(order("70000"), first.Approval.ID), "resumed": resume(first.Approval.ID)} {
		wantCode(t, "revoked since "+how, w.again(t, ana(), r, "run-17"), policy.Deny, policy.ApprovalMismatchCode)
	}
	if got := w.openings(t); len(got) != 1 {
		t.Errorf("the log tells of %d openings, want none more", len(got))
	}
	wantCode(t, "with another key", w.again(t, ana(), order("70000"), "run-18"), policy.RequireApproval, policy.ApprovalRequired)
	wantCode(t, "with the next one open", w.again(t, ana(), order("70000"), "run-17"), policy.Deny, policy.ApprovalMismatchCode)
}

// A store that was restored, or an approval that the manifest revokes, gives
// no answer again.
func TestNoReplayFromBeforeTheManifestsDate(t *testing.T) {
	w := newWorld(t)
	now, validFrom := noon, time.Time{}
	w.clock = func() time.Time { return now }
	w.limits.ValidFrom = func() time.Time { return validFrom }
	w.approved(t, ana(), order("70000"))
	w.decideAs(t, ana(), order("70000"), keyed("k"))
	now, validFrom = noon.Add(time.Minute), noon.Add(time.Second)
	wantCode(t, "before the date", w.again(t, ana(), order("70000"), "k"), policy.Deny, policy.ApprovalMismatchCode)
}

// The next approval of the call may be open, approved or used meanwhile: a key
// still brings its own answer.
func TestAReplayBesideTheNextApproval(t *testing.T) {
	now := noon
	w, first := used(t, &now)
	now = noon.Add(time.Minute)
	next := w.decide(t, ana(), order("70000"))
	wantCode(t, "the next", next, policy.RequireApproval, policy.ApprovalRequired)
	for _, step := range []func(){
		func() {},
		func() { w.says(t, mia(), next.Approval.ID, approval.Approve, approval.Approved) },
	} {
		step()
		for how, r := range map[string]authorize.Request{"": order("70000"), "named": named(order("70000"), first.Approval.ID), "resumed": resume(first.Approval.ID)} {
			w.wantReplayed(t, "beside the next "+how, first, w.again(t, ana(), r, "run-17"))
		}
	}
	w.wantStatus(t, "after replays of the first", next.Approval.ID, approval.Approved)
	second := w.decideAs(t, ana(), order("70000"), keyed("run-18"))
	wantCode(t, "the second use", second, policy.Mask, policy.OKApproved)
	if second.DecisionID == first.DecisionID || len(w.uses(t)) != 2 {
		t.Errorf("uses = %v, want two", w.uses(t))
	}
	for name, want := range map[string]authorize.Answer{"run-17": first, "run-18": second} {
		if a := w.again(t, ana(), order("70000"), name); body(a) != body(want) {
			t.Errorf("%s brings %s, want %s", name, a.DecisionID, want.DecisionID)
		}
	}
}

// During the rotation of the environment's key: what was used under the
// previous one is given again, hashed values as they were.
func TestAReplayUnderThePreviousKey(t *testing.T) {
	w := newWorld(t)
	w.keys = approval.Keys{Current: oldKey}
	w.approved(t, ana(), secret())
	first := w.decideAs(t, ana(), secret(), keyed("k"))
	wantCode(t, "the use", first, policy.Mask, policy.OKApproved)
	w.restart()
	w.keys = approval.Keys{Current: key, Previous: oldKey}
	for how, r := range map[string]authorize.Request{"": secret(), "named": named(secret(), first.Approval.ID), "resumed": resume(first.Approval.ID)} {
		a := w.again(t, ana(), r, "k")
		w.wantReplayed(t, "rotated "+how, first, a)
		if got := w.of(t, a).KeyID; got != oldKey.ID() {
			t.Errorf("rotated %s: recorded under the key %s, want %s, which made its digests", how, got, oldKey.ID())
		}
	}
	w.policies.use(changed(t, `"parameters.pin", "method": "redact"`, `"parameters.pin", "method": "remove"`))
	a := w.again(t, ana(), secret(), "k")
	wantCode(t, "rotated, and masked otherwise", a, policy.Deny, policy.ApprovalMismatchCode)
	if r := w.of(t, a); r.KeyID != key.ID() || r.RequestDigest == first.RequestDigest {
		t.Errorf("a denial is recorded under %s with digest %s, want the current key's", r.KeyID, r.RequestDigest)
	}
	w.policies.use(changed(t, `"version": 1`, `"version": 2`))
	next := w.again(t, ana(), secret(), "")
	wantCode(t, "the next", next, policy.RequireApproval, policy.ApprovalRequired)
	w.wantReplayed(t, "rotated, with the next open under the new key", first, w.again(t, ana(), secret(), "k"))
}

// An approval of the previous key is used under the current one, and its
// answer given again.
func TestAUseAcrossARotation(t *testing.T) {
	w := newWorld(t)
	w.keys = approval.Keys{Current: oldKey}
	id := w.approved(t, ana(), secret())
	w.restart()
	w.keys = approval.Keys{Current: key, Previous: oldKey}
	first := w.decideAs(t, ana(), secret(), keyed("k"))
	wantCode(t, "the use", first, policy.Mask, policy.OKApproved)
	w.wantStatus(t, "used", id, approval.Consumed)
	w.wantReplayed(t, "again", first, w.again(t, ana(), secret(), "k"))
}
