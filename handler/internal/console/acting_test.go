package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// T22: whatever follows links, or fetches ahead, changes nothing.
func TestT22GetAndHeadChangeNothing(t *testing.T) {
	w := newWorld(t)
	id := w.orders(t, ana, "70000")
	path := "/console/approvals/" + id
	b := w.as(t, mia)
	form := with(b.form(b.get(path), path+"/vote"), "vote", "approve")
	before := w.stored(t)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, target := range []string{path, path + "/vote", path + "/pass", path + "/revoke", "/console/sign-out", "/console/", "/console/approvals"} {
			for _, query := range []string{"", "?vote=approve", "?" + form.Encode()} {
				r := httptest.NewRequestWithContext(t.Context(), method, target+query, strings.NewReader(form.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Sec-Purpose", "prefetch")
				b.send(r)
			}
		}
	}
	if after := w.stored(t); after != before {
		t.Errorf("T22: GET or HEAD changed the store:\n%s\nwas\n%s", after, before)
	}
	if b.cookie == nil {
		t.Error("T22: GET ended the session")
	}
}

// Each button does what it says, once, and leads back to the approval.
func TestButtons(t *testing.T) {
	for _, c := range []struct {
		name, verb, vote, comment string
		opened                    string // who has voted before
		want                      string
		reads                     []string
	}{
		{"approve", "/vote", "approve", "Agreed.", "", "approved", []string{"You approved this.", "Agreed.", "1 of 1"}},
		{"deny", "/vote", "deny", "No.\nNot this vendor.", "", "denied", []string{"Denied by mia@contoso.com", "Not this vendor."}},
		{"pass on", "/pass", "", "", "", "pending", []string{"the others were told", "You can still decide."}},
		{"revoke", "/revoke", "", "Changed my mind.", mia, "revoked", []string{"Taken back by", "Changed my mind."}},
	} {
		w := newWorld(t)
		id := w.orders(t, ana, "70000")
		path := "/console/approvals/" + id
		b := w.as(t, mia)
		if c.opened != "" {
			b.votes(id, "approve", "")
		}
		form := with(b.form(b.get(path), path+c.verb), "vote", c.vote, "comment", c.comment)
		a := b.post(path+c.verb, form)
		if a.status != http.StatusSeeOther || a.location != path {
			t.Errorf("%s = %d to %q, want the approval", c.name, a.status, a.location)
		}
		reads(t, c.name, b.get(path), c.reads...)
		if got := w.status(t, id); got != c.want {
			t.Errorf("%s: the approval is %s, want %s", c.name, got, c.want)
		}
		before := w.stored(t)
		again := b.post(path+c.verb, form) // a double click
		if again.status != http.StatusSeeOther && again.status != http.StatusConflict {
			t.Errorf("%s, twice = %d", c.name, again.status)
		}
		if w.stored(t) != before {
			t.Errorf("%s, twice, changes something again", c.name)
		}
	}
}

// A click that comes too late changes nothing and says so.
func TestLateClicks(t *testing.T) {
	for _, c := range []struct {
		name  string
		close func(w *world, id string)
		want  string
	}{
		{"denied meanwhile", func(w *world, id string) { w.as(t, omar).votes(id, "deny", "No.") }, "Denied by omar@contoso.com"},
		{"used meanwhile", func(w *world, id string) {
			w.as(t, omar).votes(id, "approve", "")
			if a := w.asks(t, ana, orderOf("70000", `"x"`)); !a.Decision.Execute() {
				t.Fatalf("the approved call = %s %s", a.Decision, a.ReasonCode)
			}
		}, "cannot be used again"},
	} {
		w := newWorld(t)
		id := w.orders(t, ana, "70000")
		path := "/console/approvals/" + id
		b := w.as(t, mia)
		form := b.form(b.get(path), path+"/vote")
		c.close(w, id)
		for _, vote := range []string{"approve", "deny"} {
			a := b.post(path+"/vote", with(form, "vote", vote))
			if a.status != http.StatusConflict {
				t.Errorf("%s: %s = %d, want 409", c.name, vote, a.status)
			}
			reads(t, c.name, a, "came too late", c.want)
		}
	}
}

// FR18: an expired approval says that it expired and that nothing ran.
func TestExpiredHasNoForm(t *testing.T) {
	w := newWorld(t)
	id := w.orders(t, ana, "70000")
	w.later(24*time.Hour + time.Second)
	b := w.as(t, mia)
	a := b.get("/console/approvals/" + id)
	reads(t, "FR18: the expired one", a, "Expired", "Nobody decided in time.", "Nothing was executed.")
	for _, f := range formsOf(t, a.body) {
		if f.action != "/console/sign-out" {
			t.Errorf("FR18: an expired approval offers a form to %s", f.action)
		}
	}
}

// Who may do what: the page offers only what would count.
func TestFormsByPerson(t *testing.T) {
	w := newWorld(t)
	id, two := w.orders(t, ana, "70000"), w.orders(t, mia, "150000")
	w.as(t, omar).votes(two, "approve", "")
	for _, c := range []struct {
		name  string
		b     *browser
		id    string
		forms string // verbs, in order
		vote  string // buttons of the vote
	}{
		{"an approver", w.as(t, mia), id, "vote pass", "Approve Deny"},
		{"an auditor who may not vote", w.auditor(t, "olga@contoso.com"), id, "revoke", ""},
		{"the requester, as an auditor", w.auditor(t, ana), id, "revoke", ""},
		{"one who has approved", w.as(t, omar), two, "vote", "Deny"},
		{"the second of two", w.as(t, dora), two, "vote pass", "Approve Deny"},
	} {
		page := c.b.get("/console/approvals/" + c.id)
		var verbs, buttons []string
		for _, f := range formsOf(t, page.body) {
			if verb, ok := strings.CutPrefix(f.action, "/console/approvals/"+c.id+"/"); ok {
				verbs = append(verbs, verb)
			}
		}
		for _, button := range elements(parse(t, page.body), "button") {
			if attribute(button, "name") == "vote" {
				buttons = append(buttons, textOf(button))
			}
		}
		if got := strings.Join(verbs, " "); got != c.forms {
			t.Errorf("%s is offered %q, want %q", c.name, got, c.forms)
		}
		if got := strings.Join(buttons, " "); got != c.vote {
			t.Errorf("%s may %q, want %q", c.name, got, c.vote)
		}
	}
}

// A vote that may not count says why, and nothing changes.
func TestVotesThatDoNotCount(t *testing.T) {
	w := newWorld(t)
	id := w.orders(t, ana, "70000")
	path := "/console/approvals/" + id
	b := w.as(t, mia)
	form := b.form(b.get(path), path+"/vote")
	before := w.stored(t)
	for _, c := range []struct {
		name, field, value string
		want               int
	}{
		{"another call was shown", "requestDigest", "hmac-sha256:other", http.StatusForbidden},
		{"no call was shown", "requestDigest", "", http.StatusForbidden},
		{"no vote", "vote", "", http.StatusBadRequest},
		{"another spelling", "vote", "Approve", http.StatusBadRequest},
		{"a long comment", "comment", strings.Repeat("é", 1001), http.StatusBadRequest},
		{"a comment with controls", "comment", "a\x00b", http.StatusBadRequest},
		{"a comment that is no text", "comment", "a\xffb", http.StatusBadRequest},
		{"a body too large", "comment", strings.Repeat("x", 70000), http.StatusRequestEntityTooLarge},
	} {
		if a := b.post(path+"/vote", with(form, "vote", "approve", c.field, c.value)); a.status != c.want {
			t.Errorf("%s = %d, want %d:\n%s", c.name, a.status, c.want, a.body)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path+"/vote", strings.NewReader(with(form, "vote", "approve").Encode()))
	r.Header.Set("Content-Type", "text/plain")
	if a := b.send(r); a.status != http.StatusBadRequest {
		t.Errorf("a form that is not declared as one = %d, want 400", a.status)
	}
	if w.stored(t) != before {
		t.Error("a vote that does not count changed the store")
	}
	if a := b.post(path+"/vote", with(form, "vote", "approve", "comment", strings.Repeat("é", 1000))); a.status != http.StatusSeeOther {
		t.Errorf("a comment of 1,000 characters = %d, want it taken", a.status)
	}
}
