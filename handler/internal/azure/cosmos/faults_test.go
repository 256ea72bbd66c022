package cosmos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/cosmosserver"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// only breaks the calls of one operation.
func only(op cosmosserver.Operation, f cosmosserver.Fault) func(cosmosserver.Call) cosmosserver.Fault {
	return func(c cosmosserver.Call) cosmosserver.Fault {
		if c.Operation == op {
			return f
		}
		return cosmosserver.Fault{}
	}
}

var order = approval.Record{Tenant: "t", Slot: "s", Body: []byte(`{}`), Index: approval.Index{Agent: "a", Opened: time.UnixMilli(1), Keys: []approval.Key{"k"}}}

func hurried(t *testing.T) (approval.Store, *cosmosserver.Server) {
	t.Helper()
	_, s := stubbed(t)
	return another(t, s, Options{CallTimeout: 300 * time.Millisecond}).Approvals(), s
}

// FR25, FR26: what an answer says of a write and of a read. Nothing is ever
// absent, or lost to another, that may not be.
func TestWhatAnAnswerMeans(t *testing.T) {
	type fault = cosmosserver.Fault
	for name, tc := range map[string]struct {
		fault       fault
		write, read error // nil: any error but a sentinel
	}{
		"absent":             {fault{Effect: cosmosserver.Never, Status: 404, Substatus: "0"}, approval.ErrConflict, approval.ErrNotFound},
		"another session":    {fault{Effect: cosmosserver.Never, Status: 404, Substatus: "1002"}, approval.ErrUnclear, approval.ErrUnclear},
		"no container":       {fault{Effect: cosmosserver.Never, Status: 404, Substatus: "1003"}, nil, nil},
		"another revision":   {fault{Effect: cosmosserver.Never, Status: 412}, approval.ErrConflict, approval.ErrConflict},
		"too large":          {fault{Effect: cosmosserver.Never, Status: 413}, approval.ErrTooLarge, approval.ErrTooLarge},
		"not allowed":        {fault{Effect: cosmosserver.Never, Status: 403}, nil, nil},
		"token refused":      {fault{Effect: cosmosserver.Never, Status: 401}, nil, nil},
		"throttled for long": {fault{Effect: cosmosserver.Never, Status: 429, RetryAfter: time.Hour}, nil, nil},
		"no write region":    {fault{Effect: cosmosserver.Never, Status: 403, Substatus: "3"}, approval.ErrUnclear, approval.ErrUnclear},
		"timed out, applied": {fault{Status: 408}, approval.ErrUnclear, approval.ErrUnclear},
		"gone":               {fault{Status: 410}, approval.ErrUnclear, approval.ErrUnclear},
		"failed, applied":    {fault{Status: 500}, approval.ErrUnclear, approval.ErrUnclear},
		"unavailable":        {fault{Effect: cosmosserver.Never, Status: 503}, approval.ErrUnclear, approval.ErrUnclear},
		"reset after it":     {fault{Reset: true}, approval.ErrUnclear, approval.ErrUnclear},
		"reset before it":    {fault{Effect: cosmosserver.Never, Reset: true}, approval.ErrUnclear, approval.ErrUnclear},
		"hangs after it":     {fault{Hang: true}, approval.ErrUnclear, approval.ErrUnclear},
		"hangs before it":    {fault{Effect: cosmosserver.Never, Hang: true}, approval.ErrUnclear, approval.ErrUnclear},
		"a later effect":     {fault{Effect: cosmosserver.Later, Reset: true}, approval.ErrUnclear, approval.ErrUnclear},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, s := hurried(t)
			was, err := store.Put(t.Context(), order, "")
			if err != nil {
				t.Fatal(err)
			}
			s.Script(only(cosmosserver.Replace, tc.fault))
			_, err = store.Put(t.Context(), order, was)
			wantKind(t, "Put", err, tc.write)
			s.Script(only(cosmosserver.Read, tc.fault))
			_, err = store.Get(t.Context(), "t", "s")
			wantKind(t, "Get", err, tc.read)
		})
	}
}

func wantKind(t *testing.T, what string, err, want error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s = nil, want an error", what)
	}
	for _, kind := range []error{approval.ErrNotFound, approval.ErrConflict, approval.ErrUnclear, approval.ErrTooLarge} {
		if is := errors.Is(err, kind); is != (kind == want) { //nolint:errorlint // which of the sentinels is wanted
			t.Errorf("%s = %v, is %v: %t, want %v", what, err, kind, is, want)
		}
	}
}

