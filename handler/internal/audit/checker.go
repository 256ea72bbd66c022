package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// checker derives the chain of one segment again, line by line. It is apart
// from the code that writes: it knows the layout of a line and nothing else.
type checker struct {
	segment  string
	findings []Finding
	recent   [16]checked // ring: a line is linked to one of these or to none
	count    int         // lines put into recent so far
	line     int         // number of the line in hand, from 1
	offset   int64       // where it begins
	held     *checked    // a line without link, until the next one explains it
	ended    bool        // a segment.closed came
	taken    checked     // the line in hand, as it is
}

// checked is what is remembered of a line.
type checked struct {
	line    int
	offset  int64
	seq     uint64
	prev    [hashLength]byte
	hash    [hashLength]byte
	suspect bool // a finding explains it, or what stands beside it
	sure    bool // somebody else names its hash
}

// maxFindings bounds what is said about one segment.
const maxFindings = 1000

func (c *checker) find(fault Fault, at *checked, format string, args ...any) {
	if len(c.findings) < maxFindings {
		c.findings = append(c.findings, Finding{
			Fault: fault, Segment: c.segment, Line: at.line, Seq: at.seq, Offset: at.offset, Detail: fmt.Sprintf(format, args...),
		})
	}
	at.suspect = true
}

// last is the line before the one in hand, as the chain goes.
func (c *checker) last() *checked {
	if c.count == 0 {
		return nil
	}
	return &c.recent[(c.count-1)%len(c.recent)]
}

func (c *checker) push(l checked) {
	c.recent[c.count%len(c.recent)] = l
	c.count++
}

// expected is the sequence number of the line in hand.
func (c *checker) expected() uint64 {
	if last := c.last(); last != nil {
		return last.seq + 1
	}
	return 0
}

// add takes one whole line.
func (c *checker) add(line []byte) {
	c.line++
	l := checked{line: c.line, offset: c.offset, seq: c.expected()}
	if c.held != nil {
		l.seq = c.held.seq + 1
	}
	c.offset += int64(len(line))
	sum := sha256.Sum256(line)
	copy(l.hash[:], hashPrefix)
	hex.Encode(l.hash[len(hashPrefix):], sum[:])
	h, ok := parseHead(line)
	if c.taken = l; ok {
		c.taken.seq = h.seq
	}
	if !ok || bytes.Contains(line[1:], []byte(linePrefix)) { // two lines in one, whose line feed was changed
		c.release(nil)
		l.seq = c.expected()
		c.find(FaultMalformed, &l, "not a line of this log")
		c.push(l)
		return
	}
	l.seq = h.seq
	copy(l.prev[:], h.prev)
	c.release(&l)
	if c.ended && c.count > 0 && !c.last().suspect {
		c.find(FaultExtended, &l, "the segment was closed before this line")
	}
	c.ended = h.kind == KindSegmentClosed
	c.place(l)
}

// place links a line to the chain, or holds it until the next line tells why
// it cannot be linked.
func (c *checker) place(l checked) {
	last := c.last()
	switch {
	case last == nil:
		c.placeFirst(l)
	case l.prev == last.hash && l.seq == last.seq+1:
		c.push(l)
	case l.prev == last.hash:
		want := last.seq + 1
		c.find(FaultChanged, &l, "its sequence number is %d, not %d", l.seq, want)
		l.seq = want
		c.push(l)
	case l.hash == last.hash:
		c.findAt(FaultDoubled, l, last.seq, "the same as the line before")
	case c.linkedEarlier(&l):
		c.push(l)
	case l.seq <= last.seq:
		c.findAt(FaultInserted, l, last.seq+1, "sequence number %d comes again", l.seq)
	default:
		c.held = &l
	}
}

// placeFirst takes the first line of the segment, which has no predecessor.
func (c *checker) placeFirst(l checked) {
	if l.prev != [hashLength]byte{} || l.seq != 0 {
		c.find(FaultDropped, &l, "the first line is missing: this is sequence number %d", l.seq)
	}
	c.push(l)
}

// findAt is a finding about a line that is no part of the chain.
func (c *checker) findAt(fault Fault, l checked, seq uint64, format string, args ...any) {
	detail := fmt.Sprintf(format, args...)
	l.seq = seq
	c.find(fault, &l, "%s", detail)
}

// linkedEarlier reports whether l follows a line before the last one. What
// stands between the two is not of this chain.
func (c *checker) linkedEarlier(l *checked) bool {
	for back := 2; back <= min(c.count, len(c.recent)); back++ {
		p := &c.recent[(c.count-back)%len(c.recent)]
		if p.hash != l.prev || p.seq+1 != l.seq {
			continue
		}
		for between := back - 1; between > 0; between-- {
			if b := &c.recent[(c.count-between)%len(c.recent)]; !b.suspect {
				c.find(FaultInserted, b, "line %d follows line %d: this one is not of the chain", l.line, p.line)
			}
		}
		return true
	}
	return false
}

// finish is called behind the last line. Tip is the hash that the line must
// have, or empty where nobody says so.
func (c *checker) finish(tip string) {
	if c.held != nil && tip != "" {
		next := checked{seq: c.held.seq + 1}
		copy(next.prev[:], tip)
		c.release(&next)
	}
	c.release(nil)
}

// release explains the line that is held by the one after it, which is nil at
// the end or where that cannot be read.
func (c *checker) release(next *checked) {
	held, last := c.held, c.last()
	if held == nil {
		return
	}
	c.held = nil
	want := last.seq + 1
	switch {
	case next != nil && next.prev == last.hash && next.seq == want && held.seq == want:
		c.findAt(FaultInserted, *held, want, "line %d follows line %d: this one is not of the chain", next.line, last.line)
		return
	case next != nil && next.prev == last.hash && next.seq == want:
		c.find(FaultSwapped, held, "sequence number %d stands here, %d comes after it", held.seq, want)
		next.suspect = true
	case held.seq > want:
		c.find(FaultDropped, held, "missing before it: sequence %d to %d", want, held.seq-1)
	case last.suspect:
		// The line before was changed, as was said.
	case last.sure, next != nil && next.prev != held.hash:
		c.find(FaultChanged, held, "it does not name the hash of the line before it, nor the next line its own")
	default:
		c.find(FaultChanged, last, "the next line does not name its hash")
	}
	c.push(*held)
}
