package authorize_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// approver is a person who may vote, where a rule names them.
func approver(id, upn string) identity.Principal {
	p := person(id, upn)
	p.Application, p.AppRoles = "console", []string{identity.RoleApprover}
	return p
}

func mia() identity.Principal { return approver(miaID, "mia@contoso.com") }

func secondManager() identity.Principal {
	return approver("1d1d1d1d-0000-4000-8000-00000000001d", "max@contoso.com")
}

// ballot casts a vote as the callback does: for what the document shows.
func (w *world) ballot(t tester, p identity.Principal, id string, choice approval.Choice) (approval.Approval, error) {
	t.Helper()
	w.serve()
	return w.votes.Vote(t.Context(), approval.Reader{Principal: p, Tenant: p.Tenant}, approval.Ballot{
		ApprovalID: id, Choice: choice, Digest: w.document(t, id).Current.Digest, Comment: "as agreed",
	}, w.clock())
}

func (w *world) says(t tester, p identity.Principal, id string, choice approval.Choice, want approval.Status) {
	t.Helper()
	a, err := w.ballot(t, p, id, choice)
	if err != nil || a.Status != want {
		t.Fatalf("Vote(%s, %s) = %s, %v, want %s", p.UPN, choice, a.Status, err, want)
	}
}

// approved opens an approval for a call and has mia approve it.
func (w *world) approved(t tester, p identity.Principal, r authorize.Request) string {
	t.Helper()
	a := w.decide(t, p, r)
	if a.Decision != policy.RequireApproval {
		t.Fatalf("Decide = %s %s (%s), want an approval to be asked for", a.Decision, a.ReasonCode, a.Reason)
	}
	w.says(t, mia(), a.Approval.ID, approval.Approve, approval.Approved)
	return a.Approval.ID
}

func (w *world) wantStatus(t tester, what, id string, want approval.Status) {
	t.Helper()
	d := w.document(t, id)
	got := d.Current.Status
	for _, l := range d.Earlier {
		if approval.ID(d.Slot, l.Generation) == id {
			got = l.Status
		}
	}
	if got != want {
		t.Errorf("%s: the approval is %s, want %s", what, got, want)
	}
}

// uses are the ids of the decisions that the log says were made with an
// approval: a reader counts an id once.
func (w *world) uses(t tester) []string {
	t.Helper()
	var ids []string
	seen := map[string]bool{}
	for _, r := range w.recorded(t, audit.KindDecision) {
		if r.ReasonCode == policy.OKApproved && !seen[r.DecisionID] {
			seen[r.DecisionID] = true
			ids = append(ids, r.DecisionID)
		}
	}
	return ids
}

// T21: the requester, the acting user, an application and a person's second
// name never count, through the whole stack.
func TestWhoseVoteNeverCounts(t *testing.T) {
	asserted := by(order("70000"), "ana@contoso.com")
	assertedByID := with(order("70000"), func(r *authorize.Request) { r.UserID = strings.ToUpper(anaID) })
	tokenOfApp := identity.Principal{Kind: identity.Application, Tenant: tenant, Application: flow, AppRoles: []string{identity.RoleApprover, identity.RoleApprovalRelay}}
	pack := []string{`"members": ["user:mia@contoso.com", "oid:` + miaID + `", "user:max@contoso.com"]`, `"members": ["user:mia@contoso.com", "oid:` + miaID + `", "user:ana@contoso.com", "oid:` + anaID + `", "agent:robot", "agent:finance-agent"]`}
	for _, c := range []struct {
		name  string
		asker identity.Principal
		asked authorize.Request
		voter identity.Principal
	}{
		{"the requester", ana(), order("70000"), approver(anaID, "ana@contoso.com")},
		{"the requester in capitals", ana(), order("70000"), approver(strings.ToUpper(anaID), "ANA@Contoso.com")},
		{"the requester by object id alone", ana(), order("70000"), approver(anaID, "")},
		{"the requester's UPN with another object id", ana(), order("70000"), approver("eee", "ana@contoso.com")},
		{"the requester's object id under a new UPN", ana(), order("70000"), approver(anaID, "mia@contoso.com")},
		{"the acting user", app(flow), asserted, approver(anaID, "ana@contoso.com")},
		{"the acting user in capitals", app(flow), asserted, approver(anaID, "Ana@CONTOSO.com")},
		{"the acting user, who cannot be compared", app(flow), asserted, approver(anaID, "")},
		{"a manager, who cannot be compared with the acting user", app(flow), asserted, approver(miaID, "")},
		{"the acting user by object id", app(flow), assertedByID, approver(anaID, "mia@contoso.com")},
		{"the developer's user", developer(), asserted, approver(anaID, "ana@contoso.com")},
		{"an application", ana(), order("70000"), tokenOfApp},
		{"an agent", app(flow), robot(order("70000")), tokenOfApp},
		{"a manager without the app role", ana(), order("70000"), person(miaID, "mia@contoso.com")},
		{"a manager of another tenant", ana(), order("70000"), func() identity.Principal { p := mia(); p.Tenant = elsewhere; return p }()},
		{"nobody", ana(), order("70000"), identity.Principal{}},
		{"the developer", ana(), order("70000"), developer()},
	} {
		w := newWorld(t)
		w.policies.use(changed(t, pack...))
		id := w.decide(t, c.asker, c.asked).Approval.ID
		a, err := w.ballot(t, c.voter, id, approval.Approve)
		var refused *approval.RefusedError
		if !errors.As(err, &refused) && !errors.Is(err, approval.ErrNotFound) {
			t.Errorf("%s: Vote = %+v, %v, want a refusal", c.name, a, err)
		}
		w.wantStatus(t, c.name, id, approval.Pending)
		if len(w.document(t, id).Current.Votes) > 0 {
			t.Errorf("%s: the vote was kept", c.name)
		}
		wantCode(t, c.name, w.decide(t, c.asker, c.asked), policy.RequireApproval, policy.ApprovalPending)
	}
}

