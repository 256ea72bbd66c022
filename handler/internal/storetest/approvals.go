// Package storetest holds the contract suites: what every implementation of a
// store promises, run against each of them, and fakes that break the calls.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// Approvals runs the contract of [approval.Store]. Open makes a fresh, empty
// store and arranges for its end.
func Approvals(t *testing.T, open func(t *testing.T) approval.Store) {
	for name, test := range map[string]func(*testing.T, *approvals){
		"absent is not found":                  absentIsNotFound,
		"what was written is read":             whatWasWrittenIsRead,
		"nothing given is kept":                nothingGivenIsKept,
		"create twice":                         createTwice,
		"update of nothing":                    updateOfNothing,
		"stale revision":                       staleRevision,
		"a revision never comes back":          revisionNeverComesBack,
		"tenants are apart":                    tenantsAreApart,
		"names that look alike are different":  namesThatLookAlike,
		"the largest record":                   largestRecord,
		"an ended context leaves nothing":      endedContext,
		"one creator wins":                     oneCreatorWins,
		"one writer of a revision wins":        oneWriterWins,
		"list order":                           listOrder,
		"list of several keys":                 listOfSeveralKeys,
		"list open and closed":                 listOpenAndClosed,
		"list follows a write":                 listFollowsWrite,
		"paging across writes":                 pagingAcrossWrites,
		"paging ends":                          pagingEnds,
		"a page token that is none":            badPage,
		"due in order, across tenants":         dueInOrder,
		"due follows a write":                  dueFollowsWrite,
		"due pages":                            duePages,
		"count open":                           countOpen,
		"count follows a write, up to a limit": countFollowsWrite,
	} {
		t.Run(name, func(t *testing.T) { test(t, &approvals{t: t, store: open(t)}) })
	}
}

// approvals is one store under test and the short forms of its calls.
type approvals struct {
	t     *testing.T
	store approval.Store
}

const tenantA, tenantB = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"

