package easyauth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/jwkset"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/entra"
	"github.com/authorization-fabric/fabric/handler/internal/azure/easyauth"
)

// inTime runs a test with keys that are fetched in the background, under a
// clock of its own.
func inTime(t *testing.T, test func(t *testing.T, i *entra.Issuer, h house)) {
	synctest.Test(t, func(t *testing.T) {
		i := entra.Unconnected(entra.Options{})
		h := newHouse(t, i)
		stop := h.run(t)
		synctest.Wait()
		test(t, i, h)
		stop()
		<-time.After(10 * time.Second) // a fetch under way ends by itself
	})
}

// A new key counts within a minute of its first use, whatever the clock of the
// background says.
func TestRotation(t *testing.T) {
	inTime(t, func(t *testing.T, i *entra.Issuer, h house) {
		h.expect(t, "at the start", i.Token(i.Person("2.0", nil)), "in")
		i.Rotate()
		rotated := time.Now()
		for h.outcome(t.Context(), i.Token(i.Person("2.0", nil))) != "in" {
			if <-time.After(time.Second); time.Since(rotated) > time.Minute {
				t.Fatal("a new key does not count after a minute")
			}
		}
		if first := time.Since(rotated); first > time.Minute {
			t.Errorf("a new key counts after %v, want a minute at most", first)
		}
	})
}

// A key that is no longer published counts no longer after the next fetch, and
// still does until then.
func TestWithdrawnKeys(t *testing.T) {
	inTime(t, func(t *testing.T, i *entra.Issuer, h house) {
		old := func() string { return i.TokenWith(entra.Claims{"kid": "k1"}, i.Person("2.0", nil)) }
		i.Rotate()
		i.Withdraw("k1")
		h.expect(t, "before the next fetch", old(), "in")
		<-time.After(time.Hour)
		synctest.Wait()
		h.expect(t, "after the next fetch", old(), "out")
		h.expect(t, "after the next fetch, the new key", i.Token(i.Person("2.0", nil)), "in")
	})
}

// A flood of unknown keys makes one fetch a minute, and keeps nobody waiting
// who brings a known one.
func TestFloodOfUnknownKeys(t *testing.T) {
	inTime(t, func(t *testing.T, i *entra.Issuer, h house) {
		<-time.After(2 * time.Minute)
		unknown := i.TokenWith(entra.Claims{"kid": "nobody's"}, i.Person("2.0", nil))
		known := i.Token(i.Person("2.0", nil))
		before := i.Requests(entra.KeySet)
		for range 5 {
			var all sync.WaitGroup
			for range 200 {
				all.Go(func() { h.expect(t, "in the flood", unknown, "out") })
			}
			all.Wait()
			begun := time.Now()
			h.expect(t, "in the flood, a known key", known, "in")
			if took := time.Since(begun); took != 0 {
				t.Errorf("a known key waited %v", took)
			}
			<-time.After(13 * time.Second)
		}
		if got := i.Requests(entra.KeySet) - before; got != 1 {
			t.Errorf("1,000 unknown keys within a minute made %d fetches, want 1", got)
		}
	})
}

// While the endpoint is down known keys go on for a day, and no longer. Unknown
// ones cannot be told from new ones.
func TestEndpointDown(t *testing.T) {
	for _, fault := range []entra.Fault{
		entra.ServerError, entra.NotFound, entra.Page, entra.Hang, entra.Truncated, entra.CutOff, entra.Redirect, entra.NoKeys, entra.WrongStatus,
	} {
		inTime(t, func(t *testing.T, i *entra.Issuer, h house) {
			name := fmt.Sprintf("fault %d", fault)
			known := func() string { return i.TokenWith(entra.Claims{"kid": "k1"}, i.Person("2.0", nil)) }
			i.Break(entra.KeySet, fault)
			i.Rotate()
			<-time.After(2 * time.Minute)
			h.expect(t, name+", a new key", i.Token(i.Person("2.0", nil)), "unsure")
			<-time.After(22 * time.Hour)
			h.expect(t, name+", after 22 hours", known(), "in")
			<-time.After(2 * time.Hour)
			h.expect(t, name+", after a day", known(), "unsure")
			if h.keys.Ready() == nil {
				t.Errorf("%s: ready without keys that may be used", name)
			}
			i.Break(entra.KeySet, entra.None)
			<-time.After(2 * time.Minute)
			h.expect(t, name+", mended", known(), "in")
			h.expect(t, name+", mended, the new key", i.Token(i.Person("2.0", nil)), "in")
		})
	}
}

