package catalog_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

// split is an instance of its own in which p@2 is rolled out beside p@1.
func split(t testing.TB, edit func(*catalog.Rollout)) *catalog.Catalog {
	t.Helper()
	world, e := newCloud(), rollout("p", 2, 0, 1)
	edit(e.Rollout)
	world.publish(t, noon, serves(e, enforce("p", 1)))
	c := world.instance()
	refresh(t, c, noon)
	return c
}

func cohort(c *catalog.Catalog, agent string) catalog.Cohort {
	return c.Active(noon).For(agent).Cohorts[0]
}

// R11: buckets are those of the formula on every instance and after every
// restart. The figures were computed apart from this program.
func TestBuckets(t *testing.T) {
	for _, tc := range []struct {
		pack, salt, agent string
		want              int
	}{{"finance", "s1", "finance-agent", 5324}, {"finance", "s2", "finance-agent", 3289}, {"hr", "", "bot", 1579}, {"p", "s", "agent-0", 5284}} {
		world, e := newCloud(), rollout(tc.pack, 2, 5000, 0)
		e.Rollout.Salt = tc.salt
		world.publish(t, noon, serves(e))
		for range 3 {
			c := world.instance()
			refresh(t, c, noon)
			want := catalog.Cohort{Pack: tc.pack, Version: 2, Bucket: tc.want, In: tc.want < 5000}
			if got := cohort(c, tc.agent); got != want {
				t.Errorf("cohort of %s = %+v, want %+v", tc.agent, got, want)
			}
		}
	}
}

// An agent is in from the basis point above its bucket on.
func TestTheEdgeOfAShare(t *testing.T) {
	for _, agent := range []string{"agent-0", "agent-1", "agent-2"} {
		at := cohort(split(t, func(*catalog.Rollout) {}), agent).Bucket
		for share, want := range map[int]bool{at - 1: false, at: false, at + 1: true} {
			if got := cohort(split(t, func(r *catalog.Rollout) { r.BasisPoints = share }), agent); got.In != want {
				t.Errorf("%s at a share of %d is %+v, want in %t", agent, share, got, want)
			}
		}
	}
}

// R11: a hundred thousand agents spread evenly: chi-square over 100 cells is
// below its 99 % quantile, which is 134.64 with 99 degrees of freedom.
func TestBucketsAreEven(t *testing.T) {
	const agents, cells = 100_000, 100
	for _, salt := range []string{"a", "b", "c"} {
		c := split(t, func(r *catalog.Rollout) { r.Salt = salt })
		var counts [cells]float64
		for i := range agents {
			counts[cohort(c, fmt.Sprint("agent-", i)).Bucket/(10_000/cells)]++
		}
		chi := 0.0
		for _, n := range counts {
			d := n - agents/cells
			chi += d * d / (agents / cells)
		}
		if chi > 134.64 {
			t.Errorf("salt %s: chi-square = %.1f, want at most 134.64", salt, chi)
		}
	}
}

// R11: a larger share keeps whoever is in; nobody is in at 0, everybody at
// 10,000, and who is listed always.
func TestALargerShareOnlyAdds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		share := rapid.IntRange(0, 10_000)
		p1, p2 := share.Draw(rt, "share"), share.Draw(rt, "other share")
		p1, p2 = min(p1, p2), max(p1, p2)
		salt := rapid.StringMatching(`[a-z0-9]{0,12}`).Draw(rt, "salt")
		listed := []string{"listed"}
		small := split(t, func(r *catalog.Rollout) { r.BasisPoints, r.Salt, r.Agents = p1, salt, listed })
		large := split(t, func(r *catalog.Rollout) { r.BasisPoints, r.Salt, r.Agents = p2, salt, listed })
		for _, agent := range append(rapid.SliceOfN(rapid.StringMatching(`[!-~]{1,40}`), 1, 50).Draw(rt, "agents"), "listed") {
			a, b := cohort(small, agent), cohort(large, agent)
			if a.In && !b.In || a.Bucket != b.Bucket {
				rt.Fatalf("%s is %+v at %d and %+v at %d", agent, a, p1, b, p2)
			}
			if isListed := agent == "listed"; a.In != (isListed || a.Bucket < p1) {
				rt.Fatalf("%s is %+v at %d", agent, a, p1)
			}
		}
	})
}

// Whoever names no agent is in no rollout, whatever its share, and so is a call
// that nobody asked For.
func TestNoAgentIsOut(t *testing.T) {
	c := split(t, func(r *catalog.Rollout) { r.BasisPoints = 10_000 })
	if got, want := cohort(c, ""), (catalog.Cohort{Pack: "p", Version: 2, Bucket: catalog.NoBucket}); got != want {
		t.Errorf("cohort of no agent = %+v, want %+v", got, want)
	}
	wantServed(t, "everybody is in", c, "", noon, "p@1")
	wantServed(t, "everybody is in", c, "bot", noon, "p@2")
	if got := versions(c.Active(noon), noon); !slices.Equal(got, []int{1}) {
		t.Errorf("Active without For serves %v, want the version for all others", got)
	}
}

// Buckets of one agent in two rollouts have nothing to do with each other.
func TestRolloutsAreIndependent(t *testing.T) {
	world := newCloud()
	world.publish(t, noon, serves(rollout("p", 2, 5000, 1), enforce("p", 1), rollout("q", 2, 5000, 1), enforce("q", 1)))
	c := world.instance()
	refresh(t, c, noon)
	counts := map[string]int{}
	for i := range 4000 {
		counts[served(c, fmt.Sprint("agent-", i), noon)]++
	}
	for _, arm := range []string{"p@1 q@1", "p@1 q@2", "p@2 q@1", "p@2 q@2"} {
		if n := counts[arm]; n < 850 || n > 1150 {
			t.Errorf("%d of 4000 agents get %s, want about a quarter", n, arm)
		}
	}
}
