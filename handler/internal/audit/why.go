package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
)

// Query says what a story is wanted of.
type Query struct {
	ID          string    // a decision, approval, correlation, event or resource id
	Environment string    // "" means all
	Now         time.Time // required
	Since       time.Time // zero: the hour of a decision id, else 30 days before Now
	Until       time.Time // zero: Now
	Limit       int       // decisions to tell; 0 means 20
}

const (
	// defaultSpan is how far back is looked where nothing else is known, and
	// how far around a decision for its approval.
	defaultSpan = 30 * 24 * time.Hour

	// outcomeSpan is how long after a decision its outcome is looked for.
	outcomeSpan = 24 * time.Hour

	defaultLimit = 20
)

// ErrNoStory means that nothing in the log has that id, where was looked.
var ErrNoStory = errors.New("nothing in the audit log has this id")

// Why tells the story of an id. It reads the log and nothing else: records,
// kept packs, and the chains that prove them. The error is [ErrNoStory] if
// nothing is found; what is wrong with the chains is in the story.
func Why(ctx context.Context, r Reader, q Query) (Story, error) {
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	t := &teller{query: q, reader: r, checks: segmentChecks{}}
	if err := t.find(ctx); err != nil {
		return Story{}, fmt.Errorf("why %q: %w", q.ID, err)
	}
	if err := t.tell(ctx); err != nil {
		return Story{}, fmt.Errorf("why %q: %w", q.ID, err)
	}
	return t.story, nil
}

// teller makes a story.
type teller struct {
	query  Query
	reader Reader
	index  *index
	story  Story
	hits   []Entry
	checks segmentChecks
	packs  packShelf
}

// find looks for the id: for one that is a decision's in its hour first.
func (t *teller) find(ctx context.Context) error {
	q := t.query
	if q.ID == "" {
		return ErrNoStory
	}
	id, err := ulid.ParseStrict(q.ID)
	if err == nil && q.Since.IsZero() && q.Until.IsZero() {
		hour := ulid.Time(id.Time()).UTC()
		if err := t.look(ctx, hour, hour); err != nil || len(t.hits) > 0 {
			return err
		}
	}
	since, until := q.Since, q.Until
	if since.IsZero() {
		since = q.Now.Add(-defaultSpan)
	}
	if until.IsZero() {
		until = q.Now
	}
	if err := t.look(ctx, since, until); err != nil {
		return err
	}
	if len(t.hits) == 0 {
		return ErrNoStory
	}
	return nil
}

func (t *teller) look(ctx context.Context, since, until time.Time) (err error) {
	about := func(e *Entry) bool { return e.isAbout(t.query.ID) }
	t.hits, t.story.More, err = t.search(ctx, since, until, []string{t.query.ID}, about, func(found []Entry) bool {
		decisions := 0
		for _, e := range found {
			if e.Kind.isDecision() {
				decisions++
			}
		}
		return decisions > t.query.Limit || len(found) > maxFound
	})
	return err
}

// search finds records of a span of time, checks the segments they stand in,
// and leaves out what stands where bytes prove nothing.
func (t *teller) search(
	ctx context.Context, since, until time.Time, ids []string, keep func(*Entry) bool, enough func([]Entry) bool,
) (entries []Entry, more bool, err error) {
	if t.story.Since.IsZero() || since.Before(t.story.Since) {
		t.story.Since = since
	}
	if until.After(t.story.Until) {
		t.story.Until = until
	}
	if err := t.readIndex(ctx, since); err != nil {
		return nil, false, err
	}
	entries, more, err = search(ctx, t.reader, t.index.between(since, until), ids, keep, enough)
	if err != nil {
		return nil, false, err
	}
	if err := t.check(ctx, entries); err != nil {
		return nil, false, err
	}
	return t.checks.mark(entries), more, nil
}

// readIndex makes sure that the index reaches back to since and the hour
// before it.
func (t *teller) readIndex(ctx context.Context, since time.Time) (err error) {
	since = since.Truncate(time.Hour).Add(-time.Hour)
	if t.index == nil || since.Before(t.index.since) {
		t.index, err = readIndex(ctx, t.reader, t.query.Environment, since)
	}
	return err
}

// isAbout reports whether one of the ids of the record is id. That id stands
// somewhere in a record proves nothing: callers choose most texts.
func (e *Entry) isAbout(id string) bool {
	for _, name := range [...]string{"decisionId", "approvalId", "correlationId", "eventId"} {
		if e.text(name) == id {
			return true
		}
	}
	resource := e.value.Get("resource").Get("id")
	return resource.Text() == id && id != ""
}

// tell makes the story of what was found.
func (t *teller) tell(ctx context.Context) error {
	decisions := t.decisions()
	t.story.ID, t.story.More = t.query.ID, t.story.More || len(decisions) > t.query.Limit
	decisions = decisions[:min(len(decisions), t.query.Limit)]
	related, err := t.related(ctx, decisions)
	if err != nil {
		return err
	}
	t.story.Decisions = []DecisionStory{}
	for _, d := range decisions {
		told, err := t.decision(ctx, d, related)
		if err != nil {
			return err
		}
		t.story.Decisions = append(t.story.Decisions, told)
	}
	t.story.Events = t.events()
	t.story.Segments = t.verdicts()
	return nil
}

