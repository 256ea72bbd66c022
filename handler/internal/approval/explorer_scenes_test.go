package approval_test

import (
	"context"
	"fmt"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// asked is an approval that waits.
func asked(r approval.OpenRequest) func(*approval.Service) error {
	return func(s *approval.Service) error {
		_, _, err := s.Open(context.Background(), r, noon)
		return err
	}
}

// said is a vote that was counted.
func said(who string, choice approval.Choice) func(*approval.Service) error {
	return func(s *approval.Service) error {
		id := firstID()
		_, err := s.Vote(context.Background(), reader(person(who)), approval.Ballot{ApprovalID: id, Choice: choice, Digest: call0.Digest}, noon)
		return err
	}
}

type happened = []func(*approval.Service) error

// scenes are what is explored: everything that two approvers, one user and the
// clock can do to one approval, with whatever fails once.
func scenes() []scene {
	const past = 24 * time.Hour // past approveBy and executeBy
	there := []time.Duration{past}
	andBack := []time.Duration{past, -past}
	waits := happened{asked(twoEyes())}
	approved := happened{asked(twoEyes()), said("mia", approval.Approve), said("omar", approval.Approve)}
	user, other := agent("user", "k", twoEyes()), agent("other", "", twoEyes())
	var all []scene
	choices := []approval.Choice{approval.Approve, approval.Deny}
	for _, mia := range choices {
		for _, omar := range choices {
			first, second := votes("mia", mia), votes("omar", omar)
			name := fmt.Sprintf("mia %s, omar %s", mia, omar)
			all = append(all,
				scene{name: name, before: waits, actors: []actor{first, second}, faults: 1, clock: there, size: medium},
				scene{name: name + ", the user", before: waits, actors: []actor{first, second, user}},
				scene{name: name + ", the user, one fault", before: waits, actors: []actor{first, second, user}, faults: 1, size: large},
				scene{name: name + ", the user, the clock", before: waits, actors: []actor{first, second, user}, clock: andBack, size: large},
				scene{name: name + ", the user, a revocation", before: waits, actors: []actor{first, second, user, revokes()}, size: large},
				scene{name: name + ", the user, a cancellation", before: waits, actors: []actor{first, second, user, cancels()}, size: large},
				scene{name: name + ", the user, a look", before: waits, actors: []actor{first, second, user, looks()}, size: large},
			)
		}
	}
	deny := votes("mia", approval.Deny)
	return append(all,
		scene{name: "from the opening", actors: []actor{opens(oneEye()), votes("mia", approval.Approve), user}},
		scene{name: "from the opening, two faults", actors: []actor{opens(oneEye()), votes("mia", approval.Approve), user}, faults: 2, size: large},
		scene{name: "two askers, two faults, the clock and back", actors: []actor{opens(oneEye()), user}, clock: andBack, faults: 2, size: large},
		scene{name: "pending: a cancellation, a vote, a fault", before: waits, actors: []actor{cancels(), deny}, faults: 1},
		scene{name: "approved: two users", before: approved, actors: []actor{user, other}, faults: 1},
		scene{name: "approved: a user, a denial, a fault", before: approved, actors: []actor{user, deny}, faults: 1},
		scene{name: "approved: a user, a denial, the clock and back", before: approved, actors: []actor{user, deny}, clock: andBack},
		scene{name: "approved: a user, a revocation, the clock, a fault", before: approved, actors: []actor{user, revokes()}, clock: there, faults: 1, size: medium},
		scene{name: "approved: a user, a look, the clock and back", before: approved, actors: []actor{user, looks()}, clock: andBack},
		scene{name: "approved: two users, a denial, a fault", before: approved, actors: []actor{user, other, deny}, faults: 1, size: large},
		scene{name: "approved: two users, a revocation, a fault", before: approved, actors: []actor{user, other, revokes()}, faults: 1, size: large},
		scene{name: "approved: a user, a denial, a revocation, the clock, a fault", before: approved, actors: []actor{user, deny, revokes()}, clock: there, faults: 1, size: large},
		scene{name: "approved: three faults", before: approved, actors: []actor{user, deny}, faults: 3, size: large},
		scene{name: "two askers, a fault", actors: []actor{opens(oneEye()), user}, faults: 1},
	)
}
