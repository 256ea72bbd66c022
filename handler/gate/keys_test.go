package gate_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/gate"
)

// publisher answers for the keys of a service that may change or fail.
type publisher struct {
	mu      sync.Mutex
	reply   reply
	fetches int
}

func (p *publisher) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetches++
	return (&scripted{replies: []reply{p.reply}}).RoundTrip(r)
}

func (p *publisher) set(r reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reply = r
}

// Keys are fetched when they are needed, kept, and fetched again for a key
// that is not known, at most once a minute.
func TestFetchedKeys(t *testing.T) {
	first, second := newIssuer(), newIssuer()
	now := noon
	clock := func() time.Time { return now }
	p := &publisher{reply: reply{err: errCut}}
	keys, err := gate.FetchKeys(service+gate.KeysPath, gate.FetchOptions{Transport: p, Now: clock})
	if err != nil {
		t.Fatalf("FetchKeys = %v", err)
	}
	id := 0
	check := func(name string, i *issuer, later time.Duration, ok bool, fetches int) {
		t.Helper()
		now = now.Add(later)
		id++
		c := newChecker(t, keys, gate.Expect{Now: func() time.Time { return noon }})
		_, err := c.Check(t.Context(), i.grant(string(rune('a'+id))), order)
		if (err == nil) != ok || p.fetches != fetches {
			t.Errorf("%s: Check = %v after %d fetches, want permitted %v after %d", name, err, p.fetches, ok, fetches)
		}
	}
	check("the service does not answer", first, 0, false, 1)
	p.set(reply{status: 200, body: string(first.document)})
	check("asked again at once", first, time.Second, false, 1)
	check("a little later", first, 5*time.Second, true, 2)
	check("kept", first, 2*time.Minute, true, 2)
	check("an unknown key", second, 0, false, 3)
	check("an unknown key again", second, 30*time.Second, false, 3)
	check("a known key meanwhile", first, 0, true, 3)
	p.set(reply{status: 200, body: string(second.document)})
	check("the new key, a minute later", second, 30*time.Second, true, 4)
	check("the old key has left", first, 0, false, 4)
	p.set(reply{status: 503})
	check("an hour old, and none to be had", second, time.Hour, true, 5)
	check("a day old", second, 23*time.Hour, false, 6)
}

// Anybody can name a key that is not known. While the keys are fetched again for
// that, grants with known ones are checked as ever.
func TestAKnownKeyDoesNotWaitForAnUnknownOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known, unknown := newIssuer(), newIssuer()
		answered := false
		slow := roundTrip(func(r *http.Request) (*http.Response, error) {
			if answered {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			answered = true
			return (&scripted{replies: []reply{{status: 200, body: string(known.document)}}}).RoundTrip(r)
		})
		later := time.Duration(0)
		clock := func() time.Time { return time.Now().Add(later) }
		keys, err := gate.FetchKeys(service+gate.KeysPath, gate.FetchOptions{Transport: slow, Now: clock})
		if err != nil {
			t.Fatalf("FetchKeys = %v", err)
		}
		c := newChecker(t, keys, gate.Expect{})
		if _, err := c.Check(t.Context(), known.grant("a"), order); err != nil {
			t.Fatalf("Check = %v", err)
		}
		later = 2 * time.Minute
		done := make(chan error)
		go func() {
			_, err := c.Check(context.Background(), unknown.grant("b"), order)
			done <- err
		}()
		synctest.Wait()
		began := time.Now()
		if _, err := c.Check(t.Context(), known.grant("c"), order); err != nil || time.Since(began) != 0 {
			t.Errorf("Check of a known key = %v after %s, want it at once", err, time.Since(began))
		}
		if err := <-done; err == nil {
			t.Error("Check of an unknown key = nil, want an error")
		}
	})
}

// What is published and is no key set is none, wherever it says it is.
func TestFetchedKeysFailClosed(t *testing.T) {
	i := newIssuer()
	for name, r := range map[string]reply{
		"HTML":       {status: 200, contentType: "text/html", body: "<html>"},
		"empty":      {status: 200},
		"a redirect": {status: 302, header: "Location: https://evil.example/keys", body: string(i.document)},
		"404":        {status: 404, body: string(i.document)},
		"behind":     {status: 200, body: string(i.document) + "{}"},
		"no keys":    {status: 200, body: `{"keys":[]}`},
	} {
		keys, err := gate.FetchKeys(service+gate.KeysPath, gate.FetchOptions{Transport: &publisher{reply: r}})
		if err != nil {
			t.Fatalf("FetchKeys = %v", err)
		}
		if g, err := newChecker(t, keys, gate.Expect{}).Check(t.Context(), i.grant("d"), order); err == nil {
			t.Errorf("%s: Check = %+v, want an error", name, g)
		}
	}
	for _, address := range []string{"", "http://fabric.example/keys", "file:///etc/passwd", "https://u:p@fabric.example"} {
		if _, err := gate.FetchKeys(address, gate.FetchOptions{}); err == nil {
			t.Errorf("FetchKeys(%q) = nil, want an error", address)
		}
	}
}
