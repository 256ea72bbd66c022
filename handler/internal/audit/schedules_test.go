package audit_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

var (
	schedules = flag.Int("schedules", 5000, "random schedules of faults to run")
	schedule  = flag.Uint64("schedule", 0, "run only the schedule of this seed, and say what it does")
)

// R2: random schedules of faults, bursts and crashes. No answered record is
// lost, no chain is broken, no line is there twice.
func TestSchedules(t *testing.T) {
	if *schedule != 0 {
		runSchedule(t, *schedule)
		return
	}
	answered, asked := 0, 0
	for seed := range uint64(*schedules / slowdown) {
		a, n := runSchedule(t, seed+1)
		answered, asked = answered+a, asked+n
		if t.Failed() {
			t.Fatalf("the schedule of seed %d: go test -run TestSchedules ./handler/internal/audit -schedule %d", seed+1, seed+1)
		}
	}
	t.Logf("%d schedules: %d of %d records answered (%.1f %%)", *schedules/slowdown, answered, asked, 100*float64(answered)/float64(asked))
}

// chaos is one schedule: processes that follow one another over one store.
type chaos struct {
	*testing.T
	random  *rand.Rand // guarded by mu
	share   float64    // of calls that break, for each kind of fault
	memory  *storetest.MemorySink
	anchors *storetest.MemoryAnchors // nil: no anchors in this schedule
	mu      sync.Mutex
	acked   []acked // guarded by mu
	asked   int     // guarded by mu
}

func runSchedule(t *testing.T, seed uint64) (answered, asked int) {
	synctest.Test(t, func(t *testing.T) {
		c := &chaos{T: t, random: rand.New(rand.NewPCG(seed, 0)), memory: &storetest.MemorySink{}}
		c.share = []float64{0.02, 0.10, 0.25}[c.random.IntN(3)]
		o := options()
		o.Lanes = 1 + c.random.IntN(2)
		o.SegmentBlocks = 3 + c.random.IntN(6)
		if seed%2 == 0 {
			c.anchors = &storetest.MemoryAnchors{}
			o = anchored(o, nil)
			o.Anchors.Every = time.Duration(1+c.random.IntN(20)) * 100 * time.Millisecond
		}
		for range 1 + c.random.IntN(3) {
			c.process(o)
		}
		check(t, c.memory, c.acked)
		if c.anchors != nil {
			checkAnchors(t, c.memory, c.anchors)
		}
		answered, asked = len(c.acked), c.asked
	})
	return answered, asked
}

// process runs one log until it is closed or dies.
func (c *chaos) process(o audit.Options) {
	sink := &storetest.FaultySink{Sink: c.memory, Delay: 1 + c.number(8), Next: c.fault}
	defer sink.Free()
	if c.anchors != nil {
		store := *o.Anchors
		store.Store = storetest.FaultyAnchors{Anchors: c.anchors, Faults: sink}
		o.Anchors = &store
	}
	ctx, cancel := context.WithTimeout(c.Context(), time.Second)
	defer cancel()
	log, err := audit.Open(ctx, sink, o)
	if err != nil {
		sink.Crash(c.coin)
		return
	}
	for range 2 + c.number(6) {
		c.burst(log)
	}
	if !c.coin() {
		sink.Crash(c.coin) // without a word to the log, and before what is late
	}
	_ = log.Close(c.Context())
	sink.Crash(c.coin)
}

// burst appends a few records at once.
func (c *chaos) burst(log *audit.Log) {
	var all sync.WaitGroup
	for range 1 + c.number(4) {
		all.Go(func() { c.append(log) })
	}
	all.Wait()
	if c.coin() {
		<-time.After(time.Duration(c.number(3000)) * time.Millisecond)
	}
}

func (c *chaos) append(log *audit.Log) {
	c.mu.Lock()
	c.asked++
	id := fmt.Sprintf("d%d.", c.asked)
	c.mu.Unlock()
	receipt, err := log.Append(c.Context(), decision(id))
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.acked = append(c.acked, acked{id, receipt})
		if c.anchors != nil && c.anchors.Bytes(receipt.Segment+"/000000000000.jws") == nil {
			c.Errorf("%s is answered before %s has a birth", id, receipt.Segment)
		}
	}
}

// fault breaks a call with three kinds of fault of equal share, and rarely
// with one of the others.
func (c *chaos) fault(call storetest.SinkCall) (fault storetest.SinkFault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r := c.random.Float64() / c.share; {
	case r < 1:
		fault = storetest.SinkFails
	case r < 2:
		fault = storetest.SinkLosesReply
	case r < 3:
		fault = storetest.SinkLandsLate
	case r < 3.3:
		fault = storetest.SinkFaults()[c.random.IntN(len(storetest.SinkFaults()))]
	}
	if *schedule != 0 {
		c.Logf("%v %s %s: %v", call.Number, call.Op, call.Name, fault)
	}
	return fault
}

func (c *chaos) coin() bool { return c.number(2) == 0 }

func (c *chaos) number(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}
