package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/console"
)

// T28: a form counts only where it was made for this session, this person, this
// approval and this purpose, and not long ago. Nothing else changes anything.
func TestT28FormsThatDoNotCount(t *testing.T) {
	for house, newWorld := range houses {
		t.Run(house, func(t *testing.T) {
			const vote, pass, revoke = "/vote", "/pass", "/revoke"
			for _, c := range []struct {
				name string
				// prepare returns who posts, and with which fields.
				prepare func(w *world, id, other string) (*browser, url.Values)
				verb    string
			}{
				{"no token", func(w *world, _, _ string) (*browser, url.Values) { return w.as(t, mia), url.Values{} }, vote},
				{"an empty one", func(w *world, _, _ string) (*browser, url.Values) {
					return w.as(t, mia), url.Values{"token": {""}}
				}, vote},
				{"two of them", func(w *world, id, _ string) (*browser, url.Values) {
					b := w.as(t, mia)
					token := tokenOf(b, id, vote)
					return b, url.Values{"token": {token, token}}
				}, vote},
				{"one changed letter", func(w *world, id, _ string) (*browser, url.Values) {
					b := w.as(t, mia)
					token := []byte(tokenOf(b, id, vote))
					token[7] ^= 1
					return b, url.Values{"token": {string(token)}}
				}, vote},
				{"another approval's", func(w *world, _, other string) (*browser, url.Values) {
					b := w.as(t, mia)
					return b, url.Values{"token": {tokenOf(b, other, vote)}}
				}, vote},
				{"another person's", func(w *world, id, _ string) (*browser, url.Values) {
					return w.as(t, mia), url.Values{"token": {tokenOf(w.as(t, omar), id, vote)}}
				}, vote},
				{"the same person's, of another session", func(w *world, id, _ string) (*browser, url.Values) {
					return w.as(t, mia), url.Values{"token": {tokenOf(w.as(t, mia), id, vote)}}
				}, vote},
				{"two hours old", func(w *world, id, _ string) (*browser, url.Values) {
					b := w.as(t, mia)
					token := tokenOf(b, id, vote)
					w.later(2 * time.Hour)
					return b, url.Values{"token": {token}}
				}, vote},
				{"of the form to pass on", func(w *world, id, _ string) (*browser, url.Values) {
					b := w.as(t, mia)
					return b, url.Values{"token": {tokenOf(b, id, pass)}}
				}, vote},
				{"of the form to vote", func(w *world, id, _ string) (*browser, url.Values) {
					b := w.as(t, mia)
					return b, url.Values{"token": {tokenOf(b, id, vote)}}
				}, revoke},
				{"of the form to sign out", func(w *world, id, _ string) (*browser, url.Values) {
					b := w.as(t, mia)
					if w.azure != nil {
						return b, url.Values{"token": {tokenOf(b, id, vote)}} // Azure has no form to sign out
					}
					return b, b.form(b.get("/console/approvals/"+id), "/console/sign-out")
				}, pass},
			} {
				w := newWorld(t)
				id, other := w.orders(t, ana, "70000"), w.orders(t, ana, "71000")
				b, fields := c.prepare(w, id, other)
				digest := b.form(b.get("/console/approvals/"+id), "/console/approvals/"+id+vote).Get("requestDigest")
				before := w.stored(t)
				a := b.post("/console/approvals/"+id+c.verb, with(fields, "vote", "approve", "requestDigest", digest))
				if a.status != http.StatusForbidden || !strings.Contains(a.body, "no longer valid") {
					t.Errorf("T28: %s = %d, want 403:\n%s", c.name, a.status, a.body)
				}
				if !strings.Contains(a.body, `href="/console/approvals/`+id+`"`) {
					t.Errorf("T28: %s: the page does not lead back to the approval", c.name)
				}
				if after := w.stored(t); after != before {
					t.Errorf("T28: %s changed the store", c.name)
				}
			}
		})
	}
}

func tokenOf(b *browser, id, verb string) string {
	b.t.Helper()
	path := "/console/approvals/" + id
	return b.form(b.get(path), path+verb).Get("token")
}

// An honest form lasts an hour at least.
func TestFormsLastAnHour(t *testing.T) {
	for house, newWorld := range houses {
		t.Run(house, func(t *testing.T) {
			w := newWorld(t)
			id := w.orders(t, ana, "70000")
			b := w.as(t, mia)
			path := "/console/approvals/" + id
			form := b.form(b.get(path), path+"/vote")
			w.later(time.Hour)
			if a := b.post(path+"/vote", with(form, "vote", "approve")); a.status != http.StatusSeeOther || w.status(t, id) != "approved" {
				t.Errorf("a form of an hour ago = %d, %s, want it counted", a.status, w.status(t, id))
			}
		})
	}
}

// T28: a form without its session leads to sign-in, and after a new sign-in it
// does not count either.
func TestT28ReplayAfterSignOut(t *testing.T) {
	w := newWorld(t)
	id := w.orders(t, ana, "70000")
	path := "/console/approvals/" + id
	b := w.as(t, mia)
	page := b.get(path)
	form := with(b.form(page, path+"/vote"), "vote", "approve")
	if a := b.post("/console/sign-out", b.form(page, "/console/sign-out")); a.status != http.StatusSeeOther || a.location != "/console/" || b.cookie != nil {
		t.Fatalf("sign out = %d to %s, cookie %v, want none and the landing", a.status, a.location, b.cookie)
	}
	if a := b.post(path+"/vote", form); a.status != http.StatusSeeOther || a.location != "/console/sign-in?next="+url.QueryEscape(path) {
		t.Errorf("a form without a session = %d to %q, want the sign-in", a.status, a.location)
	}
	again := w.as(t, mia)
	if a := again.post(path+"/vote", form); a.status != http.StatusForbidden {
		t.Errorf("a form of the session before = %d, want 403", a.status)
	}
	if got := w.status(t, id); got != "pending" {
		t.Errorf("the approval is %s, want pending", got)
	}
}

// T28: no page of another site can post, not even to sign in.
func TestT28OtherSites(t *testing.T) {
	w := newWorld(t)
	w.edit = func(_ *console.Parts, o *console.Options) { o.PublicURL = "https://fabric.example" }
	id := w.orders(t, ana, "70000")
	path := "/console/approvals/" + id
	b := w.as(t, mia)
	form := with(b.form(b.get(path), path+"/vote"), "vote", "approve")
	for _, c := range []struct {
		header, value string
		want          int
	}{
		{"Sec-Fetch-Site", "cross-site", http.StatusForbidden},
		{"Sec-Fetch-Site", "same-site", http.StatusForbidden},
		{"Origin", "https://evil.example", http.StatusForbidden},
		{"Origin", "null", http.StatusForbidden},
		{"Origin", "https://fabric.example", http.StatusSeeOther},
		{"Sec-Fetch-Site", "same-origin", http.StatusSeeOther},
	} {
		for target, fields := range map[string]url.Values{
			path + "/vote":     form,
			"/console/sign-in": {"person": {tenant + " user:" + mia}},
		} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(fields.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(c.header, c.value)
			sender := &browser{w: w, t: t, cookie: b.cookie}
			if a := sender.send(r); a.status != c.want {
				t.Errorf("T28: %s: %s to %s = %d, want %d", c.header, c.value, target, a.status, c.want)
			}
		}
	}
}

func TestShortSecretsProtectNothing(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New with a secret of 31 bytes does not panic")
		}
	}()
	console.New(console.Parts{}, console.Options{Secret: make([]byte, 31)})
}
