package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

const runKey = "run-17-Authorize"

// FR15: a platform that repeats a call by itself opens one approval, and a
// repeated use with its key is given the same answer byte for byte, but for
// where the repetition is recorded.
func TestFR15ARepeatedUseIsTheSameAnswer(t *testing.T) {
	d, asked := opened(t)
	for range 3 {
		d.pass(time.Second)
		if again := d.ask(t, "approval.pending", "Idempotency-Key", runKey); again.Approval.ID != asked.Approval.ID {
			t.Errorf("asked again: %s, want the same approval", again.Approval.ID)
		}
	}
	if n := len(d.logged(t, "approval.opened")); n != 1 {
		t.Errorf("%d approvals opened, want 1", n)
	}
	d.vote(t, "mia", "approve", asked)
	first := d.ask(t, "ok.approved", "Idempotency-Key", runKey)
	if !*first.Execute || first.Grant == "" {
		t.Errorf("used: %s, want it to run with a grant", first.body)
	}
	start := d.time()
	for _, after := range []time.Duration{130 * time.Second, 175 * time.Second, 290 * time.Second, 600 * time.Second, 899 * time.Second} {
		d.pass(start.Add(after).Sub(d.time()))
		again := d.ask(t, "ok.approved", "Idempotency-Key", runKey)
		if again.withoutReceipt() != first.withoutReceipt() {
			t.Errorf("after %s:\n%s, want\n%s", after, again.body, first.body)
		}
		if again.body == first.body {
			t.Errorf("after %s: the receipt is that of the use", after)
		}
	}
	replayed := d.logged(t, "replayed")
	if len(replayed) != 5 || replayed[0].DecisionID != first.DecisionID || len(d.logged(t, "approval.consumed")) != 1 {
		t.Errorf("in the log: %d replays of %s, %d uses, want 5 and 1", len(replayed), first.DecisionID, len(d.logged(t, "approval.consumed")))
	}
	// Past 15 minutes the memory is gone, and nothing runs.
	d.pass(time.Second)
	if late := d.ask(t, "approval.required", "Idempotency-Key", runKey); *late.Execute || late.Approval.ID == asked.Approval.ID {
		t.Errorf("after 15 minutes: %s, want a new approval", late.body)
	}
}

// FR15: without the key, with another one or for another call there is no
// earlier answer; the reason says what would have helped.
func TestFR15OnlyTheSameKeyAndCallAreARepetition(t *testing.T) {
	for name, c := range map[string]struct{ key, body string }{
		"no key":      {"", anOrder},
		"another key": {"run-18-Authorize", anOrder},
		"other case":  {strings.ToUpper(runKey), anOrder},
	} {
		d, asked := opened(t)
		d.vote(t, "mia", "approve", asked)
		first := d.ask(t, "ok.approved", "Idempotency-Key", runKey)
		d.pass(130 * time.Second)
		again := d.askFor(t, "approval.required", c.body, "Idempotency-Key", c.key)
		if *again.Execute || again.Grant != "" || again.Approval.ID == asked.Approval.ID {
			t.Errorf("%s: %s, want a new approval", name, again.body)
		}
		if !strings.Contains(again.Reason, first.DecisionID) || !strings.Contains(again.Reason, "Idempotency-Key") {
			t.Errorf("%s: the reason %q does not say by which decision it was used, and what would have helped", name, again.Reason)
		}
		if still := d.ask(t, "ok.approved", "Idempotency-Key", runKey); still.withoutReceipt() != first.withoutReceipt() {
			t.Errorf("%s: then the key itself: %s, want the first answer", name, still.body)
		}
	}
	d, asked := opened(t)
	d.vote(t, "mia", "approve", asked)
	first := d.ask(t, "ok.approved", "Idempotency-Key", runKey)
	other := d.askFor(t, "approval.required", strings.Replace(anOrder, "70000", "70001", 1), "Idempotency-Key", runKey)
	if *other.Execute || other.DecisionID == first.DecisionID {
		t.Errorf("another amount: %s, want a call of its own", other.body)
	}
	if foreign := d.call(t, "other flow", http.MethodPost, "/api/authorize", anOrder, "Idempotency-Key", runKey); *foreign.Execute || foreign.DecisionID == first.DecisionID {
		t.Errorf("another application: %s, want nothing of it", foreign.body)
	}
}

// A revocation takes the stored answer back; the person learns when the grant
// ends.
func TestARevokedUseIsNotGivenAgain(t *testing.T) {
	d, asked := opened(t)
	d.vote(t, "mia", "approve", asked)
	d.ask(t, "ok.approved", "Idempotency-Key", runKey)
	ends := d.time().Add(15 * time.Minute).UTC().Format(time.RFC3339)
	got := d.call(t, "auditor", http.MethodPost, "/api/approvals/"+asked.Approval.ID+"/revoke", `{"comment":"fraud"}`)
	if got.status != 409 || got.ApprovalStatus != "consumed" || !strings.Contains(got.Detail, ends) {
		t.Errorf("revoke of what was used: %d %s, want 409 and %s", got.status, got.body, ends)
	}
	again := d.call(t, "flow", http.MethodPost, "/api/authorize", anOrder, "Idempotency-Key", runKey)
	if *again.Execute || again.Grant != "" || again.Decision == "ALLOW" {
		t.Errorf("used again: %s, want nothing to run", again.body)
	}
}