// A start without the endpoint lets nobody in, refuses nobody for good, and
// ends by itself.
func TestColdStart(t *testing.T) {
	for endpoint, faults := range map[entra.Endpoint][]entra.Fault{
		entra.KeySet:    {entra.ServerError, entra.WrongStatus, entra.Hang, entra.Huge, entra.NoKeys, entra.Redirect},
		entra.Discovery: {entra.ServerError, entra.WrongStatus, entra.Page, entra.Hang, entra.WrongIssuer, entra.TemplateIssuer, entra.ForeignKeys, entra.PlainKeys, entra.Redirect, entra.Huge},
	} {
		for _, fault := range faults {
			synctest.Test(t, func(t *testing.T) {
				i := entra.Unconnected(entra.Options{})
				i.Break(endpoint, fault)
				h := newHouse(t, i)
				name := fmt.Sprintf("%s, fault %d", endpoint, fault)
				if err := h.keys.Ready(); err == nil {
					t.Errorf("%s: ready before anything was fetched", name)
				}
				stop := h.run(t)
				h.expect(t, name, i.Token(i.Person("2.0", nil)), "unsure")
				if err := h.keys.Ready(); err == nil || strings.Contains(err.Error(), "evil") {
					t.Errorf("%s: Ready() = %v, want why not, in our words", name, err)
				}
				if n := i.Requests(entra.Elsewhere); n != 0 {
					t.Errorf("%s: %d requests to other hosts", name, n)
				}
				i.Break(endpoint, entra.None)
				<-time.After(15 * time.Second)
				h.expect(t, name+", mended", i.Token(i.Person("2.0", nil)), "in")
				stop()
				<-time.After(10 * time.Second)
			})
		}
	}
}

// Nobody waits longer than a deadline, and without one no longer than a fetch
// may take.
func TestHangingEndpoint(t *testing.T) {
	for _, deadline := range []time.Duration{700 * time.Millisecond, 0} {
		synctest.Test(t, func(t *testing.T) {
			i := entra.Unconnected(entra.Options{})
			i.Break(entra.Discovery, entra.Hang)
			h := newHouse(t, i)
			ctx, want := context.Background(), 5*time.Second
			if deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, deadline)
				defer cancel()
				want = deadline
			}
			begun := time.Now()
			_, err := h.keys.KeyOf(ctx, entra.Tenant, "k1")
			if took := time.Since(begun); took != want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("with a deadline of %v: %v after %v, want the deadline after %v", deadline, err, took, want)
			}
			<-time.After(10 * time.Second)
		})
	}
}

// Without a background, as in a process that was frozen, the keys are fetched
// by whoever comes, who does not wait for it.
func TestFrozenBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := entra.Unconnected(entra.Options{})
		h := newHouse(t, i)
		h.expect(t, "at the start", i.Token(i.Person("2.0", nil)), "in")
		i.Withdraw("k1")
		i.Rotate()
		<-time.After(3 * time.Hour)
		old := i.TokenWith(entra.Claims{"kid": "k1"}, i.Person("2.0", nil))
		h.expect(t, "three hours later", old, "in")
		synctest.Wait()
		h.expect(t, "once it was fetched", old, "out")
	})
}

