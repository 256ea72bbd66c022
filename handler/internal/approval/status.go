package approval

import "fmt"

// Status is what became of an approval. The zero Status is no approval at all,
// which lifts nothing.
//
//	pending --all requirements met--> approved --used by the same call--> consumed
//	   |--a denial--> denied             |--a denial, or revoked--> revoked
//	   |--approveBy passes--> expired    |--executeBy passes--> expired
//	   |--cancelled--> cancelled         |--today's rules want more--> superseded
//
// Pending and Approved are open. Every other status is closed for ever.
type Status uint8

// The statuses.
const (
	NoStatus   Status = iota
	Pending           // waits for votes until approveBy
	Approved          // every requirement met; may be used once until executeBy
	Consumed          // used by its call
	Denied            // a person said no while it was pending
	Expired           // its time passed; never an approval, never a person's no
	Revoked           // a person took it back, or the store was restored behind it
	Cancelled         // the asking application withdrew it while it was pending
	Superseded        // approved, but today's rules want more
)

var statusTexts = [...]string{
	"", "pending", "approved", "consumed", "denied", "expired", "revoked", "cancelled", "superseded",
}

// String is the word of the contract; "" for [NoStatus].
func (s Status) String() string {
	if int(s) < len(statusTexts) {
		return statusTexts[s]
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// Open reports whether an approval of this status can still become something
// else.
func (s Status) Open() bool { return s == Pending || s == Approved }

// MarshalText writes the word of [Status.String].
func (s Status) MarshalText() ([]byte, error) {
	if int(s) >= len(statusTexts) {
		return nil, fmt.Errorf("approval status %d has no name", uint8(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads the word of [Status.String] and refuses any other.
func (s *Status) UnmarshalText(text []byte) error {
	for i, word := range statusTexts {
		if word == string(text) {
			*s = Status(i)
			return nil
		}
	}
	return fmt.Errorf("no approval status is called %q", text)
}
