package policy_test

import (
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// 4.6: an escalation's approvers vote once its time has passed, and their votes
// count from then on.
func TestEscalationApproversCountInTime(t *testing.T) {
	set := load(t, smallPack(`"approvals": [{"id": "a", "on": ["always"], "approvers": ["user:mia@contoso.com"], "escalate": {"after": "PT2H", "approvers": ["user:bob@contoso.com"]}}]`))
	for _, c := range []struct {
		name   string
		voter  string
		opened time.Time
		want   bool
	}{
		{"an approver at once", "mia", noon, true},
		{"an approver after the escalation", "mia", noon.Add(-3 * time.Hour), true},
		{"an escalation's approver at once", "bob", noon, false},
		{"an instant too early", "bob", noon.Add(-2*time.Hour + 1), false},
		{"when the time has passed", "bob", noon.Add(-2 * time.Hour), true},
		{"opened long ago", "bob", time.Time{}, true},
		{"nobody of either", "nora", time.Time{}, false},
	} {
		in := inputOf(t, "ana", readRequest)
		in.Approval.Opened = c.opened
		if got := set.MayApprove(in, "p/a", policy.Ballot{Voter: people[c.voter]}); got != c.want {
			t.Errorf("%s: MayApprove = %v, want %v", c.name, got, c.want)
		}
		in.Approval.State, in.Approval.Votes = policy.ApprovalOpen, map[string][]policy.User{"p/a": {people[c.voter]}}
		if got := set.Decide(in, false).Code == policy.OKApproved; got != c.want {
			t.Errorf("%s: Decide counts the vote = %v, want %v", c.name, got, c.want)
		}
	}
}

// 4.6: who votes later keeps a quorum reachable from the start.
func TestEscalationApproversKeepAQuorumReachable(t *testing.T) {
	set := load(t, smallPack(`"approvals": [{"id": "a", "on": ["always"], "approvers": ["user:ana@contoso.com"], "escalate": {"after": "PT2H", "approvers": ["user:bob@contoso.com"]}}]`))
	in := inputOf(t, "ana", readRequest)
	in.Approval = policy.Approval{State: policy.ApprovalOpen, Opened: noon}
	if got := short(set.Decide(in, false)); got != "REQUIRE_APPROVAL approval.pending" {
		t.Errorf("Decide for the only approver before the escalation = %s, want REQUIRE_APPROVAL approval.pending", got)
	}
}

// A signed-in vote and one by mail make two, where the rule takes both.
func TestVotesOfBothKindsMakeAQuorum(t *testing.T) {
	set := load(t, smallPack(`"approvals": [{"id": "a", "on": ["always"], "approvers": ["user:mia@contoso.com", "user:bob@contoso.com"], "quorum": 2, "relay": true}]`))
	in := inputOf(t, "ana", readRequest)
	in.Approval = policy.Approval{
		State: policy.ApprovalOpen, Votes: map[string][]policy.User{"p/a": {people["mia"]}}, Relayed: map[string][]policy.User{"p/a": {people["bob"]}},
	}
	if got := set.Decide(in, false).Code; got != policy.OKApproved {
		t.Errorf("Decide of two votes, one by mail = %s, want ok.approved", got)
	}
}

// A vote by mail counts only where today's rule takes it.
func TestRelayedVotesNeedTheRule(t *testing.T) {
	for rule, want := range map[string]bool{``: false, `, "relay": false`: false, `, "relay": true`: true} {
		set := load(t, smallPack(`"approvals": [{"id": "a", "on": ["always"], "approvers": ["user:mia@contoso.com"]`+rule+`}]`))
		in := inputOf(t, "ana", readRequest)
		if got := set.MayApprove(in, "p/a", policy.Ballot{Voter: people["mia"], Relayed: true}); got != want {
			t.Errorf("MayApprove by mail under %q = %v, want %v", rule, got, want)
		}
		if !set.MayApprove(in, "p/a", policy.Ballot{Voter: people["mia"]}) {
			t.Errorf("MayApprove signed in under %q = false, want true", rule)
		}
		if set.MayApprove(in, "p/a", policy.Ballot{Voter: people["bob"], Relayed: true}) {
			t.Errorf("MayApprove by mail of somebody else under %q = true, want false", rule)
		}
		in.Approval = policy.Approval{State: policy.ApprovalOpen, Relayed: map[string][]policy.User{"p/a": {people["mia"]}}}
		if got := set.Decide(in, false).Code == policy.OKApproved; got != want {
			t.Errorf("Decide counts a vote by mail under %q = %v, want %v", rule, got, want)
		}
		in.Approval.Votes = in.Approval.Relayed
		if d := set.Decide(in, false); d.Requirements[0].Have != 1 {
			t.Errorf("Decide of one person's two votes under %q counts %d, want 1", rule, d.Requirements[0].Have)
		}
	}
}
