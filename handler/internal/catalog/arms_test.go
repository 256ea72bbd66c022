package catalog_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
)

func TestWhoGetsWhichVersion(t *testing.T) {
	everybody := func(e catalog.Entry) catalog.Entry { e.Rollout.BasisPoints = 10_000; return e }
	for name, tc := range map[string]struct {
		entries []catalog.Entry
		in, out string // what bot and another get
	}{
		"nothing rolled out":               {[]catalog.Entry{enforce("p", 1), enforce("q", 1)}, "p@1 q@1", "p@1 q@1"},
		"a listed agent":                   {[]catalog.Entry{agents(rollout("p", 2, 0, 1), "bot"), enforce("p", 1)}, "p@2", "p@1"},
		"everybody":                        {[]catalog.Entry{everybody(rollout("p", 2, 0, 1)), enforce("p", 1)}, "p@2", "p@2"},
		"nobody":                           {[]catalog.Entry{rollout("p", 2, 0, 1), enforce("p", 1)}, "p@1", "p@1"},
		"back to a lower version":          {[]catalog.Entry{enforce("p", 2), agents(rollout("p", 1, 0, 2), "bot")}, "p@1", "p@2"},
		"a new pack, for some":             {[]catalog.Entry{enforce("p", 1), agents(rollout("q", 1, 0, 0), "bot")}, "p@1 q@1", "p@1"},
		"two at a time":                    {[]catalog.Entry{agents(rollout("p", 2, 0, 1), "bot"), enforce("p", 1), agents(rollout("q", 2, 0, 1), "other"), enforce("q", 1)}, "p@2 q@1", "p@1 q@2"},
		"a shadow decides nothing":         {[]catalog.Entry{enforce("p", 1), shadow("p", 2)}, "p@1", "p@1"},
		"a shadow of a pack that is new":   {[]catalog.Entry{enforce("p", 1), shadow("q", 2)}, "p@1", "p@1"},
		"a shadow beside a rollout":        {[]catalog.Entry{agents(rollout("p", 2, 0, 1), "bot"), enforce("p", 1), shadow("p", 3)}, "p@2", "p@1"},
		"two versions, the highest serves": {[]catalog.Entry{enforce("p", 1), enforce("p", 2)}, "p@2", "p@2"},
		"no packs":                         {nil, "", ""},
	} {
		world := newCloud()
		world.publish(t, noon, serves(tc.entries...))
		c := world.instance()
		refresh(t, c, noon)
		wantServed(t, name, c, "bot", noon, tc.in)
		wantServed(t, name, c, "other", noon, tc.out)
	}
}

func TestRolloutsThatCannotBe(t *testing.T) {
	many := []catalog.Entry{}
	for _, p := range []string{"a", "b", "c", "d", "e"} {
		many = append(many, rollout(p, 1, 1, 0))
	}
	bad := func(edit func(*catalog.Entry)) []catalog.Entry {
		e := rollout("p", 2, 1, 1)
		edit(&e)
		return []catalog.Entry{e, enforce("p", 1)}
	}
	for name, tc := range map[string]struct {
		entries []catalog.Entry
		want    string
	}{
		"five rollouts":               {many, "/packs"},
		"two of one pack":             {[]catalog.Entry{rollout("p", 2, 1, 1), rollout("p", 3, 1, 1), enforce("p", 1)}, "/packs/1"},
		"another version is missing":  {[]catalog.Entry{rollout("p", 2, 1, 1)}, "/packs/0/rollout/else"},
		"another is a shadow":         {[]catalog.Entry{rollout("p", 2, 1, 1), shadow("p", 1)}, "/packs/0/rollout/else"},
		"another is itself":           {bad(func(e *catalog.Entry) { e.Rollout.Else = 2 }), "/packs/0/rollout/else"},
		"another is of another pack":  {[]catalog.Entry{rollout("p", 2, 1, 1), enforce("q", 1)}, "/packs/0/rollout/else"},
		"a version twice":             {[]catalog.Entry{enforce("p", 1), shadow("p", 1)}, "/packs/1"},
		"two shadows":                 {[]catalog.Entry{shadow("p", 1), shadow("p", 2)}, "/packs/1"},
		"a shadow that is rolled out": {bad(func(e *catalog.Entry) { e.Mode = catalog.ModeShadow }), "/packs/0/rollout"},
		"less than none":              {bad(func(e *catalog.Entry) { e.Rollout.BasisPoints = -1 }), "/packs/0/rollout/basisPoints"},
		"more than all":               {bad(func(e *catalog.Entry) { e.Rollout.BasisPoints = 10_001 }), "/packs/0/rollout/basisPoints"},
		"a salt that makes another":   {bad(func(e *catalog.Entry) { e.Rollout.Salt = "a\x00b" }), "/packs/0/rollout"},
		"an agent without a name":     {bad(func(e *catalog.Entry) { e.Rollout.Agents = []string{""} }), "/packs/0/rollout"},
		"a mode of its own":           {bad(func(e *catalog.Entry) { e.Mode = "dry" }), "/packs/0/mode"},
		"another pack's document":     {bad(func(e *catalog.Entry) { e.Hash = enforce("q", 2).Hash }), "p@2"},
		"another version's document":  {bad(func(e *catalog.Entry) { e.Hash = enforce("p", 3).Hash }), "p@2"},
	} {
		world := newCloud()
		world.publish(t, noon, serves(enforce("p", 1), enforce("q", 2), enforce("p", 3)))
		c := world.instance()
		refresh(t, c, noon)
		was := served(c, "bot", noon)
		world.publish(t, noon, serves(tc.entries...))
		changed, err := c.Refresh(t.Context(), noon)
		var refused *catalog.RefusedError
		if changed || !errors.As(err, &refused) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: Refresh = %t, %v, want a refusal that names %s", name, changed, err, tc.want)
		}
		wantServed(t, name, c, "bot", noon, was)
	}
}

