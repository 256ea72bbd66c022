package audit

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"sync"
)

// segmentChecks are the checks of the segments that a story rests on.
type segmentChecks map[string]segmentCheck

// check checks the segments that entries stand in, each once a story.
func (t *teller) check(ctx context.Context, entries []Entry) error {
	var segments []*indexed
	for _, e := range entries {
		s := t.index.byName[e.Segment]
		if _, done := t.checks[e.Segment]; !done && !slices.Contains(segments, s) {
			segments = append(segments, s)
		}
	}
	results, err := checkSegments(ctx, t.reader, segments)
	for i, s := range segments {
		t.checks[s.object.Name] = results[i]
	}
	return err
}

// verdicts are those on every segment that the story rests on.
func (t *teller) verdicts() []SegmentVerdict {
	verdicts := []SegmentVerdict{}
	for _, name := range slices.Sorted(maps.Keys(t.checks)) {
		verdicts = append(verdicts, verdictOn(t.index.byName[name], t.checks[name]))
	}
	return verdicts
}

func verdictOn(s *indexed, c segmentCheck) SegmentVerdict {
	v := SegmentVerdict{Segment: s.object.Name, Integrity: Verified, Findings: []Finding{}}
	v.Findings = append(v.Findings, c.findings...)
	v.Findings = append(v.Findings, linkFindings(s)...)
	switch {
	case len(v.Findings) > 0:
		v.Integrity = Failed
	case s.next() == nil:
		v.Integrity = OpenEnd
	}
	return v
}

// checkSegments checks several segments at a time.
func checkSegments(ctx context.Context, r Reader, segments []*indexed) ([]segmentCheck, error) {
	results := make([]segmentCheck, len(segments))
	errs := make([]error, len(segments))
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for i, s := range segments {
		turns <- struct{}{}
		all.Go(func() {
			results[i], errs[i] = checkSegment(ctx, r, s, nil, func(int64) {})
			<-turns
		})
	}
	all.Wait()
	return results, errors.Join(errs...)
}

// mark says of each entry whether it is uncertain, and leaves those out that
// stand where bytes prove nothing.
func (c segmentChecks) mark(entries []Entry) []Entry {
	var marked []Entry
	for _, e := range entries {
		check := c[e.Segment]
		behind := check.certain >= 0 && e.offset >= check.certain
		if behind && !check.shown {
			continue
		}
		e.Uncertain = behind
		marked = append(marked, e)
	}
	return marked
}
