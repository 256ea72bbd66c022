package catalog_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

const tenant = "11111111-1111-1111-1111-111111111111"

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// pack is a published pack of one version that serves the tenant.
func pack(version int) policy.Document {
	return policy.Document{Name: "p.json", Text: fmt.Appendf(nil,
		`{"schema":1,"pack":"p","version":%d,"environment":"dev","tenants":[%q]}`, version, tenant)}
}

var broken = policy.Document{Name: "bad.json", Text: []byte(`{"schema":1,"pack":"p","version":1,"nonsense":true}`)}

// world is a catalog and the store behind it.
type world struct {
	store   storetest.MemoryCatalog
	catalog *catalog.Catalog
}

func newWorld() *world {
	w := &world{}
	w.catalog = catalog.New(&w.store, catalog.Options{Environment: "dev"})
	return w
}

// take publishes and refreshes, and fails unless all of it was taken.
func (w *world) take(t *testing.T, now time.Time, edit func(*catalog.Manifest), docs ...policy.Document) {
	t.Helper()
	w.store.Publish(edit, docs...)
	if changed, err := w.catalog.Refresh(t.Context(), now); !changed || err != nil {
		t.Fatalf("Refresh = %t, %v, want it taken", changed, err)
	}
}

func versions(a catalog.Active, now time.Time) []int {
	out := []int{}
	for _, p := range a.Set.Packs(now) {
		out = append(out, p.Version)
	}
	return out
}

func (w *world) wantVersion(t *testing.T, now time.Time, want int) {
	t.Helper()
	if got := versions(w.catalog.Active(now), now); !slices.Equal(got, []int{want}) {
		t.Errorf("versions served = %v, want [%d]", got, want)
	}
}

func TestNothingIsServedBeforeTheFirstLoad(t *testing.T) {
	w := newWorld()
	if a := w.catalog.Active(noon); a.Set != nil || a.Environment != "dev" || a.Epoch != 0 {
		t.Errorf("Active = %+v, want no set", a)
	}
	if _, err := w.catalog.Refresh(t.Context(), noon); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("Refresh of an empty store = %v, want ErrNotFound", err)
	}
	if a := w.catalog.Active(noon); a.Set != nil {
		t.Errorf("Active after it = %+v, want no set", a)
	}
}

func TestRefreshTakesTheNewest(t *testing.T) {
	w := newWorld()
	w.take(t, noon, nil, pack(1))
	w.wantVersion(t, noon, 1)
	if changed, err := w.catalog.Refresh(t.Context(), noon); changed || err != nil {
		t.Errorf("Refresh of the same = %t, %v, want false, nil", changed, err)
	}
	old := w.catalog.Active(noon)
	w.take(t, noon, nil, pack(2))
	w.wantVersion(t, noon, 2)
	if got := versions(old, noon); !slices.Equal(got, []int{1}) {
		t.Errorf("a snapshot taken before serves %v, want [1]: it never changes", got)
	}
	if epochs := [2]int64{old.Epoch, w.catalog.Active(noon).Epoch}; epochs != [2]int64{1, 2} {
		t.Errorf("epochs = %v, want [1 2]", epochs)
	}
}

// policy-pack 6.4: nothing that is refused is ever in effect, and the old stays.
func TestAWrongChangeIsRefusedAsAWhole(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*catalog.Manifest)
		docs []policy.Document
		want string // in the error
	}{
		"one bad document of two": {nil, []policy.Document{pack(2), broken}, "bad.json"},
		"no JSON":                 {nil, []policy.Document{{Name: "cut.json", Text: []byte(`{"schema":`)}}, "cut.json"},
		"one version twice":       {nil, []policy.Document{pack(2), {Name: "q.json", Text: append(pack(2).Text, ' ')}}, "version"},
		"another environment":     {func(m *catalog.Manifest) { m.Environment = "prod" }, []policy.Document{pack(2)}, "/environment"},
		"a newer form":            {func(m *catalog.Manifest) { m.Schema = 2 }, []policy.Document{pack(2)}, "/schema"},
		"an epoch that stands":    {func(m *catalog.Manifest) { m.Epoch = 1 }, []policy.Document{pack(2)}, "/epoch"},
		"a shadow of no pack":     {func(m *catalog.Manifest) { m.Packs[0].Mode = catalog.ModeShadow }, []policy.Document{pack(2)}, "/packs/0"},
		"a rollout of no pack":    {func(m *catalog.Manifest) { m.Packs[0].Rollout = &catalog.Rollout{} }, []policy.Document{pack(2)}, "/packs/0"},
		"a suspension of nothing": {func(m *catalog.Manifest) { m.Suspended = []catalog.Suspension{{Kind: "agent"}} }, []policy.Document{pack(2)}, "/suspended/0"},
		"a suspension of a kind":  {func(m *catalog.Manifest) { m.Suspended = []catalog.Suspension{{Kind: "user", ID: "x"}} }, []policy.Document{pack(2)}, "/suspended/0"},
	} {
		w := newWorld()
		w.take(t, noon, nil, pack(1))
		w.store.Publish(tc.edit, tc.docs...)
		changed, err := w.catalog.Refresh(t.Context(), noon)
		var refused *catalog.RefusedError
		if changed || !errors.As(err, &refused) || !policy.Refused(refused.Findings) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: Refresh = %t, %v, want a refusal that names %s", name, changed, err, tc.want)
		}
		w.wantVersion(t, noon, 1)
		if epoch := w.catalog.Active(noon).Epoch; epoch != 1 {
			t.Errorf("%s: epoch = %d, want 1", name, epoch)
		}
		if changed, err := w.catalog.Refresh(t.Context(), noon); changed || err != nil {
			t.Errorf("%s: Refresh again = %t, %v, want it told once", name, changed, err)
		}
		w.take(t, noon, nil, pack(3))
		w.wantVersion(t, noon, 3)
	}
}

