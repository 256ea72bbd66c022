package approval

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/authorization-fabric/fabric/policy"
)

// Schema is the version of the stored form that this program writes.
//
// Rules of evolution: a member is only ever added, with an absent one meaning
// what it meant before; a member that an older program does not know survives
// its writes, at the top, in a [Case] and in a [Vote]; where that is not enough
// to be safe the number rises, and a program refuses every number above its own.
const Schema = 1

// Document is everything stored about one slot. It is the stored type: callers
// see [Approval].
type Document struct {
	Schema  int    `json:"schema"`
	Tenant  string `json:"tenant"` // lower case; the partition
	Slot    string `json:"slot"`
	Current Case   `json:"current"`
	// Replays are used approvals of this slot whose stored answer may still be
	// asked for, newest first.
	Replays []Use `json:"replays,omitempty"`
	// Earlier are the closed approvals before Current, newest first, at most
	// [KeepEarlier]; the audit log has all.
	Earlier []Line `json:"earlier,omitempty"`
	// Leftover are messages about an earlier approval that are still to be sent.
	Leftover []Leftover `json:"leftover,omitempty"`

	Unknown jsontext.Value `json:",embed"` // members of a newer schema-1 writer
}

// KeepEarlier is how many closed approvals a document remembers.
const KeepEarlier = 10

// Case is one approval: what was asked, by whom, what is required and what
// happened. Everything that does not say otherwise is frozen at opening.
type Case struct {
	Generation  Generation `json:"generation"`
	Status      Status     `json:"status"` // as last written; the clock may know better
	Application string     `json:"application,omitempty"`
	Agent       string     `json:"agent"`
	Requester   Person     `json:"requester"`
	Identity    Grade      `json:"identity"`
	Door        string     `json:"door"`

	Action       string `json:"action"`
	Title        string `json:"title,omitempty"`
	ResourceType string `json:"resourceType,omitempty"`
	ResourceID   string `json:"resourceId,omitempty"`
	Region       string `json:"region,omitempty"`         // effective
	Label        string `json:"classification,omitempty"` // effective
	AgentTitle   string `json:"agentTitle,omitempty"`
	Zone         string `json:"zone,omitempty"` // IANA name of the bindings' time zone
	Digest       string `json:"requestDigest"`
	KeyID        string `json:"keyId"` // of the environment key behind Digest
	Frozen       Frozen `json:"frozen"`
	Facts        []Fact `json:"facts"` // the rendering for people, masked
	Main         Main   `json:"main"`
	Over         *Over  `json:"over,omitempty"` // nil unless a limit is exceeded that may be shown
	Said         string `json:"said,omitempty"` // what the agent wrote; nothing of it is verified

	Risk         string           `json:"risk,omitempty"` // context.risk as shown
	RiskScore    string           `json:"riskScore,omitempty"`
	Requirements []Requirement    `json:"requirements"`
	Triggers     []string         `json:"triggers"`
	Packs        []policy.PackRef `json:"packs"`

	DecisionID    string `json:"decisionId"` // the decision that opened it
	CorrelationID string `json:"correlationId"`

	OpenedAt  time.Time `json:"openedAt"`
	ApproveBy time.Time `json:"approveBy"`
	ExecuteBy time.Time `json:"executeBy,omitzero"` // set when approved
	ClosedAt  time.Time `json:"closedAt,omitzero"`
	Comment   string    `json:"comment,omitempty"` // of whoever decided last

	Votes         []Vote         `json:"votes,omitempty"`
	PassedOn      []string       `json:"passedOn,omitempty"` // [UserKey] of approvers who said that it is not theirs
	Events        []Event        `json:"events"`
	Notifications []Notification `json:"notifications,omitempty"`
	Use           *Use           `json:"use,omitempty"` // set when consumed

	Unknown jsontext.Value `json:",embed"`
}

// Frozen is the request at opening, unmasked: resuming evaluates Received
// again, and Canonical is what the digest covers. Numbers stand as they were
// sent; blanks and escapes may not.
type Frozen struct {
	Received  jsontext.Value `json:"received"`
	Canonical jsontext.Value `json:"canonical"`
}

// Fact is one line of what an approver reads. Value is masked as the pack says.
type Fact struct {
	Label string `json:"label"`
	Value string `json:"value"`
	Mark  string `json:"mark"` // "pinned", "defaulted", "masked" or ""

	Items   []string `json:"items,omitempty"`   // of a list, or the commands of a line of several
	Command bool     `json:"command,omitempty"` // Value is a command line
}

// Main says which of the facts an approver is to see before all others.
type Main struct {
	Fact int    `json:"fact"`           // index; -1 is none
	Unit string `json:"unit,omitempty"` // of its value, such as a currency
}

// Over is the limit that the call exceeds, in plain decimals.
type Over struct {
	Limit  string `json:"limit"`
	Excess string `json:"excess"`
	Unit   string `json:"unit,omitempty"`
}

// Person is who asked. Both empty: nobody, an agent on its own.
type Person struct {
	ID  string `json:"oid,omitempty"` // object id
	UPN string `json:"upn,omitempty"`
}

// Grade is [policy.Identity] in a stored document.
type Grade struct{ policy.Identity }

// Requirement is an approval rule that must be met.
type Requirement struct {
	PolicyID      string      `json:"policyId"`
	Approvers     []string    `json:"approvers"`
	Exclude       []string    `json:"exclude,omitempty"`
	Need          int         `json:"need"`
	ApproveWithin Seconds     `json:"approveWithin"`
	ExecuteWithin Seconds     `json:"executeWithin"`
	Notify        []string    `json:"notify,omitempty"`
	Escalate      *Escalation `json:"escalate,omitempty"`
	Relay         bool        `json:"relay,omitempty"`
}