// A shadow stands in the place of its pack, whatever the numbers of versions,
// and in that of every cohort; the other packs stay.
func TestAShadowReplacesItsPack(t *testing.T) {
	for name, tc := range map[string]struct {
		entries []catalog.Entry
		want    []int // versions, of p before q
	}{
		"a lower version":    {[]catalog.Entry{enforce("p", 5), enforce("q", 1), shadow("p", 2)}, []int{2, 1}},
		"a higher version":   {[]catalog.Entry{enforce("p", 5), enforce("q", 1), shadow("p", 7)}, []int{7, 1}},
		"of a rolled out":    {[]catalog.Entry{agents(rollout("p", 6, 0, 5), "bot"), enforce("p", 5), enforce("q", 1), shadow("p", 2)}, []int{2, 1}},
		"of a pack besides":  {[]catalog.Entry{enforce("p", 5), shadow("q", 1)}, []int{5, 1}},
		"of both":            {[]catalog.Entry{enforce("p", 5), enforce("q", 1), shadow("p", 4), shadow("q", 2)}, []int{4, 2}},
		"beside a rollout":   {[]catalog.Entry{agents(rollout("p", 6, 0, 5), "bot"), enforce("p", 5), shadow("q", 2)}, []int{6, 2}},
		"nothing in shadow":  {[]catalog.Entry{enforce("p", 5)}, nil},
		"nothing but shadow": {[]catalog.Entry{shadow("p", 5)}, []int{5}},
	} {
		world := newCloud()
		world.publish(t, noon, serves(tc.entries...))
		c := world.instance()
		refresh(t, c, noon)
		a := c.Active(noon).For("bot")
		if a.Shadow == nil {
			if tc.want != nil {
				t.Errorf("%s: no shadow", name)
			}
			continue
		}
		opinion := a.Shadow.Judge(policy.Input{Now: noon, Subject: policy.Subject{Tenant: tenant}}, &policy.Decision{})
		var got []int
		for _, p := range opinion.Packs {
			got = append(got, p.Version)
		}
		if !slices.Equal(got, tc.want) || opinion.Failed != "" {
			t.Errorf("%s: the shadow has versions %v (%s), want %v", name, got, opinion.Failed, tc.want)
		}
	}
}

// What is wrong in an arm that hardly anybody is in, or in a shadow, refuses
// the whole manifest: nothing is found out by the first call.
func TestEveryArmIsCheckedBefore(t *testing.T) {
	for name, edit := range map[string]func(e *catalog.Entry){
		"an arm":   func(e *catalog.Entry) { e.Rollout = &catalog.Rollout{Agents: []string{"x"}} },
		"a shadow": func(e *catalog.Entry) { e.Mode = catalog.ModeShadow },
	} {
		world := newCloud()
		mine, other := world.put(t, "p", 7, withBot("Act")), world.put(t, "q", 7, withBot("Do"))
		edit(&other)
		world.publish(t, noon, serves(mine, other))
		c := world.instance()
		if _, err := c.Refresh(t.Context(), noon); err == nil || !strings.Contains(err.Error(), "conflict.agent") {
			t.Errorf("%s with an agent that another pack has: Refresh = %v, want the conflict", name, err)
		}
	}
}