// Throttling and a write beside another are waited out, and no longer than
// there is time.
func TestRefusedForTheMomentIsTriedAgain(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, statusRetryWith} {
		store, s := hurried(t)
		var refusals atomic.Int64
		s.Script(func(c cosmosserver.Call) cosmosserver.Fault {
			if c.Write() && refusals.Add(1) <= 3 {
				return cosmosserver.Fault{Effect: cosmosserver.Never, Status: status, RetryAfter: 2 * time.Millisecond}
			}
			return cosmosserver.Fault{}
		})
		if _, err := store.Put(t.Context(), order, ""); err != nil || refusals.Load() != 4 {
			t.Errorf("Put that is refused with %d three times = %v", status, err)
		}
	}
}

// Every call ends in its time, be the account, the item or the token silent,
// and whatever the context of the caller allows.
func TestEveryCallHasADeadline(t *testing.T) {
	for _, op := range []cosmosserver.Operation{cosmosserver.ReadAccount, cosmosserver.Read, cosmosserver.Create, cosmosserver.Query} {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			store, s := hurried(t)
			s.Script(only(op, cosmosserver.Fault{Effect: cosmosserver.Never, Hang: true}))
			for what, call := range map[string]func(context.Context) error{
				"get": func(ctx context.Context) error { _, err := store.Get(ctx, "t", "s"); return err },
				"put": func(ctx context.Context) error { _, err := store.Put(ctx, order, ""); return err },
				"list": func(ctx context.Context) error {
					_, err := store.List(ctx, approval.Query{Tenant: "t", Keys: []approval.Key{"k"}, Limit: 1})
					return err
				},
				"due": func(ctx context.Context) error { _, err := store.Due(ctx, time.Now(), 1, ""); return err },
			} {
				start := time.Now()
				_ = call(context.WithoutCancel(t.Context()))
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("%s took %s, want at most its 300 ms", what, took)
				}
			}
		})
	}
}

// R8, T38: an account that does not answer at first is asked again by the next
// call; the SDK alone would say the same error for five minutes.
func TestTheAccountMayComeLater(t *testing.T) {
	store, s := hurried(t)
	s.Script(only(cosmosserver.ReadAccount, cosmosserver.Fault{Effect: cosmosserver.Never, Status: 503}))
	if _, err := store.Get(t.Context(), "t", "s"); err == nil || errors.Is(err, approval.ErrNotFound) {
		t.Errorf("Get while the account is down = %v, want an error that claims nothing", err)
	}
	s.Script(nil)
	_, err := store.Get(t.Context(), "t", "s")
	wantKind(t, "Get once it is up", err, approval.ErrNotFound)
}

// An account that was silent once is asked again by the next call, not after
// the minute that the SDK would wait for it.
func TestTheAccountMayBeSilentOnce(t *testing.T) {
	store, s := hurried(t)
	var reads atomic.Int64
	s.Script(func(c cosmosserver.Call) cosmosserver.Fault {
		return cosmosserver.Fault{Hang: c.Operation == cosmosserver.ReadAccount && reads.Add(1) == 1}
	})
	var err error
	for range 3 { // the second may still wait with the first
		if _, err = store.Get(t.Context(), "t", "s"); errors.Is(err, approval.ErrNotFound) {
			return
		}
	}
	t.Errorf("Get after the account was silent once = %v, want ErrNotFound", err)
}

// An account with several write regions cannot promise single use.
func TestSeveralWriteRegionsAreRefused(t *testing.T) {
	for name, account := range map[string]cosmosserver.Account{
		"two regions": {WriteRegions: []cosmosserver.Region{{Name: "West Europe"}, {Name: "North Europe"}}},
		"switched on": {WriteRegions: []cosmosserver.Region{{Name: "West Europe"}}, MultiWrite: true},
	} {
		t.Run(name, func(t *testing.T) {
			store, s := hurried(t)
			s.SetAccount(account)
			if _, err := store.Put(t.Context(), order, ""); !errors.Is(err, ErrMultiWrite) {
				t.Errorf("Put = %v, want ErrMultiWrite", err)
			}
			for _, c := range s.Calls() {
				if c.Operation != cosmosserver.ReadAccount {
					t.Errorf("%s was sent to it", c.Operation)
				}
			}
		})
	}
}

// It is refused too when the account becomes one later.
func TestAnAccountThatBecomesMultiWrite(t *testing.T) {
	d, s := stubbed(t)
	if _, err := d.Approvals().Put(t.Context(), order, ""); err != nil {
		t.Fatal(err)
	}
	s.SetAccount(cosmosserver.Account{WriteRegions: []cosmosserver.Region{{Name: "a"}, {Name: "b"}}})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"X-Ms-Version": {"2020-11-05"}, "X-Ms-Date": {"now"}, "Authorization": {"k"}}
	res, err := d.current.Load().wire.Do(r) // as the SDK does every five minutes
	if err == nil {
		_ = res.Body.Close()
	}
	if _, err := d.Approvals().Put(t.Context(), order, ""); !errors.Is(err, ErrMultiWrite) {
		t.Errorf("Put = %v, want ErrMultiWrite", err)
	}
}

