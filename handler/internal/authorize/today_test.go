package authorize_test

import (
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/policy"
)

const (
	overRule   = `{"id": "over", "match": {"actions": ["CreatePO"]}, "on": ["overLimit"], "approvers": ["role:Manager"], "advice": "A manager decides."}`
	reviewRule = `{"id": "review", "match": {"actions": ["CreatePO"]}, "on": ["ask:risk"], "approvers": ["role:Manager"]}`
	managers   = `"members": ["user:mia@contoso.com", "oid:` + miaID + `", "user:max@contoso.com"]`
)

// wantSuperseded: the approval was not used but gave way to another, and the
// log says to which decision.
func (w *world) wantSuperseded(t *testing.T, what string, a authorize.Answer, id string) {
	t.Helper()
	wantCode(t, what, a, policy.RequireApproval, policy.ApprovalRequired)
	if a.Approval.ID == id || a.Approval.ID == "" || a.Approval.Status != "pending" {
		t.Errorf("%s: approval %q %s, want another than %s, pending", what, a.Approval.ID, a.Approval.Status, id)
	}
	if !strings.Contains(a.Reason, "not enough") {
		t.Errorf("%s: reason %q, want it to say that the approval was not enough", what, a.Reason)
	}
	w.wantStatus(t, what, id, approval.Superseded)
	for _, r := range w.recorded(t, audit.KindApprovalClosed) {
		if r.ApprovalID == id && r.Outcome == "superseded" && r.DecisionID == a.DecisionID && r.EventID != "" {
			return
		}
	}
	t.Errorf("%s: the log does not tell that decision %s superseded %s", what, a.DecisionID, id)
}

// T20, approvals.md Using: an approval is held against today's rules. What they
// deny stays denied, and what they want more was not approved.
func TestTheRulesWantMoreToday(t *testing.T) {
	denied := func(code policy.Code) func(*testing.T, *world, string, authorize.Answer, string) {
		return func(t *testing.T, w *world, what string, a authorize.Answer, id string) {
			t.Helper()
			wantCode(t, what, a, policy.Deny, code)
			w.wantStatus(t, what, id, approval.Approved)
		}
	}
	superseded := func(t *testing.T, w *world, what string, a authorize.Answer, id string) {
		t.Helper()
		w.wantSuperseded(t, what, a, id)
	}
	for _, c := range []struct {
		name  string
		pairs []string
		want  func(*testing.T, *world, string, authorize.Answer, string)
	}{
		{"a threshold denies", []string{`"denyAbove": "90"`, `"denyAbove": "9"`, `"askAbove": "70"`, `"askAbove": "8"`}, denied(policy.ThresholdDenied)},
		{"nothing entitles", []string{`"user:ana@contoso.com", "oid:` + anaID + `",`, ``}, denied(policy.EntitlementNone)},
		{"a region is denied", []string{`"allowedRegions": ["EU"]`, `"allowedRegions": ["US"]`}, denied(policy.ResidencyDenied)},
		{"a label is denied", []string{`"match": {"classifications": ["Restricted"]}, "effect": "DENY"`, `"effect": "DENY"`}, denied(policy.ClassificationDenied)},
		{"the agent is gone", []string{`"id": "finance-agent"`, `"id": "renamed"`}, denied(policy.AgentUnknown)},
		{"the rule is removed", []string{overRule + ",", ``}, denied(policy.ThresholdExceeded)},
		{"nobody is left to approve", []string{managers, `"members": []`}, denied(policy.ApprovalUnavailable)},
		{"a rule in its place", []string{`"id": "over"`, `"id": "over-now"`}, superseded},
		{"a new question", []string{`"askAbove": "70"`, `"askAbove": "5"`}, superseded},
		{"one rule more", []string{overRule, overRule + `, {"id": "all", "match": {"actions": ["CreatePO"]}, "on": ["always"], "approvers": ["role:Manager"]}`}, superseded},
		{"a higher quorum", []string{overRule, strings.Replace(overRule, `"advice"`, `"quorum": 2, "advice"`, 1)}, superseded},
		{"other approvers", []string{overRule, strings.Replace(overRule, `"role:Manager"`, `"user:max@contoso.com"`, 1)}, superseded},
		{"another role", []string{overRule, strings.Replace(overRule, `"role:Manager"`, `"role:Analyst"`, 1)}, superseded},
		{"a voter excluded", []string{overRule, strings.Replace(overRule, `"advice"`, `"exclude": ["user:MIA@contoso.com"], "advice"`, 1)}, superseded},
		{"a voter excluded by object id", []string{overRule, strings.Replace(overRule, `"advice"`, `"exclude": ["oid:`+strings.ToUpper(miaID)+`"], "advice"`, 1)}, superseded},
		{"a voter excluded as owner", []string{overRule, strings.Replace(overRule, `"advice"`, `"exclude": ["owner"], "advice"`, 1), `{"id": "finance-agent",`, `{"id": "finance-agent", "owner": "user:mia@contoso.com",`}, superseded},
		{"a voter removed", []string{managers, `"members": ["user:max@contoso.com", "user:nora@contoso.com"]`}, superseded},
	} {
		for how, ask := range map[string]func(id string) authorize.Request{
			"": func(string) authorize.Request { return order("70000") }, ", named": func(id string) authorize.Request { return named(order("70000"), id) }, ", resumed": resume,
		} {
			w := newWorld(t)
			id := w.approved(t, ana(), order("70000"))
			w.policies.use(changed(t, c.pairs...))
			w.policies.active.Epoch++
			p, what := ana(), c.name+how
			if how == ", resumed" && c.name == "the agent is gone" {
				wantCode(t, what, w.decide(t, p, ask(id)), policy.Deny, policy.AgentUnknown)
				continue
			}
			c.want(t, w, what, w.decide(t, p, ask(id)), id)
			if got := w.uses(t); len(got) > 0 {
				t.Errorf("%s: the log tells of the uses %v, want none", what, got)
			}
		}
	}
}

