package approval

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// What people and callers can add to a document, so that nobody can fill it
// and keep the next one from saying no. Of what the packs put in (requirements,
// recipients) there is as much as their authors wrote.
const (
	// MaxComment is how long what a person writes may be, in characters.
	MaxComment = 1000

	maxVotes         = 50              // approvals that nobody needs any more are noted up to here
	maxPassedOn      = 10              // approvers who say that it is not theirs, and are listened to
	maxNotifications = 1000            // beyond it nobody is told again
	keepLeftover     = 20              // messages about earlier approvals
	keepReplays      = 500_000         // bytes of answers to earlier uses
	roomToClose      = 200_000         // bytes that no approval takes, so that a denial always fits
	roomToUse        = 3 * roomToClose // bytes that a new approval leaves at least
	restOfUse        = roomToClose / 2 // bytes of a use besides the parameters
)

// ErrComment is a comment that is no text or longer than [MaxComment].
var ErrComment = errors.New("a comment has at most 1,000 characters")

func checkComment(text string) error {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > MaxComment {
		return ErrComment
	}
	return nil
}

// leaves reports whether d, as it would be stored, leaves so many bytes of a
// record unused.
func (d *Document) leaves(room int) error {
	body, err := Encode(d)
	if err != nil {
		return err
	}
	if len(body) > MaxBody-room {
		return fmt.Errorf("%d bytes, and %d must stay free: %w", len(body), room, ErrTooLarge)
	}
	return nil
}

// roomToUse is what a use of c will take: its answer and its record each hold
// the parameters, which a mask may have made longer than they were sent. What
// could never be used is not asked about.
func (c *Case) roomToUse() int {
	parameters := 0
	for i := range c.Facts {
		parameters += len(c.Facts[i].Value)
	}
	return max(roomToUse, 2*parameters+restOfUse)
}

// takes reports whether c still takes an approval for these requirements: one
// that is needed always, others while there are few.
func (c *Case) takes(policyIDs []string) bool {
	return len(c.Votes) < maxVotes || slices.ContainsFunc(c.Requirements, func(r Requirement) bool {
		return slices.Contains(policyIDs, r.PolicyID) && len(c.approving(r.PolicyID)) < r.Need
	})
}

// boundReplays keeps the newest of d's stored answers.
func (d *Document) boundReplays() {
	size := 0
	for i := range d.Replays {
		if size += len(d.Replays[i].Answer) + len(d.Replays[i].Record); size > keepReplays {
			d.Replays = d.Replays[:i]
			return
		}
	}
}
