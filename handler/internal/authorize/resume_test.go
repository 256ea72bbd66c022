package authorize_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// secretive is a call whose every part is recognizable.
func secretive() authorize.Request {
	return with(order("1"), func(r *authorize.Request) {
		r.CorrelationID, r.Resource.ID = "FROZEN-c", "FROZEN-id"
		r.Resource.Attributes = object(`{"site":"FROZEN-site"}`)
		r.Parameters = object(`{"amount":70000.00,"currency":"USD","payload":{"x":"FROZEN-x","iban":"FROZEN-y"}}`)
		r.Context = object(`{"riskScore":10,"reason":"FROZEN-reason","roles":"FROZEN-roles"}`)
	})
}

// A later turn need not repeat its arguments: it names the approval, and the
// request as it was received is decided again.
func TestResume(t *testing.T) {
	w := newWorld(t)
	first := w.decide(t, ana(), secretive())
	a := w.decide(t, ana(), resume(first.Approval.ID))
	wantCode(t, "resuming", a, policy.RequireApproval, policy.ApprovalPending)
	if a.Approval.ID != first.Approval.ID || a.RequestDigest != first.RequestDigest || a.CorrelationID != "later" {
		t.Errorf("resumed %s with digest %s under %s, want %s, %s, later", a.Approval.ID, a.RequestDigest, a.CorrelationID, first.Approval.ID, first.RequestDigest)
	}
	if diff := cmp.Diff(canonical(first.EffectiveParameters), canonical(a.EffectiveParameters)); diff != "" {
		t.Errorf("effective parameters (-first +resumed):\n%s", diff)
	}
	r, was := w.of(t, a), w.of(t, first)
	if r.Action != was.Action || r.Resource != was.Resource || string(r.Parameters) != string(was.Parameters) || r.UserID != was.UserID {
		t.Errorf("recorded %+v, want the call of %+v", r, was)
	}
	preview := w.decideAs(t, ana(), resume(first.Approval.ID), preview)
	wantCode(t, "a preview of it", preview, policy.RequireApproval, policy.ApprovalRequired)
}

// Context that is sent anew replaces what is frozen, member by member.
func TestResumeWithNewContext(t *testing.T) {
	w := newWorld(t)
	risky := with(order("100"), func(r *authorize.Request) { r.Context = object(`{"riskScore":80,"channel":"teams"}`) })
	id := w.decide(t, ana(), risky).Approval.ID
	for _, c := range []struct {
		context string
		outcome policy.Outcome
		code    policy.Code
		record  string
	}{
		{`{}`, policy.RequireApproval, policy.ApprovalPending, `{"channel":"teams","riskScore":80}`},
		{`{"channel":"teams"}`, policy.RequireApproval, policy.ApprovalPending, `{"channel":"teams","riskScore":80}`},
		{`{"riskScore":95}`, policy.Deny, policy.ThresholdDenied, `{"channel":"teams","riskScore":95}`},
		{`{"riskScore":5,"risk":"low"}`, policy.Mask, policy.OKMasked, `{"channel":"teams","risk":"low","riskScore":5}`},
	} {
		a := w.decide(t, ana(), with(resume(id), func(r *authorize.Request) { r.Context = object(c.context) }))
		wantCode(t, "resuming with "+c.context, a, c.outcome, c.code)
		if r := w.of(t, a); string(r.Context) != c.record {
			t.Errorf("resuming with %s: recorded context %s, want %s", c.context, r.Context, c.record)
		}
	}
}

// misfit is a resume that does not fit.
type misfit struct {
	name   string
	by     identity.Principal
	resume authorize.Request
	change []string // of the pack, since the approval was opened
}

// misfits of an approval of ana's, whom an application named by UPN or whose
// token was there.
func misfits(id string, asserted bool) []misfit {
	agent := func(name string) authorize.Request {
		return with(resume(id), func(r *authorize.Request) { r.AgentID = name })
	}
	all := []misfit{
		{"an unknown id", ana(), resume("apr_x"), nil},
		{"another agent", ana(), agent("second-agent"), nil},
		{"an unknown agent", ana(), agent("nobody"), nil},
		{"another application", app(otherFlow), by(resume(id), "ana@contoso.com"), nil},
		{"the developer", developer(), by(resume(id), "ana@contoso.com"), nil},
		{"another user", app(flow), by(resume(id), "bob@contoso.com"), nil},
		{"a parameter that is pinned now", ana(), resume(id), []string{`"pin": {"ledger": "GL-100"}`, `"pin": {"ledger": "GL-200"}`}},
		{"a label that is another now", ana(), resume(id), []string{`"defaultClassification": "Internal"`, `"defaultClassification": "Confidential"`}},
		{"a parameter that is not declared now", ana(), resume(id), []string{`"payload": {"type": "json"}`, `"load": {"type": "json"}`, `parameters.payload.`, `parameters.load.`}},
		{"a changed digest, and a denial of the call besides", ana(), resume(id), []string{`"GL-100"`, `"GL-200"`, `"allowedRegions": ["EU"]`, `"allowedRegions": ["US"]`}},
		{"an action that is gone", ana(), resume(id), []string{`"actions": ["CreatePO", "ViewVendor", "Refund"]`, `"actions": ["ViewVendor", "Refund"]`}},
	}
	if !asserted {
		return append(all, misfit{"another person", identity.Principal{
			Kind: identity.Person, Tenant: tenant, Application: flow, ObjectID: miaID, UPN: "mia@contoso.com", GroupsKnown: true,
		}, resume(id), nil})
	}
	for i := range all {
		if all[i].by.Kind == identity.Person {
			all[i].by = app(flow)
		}
	}
	return append(all,
		misfit{"a user who cannot be compared", app(flow), with(resume(id), func(r *authorize.Request) { r.UserID = miaID }), nil},
		misfit{"the same UPN and another object id", app(flow), with(by(resume(id), "ana@contoso.com"), func(r *authorize.Request) { r.UserID = miaID }), nil})
}

