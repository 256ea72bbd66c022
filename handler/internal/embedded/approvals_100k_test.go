package embedded

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

var filledAt = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// fill puts n open records into the file, many in a transaction: of one tenant,
// 20 approvers' lists, 1000 requesters and one agent, opened a second apart,
// each for a day.
func fill(tb testing.TB, n int) *Approvals {
	tb.Helper()
	a, err := OpenApprovals(filepath.Join(tb.TempDir(), "approvals.db"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = a.Close() })
	body := make([]byte, 6<<10) // about what a document takes
	for from := 0; from < n; from += 2000 {
		err := a.db.Update(func(tx *bolt.Tx) error {
			var errs []error
			for i := from; i < min(n, from+2000); i++ {
				opened := filledAt.Add(time.Duration(i) * time.Second)
				_, err := put(tx, approval.Record{Tenant: "t", Slot: fmt.Sprintf("slot-%06d", i*7919%n), Body: body, Index: approval.Index{
					Agent: "agent", User: fmt.Sprintf("oid:user-%d", i%1000), Opened: opened, Closes: opened.Add(24 * time.Hour), Due: opened.Add(12 * time.Hour),
					Keys: []approval.Key{approval.Everything, approval.ByApprover("finance/x", fmt.Sprintf("role:Role%d", i%20)), approval.ByRequester(fmt.Sprintf("oid:user-%d", i%1000))},
				}}, "")
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return a
}

func someRoles(n int) (keys []approval.Key) {
	for i := range n {
		keys = append(keys, approval.ByApprover("finance/x", fmt.Sprintf("role:Role%d", i)))
	}
	return keys
}

// BenchmarkApprovalsList100k is about lists of 100,000 open approvals, and what
// they cost when most of them are past their time and nobody has looked yet.
func BenchmarkApprovalsList100k(b *testing.B) {
	const n = 100_000
	a := fill(b, n)
	allOpen, allPast := filledAt.Add(12*time.Hour), filledAt.Add(100*24*time.Hour)
	list := func(keys []approval.Key, f approval.Filter, at time.Time) func() (int, error) {
		return func() (int, error) {
			page, err := a.List(b.Context(), approval.Query{Tenant: "t", Keys: keys, Filter: f, At: at, Limit: 50})
			return len(page.Records), err
		}
	}
	everything := []approval.Key{approval.Everything}
	count := func(c approval.Count) func() (int, error) {
		c.Tenant, c.Agent, c.Limit = "t", "agent", 500
		return func() (int, error) { return a.CountOpen(b.Context(), c) }
	}
	due := func(at time.Time) func() (int, error) {
		return func() (int, error) {
			page, err := a.Due(b.Context(), at, 50, "")
			return len(page.Records), err
		}
	}
	for _, test := range []struct {
		name string
		call func() (int, error)
		want int
	}{
		{"by one approver", list(someRoles(1), approval.OnlyOpen, allOpen), 50},
		{"by an approver of 20 lists", list(someRoles(20), approval.OnlyOpen, allOpen), 50},
		{"by requester", list([]approval.Key{approval.ByRequester("oid:user-7")}, approval.OnlyOpen, allOpen), 50},
		{"everything", list(everything, approval.OnlyOpen, allOpen), 50},
		{"closed, of none", list(everything, approval.OnlyClosed, allOpen), 0},
		{"open, of none", list(everything, approval.OnlyOpen, allPast), 0},
		{"any state", list(everything, approval.AnyState, allOpen), 50},
		{"count of an agent", count(approval.Count{AnyUser: true, At: allOpen}), 500},
		{"count of a user", count(approval.Count{User: "oid:user-7", At: allOpen}), 100},
		{"count of none open", count(approval.Count{AnyUser: true, At: allPast}), 0},
		{"due, nothing", due(filledAt), 0},
		{"due, everything", due(allPast), 50},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := test.call(); err != nil || got != test.want {
					b.Fatalf("%d, %v, want %d", got, err, test.want)
				}
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapInuse)/(1<<20), "heap-MB")
		})
	}
}
