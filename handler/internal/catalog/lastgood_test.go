package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
)

// keep leaves behind what an instance served that is gone.
func (c *cloud) keep(t *testing.T, issued time.Time, entries ...catalog.Entry) {
	t.Helper()
	c.publish(t, issued, serves(entries...))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	i := c.instance()
	i.Start(ctx, issued)
	go i.Poll(ctx, catalog.PollOptions{}, func(catalog.Change) {})
	synctest.Wait()
}

// R8: a start without the store. The last good serves, flagged by its age or
// not at all; what is not the publisher's is not believed. There is an answer
// in three seconds whatever the store does.
func TestAColdStartWithoutTheStore(t *testing.T) {
	flip := func(text []byte) []byte { return bytes.Replace(text, []byte(`"version":1`), []byte(`"version":2`), 1) }
	for name, tc := range map[string]struct {
		age            time.Duration // of the last good; -1: there is none
		damage         func(*cloud)
		want           string
		stale, expired bool
		cause          string // in the error
	}{
		"valid":                     {age: 10 * time.Minute, want: "p@1"},
		"of this moment":            {age: 0, want: "p@1"},
		"stale":                     {age: 16 * time.Minute, want: "p@1", stale: true},
		"past the hard limit":       {age: 25 * time.Hour, want: "p@1", stale: true, expired: true},
		"missing":                   {age: -1, want: "nothing"},
		"issued in the future":      {age: -6 * time.Minute, want: "nothing", cause: "/issuedAt"},
		"a manifest changed":        {age: time.Minute, damage: func(c *cloud) { c.kept.Edit(flip, nil) }, want: "nothing", cause: "signature"},
		"a document changed":        {age: time.Minute, damage: func(c *cloud) { c.kept.Edit(nil, flip) }, want: "nothing", cause: "hash"},
		"a document cut":            {age: time.Minute, damage: func(c *cloud) { c.kept.Edit(nil, func(b []byte) []byte { return b[:20] }) }, want: "nothing", cause: "hash"},
		"no manifest at all":        {age: time.Minute, damage: func(c *cloud) { c.kept.Edit(func([]byte) []byte { return []byte("x") }, nil) }, want: "nothing", cause: "manifest"},
		"it does not answer either": {age: time.Minute, damage: func(c *cloud) { c.keeper.fail(hung) }, want: "nothing", cause: "last good"},
	} {
		for how, fault := range map[string]func(context.Context, string) error{"refuses": down, "hangs": hung} {
			synctest.Test(t, func(t *testing.T) {
				world := newCloud()
				if tc.age != -1 {
					world.keep(t, time.Now().Add(-tc.age), enforce("p", 1))
				}
				if tc.damage != nil {
					tc.damage(world)
				}
				world.store.fail(fault)
				c, began := world.instance(), time.Now()
				change := c.Start(t.Context(), time.Now())
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("%s, the store %s: started in %s, want at most 3 s", name, how, took)
				}
				wantServed(t, name, c, "bot", began, tc.want)
				a := c.Active(began)
				if a.Stale != tc.stale || a.Expired != tc.expired || a.Set != nil && a.Age != tc.age {
					t.Errorf("%s: age %s, stale %t, expired %t, want %s, %t, %t", name, a.Age, a.Stale, a.Expired, tc.age, tc.stale, tc.expired)
				}
				if change.Err == nil || !strings.Contains(change.Err.Error(), tc.cause) || change.Taken != (a.Set != nil) || change.Kept != change.Taken {
					t.Errorf("%s: told %+v, want the store's fault and %q", name, change, tc.cause)
				}
			})
		}
	}
}

// The store is back: what it confirms is fresh, and what it has is taken.
func TestTheStoreComesBackAfterAColdStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newCloud()
		world.keep(t, time.Now().Add(-20*time.Minute), enforce("p", 1))
		world.store.fail(down)
		r := world.run(t, catalog.PollOptions{})
		defer r.stop()
		if a := r.Active(time.Now()); !a.Stale {
			t.Errorf("age %s, want it stale", a.Age)
		}
		world.store.fail(nil)
		pass(12 * time.Second)
		if a := r.Active(time.Now()); a.Stale || a.Age > 4*time.Second || a.Epoch != 1 {
			t.Errorf("epoch %d of age %s when the store is back, want 1 and fresh", a.Epoch, a.Age)
		}
		world.publish(t, time.Now(), serves(enforce("p", 2)))
		pass(12 * time.Second)
		wantServed(t, "published after it", r.Catalog, "bot", time.Now(), "p@2")
	})
}