// noon is when the suites' clock begins.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// after is so many minutes after noon.
func after(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// asked is a record that was opened at so many minutes and is open for an hour.
func asked(slot string, minute int, keys ...approval.Key) approval.Record {
	slices.Sort(keys)
	return approval.Record{Tenant: tenantA, Slot: slot, Body: []byte(`{"slot":"` + slot + `"}`), Index: approval.Index{
		Agent: "agent", User: "oid:ana", Opened: after(minute), Closes: after(minute + 60), Due: after(minute + 60), Keys: keys,
	}}
}

func (a *approvals) put(r approval.Record, was approval.Revision) approval.Revision {
	a.t.Helper()
	revision, err := a.store.Put(a.t.Context(), r, was)
	if err != nil {
		a.t.Fatalf("Put(%s) = %v", r.Slot, err)
	}
	return revision
}

func (a *approvals) get(tenant, slot string) approval.Record {
	a.t.Helper()
	r, err := a.store.Get(a.t.Context(), tenant, slot)
	if err != nil {
		a.t.Fatalf("Get(%s) = %v", slot, err)
	}
	return r
}

// list reads all pages of a query, each of at most limit, and returns the slots.
func (a *approvals) list(q approval.Query, limit int) []string {
	a.t.Helper()
	slots := []string{}
	q.Limit = limit
	for range maxPages {
		page, err := a.store.List(a.t.Context(), q)
		if err != nil {
			a.t.Fatalf("List(%+v) = %v", q, err)
		}
		slots = append(slots, slotsOf(page, limit, a.t)...)
		if q.Page = page.Next; q.Page == "" {
			return slots
		}
	}
	a.t.Fatalf("List(%+v) has no end", q)
	return nil
}

// maxPages is more than any list of these tests has.
const maxPages = 100

func slotsOf(page approval.Page, limit int, t *testing.T) []string {
	t.Helper()
	if len(page.Records) > limit {
		t.Fatalf("a page of %d records, want at most %d", len(page.Records), limit)
	}
	slots := []string{}
	for _, r := range page.Records {
		slots = append(slots, r.Slot)
	}
	return slots
}

func (a *approvals) wantSlots(what string, got []string, want ...string) {
	a.t.Helper()
	if !slices.Equal(got, want) {
		a.t.Errorf("%s = %q, want %q", what, got, want)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want %v", what, err, want)
	}
}

func absentIsNotFound(t *testing.T, a *approvals) {
	_, err := a.store.Get(t.Context(), tenantA, "none")
	wantError(t, "Get of an absent record", err, approval.ErrNotFound)
	a.put(asked("one", 0), "")
	_, err = a.store.Get(t.Context(), tenantA, "none")
	wantError(t, "Get beside another record", err, approval.ErrNotFound)
	_, err = a.store.Get(t.Context(), tenantB, "one")
	wantError(t, "Get in another tenant", err, approval.ErrNotFound)
}

func whatWasWrittenIsRead(t *testing.T, a *approvals) {
	want := asked("one", 0, "k1", "k2")
	want.Body = []byte("{\"text\":\"\\u0000 \\ud83d\\ude00 ü\"}\n")
	want.Index.Closes, want.Index.Due = time.Time{}, noon.Add(123*time.Millisecond)
	want.Revision = a.put(want, "")
	if diff := cmp.Diff(want, a.get(tenantA, "one")); diff != "" {
		t.Errorf("Get after create (-want +got):\n%s", diff)
	}
	want.Body, want.Index.Keys = []byte("{}"), []approval.Key{"k3"}
	want.Revision = a.put(want, want.Revision)
	if diff := cmp.Diff(want, a.get(tenantA, "one")); diff != "" {
		t.Errorf("Get after update (-want +got):\n%s", diff)
	}
}

func nothingGivenIsKept(t *testing.T, a *approvals) {
	r := asked("one", 0, "k1")
	body := string(r.Body)
	a.put(r, "")
	r.Body[0], r.Index.Keys[0] = 'X', "k9"
	read := a.get(tenantA, "one")
	read.Body[0] = 'Y'
	if got := a.get(tenantA, "one"); string(got.Body) != body || got.Index.Keys[0] != "k1" {
		t.Errorf("Get = %s %v after its buffers were changed, want %s [k1]", got.Body, got.Index.Keys, body)
	}
}

func createTwice(t *testing.T, a *approvals) {
	first := a.put(asked("one", 0), "")
	second := asked("one", 1)
	_, err := a.store.Put(t.Context(), second, "")
	wantError(t, "second create", err, approval.ErrConflict)
	if got := a.get(tenantA, "one"); got.Revision != first || !got.Index.Opened.Equal(noon) {
		t.Errorf("Get = %+v, want the first as it was", got)
	}
}

func updateOfNothing(t *testing.T, a *approvals) {
	revision := a.put(asked("one", 0), "")
	_, err := a.store.Put(t.Context(), asked("two", 0), revision)
	wantError(t, "update of an absent record", err, approval.ErrConflict)
	_, err = a.store.Get(t.Context(), tenantA, "two")
	wantError(t, "Get of it", err, approval.ErrNotFound)
}

func staleRevision(t *testing.T, a *approvals) {
	stale := a.put(asked("one", 0, "first"), "")
	a.put(asked("one", 1, "second"), stale)
	for _, was := range []approval.Revision{stale, "no revision", ""} {
		_, err := a.store.Put(t.Context(), asked("one", 2, "third"), was)
		wantError(t, fmt.Sprintf("Put at revision %q", was), err, approval.ErrConflict)
	}
	if got := a.get(tenantA, "one"); got.Index.Keys[0] != "second" {
		t.Errorf("Get = %v, want what the second write left", got.Index.Keys)
	}
	a.wantSlots("list of the write that failed", a.list(approval.Query{Tenant: tenantA, Keys: []approval.Key{"third"}}, 9))
}

func revisionNeverComesBack(t *testing.T, a *approvals) {
	seen := map[approval.Revision]bool{"": true}
	revision := approval.Revision("")
	for range 20 { // the same content each time
		revision = a.put(asked("one", 0), revision)
		if seen[revision] {
			t.Fatalf("revision %q came back", revision)
		}
		seen[revision] = true
	}
}

func tenantsAreApart(t *testing.T, a *approvals) {
	mine, theirs := asked("one", 0, "k"), asked("one", 1, "k")
	theirs.Tenant, theirs.Body = tenantB, []byte(`"theirs"`)
	a.put(mine, "")
	a.put(theirs, "")
	if got := a.get(tenantB, "one"); !bytes.Equal(got.Body, theirs.Body) {
		t.Errorf("Get in the other tenant = %s, want %s", got.Body, theirs.Body)
	}
	q := approval.Query{Tenant: tenantB, Keys: []approval.Key{"k"}, Limit: 9}
	page, err := a.store.List(t.Context(), q)
	if err != nil || len(page.Records) != 1 || page.Records[0].Tenant != tenantB {
		t.Errorf("List of the other tenant = %+v, %v, want its one record", page, err)
	}
}

// namesThatLookAlike guards against stores that fold case, trim, or join names
// with a separator.
func namesThatLookAlike(t *testing.T, a *approvals) {
	slots := []string{"abc", "ABC", "Abc", "abc ", "ab", "abcd", "a-b", "a/b", "a\x00b", "äbc", "a\u0308bc"}
	for i, slot := range slots {
		r := asked(slot, i, approval.Key("k:"+slot))
		r.Index.Agent = "agent:" + slot
		a.put(r, "")
	}
	for _, slot := range slots {
		if got := a.get(tenantA, slot); got.Slot != slot {
			t.Errorf("Get(%q) = slot %q", slot, got.Slot)
		}
		q := approval.Query{Tenant: tenantA, Keys: []approval.Key{approval.Key("k:" + slot)}}
		a.wantSlots(fmt.Sprintf("list of key %q", slot), a.list(q, 9), slot)
		n, err := a.store.CountOpen(t.Context(), approval.Count{Tenant: tenantA, Agent: "agent:" + slot, AnyUser: true, At: after(11), Limit: 9})
		if err != nil || n != 1 {
			t.Errorf("CountOpen of agent %q = %d, %v, want 1", slot, n, err)
		}
	}
}

func largestRecord(t *testing.T, a *approvals) {
	r := asked("one", 0)
	r.Body = []byte(`"` + strings.Repeat("x", approval.MaxBody-2) + `"`)
	for i := range approval.MaxKeys {
		r.Index.Keys = append(r.Index.Keys, approval.Key(fmt.Sprintf("%0*d", approval.MaxKey, i)))
	}
	a.put(r, "")
	if got := a.get(tenantA, "one"); !bytes.Equal(got.Body, r.Body) || len(got.Index.Keys) != approval.MaxKeys {
		t.Errorf("Get = %d bytes and %d keys, want %d and %d", len(got.Body), len(got.Index.Keys), approval.MaxBody, approval.MaxKeys)
	}
	body, keys, key := asked("body", 0), asked("keys", 0), asked("key", 0)
	body.Body = append(slices.Clone(r.Body), ' ')
	keys.Index.Keys = append(slices.Clone(r.Index.Keys), "more")
	key.Index.Keys = []approval.Key{approval.Key(strings.Repeat("k", approval.MaxKey+1))}
	for _, r := range []approval.Record{body, keys, key} {
		_, err := a.store.Put(t.Context(), r, "")
		wantError(t, "Put of too large a "+r.Slot, err, approval.ErrTooLarge)
		_, err = a.store.Get(t.Context(), tenantA, r.Slot)
		wantError(t, "Get of it", err, approval.ErrNotFound)
	}
}

func endedContext(t *testing.T, a *approvals) {
	revision := a.put(asked("one", 0, "before"), "")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range []struct {
		record approval.Record
		was    approval.Revision
	}{{asked("one", 0, "after"), revision}, {asked("two", 0, "after"), ""}} {
		if _, err := a.store.Put(ended, r.record, r.was); err == nil {
			t.Errorf("Put(%s) with an ended context = nil, want an error", r.record.Slot)
		}
	}
	if got := a.get(tenantA, "one"); got.Revision != revision || got.Index.Keys[0] != "before" {
		t.Errorf("Get = %+v, want it unchanged", got)
	}
	a.wantSlots("list of what the ended writes named", a.list(approval.Query{Tenant: tenantA, Keys: []approval.Key{"after"}}, 9))
}

// race runs n calls at once and returns how many of them won.
func race(n int, call func(i int) error) (won int, others []error) {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = call(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			others = append(others, err)
		}
	}
	return won, others
}

func oneCreatorWins(t *testing.T, a *approvals) {
	won, others := race(32, func(i int) error {
		_, err := a.store.Put(t.Context(), asked("one", i), "")
		return err
	})
	if won != 1 {
		t.Errorf("%d creators won, want 1", won)
	}
	for _, err := range others {
		wantError(t, "create that lost", err, approval.ErrConflict)
	}
}

func oneWriterWins(t *testing.T, a *approvals) {
	revision := a.put(asked("one", 0), "")
	won, others := race(32, func(i int) error {
		_, err := a.store.Put(t.Context(), asked("one", i), revision)
		return err
	})
	if won != 1 {
		t.Errorf("%d writers of one revision won, want 1", won)
	}
	for _, err := range others {
		wantError(t, "write that lost", err, approval.ErrConflict)
	}
}
