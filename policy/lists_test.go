package policy_test

import "testing"

// 1.8: lists that are none, or are not spliced in, would leave a rule inert.
func TestListsThatAreNoneAreRefused(t *testing.T) {
	for name, p := range map[string]string{
		"a name in CEL":      smallPack(`"isolation": [{"id": "i", "when": "parameters.note in lists.typo"}]`),
		"a list in a list":   smallPack(`"lists": {"a": ["@b"], "b": ["Read"]}`, `"guardrails": [{"id": "g", "effect": "deny", "tools": ["@a"]}]`),
		"a pattern's bounds": smallPack(`"actions": [{"id": "Read", "resource": "Thing", "parameters": {"note": {"type": "string", "pattern": "a)|(?:b"}}}]`),
	} {
		if len(refusals(p)) == 0 {
			t.Errorf("Load(%s) is accepted, want it refused", name)
		}
	}
}

// 12: a quorum is measured against everybody who may vote, and a role that lost
// its last member does not refuse the pack.
func TestQuorumCountsWhoMayVote(t *testing.T) {
	for name, p := range map[string]string{
		"an empty role": smallPack(`"roles": [{"id": "Reader"}, {"id": "M"}]`, `"approvals": [{"id": "a", "on": ["always"], "approvers": ["role:M"]}]`),
		"escalation": smallPack(`"approvals": [{"id": "a", "on": ["always"], "approvers": ["user:mia@contoso.com"], "quorum": 2,
			"escalate": {"after": "PT1H", "approvers": ["user:omar@contoso.com"]}}]`),
	} {
		if got := refusals(p); len(got) > 0 {
			t.Errorf("Load(%s) = %v, want it accepted", name, got)
		}
	}
}
