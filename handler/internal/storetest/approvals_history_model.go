package storetest

import (
	"errors"
	"fmt"

	"github.com/anishathalye/porcupine"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// act is what a client of an approval does.
type act uint8

const (
	look act = iota
	approve
	deny
	revoke
	use
	acts // how many there are
)

var actWords = [acts]string{"look", "approve", "deny", "revoke", "use"}

func (a act) String() string { return actWords[a] }

// move is one act of one client.
type move struct {
	act   act
	voter string // of a vote
	id    string // of the decision that a use is for
}

func (m move) String() string { return m.act.String() + " " + m.voter + m.id }

// ending is how a move ended, as far as its client knows.
type ending uint8

const (
	unknown  ending = iota // an error that says nothing, or a lost reply
	done                   // it took effect, or had before
	tooLate                // refused for certain: the approval is closed
	unusable               // refused for certain: not used for this decision, ever
	endings                // how many there are
)

var endingWords = [endings]string{"unknown", "done", "too late", "unusable"}

func (e ending) String() string { return endingWords[e] }

// reply is what a client was told, all that it was told.
type reply struct {
	ending ending
	status approval.Status
	people int // who approved
}

func (r reply) String() string {
	return fmt.Sprintf("%s %s %d", r.ending, r.status, r.people)
}

// replyOf is what an answer of the service says. Whatever error does not say
// for certain that nothing happened says nothing.
func replyOf(a approval.Approval, err error) reply {
	r := reply{ending: done}
	if closed, ok := errors.AsType[*approval.ClosedError](err); ok {
		r.ending, a = tooLate, closed.Approval
	} else if errors.Is(err, approval.ErrUsed) {
		return reply{ending: unusable}
	} else if err != nil {
		return reply{}
	}
	r.status = a.Status
	if len(a.Requirements) > 0 {
		r.people = a.Requirements[0].Have
	}
	return r
}

// standing is an approval as the model has it: of one requirement, for whom
// Mia and Omar may vote. The clock stands still.
type standing struct {
	need      int
	status    approval.Status
	mia, omar bool   // who approved
	denier    string // whose no closed it
}

func (s standing) people() (n int) {
	for _, approved := range []bool{s.mia, s.omar} {
		if approved {
			n++
		}
	}
	return n
}

func (s standing) reply(e ending) reply {
	return reply{ending: e, status: s.status, people: s.people()}
}

// after is what the approval becomes when m takes effect, and what is replied.
func (s standing) after(m move) (standing, reply) {
	switch {
	case m.act == use && s.status != approval.Approved:
		return s, reply{ending: unusable}
	case m.act == use:
		s.status = approval.Consumed
	case m.act == look, m.act == deny && s.denier == m.voter: // reads, or says it again
	case !s.status.Open():
		return s, s.reply(tooLate)
	case m.act == revoke:
		s.status = approval.Revoked
	case m.act == deny:
		s = s.denied(m.voter)
	case m.act == approve:
		s = s.approved(m.voter)
	}
	return s, s.reply(done)
}

func (s standing) denied(voter string) standing {
	s.denier = voter
	if s.status == approval.Approved {
		s.status = approval.Revoked
	} else {
		s.status = approval.Denied
	}
	return s
}

func (s standing) approved(voter string) standing {
	s.mia, s.omar = s.mia || voter == "mia", s.omar || voter == "omar"
	if s.people() >= s.need {
		s.status = approval.Approved
	}
	return s
}

// approvalModel is an approval that needs so many people, one move after the
// other.
//
// A move with an unknown end has no return before the end of the history, and
// nothing that it would be told is held against it. So the checker may let it
// take effect at any time, or behind everything else, which nobody can tell
// from never: no choice between states is needed.
func approvalModel(need int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return standing{need: need, status: approval.Pending} },
		Step: func(state, in, out any) (bool, any) {
			next, want := state.(standing).after(in.(move))
			got := out.(reply)
			if in.(move).act == approve && got.ending == done {
				// What became of the approval since is a look of its own.
				return want.ending == done, next
			}
			return got.ending == unknown || got == want, next
		},
	}
}
