package audit

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// lane is one chain of segments. Whoever runs it owns it: the fields are not
// guarded but by that ([queue] says who runs).
type lane struct {
	index    int
	options  *Options
	sink     *guard
	notary   *notary                     // nil: no anchors
	beside   func(func(context.Context)) // runs something that Close waits for
	previous tail                        // of the last segment that has a line, when none is open
	ordinal  uint64                      // of that segment

	open    bool
	segment segmentID
	object  string
	end     int64  // certain length
	blocks  int    // appends so far
	seq     uint64 // of the next line
	tip     [hashLength]byte

	anchoring *anchoring // of the open segment; nil without anchors
	ahead     *ahead     // what the next segment may use
	opening   *opening   // a segment that takes no records yet
	frame     []byte     // reused; nil after an append that may still read it
}

// opening is the first frame of a segment. Its bytes are fixed until its
// outcome is known: the same ones go to the same place at every attempt, and so
// does the signed statement about them.
type opening struct {
	segment segmentID
	ordinal uint64
	frame   []byte
	birth   *signing // nil without anchors
	created bool
	durable bool // frame
}

// mark is where the first line ends.
func (o *opening) mark() mark {
	return mark{0, int64(len(o.frame)), [hashLength]byte(appendHash(nil, o.frame))}
}

// commit makes a batch durable and sets the receipts of its waiters. After an
// error none of them is known to be in the log, and the lane moves to a new
// segment, whose first line says where the old one is certain to end.
func (l *lane) commit(ctx context.Context, batch []*waiter) error {
	if err := l.ready(ctx); err != nil {
		return err
	}
	from := l.seq
	frame, seq, tip := l.assemble(batch)
	outcome, err := l.sink.settle(ctx, l.object, l.end, frame)
	if outcome != Durable {
		l.leave(outcome, frame, from, len(batch))
		return err
	}
	l.advance(frame, seq, tip)
	return nil
}

// assemble builds the frame of a batch. The chain does not move until the
// frame is durable.
func (l *lane) assemble(batch []*waiter) (frame []byte, seq uint64, tip [hashLength]byte) {
	frame, seq, tip = l.frame[:0], l.seq, l.tip
	for _, w := range batch {
		start := len(frame)
		frame = appendLine(frame, w.kind, seq, tip[:], w.body)
		appendHash(tip[:0], frame[start:])
		w.receipt = Receipt{Segment: l.object, Seq: seq, Hash: string(tip[:])}
		seq++
	}
	l.frame = frame
	return frame, seq, tip
}

func (l *lane) advance(frame []byte, seq uint64, tip [hashLength]byte) {
	l.end += int64(len(frame))
	l.blocks++
	l.seq, l.tip = seq, tip
	if l.anchoring != nil {
		l.anchoring.grow(mark{seq - 1, l.end, tip})
	}
}

// leave gives the open segment up. Frame may land behind its end if the
// outcome is Unknown, and is never touched again.
func (l *lane) leave(outcome Outcome, frame []byte, seq uint64, records int) {
	l.previous = tail{segment: l.object, length: l.end, tip: string(l.tip[:])}
	if outcome == Unknown {
		l.previous.uncertain = uncertain{
			length: int64(len(frame)), hash: string(appendHash(nil, frame)), seq: seq, records: records,
		}
		l.frame = nil
	}
	l.open = false
	if l.anchoring != nil {
		l.anchoring.end()
		l.anchoring = nil
	}
}

// ready opens a segment if none is open or the open one is full or of another
// hour.
func (l *lane) ready(ctx context.Context) error {
	now := l.options.Clock().UTC()
	if l.open {
		reason := l.mustRoll(now)
		switch {
		case l.anchoring.isLost():
			l.leave(Durable, nil, 0, 0) // to what is not there nothing is added
		case reason == "":
			l.lookAhead(now)
			return nil
		default:
			l.close(ctx, now, reason)
		}
	}
	return l.openNext(ctx, now)
}

