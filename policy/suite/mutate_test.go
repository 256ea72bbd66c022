package suite

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

func parsed(t *testing.T, text string) strictjson.Value {
	t.Helper()
	v, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return v
}

// changes are the mutants of a document as "<pointer>: <change>".
func changes(t *testing.T, text string) []string {
	t.Helper()
	doc := parsed(t, text)
	var out []string
	for _, m := range Mutants(doc) {
		if canonical(m.Value) == canonical(doc) {
			t.Errorf("Mutants(%s): %s: %s leaves the document as it is", text, m.Pointer, m.Change)
		}
		out = append(out, m.Pointer+": "+m.Change)
	}
	return out
}

func TestMutantsByWhatTheyChange(t *testing.T) {
	for _, c := range []struct{ rule, doc, want string }{
		{"a limit one unit up", `{"entitlements": [{"limit": {"max": {"EUR": "50000"}}}]}`, `/entitlements/0/limit/max/EUR: "50000" -> "50001"`},
		{"a limit one unit down", `{"entitlements": [{"limit": {"max": "50000"}}]}`, `/entitlements/0/limit/max: "50000" -> "49999"`},
		{"the last digit counts", `{"actions": [{"parameters": {"a": {"min": "0.01"}}}]}`, `/actions/0/parameters/a/min: "0.01" -> "0.00"`},
		{"a carry", `{"thresholds": [{"askAbove": "0.99"}]}`, `/thresholds/0/askAbove: "0.99" -> "1.00"`},
		{"a quorum", `{"approvals": [{"quorum": 2}]}`, `/approvals/0/quorum: 2 -> 1`},
		{"an effect", `{"guardrails": [{"effect": "ask"}]}`, `/guardrails/0/effect: "ask" -> "allow"`},
		{"an effect by label", `{"classification": [{"effect": "MASK"}]}`, `/classification/0/effect: "MASK" -> "DENY"`},
		{"a method", `{"classification": [{"mask": [{"method": "hash"}]}]}`, `/classification/0/mask/0/method: "hash" -> "last4"`},
		{"a path", `{"classification": [{"mask": [{"path": "output.**.iban"}]}]}`, `/classification/0/mask/0/path: "output.**.iban" -> "output.*.iban"`},
		{"another root", `{"classification": [{"mask": [{"path": "output.iban"}]}]}`, `/classification/0/mask/0/path: "output.iban" -> "parameters.iban"`},
		{"a rule", `{"isolation": [{"id": "eu-only"}]}`, `/isolation/0: removed "eu-only"`},
		{"a narrowing key", `{"isolation": [{"match": {"actions": ["A"]}}]}`, `/isolation/0/match: removed`},
		{"a list's member", `{"lists": {"blocked": ["V-13"]}}`, `/lists/blocked/0: removed "V-13"`},
		{"a wider list", `{"regions": ["EU", "US"], "isolation": [{"allowedRegions": ["EU"]}]}`, `/isolation/0/allowedRegions: added "US"`},
		{"a role more", `{"roles": [{"id": "A"}, {"id": "B"}], "entitlements": [{"roles": ["A"]}]}`, `/entitlements/0/roles: added "B"`},
		{"an approver more", `{"roles": [{"id": "A"}], "approvals": [{"approvers": ["user:x@y"]}]}`, `/approvals/0/approvers: added "role:A"`},
		{"an identity more", `{"agents": [{"users": ["verified"]}]}`, `/agents/0/users: added "none"`},
		{"a label", `{"classifications": ["L", "H"], "classification": [{"match": {"classificationAtLeast": "H"}}]}`, `/classification/0/match/classificationAtLeast: "H" -> "L"`},
		{"the order of labels", `{"classifications": ["L", "H"]}`, `/classifications: "L" and "H" swapped`},
		{"a pin", `{"actions": [{"pin": {"ledger": "GL"}}]}`, `/actions/0/pin/ledger: "GL" -> "GLx"`},
		{"a boolean", `{"actions": [{"parameters": {"a": {"required": true}}}]}`, `/actions/0/parameters/a/required: true -> false`},
		{"a window", `{"approvals": [{"approveWithin": "PT1H30M"}]}`, `/approvals/0/approveWithin: "PT1H30M" -> "PT1H29M"`},
		{"an instant", `{"isolation": [{"until": "2026-01-01T00:00:00Z"}]}`, `/isolation/0/until: "2026-01-01T00:00:00Z" -> "2025-12-31T23:59:59Z"`},
		{"a host below", `{"isolation": [{"allowedHosts": ["a.example"]}]}`, `/isolation/0/allowedHosts/0: "a.example" -> "*.a.example"`},
		{"a command's word", `{"guardrails": [{"tools": ["bash(az * delete *)"]}]}`, `/guardrails/0/tools/0: "bash(az * delete *)" -> "bash(az * * *)"`},
		{"a command's star", `{"lists": {"x": ["rm *"]}}`, `/lists/x/0: "rm *" -> "rm"`},
		{"a comparison", `{"isolation": [{"when": "a <= 5"}]}`, `/isolation/0/when: "a <= 5" -> "a < 5"`},
		{"a number in a condition", `{"isolation": [{"when": "a < decimal('100')"}]}`, `/isolation/0/when: "a < decimal('100')" -> "a < decimal('101')"`},
		{"a connective", `{"isolation": [{"when": "a && b"}]}`, `/isolation/0/when: "a && b" -> "a || b"`},
		{"a condition", `{"isolation": [{"when": "a"}]}`, `/isolation/0/when: "a" -> "!(a)"`},
		{"a quantifier", `{"actions": [{"parameters": {"a": {"pattern": "V[0-9]{1,8}"}}}]}`, `/actions/0/parameters/a/pattern: "V[0-9]{1,8}" -> "V[0-9]{1,9}"`},
		{"a member", `{"pack": "p", "roles": {"A": ["user:x@y"], "B": []}}`, `/roles/A/0: removed "user:x@y"`},
		{"a member in another role", `{"pack": "p", "roles": {"A": ["user:x@y"], "B": []}}`, `/roles/B: added "user:x@y"`},
		{"a caller of another agent", `{"agents": {"a": {"callers": ["app:1"]}, "b": {"callers": []}}}`, `/agents/b/callers: added "app:1"`},
		{"advice", `{"isolation": [{"advice": "Ask."}]}`, `/isolation/0/advice: removed`},
	} {
		if got := changes(t, c.doc); !slices.Contains(got, c.want) {
			t.Errorf("%s: Mutants(%s) lacks %s, has\n%s", c.rule, c.doc, c.want, strings.Join(got, "\n"))
		}
	}
}

