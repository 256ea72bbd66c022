package approval_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// size is how many bytes the document of a call takes.
func (w *world) size(t *testing.T) int {
	t.Helper()
	d, _ := w.stored(t, call("a"))
	body, err := approval.Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	return len(body)
}

// A person who votes ten thousand times adds one vote.
func TestVotingAllDayAddsNothing(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	a := mustOpen(t, s, twoEyes(), noon)
	mustVote(t, s, "mia", a, approval.Approve, noon)
	before := w.size(t)
	for range 10_000 {
		mustVote(t, s, "mia", a, approval.Approve, noon)
	}
	if after := w.size(t); after != before || len(w.log.Entries()) != 2 {
		t.Errorf("10,000 votes = %d bytes and %d events, want %d and 2", after, len(w.log.Entries()), before)
	}
}

// crowd is a world in which so many people may vote.
func crowd(t *testing.T, people, need int) (*world, *approval.Service, approval.Approval) {
	t.Helper()
	w := memoryWorld()
	for i := range people {
		w.named[fmt.Sprint("p", i)] = true
	}
	r := order("a")
	r.Requirements[0].Need = need
	r.Requirements[0].Notify = []string{"mailto:a@contoso.com", "mailto:b@contoso.com", "mailto:c@contoso.com"}
	s := w.service()
	return w, s, mustOpen(t, s, r, noon)
}

// However many approve, with as much in their tokens and comments as will go,
// there is room for what is needed and for a no.
func TestACrowdLeavesRoomForANo(t *testing.T) {
	for name, tc := range map[string]struct {
		comment string
		groups  int
		need    int
	}{
		"plain":           {"", 0, 1},
		"long comments":   {strings.Repeat("\x01", approval.MaxComment), 0, 1},
		"large tokens":    {strings.Repeat("\x01", approval.MaxComment), 3000, 1},
		"all are needed":  {"", 0, 54},
		"everything long": {strings.Repeat("\x01", approval.MaxComment), 100, 54},
	} {
		w, s, a := crowd(t, 55, tc.need)
		voter := func(i int) approval.Reader {
			p := person(fmt.Sprint("p", i))
			for g := range tc.groups {
				if i > 12 {
					break // the rest take what room there is in smaller steps
				}
				p.Groups = append(p.Groups, fmt.Sprintf("%08d-0000-4000-8000-000000000000", g))
			}
			return reader(p)
		}
		counted, full := 0, 0
		for i := 0; i < 54 && full < 3; i++ {
			b := ballot(a, approval.Approve)
			b.Comment = tc.comment
			var refused *approval.RefusedError
			switch _, err := s.Vote(t.Context(), voter(i), b, noon); {
			case err == nil:
				counted++
			case !errors.As(err, &refused) || refused.Code != "vote.full":
				t.Fatalf("%s: vote %d = %v", name, i, err)
			default:
				full++
			}
		}
		if most := max(50, tc.need); counted > most || counted == 0 || name == "all are needed" && counted != 54 {
			t.Errorf("%s: %d votes counted", name, counted)
		}
		no := ballot(a, approval.Deny)
		no.Comment = tc.comment
		if got, err := s.Vote(t.Context(), voter(54), no, noon); err != nil || !got.Final {
			t.Errorf("%s: a no after %d votes, at %d bytes = %s, %v, want it closed", name, counted, w.size(t), got.Status, err)
		}
		if n := w.size(t); n > approval.MaxBody {
			t.Errorf("%s: %d bytes", name, n)
		}
	}
}

// A no takes no more room than there is, whatever the token holds.
func TestANoWithALargeToken(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	a := mustOpen(t, s, order("a"), noon)
	mia := person("mia")
	mia.Groups = []string{strings.Repeat("g", approval.MaxBody)}
	if _, err := s.Vote(t.Context(), reader(mia), ballot(a, approval.Approve), noon); outcomeOf(approval.Approval{}, err) != "vote.full" {
		t.Errorf("an approval = %v, want vote.full", err)
	}
	if got, err := s.Vote(t.Context(), reader(mia), ballot(a, approval.Deny), noon); err != nil || got.Status != approval.Denied {
		t.Errorf("a no = %s, %v, want denied", got.Status, err)
	}
}

// Passing on is heard ten times; then the others are left in peace.
func TestPassingOnIsBounded(t *testing.T) {
	w, s, a := crowd(t, 100, 1)
	for i := range 100 {
		for range 3 {
			if _, err := s.PassOn(t.Context(), reader(person(fmt.Sprint("p", i))), a.ID, noon); err != nil {
				t.Fatalf("PassOn = %v", err)
			}
		}
	}
	d, _ := w.stored(t, call("a"))
	if n := len(d.Current.Notifications); len(d.Current.PassedOn) != 10 || n != 6+10*3 {
		t.Errorf("%d passed on, %d messages, want 10 and 36", len(d.Current.PassedOn), n)
	}
}