// contract.md, Resume: whatever does not fit gets the same answer, without any
// frozen fact, and opens nothing.
func TestAResumeThatDoesNotFit(t *testing.T) {
	for _, asserted := range []bool{false, true} {
		asker, request := ana(), secretive()
		if asserted {
			asker, request = app(flow), by(request, "ana@contoso.com")
		}
		for _, call := range []authorize.Call{enforce, preview} {
			for _, c := range misfits("", asserted) {
				w := newWorld(t)
				id := w.decide(t, asker, request).Approval.ID
				for _, m := range misfits(id, asserted) {
					if m.name == c.name {
						w.wantMisfit(t, m, call)
					}
				}
			}
		}
	}
}

func (w *world) wantMisfit(t *testing.T, m misfit, call authorize.Call) {
	t.Helper()
	// What an id gets that nobody ever had is what every other one must get.
	plain := w.decideAs(t, m.by, with(m.resume, func(r *authorize.Request) { r.ApprovalID = "apr_nothing" }), call)
	if m.change != nil {
		w.policies.use(changed(t, m.change...))
	}
	a := w.decideAs(t, m.by, m.resume, call)
	wantCode(t, m.name, a, policy.Deny, policy.ApprovalMismatchCode)
	w.wantNothingFrozen(t, m.name, a)
	a.DecisionID, a.Receipt = plain.DecisionID, plain.Receipt
	if diff := cmp.Diff(answerText(plain), answerText(a)); diff != "" {
		t.Errorf("%s: the answer differs from that for an unknown id (-unknown +this):\n%s", m.name, diff)
	}
	if got := len(w.openings(t)); got != 1 {
		t.Errorf("%s: %d approvals were opened, want the one", m.name, got)
	}
}

// A denial that holds for every call of the agent is told as such, and nothing
// frozen with it.
func TestAResumeThatNothingCouldFit(t *testing.T) {
	for code, change := range map[policy.Code]func(*world){
		policy.PolicyStale:   func(w *world) { w.policies.active.Expired = true },
		policy.SuspendedCode: func(w *world) { w.policies.active.Suspended = []string{"agent:finance-agent"} },
		policy.AgentCaller: func(w *world) {
			w.policies.use(changed(t, `"callers": ["app:`+flow+`", "app:`+otherFlow+`"]`, `"callers": []`))
		},
		policy.AgentUnknown:  func(w *world) { w.policies.use(changed(t, `"id": "finance-agent"`, `"id": "renamed-agent"`)) },
		policy.TenantUnknown: func(w *world) { w.policies.use(load(t, strings.Replace(financePack, tenant, elsewhere, 1))) },
		policy.PolicyNone:    func(w *world) { w.policies.use(load(t)) },
	} {
		w := newWorld(t)
		id := w.decide(t, ana(), secretive()).Approval.ID
		change(w)
		a := w.decide(t, ana(), resume(id))
		wantCode(t, string(code), a, policy.Deny, code)
		w.wantNothingFrozen(t, string(code), a)
	}
}

// Who is not the one that asked learns nothing even then: not that there is
// such an approval.
func TestAMisfitOfASuspendedTenant(t *testing.T) {
	asserted, nobody := by(secretive(), "ana@contoso.com"), robot(secretive())
	mia := person(miaID, "mia@contoso.com")
	for _, c := range []struct {
		name  string
		asker identity.Principal
		asked authorize.Request
		by    identity.Principal
		later func(id string) authorize.Request
	}{
		{"another person", ana(), secretive(), mia, resume},
		{"another person, of an asserted user's", app(flow), asserted, mia, resume},
		{"a person, of nobody's", app(flow), nobody, ana(), func(id string) authorize.Request { return robot(resume(id)) }},
		{"another user", app(flow), asserted, app(flow), func(id string) authorize.Request { return by(resume(id), "bob@contoso.com") }},
		{"a user who cannot be compared", app(flow), asserted, app(flow), func(id string) authorize.Request {
			return with(resume(id), func(r *authorize.Request) { r.UserID = anaID })
		}},
		{"a user, of nobody's", app(flow), nobody, app(flow), func(id string) authorize.Request { return by(robot(resume(id)), "ana@contoso.com") }},
		{"another agent", ana(), secretive(), ana(), func(id string) authorize.Request { return robot(resume(id)) }},
		{"another application", ana(), secretive(), app(otherFlow), resume},
	} {
		w := newWorld(t)
		id := w.decide(t, c.asker, c.asked).Approval.ID
		w.policies.active.Suspended = []string{"tenant:" + tenant}
		w.wantMisfit(t, misfit{c.name, c.by, c.later(id), nil}, enforce)
	}
}