// withBot is the part of a pack in which the agent bot has an action.
func withBot(action string) string {
	return `,"classifications":["Internal"],"agents":[{"id":"bot","actions":["` + action + `"]}],"actions":[{"id":"` + action + `","resource":"R"}]`
}

// Tenants of a pack that some agents get are tenants.
func TestTenantsOfEveryArm(t *testing.T) {
	const elsewhere = "22222222-2222-2222-2222-222222222222"
	world := newCloud()
	q := world.putText(t, "q", 1, []byte(strings.Replace(string(versionOf("q", 1)), tenant, elsewhere, 1)))
	q.Rollout = &catalog.Rollout{Agents: []string{"bot"}}
	world.publish(t, noon, serves(enforce("p", 1), q))
	c := world.instance()
	refresh(t, c, noon)
	if got, want := c.Active(noon).Tenants(noon), []string{tenant, elsewhere}; !slices.Equal(got, want) {
		t.Errorf("Tenants = %v, want %v", got, want)
	}
	if got, want := c.Active(noon).For("other").Tenants(noon), []string{tenant, elsewhere}; !slices.Equal(got, want) {
		t.Errorf("Tenants = %v, want %v", got, want)
	}
	if n := len(c.Active(noon).Sets()); n != 2 {
		t.Errorf("%d sets, want two", n)
	}
	if a := (catalog.Active{}); a.Tenants(noon) != nil || a.Sets() != nil || a.For("bot").Set != nil {
		t.Error("nothing loaded has tenants")
	}
}

// A suspension or another share makes no new set, reads no document and is
// not prepared again.
func TestWhatIsCompiledIsKept(t *testing.T) {
	world, prepared := newCloud(), 0
	c := catalog.New(world.store, catalog.Options{Environment: "dev", BeforeUse: func(context.Context, *policy.Set) error { prepared++; return nil }})
	world.publish(t, noon, serves(rollout("p", 2, 100, 1), enforce("p", 1), enforce("q", 1), shadow("q", 2)))
	refresh(t, c, noon)
	sets, reads := c.Active(noon).Sets(), world.store.count("document")
	if prepared != 4 || reads != 4 { // two arms, each with its shadow
		t.Errorf("prepared %d sets of %d documents, want 4 of 4", prepared, reads)
	}
	world.store.fail(func(_ context.Context, call string) error {
		if call == "document" {
			return errDown
		}
		return nil
	})
	world.publish(t, noon, func(m *catalog.Manifest) {
		m.Packs[0].Rollout.BasisPoints = 9000
		m.Suspended = []catalog.Suspension{{Kind: catalog.SuspendAgent, ID: "bot"}}
	})
	refresh(t, c, noon)
	if prepared != 4 || !slices.Equal(c.Active(noon).Sets(), sets) {
		t.Errorf("prepared %d sets, want those that were", prepared)
	}
	if got := c.Active(noon); !slices.Equal(got.Suspended, []string{"agent:bot"}) || got.Epoch != 2 {
		t.Errorf("suspended = %v in epoch %d, want the bot in 2", got.Suspended, got.Epoch)
	}
}

// T37: a version begins and ends at its instant, on every instance that holds
// the manifest: no look at the store is needed for it.
func TestVersionsBeginAndEndToTheMillisecond(t *testing.T) {
	world := newCloud()
	for _, at := range []time.Time{
		time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC), // a leap day
		time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC), time.Date(2027, 3, 28, 1, 0, 0, 0, time.UTC), // clocks change in Berlin
		time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		version := 10 + 2*int(at.Unix()%100_000_000)
		stamp := at.Format(time.RFC3339)
		ends := world.put(t, "p", version, `,"effectiveTo":"`+stamp+`"`)
		begins := world.put(t, "p", version+1, `,"effectiveFrom":"`+stamp+`"`)
		world.publish(t, noon, serves(ends, begins))
		c := world.instance()
		refresh(t, c, noon)
		for _, tc := range []struct {
			step time.Duration
			want int
		}{{-time.Millisecond, version}, {0, version + 1}, {time.Millisecond, version + 1}} {
			now := at.Add(tc.step).In(time.FixedZone("west", -7*3600))
			if got := versions(c.Active(now), now); !slices.Equal(got, []int{tc.want}) {
				t.Errorf("%s%+d ms: versions %v, want %d", stamp, tc.step.Milliseconds(), got, tc.want)
			}
		}
	}
}
