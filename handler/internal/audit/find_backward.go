package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	firstBlock = 128 << 10 // the end of a segment, which often is enough
	lastBlock  = 4 << 20   // blocks grow up to this

	// disorder is by how much the lines of a segment may be out of the order
	// of their times.
	disorder = 10 * time.Minute
)

// backward looks through one segment after another, each from its end. Times
// are compared as lines write them, so that only what is wanted is parsed.
type backward struct {
	finder *finder
	buffer []byte
	carry  []byte // the end of a line that begins in an earlier block

	segment *indexed
	end     segmentEnd
	hits    []hit     // the best of this segment
	floor   time.Time // what stands before it finds no place
	least   []byte    // floor
	most    []byte    // what is later stands on an earlier page
	late    []byte    // what is earlier was written late
	reached []byte    // time of the first lines of the block
}

// look is the best that a segment holds, given the best of others.
func (b *backward) look(ctx context.Context, s *indexed, end segmentEnd, best []hit) ([]hit, error) {
	b.begin(s, end, best)
	size := int64(firstBlock)
	for upTo := end.shown; upTo > 0; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		from := max(0, upTo-size)
		block, err := b.read(ctx, from, upTo)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", s.object.Name, err)
		}
		if b.block(from, block); b.past() {
			break
		}
		upTo, size = from, min(2*size, lastBlock)
	}
	return b.hits, nil
}

func (b *backward) begin(s *indexed, end segmentEnd, best []hit) {
	f := b.finder
	b.segment, b.end, b.hits, b.carry = s, end, nil, b.carry[:0]
	b.most = written(f.after.at)
	b.late = written(s.id.opened.Add(-lateness))
	b.setFloor(f.since)
	if len(best) == f.keep {
		b.setFloor(best[f.keep-1].place.at)
	}
}

func written(t time.Time) []byte { return t.UTC().AppendFormat(nil, timeLayout) }

func (b *backward) setFloor(t time.Time) {
	if b.least == nil || !t.Equal(b.floor) {
		b.floor, b.least = t, written(t)
	}
}

// read reads a block and puts the end of its last line behind it. The block is
// shorter where the bytes are not there yet.
func (b *backward) read(ctx context.Context, from, upTo int64) (block []byte, err error) {
	if want := int(upTo-from) + len(b.carry); len(b.buffer) < want {
		b.buffer = make([]byte, want)
	}
	body, err := b.finder.reader.ReadRange(ctx, b.segment.object.Name, from)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := io.ReadFull(body, b.buffer[:upTo-from])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return b.buffer[:n], body.Close()
	}
	n += copy(b.buffer[n:], b.carry)
	return b.buffer[:n], errors.Join(err, body.Close())
}

// block looks through the whole lines of a block, the last one first. What is
// in front of them is kept for the block before it, unless no line is that
// long.
func (b *backward) block(offset int64, block []byte) {
	first := 0
	if offset > 0 {
		first = bytes.IndexByte(block, '\n') + 1
		if first == 0 {
			first = len(block)
		}
	}
	b.carry = b.carry[:0]
	if first <= maxLine {
		b.carry = append(b.carry, block[:first]...)
	}
	lines := block[first:]
	b.reached = newestOf(lines)
	if !b.worth(lines) {
		return
	}
	for end := bytes.LastIndexByte(lines, '\n') + 1; end > 0; {
		begin := bytes.LastIndexByte(lines[:end-1], '\n') + 1
		b.line(offset+int64(first+begin), lines[begin:end])
		end = begin
	}
}

// newestOf is the latest time of the first few lines. One alone may be of a
// record that was written late.
func newestOf(lines []byte) (newest []byte) {
	const few = 8
	for range few {
		end := bytes.IndexByte(lines, '\n') + 1
		if end == 0 {
			break
		}
		if h, ok := parseHead(lines[:end]); ok {
			if ts, ok := timeIn(h.body); ok && bytes.Compare(ts, newest) > 0 {
				newest = ts
			}
		}
		lines = lines[end:]
	}
	return newest
}

// worth reports whether any of some lines may be wanted.
func (b *backward) worth(lines []byte) bool {
	for i := range b.finder.criteria {
		if c := &b.finder.criteria[i]; !c.fold && !c.mayHold(lines) {
			return false
		}
	}
	return true
}

// past reports whether no line in front of the block can find a place.
func (b *backward) past() bool {
	return b.reached != nil && bytes.Compare(b.reached, written(b.floor.Add(-disorder))) < 0
}

// line takes one line.
func (b *backward) line(offset int64, line []byte) {
	h, ok := parseHead(line)
	if !ok || h.kind != KindDecision && h.kind != KindPreview {
		return
	}
	ts, ok := timeIn(h.body)
	if !ok {
		return
	}
	late := bytes.Compare(ts, b.late) < 0
	if !late && (bytes.Compare(ts, b.least) < 0 || bytes.Compare(ts, b.most) > 0) {
		return
	}
	for i := range b.finder.criteria {
		if !b.finder.criteria[i].mayHold(line) {
			return
		}
	}
	b.take(offset, line, late)
}

// timeIn is the time of a record, as it is written first of its body.
func timeIn(body []byte) ([]byte, bool) {
	const name = `,"ts":"`
	end := len(name) + len(timeLayout)
	if len(body) <= end || body[end] != '"' || !bytes.HasPrefix(body, []byte(name)) {
		return nil, false
	}
	return body[len(name):end], true
}

// take parses a line that looks as if it was wanted.
func (b *backward) take(offset int64, line []byte, late bool) {
	f := b.finder
	e, ok := parseEntry(b.segment.object.Name, offset, line)
	if !ok {
		return
	}
	for i := range f.criteria {
		if !f.criteria[i].meets(&e) {
			return
		}
	}
	e.Uncertain = offset >= b.end.certain
	h := hit{entry: e, place: place{e.Time, e.text("decisionId")}, late: late}
	if late {
		h.place.at = b.segment.id.opened
	}
	if h.place.at.Before(b.floor) || h.place.compare(f.after) <= 0 {
		return
	}
	if b.hits = insert(b.hits, h, f.keep); len(b.hits) == f.keep {
		if last := b.hits[f.keep-1].place.at; last.After(b.floor) {
			b.setFloor(last)
		}
	}
}