// A read sees what this process wrote, or says that it cannot tell: never an
// older state, and never nothing.
func TestReadsSeeOwnWrites(t *testing.T) {
	d, s := stubbed(t)
	s.Hold()
	if _, err := d.Approvals().Put(t.Context(), order, ""); err != nil {
		t.Fatal(err)
	}
	_, err := d.Approvals().Get(t.Context(), "t", "s")
	wantKind(t, "Get from a replica that is behind", err, approval.ErrUnclear)
	s.Release()
	if _, err := d.Approvals().Get(t.Context(), "t", "s"); err != nil {
		t.Errorf("Get once it has caught up = %v", err)
	}
}

// FR25: a write of an approval took effect and the answer says 412, 408, or
// nothing at all, whichever of its writes it is: of 200 that use it one wins.
func TestAUseThatWasWrittenIsOurs(t *testing.T) {
	for name, f := range map[string]cosmosserver.Fault{
		"412": {Status: 412}, "408": {Status: 408}, "500": {Status: 500}, "reset": {Reset: true}, "hang": {Hang: true},
	} {
		for n := range int64(5) {
			t.Run(fmt.Sprint(name, " write ", n+1), func(t *testing.T) {
				t.Parallel()
				store, s := hurried(t)
				var writes atomic.Int64
				s.Script(func(c cosmosserver.Call) cosmosserver.Fault {
					if c.Operation == cosmosserver.Replace && writes.Add(1) == n+1 {
						return f
					}
					return cosmosserver.Fault{}
				})
				storetest.ApprovalSingleUse(t, store, "run")
			})
		}
	}
}

// FR26: a session that is not there yet opens no second approval.
func TestNoSecondApprovalForWantOfASession(t *testing.T) {
	store, s := hurried(t)
	var log storetest.EventLog
	service := approval.New(store, approval.Keys{Current: storetest.Key}, &log, nil, approval.Options{})
	first, _, err := service.Open(t.Context(), storetest.Order("a"), storetest.Noon)
	if err != nil {
		t.Fatal(err)
	}
	s.Script(only(cosmosserver.Read, cosmosserver.Fault{Effect: cosmosserver.Never, Status: 404, Substatus: "1002"}))
	if a, created, err := service.Open(t.Context(), storetest.Order("a"), storetest.Noon); err == nil {
		t.Errorf("Open = %s, created %t, want an error", a.ID, created)
	}
	s.Script(nil)
	again, created, err := service.Open(t.Context(), storetest.Order("a"), storetest.Noon)
	if err != nil || created || again.ID != first.ID {
		t.Errorf("Open afterwards = %s, created %t, %v, want the first, %s", again.ID, created, err, first.ID)
	}
	if lines := log.Lines(); len(lines) != 1 {
		t.Errorf("the log has %q, want one opening", lines)
	}
}

// FR26: a manifest that a replica does not have yet is no environment without
// one, and an unchanged one is not sent again.
func TestManifestFaults(t *testing.T) {
	_, s := stubbed(t)
	d := another(t, s, Options{CallTimeout: 300 * time.Millisecond})
	m := catalog.Manifest{Schema: catalog.Schema, Environment: "dev", Epoch: 1}
	revision, err := d.Catalog().PutManifest(t.Context(), m, "")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = d.Catalog().Manifest(t.Context(), "dev", revision)
	if !errors.Is(err, catalog.ErrUnchanged) {
		t.Errorf("Manifest at its revision = %v, want ErrUnchanged", err)
	}
	for _, f := range []cosmosserver.Fault{{Status: 404, Substatus: "1002"}, {Status: 404, Substatus: "1003"}, {Torn: true}, {Status: 503}} {
		s.Script(only(cosmosserver.Read, f))
		if _, _, err := d.Catalog().Manifest(t.Context(), "dev", ""); err == nil || errors.Is(err, catalog.ErrNotFound) || errors.Is(err, catalog.ErrUnchanged) {
			t.Errorf("Manifest with %+v = %v, want an error that claims nothing", f, err)
		}
	}
}

