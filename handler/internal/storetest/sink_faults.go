package storetest

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// SinkFault is what goes wrong with one call of a sink. The zero value is
// nothing.
type SinkFault uint8

// The faults of a sink. All but the refusal tell the caller nothing about the
// effect of its call.
const (
	SinkWorks      SinkFault = iota
	SinkRefuses              // says for certain that it did nothing (an append: Absent)
	SinkFails                // does nothing
	SinkLosesReply           // does it and says that it failed
	SinkLandsLate            // does it some calls later, and until then nothing
	SinkHangs                // does nothing until the caller gives up
	SinkHangsLate            // does it some calls after the caller gave up
	SinkStuck                // does not return even when the caller gives up, and does it when it is freed: see [FaultySink.Free]
)

// SinkFaults are all faults.
func SinkFaults() []SinkFault {
	return []SinkFault{SinkRefuses, SinkFails, SinkLosesReply, SinkLandsLate, SinkHangs, SinkHangsLate, SinkStuck}
}

// String names the fault, for messages.
func (f SinkFault) String() string {
	return [...]string{"works", "refuses", "fails", "loses its reply", "lands late", "hangs", "hangs, lands late", "stuck"}[f]
}

// SinkCall is one call of a sink.
type SinkCall struct {
	Op     string // create, append, read or list
	Name   string
	Number int // counts every call, from 0
}

// FaultySink breaks the calls of a sink as Next says. It is safe for concurrent
// use if Next is.
type FaultySink struct {
	Sink  audit.Sink
	Next  func(SinkCall) SinkFault // nil: nothing breaks
	Delay int                      // calls until something late lands; 0 means 3

	mu      sync.Mutex
	calls   int           // guarded by mu
	late    []late        // guarded by mu
	crashed bool          // guarded by mu
	free    chan struct{} // guarded by mu; closed by Free
}

var _ audit.Sink = (*FaultySink)(nil)

// ErrSink is what a broken call says.
var ErrSink = errors.New("the sink is broken on purpose")

// late is an effect on its way.
type late struct {
	due  int
	land func()
}

// Create implements [audit.Sink].
func (f *FaultySink) Create(ctx context.Context, name string) error {
	return f.broken(ctx, "create", name, nil, func(ctx context.Context) error { return f.Sink.Create(ctx, name) })
}

// Append implements [audit.Sink].
func (f *FaultySink) Append(ctx context.Context, name string, position int64, data []byte) (audit.Outcome, error) {
	outcome := audit.Unknown
	snapshot := func() { data = slices.Clone(data) } // the caller's bytes may change once the call returns
	err := f.broken(ctx, "append", name, snapshot, func(ctx context.Context) (err error) {
		outcome, err = f.Sink.Append(ctx, name, position, data)
		return err
	})
	switch {
	case errors.Is(err, errRefused):
		return audit.Absent, err
	case errors.Is(err, ErrSink), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return audit.Unknown, err
	}
	return outcome, err
}

var errRefused = errors.Join(ErrSink, errors.New("nothing was done"))

// ReadRange implements [audit.Reader].
func (f *FaultySink) ReadRange(ctx context.Context, name string, from int64) (io.ReadCloser, error) {
	var body io.ReadCloser
	err := f.broken(ctx, "read", name, nil, func(ctx context.Context) (err error) {
		body, err = f.Sink.ReadRange(ctx, name, from)
		return err
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

// List implements [audit.Reader].
func (f *FaultySink) List(ctx context.Context, prefix string) ([]audit.Object, error) {
	var objects []audit.Object
	err := f.broken(ctx, "list", prefix, nil, func(ctx context.Context) (err error) {
		objects, err = f.Sink.List(ctx, prefix)
		return err
	})
	if err != nil {
		return nil, err
	}
	return objects, nil
}

// broken makes one call with whatever fault is its turn. Snapshot, if any, is
// called before do is to happen after the call.
func (f *FaultySink) broken(ctx context.Context, op, name string, snapshot func(), do func(context.Context) error) error {
	number, crashed := f.arrive()
	fault := SinkWorks
	if crashed {
		fault = SinkFails
	} else if f.Next != nil {
		fault = f.Next(SinkCall{Op: op, Name: name, Number: number})
	}
	later := func() { _ = do(context.WithoutCancel(ctx)) }
	postpone := func() {
		if snapshot != nil {
			snapshot()
		}
		f.postpone(later)
	}
	switch fault {
	case SinkWorks:
		return do(ctx)
	case SinkRefuses:
		return errRefused
	case SinkLosesReply:
		later()
	case SinkLandsLate:
		postpone()
	case SinkFails:
	case SinkHangs:
		<-ctx.Done()
	case SinkHangsLate:
		<-ctx.Done()
		postpone()
	case SinkStuck:
		<-f.freed()
		if _, crashed := f.arrive(); !crashed {
			later()
		}
	}
	return errors.Join(ErrSink, ctx.Err())
}

// arrive counts a call and lands what is due.
func (f *FaultySink) arrive() (number int, crashed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	number = f.calls
	f.calls++
	f.late = slices.DeleteFunc(f.late, func(l late) bool {
		if l.due > number {
			return false
		}
		l.land()
		return true
	})
	return number, f.crashed
}

func (f *FaultySink) postpone(land func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.late = append(f.late, late{f.calls + max(f.Delay, 1), land})
}

// Land makes everything late happen now, in the order in which it was asked
// for.
func (f *FaultySink) Land() { f.Crash(func() bool { return true }) }

// Free lets what is stuck go on. What comes later can be stuck again.
func (f *FaultySink) Free() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.free != nil {
		close(f.free)
		f.free = nil
	}
}

func (f *FaultySink) freed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.free == nil {
		f.free = make(chan struct{})
	}
	return f.free
}

// Crash is the end of the process that used f: of what is late only what lands
// says so for happens, and from then on every call fails.
func (f *FaultySink) Crash(lands func() bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.late {
		if lands() {
			l.land()
		}
	}
	f.late, f.crashed = nil, true
}
