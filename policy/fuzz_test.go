package policy

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/policy/packs"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// FuzzLoad holds that no text makes lint panic, and that a refusal always says
// why and what to do. Besides changing the text it copies one value of the
// document over another, which keeps it a pack more often.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(basePack), []byte(otherPack), uint16(20), uint16(50))
	f.Add([]byte(rulesOnly), []byte(bindings), uint16(0), uint16(0))
	f.Add([]byte(`{}`), []byte(`[]`), uint16(0), uint16(0))
	files, err := fs.Glob(packs.FS, "*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(packs.FS, file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, []byte(nil), uint16(0), uint16(0))
	}
	f.Fuzz(func(t *testing.T, first, second []byte, from, to uint16) {
		if root, err := strictjson.Parse(first, strictjson.Limits{}); err == nil && from != to {
			if value, ok := nodeAt(root, new(int), int(from)); ok {
				root, _ = withNodeAt(root, new(int), int(to), value)
				first = strictjson.AppendCanonical(nil, root)
			}
		}
		docs := []Document{{Name: "p.json", Text: first}}
		if len(second) > 0 {
			docs = append(docs, Document{Name: "q.json", Text: second})
		}
		checkLint(t, docs)
	})
}

// nodeAt is the n-th value of a document, counted as they are read.
func nodeAt(v strictjson.Value, seen *int, n int) (strictjson.Value, bool) {
	if *seen == n {
		return v, true
	}
	*seen++
	for _, item := range v.Items() {
		if found, ok := nodeAt(item, seen, n); ok {
			return found, true
		}
	}
	for _, m := range v.Members() {
		if found, ok := nodeAt(m.Value, seen, n); ok {
			return found, true
		}
	}
	return strictjson.Value{}, false
}

// withNodeAt is the document with another value there.
func withNodeAt(v strictjson.Value, seen *int, n int, to strictjson.Value) (strictjson.Value, bool) {
	if *seen == n {
		return to, true
	}
	*seen++
	for i, item := range v.Items() {
		if changed, ok := withNodeAt(item, seen, n, to); ok {
			items := slices.Clone(v.Items())
			items[i] = changed
			return strictjson.ArrayOf(items...), true
		}
	}
	for i, m := range v.Members() {
		if changed, ok := withNodeAt(m.Value, seen, n, to); ok {
			members := slices.Clone(v.Members())
			members[i].Value = changed
			return strictjson.ObjectOf(members...), true
		}
	}
	return v, false
}

func checkLint(t *testing.T, docs []Document) {
	set, findings := Load(docs, LoadOptions{})
	if (set == nil) != Refused(findings) {
		t.Fatalf("Load gives a set: %t, and refuses: %t", set != nil, Refused(findings))
	}
	for _, f := range Lint(docs, LoadOptions{}, lintNow()) {
		if f.Severity != Notice && (f.Message == "" || f.Fix == "" || f.Check == "" || f.File == "") {
			t.Fatalf("a finding without a check, a file, a message or a fix: %#v", f)
		}
	}
}

