package authorize_test

import (
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// approvals.md, Using: what the approvers were shown must still be so: nothing
// else is asked, the user is known as well, the risk is no higher. Absent ranks
// above every value, and is equal to absent.
func TestWhatWasShownMustStillHold(t *testing.T) {
	both := []string{
		overRule, strings.Replace(overRule, `"on": ["overLimit"]`, `"on": ["overLimit", "ask"]`, 1), reviewRule, strings.Replace(reviewRule, `["ask:risk"]`, `["ask:none"]`, 1),
		`"thresholds": [`, `"thresholds": [{"id": "none", "match": {"actions": ["Refund"]}, "value": "context.riskScore", "askAbove": "1"}, `,
	}
	in := func(context string) authorize.Request {
		return with(order("70000"), func(r *authorize.Request) { r.Context = object(context) })
	}
	asserted := func(r authorize.Request) authorize.Request {
		return with(r, func(r *authorize.Request) { r.UserID = anaID })
	}
	noUPN := person(anaID, "")
	for _, c := range []struct {
		name        string
		first       authorize.Request
		later       authorize.Request
		firstBy, by identity.Principal // zero: ana
		used        bool
	}{
		{name: "the same", first: in(`{"riskScore":10,"risk":"low"}`), later: in(`{"riskScore":10,"risk":"low"}`), used: true},
		{name: "written otherwise", first: in(`{"riskScore":10}`), later: in(`{"riskScore":10.0}`), used: true},
		{name: "a lower score", first: in(`{"riskScore":10}`), later: in(`{"riskScore":9.5}`), used: true},
		{name: "a higher score", first: in(`{"riskScore":10}`), later: in(`{"riskScore":10.001}`)},
		{name: "a higher score that asks too, of the same rule", first: in(`{"riskScore":10}`), later: in(`{"riskScore":80}`)},
		{name: "a risk where none was shown", first: in(`{"riskScore":10}`), later: in(`{"riskScore":10,"risk":"high"}`), used: true},
		{name: "the risk is no longer said", first: in(`{"riskScore":10,"risk":"high"}`), later: in(`{"riskScore":10}`)},
		{name: "an undeclared risk", first: in(`{"riskScore":10,"risk":"high"}`), later: in(`{"riskScore":10,"risk":"none"}`)},
		{name: "a higher risk", first: in(`{"riskScore":10,"risk":"low"}`), later: in(`{"riskScore":10,"risk":"high"}`)},
		{name: "a lower risk", first: in(`{"riskScore":10,"risk":"high"}`), later: in(`{"riskScore":10,"risk":"low"}`), used: true},
		{name: "verified, then asserted", first: in(`{"riskScore":10}`), later: asserted(in(`{"riskScore":10}`)), firstBy: noUPN, by: app(flow)},
		{name: "asserted, then verified", first: asserted(in(`{"riskScore":10}`)), later: in(`{"riskScore":10}`), firstBy: app(flow), by: noUPN, used: true},
		{name: "asserted, then asserted", first: asserted(in(`{"riskScore":10}`)), later: asserted(in(`{"riskScore":10}`)), firstBy: app(flow), by: app(flow), used: true},
	} {
		w := newWorld(t)
		w.policies.use(changed(t, both...))
		principal := func(p identity.Principal) identity.Principal {
			if p.Kind == identity.Nobody {
				return ana()
			}
			return p
		}
		a := w.decide(t, principal(c.firstBy), c.first)
		id := a.Approval.ID
		w.says(t, approver(miaID, "mia@contoso.com"), id, approval.Approve, approval.Approved)
		b := w.decide(t, principal(c.by), c.later)
		if c.used {
			wantCode(t, c.name, b, policy.Mask, policy.OKApproved)
			continue
		}
		w.wantSuperseded(t, c.name, b, id)
	}
}

// Who may vote besides, later, may not vote before, nor does a vote of theirs
// carry a use before.
func TestEscalationIsForLater(t *testing.T) {
	w := newWorld(t)
	now := noon
	w.clock = func() time.Time { return now }
	w.policies.use(changed(t, overRule, strings.Replace(overRule, `"advice"`, `"escalate": {"after": "PT1H", "approvers": ["user:nora@contoso.com"]}, "advice"`, 1)))
	nora := approver("3d3d", "nora@contoso.com")
	id := w.decide(t, ana(), order("70000")).Approval.ID
	now = noon.Add(time.Hour - time.Second)
	if a, err := w.ballot(t, nora, id, approval.Approve); err == nil {
		t.Errorf("Vote before the escalation = %s, want a refusal", a.Status)
	}
	now = noon.Add(time.Hour)
	w.says(t, nora, id, approval.Approve, approval.Approved)
	wantCode(t, "after the escalation", w.decide(t, ana(), order("70000")), policy.Mask, policy.OKApproved)

	now = noon
	id = w.decide(t, ana(), order("80000")).Approval.ID
	now = noon.Add(time.Hour)
	w.says(t, nora, id, approval.Approve, approval.Approved)
	w.policies.use(changed(t, overRule, strings.Replace(overRule, `"advice"`, `"escalate": {"after": "PT2H", "approvers": ["user:nora@contoso.com"]}, "advice"`, 1)))
	w.wantSuperseded(t, "when it is later than it was", w.decide(t, ana(), order("80000")), id)
}

// A vote by mail counts at the use only where today's rule takes such votes.
func TestAVoteByMailIsForRulesThatTakeIt(t *testing.T) {
	relay := strings.Replace(overRule, `"advice"`, `"relay": true, "advice"`, 1)
	two := strings.Replace(relay, `"advice"`, `"quorum": 2, "advice"`, 1)
	for _, c := range []struct {
		name         string
		first, later string
		signedIn     bool
		used         bool
	}{
		{"as it was", relay, relay, false, true},
		{"no longer taken", relay, overRule, false, false},
		{"two, one by mail", two, two, true, true},
		{"two, and no longer by mail", two, strings.Replace(two, `"relay": true`, `"relay": false`, 1), true, false},
		{"two, and one is enough now", two, overRule, true, true},
	} {
		w := newWorld(t)
		w.policies.use(changed(t, overRule, c.first))
		id := w.decide(t, ana(), order("70000")).Approval.ID
		want := approval.Approved
		if c.signedIn {
			w.says(t, secondManager(), id, approval.Approve, approval.Pending)
		}
		if a, err := w.byMail(t, id, "mia@contoso.com"); err != nil || a.Status != want {
			t.Fatalf("%s: Vote by mail = %s, %v, want %s", c.name, a.Status, err, want)
		}
		w.policies.use(changed(t, overRule, c.later))
		a := w.decide(t, ana(), order("70000"))
		if c.used {
			wantCode(t, c.name, a, policy.Mask, policy.OKApproved)
			continue
		}
		w.wantSuperseded(t, c.name, a, id)
	}
}

// byMail is the relay's vote for whom a mail went to.
func (w *world) byMail(t tester, id, address string) (approval.Approval, error) {
	t.Helper()
	d := w.document(t, id)
	b := approval.Ballot{ApprovalID: id, Choice: approval.Approve, Digest: d.Current.Digest, Responder: &approval.Responder{TenantID: tenant, Email: address}}
	for _, n := range d.Current.Notifications {
		if n.Recipient == address {
			b.Responder.Nonce = n.Nonce
		}
	}
	p := identity.Principal{Kind: identity.Application, Tenant: tenant, Application: "logic-app", AppRoles: []string{identity.RoleApprovalRelay}}
	return w.votes.Vote(t.Context(), approval.Reader{Principal: p, Tenant: tenant}, b, w.clock())
}

// What changes while people are still asked leaves the question as it is; what
// they then approve is held against what they were shown.
func TestAHigherRiskWhilePeopleAreAsked(t *testing.T) {
	w := newWorld(t)
	higher := with(order("70000"), func(r *authorize.Request) { r.Context = object(`{"riskScore":60}`) })
	id := w.decide(t, ana(), order("70000")).Approval.ID
	for _, r := range []authorize.Request{higher, named(higher, id)} {
		a := w.decide(t, ana(), r)
		wantCode(t, "while they are asked", a, policy.RequireApproval, policy.ApprovalPending)
		if a.Approval.ID != id {
			t.Errorf("while they are asked: approval %s, want %s", a.Approval.ID, id)
		}
	}
	w.says(t, mia(), id, approval.Approve, approval.Approved)
	w.wantSuperseded(t, "a higher risk than was shown", w.decide(t, ana(), higher), id)
}
