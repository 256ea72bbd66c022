package packs

import (
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/suite"
)

func testFiles(t *testing.T) []string {
	t.Helper()
	files, err := suite.Find(FS, ".")
	if err != nil || len(files) < 4 {
		t.Fatalf("Find(FS) = %v, %v, want the tests of three packs and of all together", files, err)
	}
	return files
}

func TestSamplesPassAndExerciseEveryRule(t *testing.T) {
	r := suite.Run(FS, testFiles(t), nil)
	for _, res := range r.Results {
		if !res.Passed {
			t.Errorf("%s: %s: %s %v", res.File, res.Case, res.Problem, res.Diffs)
		}
	}
	if len(r.Unexercised) > 0 {
		t.Errorf("Unexercised = %q, want none", r.Unexercised)
	}
}

// TestEachPackIsExercisedByItsOwnTests keeps the tests of the union from
// standing in for a pack's own.
func TestEachPackIsExercisedByItsOwnTests(t *testing.T) {
	for _, name := range []string{"finance.test.json", "hr.test.json", "it-operations.test.json"} {
		if r := suite.Run(FS, []string{name}, nil); r.Failed > 0 || r.Passed == 0 || len(r.Unexercised) > 0 {
			t.Errorf("Run(%s) = %d passed, %d failed, unexercised %q", name, r.Passed, r.Failed, r.Unexercised)
		}
	}
}

// TestSamplesDecideAlikeTogether runs every pack's tests with all packs loaded:
// a sample that reaches into another one would change an answer.
func TestSamplesDecideAlikeTogether(t *testing.T) {
	together := fstest.MapFS{}
	var all []string
	for _, d := range documents(t) {
		together[d.Name] = &fstest.MapFile{Data: d.Text}
		all = append(all, d.Name)
	}
	for _, name := range testFiles(t) {
		together[name] = &fstest.MapFile{Data: withPacks(t, name, all)}
	}
	r := suite.Run(together, testFiles(t), nil)
	for _, res := range r.Results {
		if !res.Passed {
			t.Errorf("%s: %s: %s %v", res.File, res.Case, res.Problem, res.Diffs)
		}
	}
}

func withPacks(t *testing.T, name string, packs []string) []byte {
	t.Helper()
	text, err := FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]json.RawMessage
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if file["packs"], err = json.Marshal(packs); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// documents are the packs and bindings as local mode reads them.
func documents(t *testing.T) []policy.Document {
	t.Helper()
	names, err := fs.Glob(FS, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	var docs []policy.Document
	for _, name := range slices.DeleteFunc(names, func(n string) bool { return strings.HasSuffix(n, ".test.json") }) {
		text, err := FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, policy.Document{Name: name, Text: text})
	}
	return docs
}

// TestSamplesAreInEffectAtAnyTime: local mode serves them on a clock it does
// not choose.
func TestSamplesAreInEffectAtAnyTime(t *testing.T) {
	set, findings := policy.Load(documents(t), policy.LoadOptions{Environment: "dev"})
	if set == nil {
		t.Fatalf("Load(samples) = %v", findings)
	}
	for _, year := range []int{1971, 2026, 2200} {
		if got := set.Packs(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)); len(got) != 3 {
			t.Errorf("Packs(%d) = %v, want three", year, got)
		}
	}
}