// contract.md: a comment has at most so many characters; a longer one, or one
// that is no text, changes nothing.
func TestCommentsAreBounded(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	a := mustOpen(t, s, order("a"), noon)
	w.unchanged(t, "a comment too long", func() {
		for _, text := range []string{strings.Repeat("ü", approval.MaxComment+1), "\xff"} {
			b := ballot(a, approval.Deny)
			b.Comment = text
			_, vote := s.Vote(t.Context(), reader(person("mia")), b, noon)
			_, cancel := s.Cancel(t.Context(), readerIn(application(flow)), a.ID, text, noon)
			_, revoke := s.Revoke(t.Context(), readerIn(auditor()), a.ID, text, noon)
			for _, err := range []error{vote, cancel, revoke} {
				wantError(t, "a comment that is too long", err, approval.ErrComment)
			}
		}
	})
	b := ballot(a, approval.Deny)
	b.Comment = strings.Repeat("ü", approval.MaxComment)
	if got, err := s.Vote(t.Context(), reader(person("mia")), b, noon); err != nil || got.Comment != b.Comment {
		t.Errorf("a comment of %d characters = %v", approval.MaxComment, err)
	}
}

// However many generations leave ten lines, and no more answers and messages
// than there is room for.
func TestGenerationsAreBounded(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	largest := 0
	for i := range 20 {
		a := mustOpen(t, s, order("a"), noon) // the clock stands: every answer is still within its time
		mustVote(t, s, "mia", a, approval.Approve, noon)
		use := taking(a, fmt.Sprint("decision ", i))
		use.IdempotencyKey = fmt.Sprint("key ", i)
		use.Answer = []byte(`{"a":"` + strings.Repeat("x", 100_000) + `"}`)
		if _, _, err := s.Use(t.Context(), use, noon); err != nil {
			t.Fatalf("Use %d = %v", i, err)
		}
		largest = max(largest, w.size(t))
	}
	d, _ := w.stored(t, call("a"))
	if len(d.Earlier) != approval.KeepEarlier || len(d.Leftover) > 20 || len(d.Replays) == 0 || largest > approval.MaxBody/2 {
		t.Errorf("%d earlier, %d leftover, %d answers, %d bytes", len(d.Earlier), len(d.Leftover), len(d.Replays), largest)
	}
	found, err := s.Find(t.Context(), call("a"), approval.Wanted{IdempotencyKey: "key 18"}, noon)
	if err != nil || found.Replay == nil || found.Replay.DecisionID != "decision 18" {
		t.Errorf("Find of the use before = %+v, %v, want its answer", found.Replay, err)
	}
}

// A request that would leave no room for votes and a use opens nothing.
func TestOpeningLeavesRoom(t *testing.T) {
	for size, want := range map[int]error{approval.MaxBody / 2: nil, approval.MaxBody - 500_000: approval.ErrTooLarge} {
		w := memoryWorld()
		r := order("a")
		r.Received = []byte(`{"a":"` + strings.Repeat("x", size) + `"}`)
		_, _, err := w.service().Open(t.Context(), r, noon)
		wantError(t, fmt.Sprintf("Open of %d bytes", size), err, want)
	}
}

// The list of what a person asked counts every approval of 30 days that is
// remembered.
func TestHistory(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	day := 24 * time.Hour
	old := mustOpen(t, s, order("old"), noon.Add(-40*day))
	mustVote(t, s, "mia", old, approval.Deny, noon.Add(-40*day))
	denied := mustOpen(t, s, order("a"), noon.Add(-10*day))
	mustVote(t, s, "mia", denied, approval.Deny, noon.Add(-10*day))
	again := mustOpen(t, s, order("a"), noon.Add(-5*day))
	mustVote(t, s, "mia", again, approval.Approve, noon.Add(-5*day))
	mustUse(t, s, again, "", noon.Add(-5*day))
	mustOpen(t, s, order("a"), noon)
	revoked := mustOpen(t, s, order("b"), noon.Add(-day))
	mustVote(t, s, "mia", revoked, approval.Approve, noon.Add(-day))
	mustVote(t, s, "mia", revoked, approval.Deny, noon.Add(-day))
	others := order("c")
	others.User.ID, others.User.UPN = "ben", "ben@contoso.com"
	mustOpen(t, s, others, noon)
	got, err := s.History(t.Context(), strings.ToUpper(tenant), approval.Person{ID: "ANA"}, noon)
	if want := (approval.Past{Asked: 4, Approved: 2, Denied: 1}); err != nil || got != want {
		t.Errorf("History = %+v, %v, want %+v", got, err, want)
	}
	if got, err := s.History(t.Context(), tenant, approval.Person{}, noon); err != nil || got != (approval.Past{}) {
		t.Errorf("History of nobody = %+v, %v, want nothing", got, err)
	}
}

// It stops counting somewhere, and says so.
func TestHistoryIsBounded(t *testing.T) {
	w := memoryWorld()
	w.options.OpenPerUser, w.options.OpenPerAgent = 1000, 1000
	s := w.service()
	for i := range 510 {
		mustOpen(t, s, order(fmt.Sprint(i)), noon)
	}
	got, err := s.History(t.Context(), tenant, approval.Person{ID: "ana"}, noon)
	if err != nil || got.Asked != 500 || !got.More {
		t.Errorf("History of 510 = %+v, %v, want 500 and more", got, err)
	}
}
