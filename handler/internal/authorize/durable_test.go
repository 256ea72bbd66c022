package authorize_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// brokenLog breaks a log as its functions say.
type brokenLog struct {
	authorize.Log
	admit func() error                       // nil: as the log says
	next  func(audit.Record) storetest.Fault // nil: nothing breaks
}

var errBroken = errors.New("broken on purpose")

func (l *brokenLog) Admit() error {
	if l.admit != nil {
		return l.admit()
	}
	return l.Log.Admit()
}

func (l *brokenLog) Append(ctx context.Context, r audit.Record) (audit.Receipt, error) {
	fault := storetest.NoFault
	if l.next != nil {
		fault = l.next(r)
	}
	if fault == storetest.FailBefore {
		return audit.Receipt{}, errBroken
	}
	receipt, err := l.Log.Append(ctx, r)
	if fault == storetest.FailAfter && err == nil {
		return receipt, errBroken // with the receipt: nobody may use it
	}
	return receipt, err
}

// decisions breaks the records of decisions only.
func decisions(fault storetest.Fault) func(audit.Record) storetest.Fault {
	return func(r audit.Record) storetest.Fault {
		if _, ok := r.(*audit.Decision); ok {
			return fault
		}
		return storetest.NoFault
	}
}

// The promise of the log: an answer without a record may not exist, whatever
// the decision is and whether or not the record came to be.
func TestNoAnswerWithoutARecord(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter} {
		for _, c := range outcomes() {
			for _, call := range []authorize.Call{enforce, preview} {
				w := newWorld(t)
				w.log = &brokenLog{Log: w.log, next: decisions(fault)}
				err := w.unavailableAs(t, c.by, c.request, call, "audit")
				if !errors.Is(err.Err, errBroken) || err.RetryAfter != 0 {
					t.Errorf("%s: Decide = %+v, want the log's failure in it and no wait of its own", c.name, err)
				}
				left := len(w.recorded(t, audit.KindDecision, audit.KindPreview))
				if want := int(fault - storetest.FailBefore); left != want {
					t.Errorf("%s: the log has %d records, want %d", c.name, left, want)
				}
			}
		}
	}
}

// Overload costs nothing: a log that takes nothing is asked before anything is
// evaluated.
func TestALogThatAdmitsNothingIsAskedFirst(t *testing.T) {
	for _, c := range []struct {
		err  error
		wait time.Duration
	}{{audit.ErrOverloaded, time.Second}, {audit.ErrUnavailable, 0}, {audit.ErrClosed, 0}} {
		w := newWorld(t)
		w.log = &brokenLog{Log: w.log, admit: func() error { return c.err }}
		err := w.unavailable(t, ana(), order("70000"), "audit")
		if !errors.Is(err.Err, c.err) || err.RetryAfter != c.wait {
			t.Errorf("Decide with a log that says %v = %+v, want that and a wait of %s", c.err, err, c.wait)
		}
		if len(w.policies.asked) > 0 || len(w.recorded(t)) > 0 {
			t.Errorf("with a log that says %v the policy was asked %d times, want 0", c.err, len(w.policies.asked))
		}
	}
}

// An append that finds the queue full says when to come again, as Admit does.
func TestAnOverloadedAppendSaysWhenToComeAgain(t *testing.T) {
	w := newWorld(t)
	full := audit.Options{Environment: "dev", Instance: "full", Clock: func() time.Time { return noon }, QueueBytes: 1}
	log, err := audit.Open(t.Context(), w.sink, full)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() { _ = log.Close(context.Background()) })
	w.log = log
	if err := w.unavailable(t, ana(), view(""), "audit"); err.RetryAfter != time.Second {
		t.Errorf("Decide = %+v, want a wait of 1s", err)
	}
}

func TestAClosedLogEndsDecisions(t *testing.T) {
	w := newWorld(t)
	w.decide(t, ana(), view(""))
	if err := w.log.(*audit.Log).Close(t.Context()); err != nil {
		t.Fatalf("Close = %v", err)
	}
	w.unavailable(t, ana(), view(""), "audit")
}

// A deadline that has passed, of the call or of the request, ends the call
// without an answer.
func TestADeadlineThatHasPassed(t *testing.T) {
	past := time.Now().Add(-time.Second)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late := enforce
	late.Deadline = past
	for _, c := range []struct {
		name string
		ctx  context.Context
		call authorize.Call
	}{{"of the call", t.Context(), late}, {"of the request", cancelled, enforce}} {
		for component, r := range map[string]authorize.Request{"audit": view(""), "approvals": order("70000")} {
			w := newWorld(t)
			a, err := w.serve().Decide(c.ctx, ana(), r, c.call)
			wantUnavailable(t, a, err, component)
			if got := w.recorded(t); len(got) > 0 {
				t.Errorf("deadline %s: the log has %+v, want nothing", c.name, got)
			}
		}
	}
}

// Over the real log: a sink that fails gives no answer, in bounded time; one
// whose reply is lost is read back, and the answer has a true receipt.
func TestOverAFaultySink(t *testing.T) {
	for _, c := range []struct {
		fault    storetest.SinkFault
		answered bool
	}{
		{storetest.SinkFails, false},
		{storetest.SinkHangs, false},
		{storetest.SinkRefuses, false},
		{storetest.SinkLosesReply, true},
		{storetest.SinkHangsLate, true},
	} {
		t.Run(c.fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var broken atomic.Bool
				w.log = openLog(t, &storetest.FaultySink{Sink: w.sink, Delay: 1, Next: func(call storetest.SinkCall) storetest.SinkFault {
					if broken.Load() && call.Op == "append" {
						return c.fault
					}
					return storetest.SinkWorks
				}})
				broken.Store(true)
				started := time.Now()
				if c.answered {
					wantCode(t, "Decide", w.decide(t, ana(), view("")), policy.Allow, policy.OK)
				} else {
					w.unavailable(t, ana(), view(""), "audit")
				}
				if took := time.Since(started); took > 2*time.Second {
					t.Errorf("Decide took %s, want the log's 2s at most", took)
				}
				broken.Store(false)
			})
		})
	}
}