// FR25: a write that took effect and whose answer was lost is a success, once.
func TestFR25AnAnswerThatGotLostIsNotARefusal(t *testing.T) {
	once := func() func(string) bool {
		failed := false
		return func(call string) bool {
			fails := call == "put" && !failed
			failed = failed || call == "put"
			return fails
		}
	}
	for _, after := range []bool{true, false} {
		d, asked := opened(t)
		d.breakStore(after, once())
		if got := d.vote(t, "mia", "approve", asked); got.status != 200 || got.Status != "approved" || len(got.Votes) != 1 {
			t.Errorf("vote, taken effect %v: %d %s, want approved", after, got.status, got.body)
		}
		d.breakStore(after, once())
		used := d.ask(t, "ok.approved")
		d.breakStore(after, nil)
		ran := 0
		for _, l := range d.logged(t, "decision") {
			if l.DecisionID == used.DecisionID && l.Decision == "ALLOW" {
				ran++
			}
		}
		if voted := len(d.logged(t, "approval.voted")); ran != 1 || voted != 1 || len(d.logged(t, "approval.consumed")) != 1 {
			t.Errorf("taken effect %v: %d records of the decision, %d votes, want one each", after, ran, voted)
		}
		second := d.ask(t, "approval.required")
		d.breakStore(after, once())
		if got := d.call(t, "flow", http.MethodPost, "/api/approvals/"+second.Approval.ID+"/cancel", ""); got.status != 200 || got.Status != "cancelled" {
			t.Errorf("cancel, taken effect %v: %d %s, want cancelled", after, got.status, got.body)
		}
	}
}

// FR26: what the store cannot say is never "there is none": 503 with a time to
// come again on every route, nothing opened, nothing mismatched.
func TestFR26UnclearIsNotAbsent(t *testing.T) {
	for _, broken := range []string{"get", "put"} {
		d, asked := opened(t)
		path := "/api/approvals/" + asked.Approval.ID
		d.breakStore(false, func(call string) bool { return call == broken || call == "list" })
		for _, c := range []struct{ as, method, path, body, breaks string }{
			{"mia", "POST", "/api/approval-callback", ballot(asked, "approve", ""), "get put"},
			{"flow", "POST", path + "/cancel", "", "get put"},
			{"mia", "POST", path + "/revoke", "{}", "get put"},
			{"flow", "GET", path, "", "get"},
			{"developer", "GET", path, "", "get"},
			{"flow", "GET", path + "?wait=1", "", "get"},
			{"auditor", "GET", "/api/approvals", "", "get put"},
			{"flow", "POST", "/api/authorize", anOrder, "get"},
			{"flow", "POST", "/api/authorize", `{"agentId":"finance-agent","approvalId":"` + asked.Approval.ID + `"}`, "get"},
			{"flow", "POST", "/api/authorize", strings.Replace(anOrder, "70000", "72000", 1), "get put"},
		} {
			if got := d.call(t, c.as, c.method, c.path, c.body); strings.Contains(c.breaks, broken) && got.status != 503 {
				t.Errorf("%s unclear, %s %s: %d %s, want 503", broken, c.method, c.path, got.status, got.body)
			}
		}
		d.breakStore(false, nil)
		d.mustBe(t, "pending", 0, asked)
		if n := len(d.logged(t, "approval.opened")); n != 1 {
			t.Errorf("%s unclear: %d approvals opened, want 1", broken, n)
		}
	}
}

// Nothing that is not in the log is answered.
func TestNoVoteWithoutTheLog(t *testing.T) {
	d, asked := opened(t)
	if err := d.audit.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for as, choice := range map[string]string{"mia": "approve", "vera": "deny"} {
		if got := d.vote(t, as, choice, asked); got.status != 503 {
			t.Errorf("%s votes: %d %s, want 503", as, got.status, got.body)
		}
	}
	if got := d.call(t, "vera", http.MethodPost, "/api/decisions/"+asked.DecisionID+"/outcome", `{"outcome":"failed"}`); got.status != 503 {
		t.Errorf("a refusal that cannot be recorded: %d %s, want 503", got.status, got.body)
	}
	if got := d.get(t, "auditor", asked.Approval.ID); got.status == 200 && got.Status != "pending" {
		t.Errorf("an unlogged vote shows: %s", got.body)
	}
}

// What callers and people wrote comes back as it is, as JSON; what a mask
// covers does not.
func TestApprovalBodiesAreJSONAndMasked(t *testing.T) {
	d := newDesk(t, `"classification": [`, `"classification": [ { "id": "po-vendor", "match": { "actions": ["CreatePO"] }, "effect": "MASK", "mask": [ { "path": "parameters.vendor", "method": "last4" } ] },`)
	asked := d.ask(t, "approval.required")
	const comment = "<script>alert(1)</script> \"quoted\" \\ & \u202e\n\ttwo"
	d.call(t, "mia", http.MethodPost, "/api/approval-callback", ballot(asked, "deny", `,"comment":"<script>alert(1)</script> \"quoted\" \\ & \u202e\n\ttwo"`))
	got := d.get(t, "flow", asked.Approval.ID)
	if len(got.Votes) != 1 || got.Votes[0].Comment != comment || got.Comment != comment {
		t.Errorf("%s: the comment is not %q", got.body, comment)
	}
	if strings.Contains(got.body, "V-7") || !strings.Contains(got.body, `"mark":"masked"`) {
		t.Errorf("%s: shows a masked value", got.body)
	}
	if got.header.Get("Cache-Control") != "no-store" || strings.Contains(got.ID, "/") {
		t.Errorf("GET: %v %s, want it kept nowhere, under an id that fits a path", got.header, got.body)
	}
}
