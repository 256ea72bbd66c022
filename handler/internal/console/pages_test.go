package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/authorization-fabric/fabric/handler/internal/console"
)

// shown is a page and what it is called in messages.
type shown struct {
	name string
	answer
}

// everyPage is each page in each of its states, and what stands in for one.
func everyPage(t *testing.T) []shown {
	t.Helper()
	w := newWorld(t)
	id := w.orders(t, ana, "70000")
	two := w.orders(t, mia, "150000")
	denied := w.orders(t, ana, "51000")
	given := w.orders(t, ana, "88000")
	omarIs, miaIs, auditor, out := w.as(t, omar), w.as(t, mia), w.auditor(t, dora), w.browser(t)
	omarIs.votes(two, "approve", "Fine by me.")
	omarIs.votes(denied, "deny", "No contract.\nAsk procurement.")
	miaIs.votes(given, "approve", "")
	decided := w.asks(t, ana, orderOf("51000", `"again"`))
	call := auditor.form(auditor.get("/console/playground"), "/console/playground#result")
	pages := []shown{
		{"landing", out.get("/console/")},
		{"sign in", out.get("/console/sign-in")},
		{"sign in for a page", out.get("/console/sign-in?next=%2Fconsole%2Fapprovals%2F" + id)},
		{"signed out", out.get("/console/approvals")},
		{"nobody by that name", out.post("/console/sign-in", url.Values{"person": {tenant + " user:eve@contoso.com"}})},
		{"open approvals", miaIs.get("/console/approvals")},
		{"no open approvals", w.as(t, "olga@contoso.com").get("/console/approvals")},
		{"closed approvals", miaIs.get("/console/approvals?status=closed")},
		{"pending", miaIs.get("/console/approvals/" + id)},
		{"two needed", w.as(t, dora).get("/console/approvals/" + two)},
		{"voted", omarIs.get("/console/approvals/" + two)},
		{"denied", omarIs.get("/console/approvals/" + denied)},
		{"approved", miaIs.get("/console/approvals/" + given)},
		{"an auditor's", auditor.get("/console/approvals/" + given)},
		{"not theirs", w.as(t, "olga@contoso.com").get("/console/approvals/" + id)},
		{"no such page", miaIs.get("/console/nothing")},
		{"no such page, signed out", out.get("/console/nothing")},
		{"decisions", auditor.get("/console/decisions?correlation=po-51000")},
		{"no decisions", auditor.get("/console/decisions?correlation=none")},
		{"a mistaken search", auditor.get("/console/decisions?since=yesterday")},
		{"decisions for others", miaIs.get("/console/decisions")},
		{"decision", auditor.get("/console/decisions/" + decided.DecisionID)},
		{"playground", auditor.get("/console/playground")},
		{"preview", auditor.post("/console/playground", with(call, "call", orderOf("70000", `"x"`)))},
		{"no call", auditor.post("/console/playground", with(call, "call", `{"action": 5, "x": 1}`))},
		{"forged", miaIs.post("/console/approvals/"+id+"/vote", url.Values{"vote": {"approve"}})},
		{"style", out.get("/console/style.css")},
		{"icon", out.get("/console/icon.svg")},
	}
	w.store.down = true
	return append(pages, shown{"store down", miaIs.get("/console/approvals")}, shown{"store down, one", miaIs.get("/console/approvals/" + id)})
}

// T22, T27, T28: what browsers are told, whatever is answered.
func TestT27T28HeadersOfEveryPage(t *testing.T) {
	want := map[string]string{
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cache-Control":                "no-store",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; " +
			"frame-ancestors 'none'; base-uri 'none'",
	}
	for _, p := range everyPage(t) {
		for name, value := range want {
			if got := p.header[name]; !slices.Equal(got, []string{value}) {
				t.Errorf("%s: %s = %q, want %q", p.name, name, got, value)
			}
		}
		if p.status != http.StatusSeeOther && p.header.Get("Content-Type") == "" {
			t.Errorf("%s: no Content-Type", p.name)
		}
	}
}

// Only the style sheet and the icon of this very build are kept by a browser.
func TestAssetsAreKeptByTheirHash(t *testing.T) {
	b := newWorld(t).browser(t)
	page := b.get("/console/")
	for _, link := range elements(parse(t, page.body), "link") {
		a := b.get(attribute(link, "href"))
		if a.status != http.StatusOK || a.header.Get("Cache-Control") != "private, max-age=31536000, immutable" || a.body == "" {
			t.Errorf("%s = %d %q, want it kept", attribute(link, "href"), a.status, a.header.Get("Cache-Control"))
		}
	}
	if a := b.get("/console/style.css?v=other"); a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("another version is kept: %q", a.header.Get("Cache-Control"))
	}
}

