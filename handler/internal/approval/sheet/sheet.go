package sheet

import (
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// Sheet is an approval as a person reads it.
type Sheet struct {
	ID      string
	Digest  string // of the call that is shown: a vote must name it
	Status  string // in words
	Open    bool   // it can still become something else
	Pending bool   // it waits for votes

	Headline string // the main fact, such as an amount
	Amount   string // Headline where it is a number, which is fit for a mail's subject; "" otherwise
	Title    string // of the action
	Resource string // what the call is on, in words; "" for nothing

	Who   string   // who asks and how sure that is
	Agent string   // through which agent
	Why   []string // why a person is needed; none of an earlier approval
	Facts []Fact   // the parameters

	// Escapes says that somewhere in the sheet a character that cannot be seen
	// is written as an escape.
	Escapes bool

	Deadline string // "" once it is closed
	Then     string // what happens if nothing is done
	Effect   string // what approving does
	Past     string // what the requester asked for before; "" if not known
	Said     string // what the agent wrote, nothing of it verified; "" for nothing

	Progress []Requirement // none of an earlier approval
	Outcome  string        // what became of it; "" while it is pending
	Comment  string        // what the person who decided wrote with it
}

// Fact is one parameter.
type Fact struct {
	Label string
	Value string   // whole; "" for a list, which Items hold
	Mark  string   // "pinned", "defaulted", "masked" or ""
	Items []string // each whole: the items of a list, or besides Value the commands of a line of several
	Noun  string   // what Items are: "items" or "commands"
}

// Requirement is one rule and how far it is met.
type Requirement struct {
	Title     string   // the rule's public id
	Approvers []string // who may vote, in words
	Except    []string // who may not, in words
	Need      int      // votes of distinct people
	Have      int
	Votes     []Vote
}

// Vote is what a person said, in words.
type Vote struct{ Person, Choice, At, Comment string }

// Input is what a sheet is made of.
type Input struct {
	Document *approval.Document // of Approval, or of one that it gave way to; read only
	Approval approval.Approval
	Past     approval.Past // zero: not known
	Now      time.Time

	// ViewerLimit is the reader's own limit: "" not known, else an amount or
	// "no limit".
	ViewerLimit string
	// Title is an approver of a rule in words, "" where it has none. nil: what
	// the rule says is put into words.
	Title func(policyID, approver string) string
}

// Of makes the sheet of an approval.
func Of(in Input) Sheet {
	b := builder{Input: in, c: &in.Document.Current, zone: zoneOf(in.Document.Current.Zone)}
	b.earlier = in.Approval.ID != in.Document.ID()
	status := in.Approval.Status
	s := Sheet{
		ID: b.line(in.Approval.ID), Digest: b.line(in.Approval.Digest),
		Status: statusWords(status), Open: status.Open(), Pending: status == approval.Pending,
		Title: b.title(), Resource: b.resource(), Who: b.who(), Agent: b.agent(), Facts: b.facts(),
		Past: b.past(),
	}
	s.Headline, s.Amount = b.headline(s.Title)
	if !b.earlier {
		s.Why, s.Progress, s.Said = b.why(), b.progress(), b.prose(b.c.Said, maxSaid)
	}
	s.Deadline, s.Then, s.Effect = b.course()
	s.Outcome, s.Comment = b.outcome()
	s.Escapes = b.escaped
	return s
}

// builder makes one sheet.
type builder struct {
	Input
	c       *approval.Case // what is known of the call, and the course of a current approval
	earlier bool           // Approval is not c, but one before it
	zone    *time.Location
	escaped bool // a character was written as an escape
}

func statusWords(s approval.Status) string {
	switch s {
	case approval.Pending:
		return "Waiting for approval"
	case approval.Approved:
		return "Approved, not used yet"
	case approval.Consumed:
		return "Used"
	case approval.Denied:
		return "Denied"
	case approval.Expired:
		return "Expired"
	case approval.Revoked:
		return "Taken back"
	case approval.Cancelled:
		return "Withdrawn"
	case approval.Superseded:
		return "Replaced"
	case approval.NoStatus:
	}
	return "Not known"
}
