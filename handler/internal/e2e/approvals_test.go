package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// counter is a server with the tokens of those who come to it.
type counter struct {
	*server

	t   *testing.T
	dir string
	doc document

	ana, mia, omar, flow, other, auditor string // Authorization headers
}

func openCounter(t *testing.T, l launch) *counter {
	t.Helper()
	l.dir, l.env = t.TempDir(), unlimited
	c := &counter{server: serve(t, l), t: t, dir: l.dir}
	bearer := func(args ...string) string { return "Authorization: Bearer " + token(t, l.dir, args...) }
	c.ana = bearer("--user", "ana@contoso.com", "--roles", "Fabric.Authorize")
	c.mia = bearer("--user", "mia@contoso.com", "--roles", "Fabric.Approver")
	c.omar = bearer("--user", "omar@contoso.com", "--roles", "Fabric.Approver")
	c.flow = bearer("--app-only", "--roles", "Fabric.Authorize")
	c.other = bearer("--app-only", "--app", "bbbbbbbb-0000-4000-8000-000000000002", "--roles", "Fabric.Authorize")
	c.auditor = bearer("--user", "audrey@contoso.com", "--roles", "Fabric.Auditor")
	c.doc = readDocument(t, c.server)
	return c
}

// do sends a request and demands its status, and that the OpenAPI document
// announces the answer. The route is the path as the document has it.
func (c *counter) do(want int, method, path, body string, headers ...string) reply {
	c.t.Helper()
	r, err := c.call(c.t.Context(), method, path, []byte(body), headers...)
	if err != nil {
		c.t.Fatalf("%s %s = %v", method, path, err)
	}
	if r.status != want {
		c.t.Fatalf("%s %s %s = %d %s, want %d", method, path, body, r.status, r.body, want)
	}
	c.doc.check(c.t, method, routeOf(path), r)
	return r
}

var variable = regexp.MustCompile(`^/api/(approvals|decisions)/[^/]+`)

func routeOf(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return variable.ReplaceAllString(path, "/api/$1/{id}")
}

// ask asks as Ana and demands how it is decided.
func (c *counter) ask(code, body string, headers ...string) (outcome, reply) {
	c.t.Helper()
	r := c.do(http.StatusOK, http.MethodPost, "/api/authorize", body, append([]string{c.ana}, headers...)...)
	o, err := r.outcome()
	if err != nil || o.ReasonCode != code || o.Execute == nil || *o.Execute != (o.Decision == "ALLOW") {
		c.t.Fatalf("authorize %s = %s, %v, want %s", body, r.body, err, code)
	}
	return o, r
}

// resume asks about an approval by its id alone.
func resume(id string) string {
	return fmt.Sprintf(`{"agentId":"finance-agent","approvalId":%q}`, id)
}

// shown is an approval as its own answer shows it.
type shown struct {
	ID, Status, RequestDigest, Comment string
	Final                              bool
	Votes                              []struct{ PolicyID, Person, Vote, Comment string }
}

func (r reply) approval(t *testing.T) shown {
	t.Helper()
	var a shown
	if err := json.Unmarshal(r.body, &a); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	return a
}

func (c *counter) approval(id, as string) shown {
	c.t.Helper()
	return c.do(http.StatusOK, http.MethodGet, "/api/approvals/"+id, "", as).approval(c.t)
}

