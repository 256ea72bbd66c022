package approval_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// approvals.md, Using: an approved one, once; nothing else.
func TestUseInEveryStatus(t *testing.T) {
	for _, status := range statuses {
		w := memoryWorld()
		s, a, now := inStatus(t, w, status)
		used, _, err := s.Use(t.Context(), taking(a, "another decision"), now)
		if status != approval.Approved {
			wantError(t, "Use of one that is "+status.String(), err, approval.ErrUsed)
			continue
		}
		if err != nil || used.Status != approval.Consumed || !used.Final {
			t.Errorf("Use = %s, %v, want consumed", used.Status, err)
		}
		_, _, err = s.Use(t.Context(), taking(a, "a third decision"), now)
		wantError(t, "Use again", err, approval.ErrUsed)
		_, _, err = s.Use(t.Context(), taking(a, "another decision"), now)
		wantError(t, "Use again by the same decision", err, approval.ErrUsed)
	}
}

// T19: an approval is for the call it was opened for.
func TestUseByAnotherCall(t *testing.T) {
	w := memoryWorld()
	s, a, _ := inStatus(t, w, approval.Approved)
	for name, edit := range map[string]func(*approval.Taking){
		"another digest":      func(u *approval.Taking) { u.Digest = "hmac-sha256:b" },
		"no digest":           func(u *approval.Taking) { u.Digest = "" },
		"another application": func(u *approval.Taking) { u.Application = "other" },
		"no application":      func(u *approval.Taking) { u.Application = "" },
		"another tenant":      func(u *approval.Taking) { u.Tenant = "other" },
		"no approval":         func(u *approval.Taking) { u.Approval = "" },
		"another generation": func(u *approval.Taking) {
			slot, generation, _ := approval.ParseID(a.ID)
			u.Approval = approval.ID(slot, generation+1)
		},
	} {
		use := taking(a, "decision")
		edit(&use)
		w.unchanged(t, name, func() {
			_, _, err := s.Use(t.Context(), use, noon)
			wantError(t, "Use with "+name, err, approval.ErrUsed)
		})
	}
	for name, edit := range map[string]func(*approval.Taking){
		"no answer": func(u *approval.Taking) { u.Answer = nil },
		"no record": func(u *approval.Taking) { u.Record = []byte(`[]`) },
	} {
		use := taking(a, "decision")
		edit(&use)
		if _, _, err := s.Use(t.Context(), use, noon); err == nil || errors.Is(err, approval.ErrUsed) {
			t.Errorf("Use with %s = %v, want an error of its own", name, err)
		}
	}
	mustUse(t, s, a, "", noon) // nothing of that has used it
}

// "use demands now + 60 s < executeBy".
func TestTheLastMinuteIsTooLate(t *testing.T) {
	for _, tc := range []struct {
		before time.Duration
		used   bool
	}{{time.Minute + time.Millisecond, true}, {time.Minute, false}, {30 * time.Second, false}, {0, false}, {-time.Hour, false}} {
		w := memoryWorld()
		s := w.service()
		a := mustOpen(t, s, order("a"), noon)
		executeBy := mustVote(t, s, "mia", a, approval.Approve, noon).ExecuteBy
		_, _, err := s.Use(t.Context(), taking(a, "decision"), executeBy.Add(-tc.before))
		if tc.used != (err == nil) || err != nil && !errors.Is(err, approval.ErrUsed) {
			t.Errorf("Use %s before executeBy = %v, want used %t", tc.before, err, tc.used)
		}
		if got, err := s.Get(t.Context(), reader(auditor()), a.ID, noon); err != nil || (got.Status == approval.Expired) == tc.used {
			t.Errorf("after it the clock was set back = %s, %v, want it over for ever", got.Status, err)
		}
	}
}

// Every read decides expiry by the clock and has it in the log before it tells.
func TestEveryReadExpires(t *testing.T) {
	for name, read := range map[string]func(*approval.Service, string, time.Time) error{
		"Get": func(s *approval.Service, id string, now time.Time) error {
			_, err := s.Get(context.Background(), reader(auditor()), id, now)
			return err
		},
		"List": func(s *approval.Service, _ string, now time.Time) error {
			_, err := s.List(context.Background(), reader(auditor()), approval.ListQuery{Filter: approval.OnlyClosed}, now)
			return err
		},
		"Find": func(s *approval.Service, _ string, now time.Time) error {
			_, err := s.Find(context.Background(), call("a"), approval.Wanted{}, now)
			return err
		},
		"Find by id": func(s *approval.Service, id string, now time.Time) error {
			_, err := s.Find(context.Background(), call("a"), approval.Wanted{ID: id}, now)
			return err
		},
		"Inspect": func(s *approval.Service, id string, now time.Time) error {
			_, err := s.Inspect(context.Background(), reader(auditor()), id, now)
			return err
		},
		"Resume": func(s *approval.Service, id string, now time.Time) error {
			_, err := s.Resume(context.Background(), tenant, flow, id, now)
			return err
		},
		"History": func(s *approval.Service, _ string, now time.Time) error {
			_, err := s.History(context.Background(), tenant, approval.Person{ID: "ana"}, now)
			return err
		},
		"Wait": func(s *approval.Service, id string, now time.Time) error {
			_, err := s.Wait(context.Background(), reader(auditor()), id, time.Minute, func() time.Time { return now })
			return err
		},
		"Sweep": func(s *approval.Service, _ string, now time.Time) error {
			_, err := s.Sweep(context.Background(), func() time.Time { return now })
			return err
		},
	} {
		w := memoryWorld()
		s := w.service()
		a := mustOpen(t, s, order("a"), noon)
		w.log.Down = func() error { return storetest.ErrLog }
		wantError(t, name+" while the log is down", read(s, a.ID, a.ApproveBy), storetest.ErrLog)
		w.log.Down = nil
		wantError(t, name, read(s, a.ID, a.ApproveBy), nil)
		wantLines(t, w, "approval.opened pending", "approval.closed expired")
		if d, _ := w.stored(t, call("a")); d.Current.Status != approval.Expired {
			t.Errorf("%s leaves it %s, want expired", name, d.Current.Status)
		}
	}
}

