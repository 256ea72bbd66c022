package audit

import (
	"errors"
	"fmt"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// ErrRecord is wrapped by the error of an append whose record this package
// will not write: of an unknown kind, without id or time, or too large.
var ErrRecord = errors.New("not a valid audit record")

// Record is one thing that happened: a [Decision], a [Refused], an
// [ApprovalOpened] or an [Event]. What it holds is written as it is, so masks
// and redaction come first.
type Record interface {
	kind() Kind
	check() error
	appendBody(dst []byte) []byte // everything behind the head of the line
}

// Resource is what a call was about, with the effective region and label.
type Resource struct {
	Type           string
	ID             string
	Region         string
	Classification string
}

// Decision is the record of one evaluated call, whatever came of it. Times are
// one reading of the clock, which also made the decision id; empty fields are
// absent facts.
type Decision struct {
	As            Kind // KindDecision (also ""), KindPreview or KindReplayed
	TS            time.Time
	DecisionID    string // a ULID of TS: readers count an id once
	CorrelationID string
	Door          string // authorize, copilot, authzen or mcp
	Mode          string // enforce or preview
	TenantID      string
	AgentID       string
	CallerApp     string // client id of the application that asked
	UserID        string
	UserUPN       string
	Identity      policy.Identity
	Roles         []policy.RoleGrant

	Action     string
	Resource   Resource
	Parameters strictjson.Value // masked
	Context    strictjson.Value // what the policy used; free text as length and HMAC

	RequestDigest string
	Decision      policy.Outcome
	ReasonCode    policy.Code
	Reason        string
	Advice        []string
	PolicyIDs     []string
	Packs         []policy.PackRef
	Epoch         int64
	PolicyAge     time.Duration // since the policy was last checked
	Stale         bool
	Obligations   []policy.Obligation

	ApprovalID      string
	ApprovalOutcome string
	Approvers       []string
	Latency         time.Duration
	KeyID           string // of the key behind digests and hashed masks

	// Rollout is where the agent is in every rollout of the time; not written
	// where there is none.
	Rollout []Cohort
}

// Cohort is an agent's side of the rollout of a pack.
type Cohort struct {
	Pack    string
	Version int // that is rolled out
	Bucket  int // 0 to 9,999; -1 for a call without an agent
	In      bool
}

func (d *Decision) kind() Kind {
	if d.As == "" {
		return KindDecision
	}
	return d.As
}

func (d *Decision) check() error {
	if !d.kind().isDecision() {
		return fmt.Errorf("%w: %q is no kind of decision", ErrRecord, d.As)
	}
	return checkIdentified(d.TS, d.DecisionID)
}

func (d *Decision) appendBody(dst []byte) []byte {
	dst = appendTime(dst, "ts", d.TS)
	dst = appendText(dst, "decisionId", d.DecisionID)
	dst = appendText(dst, "correlationId", d.CorrelationID)
	dst = appendText(dst, "door", d.Door)
	dst = appendText(dst, "mode", d.Mode)
	dst = appendText(dst, "tenantId", d.TenantID)
	dst = appendText(dst, "agentId", d.AgentID)
	dst = appendText(dst, "callerApp", d.CallerApp)
	dst = appendText(dst, "userId", d.UserID)
	dst = appendText(dst, "userUPN", d.UserUPN)
	dst = appendText(dst, "identity", d.Identity.String())
	dst = appendRoles(dst, d.Roles)
	dst = appendText(dst, "action", d.Action)
	dst = appendResource(dst, d.Resource)
	dst = appendValue(dst, "parameters", d.Parameters)
	dst = appendValue(dst, "context", d.Context)
	return d.appendResult(dst)
}

func (d *Decision) appendResult(dst []byte) []byte {
	dst = appendText(dst, "requestDigest", d.RequestDigest)
	dst = appendText(dst, "decision", d.Decision.String())
	dst = appendText(dst, "reasonCode", string(d.ReasonCode))
	dst = appendText(dst, "reason", d.Reason)
	dst = appendTexts(dst, "advice", d.Advice)
	dst = appendTexts(dst, "policyIds", d.PolicyIDs)
	dst = appendList(dst, "packs", d.Packs, appendPack)
	dst = appendInt(dst, "epoch", d.Epoch)
	dst = appendInt(dst, "policyAgeSeconds", int64(d.PolicyAge/time.Second))
	dst = appendBool(dst, "stale", d.Stale)
	dst = appendList(dst, "obligations", d.Obligations, appendObligation)
	dst = appendText(dst, "approvalId", d.ApprovalID)
	dst = appendText(dst, "approvalOutcome", d.ApprovalOutcome)
	dst = appendTexts(dst, "approvers", d.Approvers)
	dst = appendInt(dst, "latencyUs", d.Latency.Microseconds())
	dst = appendText(dst, "keyId", d.KeyID)
	if len(d.Rollout) == 0 {
		return dst
	}
	return appendList(dst, "rollout", d.Rollout, appendCohort)
}

// Refused is a call of somebody known who may not do this: a 403.
type Refused struct {
	TS            time.Time
	EventID       string
	CorrelationID string
	Door          string // which way in, or the route's name
	TenantID      string
	AgentID       string
	CallerApp     string
	UserID        string
	UserUPN       string
	ApprovalID    string
	ReasonCode    string
	Reason        string
}

func (r *Refused) kind() Kind   { return KindRefused }
func (r *Refused) check() error { return checkIdentified(r.TS, r.EventID) }

func (r *Refused) appendBody(dst []byte) []byte {
	dst = appendTime(dst, "ts", r.TS)
	dst = appendText(dst, "eventId", r.EventID)
	dst = appendText(dst, "correlationId", r.CorrelationID)
	dst = appendText(dst, "door", r.Door)
	dst = appendText(dst, "tenantId", r.TenantID)
	dst = appendText(dst, "agentId", r.AgentID)
	dst = appendText(dst, "callerApp", r.CallerApp)
	dst = appendText(dst, "userId", r.UserID)
	dst = appendText(dst, "userUPN", r.UserUPN)
	dst = appendText(dst, "approvalId", r.ApprovalID)
	dst = appendText(dst, "reasonCode", r.ReasonCode)
	return appendText(dst, "reason", r.Reason)
}

func checkIdentified(ts time.Time, id string) error {
	if ts.IsZero() || id == "" {
		return fmt.Errorf("%w: time or id is missing", ErrRecord)
	}
	return nil
}