// vote votes on what the voter is shown.
func (c *counter) vote(want int, as, id, choice, comment string) reply {
	c.t.Helper()
	body, err := json.Marshal(map[string]string{
		"approvalId": id, "vote": choice, "requestDigest": c.approval(id, as).RequestDigest, "comment": comment,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.do(want, http.MethodPost, "/api/approval-callback", string(body), as)
}

// close cancels or revokes.
func (c *counter) close(want int, as, id, verb, body string) reply {
	c.t.Helper()
	return c.do(want, http.MethodPost, "/api/approvals/"+id+"/"+verb, body, as)
}

var anyReceipt = regexp.MustCompile(`"receipt":\{[^}]*\}`)

func withoutReceipt(r reply) string { return anyReceipt.ReplaceAllString(string(r.body), "") }

// told is what audit why tells of a decision.
type told struct {
	Decisions []struct {
		Decision                    struct{ Record json.RawMessage }
		Approval, Replays, Outcomes []struct{ Record json.RawMessage }
	}
	Segments []struct{ Integrity string }
}

func (c *counter) why(id string) (told, string) {
	c.t.Helper()
	var story told
	asJSON, stderr, code, err := cli(c.t.Context(), c.dir, nil, "audit", "why", id, "--data", "data", "--json")
	if err != nil || code != 0 || json.Unmarshal([]byte(asJSON), &story) != nil || len(story.Decisions) == 0 {
		c.t.Fatalf("audit why %s = %d, %v\n%s%s", id, code, err, asJSON, stderr)
	}
	text, _, _, err := cli(c.t.Context(), c.dir, nil, "audit", "why", id, "--data", "data")
	if err != nil {
		c.t.Fatal(err)
	}
	return story, text
}

// kindsOf are the kinds of records, with what they say became of it.
func kindsOf(t *testing.T, records []struct{ Record json.RawMessage }) []string {
	t.Helper()
	var kinds []string
	for _, r := range records {
		var line struct{ Kind, Outcome string }
		if err := json.Unmarshal(r.Record, &line); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, strings.TrimSpace(line.Kind+" "+line.Outcome))
	}
	return kinds
}

// From REQUIRE_APPROVAL over a manager's vote to exactly one ALLOW, and back in
// the log: the analyst asks, waits, runs, and says what became of it.
func TestApprovalFromAskingToTheLog(t *testing.T) {
	t.Parallel()
	c := openCounter(t, launch{})
	asked, _ := c.ask("approval.required", order(70_000))
	again, _ := c.ask("approval.pending", order(70_000), "Idempotency-Key: run-1")
	id := asked.Approval.ID
	if again.Approval.ID != id {
		t.Fatalf("asked again: %s, want %s", again.Approval.ID, id)
	}

	waited := make(chan reply, 1)
	go func() {
		r, err := c.call(t.Context(), http.MethodGet, "/api/approvals/"+id+"?wait=60", nil, c.ana)
		if err != nil {
			t.Error(err)
		}
		waited <- r
	}()
	c.awaitWaiting()
	const comment = "ok, \"budget\" 4711 <b>\u202e"
	voted := c.vote(http.StatusOK, c.mia, id, "approve", comment).approval(t)
	if voted.Status != "approved" || len(voted.Votes) != 1 || voted.Votes[0].Person != "mia@contoso.com" || voted.Votes[0].Comment != comment {
		t.Errorf("voted: %+v, want Mia's approval with her comment as it is", voted)
	}
	if r := <-waited; r.status != 200 || r.approval(t).Status != "approved" {
		t.Errorf("waited: %d %s, want approved", r.status, r.body)
	}

	ran, first := c.ask("ok.approved", order(70_000), "Idempotency-Key: run-1")
	for range 2 {
		if _, replay := c.ask("ok.approved", order(70_000), "Idempotency-Key: run-1"); withoutReceipt(replay) != withoutReceipt(first) || string(replay.body) == string(first.body) {
			t.Errorf("the same key again:\n%s, want, but for receipt,\n%s", replay.body, first.body)
		}
	}
	if !strings.Contains(string(first.body), `"grant":"ey`) {
		t.Errorf("the use has no grant: %s", first.body)
	}
	next, _ := c.ask("approval.required", order(70_000), "Idempotency-Key: run-2")
	if same, _ := c.ask("approval.pending", order(70_000)); same.Approval.ID != next.Approval.ID || next.Approval.ID == id {
		t.Errorf("another key, and none: %s, %s, want one new approval", next.Approval.ID, same.Approval.ID)
	}

	path := "/api/decisions/" + ran.DecisionID + "/outcome"
	c.do(http.StatusAccepted, http.MethodPost, path, `{"outcome":"executed","detail":"PO 4500012"}`, c.ana)
	c.do(http.StatusAccepted, http.MethodPost, path, `{"outcome":"failed","detail":"says somebody else"}`, c.other)
	c.do(http.StatusForbidden, http.MethodPost, path, `{"outcome":"failed"}`, c.mia)
	c.do(http.StatusBadRequest, http.MethodPost, path, `{"outcome":"done"}`, c.ana)
	c.do(http.StatusNotFound, http.MethodPost, "/api/decisions/none/outcome", `{"outcome":"failed"}`, c.ana)
	c.isToldInTheLog(ran.DecisionID)
}

// awaitWaiting returns when a request besides its own is under way.
func (c *counter) awaitWaiting() {
	c.t.Helper()
	for c.t.Context().Err() == nil {
		if strings.Contains(string(c.get(c.t, "/api/health/metrics").body), "fabric_requests_in_flight 2\n") {
			return
		}
	}
}

func (c *counter) isToldInTheLog(decision string) {
	c.t.Helper()
	story, text := c.why(decision)
	d := story.Decisions[0]
	want := []string{"approval.opened", "approval.voted approve", "approval.approved approved", "approval.consumed consumed"}
	if got := kindsOf(c.t, d.Approval); len(story.Decisions) != 1 || !slices.Equal(got, want) {
		c.t.Errorf("audit why tells %d decisions and %q, want one and %q", len(story.Decisions), got, want)
	}
	if got := kindsOf(c.t, d.Outcomes); !slices.Equal(got, []string{"outcome executed"}) || len(d.Replays) != 2 {
		c.t.Errorf("audit why tells the outcomes %q and %d replays, want that of who asked, and 2", got, len(d.Replays))
	}
	for _, part := range []string{"mia@contoso.com", "4711", "PO 4500012"} {
		if !strings.Contains(text, part) {
			c.t.Errorf("audit why does not tell %q:\n%s", part, text)
		}
	}
	if strings.Contains(text, "somebody else") || strings.Contains(text, "\u202e") {
		c.t.Errorf("audit why tells what it must not:\n%s", text)
	}
	mustVerify(c.t, c.dir)
}

// The ways in which an approval ends without running.
func TestApprovalDeniedRevokedCancelled(t *testing.T) {
	t.Parallel()
	c := openCounter(t, launch{})
	denied, _ := c.ask("approval.required", order(71_000))
	id := denied.Approval.ID
	c.vote(http.StatusOK, c.mia, id, "deny", "wrong vendor")
	c.vote(http.StatusOK, c.mia, id, "deny", "wrong vendor")
	if r := c.vote(http.StatusConflict, c.omar, id, "approve", "but it is fine"); !strings.Contains(string(r.body), `"approvalStatus":"denied"`) {
		t.Errorf("a vote on what is denied: %s", r.body)
	}
	_, refused := c.ask("approval.denied", order(71_000))
	if !strings.Contains(string(refused.body), "wrong vendor") {
		t.Errorf("asked again: %s, want the comment", refused.body)
	}
	c.ask("approval.denied", resume(id))
	c.close(http.StatusConflict, c.ana, id, "cancel", "")
	c.close(http.StatusConflict, c.mia, id, "revoke", "{}")

	revoked, _ := c.ask("approval.required", order(72_000))
	id = revoked.Approval.ID
	c.vote(http.StatusOK, c.omar, id, "approve", "")
	c.close(http.StatusConflict, c.ana, id, "cancel", "")
	c.close(http.StatusForbidden, c.ana, id, "revoke", "")
	c.close(http.StatusForbidden, c.mia, id, "cancel", "")
	if a := c.close(http.StatusOK, c.auditor, id, "revoke", `{"comment":"second thoughts"}`).approval(t); a.Status != "revoked" || !a.Final || a.Comment != "second thoughts" {
		t.Errorf("revoked: %+v", a)
	}
	c.ask("approval.revoked", resume(id))
	if next, _ := c.ask("approval.required", order(72_000)); next.Approval.ID == id {
		t.Errorf("asked again: the revoked approval %s", id)
	}

	cancelled, _ := c.ask("approval.required", order(73_000))
	id = cancelled.Approval.ID
	c.close(http.StatusNotFound, c.other, id, "cancel", "")
	c.close(http.StatusNotFound, c.flow, id[:len(id)-1], "cancel", "")
	c.close(http.StatusBadRequest, c.flow, id, "cancel", `{"why":"x"}`)
	if a := c.close(http.StatusOK, c.flow, id, "cancel", `{"comment":"not needed"}`).approval(t); a.Status != "cancelled" {
		t.Errorf("cancelled: %+v", a)
	}
	c.vote(http.StatusConflict, c.mia, id, "approve", "")
	c.ask("approval.required", resume(id))

	for decision, want := range map[string][]string{
		denied.DecisionID:    {"approval.opened", "approval.voted deny", "approval.closed denied", "approval.refused approve"},
		revoked.DecisionID:   {"approval.opened", "approval.voted approve", "approval.approved approved", "approval.closed revoked"},
		cancelled.DecisionID: {"approval.opened", "approval.closed cancelled", "approval.refused approve"},
	} {
		story, _ := c.why(decision)
		if got := kindsOf(t, story.Decisions[0].Approval); !slices.Equal(got, want) {
			t.Errorf("audit why %s tells %q, want %q", decision, got, want)
		}
	}
	mustVerify(t, c.dir)
}