// lossy lets one write take effect, loses its answer and lets others act before
// the loser looks again.
type lossy struct {
	approval.Store
	lose func(d *approval.Document) bool
	err  error
	then func()
	lost bool
	acts bool
}

func (l *lossy) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	revision, err := l.Store.Put(ctx, r, was)
	d, decodeErr := approval.Decode(r.Body)
	if decodeErr == nil && err == nil && !l.lost && l.lose(d) {
		l.lost = true
		return "", l.err
	}
	return revision, err
}

func (l *lossy) Get(ctx context.Context, tenant, slot string) (approval.Record, error) {
	if l.lost && !l.acts {
		l.acts = true
		l.then()
	}
	return l.Store.Get(ctx, tenant, slot)
}

// FR25: whoever is not told that its own write went in finds it, even where
// the approval has given way to the next one meanwhile.
func TestAnOwnWriteIsFoundBehindTheNextApproval(t *testing.T) {
	for _, unsure := range []error{approval.ErrUnclear, approval.ErrConflict} {
		w := memoryWorld()
		truth := w.store
		other := w.service()
		a := mustOpen(t, other, order("a"), noon)
		mustVote(t, other, "mia", a, approval.Approve, noon)
		w.store = &lossy{
			Store: truth, err: unsure,
			lose: func(d *approval.Document) bool { return d.Current.Status == approval.Consumed },
			then: func() { mustOpen(t, other, order("a"), noon.Add(time.Second)) },
		}
		used := mustUse(t, w.service(), a, "", noon)
		if used.ID != a.ID || used.Status != approval.Consumed {
			t.Errorf("%v: Use = %s %s, want %s consumed", unsure, used.ID, used.Status, a.ID)
		}
		for _, e := range w.log.Entries() {
			if e.Event.Kind == approval.EventConsumed && (e.Document.ID() != a.ID || e.Document.Current.Use.DecisionID != "decision") {
				t.Errorf("%v: the log has the use beside %s", unsure, e.Document.ID())
			}
		}
	}
}

// The same for a vote that closes: it is no late one.
func TestAnOwnDenialIsFoundBehindTheNextApproval(t *testing.T) {
	w := memoryWorld()
	truth := w.store
	other := w.service()
	a := mustOpen(t, other, order("a"), noon)
	w.store = &lossy{
		Store: truth, err: approval.ErrUnclear,
		lose: func(d *approval.Document) bool { return d.Current.Status == approval.Denied },
		then: func() { mustOpen(t, other, order("a"), a.ApproveBy) },
	}
	if got := mustVote(t, w.service(), "mia", a, approval.Deny, noon); got.ID != a.ID || got.Status != approval.Denied {
		t.Errorf("Vote = %s %s, want %s denied", got.ID, got.Status, a.ID)
	}
	if n := len(w.log.Refusals()); n != 0 {
		t.Errorf("%d refusals, want none", n)
	}
}

// What was approved under the previous environment key is used where it lies.
func TestUseUnderThePreviousKey(t *testing.T) {
	w := memoryWorld()
	w.keys = approval.Keys{Current: previous}
	a := mustOpen(t, w.service(), order("a"), noon)
	mustVote(t, w.service(), "mia", a, approval.Approve, noon)
	w.keys = approval.Keys{Current: key, Previous: previous}
	s := w.service()
	rotated := order("rotated").Call
	rotated.Previous = call("a").Digest
	found, err := s.Find(t.Context(), rotated, approval.Wanted{}, noon)
	if err != nil || found.Approval.ID != a.ID || found.Facts.State != policy.ApprovalOpen {
		t.Fatalf("Find = %+v, %v, want %s", found.Approval, err, a.ID)
	}
	use := taking(a, "decision")
	use.Call = rotated
	if _, _, err := s.Use(t.Context(), use, noon); err != nil {
		t.Errorf("Use = %v", err)
	}
	opened := order("rotated")
	opened.Call = rotated
	if next := mustOpen(t, s, opened, noon); next.ID == a.ID {
		t.Errorf("Open after the use = %s, want another, under the new key", next.ID)
	}
}