// Every place of a pack that uses every key is replaced by values of every
// kind: what no editor would write must not stop lint either.
func TestMutilatedPacksDoNotStopLint(t *testing.T) {
	root, err := strictjson.Parse([]byte(everyPack), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if set, findings := Load([]Document{{Name: "p.json", Text: []byte(everyPack)}}, LoadOptions{}); set == nil {
		t.Fatalf("Load: %v", findings)
	}
	for i, mutant := range mutants(root) {
		if i%7 > 0 {
			continue // 7 and the number of kinds have no common divisor
		}
		checkLint(t, []Document{{Name: "p.json", Text: strictjson.AppendCanonical(nil, mutant)}})
	}
}

// FuzzMask holds that masking leaves nothing of a place that a mask covers, and
// all of the others. The oracle knows paths, and nothing of how masks travel.
func FuzzMask(f *testing.F) {
	f.Add([]byte(`{"a": {"iban": 1, "list": [1, {"iban": [2, [3]]}]}, "b": 4}`), "**.iban", uint8(0), "b", uint8(1))
	f.Add([]byte(`{"a": [[1, 2], {"b": 3}]}`), "a.*", uint8(2), "a.1.b", uint8(3))
	f.Add([]byte(`[1, 2, {"x": {"y": 3}}]`), "*.x", uint8(3), "**", uint8(1))
	f.Add([]byte(`{"a": {"a": {"a": 1}}}`), "a.**.a", uint8(0), "a.*.*.a", uint8(2))
	f.Add([]byte(`{"": {"*": 1, "**": 2}}`), "*.*", uint8(0), "**.**", uint8(3))
	key := NewKey("fuzz", make([]byte, 32))
	f.Fuzz(func(t *testing.T, text []byte, path1 string, method1 uint8, path2 string, method2 uint8) {
		root, err := strictjson.Parse(text, strictjson.Limits{})
		if err != nil {
			return
		}
		words := []string{"redact", "last4", "hash", "remove"}
		obligations := []Obligation{
			{Type: "mask", Path: "output." + path1, Method: words[method1%4]},
			{Type: "mask", Path: "output." + path2, Method: words[method2%4]},
		}
		g := grower{}
		root = g.grow(root, nil)
		masked := string(strictjson.AppendCanonical(nil, MaskOutput(root, obligations, "tenant", key)))
		for _, leaf := range g.leaves {
			covered := pathCovers(path1, leaf.path) || pathCovers(path2, leaf.path)
			if strings.Contains(masked, leaf.token) == covered {
				t.Fatalf("%s under %v, covered %t: %s", leaf.path, obligations, covered, masked)
			}
		}
	})
}

// grower puts a token of its own at every leaf of a value.
type grower struct{ leaves []leaf }

type leaf struct {
	path  []string
	token string
}

func (g *grower) grow(v strictjson.Value, path []string) strictjson.Value {
	down := func(key string) []string { return append(append([]string(nil), path...), key) }
	switch v.Kind() {
	case strictjson.Array:
		items := make([]strictjson.Value, len(v.Items()))
		for i, item := range v.Items() {
			items[i] = g.grow(item, down(itoa(i)))
		}
		return strictjson.ArrayOf(items...)
	case strictjson.Object:
		members := make([]strictjson.Member, len(v.Members()))
		for i, m := range v.Members() {
			members[i] = strictjson.Member{Name: m.Name, Value: g.grow(m.Value, down(m.Name))}
		}
		return strictjson.ObjectOf(members...)
	case strictjson.Number:
		token := fmt.Sprintf("7%08d7", len(g.leaves))
		g.leaves = append(g.leaves, leaf{path, token})
		return strictjson.NumberOf(token)
	case strictjson.Absent, strictjson.Null, strictjson.Bool, strictjson.String:
	}
	token := fmt.Sprintf("<secret %08d>", len(g.leaves))
	g.leaves = append(g.leaves, leaf{path, token})
	return strictjson.StringOf(token)
}

// pathCovers is whether a mask path covers a place: it leads there or to
// something around it.
func pathCovers(pattern string, path []string) bool {
	segs := strings.Split(pattern, ".")
	for _, s := range segs {
		if s == "" {
			return false // no path at all
		}
	}
	for n := range len(path) + 1 {
		if leadsTo(segs, path[:n]) {
			return true
		}
	}
	return false
}

func leadsTo(segs, path []string) bool {
	switch {
	case len(segs) == 0:
		return len(path) == 0
	case segs[0] == "**":
		return leadsTo(segs[1:], path) || len(path) > 0 && leadsTo(segs, path[1:])
	}
	return len(path) > 0 && (segs[0] == "*" || segs[0] == path[0]) && leadsTo(segs[1:], path[1:])
}

// A mask with several ** gets to one place in many ways; how many must not grow
// with the depth of what is masked.
func TestMasksOfManyDepthsAreBounded(t *testing.T) {
	for _, path := range []string{"output" + strings.Repeat(".**.a", 15), "output" + strings.Repeat(".**", 15) + ".b"} {
		m, problem := compileMask(MaskRule{Path: path, Method: "redact"})
		if problem != "" {
			t.Fatalf("compileMask(%s): %s", path, problem)
		}
		down := []pending{{&m, m.segs}}
		const keys = 8
		for range keys {
			down = step(down, "a")
		}
		if len(down) > len(m.segs)+1 {
			t.Errorf("%s is at %d places of its path after %d keys, of which there are %d", path, len(down), keys, len(m.segs)+1)
		}
	}
}