// The rules of before, in another version, epoch or order, or fewer of them:
// what was approved is enough.
func TestTheRulesWantNoMoreToday(t *testing.T) {
	for name, pairs := range map[string][]string{
		"a newer version":    {`"version": 1`, `"version": 9`},
		"the limit is lower": {`"max": "50000"`, `"max": "100"`},
		"one more approver":  {managers, `"members": ["user:mia@contoso.com", "oid:` + miaID + `", "user:max@contoso.com", "user:nora@contoso.com"]`},
		"named otherwise":    {overRule, strings.Replace(overRule, `"role:Manager"`, `"oid:`+miaID+`"`, 1)},
		"another advice":     {"A manager decides.", "The manager decides."},
		"a rule of the rest": {reviewRule, reviewRule + `, {"id": "refunds", "match": {"actions": ["Refund"]}, "on": ["always"], "approvers": ["role:Manager"]}`},
	} {
		w := newWorld(t)
		id := w.approved(t, ana(), order("70000"))
		w.policies.use(changed(t, pairs...))
		w.policies.active.Epoch--
		a := w.decide(t, ana(), order("70000"))
		wantCode(t, name, a, policy.Mask, policy.OKApproved)
		w.wantStatus(t, name, id, approval.Consumed)
		if r := w.of(t, a); r.Epoch != 6 || len(r.Approvers) != 1 {
			t.Errorf("%s: recorded epoch %d and approvers %v, want today's epoch and mia", name, r.Epoch, r.Approvers)
		}
	}
}

// Where nothing needs an approval today the open one is left as it is, whoever
// names it, and whatever key comes with the call.
func TestTheRulesWantNothingToday(t *testing.T) {
	w := newWorld(t)
	id := w.approved(t, ana(), order("70000"))
	keyed := enforce
	keyed.IdempotencyKey = "k"
	w.policies.use(changed(t, `"max": "50000"`, `"max": "100000"`))
	for _, r := range []authorize.Request{order("70000"), named(order("70000"), id), resume(id)} {
		for _, call := range []authorize.Call{enforce, keyed} {
			wantCode(t, "where none is needed", w.decideAs(t, ana(), r, call), policy.Mask, policy.OKMasked)
		}
	}
	w.wantStatus(t, "where none is needed", id, approval.Approved)
	w.policies.use(changed(t, `"version": 1`, `"version": 2`))
	wantCode(t, "where it is needed again", w.decide(t, ana(), order("70000")), policy.Mask, policy.OKApproved)
}