// What every page must have, and must not have, to be read by people, by
// screen readers and under the policy that is sent with it.
func TestT27EveryPageIsSound(t *testing.T) {
	for _, p := range everyPage(t) {
		if !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") || p.status == http.StatusSeeOther {
			continue
		}
		root := parse(t, p.body)
		sound(t, p.name, root)
		headings(t, p.name, root)
		labels(t, p.name, root)
		inert(t, p.name, root)
	}
}

func sound(t *testing.T, page string, root *html.Node) {
	t.Helper()
	ids := map[string]bool{}
	for _, n := range elements(root, "") {
		if id := attribute(n, "id"); id != "" && ids[id] {
			t.Errorf("%s: the id %q stands twice", page, id)
		} else {
			ids[id] = true
		}
	}
	one := func(name string) *html.Node {
		all := elements(root, name)
		if len(all) != 1 {
			t.Fatalf("%s has %d <%s>, want one", page, len(all), name)
		}
		return all[0]
	}
	if attribute(one("html"), "lang") != "en" || textOf(one("title")) == "" || attribute(one("main"), "id") != "content" {
		t.Errorf("%s lacks a language, a title or its content", page)
	}
	one("h1")
	if first := elements(root, "a"); len(first) == 0 || attribute(first[0], "href") != "#content" {
		t.Errorf("%s does not begin with a link to its content", page)
	}
}

// headings go down one level at a time.
func headings(t *testing.T, page string, root *html.Node) {
	t.Helper()
	level := 0
	for _, n := range elements(root, "") {
		if len(n.Data) != 2 || n.Data[0] != 'h' || n.Data[1] < '1' || n.Data[1] > '6' {
			continue
		}
		next := int(n.Data[1] - '0')
		if next > level+1 || level == 0 && next != 1 {
			t.Errorf("%s: %q is of level %d after %d", page, textOf(n), next, level)
		}
		if textOf(n) == "" {
			t.Errorf("%s has an empty heading", page)
		}
		level = next
	}
}

// labels: every field has one, every button and link a text.
func labels(t *testing.T, page string, root *html.Node) {
	t.Helper()
	labelled := map[string]bool{}
	for _, l := range elements(root, "label") {
		labelled[attribute(l, "for")] = textOf(l) != ""
	}
	for _, name := range []string{"input", "textarea", "select"} {
		for _, field := range elements(root, name) {
			if attribute(field, "type") != "hidden" && !labelled[attribute(field, "id")] {
				t.Errorf("%s: a field %q has no label", page, attribute(field, "name"))
			}
		}
	}
	for _, name := range []string{"button", "a"} {
		for _, n := range elements(root, name) {
			if textOf(n) == "" {
				t.Errorf("%s: a <%s> says nothing", page, name)
			}
		}
	}
}

// inert: nothing that a browser would run or fetch from elsewhere.
func inert(t *testing.T, page string, root *html.Node) {
	t.Helper()
	for _, n := range elements(root, "") {
		switch n.Data {
		case "script", "style", "iframe", "object", "embed", "img", "base", "video", "audio", "template":
			t.Errorf("%s has a <%s>", page, n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc", a.Key == "formaction", a.Key == "target":
				t.Errorf("%s: <%s> has %s", page, n.Data, a.Key)
			case a.Key == "href" || a.Key == "action" || a.Key == "src":
				if !ours(a.Val) {
					t.Errorf("%s: <%s> leads to %q", page, n.Data, a.Val)
				}
			}
		}
		if n.Data == "form" && attribute(n, "method") != "post" && attribute(n, "role") != "search" {
			t.Errorf("%s: a form is sent with %q", page, attribute(n, "method"))
		}
		if n.Data == "button" && attribute(n, "type") != "submit" {
			t.Errorf("%s: a button of type %q", page, attribute(n, "type"))
		}
	}
}

