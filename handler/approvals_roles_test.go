package main

import (
	"net/http"
	"slices"
	"testing"
)

// The rights of every sort of caller on every route of approvals: whose it is
// not gets the answer of what does not exist, and every 403 is in the log.
func TestApprovalRoutesAreForWhomTheyAreFor(t *testing.T) {
	const get, vote, cancel, revoke, outcome = "get", "vote", "cancel", "revoke", "outcome"
	for _, c := range []struct {
		who  string
		want map[string]int
	}{
		{"nobody", map[string]int{get: 401, vote: 401, cancel: 401, revoke: 401, outcome: 401}},
		{"developer", map[string]int{get: 200, vote: 403, cancel: 404, revoke: 200, outcome: 202}},
		{"flow", map[string]int{get: 200, vote: 403, cancel: 200, revoke: 403, outcome: 202}},
		{"bare flow", map[string]int{get: 200, vote: 403, cancel: 403, revoke: 403, outcome: 403}},
		{"other flow", map[string]int{get: 404, vote: 403, cancel: 404, revoke: 403, outcome: 202}},
		{"flow abroad", map[string]int{get: 404, vote: 403, cancel: 404, revoke: 403, outcome: 202}},
		{"relay", map[string]int{get: 404, vote: 403, cancel: 403, revoke: 403, outcome: 403}},
		{"approver app", map[string]int{get: 404, vote: 403, cancel: 403, revoke: 404, outcome: 403}},
		{"auditor app", map[string]int{get: 200, vote: 403, cancel: 403, revoke: 200, outcome: 403}},
		{"ana", map[string]int{get: 404, vote: 403, cancel: 404, revoke: 403, outcome: 202}},
		{"ana in flow", map[string]int{get: 200, vote: 403, cancel: 200, revoke: 403, outcome: 202}},
		{"ana as approver", map[string]int{get: 404, vote: 403, cancel: 403, revoke: 404, outcome: 403}},
		{"mia", map[string]int{get: 200, vote: 200, cancel: 403, revoke: 200, outcome: 403}},
		{"mia without", map[string]int{get: 200, vote: 403, cancel: 403, revoke: 403, outcome: 403}},
		{"mia abroad", map[string]int{get: 404, vote: 404, cancel: 403, revoke: 404, outcome: 403}},
		{"vera", map[string]int{get: 404, vote: 403, cancel: 403, revoke: 404, outcome: 403}},
		{"auditor", map[string]int{get: 200, vote: 403, cancel: 403, revoke: 200, outcome: 403}},
		{"auditor abroad", map[string]int{get: 404, vote: 403, cancel: 403, revoke: 404, outcome: 403}},
	} {
		for route, want := range c.want {
			d, asked := opened(t)
			id := asked.Approval.ID
			path, method, body := map[string]string{
				get: "/api/approvals/" + id, vote: "/api/approval-callback", cancel: "/api/approvals/" + id + "/cancel",
				revoke: "/api/approvals/" + id + "/revoke", outcome: "/api/decisions/" + asked.DecisionID + "/outcome",
			}[route], http.MethodPost, ""
			switch route {
			case get:
				method = http.MethodGet
			case vote:
				body = ballot(asked, "approve", "")
			case outcome:
				body = `{"outcome":"executed"}`
			}
			got := d.call(t, c.who, method, path, body)
			if got.status != want {
				t.Errorf("%s, %s: %d %s, want %d", c.who, route, got.status, got.body, want)
			}
			if refused := len(d.logged(t, "refused")); (want == 403) != (refused == 1) {
				t.Errorf("%s, %s: %d, and %d refusals in the log", c.who, route, got.status, refused)
			}
			status := map[string]string{vote: "approved", cancel: "cancelled", revoke: "revoked"}[route]
			if want != 200 || status == "" {
				status = "pending"
			}
			if now := d.get(t, "auditor", id); now.Status != status {
				t.Errorf("%s, %s: the approval is %s, want %s", c.who, route, now.Status, status)
			}
		}
	}
}

// Ids that are none, or of nothing, are 404 on every route, and never a fault.
func TestUnknownApprovals(t *testing.T) {
	d, asked := opened(t)
	id := asked.Approval.ID
	for _, id := range []string{
		"x", "apr_", "apr_x", id + "x", id[:len(id)-1], id[:len(id)-1] + "v", "APR_" + id[4:], "apr_" + id[5:] + "0", "%20" + id, id + "%20",
		"apr_%2e%2e", "..%2f" + id, id + "%2F", id + "%00", id + "%0a", "%ff", "null", "%E2%80%8B" + id, id[:30] + "%3F" + id[30:],
	} {
		for _, c := range []struct{ as, method, path string }{
			{"auditor", "GET", "/api/approvals/" + id},
			{"auditor", "GET", "/api/approvals/" + id + "?wait=1"},
			{"flow", "POST", "/api/approvals/" + id + "/cancel"},
			{"auditor", "POST", "/api/approvals/" + id + "/revoke"},
			{"flow", "POST", "/api/decisions/" + id + "/outcome"},
		} {
			body := ""
			if c.path[len(c.path)-7:] == "outcome" {
				body = `{"outcome":"failed"}`
			}
			if got := d.call(t, c.as, c.method, c.path, body); got.status != 404 {
				t.Errorf("%s %s: %d %s, want 404", c.method, c.path, got.status, got.body)
			}
		}
	}
	for _, id := range []string{"x", "apr_x", id + "x", "' OR 1=1 --", "../" + id, asked.DecisionID} {
		other := asked
		other.Approval.ID = id
		if got := d.vote(t, "mia", "approve", other); got.status != 404 {
			t.Errorf("a vote on %q: %d %s, want 404", id, got.status, got.body)
		}
	}
	d.mustBe(t, "pending", 0, asked)
	if got := d.logged(t, "refused", "approval.refused", "outcome"); len(got) > 0 {
		t.Errorf("logged %+v, want nothing", got)
	}
}

