package policy_test

import (
	"slices"
	"testing"

	"github.com/authorization-fabric/fabric/policy"
)

// What a call that waits for approval would be bound to is what it is bound to
// once it is approved.
func TestObligationsOfACallThatWaits(t *testing.T) {
	mask := `"classification": [{"id": "m", "effect": "MASK", "mask": [{"path": "output.**.iban", "method": "last4"}, {"path": "parameters.note", "method": "redact"}]}]`
	approval := `"approvals": [{"id": "a", "on": ["always"], "approvers": ["user:mia@contoso.com"]}]`
	for name, c := range map[string]struct {
		pack string
		want policy.Outcome
		n    int
	}{
		"masked":              {smallPack(mask), policy.Mask, 2},
		"masked, and waiting": {smallPack(mask, approval), policy.RequireApproval, 2},
		"waiting":             {smallPack(approval), policy.RequireApproval, 0},
		"denied":              {smallPack(mask, `"isolation": [{"id": "no"}]`), policy.Deny, 0},
	} {
		set, in := load(t, c.pack), inputOf(t, "ana", readRequest)
		got, d := set.Obligations(in), set.Decide(in, false)
		if got == nil || len(got) != c.n || d.Outcome != c.want {
			t.Errorf("%s: Obligations = %v of a %s, want %d of a %s", name, got, d.Outcome, c.n, c.want)
		}
		in.Approval = policy.Approval{State: policy.ApprovalOpen, Votes: map[string][]policy.User{"p/a": {people["mia"]}}}
		if d := set.Decide(in, false); d.Outcome.Execute() && !slices.Equal(d.Obligations, got) {
			t.Errorf("%s: Obligations = %v, want %v as once it is approved", name, got, d.Obligations)
		}
	}
}
