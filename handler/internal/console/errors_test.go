package console_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/console"
)

// What is down is said in plain words, with nothing of the inside, and to the
// log in full.
func TestUnavailable(t *testing.T) {
	w := newWorld(t)
	var log strings.Builder
	w.edit = func(_ *console.Parts, o *console.Options) { o.Log = slog.New(slog.NewJSONHandler(&log, nil)) }
	id := w.orders(t, ana, "70000")
	decided := w.asks(t, ana, orderOf("40000", `"x"`)).DecisionID
	b := w.auditor(t, mia)
	path := "/console/approvals/" + id
	page := b.get(path)
	vote, pass := b.form(page, path+"/vote"), b.form(page, path+"/pass")
	call := b.form(b.get("/console/playground"), "/console/playground#result")
	w.store.down = true
	for name, a := range map[string]answer{
		"list": b.get("/console/approvals"), "one": b.get(path), "search": b.get("/console/decisions"), "story": b.get("/console/decisions/" + decided),
		"vote": b.post(path+"/vote", with(vote, "vote", "approve")), "pass": b.post(path+"/pass", pass),
		"preview": b.post("/console/playground", with(call, "call", "{}")),
	} {
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("%s = %d, want 503 with Retry-After", name, a.status)
		}
		reads(t, name, a, "Not available at the moment", "Open the page again")
		silent(t, name, a, "secret-host", "refused", "approval:", "goroutine")
	}
	if n := strings.Count(log.String(), "secret-host"); n < 7 {
		t.Errorf("the log has %d causes, want 7:\n%s", n, log.String())
	}
}

// A vote of which nobody knows whether it was written is not said to be lost.
func TestUnclearVote(t *testing.T) {
	w := newWorld(t)
	id := w.orders(t, ana, "70000")
	b := w.as(t, mia)
	path := "/console/approvals/" + id
	form := b.form(b.get(path), path+"/vote")
	w.store.deaf = true
	a := b.post(path+"/vote", with(form, "vote", "approve"))
	reads(t, "the unclear vote", a, "It is not certain that this was recorded")
	if a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, `href="`+path+`"`) {
		t.Errorf("an unclear vote = %d, want 503 and the way back", a.status)
	}
	w.store.deaf = false
	if again := b.post(path+"/vote", with(form, "vote", "approve")); again.status != http.StatusSeeOther || w.status(t, id) != "approved" {
		t.Errorf("the same click again = %d, %s, want it counted", again.status, w.status(t, id))
	}
}

// A page that breaks is a page all the same.
func TestBrokenPage(t *testing.T) {
	w := newWorld(t)
	var log strings.Builder
	w.edit = func(p *console.Parts, o *console.Options) {
		p.Approvals = broken{p.Approvals}
		o.Log = slog.New(slog.NewJSONHandler(&log, nil))
	}
	a := w.as(t, mia).get("/console/approvals")
	reads(t, "the broken page", a, "Not available at the moment")
	if a.status != http.StatusServiceUnavailable || strings.Contains(a.body, "secret") || !strings.Contains(log.String(), "secret") {
		t.Errorf("a broken page = %d %s\nlog %s\nwant 503 and the cause in the log only", a.status, a.body, log.String())
	}
}

type broken struct{ console.Approvals }

func (broken) List(context.Context, approval.Reader, approval.ListQuery, time.Time) (approval.List, error) {
	panic("secret of the inside")
}

func TestPagesThatAreNone(t *testing.T) {
	w := newWorld(t)
	w.orders(t, ana, "70000")
	b := w.as(t, mia)
	for path, want := range map[string]int{
		"/console/approvals?page=nonsense": http.StatusBadRequest, "/console/approvals?page=%ff": http.StatusBadRequest,
		"/console/approvals?status=other": http.StatusOK, "/console/style.css/x": http.StatusNotFound, "/console/approvals/": http.StatusNotFound,
	} {
		if a := b.get(path); a.status != want {
			t.Errorf("%s = %d, want %d", path, a.status, want)
		}
	}
}

// A search that takes too long shows what it found, and how to go on.
func TestSearchOfWhichTheTimeIsUp(t *testing.T) {
	w := newWorld(t)
	w.asks(t, ana, orderOf("40000", `"x"`))
	w.edit = func(p *console.Parts, _ *console.Options) { p.Decisions = slow{w} }
	a := w.auditor(t, dora).get("/console/decisions?agent=finance-agent&page=x")
	reads(t, "the search", a, "The time for one search was up: this is what there is back to 20 Nov 2026", "ALLOW ok")
	if !strings.Contains(a.body, `href="?agent=finance-agent&amp;page=further"`) {
		t.Errorf("the search does not go on:\n%s", a.body)
	}
}

// slow finds something, and has no time for the rest.
type slow struct{ *world }

func (s slow) Find(ctx context.Context, q audit.Search) (audit.Result, error) {
	q.Page = ""
	found, err := s.world.Find(ctx, q)
	if err != nil {
		return found, err
	}
	found.Since, found.Next = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), "further"
	return found, fmt.Errorf("find: %w", context.DeadlineExceeded)
}
