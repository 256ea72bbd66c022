package approval_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// faultAt breaks the calls of those numbers, counted from 1.
func faultAt(faults map[int]storetest.Fault) (next func(string) storetest.Fault, calls *int) {
	n := 0
	return func(string) storetest.Fault {
		n++
		return faults[n]
	}, &n
}

// story opens, asks again, reads, and opens the next generation, as a client
// does that asks again after an error.
func story(ctx context.Context, s *approval.Service) ([]string, error) {
	ids := []string{}
	again := func(step func() error) error {
		var err error
		for range 5 {
			if err = step(); err == nil {
				return nil
			}
		}
		return err
	}
	open := func(now time.Time) func() error {
		return func() error {
			a, _, err := s.Open(ctx, order("a"), now)
			if err == nil {
				ids = append(ids, a.ID)
			}
			return err
		}
	}
	later := noon.Add(8 * time.Hour)
	read := func() error {
		_, err1 := s.Find(ctx, call("a"), approval.Wanted{}, later)
		_, err2 := s.Get(ctx, reader(auditor()), ids[0], later)
		list, err3 := s.List(ctx, reader(auditor()), approval.ListQuery{}, later)
		if err3 == nil && len(list.Approvals) != 1 {
			return fmt.Errorf("a list of %d", len(list.Approvals))
		}
		return errors.Join(err1, err2, err3)
	}
	return ids, errors.Join(again(open(noon)), again(open(noon.Add(time.Minute))), again(read), again(open(later)), again(open(later)))
}

// checkStory: two approvals, each opened once and the first expired, all in
// the log in order, whatever failed on the way.
func checkStory(t *testing.T, what string, w *world, ids []string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: the story ends with %v", what, err)
		return
	}
	if n := len(slices.Compact(slices.Clone(ids))); n != 2 || ids[0] != ids[1] || ids[2] != ids[3] {
		t.Errorf("%s: approvals %q, want one twice and then another twice", what, ids)
	}
	seen, lines := map[string]bool{}, []string{}
	for _, e := range w.log.Entries() {
		if !seen[e.Event.ID] { // a reader of the log counts an id once
			seen[e.Event.ID] = true
			lines = append(lines, fmt.Sprint(e.Event.Kind, " ", e.Event.Status))
		}
	}
	if want := []string{"approval.opened pending", "approval.closed expired", "approval.opened pending"}; !slices.Equal(lines, want) {
		t.Errorf("%s: the log has %q, want %q", what, lines, want)
	}
	d, _ := w.stored(t, call("a"))
	for _, e := range d.Current.Events {
		if !seen[e.ID] {
			t.Errorf("%s: event %s of the answered approval is not in the log", what, e.Kind)
		}
	}
}

// Every call of the store, failing before and after it took effect, alone and
// with each of the next ones: one call never gets two approvals.
func TestEveryStoreFault(t *testing.T) {
	run := func(faults map[int]storetest.Fault) (*world, []string, int, error) {
		w := memoryWorld()
		next, calls := faultAt(faults)
		inner := w.store
		w.store = storetest.FaultyApprovals{Store: inner, Next: next}
		ids, err := story(t.Context(), w.service())
		w.store = inner
		return w, ids, *calls, err
	}
	_, _, calls, err := run(nil)
	if err != nil || calls < 10 {
		t.Fatalf("the story without faults = %d calls, %v", calls, err)
	}
	kinds := []storetest.Fault{storetest.FailBefore, storetest.FailAfter}
	for i := 1; i <= calls; i++ {
		for j := i; j <= i+5; j++ {
			for _, first := range kinds {
				for _, second := range kinds {
					w, ids, _, err := run(map[int]storetest.Fault{i: first, j: second})
					checkStory(t, fmt.Sprintf("calls %d (%d) and %d (%d)", i, first, j, second), w, ids, err)
				}
			}
		}
	}
}

