package approval_test

import (
	"errors"

	"github.com/anishathalye/porcupine"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// asking is what a client of one approval asks for: a vote, a use or a look.
type asking struct {
	voter    string          // "" for no vote
	choice   approval.Choice //
	decision string          // of a use, "" for none
}

// answered is what a client was told.
type answered struct {
	unknown bool // the answer was lost, or says that nobody knows
	status  approval.Status
	votes   int  // people, of a look
	closed  bool // refused: it is closed, with status
	used    bool // refused: it cannot be used
}

// believed is an approval as the model has it: it needs two people.
type believed struct {
	status approval.Status
	mia    bool // has approved
	omar   bool
	denier string
}

func (b believed) people() int { return int(bit(b.mia)) + int(bit(b.omar)) }

// after is what becomes of the approval when the asking takes effect, and what
// is answered then.
func (b believed) after(in asking) (believed, answered) {
	switch {
	case in.decision != "" && b.status == approval.Approved:
		b.status = approval.Consumed
		return b, answered{status: approval.Consumed}
	case in.decision != "":
		return b, answered{used: true}
	case in.voter == "":
		return b, answered{status: b.status, votes: b.people()}
	case in.choice == approval.Deny && b.denier == in.voter:
		return b, answered{status: b.status} // said already
	case !b.status.Open():
		return b, answered{closed: true, status: b.status}
	case in.choice == approval.Deny && b.status == approval.Approved:
		b.status, b.denier = approval.Revoked, in.voter
	case in.choice == approval.Deny:
		b.status, b.denier = approval.Denied, in.voter
	default:
		b.mia, b.omar = b.mia || in.voter == "mia", b.omar || in.voter == "omar"
		if b.status == approval.Pending && b.people() == 2 {
			b.status = approval.Approved
		}
	}
	return b, answered{status: b.status}
}

// oneApproval is the model of an approval. What is not known may have taken
// effect, at once or any time later, or never.
func oneApproval() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{believed{status: approval.Pending}} },
		Step: func(state, in, out any) []any {
			next, want := state.(believed).after(in.(asking))
			switch got := out.(answered); {
			case got.unknown:
				return []any{state, next}
			case got == want, in.(asking).voter != "" && got.looksLater(want):
				return []any{next}
			}
			return nil
		},
	}
	return m.ToModel()
}

// looksLater: a voter whose vote counted may be told what became of it since.
func (a answered) looksLater(want answered) bool {
	return !a.closed && !want.closed && !a.used && !want.used
}

// answerOf is what an answer of the service says.
func answerOf(a approval.Approval, err error) answered {
	var closed *approval.ClosedError
	switch {
	case err == nil:
		return answered{status: a.Status}
	case errors.As(err, &closed):
		return answered{closed: true, status: closed.Approval.Status}
	case errors.Is(err, approval.ErrUsed):
		return answered{used: true}
	}
	return answered{unknown: true}
}
