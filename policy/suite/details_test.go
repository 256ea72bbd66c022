package suite

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

func TestRequirementDetails(t *testing.T) {
	for want, r := range map[string]policy.Requirement{
		`{"approveWithin":"PT8H","approvers":["role:A"],"executeWithin":"PT24H","need":1,"policyId":"p/a"}`: {
			PolicyID: "p/a", Need: 1, Approvers: []string{"role:A"}, ApproveWithin: 8 * time.Hour, ExecuteWithin: 24 * time.Hour, Notify: []string{},
		},
		`{"approveWithin":"PT1H30M5S","approvers":["entitled"],"escalate":{"after":"PT15M","approvers":["user:x@y"],"notify":["mailto:z@y"]},` +
			`"exclude":["owner"],"executeWithin":"PT1S","have":1,"need":2,"notify":["mailto:a@y"],"policyId":"p/b","relay":true}`: {
			PolicyID: "p/b", Need: 2, Have: 1, Approvers: []string{"entitled"}, Exclude: []string{"owner"}, Notify: []string{"mailto:a@y"}, Relay: true,
			ApproveWithin: 90*time.Minute + 5*time.Second, ExecuteWithin: time.Second,
			Escalate: &policy.Escalation{After: 15 * time.Minute, Approvers: []string{"user:x@y"}, Notify: []string{"mailto:z@y"}},
		},
	} {
		if got := canonical(detailsOf(r)); got != want {
			t.Errorf("detailsOf(%s) = %s, want %s", r.PolicyID, got, want)
		}
	}
}

// TestCaseMayHaveAnInstantOfItsOwn runs a rule on both sides of its until.
func TestCaseMayHaveAnInstantOfItsOwn(t *testing.T) {
	fsys := scaffolded(t, "travel")
	pack := string(fsys["travel.json"].Data)
	fsys["travel.json"] = &fstest.MapFile{Data: []byte(strings.Replace(pack, `"id": "submit",`, `"id": "submit", "until": "2026-07-01T00:00:00Z",`, 1))}
	tests := `{"packs": ["travel.json", "travel.bindings.dev.json"], "now": "2026-06-01T09:00:00Z", "principals": {"ana": {"upn": "ana@contoso.com"}},
	"request": {"agentId": "travel-agent", "action": "travel.Submit", "resource": {"region": "EU", "classification": "Public"}, "parameters": {"amount": 1}},
	"cases": [{"name": "the file's", "as": "ana", "want": {"decision": "ALLOW"}},
		{"name": "the last instant", "as": "ana", "now": "2026-06-30T23:59:59.999999999Z", "want": {"decision": "ALLOW"}},
		{"name": "its end", "as": "ana", "now": "2026-07-01T00:00:00Z", "want": {"reasonCode": "entitlement.none"}}]}`
	fsys["travel.test.json"] = &fstest.MapFile{Data: []byte(tests)}
	if r := Run(fsys, []string{"travel.test.json"}, nil); r.Passed != 3 || r.Failed != 0 {
		t.Errorf("Run = %+v, want three passed", r)
	}
	for _, bad := range []string{`"tomorrow"`, `5`, `"2026-07-01"`, `null`} {
		fsys["travel.test.json"] = &fstest.MapFile{Data: []byte(strings.Replace(tests, `"2026-07-01T00:00:00Z"`, bad, 1))}
		if r := Run(fsys, []string{"travel.test.json"}, nil); len(r.Results) != 1 || !strings.Contains(r.Results[0].Problem, "/cases/2/now") {
			t.Errorf("Run(now: %s) = %+v, want a problem that points there", bad, r.Results)
		}
	}
}