// ours is an address on this very server: a path below /console/, a fragment or
// a query.
func ours(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host != "" || u.Scheme != "" || strings.Contains(address, `\`) {
		return false
	}
	return strings.HasPrefix(u.Path, "/console/") || u.Path == "" && (strings.HasPrefix(address, "#") || strings.HasPrefix(address, "?"))
}

func TestLandingOnlyOffersSignIn(t *testing.T) {
	w := newWorld(t)
	id := w.orders(t, ana, "70000")
	stranger, signedIn := w.browser(t).get("/console/"), w.as(t, mia).get("/console/")
	reads(t, "the landing", stranger, "This is the environment dev.", "Sign in")
	silent(t, "the landing", stranger, id, "70,000", "contoso")
	if stranger.status != http.StatusOK || stranger.body != signedIn.body {
		t.Error("the landing differs for somebody who is signed in")
	}
}

// What an approver sees, in the order of the design.
func TestApprovalPageInItsOrder(t *testing.T) {
	w := newWorld(t)
	w.edit = func(p *console.Parts, _ *console.Options) { p.Words = wordy{} }
	id := w.orders(t, ana, "70000")
	page := w.as(t, mia).get("/console/approvals/" + id)
	text, at := mainText(t, page), 0
	for _, part := range []string{
		"Waiting for approval", "70,000 EUR", "Create purchase order", "ana@contoso.com, stated by the application", "not signed in", "Finance assistant",
		"20,000 EUR over", "yours is 100,000 EUR", "Amount", "Ledger GL-100 pinned by policy", "Europe/Berlin", "If nothing is done",
		"exactly this call, once", "in the last 30 days", "Written by the agent. Not verified. Please approve soon.", "0 of 1 approval", "Approve", "Deny", "Not mine",
	} {
		i := strings.Index(text[at:], part)
		if i < 0 {
			t.Fatalf("after %q the page does not say %q:\n%s", text[:at], part, text)
		}
		at += i + len(part)
	}
}

func TestSearchAndStory(t *testing.T) {
	w := newWorld(t)
	decided := w.asks(t, ana, orderOf("40000", `"x"`))
	w.later(time.Minute)
	b := w.auditor(t, dora)
	found := b.get("/console/decisions?correlation=po-40000")
	reads(t, "the search", found, "ALLOW ok", "CreatePO", "PO-1001", ana)
	if !strings.Contains(found.body, `href="/console/decisions/`+decided.DecisionID+`"`) {
		t.Errorf("the search does not lead to %s:\n%s", decided.DecisionID, found.body)
	}
	story := b.get("/console/decisions/" + decided.DecisionID)
	reads(t, "the story", story, "ALLOW ok", "Integrity.", "stated by the application, not signed in", "finance/FinanceAnalyst through user:ana@contoso.com",
		`"amount": 40000`, "Hash of the record")
	reads(t, "a search without a hit", b.get("/console/decisions?correlation=none"), "Nothing found")
	reads(t, "a mistaken search", b.get("/console/decisions?since=yesterday"), "A time is written as")
	reads(t, "a turned search", b.get("/console/decisions?since=2026-01-02T00:00&until=2026-01-01T00:00"), "before its beginning")
	reads(t, "a long search", b.get("/console/decisions?agent="+strings.Repeat("x", 600)), "too long")
}

// A page that was tampered with says so before anything else.
func TestStoryTellsABrokenChain(t *testing.T) {
	w := newWorld(t)
	decided := w.asks(t, ana, orderOf("40000", `"x"`))
	for range 4 { // each lane of the log has one behind it
		w.asks(t, ana, orderOf("41000", `"x"`))
	}
	for _, name := range w.sink.Names() {
		w.sink.Tamper(name, []byte(strings.ReplaceAll(string(w.sink.Bytes(name)), `"amount":40000`, `"amount":10000`)))
	}
	reads(t, "the story", w.auditor(t, dora).get("/console/decisions/"+decided.DecisionID), "Integrity. Broken")
}

// The playground decides alike and does nothing.
func TestPlaygroundIsAPreview(t *testing.T) {
	w := newWorld(t)
	b := w.as(t, ana)
	form := b.form(b.get("/console/playground"), "/console/playground#result")
	a := b.post("/console/playground", with(form, "call", strings.Replace(orderOf("70000", `"x"`), "{", `{"userUPN":"ana@contoso.com",`, 1)))
	reads(t, "the preview", a, "REQUIRE_APPROVAL approval.required", "finance/po-over-limit", "Recorded as preview", "isolation", "matched")
	if got := w.stored(t); got != "" {
		t.Errorf("a preview leaves %s in the store", got)
	}
	wrong := b.post("/console/playground", with(form, "call", `{"agentId":"a","action":"b","Roles":["x"],"zz":1}`))
	reads(t, "what is no call", wrong, "This is not a call", "/Roles", "/zz", "is not a field of the contract")
	if wrong.status != http.StatusBadRequest {
		t.Errorf("what is no call = %d, want 400", wrong.status)
	}
	if got := elements(parse(t, wrong.body), "textarea"); len(got) != 1 || !strings.Contains(textOf(got[0]), `"zz":1`) {
		t.Error("what was written is gone from the page")
	}
}