func TestMutantsLeaveAloneWhatDecidesNothing(t *testing.T) {
	doc := `{"$schema": "s", "schema": 1, "pack": "p", "version": 3, "description": "d", "priority": 100, "environment": "dev", "timeZone": "UTC",
		"roles": [{"id": "A", "title": "t"}], "groups": {"g": {"name": "n"}}}`
	for _, got := range changes(t, doc) {
		switch got {
		case "/roles: removed", `/roles/0: removed "A"`, "/groups: removed", "/groups/g: removed":
		default:
			t.Errorf("Mutants(%s) has %s", doc, got)
		}
	}
}

// TestMutantsOfNamesThatLookLikeKeys: a parameter may have any name.
func TestMutantsOfNamesThatLookLikeKeys(t *testing.T) {
	doc := `{"actions": [{"parameters": {"title": {"required": true}, "parameters": {"required": true}}, "pin": {"id": "7"}}]}`
	got := changes(t, doc)
	for _, want := range []string{
		"/actions/0/parameters/title: removed", "/actions/0/parameters/title/required: true -> false",
		"/actions/0/parameters/parameters/required: true -> false", "/actions/0/pin/id: removed",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("Mutants(%s) lacks %s", doc, want)
		}
	}
}

func TestDifferenceOfALongText(t *testing.T) {
	long := strings.Repeat("x", 70)
	if got, want := difference(long+"a"+long, long+"b"+long), `column 71: "a" -> "b"`; got != want {
		t.Errorf("difference = %s, want %s", got, want)
	}
	if got, want := difference(long, long+"x"), `column 71: "" -> "x"`; got != want {
		t.Errorf("difference = %s, want %s", got, want)
	}
}

func TestMutateFindsTheUntestedLimit(t *testing.T) {
	fsys := scaffolded(t, "travel")
	all, err := Mutate(fsys, []string{"travel.test.json"}, MutateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	limit := func(m Mutation) bool {
		return slices.ContainsFunc(m.Survivors, func(s Survivor) bool { return strings.HasPrefix(s.Pointer, "/entitlements/0/limit/max") })
	}
	if all.Total != all.Killed+len(all.Survivors) || all.Refused >= all.Killed || limit(all) {
		t.Errorf("Mutate = %d mutants, %d killed (%d refused), %v", all.Total, all.Killed, all.Refused, all.Survivors)
	}
	text := fsys["travel.test.json"].Data
	fsys["travel.test.json"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(text), `1000.01`, `2000`))}
	if weaker, err := Mutate(fsys, []string{"travel.test.json"}, MutateOptions{}); err != nil || !limit(weaker) {
		t.Errorf("Mutate without a test at the boundary = %v, %v, want a surviving limit", weaker.Survivors, err)
	}
}

func TestMutateTellsItsProgressAndTakesAPart(t *testing.T) {
	fsys, calls, last := scaffolded(t, "travel"), 0, 0
	m, err := Mutate(fsys, []string{"travel.test.json"}, MutateOptions{Every: 10, Progress: func(done, of int) { calls, last = calls+1, of-done }})
	if err != nil || m.Total != calls || last != 0 || m.Total == 0 {
		t.Errorf("Mutate = %d mutants, %d calls, %d left, %v", m.Total, calls, last, err)
	}
}

func TestMutateDemandsTestsThatPass(t *testing.T) {
	fsys := scaffolded(t, "travel")
	text := string(fsys["travel.test.json"].Data)
	fsys["travel.test.json"] = &fstest.MapFile{Data: []byte(strings.Replace(text, `"ALLOW"`, `"DENY"`, 1))}
	if _, err := Mutate(fsys, []string{"travel.test.json"}, MutateOptions{}); err == nil || !strings.Contains(err.Error(), "must pass") {
		t.Errorf("Mutate(failing tests) = %v, want an error", err)
	}
	if _, err := Mutate(fsys, []string{"other.test.json"}, MutateOptions{}); err == nil {
		t.Error("Mutate(no file) = nil, want an error")
	}
}