// forgetful finds a mismatch where resuming found an approval: what is between
// the two reads, a newer generation or a restored store.
type forgetful struct{ authorize.Approvals }

func (f forgetful) Find(ctx context.Context, call approval.Call, w approval.Wanted, now time.Time) (approval.Found, error) {
	if w.ID != "" {
		return approval.Found{Facts: policy.Approval{State: policy.ApprovalMismatch}}, nil
	}
	return f.Approvals.Find(ctx, call, w, now)
}

func TestAnApprovalThatIsGoneWhileItIsResumed(t *testing.T) {
	w := newWorld(t)
	w.approvals = func(a authorize.Approvals) authorize.Approvals { return forgetful{a} }
	id := w.decide(t, ana(), secretive()).Approval.ID
	w.wantMisfit(t, misfit{"gone meanwhile", ana(), resume(id), nil}, enforce)
}

// A person who resumes has the rights of today's token: the groups in it are
// not frozen, and not lost either.
func TestAPersonResumesWithTheTokensGroups(t *testing.T) {
	w := newWorld(t)
	p := person("eee", "eve@contoso.com")
	p.Groups = []string{analysts}
	id := w.decide(t, p, order("70000")).Approval.ID
	wantCode(t, "in the group", w.decide(t, p, resume(id)), policy.RequireApproval, policy.ApprovalPending)
	p.Groups = nil
	wantCode(t, "in it no more", w.decide(t, p, resume(id)), policy.Deny, policy.EntitlementNone)
}

// What is frozen about who asked is never strengthened: without a token of the
// user's own, the user is asserted at most.
func TestAFrozenIdentityIsNeverStrengthened(t *testing.T) {
	for _, c := range []struct {
		name     string
		first    identity.Principal
		request  authorize.Request
		later    identity.Principal
		resume   func(id string) authorize.Request
		identity policy.Identity
		code     policy.Code
	}{
		{"verified, then the application alone", ana(), order("70000"), app(flow), resume, policy.None, policy.ApprovalMismatchCode},
		{"a token of an object id alone, then the application alone", person(anaID, ""), order("70000"), app(flow), resume, policy.Asserted, policy.ApprovalPending},
		{"asserted, then nobody named", app(flow), by(order("70000"), "ana@contoso.com"), app(flow), resume, policy.Asserted, policy.ApprovalPending},
		{"asserted, then the same named", app(flow), by(order("70000"), "ana@contoso.com"), app(flow), func(id string) authorize.Request { return by(resume(id), "Ana@contoso.com") }, policy.Asserted, policy.ApprovalPending},
		{"asserted by two names, then by one", app(flow), with(by(order("70000"), "ana@contoso.com"), func(r *authorize.Request) { r.UserID = anaID }), app(flow), func(id string) authorize.Request { return by(resume(id), "ana@contoso.com") }, policy.Asserted, policy.ApprovalPending},
		{"asserted by one name, then by two", app(flow), by(order("70000"), "ana@contoso.com"), app(flow), func(id string) authorize.Request {
			return with(by(resume(id), "ana@contoso.com"), func(r *authorize.Request) { r.UserID = anaID })
		}, policy.Asserted, policy.ApprovalMismatchCode},
		{"nobody, then nobody", app(flow), robot(order("70000")), app(flow), func(id string) authorize.Request { return robot(resume(id)) }, policy.None, policy.ApprovalPending},
		{"nobody, then somebody", app(flow), robot(order("70000")), app(flow), func(id string) authorize.Request { return by(robot(resume(id)), "ana@contoso.com") }, policy.Asserted, policy.ApprovalMismatchCode},
	} {
		w := newWorld(t)
		id := w.decide(t, c.first, c.request).Approval.ID
		if id == "" {
			t.Fatalf("%s: nothing was opened", c.name)
		}
		a := w.decide(t, c.later, c.resume(id))
		if a.Identity != c.identity || a.ReasonCode != c.code {
			t.Errorf("%s: %s %s, want %s %s", c.name, a.Identity, a.ReasonCode, c.identity, c.code)
		}
	}
}

func person(id, upn string) identity.Principal {
	p := ana()
	p.ObjectID, p.UPN = id, upn
	return p
}

func robot(r authorize.Request) authorize.Request {
	r.AgentID = "robot"
	return r
}
