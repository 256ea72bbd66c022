package authorize

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// storedAnswer is an [Answer] beside the approval that was used for it, so
// that a reply that got lost can be given again. Members are only ever added.
type storedAnswer struct {
	Decision      string            `json:"decision"`
	UserMessage   string            `json:"userMessage"`
	ReasonCode    policy.Code       `json:"reasonCode"`
	Reason        string            `json:"reason"`
	Advice        []string          `json:"advice"`
	DecisionID    string            `json:"decisionId"`
	CorrelationID string            `json:"correlationId"`
	PolicyIDs     []string          `json:"policyIds"`
	Policy        storedPolicy      `json:"policy"`
	Identity      string            `json:"identity"`
	Digest        string            `json:"requestDigest"`
	Effective     jsontext.Value    `json:"effectiveParameters"`
	Obligations   []storedDuty      `json:"obligations"`
	Approval      storedApproval    `json:"approval"`
	Alternatives  []storedOther     `json:"alternatives"`
	Grant         string            `json:"grant"`
	EvaluatedAt   time.Time         `json:"evaluatedAt"`
	Warnings      []string          `json:"warnings"`
	Trace         []storedTraceLine `json:"trace,omitempty"`
	Tenant        string            `json:"tenant"`
}

type (
	storedPolicy struct {
		Environment string           `json:"environment"`
		Epoch       int64            `json:"epoch"`
		AgeSeconds  int64            `json:"ageSeconds"`
		Stale       bool             `json:"stale"`
		Packs       []policy.PackRef `json:"packs"`
	}
	storedApproval struct {
		ID           string           `json:"id"`
		Status       string           `json:"status"`
		Final        bool             `json:"final"`
		Triggers     []string         `json:"triggers"`
		StatusURL    string           `json:"statusUrl"`
		PollAfter    int              `json:"pollAfterSeconds"`
		ApproveBy    time.Time        `json:"approveBy,omitzero"`
		ExecuteBy    time.Time        `json:"executeBy,omitzero"`
		Comment      string           `json:"comment"`
		Requirements []storedRequired `json:"requirements"`
	}
	storedRequired struct {
		PolicyID  string   `json:"policyId"`
		Approvers []string `json:"approvers"`
		Need      int      `json:"need"`
		Have      int      `json:"have"`
	}
	storedOther struct {
		Parameter string `json:"parameter"`
		Value     string `json:"value"`
		Decision  string `json:"decision"`
	}
	storedDuty      policy.Obligation
	storedTraceLine policy.TraceLine
)

// encodeAnswer writes a for the store, without its receipt.
func encodeAnswer(a *Answer) ([]byte, error) {
	s := storedAnswer{
		Decision: a.Decision.String(), UserMessage: a.UserMessage, ReasonCode: a.ReasonCode, Reason: a.Reason, Advice: a.Advice,
		DecisionID: a.DecisionID, CorrelationID: a.CorrelationID, PolicyIDs: a.PolicyIDs, Policy: storedPolicy(a.Policy),
		Identity: a.Identity.String(), Digest: a.RequestDigest, Effective: strictjson.AppendAsSent(nil, a.EffectiveParameters),
		Grant: a.Grant, EvaluatedAt: a.EvaluatedAt, Warnings: a.Warnings, Tenant: a.Tenant,
	}
	for _, o := range a.Obligations {
		s.Obligations = append(s.Obligations, storedDuty(o))
	}
	for _, o := range a.Alternatives {
		s.Alternatives = append(s.Alternatives, storedOther{o.Parameter, o.Value, o.Outcome.String()})
	}
	for _, l := range a.Trace {
		s.Trace = append(s.Trace, storedTraceLine(l))
	}
	p := &a.Approval
	s.Approval = storedApproval{
		ID: p.ID, Status: p.Status, Final: p.Final, Triggers: p.Triggers, StatusURL: p.StatusURL, PollAfter: p.PollAfterSeconds,
		ApproveBy: p.ApproveBy, ExecuteBy: p.ExecuteBy, Comment: p.Comment,
	}
	for _, r := range p.Requirements {
		s.Approval.Requirements = append(s.Approval.Requirements, storedRequired{r.PolicyID, r.Approvers, r.Need, r.Have})
	}
	text, err := json.Marshal(&s)
	if err != nil {
		return nil, fmt.Errorf("encode an answer: %w", err)
	}
	return text, nil
}

// decodeAnswer undoes [encodeAnswer].
func decodeAnswer(text []byte) (Answer, error) {
	var s storedAnswer
	if err := json.Unmarshal(text, &s); err != nil {
		return Answer{}, fmt.Errorf("decode a stored answer: %w", err)
	}
	effective, err := strictjson.Parse(s.Effective, frozenLimits)
	if err != nil {
		return Answer{}, fmt.Errorf("decode a stored answer: %w", err)
	}
	outcome, known := outcomes[s.Decision]
	if !known || !outcome.Execute() {
		return Answer{}, fmt.Errorf("decode a stored answer: it permits nothing")
	}
	a := Answer{
		Decision: outcome, UserMessage: s.UserMessage, ReasonCode: s.ReasonCode, Reason: s.Reason, Advice: s.Advice,
		DecisionID: s.DecisionID, CorrelationID: s.CorrelationID, PolicyIDs: s.PolicyIDs, Policy: PolicyState(s.Policy),
		Identity: identities[s.Identity], RequestDigest: s.Digest, EffectiveParameters: effective,
		Grant: s.Grant, EvaluatedAt: s.EvaluatedAt, Warnings: s.Warnings, Tenant: s.Tenant,
		Obligations: []policy.Obligation{}, Alternatives: []policy.Alternative{}, Trace: []policy.TraceLine{},
		Approval: s.Approval.answer(),
	}
	for _, o := range s.Obligations {
		a.Obligations = append(a.Obligations, policy.Obligation(o))
	}
	for _, o := range s.Alternatives {
		a.Alternatives = append(a.Alternatives, policy.Alternative{Parameter: o.Parameter, Value: o.Value, Outcome: outcomes[o.Decision]})
	}
	for _, l := range s.Trace {
		a.Trace = append(a.Trace, policy.TraceLine(l))
	}
	return a, nil
}

func (s *storedApproval) answer() Approval {
	a := Approval{
		ID: s.ID, Status: s.Status, Final: s.Final, Triggers: s.Triggers, StatusURL: s.StatusURL, PollAfterSeconds: s.PollAfter,
		ApproveBy: s.ApproveBy, ExecuteBy: s.ExecuteBy, Comment: s.Comment, Requirements: []policy.Requirement{},
	}
	for _, r := range s.Requirements {
		a.Requirements = append(a.Requirements, policy.Requirement{PolicyID: r.PolicyID, Approvers: r.Approvers, Need: r.Need, Have: r.Have})
	}
	return a
}

// The words of stored answers; nobody changes them.
var (
	outcomes = map[string]policy.Outcome{
		policy.Allow.String(): policy.Allow, policy.Mask.String(): policy.Mask,
		policy.RequireApproval.String(): policy.RequireApproval, policy.Deny.String(): policy.Deny,
	}
	identities = map[string]policy.Identity{
		policy.None.String(): policy.None, policy.Asserted.String(): policy.Asserted, policy.Verified.String(): policy.Verified,
	}
)
