package audit

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/oklog/ulid/v2"
)

// aheadOfHour is how long before the hour the next segment is made. A lane that
// takes a record less often pays for it at the hour.
const aheadOfHour = time.Minute

// ahead is the object of a next segment, made empty while the one before it
// still takes records, so that to roll costs an append and no creation. One
// that is not used stays empty, which means nothing.
type ahead struct {
	segment segmentID
	done    chan struct{} // closed once err is set
	err     error
}

// lookAhead makes the object of the next segment when this one is soon full, or
// its hour over. It is tried once a segment.
func (l *lane) lookAhead(now time.Time) {
	if l.ahead != nil || l.beside == nil {
		return
	}
	hour := now.Truncate(time.Hour).Add(time.Hour)
	switch o := l.options; {
	case hour.Sub(now) <= aheadOfHour:
		now = hour
	case l.blocks+1+o.SegmentBlocks/9 >= o.SegmentBlocks, l.end >= o.SegmentBytes-o.SegmentBytes/9:
	default:
		return
	}
	segment, err := l.name(now)
	if err != nil {
		return
	}
	next := &ahead{segment: segment, done: make(chan struct{})}
	l.ahead = next
	l.beside(func(ctx context.Context) {
		defer close(next.done)
		next.err = l.sink.create(ctx, next.segment.name())
	})
}

// takeAhead is the segment that was made ahead for a time like now, if there
// is one. It is forgotten in any case.
func (l *lane) takeAhead(now time.Time) (segmentID, bool) {
	next := l.ahead
	l.ahead = nil
	if next == nil || !next.segment.opened.Truncate(time.Hour).Equal(now.Truncate(time.Hour)) {
		return segmentID{}, false
	}
	select {
	case <-next.done:
		return next.segment, next.err == nil
	default: // a late one stays empty
		return segmentID{}, false
	}
}

// name makes the name of a new segment of this lane.
func (l *lane) name(opened time.Time) (segmentID, error) {
	id, err := ulid.New(ulid.Timestamp(opened), rand.Reader)
	if err != nil {
		return segmentID{}, err
	}
	return segmentID{
		environment: l.options.Environment, opened: ulid.Time(id.Time()).UTC(), id: id.String(),
		instance: l.options.Instance, lane: l.index,
	}, nil
}
