package policy

import (
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Request is one call that an agent wants to make, as the HTTP contract
// validated it: identifiers are in their profile, Parameters, Context and
// Resource.Attributes are JSON objects or Absent, and null members of Context
// and Attributes are gone. Nothing in it is believed about the caller.
type Request struct {
	Agent      string
	Action     string
	Resource   Resource
	Parameters strictjson.Value
	Context    strictjson.Value
}

// Resource is what the call is about. Empty strings are absent facts.
type Resource struct {
	Type           string
	ID             string
	Region         string
	Classification string
	Tenant         string
	Attributes     strictjson.Value
}

// Identity is how well the user is known. The zero Identity is no user at all.
type Identity uint8

// The grades of identity, weakest first: of two the larger is the stronger.
const (
	None     Identity = iota // no user
	Asserted                 // a trusted application says so
	Verified                 // a token of the user's own says so
)

// String is the word of the contract: none, asserted or verified.
func (i Identity) String() string { return [...]string{"none", "asserted", "verified"}[i] }

// Subject is who asks: a tenant, the calling application and the user it acts
// for. The identity package makes it from a validated token, never from a body
// alone.
type Subject struct {
	Tenant      string
	Application string // client id
	AnyAgent    bool   // a caller of every agent: the local developer only
	Identity    Identity
	User        User
}

// User is a person. ID is the object id, UPN the user principal name; either
// may be unknown. A nil Groups with GroupsKnown false means that nobody told
// (an asserted user, or a token with group overage), which is not the same as
// having none.
type User struct {
	ID            string
	UPN           string
	Groups        []string
	GroupsKnown   bool
	AppRoles      []string
	AppRolesKnown bool
}

// Input is everything a decision depends on. Equal inputs over one [Set] give
// byte-identical decisions.
type Input struct {
	Request   Request
	Subject   Subject
	Now       time.Time
	Stale     bool     // the policy is past its hard age limit
	Suspended []string // "agent:ID", "caller:ID", "tenant:ID" out of service
	Approval  Approval // what the approval store knows of this call
	Key       *Key     // digests and hashed masks
}

// ApprovalState is what became of the approval of a call.
type ApprovalState uint8

// The states the evaluator tells apart. Votes count only under ApprovalOpen.
const (
	NoApproval     ApprovalState = iota
	ApprovalOpen                 // pending or approved: votes count
	ApprovalDenied               // a person said no
	ApprovalExpired
	ApprovalRevoked
	ApprovalMismatch // the id given is unknown, or of another call
	ApprovalLimit    // too many open ones: none can be opened
)

// Approval holds the facts of the approval store about exactly this call. They
// never come from the caller.
type Approval struct {
	State ApprovalState
	Named bool              // the request named the approval by its id
	Votes map[string][]User // approving votes by public rule id, each a person
	// Relayed are votes like Votes that were cast by mail: nobody signed in. They
	// count only where today's rule takes them.
	Relayed map[string][]User

	Opened time.Time // when it was opened: escalate.after counts from it; zero is long ago
	Shown  *Shown    // what its approvers were shown; nil is not compared
	Note   string    // a sentence of ours about an earlier approval of this call; ends the reason, unless disclosure is codes
}

// Shown is what the approvers of a call were shown when it was opened. Votes
// count for a call that raises nothing besides, whose identity is as strong and
// whose risk is no higher.
type Shown struct {
	Triggers  []string
	Identity  Identity
	Risk      string // context.risk; "" is absent
	RiskScore string // context.riskScore in plain notation; "" is absent
}

// Ballot is a person's vote as it is judged.
type Ballot struct {
	Voter   User
	Relayed bool // answered by mail: nobody signed in
}
