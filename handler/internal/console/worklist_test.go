package console_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/console"
)

// rowsOf are the rows of a list under their headings, as "heading: amount".
func rowsOf(t *testing.T, a answer) []string {
	t.Helper()
	var rows []string
	heading := ""
	for _, n := range elements(parse(t, a.body), "") {
		switch {
		case n.Data == "h2":
			heading = textOf(n)
		case attribute(n, "class") == "row-amount":
			rows = append(rows, heading+": "+textOf(n))
		}
	}
	return rows
}

func orderAt(amount, score string) string {
	return strings.Replace(orderOf(amount, `"x"`), `"riskScore":40`, score, 1)
}

// What waits for the reader comes first, then by risk, then by age; what is
// left out does not sink to the bottom.
func TestT29WorklistByRiskAndAge(t *testing.T) {
	w := newWorld(t)
	ask := func(user, amount, context string) string {
		t.Helper()
		w.later(time.Minute)
		return w.asks(t, user, orderAt(amount, context)).Approval.ID
	}
	ask(ana, "60001", `"riskScore":10`)
	ask(ana, "60002", `"riskScore":69.5`)
	ask(ana, "60003", `"riskScore":69.5`)
	ask(ana, "60004", `"x":1`)
	ask(ana, "60005", `"riskScore":9`)
	two := ask(mia, "150000", `"riskScore":60`)
	given := ask(ana, "60006", `"riskScore":50`)
	voted := ask(ben, "150001", `"riskScore":60`)
	w.as(t, dora).votes(two, "approve", "")
	b := w.as(t, omar)
	b.votes(given, "approve", "")
	b.votes(voted, "approve", "")
	want := []string{
		"Waiting for you 6: 60,004 EUR", "Waiting for you 6: 60,002 EUR", "Waiting for you 6: 60,003 EUR", "Waiting for you 6: 150,000 EUR",
		"Waiting for you 6: 60,001 EUR", "Waiting for you 6: 60,005 EUR",
		"Waiting for others 1: 150,001 EUR", "Approved, not used yet 1: 60,006 EUR",
	}
	if got := rowsOf(t, b.get("/console/approvals")); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the list is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := rowsOf(t, w.as(t, ana).get("/console/approvals")); len(got) > 0 {
		t.Errorf("the requester is shown %q, want nothing", got)
	}
}

// A list goes on where it ended, and tells of each approval once.
func TestWorklistPages(t *testing.T) {
	w := newWorld(t)
	const open = 130
	for i := range open {
		w.orders(t, ana, strconv.Itoa(60000+i))
	}
	b := w.auditor(t, dora)
	seen := map[string]bool{}
	pages := 0
	for path := "/console/approvals"; path != ""; pages++ {
		page := b.get(path)
		path = ""
		for _, row := range rowsOf(t, page) {
			seen[row[strings.Index(row, ": "):]] = true
		}
		for _, link := range elements(parse(t, page.body), "a") {
			if textOf(link) == "Older approvals" {
				path = "/console/approvals" + attribute(link, "href")
			}
		}
	}
	if len(seen) != open || pages != 2 {
		t.Errorf("the list tells of %d approvals on %d pages, want %d on 2", len(seen), pages, open)
	}
}

func TestClosedList(t *testing.T) {
	w := newWorld(t)
	closed := w.orders(t, ana, "51000")
	w.as(t, omar).votes(closed, "deny", "")
	w.orders(t, ana, "70000")
	b := w.as(t, mia)
	if got := rowsOf(t, b.get("/console/approvals?status=closed")); len(got) != 1 || !strings.HasSuffix(got[0], "51,000 EUR") {
		t.Errorf("the closed ones are %q, want the denied one", got)
	}
	if got := rowsOf(t, b.get("/console/approvals")); len(got) != 1 || !strings.HasSuffix(got[0], "70,000 EUR") {
		t.Errorf("the open ones are %q, want the pending one", got)
	}
	reads(t, "the closed list", b.get("/console/approvals?status=closed"), "Denied", "Asked less than a minute ago")
}

// While mails are refused people are told to look here; the words are the
// program's, and escaped all the same (T27).
func TestWorklistSaysThatNobodyIsMailed(t *testing.T) {
	trouble := ""
	w := newWorld(t)
	w.edit = func(_ *console.Parts, o *console.Options) { o.Unmailed = func() string { return trouble } }
	b := w.as(t, mia)
	if body := b.get("/console/approvals").body; strings.Contains(body, "Nobody is mailed") {
		t.Error("the page tells of trouble that there is not")
	}
	trouble = "it takes no mails since <yesterday>"
	if body := b.get("/console/approvals").body; !strings.Contains(body, "Nobody is mailed at present:</strong> it takes no mails since &lt;yesterday&gt;.") {
		t.Errorf("the page does not tell of it:\n%s", body)
	}
}
