package blob_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/blobserver"
	"github.com/authorization-fabric/fabric/handler/internal/azure/blob"
	"github.com/authorization-fabric/fabric/policy"
)

var loadSeconds = flag.Int("load-seconds", 20, "how long the load of BenchmarkDecisionLatency lasts")

// BenchmarkDecisionLatency is R6: how long a record takes to become durable at
// 500 a second, open loop, where an append takes 8 ms and one in a thousand
// 250 ms more. Run it with -benchtime 1x.
func BenchmarkDecisionLatency(b *testing.B) {
	for _, lanes := range []int{1, 2} {
		b.Run(fmt.Sprintf("lanes-%d", lanes), func(b *testing.B) {
			for b.Loop() {
				took := load(b, lanes)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
				b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
				b.ReportMetric(float64(len(took)), "records")
			}
		})
	}
}

// load is how long each record took from when it was due, sorted.
func load(b *testing.B, lanes int) []time.Duration {
	b.Helper()
	s := blobserver.New(b, blobserver.Options{Next: func(c blobserver.Call) blobserver.Fault {
		f := blobserver.Fault{Name: "latency"}
		if c.Op == "append" {
			f.Delay = 8 * time.Millisecond
			if rand.IntN(1000) == 0 {
				f.Delay += 250 * time.Millisecond
			}
		}
		return f
	}})
	log, err := audit.Open(b.Context(), open(b, s, "audit", blob.Options{}), audit.Options{Environment: "dev", Instance: "bench", Clock: time.Now, Lanes: lanes})
	if err != nil {
		b.Fatal(err)
	}
	const every = 2 * time.Millisecond
	took := make([]time.Duration, *loadSeconds*500)
	var all sync.WaitGroup
	start := time.Now()
	for i := range took {
		due := start.Add(time.Duration(i) * every)
		<-time.After(time.Until(due))
		all.Go(func() {
			_, err := log.Append(context.Background(), &audit.Decision{
				TS: due, DecisionID: fmt.Sprint("d", i), CorrelationID: "c", AgentID: "a", Action: "CreatePO", Decision: policy.Allow, ReasonCode: policy.OK,
			})
			if err != nil {
				b.Error(err)
			}
			took[i] = time.Since(due)
		})
	}
	all.Wait()
	if err := log.Close(context.Background()); err != nil {
		b.Error(err)
	}
	slices.Sort(took)
	return took
}