func TestAFirstLoadThatIsRefusedServesNothing(t *testing.T) {
	w := newWorld()
	w.store.Publish(nil, pack(1), broken)
	if _, err := w.catalog.Refresh(t.Context(), noon); err == nil {
		t.Error("Refresh = nil, want a refusal")
	}
	if a := w.catalog.Active(noon); a.Set != nil {
		t.Errorf("Active = %+v, want no set", a)
	}
}

// T38: what the store gives is checked by its hash before it is believed.
func TestADocumentOfAnotherHashIsRefused(t *testing.T) {
	w := newWorld()
	w.take(t, noon, nil, pack(1))
	w.store.Publish(nil, pack(2))
	w.store.Damage(catalog.Hash(pack(2).Text), string(pack(3).Text))
	_, err := w.catalog.Refresh(t.Context(), noon)
	var refused *catalog.RefusedError
	if !errors.As(err, &refused) || refused.Findings[0].Check != "hash" {
		t.Errorf("Refresh = %v, want it refused for its hash", err)
	}
	w.wantVersion(t, noon, 1)
}

// A store that fails leaves what is served, and its age grows; when it is back
// the newest is taken.
func TestAStoreThatFails(t *testing.T) {
	down := errors.New("the store is down")
	for _, call := range []string{"manifest", "document"} {
		w := newWorld()
		w.take(t, noon, nil, pack(1))
		w.store.Publish(nil, pack(2))
		w.store.Fail = func(c string) error {
			if c == call {
				return down
			}
			return nil
		}
		for range 2 {
			if changed, err := w.catalog.Refresh(t.Context(), noon.Add(time.Hour)); changed || !errors.Is(err, down) {
				t.Errorf("Refresh without its %s = %t, %v, want the store's error", call, changed, err)
			}
		}
		w.wantVersion(t, noon, 1)
		if age := w.catalog.Active(noon.Add(time.Hour)).Age; age != time.Hour {
			t.Errorf("age = %s, want an hour", age)
		}
		w.store.Fail = nil
		if changed, err := w.catalog.Refresh(t.Context(), noon.Add(time.Hour)); !changed || err != nil {
			t.Errorf("Refresh when the store is back = %t, %v, want it taken", changed, err)
		}
		w.wantVersion(t, noon, 2)
	}
}