// approvals.md "visible only once logged": while the log is down nothing is
// answered, and what it missed is logged by whoever reads next.
func TestEveryLogFault(t *testing.T) {
	for i := 1; i <= 4; i++ {
		w := memoryWorld()
		n := 0
		w.log.Down = func() error {
			if n++; n == i {
				return storetest.ErrLog
			}
			return nil
		}
		ids, err := story(t.Context(), w.service())
		checkStory(t, fmt.Sprintf("entry %d", i), w, ids, err)
	}
}

func TestNothingUnloggedIsShown(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	down := true
	w.log.Down = func() error {
		if down {
			return storetest.ErrLog
		}
		return nil
	}
	_, _, err := s.Open(t.Context(), order("a"), noon)
	wantError(t, "Open while the log is down", err, storetest.ErrLog)
	d, _ := w.stored(t, call("a"))
	id := d.ID()
	reads := map[string]func() error{
		"Open":       func() error { _, _, err := s.Open(t.Context(), order("a"), noon); return err },
		"Find":       func() error { _, err := s.Find(t.Context(), call("a"), approval.Wanted{}, noon); return err },
		"Find by id": func() error { _, err := s.Find(t.Context(), call("a"), approval.Wanted{ID: id}, noon); return err },
		"Get":        func() error { _, err := s.Get(t.Context(), reader(auditor()), id, noon); return err },
		"List":       func() error { _, err := s.List(t.Context(), reader(auditor()), approval.ListQuery{}, noon); return err },
		"Resume":     func() error { _, err := s.Resume(t.Context(), tenant, flow, id, noon); return err },
	}
	for name, read := range reads {
		wantError(t, name+" while the log is down", read(), storetest.ErrLog)
	}
	wantLines(t, w)
	down = false
	for name, read := range reads {
		wantError(t, name+" when the log is up", read(), nil)
	}
	wantLines(t, w, "approval.opened pending") // by the first reader, once
	if due := w.due(t, noon.Add(time.Minute)); len(due) != 0 {
		t.Errorf("due after it was logged = %q, want nothing", due)
	}
}

// An event that waits for the log is due at once, for whoever sweeps.
func TestAnUnloggedEventIsDue(t *testing.T) {
	w := memoryWorld()
	w.log.Down = func() error { return storetest.ErrLog }
	if _, _, err := w.service().Open(t.Context(), order("a"), noon); err == nil {
		t.Fatal("Open while the log is down = nil")
	}
	if due := w.due(t, noon); len(due) != 1 {
		t.Errorf("due = %q, want the slot of the event", due)
	}
}

func (w *world) due(t *testing.T, now time.Time) []string {
	t.Helper()
	page, err := w.store.Due(t.Context(), now, 10, "")
	if err != nil {
		t.Fatalf("Due = %v", err)
	}
	slots := []string{}
	for _, r := range page.Records {
		slots = append(slots, r.Slot)
	}
	return slots
}

// An unclear read is an error, never "absent": absent would open another one.
func TestUnclearReadsOpenNothing(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	a := mustOpen(t, s, order("a"), noon)
	w.store = storetest.FaultyApprovals{Store: w.store, Next: func(call string) storetest.Fault {
		if call == "put" {
			t.Error("a write after an unclear read")
		}
		return storetest.FailAfter
	}}
	s = w.service()
	_, _, err := s.Open(t.Context(), order("a"), noon)
	wantError(t, "Open", err, approval.ErrUnclear)
	_, err = s.Find(t.Context(), call("a"), approval.Wanted{}, noon)
	wantError(t, "Find", err, approval.ErrUnclear)
	_, err = s.Find(t.Context(), call("a"), approval.Wanted{ID: a.ID}, noon)
	wantError(t, "Find by id", err, approval.ErrUnclear)
	_, err = s.Get(t.Context(), reader(auditor()), a.ID, noon)
	wantError(t, "Get", err, approval.ErrUnclear)
	_, err = s.List(t.Context(), reader(auditor()), approval.ListQuery{}, noon)
	wantError(t, "List", err, approval.ErrUnclear)
}

