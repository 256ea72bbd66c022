package policy

import (
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Outcome is the answer to a call. The zero Outcome is Deny.
type Outcome uint8

// The outcomes, most restrictive first: of two the smaller wins.
const (
	Deny Outcome = iota
	RequireApproval
	Mask
	Allow
)

// String is the word of the contract.
func (o Outcome) String() string {
	return [...]string{"DENY", "REQUIRE_APPROVAL", "MASK", "ALLOW"}[o]
}

// Execute reports whether the call may run.
func (o Outcome) Execute() bool { return o >= Mask }

// Decision is what a call gets. Slices are never nil in what [Set.Decide]
// returns, and nothing in it holds a value that a mask covers.
type Decision struct {
	Outcome      Outcome
	Code         Code
	PolicyIDs    []string
	Identity     Identity
	Digest       string           // "" where no canonical call exists, see policy-pack 2.9
	Effective    strictjson.Value // object, members sorted by name; masked; {} on Deny
	Obligations  []Obligation
	Triggers     []string // what was raised: "overLimit", "ask:<pack>/<rule>", "always"
	Requirements []Requirement
	Alternatives []Alternative
	Reason       string
	UserMessage  string
	Advice       []string
	Packs        []PackRef // the packs of the tenant, in order
	Audience     string    // of the action: who is to check a grant; "" where none is named
	Recorded     Recorded
	Asked        *Asked      // nil unless REQUIRE_APPROVAL
	Trace        []TraceLine // nil unless asked for
}

// Obligation is what the caller must do besides: mask an output.
type Obligation struct {
	Type   string `json:"type"`
	Path   string `json:"path"`
	Method string `json:"method"`
}

// Requirement is one approval rule that a call must meet.
type Requirement struct {
	PolicyID      string
	Approvers     []string // as written: "role:X" "user:…" "oid:…" "group:…" "entitled"
	Exclude       []string
	Need          int
	Have          int
	ApproveWithin time.Duration
	ExecuteWithin time.Duration
	Notify        []string // mailto: addresses, with those that follow from approvers
	Escalate      *Escalation
	Relay         bool
}

// Escalation says who else may vote once After has passed.
type Escalation struct {
	After     time.Duration
	Approvers []string
	Notify    []string
}

// Alternative is the nearest call that would be allowed.
type Alternative struct {
	Parameter string
	Value     string
	Outcome   Outcome
}

// PackRef names a pack at one version.
type PackRef struct {
	Pack      string `json:"pack"`
	Version   int    `json:"version"`
	Hash      string `json:"hash"`
	RulesHash string `json:"rulesHash"`
}

// RoleGrant is a role that the subject holds and through which membership.
type RoleGrant struct {
	Pack string `json:"pack"`
	Role string `json:"role"`
	Via  string `json:"via"`
}

// Recorded is what the audit log may hold of the call, masked for every
// outcome (policy-pack 11.2).
type Recorded struct {
	ResourceType   string
	Region         string // effective
	Classification string // effective
	Parameters     strictjson.Value
	Context        strictjson.Value // values the policy used; free text as length and HMAC
	Roles          []RoleGrant
}

// TraceLine is one step of the evaluation, for people and for ?trace=1.
type TraceLine struct {
	Stage  string `json:"stage"`
	Rule   string `json:"rule"`
	Result string `json:"result"` // matched | not matched | error | denied | asks | allows | …
	Detail string `json:"detail"`
}

// Asked is what people who must approve a call are shown and what the approval
// is bound to. It comes with REQUIRE_APPROVAL only.
type Asked struct {
	Title        string // the action's, or its id
	ResourceType string
	Canonical    []byte // the JSON that the digest covers, before masking
	Facts        []Fact // parameters by label, in the order of their names
	Risk         string // context.risk where some pack declares it
	RiskScore    string // context.riskScore in plain notation
	Zone         *time.Location

	Agent          string // its title, or its id
	Region         string // effective
	Classification string // effective
	Main           int    // index in Facts of what matters most; -1 is none
	Unit           string // of the main fact, such as a currency
	Over           *Over  // nil unless a limit is exceeded that may be shown
	Said           string // what the agent wrote; nothing of it is verified
}

// Over is by how much a call exceeds the largest limit of its subject, in plain
// decimals.
type Over struct {
	Limit  string
	Excess string
	Unit   string
}

// Fact is one line that an approver reads, masked and with secrets redacted.
type Fact struct {
	Label string
	Value string
	Mark  string // "pinned", "masked" or ""

	// Items are the members of a list of strings, or the commands of a line
	// that holds several and can be read for certain. Value has them too.
	Items   []string
	Command bool // Value is a command line
}