// T38: an answer says how old its policy is; past the hard limit there is none.
func TestAge(t *testing.T) {
	for _, tc := range []struct {
		after          time.Duration
		stale, expired bool
	}{
		{0, false, false},
		{15 * time.Minute, false, false},
		{15*time.Minute + 1, true, false},
		{24 * time.Hour, true, false},
		{24*time.Hour + 1, true, true},
	} {
		w := newWorld()
		w.take(t, noon, nil, pack(1))
		a := w.catalog.Active(noon.Add(tc.after))
		if a.Age != tc.after || a.Stale != tc.stale || a.Expired != tc.expired {
			t.Errorf("after %s: age %s, stale %t, expired %t, want stale %t, expired %t", tc.after, a.Age, a.Stale, a.Expired, tc.stale, tc.expired)
		}
	}
	w := newWorld()
	w.take(t, noon, nil, pack(1))
	if _, err := w.catalog.Refresh(t.Context(), noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if age := w.catalog.Active(noon.Add(time.Hour)).Age; age != 0 {
		t.Errorf("age after the store said that nothing changed = %s, want 0", age)
	}
	if age := w.catalog.Active(noon).Age; age != 0 {
		t.Errorf("age before the last look, by a clock set back = %s, want 0", age)
	}
}

// While a newer policy is refused the old one ages, as one does that cannot be
// confirmed.
func TestWhatIsServedInsteadOfARefusedOneAges(t *testing.T) {
	w := newWorld()
	w.take(t, noon, nil, pack(1))
	w.store.Publish(nil, broken)
	for minute := 1; minute <= 16; minute++ {
		_, _ = w.catalog.Refresh(t.Context(), noon.Add(time.Duration(minute)*time.Minute))
	}
	if a := w.catalog.Active(noon.Add(16 * time.Minute)); !a.Stale || a.Age != 16*time.Minute {
		t.Errorf("Active = age %s, stale %t, want 16 minutes and stale", a.Age, a.Stale)
	}
}

func TestSuspensions(t *testing.T) {
	w := newWorld()
	w.take(t, noon, func(m *catalog.Manifest) {
		m.ApprovalsValidFrom = noon
		m.Suspended = []catalog.Suspension{
			{Kind: catalog.SuspendTenant, ID: "AB"},
			{Kind: catalog.SuspendAgent, ID: "Bot"},
			{Kind: catalog.SuspendCaller, ID: "CD"},
			{Kind: catalog.SuspendAgent, ID: "Bot", Reason: "twice"},
		}
	}, pack(1))
	if got, want := w.catalog.Active(noon).Suspended, []string{"agent:Bot", "caller:cd", "tenant:ab"}; !slices.Equal(got, want) {
		t.Errorf("suspended = %q, want %q", got, want)
	}
	if got := w.catalog.ApprovalsValidFrom(); !got.Equal(noon) {
		t.Errorf("approvalsValidFrom = %s, want %s", got, noon)
	}
	w.take(t, noon, nil, pack(2))
	if got := w.catalog.Active(noon).Suspended; len(got) != 0 || !w.catalog.ApprovalsValidFrom().IsZero() {
		t.Errorf("suspended after it was lifted = %q", got)
	}
}

func TestPacksOfOtherEnvironmentsAreNoticed(t *testing.T) {
	w := newWorld()
	other := strings.Replace(string(pack(1).Text), `"dev"`, `"prod"`, 1)
	w.take(t, noon, nil, policy.Document{Name: "prod.json", Text: []byte(other)})
	if got := versions(w.catalog.Active(noon), noon); len(got) != 0 {
		t.Errorf("versions served = %v, want none", got)
	}
	if notices := w.catalog.Notices(); len(notices) != 1 || notices[0].File != "prod.json" {
		t.Errorf("Notices = %v, want one about prod.json", notices)
	}
}

// Readers never wait for, and never see half of, a change.
func TestReadersDuringChanges(t *testing.T) {
	w := newWorld()
	w.take(t, noon, nil, pack(1))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				a := w.catalog.Active(noon)
				if got := versions(a, noon); int64(got[0]) != a.Epoch {
					t.Errorf("version %d under epoch %d", got[0], a.Epoch)
				}
			}
		})
	}
	for version := 2; version <= 50; version++ {
		w.take(t, noon, nil, pack(version))
	}
	close(stop)
	readers.Wait()
}

// watching runs Watch in a synctest bubble and lets a test make ticks.
type watching struct {
	ticks chan time.Time
	told  []catalog.Change
}

func watch(t *testing.T, c *catalog.Catalog) *watching {
	t.Helper()
	w := &watching{ticks: make(chan time.Time)}
	go c.Watch(t.Context(), w.ticks, func(change catalog.Change) { w.told = append(w.told, change) })
	return w
}

// tick makes one look at the store and returns what it told.
func (w *watching) tick() []catalog.Change {
	before := len(w.told)
	w.ticks <- noon
	synctest.Wait()
	return w.told[before:]
}

func TestWatchTellsEachChangeOnce(t *testing.T) {
	synctest.Test(t, watchTells)
}

func watchTells(t *testing.T) {
	w := newWorld()
	w.take(t, noon, nil, pack(1))
	watching := watch(t, w.catalog)
	step := func(what string, want ...catalog.Change) {
		t.Helper()
		told := watching.tick()
		same := func(a, b catalog.Change) bool {
			return a.Epoch == b.Epoch && a.Taken == b.Taken && (a.Err == nil) == (b.Err == nil) && (a.Manifest != nil) == b.Taken
		}
		if !slices.EqualFunc(told, want, same) {
			t.Errorf("%s: told %+v, want %+v", what, told, want)
		}
	}
	step("nothing new")
	w.store.Publish(nil, pack(2))
	step("a new version", catalog.Change{Epoch: 2, Taken: true})
	w.store.Publish(nil, broken)
	step("a bad one", catalog.Change{Epoch: 2, Err: errTold})
	step("still the bad one")
	w.store.Publish(nil, pack(3))
	step("a good one", catalog.Change{Epoch: 4, Taken: true})
	w.store.Fail = func(string) error { return errors.New("down") }
	step("the store is down", catalog.Change{Epoch: 4, Err: errTold})
	step("still down")
	w.store.Fail = func(string) error { return errors.New("down otherwise") }
	step("down otherwise", catalog.Change{Epoch: 4, Err: errTold})
	w.store.Fail = nil
	step("the store is back", catalog.Change{Epoch: 4})
	step("nothing new again")
}

var errTold = errors.New("some error")