// A store that never becomes clear, or never stops changing, ends in an error.
func TestTriesEnd(t *testing.T) {
	for name, store := range map[string]approval.Store{
		"unclear": storetest.FaultyApprovals{Store: &storetest.MemoryApprovals{}, Next: func(call string) storetest.Fault {
			if call == "put" {
				return storetest.FailBefore
			}
			return storetest.NoFault
		}},
		"conflict": conflicting{&storetest.MemoryApprovals{}},
	} {
		w := newWorld(store)
		_, _, err := w.service().Open(t.Context(), order("a"), noon)
		if err == nil || !strings.Contains(err.Error(), "write approval") {
			t.Errorf("%s: Open = %v, want an error of the write", name, err)
		}
		wantLines(t, w)
	}
}

type conflicting struct{ approval.Store }

func (conflicting) Put(context.Context, approval.Record, approval.Revision) (approval.Revision, error) {
	return "", approval.ErrConflict
}

// A document that cannot be read is an error on every path.
func TestADamagedDocumentIsAnError(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	a := mustOpen(t, s, order("a"), noon)
	slot, _, _ := approval.ParseID(a.ID)
	r, err := w.store.Get(t.Context(), tenant, slot)
	if err != nil {
		t.Fatal(err)
	}
	whole := string(r.Body)
	for name, body := range map[string]string{
		"cut": whole[:len(whole)/2], "of another slot": strings.Replace(whole, slot, strings.Repeat("0", 26), 1),
		"of another tenant": strings.Replace(whole, tenant, "other", 1),
	} {
		r.Body = []byte(body)
		if r.Revision, err = w.store.Put(t.Context(), r, r.Revision); err != nil {
			t.Fatal(err)
		}
		_, _, errOpen := s.Open(t.Context(), order("a"), noon)
		_, errFind := s.Find(t.Context(), call("a"), approval.Wanted{}, noon)
		_, errGet := s.Get(t.Context(), reader(auditor()), a.ID, noon)
		_, errList := s.List(t.Context(), reader(auditor()), approval.ListQuery{}, noon)
		for _, err := range []error{errOpen, errFind, errGet, errList} {
			if err == nil || errors.Is(err, approval.ErrNotFound) {
				t.Errorf("a document %s = %v, want an error other than not found", name, err)
			}
		}
	}
}

// A caller that goes away while it waits is answered.
func TestEndedContext(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	ctx, cancel := context.WithCancel(t.Context())
	w.log.Down = func() error { cancel(); <-ctx.Done(); return ctx.Err() }
	_, _, err := s.Open(ctx, order("a"), noon)
	wantError(t, "Open", err, context.Canceled)
	_, _, err = s.Open(ctx, order("a"), noon)
	wantError(t, "Open with an ended context", err, context.Canceled)
	w.log.Down = nil
	mustOpen(t, s, order("a"), noon) // nothing is left locked
}

// Whoever waits for another caller of the same call stops when its time is up.
func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := memoryWorld()
		s := w.service()
		logging, goOn := make(chan struct{}), make(chan struct{})
		w.log.Down = func() error { close(logging); <-goOn; return nil }
		done := make(chan error)
		go func() {
			_, _, err := s.Open(t.Context(), order("a"), noon)
			done <- err
		}()
		<-logging
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := s.Open(ctx, order("a"), noon)
		wantError(t, "Open while another is logging", err, context.DeadlineExceeded)
		close(goOn)
		wantError(t, "Open of the other", <-done, nil)
	})
}

// A call without a digest has no slot: the store is not even asked.
func TestNoDigestAsksNothing(t *testing.T) {
	w := newWorld(storetest.FaultyApprovals{Next: func(string) storetest.Fault { return storetest.FailBefore }})
	none := approval.Call{Tenant: tenant, Application: flow}
	for id, want := range map[string]policy.ApprovalState{"": policy.NoApproval, approval.ID("00000000000000000000000000", 1): policy.ApprovalMismatch} {
		if found, err := w.service().Find(t.Context(), none, approval.Wanted{ID: id}, noon); err != nil || found.Facts.State != want {
			t.Errorf("Find(%q) = state %d, %v, want %d", id, found.Facts.State, err, want)
		}
	}
}
