package approval_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// damaged spoils what is read of one slot while it is on.
type damaged struct {
	approval.Store
	slot string
}

func (d *damaged) Get(ctx context.Context, tenant, slot string) (approval.Record, error) {
	r, err := d.Store.Get(ctx, tenant, slot)
	if slot == d.slot {
		r.Body = bytes.Replace(r.Body, []byte(`"schema":1`), []byte(`"schema":99`), 1)
	}
	return r, err
}

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

// One failure does not keep Sweep from the rest; it is told, and tried again.
func TestSweepGoesOnAfterAFailure(t *testing.T) {
	w := memoryWorld()
	bad := &damaged{Store: w.store}
	w.store, w.options.Notifier = bad, &post{}
	s := w.service()
	var ids []approval.Approval
	for i := range 5 {
		ids = append(ids, mustOpen(t, s, order(fmt.Sprint(i)), noon))
	}
	bad.slot, _, _ = approval.ParseID(ids[2].ID)
	swept, err := s.Sweep(t.Context(), at(ids[0].ApproveBy))
	if err == nil || swept.Looked != 5 || swept.Failed != 1 {
		t.Errorf("Sweep = %+v, %v, want 5 looked at and 1 failure told", swept, err)
	}
	bad.slot = ""
	if swept, err := s.Sweep(t.Context(), at(ids[0].ApproveBy)); err != nil || swept.Looked != 1 {
		t.Errorf("Sweep again = %+v, %v, want the one that failed", swept, err)
	}
	if n := len(w.log.Entries()); n != 10 {
		t.Errorf("%d events, want 5 openings and 5 expiries", n)
	}
}

// A restored store: what was opened before approvalsValidFrom is revoked for
// good by the first sweep, in every tenant, even where one of them cannot be
// read; that one by a later sweep.
func TestSweepRevokesWhatWasOpenedBefore(t *testing.T) {
	w := memoryWorld()
	bad := &damaged{Store: w.store}
	w.store = bad
	validFrom := time.Time{}
	w.options.Notifier = &post{}
	w.options.ValidFrom = func() time.Time { return validFrom }
	w.options.Tenants = func(time.Time) []string { return []string{tenant, "OTHER"} }
	s := w.service()
	elsewhere := order("e")
	elsewhere.Tenant = "other"
	mustOpen(t, s, elsewhere, noon)
	first := mustOpen(t, s, order("0"), noon.Add(time.Minute)) // it is listed first
	second := mustOpen(t, s, order("1"), noon)
	mustVote(t, s, "mia", second, approval.Approve, noon)
	sweep(t, s, noon.Add(time.Minute)) // nothing is due any more
	validFrom = noon.Add(time.Hour)
	after := mustOpen(t, s, order("2"), validFrom)
	bad.slot, _, _ = approval.ParseID(first.ID)
	if _, err := s.Sweep(t.Context(), at(validFrom)); err == nil {
		t.Error("Sweep with a damaged document = nil, want an error")
	}
	if got := w.revoked(); got != 2 {
		t.Errorf("%d are revoked, want 2", got)
	}
	bad.slot = ""
	if _, err := s.Sweep(t.Context(), at(validFrom)); err != nil || w.revoked() != 3 {
		t.Errorf("after another sweep %d are revoked, %v, want 3", w.revoked(), err)
	}
	validFrom = time.Time{} // and it stays so
	for id, want := range map[string]approval.Status{first.ID: approval.Revoked, second.ID: approval.Revoked, after.ID: approval.Pending} {
		if got, err := s.Get(t.Context(), reader(auditor()), id, noon.Add(2*time.Hour)); err != nil || got.Status != want {
			t.Errorf("Get = %s, %v, want %s", got.Status, err, want)
		}
	}
}

func (w *world) revoked() (n int) {
	for _, e := range w.log.Entries() {
		if e.Event.Status == approval.Revoked {
			n++
		}
	}
	return n
}

// Nobody lists, votes on or uses what approvalsValidFrom has revoked, before
// any sweep.
func TestNothingFromBeforeCounts(t *testing.T) {
	for _, do := range []string{"list", "vote", "use", "cancel"} {
		w := memoryWorld()
		validFrom := time.Time{}
		w.options.ValidFrom = func() time.Time { return validFrom }
		s := w.service()
		a := mustOpen(t, s, order("a"), noon)
		if do == "use" {
			mustVote(t, s, "mia", a, approval.Approve, noon)
		}
		validFrom = noon.Add(time.Minute)
		var err error
		switch do {
		case "list":
			for filter, want := range map[approval.Filter]int{approval.OnlyOpen: 0, approval.OnlyClosed: 1} {
				list, err := s.List(t.Context(), reader(auditor()), approval.ListQuery{Filter: filter}, noon)
				if n := len(list.Approvals); err != nil || filter == approval.OnlyOpen && n != want {
					t.Errorf("List(%d) = %d, %v, want %d", filter, n, err, want)
				}
			}
		case "vote":
			_, err = s.Vote(t.Context(), reader(person("mia")), ballot(a, approval.Approve), noon)
		case "use":
			_, _, err = s.Use(t.Context(), taking(a, "decision"), noon)
		case "cancel":
			_, err = s.Cancel(t.Context(), readerIn(application(flow)), a.ID, "", noon)
		}
		var closed *approval.ClosedError
		if do != "list" && !errors.Is(err, approval.ErrUsed) && (!errors.As(err, &closed) || closed.Approval.Status != approval.Revoked) {
			t.Errorf("%s = %v, want revoked", do, err)
		}
		if w.revoked() != 1 {
			t.Errorf("%s: %d are revoked in the log, want 1", do, w.revoked())
		}
	}
}

// A store that cannot say what is due is told, and nothing is done twice.
func TestSweepOfAStoreThatFails(t *testing.T) {
	w := memoryWorld()
	w.store = storetest.FaultyApprovals{Store: w.store, Next: func(call string) storetest.Fault {
		if call == "due" {
			return storetest.FailBefore
		}
		return storetest.NoFault
	}}
	s := w.service()
	mustOpen(t, s, order("a"), noon)
	_, err := s.Sweep(t.Context(), at(noon))
	wantError(t, "Sweep", err, approval.ErrUnclear)
}

// A question that a process was sending when it died is not asked again about
// an approval that has given way to the next one.
func TestADeadProcessLeavesNoQuestion(t *testing.T) {
	w, s, p, a := withPost(t)
	truth, dead := w.store, false
	w.store = storetest.FaultyApprovals{Store: truth, Next: func(string) storetest.Fault {
		if dead {
			return storetest.FailBefore
		}
		return storetest.NoFault
	}}
	p.refuse = func(approval.Message) error { dead = true; return nil }
	if _, err := w.service().Sweep(t.Context(), at(noon)); err == nil {
		t.Fatal("Sweep of a process that dies = nil")
	}
	p.refuse, w.store = nil, truth
	p.take()
	if _, err := s.Cancel(t.Context(), readerIn(application(flow)), a.ID, "", noon); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, s, order("a"), noon.Add(time.Second)) // tells nobody
	sweep(t, s, noon.Add(time.Hour))
	wantSent(t, p, "when the lease is over", []string{}...)
}
