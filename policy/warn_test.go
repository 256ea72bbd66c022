package policy

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestBasePacksHaveNoFindings(t *testing.T) {
	docs := []Document{{Name: "p.json", Text: []byte(basePack)}, {Name: "q.json", Text: []byte(otherPack)}}
	for _, f := range Lint(docs, LoadOptions{}, lintNow()) {
		t.Errorf("Lint(base packs): %s", f)
	}
}

// warnCase is a pack that has one warning, and the nearest pack that does not.
type warnCase struct {
	name, id, pointer, rule string
	bad, good               []edit
	other                   []edit // of the second pack, which is there where other is not nil
	file                    string // where the finding is, if not in p.json
}

var unchanged = []edit{}

func always(edits ...edit) []edit { return edits }

var warnCases = slices.Concat(reachCases, limitCases, peopleCases, labelCases, maskCases, spellingCases)

func TestWarnings(t *testing.T) {
	for _, tt := range warnCases {
		t.Run(tt.id+"/"+tt.name, func(t *testing.T) {
			file := cmp.Or(tt.file, "p.json")
			bad, good := tt.docs(t, tt.bad, tt.other), tt.docs(t, tt.good, tt.other)
			if tt.file != "" {
				good = tt.docs(t, nil, tt.good) // the second pack is the one that differs
			}
			want := []string{file + "#" + tt.pointer + " " + tt.id + " " + tt.rule}
			if diff := gocmp.Diff(want, brief(t, Lint(bad, LoadOptions{}, lintNow()))); diff != "" {
				t.Errorf("a pack with it (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff([]string(nil), brief(t, Lint(good, LoadOptions{}, lintNow()))); diff != "" {
				t.Errorf("the nearest pack without it (-want +got):\n%s", diff)
			}
		})
	}
}

// A pack of restrictions alone is for packs to come: that its rules reach
// nothing yet is no mistake.
func TestRestrictionsAloneHaveNoFindings(t *testing.T) {
	text := edited(t, otherPack, edit{"/agents", ``}, edit{"/actions", ``}, edit{"/entitlements", ``}, edit{"/regions", `["EU"]`},
		edit{"/isolation", `[{"id": "eu", "match": {"resources": ["Paper"], "agents": ["bot"]}, "allowedRegions": ["EU"]}]`})
	for _, f := range Lint([]Document{{Name: "q.json", Text: text}}, LoadOptions{}, lintNow()) {
		t.Errorf("Lint: %s", f)
	}
}

func (tt *warnCase) docs(t *testing.T, edits, other []edit) []Document {
	docs := []Document{{Name: "p.json", Text: edited(t, basePack, edits...)}}
	if tt.other != nil {
		docs = append(docs, Document{Name: "q.json", Text: edited(t, otherPack, other...)})
	}
	return docs
}

// brief is each finding in one line; all must be warnings with words.
func brief(t *testing.T, findings []Finding) []string {
	t.Helper()
	var out []string
	for _, f := range findings {
		if f.Severity != Warning || f.Message == "" || f.Fix == "" {
			t.Errorf("finding %s: want a warning with a message and a fix", f)
		}
		out = append(out, f.File+"#"+f.Pointer+" "+f.Check+" "+f.Rule)
	}
	return out
}
