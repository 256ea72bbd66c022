package blob_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/blobserver"
	"github.com/authorization-fabric/fabric/handler/internal/azure/blob"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

var schedules = flag.Int("schedules", 200, "random schedules of faults to run")

// trial is a log over a container of a server that breaks, in virtual time:
// everything but the wire's bytes is as in production.
type trial struct {
	*testing.T
	server *blobserver.Server
	log    *audit.Log

	mu    sync.Mutex
	acked []string // guarded by mu
	asked int      // guarded by mu
}

func newTrial(t *testing.T, o audit.Options, next func(blobserver.Call) blobserver.Fault) *trial {
	t.Helper()
	tr := &trial{T: t, server: blobserver.New(t, blobserver.Options{Memory: true, Next: next})}
	tr.open(o)
	return tr
}

func (tr *trial) open(o audit.Options) {
	tr.Helper()
	log, err := audit.Open(tr.Context(), open(tr.T, tr.server, "audit", blob.Options{}), o)
	if err != nil {
		tr.Fatalf("Open() = %v, want nil", err)
	}
	tr.log = log
}

func (tr *trial) append() error {
	tr.mu.Lock()
	tr.asked++
	id := fmt.Sprintf("d%d.", tr.asked)
	tr.mu.Unlock()
	start := time.Now()
	_, err := tr.log.Append(tr.Context(), &audit.Decision{
		TS: time.Now(), DecisionID: id, CorrelationID: "c", AgentID: "a", Action: "CreatePO", Decision: policy.Allow, ReasonCode: policy.OK,
	})
	if took := time.Since(start); took > 2200*time.Millisecond {
		tr.Errorf("Append(%s) = %v after %v, want an answer within 2.2s", id, err, took)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if err == nil {
		tr.acked = append(tr.acked, id)
	}
	return err
}

// recover demands records within five seconds of a service that works again.
func (tr *trial) recover() {
	tr.Helper()
	tr.server.Script(nil)
	for start := time.Now(); tr.append() != nil; <-time.After(100 * time.Millisecond) {
		if time.Since(start) > 5*time.Second {
			tr.Fatalf("still unavailable 5s after the service works again: %v", tr.log.Ready())
		}
	}
}

// end closes the log, lets everything late happen, and holds the promise
// against the bytes: every answered record once, and a log that verifies.
func (tr *trial) end() {
	tr.Helper()
	_ = tr.log.Close(tr.Context())
	tr.server.Close()
	tr.server.Land()
	sink, all := &storetest.MemorySink{}, strings.Builder{}
	for name, data := range tr.server.Contents("audit") {
		sink.Tamper(name, append([]byte{}, data...))
		all.Write(data)
	}
	for _, id := range tr.acked {
		if n := strings.Count(all.String(), `"decisionId":"`+id+`"`); n != 1 {
			tr.Errorf("answered record %s is in the log %d times, want once", id, n)
		}
	}
	report, err := audit.Verify(tr.Context(), sink, audit.VerifyOptions{})
	if err != nil || !report.Clean {
		tr.Errorf("Verify() = %+v, %v, want clean", report.Findings, err)
	}
}

func small() audit.Options {
	return audit.Options{Environment: "dev", Instance: "test", Clock: time.Now, Lanes: 1, SegmentBlocks: 4}
}

// R2, FR24, FR25: every fault at every call, once, twice and five times in a
// row: creation, birth, records, the last before a roll, close, and the reads
// that settle them.
func TestEveryFaultAtEveryStep(t *testing.T) {
	for _, fault := range append(blobserver.Faults(700*time.Millisecond), blobserver.Refused(403, "AuthorizationFailure"), blobserver.Refused(409, "BlockCountExceedsLimit")) {
		t.Run(fault.String(), func(t *testing.T) {
			for _, times := range []int{1, 2, 5} {
				for at := range 20 {
					synctest.Test(t, func(t *testing.T) {
						tr := newTrial(t, small(), func(c blobserver.Call) blobserver.Fault {
							if c.Number >= at && c.Number < at+times {
								return fault
							}
							return blobserver.Fault{}
						})
						for range 8 {
							if tr.append() != nil {
								<-time.After(300 * time.Millisecond)
							}
						}
						tr.recover()
						tr.end()
					})
					if t.Failed() {
						t.Fatalf("at call %d, %d times", at, times)
					}
				}
			}
		})
	}
}

// R2: random schedules of faults and bursts over HTTP.
func TestSchedules(t *testing.T) {
	answered, asked := 0, 0
	for seed := range uint64(*schedules) {
		synctest.Test(t, func(t *testing.T) {
			a, n := runSchedule(t, seed)
			answered, asked = answered+a, asked+n
		})
		if t.Failed() {
			t.Fatalf("the schedule of seed %d", seed)
		}
	}
	t.Logf("%d schedules: %d of %d records answered", *schedules, answered, asked)
}

func runSchedule(t *testing.T, seed uint64) (answered, asked int) {
	random, mu := rand.New(rand.NewPCG(seed, 1)), sync.Mutex{}
	number := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	share := []int{6, 30, 60}[number(3)] // of a hundred calls
	faults := blobserver.Faults(700 * time.Millisecond)
	o := small()
	o.Lanes = 1 + number(2)
	tr := newTrial(t, o, func(blobserver.Call) blobserver.Fault {
		if number(100) < share {
			return faults[number(len(faults))]
		}
		return blobserver.Fault{}
	})
	for range 2 + number(6) {
		var all sync.WaitGroup
		for range 1 + number(4) {
			all.Go(func() { _ = tr.append() })
		}
		all.Wait()
		<-time.After(time.Duration(number(1500)) * time.Millisecond)
	}
	tr.end()
	return len(tr.acked), tr.asked
}

// R5: while the service is down nothing is answered, and it recovers within
// five seconds.
func TestOutage(t *testing.T) {
	for _, fault := range []blobserver.Fault{
		{Name: "reset", Effect: blobserver.Never, Reply: blobserver.Reset},
		{Name: "hangs", Effect: blobserver.Never, Reply: blobserver.Silent},
		blobserver.Refused(500, "InternalError"), blobserver.Refused(503, "ServerBusy"), blobserver.Refused(403, "AuthorizationFailure"),
	} {
		t.Run(fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := newTrial(t, small(), nil)
				tr.server.Script(func(blobserver.Call) blobserver.Fault { return fault })
				for start := time.Now(); time.Since(start) < time.Minute; <-time.After(200 * time.Millisecond) {
					if err := tr.append(); !errors.Is(err, audit.ErrUnavailable) {
						t.Fatalf("Append = %v while the service is down, want ErrUnavailable", err)
					}
				}
				tr.recover()
				tr.end()
			})
		})
	}
}

