package suite

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

func documentsOf(fsys fstest.MapFS) []policy.Document {
	var docs []policy.Document
	for _, name := range slices.Sorted(maps.Keys(fsys)) {
		if !strings.HasSuffix(name, ".test.json") {
			docs = append(docs, policy.Document{Name: name, Text: fsys[name].Data})
		}
	}
	return docs
}

func TestScaffoldLintsWithoutAFinding(t *testing.T) {
	now := time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)
	for _, name := range []string{"a", "travel", "it-2"} {
		for _, f := range policy.Lint(documentsOf(scaffolded(t, name)), policy.LoadOptions{}, now) {
			t.Errorf("Lint(Scaffold(%q)): %v", name, f)
		}
	}
}
