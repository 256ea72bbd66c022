package packs

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

func TestSamplesLintWithoutWarning(t *testing.T) {
	docs := documents(t)
	cases := map[string][]policy.Document{"together": docs}
	for _, pack := range []string{"finance", "hr", "it-operations"} {
		cases[pack] = slices.DeleteFunc(slices.Clone(docs), func(d policy.Document) bool { return !strings.HasPrefix(d.Name, pack+".") })
	}
	now := time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)
	for name, docs := range cases {
		for _, f := range policy.Lint(docs, policy.LoadOptions{Environment: "dev"}, now) {
			t.Errorf("Lint(%s): %v", name, f)
		}
	}
}
