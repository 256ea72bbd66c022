package authorize_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// strangers are ids that are none of the calls they come with. Each approval is
// of a call with "FROZEN" in it.
func strangers(t tester, w *world) map[string]string {
	t.Helper()
	frozen := func(r authorize.Request) authorize.Request {
		return with(r, func(r *authorize.Request) {
			r.CorrelationID, r.Resource.ID = "FROZEN-c", "FROZEN-id"
			r.Resource.Attributes = object(`{"site":"FROZEN-site"}`)
			r.Parameters = object(`{"amount":70000,"currency":"USD","payload":{"x":"FROZEN-x"}}`)
			r.Context = object(`{"riskScore":10,"reason":"FROZEN-reason","roles":"FROZEN-roles"}`)
		})
	}
	own := w.decide(t, ana(), frozen(order("70000"))).Approval.ID
	other := w.decide(t, app(otherFlow), by(frozen(order("70000")), "ana@contoso.com")).Approval.ID
	bobs := w.decide(t, app(flow), by(frozen(order("70000")), "bob@contoso.com")).Approval.ID
	slot, generation, ok := approval.ParseID(own)
	if !ok || other == "" || bobs == "" {
		t.Fatalf("approvals %q, %q, %q", own, other, bobs)
	}
	return map[string]string{
		"another call's":        own,
		"another application's": other,
		"another user's":        bobs,
		"unknown":               approval.ID(strings.Repeat("0", len(slot)), generation),
		"no id at all":          "x",
		"another generation":    approval.ID(slot, generation+1),
		"in another case":       strings.ToUpper(own),
	}
}

// approvals.md, Using: with an id that is not this call's the answer is
// approval.mismatch, also where no approval is needed, and tells nothing of
// the approval.
func TestAnotherCallsApproval(t *testing.T) {
	for _, request := range []authorize.Request{order("70000"), order("100"), view("")} {
		for _, call := range []authorize.Call{enforce, preview} {
			w := newWorld(t)
			for what, id := range strangers(t, w) {
				before := len(w.openings(t))
				a := w.decideAs(t, ana(), named(request, id), call)
				wantCode(t, what, a, policy.Deny, policy.ApprovalMismatchCode)
				w.wantNothingFrozen(t, what, a)
				if got := len(w.openings(t)); got != before {
					t.Errorf("%s: opened %d approvals, want none", what, got-before)
				}
			}
		}
	}
}

// wantNothingFrozen: neither answer nor record hold a word of a frozen call.
func (w *world) wantNothingFrozen(t tester, what string, a authorize.Answer) {
	t.Helper()
	if a.Approval.ID != "" || a.Approval.Status != "" || a.Approval.StatusURL != "" || a.Approval.Comment != "" {
		t.Errorf("%s: approval = %+v, want none of it", what, a.Approval)
	}
	for where, text := range map[string]string{"answer": fmt.Sprintf("%+v", a), "record": fmt.Sprintf("%+v", w.of(t, a))} {
		if strings.Contains(text, "FROZEN") {
			t.Errorf("%s: the %s holds something frozen: %s", what, where, text)
		}
	}
}

// A denial of an earlier stage stands, whatever the approval is.
func TestAnEarlierDenialWinsOverAnApproval(t *testing.T) {
	w, b := withBroken(t)
	ids := strangers(t, w)
	risky := with(order("100"), func(r *authorize.Request) { r.Context = object(`{"riskScore":80}`) })
	ids["its own, where it is of the same call"] = w.decide(t, ana(), risky).Approval.ID
	b.op, b.fault = "find", storetest.FailBefore // the store is not even asked
	for _, c := range outcomes() {
		if c.want != policy.Deny || c.request.ApprovalID != "" {
			continue
		}
		for what, id := range ids {
			a := w.decide(t, c.by, named(c.request, id))
			wantCode(t, c.name+" with "+what, a, policy.Deny, c.code)
			w.wantNothingFrozen(t, c.name+" with "+what, a)
		}
	}
}

// The right one, where the call needs it and where it does not.
func TestTheCallsOwnApproval(t *testing.T) {
	w := newWorld(t)
	risky := with(order("100"), func(r *authorize.Request) { r.Context = object(`{"riskScore":80}`) })
	id := w.decide(t, ana(), risky).Approval.ID
	for _, r := range []authorize.Request{risky, named(risky, id)} {
		a := w.decide(t, ana(), r)
		wantCode(t, "while it is needed", a, policy.RequireApproval, policy.ApprovalPending)
		if a.Approval.ID != id {
			t.Errorf("approval = %s, want %s", a.Approval.ID, id)
		}
	}
	a := w.decide(t, ana(), named(order("100"), id))
	wantCode(t, "where it is not needed", a, policy.Mask, policy.OKMasked)
	if again := w.decide(t, ana(), risky); again.Approval.ID != id {
		t.Errorf("afterwards the approval is %s, want %s left untouched", again.Approval.ID, id)
	}
}

// Nobody's tenant or application is taken from the body: the same id from
// elsewhere is a mismatch, from the developer too.
func TestAnApprovalIsOfItsTenantAndApplication(t *testing.T) {
	w := newWorld(t)
	w.policies.use(changed(t, `"tenants": ["`+tenant+`"]`, `"tenants": ["`+tenant+`", "`+elsewhere+`"]`))
	asked := by(order("70000"), "ana@contoso.com")
	id := w.decide(t, app(flow), asked).Approval.ID
	neighbour := identity.Principal{Kind: identity.Application, Tenant: elsewhere, Application: flow}
	inTenant := func(r authorize.Request) authorize.Request {
		return with(r, func(r *authorize.Request) { r.TenantID = tenant })
	}
	for name, c := range map[string]struct {
		by identity.Principal
		r  authorize.Request
	}{
		"the same application of another tenant": {neighbour, asked},
		"another application":                    {app(otherFlow), asked},
		"the developer":                          {developer(), inTenant(asked)},
	} {
		a := w.decide(t, c.by, named(c.r, id))
		wantCode(t, name, a, policy.Deny, policy.ApprovalMismatchCode)
		resumed := resume(id)
		resumed.TenantID = c.r.TenantID
		wantCode(t, name+", resuming", w.decide(t, c.by, resumed), policy.Deny, policy.ApprovalMismatchCode)
	}
	wantCode(t, "its own", w.decide(t, app(flow), named(asked, id)), policy.RequireApproval, policy.ApprovalPending)
}

// An expired approval is told of by its id, and counts for nothing without.
func TestAnExpiredApproval(t *testing.T) {
	w := newWorld(t)
	now := noon
	w.clock = func() time.Time { return now }
	first := w.decide(t, ana(), order("70000")).Approval
	now = first.ApproveBy
	expired := w.decide(t, ana(), named(order("70000"), first.ID))
	wantCode(t, "by its id", expired, policy.Deny, policy.ApprovalExpiredCode)
	if expired.Approval.ID != first.ID || expired.Approval.Status != "expired" || !expired.Approval.Final {
		t.Errorf("approval = %+v, want %s expired for good", expired.Approval, first.ID)
	}
	second := w.decide(t, ana(), order("70000"))
	wantCode(t, "without an id", second, policy.RequireApproval, policy.ApprovalRequired)
	if second.Approval.ID == first.ID || second.Approval.ID == "" {
		t.Errorf("approval = %q, want another than %s", second.Approval.ID, first.ID)
	}
}
