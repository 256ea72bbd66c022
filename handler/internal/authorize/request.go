package authorize

import (
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Request is a call as a door received it: in the profile of the contract, but
// not yet believed. Empty strings are absent fields.
type Request struct {
	CorrelationID string // made by Decide when absent
	TenantID      string
	AgentID       string
	UserUPN       string
	UserID        string
	Action        string // "" to resume by ApprovalID
	Resource      policy.Resource
	Parameters    strictjson.Value // object or Absent
	Context       strictjson.Value // object or Absent
	ApprovalID    string
}

// Door is the way a call came in; every door leads to the same decision.
type Door string

// The doors.
const (
	DoorAuthorize Door = "authorize"
	DoorCopilot   Door = "copilot"
	DoorAuthZEN   Door = "authzen"
	DoorMCP       Door = "mcp"
)

// Mode says whether a decision has effects.
type Mode string

// Enforce opens approvals and signs grants; Preview decides alike and does
// neither.
const (
	Enforce Mode = "enforce"
	Preview Mode = "preview"
)

// Call is how a request is to be decided.
type Call struct {
	Door           Door
	Mode           Mode
	Deadline       time.Time // zero: none but the context's
	IdempotencyKey string
	Trace          bool // fill Answer.Trace
}

// Answer is a recorded decision in the shape of the contract. Slices are never
// nil.
type Answer struct {
	Decision            policy.Outcome
	UserMessage         string
	ReasonCode          policy.Code
	Reason              string
	Advice              []string
	DecisionID          string
	CorrelationID       string
	PolicyIDs           []string
	Policy              PolicyState
	Identity            policy.Identity
	RequestDigest       string
	EffectiveParameters strictjson.Value
	Obligations         []policy.Obligation
	Approval            Approval
	Alternatives        []policy.Alternative
	Grant               string
	Receipt             Receipt
	EvaluatedAt         time.Time
	Warnings            []string
	Trace               []policy.TraceLine
	Tenant              string // that it was decided in; no part of the body
}

// PolicyState is which policy decided, and how old it was.
type PolicyState struct {
	Environment string
	Epoch       int64
	AgeSeconds  int64
	Stale       bool
	Packs       []policy.PackRef
}

// Approval is the approval that a decision waits for or used; the zero value
// means none.
type Approval struct {
	ID               string
	Status           string
	Final            bool
	Triggers         []string
	StatusURL        string
	PollAfterSeconds int
	ApproveBy        time.Time // zero: ""
	ExecuteBy        time.Time // zero until approved
	Comment          string
	Requirements     []policy.Requirement
}

// Receipt says where the audit record is; Hash is of that line.
type Receipt struct {
	Segment string
	Seq     uint64
	Hash    string
}
