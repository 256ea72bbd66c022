package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

const (
	firstRetry = 5 * time.Second // after an anchor failed, then doubled up to Every

	// maxEndRetries is how often the end of a segment is tried that is not
	// written any more. The next segment of the lane names that end, and its
	// own anchors commit to it.
	maxEndRetries = 10

	maxLastAttempts = 3 // of a log that closes
)

// anchoring follows one segment of this process and anchors what is certain of
// it. All fields but the first two are guarded by notary.mu.
type anchoring struct {
	notary  *notary
	segment segmentID

	head     mark // how far the segment is certain
	last     mark // how far it is anchored
	ended    bool // head moves no more
	since    time.Time
	timer    *time.Timer // armed while head is ahead and nobody runs
	busy     bool
	attempts int      // that failed in a row
	told     bool     // their record is written
	pending  *signing // of an anchor that may or may not be there
	lost     bool     // the segment does not hold what was written
}

// follow begins with a segment whose birth is durable.
func (n *notary) follow(segment segmentID, birth mark) *anchoring {
	a := &anchoring{notary: n, segment: segment, head: birth, last: birth}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open[a] = struct{}{}
	return a
}

func (a *anchoring) behind() bool { return a.head.seq > a.last.seq }

// grow says that the segment is certain up to head.
func (a *anchoring) grow(head mark) {
	n := a.notary
	n.mu.Lock()
	defer n.mu.Unlock()
	was := a.behind()
	a.head = head
	if !was {
		a.since = time.Now()
		a.arm(n.options.every())
	}
}

// arm has an anchor made after a pause, unless somebody is at it.
func (a *anchoring) arm(pause time.Duration) {
	if a.busy || a.lost || a.notary.closing || a.timer != nil {
		return
	}
	a.timer = time.AfterFunc(pause, func() {
		a.notary.mu.Lock()
		defer a.notary.mu.Unlock()
		if !a.notary.closing { // close starts it itself
			a.start()
		}
	})
}

// end says that the segment grows no more: it is left, or closed.
func (a *anchoring) end() {
	a.notary.mu.Lock()
	defer a.notary.mu.Unlock()
	a.ended = true
	a.start()
}

// start makes an anchor now, unless somebody is at it. The caller holds mu.
func (a *anchoring) start() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	if a.busy {
		return
	}
	if !a.behind() || a.lost {
		a.forget()
		return
	}
	a.busy = true
	a.notary.work.Go(a.run)
}

// forget ends with a segment of which all is said.
func (a *anchoring) forget() {
	if a.ended || a.notary.closing {
		delete(a.notary.open, a)
	}
}

// run anchors the head of the segment, until that is where it ends.
func (a *anchoring) run() {
	n := a.notary
	for again := true; again; {
		n.mu.Lock()
		head, last, pending, ctx := a.head, a.last, a.pending, n.patient
		if n.closing {
			ctx = n.ctx
		}
		n.mu.Unlock()
		s, err := n.anchor(ctx, a.segment, last, head, pending)
		n.note(err)
		again = a.settle(s, err)
	}
}

// settle draws the consequences of an attempt, and reports whether the next one
// is due at once.
func (a *anchoring) settle(s *signing, err error) (again bool) {
	n := a.notary
	n.mu.Lock()
	a.pending = s
	switch {
	case err == nil:
		a.last, a.pending = s.anchor.mark, nil
		a.attempts, a.told, a.since = 0, false, time.Now()
		again = a.behind() && (a.ended || n.closing)
	case errors.Is(err, errLoss):
		a.attempts++
		a.lost = true
	default:
		a.attempts++
		again = n.closing && a.attempts < maxLastAttempts
	}
	tell := err != nil && !a.told
	a.busy = again
	if !again {
		a.rest(err)
	}
	n.mu.Unlock()
	if tell && n.tell(a.segment, err) {
		n.mu.Lock()
		a.told = true
		n.mu.Unlock()
	}
	return again
}

// rest arms the next attempt, or ends with the segment.
func (a *anchoring) rest(err error) {
	every := a.notary.options.every()
	switch {
	case err == nil && a.behind():
		a.arm(every)
	case err == nil, a.lost, a.ended && a.attempts >= maxEndRetries:
		a.forget()
	default:
		a.arm(min(firstRetry<<min(a.attempts-1, 10), every))
	}
}

// isLost reports whether the segment does not hold what was written.
func (a *anchoring) isLost() bool {
	if a == nil {
		return false
	}
	a.notary.mu.Lock()
	defer a.notary.mu.Unlock()
	return a.lost
}

// anchor states that a segment is certain up to head, once it was read back
// from where it was stated before: a loss is never sealed. Pending is a
// statement that may be there already; one about the same place is put again as
// it is, since no signature is made twice alike.
func (n *notary) anchor(ctx context.Context, segment segmentID, last, head mark, pending *signing) (*signing, error) {
	if head.seq <= last.seq || head.length <= last.length {
		return pending, fmt.Errorf("audit: an anchor at sequence number %d after one at %d", head.seq, last.seq)
	}
	name := segment.name()
	if err := n.readBack(ctx, name, last, head); err != nil {
		return pending, fmt.Errorf("read back %s: %w", name, err)
	}
	if err := n.nothingBeyond(ctx, name, head.seq); err != nil {
		return pending, err
	}
	if pending == nil || pending.anchor.mark != head {
		pending = n.sign(anchor{segment: segment, mark: head})
	}
	statement, err := pending.wait(ctx)
	if err != nil && pending.failed() {
		return nil, err
	}
	if err != nil {
		return pending, err
	}
	return pending, n.put(ctx, anchorName(name, head.seq), statement)
}

// nothingBeyond demands that no anchor of a segment is there that says more
// than the next one will.
func (n *notary) nothingBeyond(ctx context.Context, segment string, seq uint64) error {
	return n.store.call(ctx, func(ctx context.Context) answer {
		objects, err := n.options.Store.List(ctx, anchorPrefix(segment))
		for _, o := range objects {
			if _, at, ok := parseAnchorName(o.Name); ok && at > seq {
				err = errors.Join(err, fmt.Errorf("%s is there, which this log did not write", o.Name))
			}
		}
		return answer{err: err}
	}).err
}

// readBack demands that the lines of a segment behind from are the chain that
// leads to the one at to.
func (n *notary) readBack(ctx context.Context, name string, from, to mark) error {
	return n.sink.call(ctx, func(ctx context.Context) answer {
		body, err := n.sink.sink.ReadRange(ctx, name, from.length)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, io.ErrUnexpectedEOF) {
			return answer{err: errors.Join(errLoss, err)}
		}
		if err != nil {
			return answer{err: err}
		}
		err = chainLeads(io.LimitReader(body, to.length-from.length), from, to)
		return answer{err: errors.Join(err, body.Close())}
	}).err
}

// chainLeads is errLoss unless the lines of r lead from one mark to the other.
func chainLeads(r io.Reader, from, to mark) error {
	lines := newLineReader(r, to.length-from.length)
	at := from
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		h, ok := parseHead(line)
		if !ok || h.seq != at.seq+1 || string(h.prev) != string(at.tip[:]) {
			return fmt.Errorf("%w: byte %d", errLoss, at.length)
		}
		sum := sha256.Sum256(line)
		hex.Encode(at.tip[len(hashPrefix):], sum[:])
		at.seq, at.length = h.seq, at.length+int64(len(line))
	}
	if at != to {
		return fmt.Errorf("%w: it ends at byte %d", errLoss, at.length)
	}
	return nil
}
