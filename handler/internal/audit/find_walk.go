package audit

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

const (
	// findChunk and findChunkBytes are how much is looked through before it is
	// asked whether that is enough.
	findChunk      = 16
	findChunkBytes = 64 << 20

	// lateness is how long after its time a record may be written and still
	// stand where its time belongs.
	lateness = time.Hour
)

// hit is a decision that was found.
type hit struct {
	entry Entry
	place place
	late  bool // it stands where it was written
}

// finder is a search under way.
type finder struct {
	reader   Reader
	search   Search
	criteria []criterion
	keep     int         // decisions: the page, and one to know that there is more
	since    time.Time   // decisions of this instant and later
	after    place       // the first place of the page stands behind it
	segments *succession // every one there is
	scans    []*backward // one for each that works at a time
}

func newFinder(ctx context.Context, r Reader, s Search) (*finder, error) {
	if s.Limit <= 0 {
		s.Limit = findDefault
	}
	f := &finder{reader: r, search: s, criteria: s.criteria(), keep: min(s.Limit, findMost) + 1}
	// A place without id stands behind all of its instant: of those before
	// Until, none has the instant itself.
	switch f.since = s.Since; {
	case !f.since.IsZero():
	case !s.Until.IsZero():
		f.since = s.Until.Add(-defaultSpan)
	default:
		f.since = s.Now.Add(-defaultSpan)
	}
	f.after = place{at: s.Until}
	if s.Until.IsZero() {
		f.after.at = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) // the last that a line can write
	}
	if s.Page != "" {
		page, err := placeOf(s.Page)
		if err != nil {
			return nil, err
		}
		if f.after.compare(page) < 0 {
			f.after = page
		}
	}
	for range runtime.GOMAXPROCS(0) {
		f.scans = append(f.scans, &backward{finder: f})
	}
	var err error
	f.segments, err = readSuccession(ctx, r, s.Environment)
	return f, err
}

func (f *finder) run(ctx context.Context) (Result, error) {
	if result, ok, err := f.byDecision(ctx); ok || err != nil {
		return result, err
	}
	rest := f.segments.between(f.since, f.after.at)
	var best []hit
	for len(rest) > 0 {
		before := boundOf(rest[len(rest)-1])
		if len(best) == f.keep && !best[f.keep-1].place.at.Before(before) {
			break
		}
		chunk := f.lastOf(rest)
		found, err := f.chunk(ctx, chunk, best)
		if err != nil {
			return f.interrupted(ctx, best, before), err
		}
		best, rest = f.merge(best, found), rest[:len(rest)-len(chunk)]
	}
	return f.page(best), nil
}

// boundOf is an instant before which every decision stands that a segment or
// an older one holds: clocks step, so an hour is added to its own.
func boundOf(s *indexed) time.Time { return s.id.opened.Truncate(time.Hour).Add(2 * time.Hour) }

// lastOf is the chunk at the end of some segments.
func (f *finder) lastOf(segments []*indexed) []*indexed {
	n, size := 0, int64(0)
	for n < len(segments) && n < findChunk && (n < len(f.scans) || size < findChunkBytes) {
		n++
		size += segments[len(segments)-n].object.Size
	}
	return segments[len(segments)-n:]
}

// byDecision looks for a decision id in its own hour first: a decision is one.
func (f *finder) byDecision(ctx context.Context) (Result, bool, error) {
	id, err := ulid.ParseStrict(f.search.Text)
	if err != nil || f.search.Page != "" {
		return Result{}, false, nil //nolint:nilerr // no decision id, nothing to look for here
	}
	hour := ulid.Time(id.Time()).UTC()
	hits, err := f.chunk(ctx, f.segments.between(hour, hour), nil)
	for _, h := range hits {
		if err == nil && h.place.id == f.search.Text {
			return Result{Entries: []Entry{h.entry}, Since: f.since}, true, nil
		}
	}
	return Result{Since: f.since}, false, err
}

