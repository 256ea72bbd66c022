package httpapi

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// emptyAnswer is the contract's fixed shape with every value empty.
const emptyAnswer = `{"decision":"DENY","execute":false,"nextStep":"stop","userMessage":"","reasonCode":"","reason":"","advice":[],` +
	`"decisionId":"","correlationId":"","policyIds":[],"policy":{"environment":"","epoch":0,"ageSeconds":0,"stale":false,"packs":[]},` +
	`"identity":"none","requestDigest":"","effectiveParameters":{},"obligations":[],"approval":{"id":"","status":"","final":false,` +
	`"triggers":[],"statusUrl":"","pollAfterSeconds":0,"approveBy":"","executeBy":"","comment":"","requirements":[]},"alternatives":[],` +
	`"grant":"","receipt":{"segment":"","seq":0,"hash":""},"evaluatedAt":"","warnings":[],"trace":[]}`

const fullAnswer = `{"decision":"REQUIRE_APPROVAL","execute":false,"nextStep":"wait","userMessage":"A finance manager \"<b>\" has been asked.","reasonCode":"approval.required","reason":"CreatePO is over the limit.","advice":["Ask.","Wait."],` +
	`"decisionId":"01JD","correlationId":"po-1","policyIds":["finance/po-analyst","finance/po-over-limit"],"policy":{"environment":"dev","epoch":3,"ageSeconds":4,"stale":true,"packs":[{"pack":"finance","version":12,"hash":"sha256:a","rulesHash":"sha256:b"},{"pack":"hr","version":1,"hash":"sha256:c","rulesHash":"sha256:d"}]},` +
	`"identity":"verified","requestDigest":"hmac-sha256:e","effectiveParameters":{"amount":70000,"iban":"****3000"},"obligations":[{"type":"mask","path":"output.**.iban","method":"last4"}],"approval":{"id":"apr_1","status":"approved","final":true,` +
	`"triggers":["overLimit"],"statusUrl":"https://x/api/approvals/apr_1","pollAfterSeconds":30,"approveBy":"2026-11-21T19:52:00.123Z","executeBy":"2026-11-22T19:52:00.000Z","comment":"fine","requirements":[{"policyId":"finance/po-over-limit","approvers":["role:FinanceManager"],"need":1,"have":0}]},"alternatives":[{"parameters":{"amount":"50000"},"decision":"ALLOW"}],` +
	`"grant":"a.b.c","receipt":{"segment":"v1/x","seq":18446744073709551615,"hash":"sha256:f"},"evaluatedAt":"2026-11-21T19:52:00.123Z","warnings":["The body named roles."],"trace":[{"stage":"entitlement","rule":"finance/po-analyst","result":"matched","detail":""}]}`

func sampleAnswer() authorize.Answer {
	return authorize.Answer{
		Decision: policy.RequireApproval, UserMessage: `A finance manager "<b>" has been asked.`, ReasonCode: policy.ApprovalRequired,
		Reason: "CreatePO is over the limit.", Advice: []string{"Ask.", "Wait."}, DecisionID: "01JD", CorrelationID: "po-1",
		PolicyIDs: []string{"finance/po-analyst", "finance/po-over-limit"},
		Policy: authorize.PolicyState{Environment: "dev", Epoch: 3, AgeSeconds: 4, Stale: true, Packs: []policy.PackRef{
			{Pack: "finance", Version: 12, Hash: "sha256:a", RulesHash: "sha256:b"}, {Pack: "hr", Version: 1, Hash: "sha256:c", RulesHash: "sha256:d"},
		}},
		Identity: policy.Verified, RequestDigest: "hmac-sha256:e",
		EffectiveParameters: strictjson.ObjectOf(
			strictjson.Member{Name: "iban", Value: strictjson.StringOf("****3000")}, strictjson.Member{Name: "amount", Value: strictjson.NumberOf("70000.0")},
		),
		Obligations: []policy.Obligation{{Type: "mask", Path: "output.**.iban", Method: "last4"}},
		Approval: authorize.Approval{
			ID: "apr_1", Status: "approved", Final: true, Triggers: []string{"overLimit"}, StatusURL: "https://x/api/approvals/apr_1", PollAfterSeconds: 30,
			ApproveBy: decidedAt, ExecuteBy: decidedAt.Add(24 * time.Hour).Truncate(time.Second), Comment: "fine",
			Requirements: []policy.Requirement{{PolicyID: "finance/po-over-limit", Approvers: []string{"role:FinanceManager"}, Need: 1, Exclude: []string{"owner"}}},
		},
		Alternatives: []policy.Alternative{{Parameter: "amount", Value: "50000", Outcome: policy.Allow}},
		Grant:        "a.b.c", Receipt: authorize.Receipt{Segment: "v1/x", Seq: 1<<64 - 1, Hash: "sha256:f"},
		EvaluatedAt: decidedAt, Warnings: []string{"The body named roles."},
		Trace: []policy.TraceLine{{Stage: "entitlement", Rule: "finance/po-analyst", Result: "matched"}},
	}
}

// The shape never changes: every member always there, in this order, nothing
// ever null or absent.
func TestTheShapeNeverChanges(t *testing.T) {
	sample := sampleAnswer()
	for _, c := range []struct {
		name   string
		answer authorize.Answer
		want   string
	}{{"the zero answer", authorize.Answer{}, emptyAnswer}, {"everything", sample, fullAnswer}} {
		if diff := cmp.Diff(c.want, string(AppendAnswer(nil, &c.answer))); diff != "" {
			t.Errorf("%s: AppendAnswer() differs (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestExecuteIsForAllowAndMaskOnly(t *testing.T) {
	for outcome, want := range map[policy.Outcome]string{
		policy.Deny:            `{"decision":"DENY","execute":false,"nextStep":"stop"`,
		policy.RequireApproval: `{"decision":"REQUIRE_APPROVAL","execute":false,"nextStep":"wait"`,
		policy.Mask:            `{"decision":"MASK","execute":true,"nextStep":"run"`,
		policy.Allow:           `{"decision":"ALLOW","execute":true,"nextStep":"run"`,
	} {
		if got := AppendAnswer(nil, &authorize.Answer{Decision: outcome}); !bytes.HasPrefix(got, []byte(want)) {
			t.Errorf("AppendAnswer(%v) = %.80s, want %s", outcome, got, want)
		}
	}
}
