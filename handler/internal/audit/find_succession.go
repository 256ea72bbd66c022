package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// succession is which segments there are and which names which as the one
// before it. First lines are read when they are asked for.
type succession struct {
	reader   Reader
	segments []*indexed // as they were opened
	lanes    map[laneID][]*indexed
	reading  map[*indexed]bool // those whose first line was read
}

type laneID struct {
	environment string
	lane        int
}

func readSuccession(ctx context.Context, r Reader, environment string) (*succession, error) {
	prefix := "v1/"
	if environment != "" {
		prefix = environmentPrefix(environment)
	}
	objects, err := r.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("list the log: %w", err)
	}
	x := &succession{reader: r, lanes: map[laneID][]*indexed{}, reading: map[*indexed]bool{}}
	for _, o := range objects {
		if id, ok := parseSegmentName(o.Name); ok {
			x.segments = append(x.segments, &indexed{object: o, id: id})
		}
	}
	slices.SortFunc(x.segments, compareOpened)
	for _, s := range x.segments {
		lane := laneID{s.id.environment, s.id.lane}
		x.lanes[lane] = append(x.lanes[lane], s)
	}
	return x, nil
}

func compareOpened(a, b *indexed) int {
	return cmp.Or(a.id.opened.Compare(b.id.opened), cmp.Compare(a.object.Name, b.object.Name))
}

// between are the segments of the hours of a span and of those beside them, as
// of [index.between].
func (x *succession) between(since, until time.Time) []*indexed {
	return slices.Clone((&index{segments: x.segments}).between(since, until))
}

// segmentEnd is how far a segment counts.
type segmentEnd struct {
	certain int64 // up to here
	shown   int64 // and, in doubt, up to here
}

// end says how far a segment counts, as the one that names it says. What
// stands behind that is in doubt: all of a frame without outcome, or what
// nobody accounts for, which is not hidden either. Part of such a frame proves
// nothing, and is left out like a torn line.
func (x *succession) end(ctx context.Context, s *indexed) (segmentEnd, error) {
	size := s.object.Size
	next, err := x.next(ctx, s)
	if err != nil || next == nil || next.opened.previous.length >= size {
		return segmentEnd{size, size}, err
	}
	said := next.opened.previous
	u := said.uncertain
	rest, err := readRange(ctx, x.reader, s.object.Name, said.length, u.length+1)
	if err != nil {
		return segmentEnd{}, fmt.Errorf("read %s: %w", s.object.Name, err)
	}
	if fits(rest, u) && (u.torn || int64(len(rest)) < u.length) {
		size = said.length
	}
	return segmentEnd{said.length, size}, nil
}

// next is the segment that names s as the one before it, or nil. It is the
// next one of the lane, unless a clock was set back.
func (x *succession) next(ctx context.Context, s *indexed) (*indexed, error) {
	lane := x.lanes[laneID{s.id.environment, s.id.lane}]
	at, _ := slices.BinarySearchFunc(lane, s, compareOpened)
	for _, n := range lane[at+1:] {
		if err := x.open(ctx, n); err != nil || n.names(s) {
			return n, err
		}
	}
	for _, n := range slices.Backward(lane[:at]) {
		if n.id.opened.Before(s.id.opened.Add(-2 * time.Hour)) {
			break
		}
		if err := x.open(ctx, n); err != nil || n.names(s) {
			return n, err
		}
	}
	return nil, nil
}

func (s *indexed) names(previous *indexed) bool {
	return s.err == nil && s.opened.previous.segment == previous.object.Name
}

// open reads the first line of a segment, once.
func (x *succession) open(ctx context.Context, s *indexed) error {
	if x.reading[s] {
		return nil
	}
	s.opened, s.err = readOpened(ctx, x.reader, s.object.Name)
	if s.err != nil && !errors.Is(s.err, errNoOpening) {
		return fmt.Errorf("read %s: %w", s.object.Name, s.err)
	}
	x.reading[s] = true
	return nil
}
