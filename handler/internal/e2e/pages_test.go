package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// office is a server with the sample packs, and people in front of browsers.
type office struct {
	t *testing.T
	*server
	dir string
}

// newOffice starts a server. Edits are pairs of what to replace in the finance
// pack and by what.
func newOffice(t *testing.T, edits ...string) *office {
	t.Helper()
	dir := t.TempDir()
	packs := filepath.Join(dir, "packs")
	if err := os.CopyFS(packs, os.DirFS(filepath.Join(root, "policy", "packs"))); err != nil {
		t.Fatal(err)
	}
	if len(edits) > 0 {
		path := filepath.Join(packs, "finance.json")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		edited := strings.NewReplacer(edits...).Replace(string(text))
		if err := os.WriteFile(path, []byte(edited), 0o600); err != nil || edited == string(text) {
			t.Fatalf("edit %s: %v, or nothing to edit", path, err)
		}
	}
	return &office{t, serve(t, launch{dir: dir, args: []string{"--packs", packs}, env: []string{"FABRIC_OPEN_PER_USER=1000"}}), dir}
}

// ask has Ana's agent ask for an order, and returns the answer.
func (o *office) ask(id string, amount int, reason string) outcome {
	o.t.Helper()
	call := map[string]any{
		"agentId": "finance-agent", "userUPN": "ana@contoso.com", "action": "CreatePO",
		"resource": map[string]string{"id": id, "region": "EU"}, "context": map[string]string{"reason": reason},
		"parameters": map[string]any{"amount": amount, "currency": "EUR", "vendor": "V-7"},
	}
	body, err := json.Marshal(call)
	if err != nil {
		o.t.Fatal(err)
	}
	r, err := o.call(o.t.Context(), http.MethodPost, "/api/authorize", body)
	if err != nil {
		o.t.Fatal(err)
	}
	answer, err := r.outcome()
	if err != nil || r.status != http.StatusOK {
		o.t.Fatalf("authorize %q = %d %s, %v", reason, r.status, r.body, err)
	}
	return answer
}

// waiting asks for an order that needs approval, and returns its id.
func (o *office) waiting(id string, amount int) string {
	o.t.Helper()
	a := o.ask(id, amount, "The vendor's offer ends today.")
	if a.Decision != "REQUIRE_APPROVAL" {
		o.t.Fatalf("an order of %d = %s %s, want REQUIRE_APPROVAL", amount, a.Decision, a.ReasonCode)
	}
	return a.Approval.ID
}

