package policy

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func wantRow(t *testing.T, readme string, cells ...string) {
	t.Helper()
	line := func(row string) bool {
		for _, c := range cells {
			if !strings.Contains(row, "| "+c+" |") {
				return false
			}
		}
		return true
	}
	if !slices.ContainsFunc(strings.Split(readme, "\n"), line) {
		t.Errorf("README.md has no row with %q", cells)
	}
}

// Every warning has a case, and a row in README.md with its fix.
func TestEveryWarningIsTestedAndDocumented(t *testing.T) {
	text := readme(t)
	for _, w := range warnings() {
		if !slices.ContainsFunc(warnCases, func(c warnCase) bool { return c.id == w.id }) {
			t.Errorf("no case of TestWarnings has %s", w.id)
		}
		wantRow(t, text, "`"+w.id+"`", w.fix)
	}
}

// Every error that a case refuses a pack with has a row, and every row a case.
func TestEveryErrorIsTestedAndDocumented(t *testing.T) {
	text := readme(t)
	_, table, _ := strings.Cut(text, "## Errors")
	table, _, _ = strings.Cut(table, "## Reason codes")
	tested := map[string]bool{"json": true, "environment": true} // TestTextsThatAreNotPacks
	var wants []string
	for _, c := range slices.Concat(shapeErrors, declarationErrors, ruleErrors, conditionErrors) {
		wants = append(wants, c.want)
	}
	for _, c := range togetherErrors {
		wants = append(wants, c.want)
	}
	for _, line := range strings.Split(strings.Join(wants, "\n"), "\n") {
		tested[strings.Split(line, " ")[1]] = true
	}
	for id := range maps.Keys(tested) {
		wantRow(t, table, "`"+id+"`")
	}
	for _, row := range strings.Split(table, "\n") {
		if id, ok := strings.CutPrefix(row, "| `"); ok {
			if id, _, _ = strings.Cut(id, "`"); !tested[id] {
				t.Errorf("README.md has %s, which no case reports", id)
			}
		}
	}
}

func TestEveryReasonCodeIsDocumented(t *testing.T) {
	text := readme(t)
	for code, sentence := range sentences {
		outcome := Deny
		if strings.HasPrefix(string(code), "ok") {
			outcome = Allow
		} else if code == ApprovalRequired || code == ApprovalPending {
			outcome = RequireApproval
		}
		wantRow(t, text, "`"+string(code)+"`", NextStep(outcome, code), sentence)
	}
}
