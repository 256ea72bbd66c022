package catalog_test

import (
	"fmt"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

// BenchmarkFor is what a decision pays for the policy of its agent.
func BenchmarkFor(b *testing.B) {
	for _, rollouts := range []int{0, 1, 4} {
		world, entries := newCloud(), []catalog.Entry{}
		for i, pack := range []string{"p", "q", "r", "s"} {
			if i < rollouts {
				entries = append(entries, rollout(pack, 2, 2500, 1))
			}
			entries = append(entries, enforce(pack, 1))
		}
		world.publish(b, noon, serves(entries...))
		c := world.instance()
		refresh(b, c, noon)
		b.Run(fmt.Sprintf("%d rollouts", rollouts), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c.Active(noon).For("finance-agent").Set == nil {
					b.Fatal("no policy")
				}
			}
		})
	}
}
