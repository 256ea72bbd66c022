package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Search says which decisions are wanted: those that meet every criterion that
// is not empty. Identifiers are compared whole; tenants, users and
// applications without regard to case.
type Search struct {
	Text        string // a decision, approval, correlation or resource id
	Approval    string
	Correlation string
	Resource    string // id
	Tenant      string
	Agent       string
	User        string // UPN or object id
	Application string // client id of the application that asked
	Outcome     string // ALLOW, DENY, REQUIRE_APPROVAL or MASK

	Environment string    // "" means all
	Since       time.Time // zero: 30 days before Until, or Now
	Until       time.Time // decisions before this instant; zero: all
	Now         time.Time // required
	Limit       int       // 0 means 50; at most 200
	Page        string    // Next of the page before; "" for the first
}

const (
	findDefault = 50
	findMost    = 200
)

// ErrPage means that a page token is not one of ours.
var ErrPage = errors.New("no page token")

// Result is one page of decisions and previews, each once, newest first;
// replays are told by [Why]. It says whether a record may never have been
// answered, but proves nothing of the chains.
type Result struct {
	Entries []Entry
	More    bool      // there is more, or was not looked for: Next goes on
	Next    string    // the page token of what follows; "" at the end
	Since   time.Time // how far back was looked
}

// Find looks for decisions, from the newest back, and stops at a full page.
//
// A segment is read from its end, in blocks, and only as far as it can hold
// what belongs on the page: a page of what is frequent costs a block or two of
// each lane, whatever the size of the log. What is rare costs reading the span
// once, at the speed of looking for bytes; only lines that hold the criteria
// are parsed. Memory is a page for each segment of a few, and a block for each
// processor. A page further back within an hour reads that hour from its end
// again.
//
// If ctx ends first the error is that of the context, and the result is what
// was found so far: complete back to Since, where Next goes on.
//
// Decisions come in the order of their times. One that was written more than
// an hour after its time, as after a crash, stands where it was written. A
// clock that is set back by more than ten minutes within one hour may hide
// decisions of these minutes from a page; [Why] finds them.
func Find(ctx context.Context, r Reader, s Search) (Result, error) {
	f, err := newFinder(ctx, r, s)
	if err != nil {
		return Result{}, fmt.Errorf("find decisions: %w", err)
	}
	result, err := f.run(ctx)
	if err != nil {
		err = fmt.Errorf("find decisions: %w", err)
	}
	return result, err
}

// place is where a decision stands in the order: newest first, those of one
// instant by id.
type place struct {
	at time.Time // to the millisecond
	id string
}

// compare is negative where p stands before q.
func (p place) compare(q place) int {
	if c := q.at.Compare(p.at); c != 0 {
		return c
	}
	return strings.Compare(q.id, p.id)
}

// token is the page token of what stands behind p.
func (p place) token() string {
	text := strconv.FormatInt(p.at.UnixMilli(), 10) + " " + p.id
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

func placeOf(token string) (place, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(token)
	at, id, ok := strings.Cut(string(text), " ")
	ms, err2 := strconv.ParseInt(at, 10, 64)
	if err != nil || err2 != nil || !ok {
		return place{}, ErrPage
	}
	return place{time.UnixMilli(ms).UTC(), id}, nil
}