// Whatever a context has ended for, a write with it is never sent.
func TestAnEndedContextSendsNothing(t *testing.T) {
	store, s := hurried(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.Put(ended, order, "")
	if err == nil || len(s.Calls()) != 0 {
		t.Errorf("Put with an ended context = %v after %d requests, want an error and none", err, len(s.Calls()))
	}
}

// A closed record goes 90 days after its last write and not before.
func TestClosedRecordsExpire(t *testing.T) {
	store, s := hurried(t)
	now := time.Now()
	s.SetClock(func() time.Time { return now })
	open := order
	open.Slot, open.Index.Closes = "open", now.Add(time.Hour)
	for _, r := range []approval.Record{order, open} {
		if _, err := store.Put(t.Context(), r, ""); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(keptClosed - time.Minute)
	if _, err := store.Get(t.Context(), "t", "s"); err != nil {
		t.Errorf("Get of a closed record within 90 days = %v", err)
	}
	now = now.Add(time.Hour)
	_, err := store.Get(t.Context(), "t", "s")
	wantKind(t, "Get after 90 days", err, approval.ErrNotFound)
	if _, err := store.Get(t.Context(), "t", "open"); err != nil {
		t.Errorf("Get of a record that nobody closed = %v", err)
	}
}

// Errors hold nothing of what was written, and no address.
func TestFaultsSayNothingOfRecords(t *testing.T) {
	store, s := hurried(t)
	s.Script(only(cosmosserver.Create, cosmosserver.Fault{Effect: cosmosserver.Never, Status: 400}))
	secret := order
	secret.Slot, secret.Body = "slot-4711", []byte(`{"iban":"DE4711"}`)
	_, err := store.Put(t.Context(), secret, "")
	if err == nil || strings.Contains(err.Error(), "4711") || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("Put = %v, want an error without the record and the address", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tc := range []struct{ endpoint, key string }{
		{"http://fabric.documents.azure.com/", ""},
		{"https://fabric.documents.azure.com/", emulatorKey},
		{"http://10.0.0.1:8081", emulatorKey},
		{"http://localhost.evil.example", emulatorKey},
		{"https://u:p@x", ""},
		{"https://x/?a=b", ""},
		{"https://x/path", ""},
		{"", ""},
		{"https://fabric.documents.azure.com", ""}, // the last: no credential
	} {
		if d, err := Open(tc.endpoint, "fabric", nil, Options{Key: tc.key}); err == nil {
			t.Errorf("Open(%s, key %t) = %v, want an error", tc.endpoint, tc.key != "", d)
		}
	}
}

// The account says where its regions are; no token goes to a foreign host.
func TestRegionsAreTheAccountsOwn(t *testing.T) {
	_, s := stubbed(t)
	s.SetAccount(cosmosserver.Account{WriteRegions: []cosmosserver.Region{{Name: "a", Endpoint: "http://evil.example/"}}})
	all := &hosts{}
	store := another(t, s, Options{Transport: all, CallTimeout: time.Second}).Approvals()
	if _, err := store.Get(t.Context(), "t", "s"); err == nil || errors.Is(err, approval.ErrNotFound) {
		t.Errorf("Get = %v, want an error", err)
	}
	for _, host := range all.seen {
		if "http://"+host != s.URL {
			t.Errorf("a request went to %s", host)
		}
	}
	u, _ := parseEndpoint("https://fabric.documents.azure.com:443/")
	w := &wire{endpoint: u}
	for host, want := range map[string]bool{
		"fabric.documents.azure.com": true, "fabric-westeurope.documents.azure.com:443": true,
		"other-westeurope.documents.azure.com": false, "fabric-x.documents.azure.com.evil.example": false, "fabric.documents.azure.com:8443": false, "127.0.0.1": false,
	} {
		to, err := parseEndpoint("https://" + host)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.leadsTo(to); got != want {
			t.Errorf("leadsTo(%s) = %t, want %t", host, got, want)
		}
	}
}

func TestState(t *testing.T) {
	d, s := stubbed(t)
	got, err := d.State(t.Context())
	if err != nil || got.MultiWrite || got.Consistency != "Session" || len(got.WriteRegions) != 1 || got.Containers[0].Fault+got.Containers[1].Fault != "" {
		t.Errorf("State = %+v, %v", got, err)
	}
	s.Make("fabric", catalogContainer)
	if got, err = d.State(t.Context()); err != nil || got.Containers[1].Fault == "" {
		t.Errorf("State without a container = %+v, %v, want its fault", got, err)
	}
}

// hosts is a transport that remembers where requests went.
type hosts struct {
	mu   sync.Mutex
	seen []string // guarded by mu
}

// Do implements the SDK's transport.
func (h *hosts) Do(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.seen = append(h.seen, r.URL.Host)
	h.mu.Unlock()
	return http.DefaultClient.Do(r)
}
