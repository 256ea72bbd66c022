package authorize_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// document is what is stored behind an approval.
func (w *world) document(t tester, id string) *approval.Document {
	t.Helper()
	slot, _, _ := approval.ParseID(id)
	r, err := w.store.Get(t.Context(), tenant, slot)
	if err != nil {
		t.Fatalf("Get = %v", err)
	}
	d, err := approval.Decode(r.Body)
	if err != nil {
		t.Fatalf("Decode = %v", err)
	}
	return d
}

func voter(p identity.Principal) approval.Voter {
	return approval.Voter{Tenant: p.Tenant, ID: p.ObjectID, UPN: p.UPN, Groups: p.Groups, GroupsKnown: p.GroupsKnown, AppRoles: p.AppRoles, AppRolesKnown: true}
}

// Who may approve is said by today's policy: an approver of a requirement, not
// the requester, whoever that is.
func TestWhoMayApprove(t *testing.T) {
	for _, c := range []struct {
		name string
		by   identity.Principal
		ask  authorize.Request
		p    identity.Principal
		want bool
	}{
		{"a manager", ana(), order("70000"), person(miaID, "mia@contoso.com"), true},
		{"a manager by object id alone", ana(), order("70000"), person(miaID, ""), true},
		{"the requester", ana(), order("70000"), ana(), false},
		{"no manager", ana(), order("70000"), person("eee", "eve@contoso.com"), false},
		{"somebody with an app role of that name", ana(), order("70000"), identity.Principal{Kind: identity.Person, Tenant: tenant, ObjectID: "eee", UPN: "eve@contoso.com", AppRoles: []string{"Manager"}}, false},
		{"a manager, of an application's call", app(flow), by(order("70000"), "ana@contoso.com"), person(miaID, "mia@contoso.com"), true},
		{"a manager, of the developer's call", developer(), by(order("70000"), "ana@contoso.com"), person(miaID, "mia@contoso.com"), true},
		{"a manager, of nobody's call", app(flow), robot(order("70000")), person(miaID, "mia@contoso.com"), true},
	} {
		w := newWorld(t)
		d := w.document(t, w.decide(t, c.by, c.ask).Approval.ID)
		if got := len(authorize.NewApprovers(w.policies, key).Judge(voter(c.p), false, d, noon)) > 0; got != c.want {
			t.Errorf("%s: Judge = %t, want %t", c.name, got, c.want)
		}
	}
}

// A policy that has changed, or is gone, names whom it names now.
func TestWhoMayApproveChangesWithThePolicy(t *testing.T) {
	w := newWorld(t)
	d := w.document(t, w.decide(t, ana(), order("70000")).Approval.ID)
	mia := person(miaID, "mia@contoso.com")
	approvers := authorize.NewApprovers(w.policies, key)
	if lists := approvers.Lists(tenant, mia, noon); !slices.Contains(lists, approval.ByApprover("finance/over", "role:Manager")) || len(slices.Compact(slices.Clone(lists))) != len(lists) {
		t.Errorf("Lists = %v, want that of finance/over, each once", lists)
	}
	if lists := approvers.Lists(tenant, person("eee", "eve@contoso.com"), noon); len(lists) > 0 {
		t.Errorf("Lists of somebody else = %v, want none", lists)
	}
	for name, set := range map[string]*policy.Set{
		"another manager":   changed(t, "mia@contoso.com", "moe@contoso.com", miaID, anaID),
		"the rule is gone":  changed(t, `"id": "over"`, `"id": "over-now"`),
		"the agent is gone": changed(t, `"id": "finance-agent"`, `"id": "renamed"`),
		"no policy":         nil,
	} {
		w.policies.use(set)
		if len(approvers.Judge(voter(mia), false, d, noon)) > 0 {
			t.Errorf("%s: Judge = true, want false", name)
		}
	}
	w.policies.use(nil)
	if lists := approvers.Lists(tenant, mia, noon); lists != nil {
		t.Errorf("Lists without a policy = %v, want none", lists)
	}
	w.policies.use(load(t, financePack))
	d.Current.Frozen.Received = []byte("not JSON")
	if len(approvers.Judge(voter(mia), false, d, noon)) > 0 {
		t.Error("Judge of a damaged document = true, want false")
	}
}

// An opening tells who asks for what, masked, and who must agree.
func TestTheRecordOfAnOpening(t *testing.T) {
	w := newWorld(t)
	a := w.decide(t, app(flow), by(withCanaries(order("70000")), "ana@contoso.com"))
	opened := w.recorded(t, audit.KindApprovalOpened)
	if len(opened) != 1 {
		t.Fatalf("the log tells of %d openings, want 1", len(opened))
	}
	r := opened[0]
	if r.ApprovalID != a.Approval.ID || r.DecisionID != a.DecisionID || r.CorrelationID != "po-1" || r.TenantID != tenant || r.CallerApp != flow ||
		r.AgentID != "finance-agent" || r.UserUPN != "ana@contoso.com" || r.Identity != "asserted" || r.Action != "CreatePO" || r.Resource.ID != "PO-1" {
		t.Errorf("the opening tells %+v, want who asked for what", r)
	}
	if want := w.document(t, a.Approval.ID).Current.Events[0].ID; r.EventID != want {
		t.Errorf("the opening is told as %s, want the event's own id %s", r.EventID, want)
	}
	shown := map[string]string{}
	for _, f := range r.Facts {
		shown[f.Label] = f.Value + " " + f.Mark
	}
	for label, want := range map[string]string{"Amount": "70000 ", "pin": "*** masked", "card": "****6789 masked", "ledger": "GL-100 pinned"} {
		if shown[label] != want {
			t.Errorf("approvers are shown %q as %s, want %q", shown[label], label, want)
		}
	}
}

// What becomes of an approval is written under the event's own id and kind,
// once the log has it.
func TestTheRecordOfWhatBecomesOfAnApproval(t *testing.T) {
	w := newWorld(t)
	now := noon
	w.clock = func() time.Time { return now }
	first := w.decide(t, ana(), order("70000"))
	now = first.Approval.ApproveBy
	w.decide(t, ana(), named(order("70000"), first.Approval.ID))
	closed := w.recorded(t, audit.KindApprovalClosed)
	if len(closed) != 1 || closed[0].ApprovalID != first.Approval.ID || closed[0].Outcome != "expired" || closed[0].Reason != "clock" ||
		closed[0].RequestDigest != first.RequestDigest || closed[0].EventID == "" || !closed[0].TS.Equal(now) {
		t.Errorf("the log tells %+v, want that %s expired", closed, first.Approval.ID)
	}
	log := authorize.NewApprovalLog(&brokenLog{Log: w.log, next: func(audit.Record) storetest.Fault { return storetest.FailBefore }})
	if _, err := log.Append(context.Background(), approval.Entry{Event: approval.Event{ID: "e", Kind: approval.EventVoted, At: noon}, Document: w.document(t, first.Approval.ID)}); err == nil {
		t.Error("an event that the log did not take = nil, want an error")
	}
}