// What an answer is worth: absent only where the service is certain.
func TestOutcomes(t *testing.T) {
	for fault, want := range map[blobserver.Fault]audit.Outcome{
		blobserver.Refused(400, "InvalidHeaderValue"): audit.Absent, blobserver.Refused(400, "Crc64Mismatch"): audit.Unknown,
		blobserver.Refused(403, "AuthorizationFailure"): audit.Absent, blobserver.Refused(404, "BlobNotFound"): audit.Absent,
		blobserver.Refused(409, "BlockCountExceedsLimit"): audit.Absent, blobserver.Refused(409, "BlobIsSealed"): audit.Absent,
		blobserver.Refused(409, "SomethingElse"): audit.Unknown, blobserver.Refused(413, "RequestBodyTooLarge"): audit.Absent,
		blobserver.Refused(412, "AppendPositionConditionNotMet"): audit.Unknown, blobserver.Refused(429, "TooManyRequests"): audit.Unknown,
		blobserver.Refused(500, "InternalError"): audit.Unknown, blobserver.Refused(503, "ServerBusy"): audit.Unknown, blobserver.Refused(404, ""): audit.Unknown,
	} {
		s := blobserver.New(t, blobserver.Options{})
		c := open(t, s, "audit", blob.Options{})
		if err := c.Create(t.Context(), "a.jsonl"); err != nil {
			t.Fatal(err)
		}
		s.Script(func(blobserver.Call) blobserver.Fault { return fault })
		got, err := c.Append(t.Context(), "a.jsonl", 0, []byte("x\n"))
		if got != want || err == nil || errors.Is(err, audit.ErrPosition) != (fault.Status == 412) {
			t.Errorf("Append answered %v = %v, %v, want %v", fault, got, err, want)
		}
		if n := s.Calls("append"); n != 1 {
			t.Errorf("Append answered %v was sent %d times, want once", fault, n)
		}
	}
}

// Every call has a deadline of its own, also where the caller has none.
func TestEveryCallHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := blobserver.New(t, blobserver.Options{Memory: true, Next: func(blobserver.Call) blobserver.Fault {
			return blobserver.Fault{Effect: blobserver.Never, Reply: blobserver.Silent}
		}})
		c := open(t, s, "audit", blob.Options{CallTimeout: time.Second})
		ctx := context.Background()
		for name, do := range map[string]func() error{
			"Create":    func() error { return c.Create(ctx, "a") },
			"Append":    func() error { _, err := c.Append(ctx, "a", 0, []byte("x")); return err },
			"Put":       func() error { return c.Put(ctx, "a", []byte("x")) },
			"ReadRange": func() error { _, err := c.ReadRange(ctx, "a", 0); return err },
			"List":      func() error { _, err := c.List(ctx, ""); return err },
			"State":     func() error { _, err := c.State(ctx); return err },
		} {
			start := time.Now()
			if err := do(); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > time.Second {
				t.Errorf("%s = %v after %v, want its deadline after 1s", name, err, time.Since(start))
			}
		}
	})
}
