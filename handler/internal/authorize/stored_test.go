package authorize

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Whatever an answer says that permits something, the store gives back, down to
// the digits; but for its receipt, and what of a requirement is in no answer.
func TestAStoredAnswerIsTheAnswer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := drawAnswer(rt)
		text, err := encodeAnswer(&a)
		if err != nil {
			rt.Fatalf("encodeAnswer = %v", err)
		}
		got, err := decodeAnswer(text)
		if err != nil {
			rt.Fatalf("decodeAnswer(%s) = %v", text, err)
		}
		values := cmp.Transformer("sent", sent)
		if diff := cmp.Diff(a, got, values); diff != "" {
			rt.Fatalf("decodeAnswer(encodeAnswer(a)) (-a +got):\n%s\nstored: %s", diff, text)
		}
	})
}

func drawAnswer(rt *rapid.T) Answer {
	word := rapid.StringN(0, 12, -1)
	words := func(label string) []string { return rapid.SliceOfN(word, 0, 3).Draw(rt, label) }
	number := rapid.IntRange(0, 1000)
	at := func(label string) time.Time {
		if rapid.Bool().Draw(rt, label) {
			return time.Time{}
		}
		return time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(rt, label)).UTC()
	}
	effective := drawMembers(rt, 3)
	a := Answer{
		Decision: rapid.SampledFrom([]policy.Outcome{policy.Mask, policy.Allow}).Draw(rt, "decision"), UserMessage: word.Draw(rt, "message"),
		ReasonCode: policy.OKApproved, Reason: word.Draw(rt, "reason"), Advice: words("advice"), DecisionID: word.Draw(rt, "id"),
		CorrelationID: word.Draw(rt, "correlation"), PolicyIDs: words("rules"), Identity: rapid.SampledFrom([]policy.Identity{policy.None, policy.Asserted, policy.Verified}).Draw(rt, "identity"),
		Policy: PolicyState{
			Environment: word.Draw(rt, "environment"), Epoch: int64(number.Draw(rt, "epoch")), AgeSeconds: int64(number.Draw(rt, "age")), Stale: rapid.Bool().Draw(rt, "stale"),
			Packs: []policy.PackRef{{Pack: word.Draw(rt, "pack"), Version: number.Draw(rt, "version"), Hash: word.Draw(rt, "hash"), RulesHash: word.Draw(rt, "rules")}},
		},
		RequestDigest: word.Draw(rt, "digest"), EffectiveParameters: strictjson.ObjectOf(effective.Members()...),
		Obligations: []policy.Obligation{}, Alternatives: []policy.Alternative{}, Trace: []policy.TraceLine{},
		Grant: word.Draw(rt, "grant"), EvaluatedAt: at("evaluated"), Warnings: words("warnings"), Tenant: word.Draw(rt, "tenant"),
		Approval: Approval{
			ID: word.Draw(rt, "approval"), Status: word.Draw(rt, "status"), Final: rapid.Bool().Draw(rt, "final"), Triggers: words("triggers"),
			StatusURL: word.Draw(rt, "url"), PollAfterSeconds: number.Draw(rt, "poll"), ApproveBy: at("approveBy"), ExecuteBy: at("executeBy"),
			Comment: word.Draw(rt, "comment"), Requirements: []policy.Requirement{},
		},
	}
	for range rapid.IntRange(0, 2).Draw(rt, "more") {
		a.Obligations = append(a.Obligations, policy.Obligation{Type: word.Draw(rt, "type"), Path: word.Draw(rt, "path"), Method: word.Draw(rt, "method")})
		a.Alternatives = append(a.Alternatives, policy.Alternative{Parameter: word.Draw(rt, "parameter"), Value: word.Draw(rt, "value"), Outcome: policy.Allow})
		a.Trace = append(a.Trace, policy.TraceLine{Stage: word.Draw(rt, "stage"), Rule: word.Draw(rt, "rule"), Result: word.Draw(rt, "result"), Detail: word.Draw(rt, "detail")})
		a.Approval.Requirements = append(a.Approval.Requirements, policy.Requirement{PolicyID: word.Draw(rt, "policy"), Approvers: words("approvers"), Need: number.Draw(rt, "need"), Have: number.Draw(rt, "have")})
	}
	return a
}
