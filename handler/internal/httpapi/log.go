package httpapi

import (
	"context"
	"log/slog"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// decisionSchema is the version of the decision line's members.
const decisionSchema = 1

// DecisionLine is what [LogDecision] picks the line's members from.
type DecisionLine struct {
	Principal identity.Principal
	Request   *authorize.Request
	Call      authorize.Call
	Answer    *authorize.Answer
	Took      time.Duration
}

// LogDecision writes the one line of a recorded decision; the package comment
// has its schema.
func LogDecision(ctx context.Context, log *slog.Logger, d DecisionLine) {
	a := d.Answer
	log.LogAttrs(ctx, slog.LevelInfo, "decision",
		slog.Int("schema", decisionSchema),
		slog.String("segment", a.Receipt.Segment),
		slog.Uint64("seq", a.Receipt.Seq),
		slog.String("decisionId", a.DecisionID),
		slog.String("correlationId", a.CorrelationID),
		slog.String("environment", a.Policy.Environment),
		slog.String("door", string(d.Call.Door)),
		slog.String("mode", string(d.Call.Mode)),
		slog.String("tenantId", a.Tenant),
		slog.String("application", d.Principal.Application),
		slog.String("identity", a.Identity.String()),
		slog.String("agentId", d.Request.AgentID),
		slog.String("action", d.Request.Action),
		slog.String("resourceType", d.Request.Resource.Type),
		slog.String("decision", a.Decision.String()),
		slog.String("reasonCode", string(a.ReasonCode)),
		slog.Any("policyIds", notNil(a.PolicyIDs)),
		slog.Int64("epoch", a.Policy.Epoch),
		slog.Bool("stale", a.Policy.Stale),
		slog.String("requestDigest", a.RequestDigest),
		slog.String("approvalId", a.Approval.ID),
		slog.String("approvalStatus", a.Approval.Status),
		slog.Int64("latencyUs", d.Took.Microseconds()),
	)
}