// T21: a quorum is of distinct people, whatever their tokens call them.
func TestAQuorumIsOfDistinctPeople(t *testing.T) {
	for _, c := range []struct {
		name   string
		second identity.Principal
		counts bool
	}{
		{"the same token", mia(), false},
		{"the object id alone", approver(miaID, ""), false},
		{"the object id in capitals", approver(strings.ToUpper(miaID), ""), false},
		{"the UPN in another case", approver(miaID, "MIA@contoso.COM"), false},
		{"the UPN reused by another object id", approver("eee", "Mia@contoso.com"), false},
		{"the object id under another manager's UPN", approver(miaID, "max@contoso.com"), false},
		{"another manager", secondManager(), true},
	} {
		w := newWorld(t)
		w.policies.use(changed(t, `"approvers": ["role:Manager"], "advice": "A manager decides."`, `"approvers": ["role:Manager"], "quorum": 2`))
		id := w.decide(t, ana(), order("70000")).Approval.ID
		w.says(t, mia(), id, approval.Approve, approval.Pending)
		want := approval.Pending
		if c.counts {
			want = approval.Approved
		}
		if a, err := w.ballot(t, c.second, id, approval.Approve); err != nil || a.Status != want {
			t.Errorf("%s: Vote = %s, %v, want %s", c.name, a.Status, err, want)
		}
		outcome, code := policy.RequireApproval, policy.ApprovalPending
		if c.counts {
			outcome, code = policy.Mask, policy.OKApproved
		}
		wantCode(t, c.name, w.decide(t, ana(), order("70000")), outcome, code)
	}
}

// FR33, T25: membership is judged when the vote comes, by the pack of then.
func TestApproversAreThoseOfTheVote(t *testing.T) {
	w := newWorld(t)
	first := `"members": ["user:mia@contoso.com", "oid:` + miaID + `", "user:max@contoso.com"]`
	now := changed(t, first, `"members": ["user:mia@contoso.com", "user:nora@contoso.com"]`)
	id := w.decide(t, ana(), order("70000")).Approval.ID
	w.policies.use(now)
	var refused *approval.RefusedError
	if _, err := w.ballot(t, secondManager(), id, approval.Approve); !errors.As(err, &refused) {
		t.Errorf("Vote of one who was removed = %v, want a refusal", err)
	}
	w.says(t, approver("3d3d", "nora@contoso.com"), id, approval.Approve, approval.Approved)
	wantCode(t, "approved by one who was added", w.decide(t, ana(), order("70000")), policy.Mask, policy.OKApproved)

	w = newWorld(t)
	id = w.decide(t, ana(), order("70000")).Approval.ID
	w.says(t, secondManager(), id, approval.Approve, approval.Approved)
	w.policies.use(now)
	a := w.decide(t, ana(), order("70000"))
	wantCode(t, "approved by one who was removed since", a, policy.RequireApproval, policy.ApprovalRequired)
	if a.Approval.ID == id {
		t.Errorf("approval = %s again, want another", id)
	}
	w.wantStatus(t, "approved by one who was removed since", id, approval.Superseded)
}

// FR32: where nobody but the requester could approve, that is said at once.
func TestNobodyButTheRequester(t *testing.T) {
	manager := `"members": ["user:mia@contoso.com", "oid:` + miaID + `", "user:max@contoso.com"]`
	approvers := `"approvers": ["role:Manager"], "advice": "A manager decides."`
	for _, c := range []struct {
		name  string
		pairs []string
		want  policy.Code
	}{
		{"she is named", []string{approvers, `"approvers": ["user:ana@contoso.com"]`}, policy.ApprovalUnavailable},
		{"two of two, and she is one", []string{approvers, `"approvers": ["user:ana@contoso.com", "user:mia@contoso.com"], "quorum": 2`}, policy.ApprovalUnavailable},
		{"her role alone", []string{manager, `"members": ["user:ana@contoso.com"]`}, policy.ApprovalUnavailable},
		{"a group besides", []string{manager, `"members": ["user:ana@contoso.com", "group:` + analysts + `"]`}, policy.ApprovalRequired},
		{"another one", []string{approvers, `"approvers": ["user:ana@contoso.com", "user:mia@contoso.com"]`}, policy.ApprovalRequired},
	} {
		w := newWorld(t)
		w.policies.use(changed(t, c.pairs...))
		a := w.decide(t, ana(), order("70000"))
		if a.ReasonCode != c.want {
			t.Errorf("%s: %s, want %s", c.name, a.ReasonCode, c.want)
		}
		if c.want == policy.ApprovalUnavailable && (len(w.openings(t)) > 0 || !strings.Contains(a.Reason, "nobody but the requester")) {
			t.Errorf("%s: %d were opened, reason %q; want none, and why", c.name, len(w.openings(t)), a.Reason)
		}
	}
}
