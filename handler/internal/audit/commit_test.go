package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// slow makes every append of a sink last.
func slow(d time.Duration) *storetest.FaultySink {
	f := &storetest.FaultySink{Sink: &storetest.MemorySink{}}
	f.Next = func(c storetest.SinkCall) storetest.SinkFault {
		if c.Op == "append" {
			<-time.After(d)
		}
		return storetest.SinkWorks
	}
	return f
}

// Group commit: what arrives while an append is under way shares the next one.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := slow(10 * time.Millisecond)
		o := options()
		o.Lanes = 1
		log := openLog(t, sink, o)
		start := time.Now()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				if _, err := log.Append(t.Context(), decision(fmt.Sprint("d", i))); err != nil {
					t.Errorf("Append() = %v, want nil", err)
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took != 20*time.Millisecond {
			t.Errorf("100 appends took %v, want two rounds of 10ms", took)
		}
		closeLog(t, log)
	})
}

// A slow append holds up those in it and nobody else.
func TestSlowLaneIsAvoided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &storetest.MemorySink{}
		var hang atomic.Bool
		sink := &storetest.FaultySink{Sink: inner, Next: func(c storetest.SinkCall) storetest.SinkFault {
			if c.Op == "append" && strings.HasSuffix(c.Name, "-0.jsonl") && hang.Load() {
				<-time.After(300 * time.Millisecond)
			}
			return storetest.SinkWorks
		}}
		log := openLog(t, sink, options())
		hang.Store(true)
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := log.Append(t.Context(), decision("slow")); err != nil {
				t.Errorf("Append() = %v, want nil", err)
			}
		})
		<-time.After(50 * time.Millisecond)
		start := time.Now()
		mustAppend(t, log, "quick")
		if took := time.Since(start); took > 10*time.Millisecond {
			t.Errorf("an append beside a slow one took %v, want at once", took)
		}
		all.Wait()
		closeLog(t, log)
	})
}

func TestAdmit(t *testing.T) {
	for name, change := range map[string]func(*audit.Options){
		"records": func(o *audit.Options) { o.QueueRecords = 8 },
		"bytes":   func(o *audit.Options) { o.QueueBytes = 8 * 900 },
		"age":     func(o *audit.Options) { o.QueueAge = 20 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options()
				o.Lanes = 1
				change(&o)
				log := openLog(t, slow(100*time.Millisecond), o)
				var all sync.WaitGroup
				var shed atomic.Int32
				for i := range 20 {
					all.Go(func() {
						<-time.After(time.Duration(i) * 4 * time.Millisecond)
						err := log.Admit()
						if err == nil { // the record may be too large all the same
							_, err = log.Append(t.Context(), decision(fmt.Sprint("d", i)))
						}
						if errors.Is(err, audit.ErrOverloaded) {
							shed.Add(1)
						} else if err != nil {
							t.Errorf("Admit(), Append() = %v, want nil or ErrOverloaded", err)
						}
					})
				}
				all.Wait()
				if n := shed.Load(); n < 5 || n > 15 {
					t.Errorf("%d of 20 were shed, want about half", n)
				}
				if err := log.Admit(); err != nil {
					t.Errorf("Admit() afterwards = %v, want nil", err)
				}
				closeLog(t, log)
			})
		})
	}
}

// Every waiter is answered once, whatever Close cuts short (style 4.1).
func TestCloseUnderLoad(t *testing.T) {
	for _, fault := range []storetest.SinkFault{storetest.SinkWorks, storetest.SinkHangs, storetest.SinkStuck, storetest.SinkFails} {
		t.Run(fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := slow(30 * time.Millisecond)
				plain := sink.Next
				var broken atomic.Bool
				sink.Next = func(c storetest.SinkCall) storetest.SinkFault {
					if broken.Load() {
						return fault
					}
					return plain(c)
				}
				o := options()
				o.CloseTimeout = time.Second
				log := openLog(t, sink, o)
				var all sync.WaitGroup
				var answers atomic.Int32
				var mu sync.Mutex
				var records []acked
				const n = 200
				for i := range n {
					all.Go(func() {
						<-time.After(time.Duration(i) * time.Millisecond)
						receipt, err := log.Append(t.Context(), decision(fmt.Sprint("d", i)))
						answers.Add(1)
						mu.Lock()
						defer mu.Unlock()
						if err == nil {
							records = append(records, acked{fmt.Sprint("d", i), receipt})
						}
					})
				}
				<-time.After(100 * time.Millisecond)
				broken.Store(fault != storetest.SinkWorks)
				<-time.After(80 * time.Millisecond) // so that some wait behind what hangs
				start := time.Now()
				err := log.Close(t.Context())
				if took := time.Since(start); took > 1100*time.Millisecond {
					t.Errorf("Close took %v, want at most a second", took)
				}
				if fault == storetest.SinkWorks && err != nil {
					t.Errorf("Close() = %v, want nil", err)
				}
				all.Wait()
				if answers.Load() != n {
					t.Errorf("%d answers, want %d", answers.Load(), n)
				}
				if _, err := log.Append(t.Context(), decision("late")); !errors.Is(err, audit.ErrClosed) {
					t.Errorf("Append after Close = %v, want ErrClosed", err)
				}
				if again := log.Close(t.Context()); (again == nil) != (err == nil) {
					t.Errorf("Close again = %v, want %v", again, err)
				}
				sink.Free()
				synctest.Wait()
				check(t, sink.Sink.(*storetest.MemorySink), records)
			})
		})
	}
}

// Two writers of one segment: whoever finds bytes that are not its own says
// nothing, leaves, and verification is red.
func TestForeignBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &storetest.MemorySink{}
		o := options()
		o.Lanes = 1
		log := openLog(t, sink, o)
		a := mustAppend(t, log, "a")
		sink.Tamper(a.Segment, append(bytes.Clone(sink.Bytes(a.Segment)), "somebody else\n"...))
		if receipt, err := log.Append(t.Context(), decision("b")); !errors.Is(err, audit.ErrUnavailable) {
			t.Errorf("Append over foreign bytes = %+v, %v, want ErrUnavailable", receipt, err)
		}
		if c := mustAppend(t, log, "c"); c.Segment == a.Segment {
			t.Errorf("Append goes on in %s, want another segment", c.Segment)
		}
		closeLog(t, log)
		report, err := audit.Verify(t.Context(), sink, audit.VerifyOptions{})
		if err != nil || report.Clean || report.Findings[0].Segment != a.Segment || report.Findings[0].Line != 3 {
			t.Errorf("Verify() = %+v, %v, want a finding at line 3 of %s", report.Findings, err, a.Segment)
		}
	})
}

func TestAppendReturnsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, slow(500*time.Millisecond), options())
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := log.Append(ctx, decision("d"))
		if !errors.Is(err, audit.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond {
			t.Errorf("Append = %v after %v, want ErrUnavailable after 100ms", err, time.Since(start))
		}
		closeLog(t, log)
	})
}