// chunk looks through some segments, several at a time, for what may yet find
// a place among the best.
func (f *finder) chunk(ctx context.Context, segments []*indexed, best []hit) ([]hit, error) {
	found := make([][]hit, len(segments))
	errs := make([]error, len(segments))
	ends := make([]segmentEnd, len(segments))
	for i, s := range segments {
		if ends[i], errs[i] = f.segments.end(ctx, s); errs[i] != nil {
			return nil, errs[i]
		}
	}
	next := make(chan int)
	var all sync.WaitGroup
	for _, scan := range f.scans {
		all.Go(func() {
			for i := range next {
				found[i], errs[i] = scan.look(ctx, segments[i], ends[i], best)
			}
		})
	}
	for i := range segments {
		next <- i
	}
	close(next)
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return f.first(ctx, slices.Concat(found...))
}

// first leaves out late records of decisions that were written before: a
// decision counts once.
func (f *finder) first(ctx context.Context, hits []hit) (kept []hit, err error) {
	for _, h := range hits {
		again := false
		if h.late {
			if again, err = f.writtenBefore(ctx, h); err != nil {
				return nil, err
			}
		}
		if !again {
			kept = append(kept, h)
		}
	}
	return kept, nil
}

// writtenBefore reports whether a late record is not the first of its decision.
func (f *finder) writtenBefore(ctx context.Context, h hit) (bool, error) {
	e := &h.entry
	earlier := func(o *Entry) bool {
		return o.Kind == e.Kind && o.text("decisionId") == h.place.id && o.writtenBefore(e)
	}
	segments := f.segments.between(e.Time, h.place.at)
	entries, _, err := search(ctx, f.reader, segments, []string{h.place.id}, earlier, func(found []Entry) bool { return len(found) > 0 })
	return len(entries) > 0, err
}

// merge is the best of two lists, each decision once.
func (f *finder) merge(best, found []hit) []hit {
	for _, h := range found {
		best = insert(best, h, f.keep)
	}
	return best
}

// insert puts h in its place, unless that is behind the first so many. Of two
// records of one decision the surer stays, else that written first.
func insert(hits []hit, h hit, most int) []hit {
	i, found := slices.BinarySearchFunc(hits, h.place, func(o hit, p place) int { return o.place.compare(p) })
	switch {
	case found:
		if h.entry.before(&hits[i].entry) {
			hits[i] = h
		}
		return hits
	case i == most:
		return hits
	case len(hits) == most:
		hits = hits[:most-1]
	}
	return slices.Insert(hits, i, h)
}

// before reports whether e is to be told rather than o, a record of the same
// decision.
func (e *Entry) before(o *Entry) bool {
	return e.doubt() < o.doubt() || e.doubt() == o.doubt() && e.writtenBefore(o)
}

func (e *Entry) writtenBefore(o *Entry) bool {
	return cmp.Or(cmp.Compare(e.Segment, o.Segment), cmp.Compare(e.Seq, o.Seq)) < 0
}

// page is the result of a search that ran to its end.
func (f *finder) page(best []hit) Result {
	r := Result{Entries: []Entry{}, Since: f.since, More: len(best) == f.keep}
	if r.More {
		best = best[:f.keep-1]
		last := best[len(best)-1].place
		r.Since, r.Next = last.at, last.token()
	}
	for _, h := range best {
		r.Entries = append(r.Entries, h.entry)
	}
	return r
}

// interrupted is the result of a search that ended with its context: what is
// complete back to an instant. After any other failure it is nothing.
func (f *finder) interrupted(ctx context.Context, best []hit, since time.Time) Result {
	if ctx.Err() == nil {
		return Result{}
	}
	best = slices.DeleteFunc(best, func(h hit) bool { return h.place.at.Before(since) })
	r := f.page(best)
	if !r.More {
		reached := place{at: since}
		if reached.compare(f.after) < 0 { // nothing was looked through
			reached = f.after
		}
		r.More, r.Since, r.Next = true, reached.at, reached.token()
	}
	return r
}