func (l *lane) mustRoll(now time.Time) (reason string) {
	switch {
	case !now.Truncate(time.Hour).Equal(l.segment.opened.Truncate(time.Hour)):
		return "hour"
	case l.blocks >= l.options.SegmentBlocks:
		return "blocks"
	case l.end >= l.options.SegmentBytes:
		return "bytes"
	}
	return ""
}

// close writes the last line of the open segment. Should that fail the segment
// has an end like after any other append that failed.
func (l *lane) close(ctx context.Context, now time.Time, reason string) {
	body := closed{now, reason}.appendBody(nil)
	frame := appendLine(nil, KindSegmentClosed, l.seq, l.tip[:], body)
	outcome, _ := l.sink.settle(ctx, l.object, l.end, frame)
	if outcome != Durable {
		l.leave(outcome, frame, l.seq, 1)
		return
	}
	l.advance(frame, l.seq+1, [hashLength]byte(appendHash(nil, frame)))
	l.leave(Durable, nil, 0, 0)
}

// openNext creates the next segment, unless it was made ahead, writes its first
// line, and has that anchored. While any of it has no outcome it stays the next
// segment, with this line.
func (l *lane) openNext(ctx context.Context, now time.Time) error {
	if l.opening == nil {
		next, err := l.prepare(now)
		if err != nil {
			return err
		}
		l.opening = next
	}
	o, name := l.opening, l.opening.segment.name()
	l.signBirth(o)
	if !o.created {
		if err := l.sink.create(ctx, name); err != nil {
			return l.openFailed(err)
		}
		o.created = true
	}
	if !o.durable {
		if outcome, err := l.sink.settle(ctx, name, 0, o.frame); outcome != Durable {
			return l.openFailed(err)
		}
		o.durable = true
	}
	birth, err := l.register(ctx, o)
	if err != nil {
		return err
	}
	l.opening = nil
	l.begin(o)
	l.anchoring = birth
	return nil
}

// begin makes the segment of an opening the open one.
func (l *lane) begin(o *opening) {
	l.open, l.segment, l.object, l.ordinal = true, o.segment, o.segment.name(), o.ordinal
	l.end, l.blocks, l.seq = 0, 0, 0
	l.advance(o.frame, 1, o.mark().tip)
}

// signBirth has the first line's anchor signed while the line is written.
func (l *lane) signBirth(o *opening) {
	if l.notary != nil && o.birth == nil {
		o.birth = l.notary.sign(anchor{segment: o.segment, mark: o.mark()})
	}
}

// register makes the birth of a segment durable, whose first line is: were it
// the other way round, a crash in between would look like a segment that
// somebody emptied. Until then nothing else is written to the segment, so that
// one which holds more has a birth.
func (l *lane) register(ctx context.Context, o *opening) (*anchoring, error) {
	if l.notary == nil {
		return nil, nil
	}
	err := l.notary.birth(ctx, o.birth)
	switch {
	case err == nil:
		return l.notary.follow(o.segment, o.mark()), nil
	case errors.Is(err, fs.ErrExist):
		l.opening = nil // somebody else stated something about it: it is there, and left
		l.begin(o)
		l.leave(Durable, nil, 0, 0)
	case o.birth.failed():
		o.birth = nil // signed anew
	}
	return nil, err
}

// openFailed keeps what was to be opened, unless somebody else holds its name.
func (l *lane) openFailed(err error) error {
	if errors.Is(err, errForeign) {
		l.opening = nil
	}
	return err
}

func (l *lane) prepare(now time.Time) (*opening, error) {
	segment, made := l.takeAhead(now)
	if !made {
		var err error
		if segment, err = l.name(now); err != nil {
			return nil, err
		}
	}
	o := &opening{ordinal: l.ordinal + 1, segment: segment, created: made}
	body := opened{
		ts: now, segment: o.segment, ordinal: o.ordinal, previous: l.previous, anchored: l.notary != nil,
		writer: l.options.Writer, keyID: l.options.KeyID,
	}.appendBody(nil)
	o.frame = appendLine(nil, KindSegmentOpened, 0, nil, body)
	return o, nil
}
