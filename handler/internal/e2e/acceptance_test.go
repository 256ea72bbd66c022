package e2e

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// acceptanceDir is a folder with more cases than testdata/acceptance, in the
// same form, if it is set.
const acceptanceDir = "FABRIC_ACCEPTANCE"

// acceptanceCase is one line of http.jsonl: a body, and what the server that
// serves the packs answers.
type acceptanceCase struct {
	ID          string
	Why         string
	Packs       string
	ContentType *string
	BodyBase64  string
	Want        json.RawMessage
}

// Each body of http.jsonl gets the status, decision and pointer it names from
// a server in local mode.
func TestAcceptance(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "acceptance")
	if given, ok := os.LookupEnv(acceptanceDir); ok {
		dir = given
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	bySet := readAcceptance(t, filepath.Join(dir, "http.jsonl"))
	for _, set := range slices.Sorted(maps.Keys(bySet)) {
		t.Run(set, func(t *testing.T) {
			s := serve(t, launch{dir: t.TempDir(), env: unlimited, args: []string{"--packs", filepath.Join(dir, set)}})
			for _, c := range bySet[set] {
				checkAcceptance(t, s, c)
			}
			t.Logf("%d bodies", len(bySet[set]))
		})
	}
}

func readAcceptance(t *testing.T, path string) map[string][]acceptanceCase {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bySet := map[string][]acceptanceCase{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var c acceptanceCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		bySet[c.Packs] = append(bySet[c.Packs], c)
	}
	if err := lines.Err(); err != nil || len(bySet) == 0 {
		t.Fatalf("%s: %d sets, %v, want cases", path, len(bySet), err)
	}
	return bySet
}

func checkAcceptance(t *testing.T, s *server, c acceptanceCase) {
	t.Helper()
	body, err := base64.StdEncoding.DecodeString(c.BodyBase64)
	if err != nil {
		t.Fatalf("%s: %v", c.ID, err)
	}
	contentType := ""
	if c.ContentType != nil {
		contentType = *c.ContentType
	}
	r, err := s.call(t.Context(), http.MethodPost, "/api/authorize", body, "Content-Type: "+contentType)
	if err != nil {
		t.Fatalf("%s (%s): %v", c.ID, c.Why, err)
	}
	want, err := strictjson.Parse(c.Want, strictjson.Limits{})
	if err != nil {
		t.Fatalf("%s: want: %v", c.ID, err)
	}
	for _, wrong := range compareAnswer(want, r) {
		t.Errorf("%s (%s): %s\n  in %d %s", c.ID, c.Why, wrong, r.status, r.body)
	}
}

// compareAnswer says what of an answer is not as wanted: the members it names,
// and for what is no decision that it denies.
func compareAnswer(want strictjson.Value, r reply) []string {
	var wrong []string
	got, err := strictjson.Parse(r.body, strictjson.Limits{Names: 1 << 16})
	if err != nil {
		return []string{err.Error()}
	}
	if r.status != http.StatusOK {
		if lacks := r.denies(); lacks != "" {
			wrong = append(wrong, lacks)
		}
	}
	for _, m := range want.Members() {
		w, g := canonical(m.Value), ""
		switch m.Name {
		case "status":
			g = fmt.Sprint(r.status)
		case "pointer":
			if pointers := pointersOf(got); !slices.Contains(pointers, m.Value.Text()) {
				wrong = append(wrong, fmt.Sprintf("pointers = %q, want %s among them", pointers, w))
			}
			continue
		case "triggers", "requirements", "obligations":
			w, g = canonical(sorted(m.Value)), canonical(sorted(decisionMember(got, m.Name)))
		default:
			g = canonical(decisionMember(got, m.Name))
		}
		if g != w {
			wrong = append(wrong, fmt.Sprintf("%s = %s, want %s", m.Name, g, w))
		}
	}
	return wrong
}

// decisionMember is a member of an answer as decision tests name it.
func decisionMember(answer strictjson.Value, name string) strictjson.Value {
	switch name {
	case "triggers":
		return answer.Get("approval").Get("triggers")
	case "requirements":
		var ids []strictjson.Value
		for _, r := range answer.Get("approval").Get("requirements").Items() {
			ids = append(ids, r.Get("policyId"))
		}
		return strictjson.ArrayOf(ids...)
	}
	return answer.Get(name)
}

func pointersOf(problem strictjson.Value) []string {
	pointers := []string{}
	for _, e := range problem.Get("errors").Items() {
		pointers = append(pointers, e.Get("pointer").Text())
	}
	return pointers
}

func canonical(v strictjson.Value) string {
	if v.Missing() {
		return "nothing"
	}
	return string(strictjson.AppendCanonical(nil, v))
}

func sorted(v strictjson.Value) strictjson.Value {
	items := slices.Clone(v.Items())
	slices.SortFunc(items, func(a, b strictjson.Value) int { return strings.Compare(canonical(a), canonical(b)) })
	return strictjson.ArrayOf(items...)
}
