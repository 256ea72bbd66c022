package policy

// Code is a stable reason code, for branching.
type Code string

// The codes of a decision; policy-pack §3 gives their order.
const (
	PolicyNone            Code = "policy.none"
	PolicyStale           Code = "policy.stale"
	SuspendedCode         Code = "suspended"
	TenantUnknown         Code = "tenant.unknown"
	AgentUnknown          Code = "agent.unknown"
	AgentCaller           Code = "agent.caller"
	UserRequired          Code = "user.required"
	UserUnverified        Code = "user.unverified"
	ActionUnknown         Code = "action.unknown"
	ActionNotExposed      Code = "action.notExposed"
	ResourceMismatch      Code = "resource.mismatch"
	ResourceRequired      Code = "resource.required"
	ParameterInvalid      Code = "parameter.invalid"
	ParameterPinned       Code = "parameter.pinned"
	TenantBoundary        Code = "tenant.boundary"
	GuardrailDenied       Code = "guardrail.denied"
	IsolationDenied       Code = "isolation.denied"
	ResidencyDenied       Code = "residency.denied"
	EgressDenied          Code = "egress.denied"
	ClassificationUnknown Code = "classification.unknown"
	ClassificationDenied  Code = "classification.denied"
	EntitlementNone       Code = "entitlement.none"
	ThresholdDenied       Code = "threshold.denied"
	ThresholdExceeded     Code = "threshold.exceeded"
	ApprovalUnavailable   Code = "approval.unavailable"
	ApprovalLimitCode     Code = "approval.limit"
	ApprovalDeniedCode    Code = "approval.denied"
	ApprovalExpiredCode   Code = "approval.expired"
	ApprovalRevokedCode   Code = "approval.revoked"
	ApprovalMismatchCode  Code = "approval.mismatch"
	ApprovalRequired      Code = "approval.required"
	ApprovalPending       Code = "approval.pending"
	OK                    Code = "ok"
	OKMasked              Code = "ok.masked"
	OKApproved            Code = "ok.approved"

	// The two that are decided before stage 0, by the identity layer.
	TenantMismatch Code = "tenant.mismatch"
	UserMismatch   Code = "user.mismatch"
)

// NextStep is what the caller does about a decision: run, wait, fix, retry or
// stop (contract.md).
func NextStep(o Outcome, c Code) string {
	switch {
	case o.Execute():
		return "run"
	case o == RequireApproval:
		return "wait"
	}
	switch c {
	case PolicyNone, PolicyStale, ApprovalLimitCode:
		return "retry"
	case TenantMismatch, UserMismatch, UserRequired, UserUnverified, TenantUnknown, AgentUnknown, AgentCaller,
		ActionUnknown, ActionNotExposed, ResourceMismatch, ResourceRequired, ParameterInvalid, ParameterPinned,
		ClassificationUnknown, ApprovalMismatchCode:
		return "fix"
	default:
		return "stop"
	}
}
