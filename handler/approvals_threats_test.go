package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// T18: one approval, used by many at once under keys of their own: one runs,
// and what the others open is one new approval.
func TestT18OneOfManyUsesAnApproval(t *testing.T) {
	d, asked := opened(t)
	d.vote(t, "mia", "approve", asked)
	const users = 40
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		ran     int
		waiting = map[string]int{}
	)
	for i := range users {
		wg.Go(func() {
			a := d.call(t, "flow", http.MethodPost, "/api/authorize", anOrder, "Idempotency-Key", strings.Repeat("k", i+1))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case a.status == 200 && a.ReasonCode == "ok.approved" && *a.Execute:
				ran++
			case a.status == 200 && !*a.Execute && a.Approval.Status == "pending":
				waiting[a.Approval.ID]++
			default:
				t.Errorf("one of many: %d %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	if ran != 1 || len(waiting) != 1 || waiting[asked.Approval.ID] > 0 {
		t.Errorf("%d of %d ran, the others wait for %v, want 1 and one new approval", ran, users, waiting)
	}
	if n := len(d.logged(t, "approval.consumed")); n != 1 {
		t.Errorf("%d uses in the log, want 1", n)
	}
}

// T22: whatever mail scanners, previewers and prefetching browsers do with the
// addresses of an approval changes nothing, even with an approver's token.
func TestT22ReadingNeverVotes(t *testing.T) {
	d, asked := opened(t)
	id := asked.Approval.ID
	headers := [][]string{
		nil,
		{"Purpose", "prefetch"},
		{"Sec-Purpose", "prefetch;prerender"},
		{"X-Moz", "prefetch"},
		{"User-Agent", "Mozilla/5.0 (compatible; MS-Office; SafeLinks)"},
		{"X-HTTP-Method-Override", "POST"},
		{"X-Method-Override", "POST"},
	}
	for _, path := range []string{
		"/api/approvals/" + id, "/api/approvals/" + id + "?vote=approve", "/api/approvals/" + id + "?wait=0&vote=approve&comment=x",
		"/api/approvals/" + id + "/cancel", "/api/approvals/" + id + "/revoke", "/api/approvals/" + id + "/approve", "/api/approvals/" + id + "/",
		"/api/approval-callback?approvalId=" + id + "&vote=approve&requestDigest=" + asked.RequestDigest,
		"/api/decisions/" + asked.DecisionID + "/outcome?outcome=executed",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, "PROPFIND"} {
			for _, h := range headers {
				for _, as := range []string{"mia", "flow", "auditor"} {
					d.knock(t, as, method, path, h...)
				}
			}
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete} {
		d.knock(t, "mia", method, "/api/approval-callback")
		d.knock(t, "mia", method, "/api/approvals/"+id)
	}
	d.mustBe(t, "pending", 0, asked)
	if got := d.logged(t, "approval.voted", "approval.closed", "outcome"); len(got) > 0 {
		t.Errorf("logged %+v, want nothing", got)
	}
}

// knock sends a request whose answer may be empty, and must not be a success of
// anything but a GET of the approval.
func (d *desk) knock(t *testing.T, as, method, path string, headers ...string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost"+path, nil)
	r.Header.Set("Authorization", as)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.entry.ServeHTTP(w, r)
	reads := method == http.MethodGet && strings.Count(strings.SplitN(path, "?", 2)[0], "/") == 3 && strings.HasPrefix(path, "/api/approvals/")
	if w.Code != http.StatusNotFound && (!reads || w.Code != http.StatusOK) {
		t.Errorf("%s %s as %s: %d, want 404", method, path, as, w.Code)
	}
}

// relayed has the rule of the sample ask Mia by mail, and take her answer.
var relayed = []string{
	`"escalate": { "after": "PT4H", "approvers": ["role:FinanceDirector"] },`,
	`"notify": ["mailto:mia@contoso.com", "mailto:omar@contoso.com"], "relay": true,`,
}

// nonceOf is what only the mail to an address holds.
func (d *desk) nonceOf(t *testing.T, asked reply, address string) string {
	t.Helper()
	if _, err := d.approvals.Sweep(t.Context(), d.time); err != nil { // sends the mails
		t.Fatal(err)
	}
	in, err := d.approvals.Inspect(t.Context(), approval.Reader{Principal: callers["auditor"], Tenant: storetest.Tenant}, asked.Approval.ID, d.time())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range in.Document.Current.Notifications {
		if n.Recipient == address && n.Kind == approval.NoticeAsked {
			return n.Nonce
		}
	}
	t.Fatalf("nobody has written to %s", address)
	return ""
}

func responder(user, tenant, email, nonce string) string {
	return `,"responder":{"userId":"` + user + `","userTenantId":"` + tenant + `","email":"` + email + `","nonce":"` + nonce + `"}`
}

// T23: a forwarded mail, a leaked nonce or the relay's address alone let nobody
// vote: only the relay may pass an answer on, of the one the mail went to.
func TestT23ALeakedMailVotesForNobody(t *testing.T) {
	d, asked := opened(t, relayed...)
	mia, omar := d.nonceOf(t, asked, "mia@contoso.com"), d.nonceOf(t, asked, "omar@contoso.com")
	other := d.askFor(t, "approval.required", strings.Replace(anOrder, "70000", "71000", 1))
	foreign := d.nonceOf(t, other, "mia@contoso.com")
	for _, c := range []struct {
		rule, as, more string
		want           int
	}{
		{"without a token", "nobody", responder("oid-mia", storetest.Tenant, "mia@contoso.com", mia), 401},
		{"the local developer", "developer", responder("oid-mia", storetest.Tenant, "mia@contoso.com", mia), 403},
		{"whom it was forwarded to", "vera", responder("oid-mia", storetest.Tenant, "mia@contoso.com", mia), 403},
		{"whom it was forwarded to, as herself", "vera", "", 403},
		{"the asking flow", "flow", responder("oid-mia", storetest.Tenant, "mia@contoso.com", mia), 403},
		{"an application that only approves", "approver app", responder("oid-mia", storetest.Tenant, "mia@contoso.com", mia), 403},
		{"the relay for another address", "relay", responder("oid-vera", storetest.Tenant, "vera@contoso.com", mia), 403},
		{"the relay with another's nonce", "relay", responder("oid-mia", storetest.Tenant, "mia@contoso.com", omar), 403},
		{"the relay with the nonce of another approval", "relay", responder("oid-mia", storetest.Tenant, "mia@contoso.com", foreign), 403},
		{"the relay without a nonce", "relay", responder("oid-mia", storetest.Tenant, "mia@contoso.com", ""), 403},
		{"the relay with a guess", "relay", responder("oid-mia", storetest.Tenant, "mia@contoso.com", strings.Repeat("A", 26)), 403},
		{"the relay for another tenant", "relay", responder("oid-mia", elsewhere, "mia@contoso.com", mia), 403},
		{"the relay for nobody", "relay", "", 403},
		{"the relay for a responder without members", "relay", `,"responder":{}`, 403},
	} {
		got := d.call(t, c.as, http.MethodPost, "/api/approval-callback", ballot(asked, "approve", c.more))
		if got.status != c.want {
			t.Errorf("%s: %d %s, want %d", c.rule, got.status, got.body, c.want)
		}
		if strings.Contains(got.body, mia) || strings.Contains(got.body, omar) {
			t.Errorf("%s: the answer tells a nonce", c.rule)
		}
	}
	d.mustBe(t, "pending", 0, asked)
	for _, as := range []string{"mia", "flow", "auditor"} {
		if got := d.get(t, as, asked.Approval.ID); strings.Contains(got.body, mia) {
			t.Errorf("%s reads the nonce of a mail", as)
		}
	}
	// The mail of the one whom it went to counts, once.
	right := ballot(asked, "approve", responder("oid-mia", storetest.Tenant, "mia@contoso.com", mia))
	for range 2 {
		if got := d.call(t, "relay", http.MethodPost, "/api/approval-callback", right); got.status != 200 || got.Status != "approved" || len(got.Votes) != 1 {
			t.Errorf("the right mail: %d %s, want approved", got.status, got.body)
		}
	}
	second := ballot(asked, "deny", responder("oid-omar", storetest.Tenant, "omar@contoso.com", omar))
	if got := d.call(t, "relay", http.MethodPost, "/api/approval-callback", second); got.status != 403 {
		t.Errorf("a second vote by mail: %d %s, want 403", got.status, got.body)
	}
	unchanged, asked := opened(t, relayed[0], strings.Replace(relayed[1], `"relay": true,`, "", 1)) // a rule that takes no mail
	nonce := unchanged.nonceOf(t, asked, "mia@contoso.com")
	if got := unchanged.call(t, "relay", http.MethodPost, "/api/approval-callback", ballot(asked, "approve", responder("oid-mia", storetest.Tenant, "mia@contoso.com", nonce))); got.status != 403 {
		t.Errorf("a rule without relay: %d %s, want 403", got.status, got.body)
	}
}

// T24: who votes is in the token. A body that names somebody is refused, also
// where it names the one who sends it, and the attempt is in the log.
func TestT24TheBodyNamesNoVoter(t *testing.T) {
	d, asked := opened(t, relayed...)
	for _, c := range []struct{ as, named string }{{"vera", "mia"}, {"mia", "omar"}, {"mia", "mia"}, {"ana as approver", "mia"}} {
		before := len(d.logged(t, "refused"))
		more := responder("oid-"+c.named, storetest.Tenant, c.named+"@contoso.com", d.nonceOf(t, asked, "mia@contoso.com"))
		got := d.call(t, c.as, http.MethodPost, "/api/approval-callback", ballot(asked, "approve", more))
		refused := d.logged(t, "refused")
		if got.status != 403 || len(refused) != before+1 {
			t.Errorf("%s names %s: %d %s, %d more in the log, want 403 and 1", c.as, c.named, got.status, got.body, len(refused)-before)
			continue
		}
		if last := refused[before]; last.UserID != callers[c.as].ObjectID || last.ApprovalID != asked.Approval.ID || last.ReasonCode != "vote.responder" {
			t.Errorf("%s names %s: logged %+v, want who it was", c.as, c.named, last)
		}
	}
	for _, more := range []string{`,"userId":"oid-mia"`, `,"approver":"mia@contoso.com"`, `,"voter":{"oid":"oid-mia"}`, `,"upn":"mia@contoso.com"`, `,"roles":["FinanceManager"]`} {
		if got := d.call(t, "vera", http.MethodPost, "/api/approval-callback", ballot(asked, "approve", more)); got.status != 400 || len(got.Errors) == 0 {
			t.Errorf("a body with %s: %d %s, want 400", more, got.status, got.body)
		}
	}
	wrong := asked
	wrong.RequestDigest = "hmac-sha256:" + strings.Repeat("0", 64)
	if got := d.vote(t, "mia", "approve", wrong); got.status != 403 {
		t.Errorf("a vote on what was not shown: %d %s, want 403", got.status, got.body)
	}
	d.mustBe(t, "pending", 0, asked)
}

// T28: another web page reaches none of it with a browser's means.
func TestT28NoOtherPageVotes(t *testing.T) {
	d, asked := opened(t)
	path := "/api/approvals/" + asked.Approval.ID
	for _, h := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Origin", "http://localhost.evil.example"},
		{"Origin", "http://127.0.0.1:9999"},
	} {
		for target, c := range map[string]struct{ as, body string }{
			"/api/approval-callback": {"mia", ballot(asked, "approve", "")}, path + "/revoke": {"mia", ""}, path + "/cancel": {"flow", "{}"},
		} {
			if got := d.call(t, c.as, http.MethodPost, target, c.body, h...); got.status != 403 {
				t.Errorf("POST %s with %s: %d, want 403", target, h, got.status)
			}
		}
	}
	// Those that need no preflight are not JSON, wherever the page is from.
	for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", ""} {
		for target, as := range map[string]string{"/api/approval-callback": "mia", path + "/revoke": "mia", path + "/cancel": "flow"} {
			if got := d.call(t, as, http.MethodPost, target, `{"comment":"x"}`, "Content-Type", contentType); got.status != 415 {
				t.Errorf("POST %s as %q: %d, want 415", target, contentType, got.status)
			}
		}
	}
	d.mustBe(t, "pending", 0, asked)
}

