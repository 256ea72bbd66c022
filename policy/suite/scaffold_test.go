package suite

import (
	"strings"
	"testing"
	"testing/fstest"
)

func scaffolded(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	files, err := Scaffold(name)
	if err != nil {
		t.Fatalf("Scaffold(%q): %v", name, err)
	}
	fsys := fstest.MapFS{}
	for file, text := range files {
		fsys[file] = &fstest.MapFile{Data: text}
	}
	return fsys
}

func TestScaffoldPasses(t *testing.T) {
	for _, name := range []string{"a", "travel", "it-2", "n" + strings.Repeat("x", 62)} {
		fsys := scaffolded(t, name)
		r := Run(fsys, []string{name + ".test.json"}, nil)
		if r.Failed > 0 || r.Passed < 5 || len(r.Unexercised) > 0 {
			t.Errorf("Run(Scaffold(%q)) = %+v, want all passed and every rule exercised", name, r)
		}
	}
}

func TestScaffoldRefusesOtherNames(t *testing.T) {
	for _, name := range []string{"", "Travel", "2go", "a b", "a/b", "..", "a\n", "n" + strings.Repeat("x", 63)} {
		if files, err := Scaffold(name); err == nil || files != nil {
			t.Errorf("Scaffold(%q) = %d files, %v, want an error", name, len(files), err)
		}
	}
}
