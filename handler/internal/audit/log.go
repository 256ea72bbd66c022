package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// What callers of a [Log] branch on. Any error of Append means that the record
// is not known to be in the log: nothing may be answered.
var (
	// ErrUnavailable means that the sink does not take records, or did not
	// take this one in time.
	ErrUnavailable = errors.New("the audit log is unavailable")
	// ErrOverloaded means that too much waits already.
	ErrOverloaded = errors.New("the audit log is overloaded")
	// ErrClosed means that the log was closed.
	ErrClosed = errors.New("the audit log is closed")
)

// Receipt says where a record is: with it anybody can prove later that it was
// there.
type Receipt struct {
	Segment string
	Seq     uint64
	Hash    string // of the line, as the next line's prev
}

// Log writes records. It is safe for concurrent use.
type Log struct {
	options Options
	sink    *guard
	kept    *Keeper
	notary  *notary // nil without anchors
	waiters sync.Pool

	ctx    context.Context // of every call of the sink; ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // running lanes, and the one that repairs
	closed chan struct{}  // closed when Close is done

	mu       sync.Mutex
	stations []*station
	records  int   // waiting, in all stations
	bytes    int   // of their bodies
	failures int   // batches in a row
	broken   error // why nothing is admitted; nil while the sink works
	closing  bool
	stop     context.CancelFunc // of the repair
	repair   context.Context
	closeErr error
}

// Open starts a log whose first segments are durable when it returns. A sink
// that does not work is no error here: [Log.Ready] says so and the log
// recovers by itself. An error means options that are wrong, or, with
// Continue, predecessors that could not be read before ctx ended.
func Open(ctx context.Context, sink Sink, options Options) (*Log, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	l := &Log{options: options, sink: newGuard(sink, options.CallTimeout), closed: make(chan struct{})}
	l.kept = newKeeper(l.sink, &l.options)
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if l.notary = newNotary(l.ctx, sink, &l.options); l.notary != nil {
		l.notary.tell = l.tellUnanchored
	}
	l.repair, l.stop = context.WithCancel(l.ctx)
	l.waiters.New = func() any { return &waiter{done: make(chan struct{}, 1)} }
	for i := range options.Lanes {
		l.stations = append(l.stations, &station{lane: lane{
			index: i, options: &l.options, sink: l.sink, notary: l.notary, beside: l.beside,
		}})
	}
	if options.Continue {
		if err := within(ctx, func() error { return l.findPredecessors(ctx, sink) }); err != nil {
			l.cancel()
			return nil, fmt.Errorf("audit: %w", err)
		}
	}
	l.openStations()
	return l, nil
}

// Append writes one record and returns once it is durable. It waits for the
// append in progress and the next one, at most for the deadline of the options
// or until ctx ends; the record may then be in the log all the same.
func (l *Log) Append(ctx context.Context, r Record) (Receipt, error) {
	if err := r.check(); err != nil {
		return Receipt{}, err
	}
	w := l.waiters.Get().(*waiter)
	w.kind = r.kind()
	w.body = r.appendBody(w.body[:0])
	if len(w.body) > l.options.RecordBytes {
		return Receipt{}, fmt.Errorf("%w: %d bytes, at most %d", ErrRecord, len(w.body), l.options.RecordBytes)
	}
	lead, err := l.enqueue(ctx, w)
	if err != nil {
		l.recycle(w)
		return Receipt{}, err
	}
	if lead != nil {
		l.lead(lead)
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		select {
		case <-w.done:
		default:
			return Receipt{}, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
	}
	receipt, err := w.receipt, w.err
	l.recycle(w)
	return receipt, err
}

// Admit says whether a record would be taken now: nil, [ErrOverloaded],
// [ErrUnavailable] or [ErrClosed]. Ask before evaluating, so that overload
// costs nothing.
func (l *Log) Admit() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.admit(0)
	return err
}

// Ready is nil while records can be expected to become durable, and else says
// why not. It makes no call of the sink.
func (l *Log) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepting()
}

// Close takes no more records, makes durable what waits, closes the segments,
// has their ends anchored ([Log.AnchorLag] says whether they are), and returns;
// after the CloseTimeout of the options, or when ctx ends, it answers what
// still waits with [ErrClosed] and reports that. Further calls wait for the
// first and return the same.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	again := l.closing
	l.closing = true
	l.mu.Unlock()
	if again {
		<-l.closed
		return l.closeErr
	}
	defer close(l.closed)
	defer l.cancel()
	ctx, cancel := context.WithTimeout(ctx, l.options.CloseTimeout)
	defer cancel()
	l.stop()
	l.closeErr = l.drain(ctx)
	l.closeStations(ctx)
	l.notary.close(ctx)
	return l.closeErr
}

// beside runs f while the lanes do, until the log is cut short.
func (l *Log) beside(f func(context.Context)) { l.work.Go(func() { f(l.ctx) }) }

// drain waits until no lane runs. When ctx ends first it cuts short what the
// lanes do and fails what waits.
func (l *Log) drain(ctx context.Context) error {
	idle := make(chan struct{})
	go func() {
		l.work.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	l.cancel()
	l.mu.Lock()
	abandoned := l.takeAll()
	l.mu.Unlock()
	answerAll(abandoned, ErrClosed)
	<-idle
	return fmt.Errorf("audit: closed before everything was written: %w", ctx.Err())
}