// decisions are the records of decisions among what was found, each id once,
// newest first. Of several with one id that is told which is surest: not a
// replay, not uncertain, the first written.
func (t *teller) decisions() []Entry {
	var decisions []Entry
	for _, e := range t.hits {
		if e.Kind.isDecision() {
			decisions = append(decisions, e)
		}
	}
	slices.SortStableFunc(decisions, func(a, b Entry) int { return cmp.Compare(a.doubt(), b.doubt()) })
	seen := map[string]bool{}
	decisions = slices.DeleteFunc(decisions, func(e Entry) bool {
		id := e.text("decisionId")
		again := seen[id]
		seen[id] = true
		return again
	})
	slices.SortStableFunc(decisions, func(a, b Entry) int { return b.Time.Compare(a.Time) })
	return decisions
}

// doubt ranks records of one decision, the surest first.
func (e *Entry) doubt() int {
	switch {
	case e.Kind == KindReplayed:
		return 2
	case e.Uncertain:
		return 1
	}
	return 0
}

// related finds what else the log says about decisions: their approvals,
// replays and outcomes.
func (t *teller) related(ctx context.Context, decisions []Entry) ([]Entry, error) {
	var ids []string
	var since, until time.Time
	for _, d := range decisions {
		ids = append(ids, d.text("decisionId"))
		from, to := d.Time, d.Time.Add(outcomeSpan)
		if approval := d.text("approvalId"); approval != "" {
			ids = append(ids, approval)
			from, to = d.Time.Add(-defaultSpan), d.Time.Add(defaultSpan)
		}
		if since.IsZero() || from.Before(since) {
			since = from
		}
		if to.After(until) {
			until = to
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	about := func(e *Entry) bool {
		return slices.Contains(ids, e.text("decisionId")) || slices.Contains(ids, e.text("approvalId"))
	}
	entries, _, err := t.search(ctx, since, until, ids, about, func([]Entry) bool { return false })
	return entries, err
}

// decision tells of one decision.
func (t *teller) decision(ctx context.Context, d Entry, related []Entry) (DecisionStory, error) {
	s := DecisionStory{
		Decision: d, Roles: d.roles(),
		Approval: []Entry{}, Replays: []Entry{}, Masks: []Entry{}, Outcomes: []Entry{},
	}
	for _, e := range onceEach(related) {
		sameDecision := e.text("decisionId") == d.text("decisionId")
		sameApproval := e.text("approvalId") != "" && e.text("approvalId") == d.text("approvalId")
		switch {
		case e.Kind == KindReplayed && sameDecision && e.Hash != d.Hash:
			s.Replays = append(s.Replays, e)
		case e.Kind == KindMask && sameDecision && e.sameCaller(&d):
			s.Masks = append(s.Masks, e)
		case e.Kind == KindOutcome && sameDecision && e.sameCaller(&d):
			s.Outcomes = append(s.Outcomes, e)
		case (e.Kind.isOfApproval() || e.Kind == KindRefused) && sameApproval:
			s.Approval = append(s.Approval, e)
		}
	}
	var err error
	s.Rules, err = t.packs.rules(ctx, t.reader, d)
	return s, err
}

// onceEach leaves out what tells an event again, and puts the rest in the order
// of time. Of several records of one event that is kept which is surest: not
// uncertain, the first written.
func onceEach(entries []Entry) []Entry {
	once := slices.Clone(entries)
	slices.SortStableFunc(once, func(a, b Entry) int { return cmp.Compare(a.doubt(), b.doubt()) })
	seen := map[string]bool{}
	once = slices.DeleteFunc(once, func(e Entry) bool {
		id := e.text("eventId")
		again := id != "" && seen[id]
		seen[id] = true
		return again
	})
	sortByTime(once)
	return once
}

// sameCaller reports whether the application that made a decision wrote e: an
// outcome is recorded unlooked-up, and believed from nobody else.
func (e *Entry) sameCaller(d *Entry) bool {
	return e.text("callerApp") == d.text("callerApp") && e.text("tenantId") == d.text("tenantId")
}

// roles are the roles held, as the decision recorded them.
func (e *Entry) roles() []HeldRole {
	roles := []HeldRole{}
	via := e.value.Get("rolesVia").Items()
	for i, role := range e.value.Get("roles").Items() {
		r := HeldRole{Role: role.Text()}
		if i < len(via) {
			r.Via = via[i].Text()
		}
		roles = append(roles, r)
	}
	return roles
}

// events are the hits that no decision tells of, but for outcomes, which
// nobody vouches for.
func (t *teller) events() []Entry {
	told := map[string]bool{}
	for _, d := range t.story.Decisions {
		for _, e := range slices.Concat([]Entry{d.Decision}, d.Approval, d.Replays, d.Masks, d.Outcomes) {
			told[cmp.Or(e.text("eventId"), e.Hash)] = true
		}
	}
	events := []Entry{}
	for _, e := range onceEach(t.hits) {
		if !e.Kind.isDecision() && e.Kind != KindOutcome && !told[cmp.Or(e.text("eventId"), e.Hash)] {
			events = append(events, e)
		}
	}
	slices.Reverse(events)
	return events
}