// What is closed takes nothing any more: 409 with what it is, for every verb.
func TestClosedApprovals(t *testing.T) {
	for status, closeIt := range map[string]func(*desk, reply){
		"denied":    func(d *desk, a reply) { d.vote(t, "mia", "deny", a) },
		"cancelled": func(d *desk, a reply) { d.call(t, "flow", "POST", "/api/approvals/"+a.Approval.ID+"/cancel", "") },
		"revoked":   func(d *desk, a reply) { d.call(t, "auditor", "POST", "/api/approvals/"+a.Approval.ID+"/revoke", "") },
		"expired":   func(d *desk, _ reply) { d.pass(25 * hour) },
		"consumed": func(d *desk, a reply) {
			d.vote(t, "mia", "approve", a)
			d.ask(t, "ok.approved")
			d.call(t, "auditor", "POST", "/api/approvals/"+a.Approval.ID+"/revoke", "") // withdraws the answer, and says so
		},
	} {
		d, asked := opened(t)
		closeIt(d, asked)
		path := "/api/approvals/" + asked.Approval.ID
		for name, got := range map[string]reply{
			"approve": d.vote(t, "omar", "approve", asked),
			"deny":    d.vote(t, "omar", "deny", asked),
			"cancel":  d.call(t, "flow", "POST", path+"/cancel", "{}"),
			"revoke":  d.call(t, "auditor", "POST", path+"/revoke", `{"comment":"late"}`),
		} {
			if got.status != 409 || got.ApprovalStatus != status || got.NextStep != "fix" || got.Detail == "" {
				t.Errorf("%s of what is %s: %d %s, want 409", name, status, got.status, got.body)
			}
		}
		late := slices.DeleteFunc(d.logged(t, "approval.refused"), func(l logLine) bool { return l.UserID != "oid-omar" })
		if len(late) != 2 || late[0].ApprovalID != asked.Approval.ID || late[1].ApprovalID != asked.Approval.ID {
			t.Errorf("%s: late votes in the log: %+v, want both of Omar's", status, late)
		}
		if got := d.get(t, "flow", asked.Approval.ID); got.status != 200 || got.Status != status {
			t.Errorf("what is %s: %d %s", status, got.status, got.body)
		}
	}
}

// Cancel is for what is pending, revoke for what is open, and a vote that says
// the same again changes nothing.
func TestOpenApprovals(t *testing.T) {
	d, asked := opened(t)
	path := "/api/approvals/" + asked.Approval.ID
	for range 2 {
		if got := d.vote(t, "mia", "approve", asked); got.status != 200 || got.Status != "approved" || len(got.Votes) != 1 || got.Votes[0].Person != "mia@contoso.com" {
			t.Errorf("approve: %d %s, want approved by one", got.status, got.body)
		}
	}
	if n := len(d.logged(t, "approval.voted")); n != 1 {
		t.Errorf("%d votes in the log, want 1", n)
	}
	if got := d.call(t, "flow", "POST", path+"/cancel", ""); got.status != 409 || got.ApprovalStatus != "approved" || got.Detail == "" {
		t.Errorf("cancel of what is approved: %d %s, want 409", got.status, got.body)
	}
	if got := d.call(t, "mia", "POST", path+"/revoke", `{"comment":"wrong \u003cvendor\u003e"}`); got.status != 200 || got.Status != "revoked" || got.Comment != "wrong <vendor>" {
		t.Errorf("revoke: %d %s, want revoked with its comment as it was written", got.status, got.body)
	}
	d.askFor(t, "approval.revoked", `{"agentId":"finance-agent","approvalId":"`+asked.Approval.ID+`"}`)
	again := d.ask(t, "approval.required")
	if got := d.vote(t, "mia", "deny", again); got.status != 200 || got.Status != "denied" {
		t.Errorf("deny: %d %s, want denied", got.status, got.body)
	}
	if got := d.vote(t, "mia", "deny", again); got.status != 200 || len(got.Votes) != 1 {
		t.Errorf("the same denial again: %d %s, want 200, unchanged", got.status, got.body)
	}
	if got := d.vote(t, "mia", "approve", again); got.status != 409 || got.ApprovalStatus != "denied" {
		t.Errorf("an approval after an own denial: %d %s, want 409", got.status, got.body)
	}
	d.ask(t, "approval.denied")
}
