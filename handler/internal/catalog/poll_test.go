package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

// running is an instance that started and polls.
type running struct {
	*catalog.Catalog
	mu   sync.Mutex
	told []catalog.Change
	stop func()
}

// run starts an instance inside a synctest bubble.
func (c *cloud) run(t *testing.T, o catalog.PollOptions) *running {
	t.Helper()
	r := &running{Catalog: c.instance()}
	r.note(r.Start(t.Context(), time.Now()))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Poll(ctx, o, r.note)
	}()
	r.stop = func() { cancel(); <-done }
	synctest.Wait()
	return r
}

func (r *running) note(c catalog.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, c)
}

func (r *running) changes() []catalog.Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]catalog.Change{}, r.told...)
}

// R7: the store is gone for thirty minutes in every way there is. Each second
// the instance is compared with an oracle that knows what was published before
// and when the store was last seen.
func TestThirtyMinutesWithoutTheStore(t *testing.T) {
	for name, fault := range map[string]func(release <-chan struct{}) func(context.Context, string) error{
		"refused": func(<-chan struct{}) func(context.Context, string) error { return down },
		"hanging": func(<-chan struct{}) func(context.Context, string) error { return hung },
		"hanging on": func(release <-chan struct{}) func(context.Context, string) error {
			return func(context.Context, string) error { <-release; return errDown }
		},
		"this and that": func(<-chan struct{}) func(context.Context, string) error {
			var looks atomic.Int64
			return func(ctx context.Context, call string) error {
				if looks.Add(1)%3 == 0 {
					return errDown
				}
				return hung(ctx, call)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				outage(t, fault(release))
				close(release)
			})
		})
	}
}

func outage(t *testing.T, fault func(context.Context, string) error) {
	world := newCloud()
	world.hard = 20 * time.Minute
	world.publish(t, time.Now(), serves(enforce("p", 1)))
	r := world.run(t, catalog.PollOptions{})
	defer r.stop()
	pass(time.Minute)
	seen := time.Now() // the oracle: at most one poll before
	world.store.fail(fault)
	world.publish(t, time.Now(), serves(enforce("p", 2)))
	var deniedAt time.Duration
	for range 30 * 60 {
		pass(time.Second)
		a := r.Active(time.Now())
		out := time.Since(seen)
		wantServed(t, fmt.Sprint("after ", out), r.Catalog, "bot", time.Now(), "p@1")
		if a.Epoch != 1 || a.Age < out || a.Age > out+12*time.Second+time.Second {
			t.Fatalf("after %s: epoch %d of age %s, want 1, seen within a poll before that", out, a.Epoch, a.Age)
		}
		if a.Stale != (a.Age > 15*time.Minute) || a.Expired != (a.Age > 20*time.Minute) {
			t.Fatalf("after %s: age %s, stale %t, expired %t", out, a.Age, a.Stale, a.Expired)
		}
		if a.Expired && deniedAt == 0 {
			deniedAt = out
		}
	}
	if deniedAt > 20*time.Minute+time.Second || deniedAt < 20*time.Minute-13*time.Second {
		t.Errorf("denied after %s, want within a poll of 20 minutes", deniedAt)
	}
	world.store.fail(nil)
	pass(12*time.Second + 8*time.Second) // one poll, and the end of the one that hung
	wantServed(t, "the store is back", r.Catalog, "bot", time.Now(), "p@2")
	if a := r.Active(time.Now()); a.Stale || a.Age > 12*time.Second {
		t.Errorf("the store is back: age %s, stale %t", a.Age, a.Stale)
	}
}

// R7: the age is that of the last look that went well, to the second.
func TestTheAgeIsTheLastLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newCloud()
		world.publish(t, time.Now(), serves(enforce("p", 1)))
		var last atomic.Int64
		world.store.fail(func(context.Context, string) error { last.Store(time.Now().UnixNano()); return nil })
		r := world.run(t, catalog.PollOptions{})
		defer r.stop()
		for range 200 {
			pass(time.Second)
			synctest.Wait()
			if age, want := r.Active(time.Now()).Age, time.Since(time.Unix(0, last.Load())); age != want {
				t.Fatalf("age = %s, want %s", age, want)
			}
		}
	})
}

