package audit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// R5: also whoever comes while others wait is answered in time.
func TestEveryoneIsAnsweredInTime(t *testing.T) {
	for _, fault := range storetest.SinkFaults() {
		t.Run(fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				tr := newTrial(t, options(), func(storetest.SinkCall) storetest.SinkFault {
					if broken.Load() {
						return fault
					}
					return storetest.SinkWorks
				})
				broken.Store(true)
				var all sync.WaitGroup
				for i := range 400 {
					all.Go(func() {
						<-time.After(time.Duration(i) * 5 * time.Millisecond)
						start := time.Now()
						_, err := tr.log.Append(t.Context(), decision(fmt.Sprint("x", i)))
						if took := time.Since(start); took > 2200*time.Millisecond || err == nil && fault != storetest.SinkLosesReply {
							t.Errorf("Append = %v after %v, want an error within 2.2s", err, took)
						}
					})
				}
				all.Wait()
				if fault == storetest.SinkStuck {
					tr.sink.Free()
				}
				tr.recover()
				tr.end()
			})
		})
	}
}

// trial is a log over a sink that breaks, in virtual time.
type trial struct {
	*testing.T
	memory  *storetest.MemorySink
	anchors *storetest.MemoryAnchors // nil: the log has none
	sink    *storetest.FaultySink
	healthy atomic.Bool
	log     *audit.Log
	acked   []acked
	failed  int
	count   int
}

// newTrial opens a log whose sink breaks as next says until it is healthy. A
// log that cannot read its predecessors is opened again.
func newTrial(t *testing.T, o audit.Options, next func(storetest.SinkCall) storetest.SinkFault) *trial {
	tr := &trial{T: t, memory: &storetest.MemorySink{}}
	tr.sink = &storetest.FaultySink{Sink: tr.memory, Next: func(c storetest.SinkCall) storetest.SinkFault {
		if tr.healthy.Load() {
			return storetest.SinkWorks
		}
		return next(c)
	}}
	if o.Anchors != nil {
		tr.anchors = &storetest.MemoryAnchors{}
		o.Anchors.Store = storetest.FaultyAnchors{Anchors: tr.anchors, Faults: tr.sink}
	}
	tr.open(o)
	return tr
}

func (tr *trial) open(o audit.Options) {
	var err error
	for range 10 {
		ctx, cancel := context.WithTimeout(tr.Context(), time.Second)
		tr.log, err = audit.Open(ctx, tr.sink, o)
		cancel()
		if err == nil {
			return
		}
	}
	tr.Fatalf("Open() = %v, ten times", err)
}

// append writes one record and remembers it if it was answered.
func (tr *trial) append() error {
	id := fmt.Sprintf("d%d.", tr.count)
	tr.count++
	start := time.Now()
	receipt, err := tr.log.Append(tr.Context(), decision(id))
	if took := time.Since(start); took > 2200*time.Millisecond {
		tr.Errorf("Append(%s) = %v after %v, want an answer within 2.2s", id, err, took)
	}
	if err != nil {
		tr.failed++
		if !errors.Is(err, audit.ErrUnavailable) {
			tr.Errorf("Append(%s) = %v, want ErrUnavailable", id, err)
		}
		return err
	}
	tr.acked = append(tr.acked, acked{id, receipt})
	if tr.anchors != nil && tr.anchors.Bytes(receipt.Segment+"/000000000000.jws") == nil {
		tr.Errorf("%s is answered before %s has a birth", id, receipt.Segment)
	}
	return nil
}

// recover demands that the log takes records again within five seconds.
func (tr *trial) recover() {
	tr.Helper()
	tr.healthy.Store(true)
	start := time.Now()
	for tr.append() != nil {
		if time.Since(start) > 5*time.Second {
			tr.Fatalf("still unavailable %v after the sink works again: %v", time.Since(start), tr.log.Ready())
		}
		<-time.After(100 * time.Millisecond)
	}
	if err := tr.log.Ready(); err != nil {
		tr.Errorf("Ready() after an append = %v, want nil", err)
	}
}

// end closes the log, lets everything late happen, and checks the promise.
func (tr *trial) end() audit.Report {
	tr.Helper()
	closeLog(tr.T, tr.log)
	if lag, err := tr.log.AnchorLag(); lag != 0 || err != nil {
		tr.Errorf("AnchorLag() after Close = %v, %v, want everything anchored", lag, err)
	}
	tr.sink.Free()
	synctest.Wait()
	tr.sink.Land()
	if tr.anchors != nil {
		checkAnchors(tr.T, tr.memory, tr.anchors)
	}
	return check(tr.T, tr.memory, tr.acked)
}

