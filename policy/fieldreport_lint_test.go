package policy_test

import (
	"slices"
	"testing"

	"github.com/authorization-fabric/fabric/policy"
)

// FR02: nobody can list every spelling of an option, so lint says so.
func TestFieldReportFR02Warning(t *testing.T) {
	s := shell{allow: []string{"git push *"}, deny: []string{"git push --force*"}}
	var got []string
	for _, f := range policy.Lint(documents(s.pack()), policy.LoadOptions{}, noon) {
		if f.Check == "guardrail.optionSpelling" {
			got = append(got, f.Rule)
		}
	}
	if want := []string{"sh/deny"}; !slices.Equal(got, want) {
		t.Errorf("Lint warns about the spelling of options in %v, want %v", got, want)
	}
}