// T38, T55: what is published is in force within one poll, on two instances
// over one store, and a suspension too.
func TestInstancesConverge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newCloud()
		world.publish(t, time.Now(), serves(enforce("p", 1)))
		a, b := world.run(t, catalog.PollOptions{}), world.run(t, catalog.PollOptions{})
		defer a.stop()
		defer b.stop()
		for epoch, step := range []struct {
			edit func(*catalog.Manifest)
			want string
		}{
			{serves(agents(rollout("p", 2, 2500, 1), "bot"), enforce("p", 1)), "p@2"},
			{serves(enforce("p", 2)), "p@2"},
			{func(m *catalog.Manifest) {
				m.Suspended = []catalog.Suspension{{Kind: catalog.SuspendAgent, ID: "bot"}}
			}, "p@2"},
			{serves(enforce("p", 1)), "p@1"}, // back, as a new epoch
		} {
			world.publish(t, time.Now(), step.edit)
			pass(12 * time.Second) // one poll
			synctest.Wait()
			for _, c := range []*running{a, b} {
				wantServed(t, fmt.Sprint("epoch ", epoch+2), c.Catalog, "bot", time.Now(), step.want)
				now := c.Active(time.Now())
				if now.Epoch != int64(epoch+2) || (len(now.Suspended) > 0) != (epoch >= 2) {
					t.Errorf("epoch %d with %v suspended, want %d", now.Epoch, now.Suspended, epoch+2)
				}
			}
		}
	})
}

// Polls come every ten seconds, give or take a fifth, and ask for what changed.
func TestTheRhythmOfPolls(t *testing.T) {
	for jitter, want := range map[float64]time.Duration{0: 8 * time.Second, 0.5: 10 * time.Second, 0.999999: 12 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			world := newCloud()
			world.publish(t, time.Now(), serves(enforce("p", 1)))
			r := world.run(t, catalog.PollOptions{Jitter: func() float64 { return jitter }})
			defer r.stop()
			pass(100*want + time.Second)
			if n := world.store.count("manifest"); n != 101 {
				t.Errorf("jitter %v: %d looks in 100 × %s, want 101 with the first", jitter, n, want)
			}
			if n := world.store.count("document"); n != 1 {
				t.Errorf("%d documents read, want one", n)
			}
		})
	}
}

// Functions hosts freeze instances: timers stop with them. The first call after
// that has the poller look, and is answered without waiting for it.
func TestTheFirstCallAfterIdling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newCloud()
		world.publish(t, time.Now(), serves(enforce("p", 1)))
		var frozen time.Duration // what the clock gained while timers stood
		clock := func() time.Time { return time.Now().Add(frozen) }
		r := world.run(t, catalog.PollOptions{Clock: clock})
		defer r.stop()
		world.publish(t, time.Now(), serves(enforce("p", 2)))
		looks := world.store.count("manifest")
		frozen = 14 * time.Second
		r.Active(clock())
		synctest.Wait()
		if n := world.store.count("manifest"); n != looks {
			t.Errorf("%d looks after 14 s, want none: a poll is not overdue", n-looks)
		}
		frozen = time.Hour
		if a := r.Active(clock()); a.Epoch != 1 || !a.Stale {
			t.Errorf("the first call got epoch %d, stale %t, want what there was, and flagged", a.Epoch, a.Stale)
		}
		synctest.Wait()
		if a := r.Active(clock()); a.Epoch != 2 || a.Age != 0 {
			t.Errorf("the next call got epoch %d of age %s, want the newest", a.Epoch, a.Age)
		}
		for range 1000 {
			r.Active(clock())
		}
		synctest.Wait()
		if n := world.store.count("manifest"); n != looks+1 {
			t.Errorf("%d looks, want one", n-looks)
		}
	})
}

// A look that nobody answers is given up, and those after it are made.
func TestAPollThatHangsBlocksNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newCloud()
		world.publish(t, time.Now(), serves(enforce("p", 1)))
		r := world.run(t, catalog.PollOptions{})
		defer r.stop()
		release, hung := make(chan struct{}), atomic.Bool{}
		world.store.fail(func(context.Context, string) error {
			if !hung.Swap(true) {
				<-release // whatever the context says
			}
			return nil
		})
		world.publish(t, time.Now(), serves(enforce("p", 2)))
		pass(12*time.Second + 8*time.Second + 12*time.Second) // the one that hangs, and the next
		wantServed(t, "beside a poll that hangs", r.Catalog, "bot", time.Now(), "p@2")
		world.publish(t, time.Now(), serves(enforce("p", 3)))
		pass(12 * time.Second)
		close(release) // its answer is of long ago
		synctest.Wait()
		wantServed(t, "when it answers after all", r.Catalog, "bot", time.Now(), "p@3")
	})
}