// Keys that may not sign tokens are none, and one tenant's sign for no other.
func TestKeysThatDoNotCount(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	for _, k := range []entra.Key{
		{ID: "good"},
		{ID: "own", Issuer: i.URL + "/{self}/v2.0"},
		{ID: "shared", Issuer: i.URL + "/{tenantid}/v2.0"},
		{ID: "alg", Alg: "RS256", Use: "sig"},
		{ID: "enc", Use: "enc"},
		{ID: "short", Bits: 1024},
		{ID: "ec", EC: true},
		{ID: "none", Alg: "none"},
		{ID: "ps", Alg: "PS256"},
		{ID: "foreign", Issuer: i.URL + "/" + entra.OtherTenant + "/v2.0"},
		{ID: "msa", Issuer: "https://login.live.com"},
		{ID: "theirs", Tenants: []string{entra.OtherTenant}},
		{ID: "twice"},
		{ID: "twice", Use: "sig"},
	} {
		i.Add(k)
	}
	h := newHouse(t, i, entra.Tenant, entra.OtherTenant)
	for kid, want := range map[string]string{
		"k1": "in", "good": "in", "own": "in", "shared": "in", "alg": "in",
		"enc": "out", "short": "out", "ec": "out", "none": "out", "ps": "out", "foreign": "out", "msa": "out", "theirs": "out", "twice": "out",
	} {
		h.expect(t, kid, i.TokenWith(entra.Claims{"kid": kid}, i.Person("2.0", nil)), want)
	}
	theirs := entra.Claims{"tid": entra.OtherTenant, "iss": i.URL + "/" + entra.OtherTenant + "/v2.0"}
	for kid, want := range map[string]string{"theirs": "in", "foreign": "in", "shared": "in", "k1": "in"} {
		h.expect(t, kid+" of the other tenant", i.TokenWith(entra.Claims{"kid": kid}, i.Person("2.0", theirs)), want)
	}
	if _, err := h.keys.KeyOf(t.Context(), "33333333-3333-3333-3333-333333333333", "k1"); !errors.Is(err, jwkset.ErrKeyNotFound) {
		t.Errorf("KeyOf(a tenant that is not allowed) = %v, want not found", err)
	}
}

// Tokens of tenants that are not allowed fetch nothing.
func TestForeignTenantsFetchNothing(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	h := newHouse(t, i)
	theirs := entra.Claims{"tid": entra.OtherTenant, "iss": i.URL + "/" + entra.OtherTenant + "/v2.0"}
	h.expect(t, "T06 another tenant", i.Token(i.Person("2.0", theirs)), "out")
	if n := i.Requests(entra.Discovery) + i.Requests(entra.KeySet); n != 0 {
		t.Errorf("it made %d requests", n)
	}
}

// Settings that would let in more than they name are none.
func TestSettingsThatAreRefused(t *testing.T) {
	good := easyauth.Settings{ClientID: entra.ClientID, Audiences: []string{entra.Audience}, Tenants: []string{entra.Tenant}, Scope: entra.Scope}
	for name, edit := range map[string]func(*easyauth.Settings){
		"no client":         func(s *easyauth.Settings) { s.ClientID = "" },
		"client no GUID":    func(s *easyauth.Settings) { s.ClientID = "*" },
		"wildcard audience": func(s *easyauth.Settings) { s.Audiences = []string{"api://*"} },
		"empty audience":    func(s *easyauth.Settings) { s.Audiences = []string{""} },
		"no tenant":         func(s *easyauth.Settings) { s.Tenants = nil },
		"tenant common":     func(s *easyauth.Settings) { s.Tenants = []string{"common"} },
		"tenant wildcard":   func(s *easyauth.Settings) { s.Tenants = []string{entra.Tenant, "*"} },
		"plain authority":   func(s *easyauth.Settings) { s.Authority = "http://login.microsoftonline.com" },
		"authority a path":  func(s *easyauth.Settings) { s.Authority = "https://login.microsoftonline.com/common" },
		"no scope":          func(s *easyauth.Settings) { s.Scope = "" },
	} {
		s := good
		edit(&s)
		keys, err := easyauth.NewKeys(good, easyauth.KeysOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := easyauth.NewAuthenticator(keys, s); err == nil {
			t.Errorf("%s: NewAuthenticator = nil, want an error", name)
		}
	}
}