// T30, FR18: time never approves, and is no person's refusal. A late vote is
// told what the approval is, and stands in the log.
func TestT30FR18TimeNeverApproves(t *testing.T) {
	d, asked := opened(t)
	d.pass(24*hour + 1e9)
	for _, choice := range []string{"approve", "deny"} {
		if got := d.vote(t, "mia", choice, asked); got.status != 409 || got.ApprovalStatus != "expired" || got.NextStep != "fix" {
			t.Errorf("%s after approveBy: %d %s, want 409 expired", choice, got.status, got.body)
		}
	}
	late := d.logged(t, "approval.refused")
	if len(late) != 2 || late[0].Outcome != "approve" || late[1].Outcome != "deny" || late[0].UserID != callers["mia"].ObjectID {
		t.Errorf("late votes in the log: %+v, want both", late)
	}
	d.mustBe(t, "expired", 0, asked)
	byID := d.askFor(t, "approval.expired", `{"agentId":"finance-agent","approvalId":"`+asked.Approval.ID+`"}`)
	if *byID.Execute || byID.Decision != "DENY" {
		t.Errorf("resumed: %s, want a denial", byID.body)
	}
	again := d.ask(t, "approval.required")
	if again.Approval.ID == asked.Approval.ID || *again.Execute {
		t.Errorf("asked again: %s, want a new approval", again.body)
	}
	// Approved and not used in time: the same.
	d.vote(t, "mia", "approve", again)
	d.pass(4 * hour)
	d.mustBe(t, "expired", 1, again)
	if got := d.ask(t, "approval.required"); got.Approval.ID == again.Approval.ID || *got.Execute {
		t.Errorf("used after executeBy: %s, want a new approval", got.body)
	}
	for _, l := range d.logged(t, "approval.closed") {
		if l.Outcome != "expired" {
			t.Errorf("closed as %+v, want expired", l)
		}
	}
	if ran := d.logged(t, "approval.consumed"); len(ran) > 0 {
		t.Errorf("used: %+v", ran)
	}
}

// A voter counts by what is true at the instant of the vote.
func TestRolesOfVotersAreOfTheToken(t *testing.T) {
	d, asked := opened(t)
	if p := callers["developer"]; p.Has(identity.RoleApprover) || p.Has(identity.RoleApprovalRelay) {
		t.Error("the local developer may vote")
	}
	if got := d.vote(t, "developer", "approve", asked); got.status != 403 || len(d.logged(t, "refused")) != 1 {
		t.Errorf("the developer votes: %d %s, want 403, in the log", got.status, got.body)
	}
}