// approval is what the API says of an approval, to an auditor.
func (o *office) approval(id, query string) (whole string, status string, votes []string) {
	o.t.Helper()
	r, err := o.call(o.t.Context(), http.MethodGet, "/api/approvals/"+id+query, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	var a struct {
		Status string
		Votes  []struct{ Person, Vote string }
	}
	if err := json.Unmarshal(r.body, &a); err != nil || r.status != http.StatusOK {
		o.t.Fatalf("approval %s = %d %s, %v", id, r.status, r.body, err)
	}
	for _, v := range a.Votes {
		votes = append(votes, v.Person+" "+v.Vote)
	}
	return string(r.body), a.Status, votes
}

func (o *office) wants(id, status string, votes ...string) {
	o.t.Helper()
	if _, got, cast := o.approval(id, ""); got != status || !slices.Equal(cast, votes) {
		o.t.Errorf("the approval is %s with %q, want %s with %q", got, cast, status, votes)
	}
}

// page is the address of a page of the console.
func (o *office) page(path string) string { return o.url + "/console/" + path }

// signIn has a person open a page of the console and sign in on the way.
func (p *tab) signIn(o *office, upn, path string) {
	p.t.Helper()
	p.visit(o.page(path))
	p.press(upn)
}

// look keeps a picture of a page in every look and has axe-core check it.
func (p *tab) look(name string) {
	p.t.Helper()
	for _, l := range looks {
		p.run(p.as(l))
		p.accessible(name + ", " + l.name)
		if over := ask(p, chromedp.Evaluate[int]("document.documentElement.scrollWidth - document.documentElement.clientWidth")); over > 0 {
			p.t.Errorf("%s, %s: %d pixels wider than the screen", name, l.name, over)
		}
		p.screenshot(name + "-" + l.name)
	}
	p.run(p.as(desktop))
}

func TestPageApprove(t *testing.T) {
	o, b := newOffice(t), browser(t)
	id := o.waiting("PO-1", 70000)
	p := open(t, b, desktop)
	p.visit(o.page(""))
	p.look("landing")
	p.visit(o.page("approvals/" + id))
	p.look("sign-in")
	p.press("mia@contoso.com")
	p.reads("the approval", "70,000 EUR", "Create purchase order", "ana@contoso.com", "20,000 EUR over", "yours is 100,000 EUR",
		"pinned by policy", "Written by the agent. Not verified.", "Europe/Berlin")
	p.look("approval")
	p.run(chromedp.SendKeys(chromedp.CSS("#comment"), "Agreed in the budget round."))
	p.press("Approve")
	p.reads("the approved one", "Agreed in the budget round.")
	p.look("approved")
	o.wants(id, "approved", "mia@contoso.com approve")
	p.press("Approvals")
	p.look("worklist")
	p.clean("approving")
	if a := o.ask("PO-1", 70000, "another text"); a.Decision != "ALLOW" || a.ReasonCode != "ok.approved" {
		t.Errorf("the approved call = %s %s, want it to run", a.Decision, a.ReasonCode)
	}
	p.visit(o.page("approvals/" + id))
	p.look("used")
	if n := p.count("main form"); n != 0 {
		t.Errorf("a used approval has %d forms, want none", n)
	}
}

func TestPageDeny(t *testing.T) {
	o, b := newOffice(t), browser(t)
	id := o.waiting("PO-1", 70000)
	p := open(t, b, phone)
	p.signIn(o, "omar@contoso.com", "approvals")
	p.reads("the worklist", "70,000 EUR", "ana@contoso.com")
	p.visit(o.page("approvals/" + id))
	p.run(chromedp.SendKeys(chromedp.CSS("#comment"), "Not from this vendor."))
	p.press("Deny")
	p.reads("the denied one", "Not from this vendor.")
	p.look("denied")
	o.wants(id, "denied", "omar@contoso.com deny")
	if a := o.ask("PO-1", 70000, ""); a.Decision != "DENY" || a.ReasonCode != "approval.denied" {
		t.Errorf("a denied call = %s %s, want DENY approval.denied", a.Decision, a.ReasonCode)
	}
	p.clean("denying")
}

// Everything that a person does at the keyboard: no mouse, no script.
func TestPageByKeyboard(t *testing.T) {
	o, b := newOffice(t), browser(t)
	id := o.waiting("PO-1", 70000)
	p := open(t, b, desktop)
	p.signIn(o, "mia@contoso.com", "approvals/"+id)
	const focused = `document.activeElement.tagName + " " + (document.activeElement.textContent || document.activeElement.id).trim()`
	var seen []string
	for range 40 {
		p.run(chromedp.KeyEvent("\t"))
		at := ask(p, chromedp.Evaluate[string](focused))
		if seen = append(seen, at); at == "BUTTON Approve" {
			break
		}
		if outline := ask(p, chromedp.Evaluate[string](`getComputedStyle(document.activeElement).outlineStyle`)); outline == "none" {
			t.Errorf("%s has the focus and does not show it", at)
		}
	}
	if !strings.Contains(seen[0], "Skip to the content") || seen[len(seen)-1] != "BUTTON Approve" {
		t.Fatalf("the tab key goes through %q, want the skip link at the beginning and Approve at the end", seen)
	}
	if _, err := chromedp.RunResponse(p.ctx, chromedp.KeyEvent("\r")); err != nil {
		t.Fatal(err)
	}
	o.wants(id, "approved", "mia@contoso.com approve")
}

func TestPageDoubleClickAndBackButton(t *testing.T) {
	o, b := newOffice(t), browser(t)
	id := o.waiting("PO-1", 70000)
	p := open(t, b, desktop)
	p.signIn(o, "mia@contoso.com", "approvals/"+id)
	if _, err := chromedp.RunResponse(p.ctx, chromedp.DoubleClick(chromedp.CSS("button[value=approve]"))); err != nil {
		t.Fatal(err)
	}
	p.run(chromedp.WaitVisible(chromedp.CSS(".sheet")))
	o.wants(id, "approved", "mia@contoso.com approve")
	p.run(chromedp.NavigateBack())
	p.run(chromedp.WaitVisible(chromedp.CSS(".sheet")))
	if p.count("button[value=approve]") > 0 { // the page of before, from the browser's memory
		p.press("Approve")
	}
	o.wants(id, "approved", "mia@contoso.com approve")
	if n := strings.Count(o.logged(), "approval.voted"); n != 1 {
		t.Errorf("the log has %d votes, want 1", n)
	}
	p.clean("double click and back")
}

// logged is all that the audit log holds, a line a record.
func (o *office) logged() string {
	o.t.Helper()
	out, errs, code, err := cli(o.t.Context(), o.dir, nil, "audit", "tail", "-n", "100000", "--data", "data")
	if err != nil || code != 0 {
		o.t.Fatalf("audit tail = %d %s, %v", code, errs, err)
	}
	return out
}

// FR18: whoever opens an old mail reads that it expired and that nothing ran.
func TestPageExpired(t *testing.T) {
	o, b := newOffice(t, `"approveWithin": "PT24H"`, `"approveWithin": "PT3S"`, `"escalate": { "after": "PT4H"`, `"escalate": { "after": "PT1S"`), browser(t)
	id := o.waiting("PO-1", 70000)
	p := open(t, b, desktop)
	p.signIn(o, "mia@contoso.com", "approvals/"+id)
	for _, status, _ := o.approval(id, "?wait=10"); status == "pending"; _, status, _ = o.approval(id, "?wait=10") {
		t.Log("still pending")
	}
	if p.count("button[value=approve]") == 1 { // opened in time, pressed too late
		p.press("Approve")
	}
	p.visit(o.page("approvals/" + id))
	p.reads("the expired one", "xpired", "othing was executed")
	p.look("expired")
	if n := p.count("main form"); n != 0 {
		t.Errorf("an expired approval has %d forms, want none", n)
	}
	o.wants(id, "expired")
	p.clean("expired")
}

// Somebody else's approval looks like one that does not exist.
func TestPageOfSomebodyElse(t *testing.T) {
	o, b := newOffice(t), browser(t)
	id := o.waiting("PO-1", 70000)
	p := open(t, b, desktop)
	for _, upn := range []string{"ana@contoso.com", "olga@contoso.com"} {
		p = open(t, b, desktop)
		p.signIn(o, upn, "approvals/"+id)
		theirs := p.text()
		p.visit(o.page("approvals/apr_00000000000000000000000000-0000000001"))
		if unknown := p.text(); theirs != unknown || strings.Contains(theirs, "70,000") {
			t.Errorf("%s reads %q, want what an unknown id shows: %q", upn, theirs, unknown)
		}
	}
	p.look("not-found")
}

// Two approvers at the same moment: with one of one needed a denial wins
// whoever is first, with two of two both count.
func TestPageTwoApproversAtOnce(t *testing.T) {
	o, b := newOffice(t), browser(t)
	together := func(id string, people map[string]string) {
		t.Helper()
		var pages []*tab
		var buttons []string
		for upn, button := range people {
			p := open(t, b, desktop)
			p.signIn(o, upn, "approvals/"+id)
			pages, buttons = append(pages, p), append(buttons, button)
		}
		var all sync.WaitGroup
		for i, p := range pages {
			all.Go(func() { p.press(buttons[i]) })
		}
		all.Wait()
	}
	two := o.waiting("PO-2", 170000)
	together(two, map[string]string{"dora@contoso.com": "Approve", "mia@contoso.com": "Approve"})
	if _, status, votes := o.approval(two, ""); status != "approved" || len(votes) < 2 {
		t.Errorf("two of two = %s %q, want it approved by both", status, votes)
	}
	one := o.waiting("PO-1", 70000)
	together(one, map[string]string{"omar@contoso.com": "Deny", "mia@contoso.com": "Approve"})
	if _, status, _ := o.approval(one, ""); status != "denied" && status != "revoked" {
		t.Errorf("approved and denied at once = %s, want denied or revoked", status)
	}
	if a := o.ask("PO-1", 70000, ""); a.Decision == "ALLOW" {
		t.Error("a call that somebody denied = ALLOW")
	}
}

// The other pages: decisions, the story of one, the playground, revoking.
func TestPagesOfAnAuditor(t *testing.T) {
	o, b := newOffice(t), browser(t)
	id := o.waiting("PO-1", 70000)
	decided := o.ask("PO-7", 40000, "")
	p := open(t, b, desktop)
	p.visit(o.page("decisions"))
	p.run(chromedp.Click(chromedp.CSS("#auditor")))
	p.press("otto@contoso.com")
	p.look("decisions-empty")
	p.run(chromedp.SetValue(chromedp.CSS("#resource"), "PO-7"))
	p.press("Search")
	p.reads("the search", "ALLOW", "PO-7", "ana@contoso.com")
	p.look("decisions")
	p.visit(o.page("decisions/" + decided.DecisionID))
	p.reads("the story", "ALLOW", "finance/po-analyst", "Integrity.", "PO-7")
	p.look("decision")
	p.visit(o.page("playground"))
	p.look("playground-empty")
	p.press("Preview")
	p.reads("the preview", "Recorded as preview")
	p.look("playground")
	p.visit(o.page("approvals/" + id))
	p.reads("an auditor's view", "70,000 EUR")
	p.press("Revoke")
	o.wants(id, "revoked")
	p.look("revoked")
	p.press("Sign out")
	p.visit(o.page("decisions"))
	p.reads("after signing out", "Sign in")
	p.clean("an auditor's pages")
}

// T26, T27: what an agent writes stays in its box, whatever it is.
func TestPageKeepsHostileTextInItsBox(t *testing.T) {
	o, b := newOffice(t), browser(t)
	p := open(t, b, desktop)
	p.signIn(o, "mia@contoso.com", "approvals")
	const anatomy = `(() => {
		const box = document.querySelector(".said p");
		const inside = box ? box.textContent : "", children = box ? box.childElementCount : -1;
		if (box) box.remove();
		const tags = {};
		for (const e of document.querySelectorAll("*")) { const k = e.tagName + " " + e.getAttributeNames().join(","); tags[k] = (tags[k] || 0) + 1; }
		return JSON.stringify({inside, children, rest: document.body.textContent, tags: JSON.stringify(Object.entries(tags).sort())});
	})()`
	type seen struct {
		Inside, Rest, Tags string
		Children           int
	}
	show := func(id string) (s seen) {
		t.Helper()
		p.visit(o.page("approvals/" + id))
		if err := json.Unmarshal([]byte(ask(p, chromedp.Evaluate[string](anatomy))), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	harmless := show(o.waiting("PO-0", 70000))
	n := 0
	for _, corpus := range []string{"injections.txt", "markup.txt"} {
		for _, text := range hostile(t, corpus) {
			n++
			s := show(o.ask(fmt.Sprintf("PO-%d", n), 70000, text).Approval.ID)
			if s.Tags != harmless.Tags || s.Children != 0 {
				t.Errorf("%s %q adds elements or attributes: %d in the box\n%s\nwant\n%s", corpus, text, s.Children, s.Tags, harmless.Tags)
			}
			if s.Inside == "" || strings.Contains(s.Rest, s.Inside) {
				t.Errorf("%s %q stands outside its box, or nowhere: %q", corpus, text, s.Inside)
			}
			if n%25 == 0 {
				p.visit(p.url())
				p.screenshot(fmt.Sprintf("hostile-%d", n))
			}
		}
	}
	if n < 100 {
		t.Errorf("%d texts, want 100", n)
	}
	p.clean("hostile texts")
}

func (p *tab) url() string { return ask(p, chromedp.Location()) }

// hostile is a corpus of what agents may write.
func hostile(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "handler", "internal", "approval", "sheet", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, err := strconv.Unquote(line)
		if err != nil {
			t.Fatalf("%s: %s: %v", name, line, err)
		}
		out = append(out, s)
	}
	return out
}

var links = regexp.MustCompile(`https?://[^\s"<>]+`)

// T22: scanners follow every link of a mail, some with a browser. Nothing
// changes, and no link holds a secret.
func TestMailLinksChangeNothing(t *testing.T) {
	o, b := newOffice(t), browser(t)
	id := o.waiting("PO-1", 70000)
	mails := o.mails(2)
	before, _, _ := o.approval(id, "")
	p := open(t, b, desktop)
	p.signIn(o, "mia@contoso.com", "approvals")
	found := 0
	for _, letter := range mails {
		for _, link := range slices.Compact(links.FindAllString(letter, -1)) {
			found++
			path, ours := strings.CutPrefix(link, o.url)
			if !ours || path != "/console/approvals/"+id {
				t.Errorf("a mail links to %s, want the page of the approval and nothing else", link)
				continue
			}
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				if _, err := o.call(t.Context(), method, path, nil, "Sec-Purpose: prefetch"); err != nil {
					t.Fatal(err)
				}
			}
			p.visit(link) // signed in, rendered, nothing pressed
		}
	}
	if found == 0 {
		t.Error("the mails hold no link")
	}
	if after, _, _ := o.approval(id, ""); after != before {
		t.Errorf("the approval is %s\nwas %s", after, before)
	}
	if log := o.logged(); strings.Contains(log, "approval.voted") || strings.Contains(log, "approval.closed") {
		t.Errorf("following links left a trace of a vote:\n%s", log)
	}
}

// mails are those written so far, at least n, decoded.
func (o *office) mails(n int) []string {
	o.t.Helper()
	for range n {
		if _, _, err := o.err.await(o.t.Context(), 0, func(line string) bool { return strings.Contains(line, "mail for ") }); err != nil {
			o.t.Fatal(err)
		}
	}
	paths, err := filepath.Glob(filepath.Join(o.dir, "data", "mail", "*.eml"))
	if err != nil || len(paths) == 0 {
		o.t.Fatalf("no mail was written: %v", err)
	}
	var letters []string
	for _, path := range paths {
		letters = append(letters, letter(o.t, path))
	}
	return letters
}

// letter is the text of every part of a mail.
func letter(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it is read only
	m, err := mail.ReadMessage(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return partsOf(t, m)
}