// Nothing is served at a start without both; whichever is back first serves.
func TestAColdStartWithNothing(t *testing.T) {
	for name, back := range map[string]func(*cloud){
		"the store is back":     func(c *cloud) { c.store.fail(nil) },
		"the last good is back": func(c *cloud) { c.keeper.fail(nil) },
	} {
		synctest.Test(t, func(t *testing.T) {
			world := newCloud()
			world.keep(t, time.Now(), enforce("p", 1))
			world.store.fail(down)
			world.keeper.fail(down)
			r := world.run(t, catalog.PollOptions{})
			defer r.stop()
			pass(time.Minute)
			wantServed(t, "without both", r.Catalog, "bot", time.Now(), "nothing")
			back(world)
			pass(3 * time.Second)
			wantServed(t, name, r.Catalog, "bot", time.Now(), "p@1")
		})
	}
}

// T35: a store that shows less than the last good lags behind, or is set back:
// the higher epoch serves, and that is told and counted. It ages meanwhile.
func TestAColdStartOnAStoreThatWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newCloud()
		old := world.publish(t, time.Now(), serves(enforce("p", 1)))
		world.keep(t, time.Now(), enforce("p", 2))
		_, was, err := world.editor.Manifest(t.Context(), "dev", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := world.editor.PutManifest(t.Context(), old, was); err != nil {
			t.Fatal(err)
		}
		r := world.run(t, catalog.PollOptions{})
		defer r.stop()
		wantServed(t, "set back", r.Catalog, "bot", time.Now(), "p@2")
		pass(20 * time.Minute)
		wantServed(t, "set back", r.Catalog, "bot", time.Now(), "p@2")
		a, told := r.Active(time.Now()), r.changes()
		if !a.Stale || r.Health().Regressed == 0 {
			t.Errorf("stale %t, %+v, want it stale and counted", a.Stale, r.Health())
		}
		var refused *catalog.RefusedError
		if len(told) != 1 || !told[0].Kept || !errors.As(told[0].Err, &refused) || told[0].Refused == nil || told[0].Refused.Epoch != 1 {
			t.Errorf("told %+v, want the last good taken and epoch 1 refused, once", told)
		}
	})
}

// A last good that did not answer at the start is asked again: an older epoch
// of the store must not stand for want of it. One that is damaged takes
// nothing from what the store has.
func TestTheLastGoodAnswersLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newCloud()
		old := world.publish(t, time.Now(), serves(enforce("p", 1)))
		world.keep(t, time.Now(), enforce("p", 2))
		_, was, _ := world.editor.Manifest(t.Context(), "dev", "")
		if _, err := world.editor.PutManifest(t.Context(), old, was); err != nil {
			t.Fatal(err)
		}
		world.keeper.fail(hung)
		r := world.run(t, catalog.PollOptions{})
		defer r.stop()
		wantServed(t, "while it does not answer", r.Catalog, "bot", time.Now(), "p@1")
		world.keeper.fail(nil)
		pass(12 * time.Second)
		wantServed(t, "when it answers", r.Catalog, "bot", time.Now(), "p@2")
	})
	synctest.Test(t, func(t *testing.T) {
		world := newCloud()
		world.keep(t, time.Now(), enforce("p", 1))
		world.kept.Edit(func(text []byte) []byte { return bytes.Replace(text, []byte(`"epoch":1`), []byte(`"epoch":9`), 1) }, nil)
		c := world.instance()
		change := c.Start(t.Context(), time.Now())
		wantServed(t, "with a forged last good", c, "bot", time.Now(), "p@1")
		if !change.Taken || change.Kept || !errors.Is(change.Err, errForged) {
			t.Errorf("told %+v, want the store's taken, and the forgery", change)
		}
	})
}

// What BeforeUse cannot keep decides nothing, and is tried again.
func TestNothingDecidesBeforeItIsPrepared(t *testing.T) {
	world := newCloud()
	world.publish(t, noon, serves(enforce("p", 1)))
	fails := true
	c := catalog.New(world.store, catalog.Options{Environment: "dev", BeforeUse: func(ctx context.Context, _ *policy.Set) error {
		if fails {
			return errDown
		}
		return ctx.Err()
	}})
	for range 2 {
		if changed, err := c.Refresh(t.Context(), noon); changed || !errors.Is(err, errDown) {
			t.Errorf("Refresh = %t, %v, want what BeforeUse says", changed, err)
		}
		wantServed(t, "unprepared", c, "bot", noon, "nothing")
	}
	fails = false
	refresh(t, c, noon)
	wantServed(t, "prepared", c, "bot", noon, "p@1")
}
