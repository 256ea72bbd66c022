package audit_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// The object of the next segment is there before it is needed: to roll takes no
// creation, for blocks, for bytes, and at the hour.
func TestSegmentsAheadOfNeed(t *testing.T) {
	for name, change := range map[string]func(*audit.Options){
		"blocks": func(o *audit.Options) { o.SegmentBlocks = 10 },
		"bytes":  func(o *audit.Options) { o.SegmentBytes = 8 << 10 },
		"hour":   func(*audit.Options) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var opening, created atomic.Int32
				sink := &storetest.FaultySink{Sink: &storetest.MemorySink{}, Next: func(c storetest.SinkCall) storetest.SinkFault {
					if c.Op == "create" {
						created.Add(1)
						<-time.After(opened(&opening))
					}
					return storetest.SinkWorks
				}}
				o := options()
				o.Lanes = 1
				change(&o)
				log := openLog(t, sink, o)
				opening.Store(1)
				segments := map[string]bool{}
				for i := range 400 {
					<-time.After(20 * time.Second)
					start := time.Now()
					segment := mustAppend(t, log, fmt.Sprint("d", i)).Segment
					segments[segment] = true
					if hour := start.UTC().Format("/dt=2006-01-02/hh=15/"); !strings.Contains(segment, hour) {
						t.Errorf("at %s a record goes to %s, want %s", start, segment, hour)
					}
					if took := time.Since(start); took != 0 {
						t.Errorf("append %d took %v, want no creation in it", i, took)
					}
				}
				closeLog(t, log)
				if len(segments) < 3 || int(created.Load()) > len(segments)+3 {
					t.Errorf("%d segments, %d created, want some and few in vain", len(segments), created.Load())
				}
				report, err := audit.Verify(t.Context(), sink, audit.VerifyOptions{})
				if err != nil || !report.Clean || report.Segments != len(segments) {
					t.Errorf("Verify() = %+v, %v, want clean with %d segments", report, err, len(segments))
				}
			})
		})
	}
}

// What a roll costs whoever waits: the last line, the first one, its birth, and
// the record. The birth is signed, and the object made, beside that.
func TestRollCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const call = 10 * time.Millisecond
		sink := &storetest.FaultySink{Sink: &storetest.MemorySink{}}
		sink.Next = func(storetest.SinkCall) storetest.SinkFault {
			<-time.After(call)
			return storetest.SinkWorks
		}
		o := anchored(options(), storetest.FaultyAnchors{Anchors: &storetest.MemoryAnchors{}, Faults: sink})
		o.Lanes, o.SegmentBlocks = 1, 50
		o.Anchors.Sign = func(ctx context.Context, payload []byte) (string, error) {
			<-time.After(call)
			return key.sign(ctx, payload)
		}
		log := openLog(t, sink, o)
		took := map[time.Duration]int{}
		for i := range 400 {
			start := time.Now()
			mustAppend(t, log, fmt.Sprint("d", i))
			took[time.Since(start)]++
			<-time.After(time.Second)
		}
		closeLog(t, log)
		if took[call]+took[4*call] != 400 || took[4*call] < 8 || took[4*call] > 10 {
			t.Errorf("appends took %v, want %v, and %v where a segment is full", took, call, 4*call)
		}
	})
}

// One that was made for the next hour is not used before: whoever looks for an
// hour finds its records where they belong.
func TestSegmentAheadOfAnotherHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &storetest.MemorySink{}
		o := options()
		o.Lanes, o.SegmentBlocks = 1, 4
		log := openLog(t, sink, o)
		for i := range 800 {
			<-time.After(13 * time.Second)
			segment, hour := mustAppend(t, log, fmt.Sprint("d", i)).Segment, time.Now().UTC().Format("/dt=2006-01-02/hh=15/")
			if !strings.Contains(segment, hour) {
				t.Errorf("at %s a record goes to %s, want %s", time.Now(), segment, hour)
			}
		}
		closeLog(t, log)
		if report, err := audit.Verify(t.Context(), sink, audit.VerifyOptions{}); err != nil || !report.Clean {
			t.Errorf("Verify() = %+v, %v, want clean", report.Findings, err)
		}
	})
}

// opened is how long a creation takes: nothing at the start, then a while.
func opened(opening *atomic.Int32) time.Duration {
	return time.Duration(opening.Load()) * 300 * time.Millisecond
}
