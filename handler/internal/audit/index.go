package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// index is what the names and first lines of a container say: which segments
// there are and which names which as its predecessor. It is read anew for
// every question and believes nothing it cannot check against bytes.
type index struct {
	reader   Reader
	since    time.Time
	segments []*indexed // by name
	byName   map[string]*indexed
	packs    []Object
	ignored  []string
}

// indexed is one segment of an index.
type indexed struct {
	object  Object
	id      segmentID
	opened  opened
	err     error      // why there is no opened: errNoOpening
	named   []*indexed // those that name it as predecessor; one, in a sound log
	claimed bool       // its predecessor is in the index, or it has none
}

// next is the one that says how this segment ends, or nil.
func (s *indexed) next() *indexed {
	if len(s.named) == 0 {
		return nil
	}
	return s.named[0]
}

// readIndex lists the segments of an environment (all, if "") that were opened
// at since or later, and reads their first lines.
func readIndex(ctx context.Context, r Reader, environment string, since time.Time) (*index, error) {
	x := &index{reader: r, since: since, byName: map[string]*indexed{}}
	prefix := "v1/"
	if environment != "" {
		prefix = environmentPrefix(environment)
	}
	objects, err := r.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("list the log: %w", err)
	}
	for _, o := range objects {
		if err := x.add(ctx, o, since); err != nil {
			return nil, err
		}
	}
	for _, s := range x.segments {
		x.link(s, since)
	}
	return x, nil
}

func (x *index) add(ctx context.Context, o Object, since time.Time) error {
	id, ok := parseSegmentName(o.Name)
	switch {
	case !ok && isKept(o.Name, "packs"):
		x.packs = append(x.packs, o)
		return nil
	case !ok && (isKept(o.Name, "keys") || isManifest(o.Name)):
		return nil
	case !ok:
		x.ignored = append(x.ignored, o.Name)
		return nil
	case id.opened.Before(since):
		return nil
	}
	s := &indexed{object: o, id: id}
	s.opened, s.err = readOpened(ctx, x.reader, o.Name)
	if s.err != nil && !errors.Is(s.err, errNoOpening) {
		return fmt.Errorf("read %s: %w", o.Name, s.err)
	}
	x.segments = append(x.segments, s)
	x.byName[o.Name] = s
	return nil
}

// link records that s names its predecessor. One from before since is outside
// of what was asked for.
func (x *index) link(s *indexed, since time.Time) {
	name := s.opened.previous.segment
	if s.err != nil || name == "" {
		s.claimed = true
		return
	}
	if p := x.byName[name]; p != nil {
		p.named = append(p.named, s)
		s.claimed = true
		return
	}
	id, ok := parseSegmentName(name)
	s.claimed = ok && id.opened.Before(since)
}

// between are the segments that may hold records of a span of time: those of
// its hours and of the hours beside them, since clocks step and a record may
// wait for its append across the hour.
func (x *index) between(since, until time.Time) []*indexed {
	since = since.Truncate(time.Hour).Add(-time.Hour)
	until = until.Truncate(time.Hour).Add(2 * time.Hour)
	return slices.DeleteFunc(slices.Clone(x.segments), func(s *indexed) bool {
		return s.id.opened.Before(since) || !s.id.opened.Before(until)
	})
}
