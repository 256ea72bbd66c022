package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// tailWindow is more than the longest line and so holds the last whole one.
const tailWindow = 8 << 20

// findPredecessors makes each lane continue its chain. It runs before the
// lanes do, and no other process writes.
func (l *Log) findPredecessors(ctx context.Context, r Reader) error {
	objects, err := r.List(ctx, environmentPrefix(l.options.Environment))
	if err != nil {
		return fmt.Errorf("list the log: %w", err)
	}
	for i, s := range l.stations {
		last, err := lastSegment(ctx, r, segmentsOf(objects, i))
		if err != nil {
			return err
		}
		if last.ordinal == 0 {
			continue
		}
		s.lane.ordinal = last.ordinal
		if s.lane.previous, err = readTail(ctx, r, last.object); err != nil {
			return err
		}
	}
	return nil
}

// segmentsOf are the segments of a lane that hold anything, ordered by
// name.
func segmentsOf(objects []Object, lane int) []Object {
	var own []Object
	for _, o := range objects {
		if s, ok := parseSegmentName(o.Name); ok && s.lane == lane && o.Size > 0 {
			own = append(own, o)
		}
	}
	return own
}

type numbered struct {
	object  Object
	ordinal uint64 // 0: it holds no first line
}

// lastSegment finds the end of a chain. Names follow the clock, which may have
// been set back, so the newest name need not be the last segment: the ordinals
// decide. Only where those of the first and the last name do not account for
// every segment is each of them read.
func lastSegment(ctx context.Context, r Reader, segments []Object) (last numbered, err error) {
	if len(segments) == 0 {
		return numbered{}, nil
	}
	first, err := readOrdinal(ctx, r, segments[0])
	if err != nil {
		return last, err
	}
	newest, err := readOrdinal(ctx, r, segments[len(segments)-1])
	if err != nil {
		return last, err
	}
	if first.ordinal > 0 && newest.ordinal == first.ordinal+uint64(len(segments))-1 {
		return newest, nil
	}
	for _, o := range segments {
		n, err := readOrdinal(ctx, r, o)
		if err != nil {
			return last, err
		}
		if n.ordinal > last.ordinal {
			last = n
		}
	}
	return last, nil
}

func readOrdinal(ctx context.Context, r Reader, o Object) (numbered, error) {
	first, err := readOpened(ctx, r, o.Name)
	if errors.Is(err, errNoOpening) {
		return numbered{object: o}, nil
	}
	if err != nil {
		return numbered{}, fmt.Errorf("read %s: %w", o.Name, err)
	}
	return numbered{o, first.ordinal}, nil
}

// readTail says how a segment ends whose writer is gone. Its last whole line
// counts as certain whether or not it was answered: from now on it is fixed.
// What follows is the torn line of a crash, and is kept.
func readTail(ctx context.Context, r Reader, o Object) (tail, error) {
	from := max(0, o.Size-tailWindow)
	data, err := readRange(ctx, r, o.Name, from, tailWindow+1)
	if err != nil {
		return tail{}, fmt.Errorf("read %s: %w", o.Name, err)
	}
	end := bytes.LastIndexByte(data, '\n') + 1
	line := bytes.LastIndexByte(data[:max(0, end-1)], '\n') + 1
	if line == 0 && from > 0 {
		return tail{}, fmt.Errorf("read %s: its last line is longer than a record can be", o.Name)
	}
	t := tail{segment: o.Name, length: from + int64(end), tip: string(appendHash(nil, data[line:end]))}
	if torn := data[end:]; len(torn) > 0 {
		t.uncertain = uncertain{length: int64(len(torn)), hash: string(appendHash(nil, torn)), torn: true}
		if h, ok := parseHead(data[line:end]); ok {
			t.uncertain.seq = h.seq + 1
		}
	}
	return t, nil
}
