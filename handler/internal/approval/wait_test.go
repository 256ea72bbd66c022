package approval_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// waiting runs a test with a service whose clock is that of the bubble.
func waiting(t *testing.T, test func(t *testing.T, w *world, s *approval.Service, a approval.Approval)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := memoryWorld()
		w.named["omar"] = true
		s := w.service()
		r := order("a")
		r.Requirements[0].Need = 2
		test(t, w, s, mustOpen(t, s, r, time.Now()))
	})
}

func wait(ctx context.Context, s *approval.Service, a approval.Approval, atMost time.Duration) (got approval.Approval, took time.Duration, err error) {
	begun := time.Now()
	got, err = s.Wait(ctx, reader(auditor()), a.ID, atMost, time.Now)
	return got, time.Since(begun), err
}

// A vote wakes whoever waits at once, in the same process; what another process
// does is seen soon.
func TestWaitSeesChanges(t *testing.T) {
	for name, tc := range map[string]struct {
		here bool
		want time.Duration
	}{"here": {true, 10 * time.Second}, "elsewhere": {false, 12 * time.Second}} {
		waiting(t, func(t *testing.T, w *world, s *approval.Service, a approval.Approval) {
			voter := s
			if !tc.here {
				voter = w.service()
			}
			time.AfterFunc(10*time.Second, func() { mustVote(t, voter, "mia", a, approval.Approve, time.Now()) })
			got, took, err := wait(t.Context(), s, a, time.Minute)
			if err != nil || len(got.Votes) != 1 || took != tc.want {
				t.Errorf("%s: Wait = %d votes after %s, %v, want 1 after %s", name, len(got.Votes), took, err, tc.want)
			}
		})
	}
}

// A write that changes nothing to be seen wakes nobody for good.
func TestWaitIsForSomethingNew(t *testing.T) {
	waiting(t, func(t *testing.T, _ *world, s *approval.Service, a approval.Approval) {
		for i := range 5 {
			time.AfterFunc(time.Duration(i)*time.Second, func() {
				if _, err := s.PassOn(t.Context(), reader(person("mia")), a.ID, time.Now()); err != nil {
					t.Errorf("PassOn = %v", err)
				}
			})
		}
		got, took, err := wait(t.Context(), s, a, 20*time.Second)
		if err != nil || got.Status != approval.Pending || took != 20*time.Second {
			t.Errorf("Wait = %s after %s, %v, want pending after 20 s", got.Status, took, err)
		}
	})
}

// What is decided is answered at once, and so is what the clock closes.
func TestWaitEnds(t *testing.T) {
	waiting(t, func(t *testing.T, w *world, s *approval.Service, a approval.Approval) {
		got, took, err := wait(t.Context(), s, a, 24*time.Hour)
		if err != nil || got.Status != approval.Expired || took < 8*time.Hour || took > 8*time.Hour+3*time.Second {
			t.Errorf("Wait = %s after %s, %v, want expired after 8 h", got.Status, took, err)
		}
		if got, took, err := wait(t.Context(), s, a, time.Minute); err != nil || !got.Final || took != 0 {
			t.Errorf("Wait for one that is closed = %s after %s, %v, want it at once", got.Status, took, err)
		}
		wantLines(t, w, "approval.opened pending", "approval.closed expired")
	})
	waiting(t, func(t *testing.T, _ *world, s *approval.Service, a approval.Approval) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, took, err := wait(ctx, s, a, time.Minute); err != nil || took != time.Second {
			t.Errorf("Wait of a caller that goes away = %v after %s, want nil after 1 s", err, took)
		}
	})
}

// Whoever may not see it does not wait; nor does anybody wait on a store that
// does not answer.
func TestWaitIsForReaders(t *testing.T) {
	waiting(t, func(t *testing.T, w *world, s *approval.Service, a approval.Approval) {
		begun := time.Now()
		_, err := s.Wait(t.Context(), reader(stranger()), a.ID, time.Minute, time.Now)
		wantError(t, "Wait of a stranger", err, approval.ErrNotFound)
		w.store = storetest.FaultyApprovals{Store: w.store, Next: func(string) storetest.Fault { return storetest.FailBefore }}
		_, _, err = wait(t.Context(), w.service(), a, time.Minute)
		wantError(t, "Wait on a store that fails", err, approval.ErrUnclear)
		if took := time.Since(begun); took != 0 {
			t.Errorf("both took %s, want no time", took)
		}
	})
}

// A thousand wait; the next one is answered at once. When all are gone others
// may wait again: nothing is left behind, which the bubble checks for
// goroutines.
func TestWaitersAreBounded(t *testing.T) {
	waiting(t, func(t *testing.T, _ *world, s *approval.Service, a approval.Approval) {
		const most = 1000
		done := make(chan string, most)
		for range most {
			go func() {
				got, took, err := wait(t.Context(), s, a, time.Minute)
				done <- fmt.Sprint(got.Status, " ", took, " ", err)
			}()
		}
		synctest.Wait()
		if got, took, err := wait(t.Context(), s, a, time.Minute); err != nil || took != 0 || got.Status != approval.Pending {
			t.Errorf("one more = %s after %s, %v, want it at once", got.Status, took, err)
		}
		for range most {
			if got := <-done; got != "pending 1m0s <nil>" {
				t.Errorf("a waiter = %s, want pending after 1 min", got)
			}
		}
		if _, took, _ := wait(t.Context(), s, a, time.Minute); took != time.Minute {
			t.Errorf("when all are gone = after %s, want 1 min", took)
		}
	})
}
