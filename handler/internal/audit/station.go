package audit

import (
	"context"
	"fmt"
	"time"
)

// waiter is a record on its way, and who waits for it. It belongs to the
// appending goroutine until it is queued and after done; in between to the
// station. One that is given up is never reused.
type waiter struct {
	kind    Kind
	body    []byte
	at      time.Time // queued; monotonic
	receipt Receipt
	err     error
	done    chan struct{} // one signal, after receipt and err are set
}

func (w *waiter) answer(err error) {
	w.err = err
	w.done <- struct{}{}
}

func answerAll(batch []*waiter, err error) {
	for _, w := range batch {
		w.answer(err)
	}
}

// maxRecycled is the largest body that is kept for reuse.
const maxRecycled = 64 << 10

func (l *Log) recycle(w *waiter) {
	if cap(w.body) > maxRecycled {
		w.body = nil
	}
	w.receipt, w.err = Receipt{}, nil
	l.waiters.Put(w)
}

// station is a lane and what waits for it. All but lane is guarded by Log.mu;
// lane belongs to whoever set running.
type station struct {
	lane    lane
	waiting []*waiter
	running bool
	since   time.Time     // the start of the append in progress; monotonic
	typical time.Duration // how long an append takes, a moving average
	failed  bool          // its last batch failed: it has to open a segment first
}

// patience is how long a lane may take for an append before others stop
// waiting for it. Below it, sharing the next append of a busy lane beats an
// append of one's own: fewer, larger appends cost less and last as long.
func (s *station) patience() time.Duration { return 2*s.typical + time.Millisecond }

// pick chooses the lane for a record: the first that is idle or not yet slow.
func (l *Log) pick(now time.Time) *station {
	for _, s := range l.stations {
		if !s.failed && (!s.running || now.Sub(s.since) < s.patience()) {
			return s
		}
	}
	best := l.stations[0]
	for _, s := range l.stations {
		if !s.running {
			return s
		}
		if len(s.waiting) < len(best.waiting) {
			best = s
		}
	}
	return best
}

// accepting is nil unless the log is closed or the sink does not work.
func (l *Log) accepting() error {
	switch {
	case l.closing:
		return ErrClosed
	case l.broken != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, l.broken)
	}
	return nil
}

// admit chooses the lane for a record of size bytes, or refuses.
func (l *Log) admit(size int) (*station, error) {
	if err := l.accepting(); err != nil {
		return nil, err
	}
	o := &l.options
	if l.records >= o.QueueRecords || l.bytes+size > o.QueueBytes {
		return nil, ErrOverloaded
	}
	now := time.Now()
	s := l.pick(now)
	if len(s.waiting) > 0 && now.Sub(s.waiting[0].at) > o.QueueAge {
		return nil, ErrOverloaded
	}
	return s, nil
}

// enqueue queues w. Lead is the station that the caller must run now: its lane
// was idle, and an append by the one who asks costs no hand-over.
func (l *Log) enqueue(ctx context.Context, w *waiter) (lead *station, err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := l.admit(len(w.body))
	if err != nil {
		return nil, err
	}
	w.at = time.Now()
	s.waiting = append(s.waiting, w)
	l.records++
	l.bytes += len(w.body)
	if s.running {
		return nil, nil
	}
	s.running, s.since = true, w.at
	l.work.Add(1)
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(w.at) < l.options.Deadline {
		go l.run(s, nil) // the caller may have to leave before this is done
		return nil, nil
	}
	return s, nil
}

// lead commits one batch, the caller's own record in it, and leaves what came
// meanwhile to a goroutine.
func (l *Log) lead(s *station) {
	batch := l.take(s, nil)
	if len(batch) == 0 { // somebody answered it meanwhile
		l.work.Done()
		return
	}
	l.commit(s, batch)
	l.mu.Lock()
	more := len(s.waiting) > 0
	s.running = more
	l.mu.Unlock()
	if more {
		go l.run(s, batch)
		return
	}
	l.work.Done()
}

// run commits batches until nothing waits. A lane runs only while it has work,
// so that an idle log has no goroutine.
func (l *Log) run(s *station, batch []*waiter) {
	defer l.work.Done()
	for {
		batch = l.take(s, batch)
		if len(batch) == 0 {
			return
		}
		l.commit(s, batch)
	}
}

// leastCommit is what a batch gets whose records have waited for long.
const leastCommit = 100 * time.Millisecond

// commit commits a batch and answers it: within the deadline, counted from
// when its first record came.
func (l *Log) commit(s *station, batch []*waiter) {
	left := max(l.options.Deadline-time.Since(batch[0].at), leastCommit)
	ctx, cancel := context.WithTimeout(l.ctx, left)
	err := s.lane.commit(ctx, batch)
	cancel()
	l.settled(s, batch, err)
	clear(batch)
}

// take removes the next batch from the queue: everything, up to BatchBytes.
// The queue goes on in the slice of the batch before.
func (l *Log) take(s *station, before []*waiter) []*waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(s.waiting) == 0 {
		s.running = false
		return nil
	}
	s.since = time.Now()
	n, size := 0, 0
	for n < len(s.waiting) && size < l.options.BatchBytes {
		size += len(s.waiting[n].body)
		n++
	}
	l.records -= n
	l.bytes -= size
	batch := s.waiting[:n]
	s.waiting = append(before[:0], s.waiting[n:]...)
	return batch
}

// settled answers a batch and draws the consequences.
func (l *Log) settled(s *station, batch []*waiter, err error) {
	var abandoned []*waiter
	l.mu.Lock()
	if err == nil {
		s.failed, l.failures = false, 0
		s.typical += (time.Since(s.since) - s.typical) / 8
	} else {
		abandoned = l.fail(s, err)
	}
	l.mu.Unlock()
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	answerAll(batch, err)
	answerAll(abandoned, err)
}

// takeAll empties every queue.
func (l *Log) takeAll() []*waiter {
	var all []*waiter
	for _, s := range l.stations {
		all = append(all, s.waiting...)
		s.waiting = nil
	}
	l.records, l.bytes = 0, 0
	return all
}
