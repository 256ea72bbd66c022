package audit

import (
	"fmt"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// ApprovalOpened is the birth of an approval: who asks for what, what was
// raised, who must agree, and the facts exactly as approvers are shown them.
type ApprovalOpened struct {
	TS            time.Time
	EventID       string
	ApprovalID    string
	DecisionID    string
	CorrelationID string
	TenantID      string
	AgentID       string
	CallerApp     string
	UserID        string
	UserUPN       string
	Identity      policy.Identity
	Action        string
	Title         string
	Resource      Resource
	RequestDigest string
	Facts         []Fact
	Triggers      []string
	Requirements  []Requirement
	Packs         []policy.PackRef
	ApproveBy     time.Time
}

// Fact is one line that an approver is shown, masked.
type Fact struct {
	Label string
	Value string
	Mark  string // pinned, defaulted, masked or ""
}

// Requirement is one rule that must be met by people.
type Requirement struct {
	PolicyID      string
	Approvers     []string
	Exclude       []string
	Need          int
	ApproveWithin time.Duration
	ExecuteWithin time.Duration
}

func (a *ApprovalOpened) kind() Kind { return KindApprovalOpened }

func (a *ApprovalOpened) check() error {
	if a.ApprovalID == "" {
		return fmt.Errorf("%w: approval id is missing", ErrRecord)
	}
	return checkIdentified(a.TS, a.EventID)
}

func (a *ApprovalOpened) appendBody(dst []byte) []byte {
	dst = appendTime(dst, "ts", a.TS)
	dst = appendText(dst, "eventId", a.EventID)
	dst = appendText(dst, "approvalId", a.ApprovalID)
	dst = appendText(dst, "decisionId", a.DecisionID)
	dst = appendText(dst, "correlationId", a.CorrelationID)
	dst = appendText(dst, "tenantId", a.TenantID)
	dst = appendText(dst, "agentId", a.AgentID)
	dst = appendText(dst, "callerApp", a.CallerApp)
	dst = appendText(dst, "userId", a.UserID)
	dst = appendText(dst, "userUPN", a.UserUPN)
	dst = appendText(dst, "identity", a.Identity.String())
	dst = appendText(dst, "action", a.Action)
	dst = appendText(dst, "title", a.Title)
	dst = appendResource(dst, a.Resource)
	dst = appendText(dst, "requestDigest", a.RequestDigest)
	dst = appendList(dst, "facts", a.Facts, appendFact)
	dst = appendTexts(dst, "triggers", a.Triggers)
	dst = appendList(dst, "requirements", a.Requirements, appendRequirement)
	dst = appendList(dst, "packs", a.Packs, appendPack)
	return appendTime(dst, "approveBy", a.ApproveBy)
}

func appendFact(dst []byte, f Fact) []byte {
	dst = appendText(dst, "label", f.Label)
	dst = appendText(dst, "value", f.Value)
	return appendText(dst, "mark", f.Mark)
}

func appendRequirement(dst []byte, r Requirement) []byte {
	dst = appendText(dst, "policyId", r.PolicyID)
	dst = appendTexts(dst, "approvers", r.Approvers)
	dst = appendTexts(dst, "exclude", r.Exclude)
	dst = appendInt(dst, "need", int64(r.Need))
	dst = appendInt(dst, "approveWithinSeconds", int64(r.ApproveWithin/time.Second))
	return appendInt(dst, "executeWithinSeconds", int64(r.ExecuteWithin/time.Second))
}

// Event is the record of every kind that has no type of its own: what happens
// to an approval, an outcome, a policy or the log. Empty fields are absent.
type Event struct {
	Kind          Kind
	TS            time.Time
	EventID       string // readers count an id once
	CorrelationID string
	DecisionID    string
	ApprovalID    string
	TenantID      string
	AgentID       string
	CallerApp     string // the application that acted
	UserID        string // the person who acted
	UserUPN       string
	Identity      policy.Identity
	RequestDigest string // what a voter was shown
	Outcome       string // approve, deny, expired, executed, …
	Reason        string // why, or the outcome's detail
	Comment       string // what a person wrote
	PolicyIDs     []string
	Packs         []policy.PackRef
	Epoch         int64
	KeyID         string
	Detail        strictjson.Value // what else the kind holds: an object or Absent
}

func (e *Event) kind() Kind { return e.Kind }

func (e *Event) check() error {
	if !e.Kind.isEvent() {
		return fmt.Errorf("%w: %q is no kind of event", ErrRecord, e.Kind)
	}
	return checkIdentified(e.TS, e.EventID)
}

func (e *Event) appendBody(dst []byte) []byte {
	dst = appendTime(dst, "ts", e.TS)
	dst = appendText(dst, "eventId", e.EventID)
	dst = appendText(dst, "correlationId", e.CorrelationID)
	dst = appendText(dst, "decisionId", e.DecisionID)
	dst = appendText(dst, "approvalId", e.ApprovalID)
	dst = appendText(dst, "tenantId", e.TenantID)
	dst = appendText(dst, "agentId", e.AgentID)
	dst = appendText(dst, "callerApp", e.CallerApp)
	dst = appendText(dst, "userId", e.UserID)
	dst = appendText(dst, "userUPN", e.UserUPN)
	dst = appendText(dst, "identity", e.Identity.String())
	dst = appendText(dst, "requestDigest", e.RequestDigest)
	dst = appendText(dst, "outcome", e.Outcome)
	dst = appendText(dst, "reason", e.Reason)
	dst = appendText(dst, "comment", e.Comment)
	dst = appendTexts(dst, "policyIds", e.PolicyIDs)
	dst = appendList(dst, "packs", e.Packs, appendPack)
	dst = appendInt(dst, "epoch", e.Epoch)
	dst = appendText(dst, "keyId", e.KeyID)
	return appendValue(dst, "detail", e.Detail)
}
