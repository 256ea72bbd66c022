package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

func sample(i int) *audit.Decision {
	return &audit.Decision{
		TS: time.Date(2026, 11, 21, 19, 52, 0, 0, time.UTC).Add(time.Duration(i) * time.Millisecond), DecisionID: fmt.Sprintf("01JD0000000000%012d", i),
		CorrelationID: "po-2026-000123", Door: "authorize", Mode: "enforce",
		TenantID: "11111111-1111-1111-1111-111111111111", AgentID: "finance-agent",
		CallerApp: "22222222-2222-2222-2222-222222222222", UserUPN: "ana@contoso.com", Identity: policy.Asserted,
		Roles:  []policy.RoleGrant{{Pack: "finance", Role: "FinanceAnalyst", Via: "user:ana@contoso.com"}},
		Action: "CreatePO", Resource: audit.Resource{Type: "PurchaseOrder", ID: "PO-1001", Region: "EU", Classification: "Internal"},
		Parameters: strictjson.ObjectOf(
			strictjson.Member{Name: "amount", Value: strictjson.NumberOf("50000")},
			strictjson.Member{Name: "currency", Value: strictjson.StringOf("EUR")},
			strictjson.Member{Name: "vendor", Value: strictjson.StringOf("V-7")}),
		RequestDigest: "hmac-sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		Decision:      policy.Allow, ReasonCode: policy.OK, Reason: "CreatePO of 50000 EUR is within the 50000 EUR limit of FinanceAnalyst.",
		PolicyIDs: []string{"finance/po-analyst"}, Packs: []policy.PackRef{{
			Pack: "finance", Version: 12,
			Hash:      "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			RulesHash: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		}},
		Epoch: 3, PolicyAge: 4 * time.Second, Latency: 180 * time.Microsecond, KeyID: "local-1",
	}
}

func cpu() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkAppend measures the log against the floor: an append that gathers
// what comes while it writes, and syncs. Compare cpu-µs/op and ns/op of the
// same count of writers.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("floor-%d", n), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			g := &floor{file: f}
			line := make([]byte, 1100)
			parallel(b, n, func(int) error { return g.append(line) })
			b.ReportMetric(float64(b.N)/float64(g.syncs), "records/sync")
		})
		b.Run(fmt.Sprintf("log-%d", n), func(b *testing.B) { benchmarkAppend(b, n, false) })
		b.Run(fmt.Sprintf("anchored-%d", n), func(b *testing.B) { benchmarkAppend(b, n, true) })
	}
}

func benchmarkAppend(b *testing.B, n int, anchors bool) {
	dir := b.TempDir()
	files, err := embedded.OpenAuditFiles(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = files.Close() }()
	sink := &countingSink{Sink: files}
	o := audit.Options{Environment: "dev", Instance: "bench", Clock: time.Now}
	if anchors {
		store, err := embedded.OpenAnchorFiles(dir)
		if err != nil {
			b.Fatal(err)
		}
		o.Anchors = &audit.AnchorOptions{Store: store, Sign: key.sign, Every: 100 * time.Millisecond}
	}
	log, err := audit.Open(b.Context(), sink, o)
	if err != nil {
		b.Fatal(err)
	}
	d := sample(1)
	parallel(b, n, func(int) error { _, err := log.Append(context.Background(), d); return err })
	b.ReportMetric(float64(b.N)/float64(sink.appends.Load()), "records/sync")
	if err := log.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}

type countingSink struct {
	audit.Sink
	appends atomic.Int64
}

func (c *countingSink) Append(ctx context.Context, name string, position int64, data []byte) (audit.Outcome, error) {
	c.appends.Add(1)
	return c.Sink.Append(ctx, name, position, data)
}

func parallel(b *testing.B, n int, f func(i int) error) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	start := cpu()
	var wg sync.WaitGroup
	for w := range n {
		wg.Go(func() {
			for i := w; i < b.N; i += n {
				if err := f(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cpu()-start).Nanoseconds())/float64(b.N)/1000, "cpu-µs/op")
}

// floor is the least that can be called durable: whoever finds nobody writing
// writes what has gathered, and syncs.
type floor struct {
	mu      sync.Mutex
	file    *os.File
	pending []byte
	waiting []chan error
	busy    bool
	syncs   int
}

func (f *floor) append(line []byte) error {
	done := make(chan error, 1)
	f.mu.Lock()
	f.pending = append(f.pending, line...)
	f.waiting = append(f.waiting, done)
	if f.busy {
		f.mu.Unlock()
		return <-done
	}
	f.busy = true
	for len(f.waiting) > 0 {
		data, waiting := f.pending, f.waiting
		f.pending, f.waiting = nil, nil
		f.syncs++
		f.mu.Unlock()
		_, err := f.file.Write(data)
		if err == nil {
			err = syscall.Fdatasync(int(f.file.Fd()))
		}
		for _, w := range waiting {
			w <- err
		}
		f.mu.Lock()
	}
	f.busy = false
	f.mu.Unlock()
	return <-done
}