// checkAnchors demands that an honest log raises no alarm.
func checkAnchors(t *testing.T, sink *storetest.MemorySink, anchors *storetest.MemoryAnchors) {
	t.Helper()
	if report := verifyAnchored(t, sink, anchors); !report.Clean {
		t.Errorf("Verify() with anchors = %+v, want clean", report.Findings)
	}
}

func small() audit.Options {
	o := options()
	o.Lanes = 1
	o.SegmentBlocks = 4
	return o
}

// R2, FR24, FR35: every fault at every call, once and several times in a row:
// the create, first line, records and last line of several segments, and the
// reads that settle them.
func TestEveryFaultAtEveryStep(t *testing.T) {
	const calls = 30 // through four segments
	everyFaultAtEveryStep(t, calls, []int{1, 2, 5, 9}, small)
}

// R2: the same with births, with anchors while it grows and at the end, and the
// reads that come before them.
func TestEveryFaultAtEveryStepOfAnchors(t *testing.T) {
	const calls = 45
	everyFaultAtEveryStep(t, calls, []int{1, 6}, func() audit.Options {
		o := anchored(small(), nil)
		o.Anchors.Every = 100 * time.Millisecond
		return o
	})
}

func everyFaultAtEveryStep(t *testing.T, calls int, repeats []int, o func() audit.Options) {
	for _, fault := range storetest.SinkFaults() {
		for _, times := range repeats {
			t.Run(fmt.Sprintf("%v, %d times", fault, times), func(t *testing.T) {
				for at := 0; at < calls; at += 1 + slowdown/4 {
					synctest.Test(t, func(t *testing.T) {
						tr := newTrial(t, o(), func(c storetest.SinkCall) storetest.SinkFault {
							if c.Number >= at && c.Number < at+times {
								return fault
							}
							return storetest.SinkWorks
						})
						for range 12 {
							if tr.append() != nil {
								<-time.After(300 * time.Millisecond)
							} else if tr.anchors != nil {
								<-time.After(40 * time.Millisecond)
							}
						}
						tr.recover()
						for range 5 {
							if err := tr.append(); err != nil {
								t.Errorf("Append after recovery = %v, want nil", err)
							}
						}
						tr.end()
						if t.Failed() {
							t.Logf("%v at call %d, %d times", fault, at, times)
						}
					})
				}
			})
		}
	}
}

// FR35: one failed write leaves no gap in what verifies, before, in the middle
// of, and after the bytes.
func TestOneFailedWrite(t *testing.T) {
	for _, fault := range storetest.SinkFaults() {
		t.Run(fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				o := options()
				o.Lanes = 1
				tr := newTrial(t, o, func(storetest.SinkCall) storetest.SinkFault {
					if broken.Load() {
						return fault
					}
					return storetest.SinkWorks
				})
				for range 3 {
					_ = tr.append()
				}
				broken.Store(true)
				_ = tr.append()
				broken.Store(false)
				failed := tr.failed
				for range 100 {
					_ = tr.append()
				}
				if len(tr.acked) != 104-failed || tr.failed != failed {
					t.Errorf("%d answered, %d failed, want %d and %d", len(tr.acked), tr.failed, 104-failed, failed)
				}
				if report := tr.end(); len(report.Uncertain) > 1 {
					t.Errorf("Verify().Uncertain = %+v, want at most one tail", report.Uncertain)
				}
			})
		})
	}
}

// R5: while the sink does not work nothing is answered, everything is refused
// at once, and it recovers by itself.
func TestOutage(t *testing.T) {
	for _, fault := range storetest.SinkFaults() {
		t.Run(fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				tr := newTrial(t, options(), func(storetest.SinkCall) storetest.SinkFault {
					if broken.Load() {
						return fault
					}
					return storetest.SinkWorks
				})
				_ = tr.append()
				broken.Store(true)
				start := time.Now()
				slow := 0
				for time.Since(start) < time.Minute {
					before := time.Now()
					err := tr.log.Admit()
					if err == nil {
						err = tr.append()
					}
					if err == nil && fault != storetest.SinkLosesReply {
						t.Fatal("Append = nil while the sink is broken")
					}
					if time.Since(before) > 50*time.Millisecond {
						slow++
					}
					<-time.After(5 * time.Millisecond)
				}
				if slow > 3 {
					t.Errorf("%d slow answers, want only those before the circuit opened", slow)
				}
				if err := tr.log.Ready(); !errors.Is(err, audit.ErrUnavailable) {
					t.Errorf("Ready() = %v, want ErrUnavailable", err)
				}
				if fault == storetest.SinkStuck {
					tr.sink.Free()
				}
				tr.recover()
				tr.end()
			})
		})
	}
}