// FR14: a window that has closed closes the use; the approval stays.
func TestOfficeHoursCloseTheUse(t *testing.T) {
	w := newWorld(t)
	open := time.Date(2026, 1, 15, 16, 50, 0, 0, time.UTC)
	now := open
	w.clock = func() time.Time { return now }
	hours := `"roles": ["Analyst", "Robot"], "when": "now.getHours(\"Europe/Vienna\") >= 8 && now.getHours(\"Europe/Vienna\") < 18", "match"`
	w.policies.use(changed(t, `"roles": ["Analyst", "Robot"], "match"`, hours))
	id := w.approved(t, ana(), order("70000"))
	now = open.Add(20 * time.Minute)
	for _, r := range []authorize.Request{order("70000"), named(order("70000"), id), resume(id)} {
		wantCode(t, "after closing", w.decide(t, ana(), r), policy.Deny, policy.EntitlementNone)
	}
	w.wantStatus(t, "after closing", id, approval.Approved)
	now = open.Add(14*time.Hour + 10*time.Minute) // 08:00 the next day
	wantCode(t, "in the morning", w.decide(t, ana(), order("70000")), policy.Mask, policy.OKApproved)
}

// T30: time never approves: a pending approval expires, an approved one too,
// and neither ever runs.
func TestTimeNeverApproves(t *testing.T) {
	for _, c := range []struct {
		name string
		vote bool
		at   time.Duration
		code policy.Code
	}{
		{"pending until approveBy", false, 8 * time.Hour, policy.ApprovalExpiredCode},
		{"approved, a minute before executeBy", true, 24*time.Hour - time.Minute, policy.ApprovalExpiredCode},
		{"approved, long after", true, 1000 * time.Hour, policy.ApprovalExpiredCode},
	} {
		w := newWorld(t)
		now := noon
		w.clock = func() time.Time { return now }
		id := w.decide(t, ana(), order("70000")).Approval.ID
		if c.vote {
			w.says(t, mia(), id, approval.Approve, approval.Approved)
		}
		now = noon.Add(c.at)
		if _, err := w.ballot(t, mia(), id, approval.Approve); err == nil {
			t.Errorf("%s: a late vote = nil, want a refusal", c.name)
		}
		wantCode(t, c.name+", named", w.decide(t, ana(), named(order("70000"), id)), policy.Deny, c.code)
		a := w.decide(t, ana(), order("70000"))
		wantCode(t, c.name, a, policy.RequireApproval, policy.ApprovalRequired)
		if a.Approval.ID == id {
			t.Errorf("%s: approval = %s again, want another", c.name, id)
		}
	}
	w := newWorld(t)
	now := noon
	w.clock = func() time.Time { return now }
	w.approved(t, ana(), order("70000"))
	now = noon.Add(24*time.Hour - time.Minute - time.Millisecond)
	wantCode(t, "a moment before", w.decide(t, ana(), order("70000")), policy.Mask, policy.OKApproved)
}

// A person's no before the use wins over every yes.
func TestANoBeforeTheUseWins(t *testing.T) {
	w := newWorld(t)
	id := w.approved(t, ana(), order("70000"))
	w.says(t, secondManager(), id, approval.Deny, approval.Revoked)
	wantCode(t, "named", w.decide(t, ana(), named(order("70000"), id)), policy.Deny, policy.ApprovalRevokedCode)
	a := w.decide(t, ana(), order("70000"))
	wantCode(t, "asked anew", a, policy.RequireApproval, policy.ApprovalRequired)
	if len(w.uses(t)) > 0 || a.Approval.ID == id {
		t.Errorf("uses = %v and approval %s, want none and another", w.uses(t), a.Approval.ID)
	}
}