// What was served is kept once it can be, and nobody waits for it.
func TestTheLastGoodIsKeptInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newCloud()
		want := world.publish(t, time.Now(), serves(enforce("p", 1)))
		world.keeper.fail(func(ctx context.Context, call string) error {
			if call == "save" {
				return hung(ctx, call)
			}
			return nil
		})
		r := world.run(t, catalog.PollOptions{})
		defer r.stop()
		synctest.Wait()
		wantServed(t, "before it is kept", r.Catalog, "bot", time.Now(), "p@1")
		pass(time.Minute)
		if h := r.Health(); !h.Unsaved {
			t.Errorf("Health = %+v, want it unsaved", h)
		}
		if age := r.Active(time.Now()).Age; age > 12*time.Second {
			t.Errorf("age = %s while saving hangs, want polls to go on", age)
		}
		world.keeper.fail(nil)
		pass(20 * time.Second)
		if got, err := world.kept.Newest(t.Context(), "dev"); err != nil || got.Epoch != want.Epoch || r.Health().Unsaved {
			t.Errorf("Newest = epoch %d, %v, want %d", got.Epoch, err, want.Epoch)
		}
	})
}

// Trouble is told once, and its end.
func TestPollsTellOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newCloud()
		world.publish(t, time.Now(), serves(enforce("p", 1)))
		r := world.run(t, catalog.PollOptions{})
		defer r.stop()
		world.store.fail(down)
		pass(5 * time.Minute)
		world.store.fail(nil)
		pass(time.Minute)
		told := r.changes()
		if len(told) != 3 || !told[0].Taken || !errors.Is(told[1].Err, errDown) || told[2].Err != nil || told[2].Taken {
			t.Errorf("told %+v, want it taken, down, and back", told)
		}
		if h := r.Health(); h.Failed < 20 || h.Refused != 0 {
			t.Errorf("Health = %+v, want each failed look counted", h)
		}
		if m := told[0].Manifest; m == nil || m.Epoch != 1 || len(told[0].Packs) != 1 || told[0].Packs[0].RulesHash == "" {
			t.Errorf("told %+v, want what was taken", told[0])
		}
	})
}

// flapping shows an older manifest at every other look, as replicas do that
// lag behind each other.
type flapping struct {
	catalog.Store
	old   catalog.Manifest
	looks int
}

func (f *flapping) Manifest(ctx context.Context, environment string, known catalog.Revision) (catalog.Manifest, catalog.Revision, error) {
	if f.looks++; f.looks%2 == 0 {
		if known == "old" {
			return catalog.Manifest{}, "", catalog.ErrUnchanged
		}
		return f.old, "old", nil
	}
	return f.Store.Manifest(ctx, environment, known)
}

// R9, T35: an epoch never falls, however often an older one is shown; it is
// told once and counted each time.
func TestAReplicaThatLagsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newCloud()
		old := world.publish(t, time.Now(), serves(enforce("p", 1)))
		world.publish(t, time.Now(), serves(enforce("p", 2)))
		world.store.Store = &flapping{Store: &world.editor, old: old}
		r := world.run(t, catalog.PollOptions{})
		defer r.stop()
		for range 600 {
			pass(time.Second)
			wantServed(t, "a lagging replica", r.Catalog, "bot", time.Now(), "p@2")
		}
		if a := r.Active(time.Now()); a.Age > 24*time.Second {
			t.Errorf("age = %s, want that of the last look at the newest", a.Age)
		}
		refused := 0
		for _, c := range r.changes() {
			if c.Err != nil {
				refused++
			}
		}
		if h := r.Health(); refused != 1 || h.Refused != 1 || h.Regressed < 25 {
			t.Errorf("told %d refusals, %+v, want one, and each look counted", refused, h)
		}
	})
}

// pass lets time go by in a bubble.
func pass(d time.Duration) { <-time.After(d) }