// Escalation says who may vote besides, once After has passed since opening.
type Escalation struct {
	After     Seconds  `json:"after"`
	Approvers []string `json:"approvers"`
	Notify    []string `json:"notify,omitempty"`
}

// Seconds is a stored duration.
type Seconds int64

// Duration is s as Go has it.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

// Choice is what a voter said.
type Choice string

// The choices, spelled as in the contract.
const (
	Approve Choice = "approve"
	Deny    Choice = "deny"
)

// Vote is one person's vote and the facts it was judged on.
type Vote struct {
	Event     string    `json:"event"` // id of its event
	Voter     Voter     `json:"voter"`
	Choice    Choice    `json:"vote"`
	PolicyIDs []string  `json:"policyIds"` // the requirements it counted for
	At        time.Time `json:"at"`
	Comment   string    `json:"comment,omitempty"`
	Relayed   bool      `json:"relayed,omitempty"` // mail-asserted, not signed in

	Unknown jsontext.Value `json:",embed"`
}

// Voter is what a token said about a voter.
type Voter struct {
	Tenant        string   `json:"tid"`
	ID            string   `json:"oid,omitempty"`
	UPN           string   `json:"upn,omitempty"`
	Groups        []string `json:"groups,omitempty"`
	GroupsKnown   bool     `json:"groupsKnown,omitempty"`
	AppRoles      []string `json:"appRoles,omitempty"`
	AppRolesKnown bool     `json:"appRolesKnown,omitempty"`
}

// Kind is what an [Event] tells.
type Kind string

// The kinds of event, named as the audit log names them.
const (
	EventOpened   Kind = "approval.opened"
	EventVoted    Kind = "approval.voted"
	EventApproved Kind = "approval.approved"
	EventClosed   Kind = "approval.closed"
	EventConsumed Kind = "approval.consumed"
)

// Event is one transition. It is written with Logged false, handed to the log,
// and then marked.
type Event struct {
	ID         string    `json:"id"` // unique; the log counts it once
	Kind       Kind      `json:"kind"`
	At         time.Time `json:"at"`
	Status     Status    `json:"status"`               // after the event
	By         string    `json:"by"`                   // app:<client id>, oid:<object id>, developer, clock or manifest
	DecisionID string    `json:"decisionId,omitempty"` // the decision behind it
	Comment    string    `json:"comment,omitempty"`
	Logged     bool      `json:"logged"`
}

// Notification is one message to one recipient, sent until accepted.
type Notification struct {
	Kind        Notice    `json:"kind"`
	Recipient   string    `json:"recipient"` // a mail address
	Nonce       string    `json:"nonce"`     // secret between the mail and a relay
	Due         time.Time `json:"due"`
	Attempts    int       `json:"attempts,omitempty"`
	LeasedUntil time.Time `json:"leasedUntil,omitzero"`
	SentAt      time.Time `json:"sentAt,omitzero"`
	RejectedAt  time.Time `json:"rejectedAt,omitzero"` // it will never be accepted, and is not tried again
}

// Notice is what a message is about.
type Notice string

// The notices.
const (
	NoticeAsked     Notice = "asked"     // to approvers, when it was opened
	NoticeReminder  Notice = "reminder"  // to approvers, halfway to approveBy
	NoticeEscalated Notice = "escalated" // to those who may vote besides from then on
	NoticePassedOn  Notice = "passedOn"  // to the others: an approver says it is not theirs
	NoticeOutcome   Notice = "outcome"   // to the requester, when it was decided
)

// Use is the one use of an approval and the answer that was given.
type Use struct {
	Generation     Generation `json:"generation"`
	DecisionID     string     `json:"decisionId"`
	IdempotencyKey string     `json:"idempotencyKey,omitempty"`
	At             time.Time  `json:"at"`
	Until          time.Time  `json:"until"` // the answer may be asked for again before
	GrantEnds      time.Time  `json:"grantEnds,omitzero"`
	Withdrawn      bool       `json:"withdrawn,omitempty"` // revoked after use: never answered again

	Answer jsontext.Value `json:"answer"` // as given, without its receipt
	Record jsontext.Value `json:"record"` // the decision's audit record
}

// Line is a closed approval that has given way to a later one.
type Line struct {
	Generation Generation `json:"generation"`
	Status     Status     `json:"status"`
	OpenedAt   time.Time  `json:"openedAt"`
	ClosedAt   time.Time  `json:"closedAt"`
	Comment    string     `json:"comment,omitempty"`
	UsedBy     string     `json:"usedBy,omitempty"` // the decision that used it
	Approved   bool       `json:"approved,omitempty"`
	Events     []string   `json:"events,omitempty"` // ids
}

// Leftover is a message about an approval that has given way to a later one.
type Leftover struct {
	Line         Line         `json:"line"`
	Notification Notification `json:"notification"`
}

// ID is the public id of the document's current approval.
func (d *Document) ID() string { return ID(d.Slot, d.Current.Generation) }

// VoteOf is the vote that an event tells of, or nil.
func (c *Case) VoteOf(e *Event) *Vote {
	for i := range c.Votes {
		if c.Votes[i].Event == e.ID {
			return &c.Votes[i]
		}
	}
	return nil
}

// stamp is an instant as documents hold it.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
