package audit_test

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
)

var records = flag.Int("records", 20_000, "records in the log that reading is measured on")

// library writes a log of so many records, 500 a segment, and returns the id of
// one in its middle.
func library(b *testing.B, dir string) (id string, at, end time.Time) {
	b.Helper()
	files, err := embedded.OpenAuditFiles(dir)
	if err != nil {
		b.Fatal(err)
	}
	var written atomic.Int64
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return begin.Add(time.Duration(written.Load()) * time.Hour / 1000) }
	log, err := audit.Open(b.Context(), files, audit.Options{Environment: "dev", Instance: "bench", Clock: clock, Continue: true})
	if err != nil {
		b.Fatal(err)
	}
	const writers = 128
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := w; i < *records; i += writers {
				d := sample(i)
				d.TS = clock()
				d.DecisionID, d.CorrelationID = ulidOf(d.TS, i), fmt.Sprintf("c-%d", i)
				if i == *records/2 {
					id, at = d.DecisionID, d.TS
				}
				if _, err := log.Append(context.Background(), d); err != nil {
					b.Error(err)
				}
				written.Add(1)
			}
		})
	}
	all.Wait()
	if err := log.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := files.Close(); err != nil {
		b.Fatal(err)
	}
	return id, at, clock()
}

func ulidOf(t time.Time, i int) string {
	id := ulid.ULID{}
	_ = id.SetTime(ulid.Timestamp(t))
	_ = id.SetEntropy(fmt.Appendf(nil, "%010d", i))
	return id.String()
}

func BenchmarkReading(b *testing.B) {
	dir := b.TempDir()
	id, at, end := library(b, dir)
	reader, err := embedded.OpenAuditReader(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			report, err := audit.Verify(b.Context(), reader, audit.VerifyOptions{})
			if err != nil || !report.Clean {
				b.Fatal(report.Findings, err)
			}
			b.SetBytes(report.Bytes)
			b.ReportMetric(float64(report.Segments), "segments")
		}
	})
	why := func(q audit.Query) func(b *testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				story, err := audit.Why(b.Context(), reader, q)
				if err != nil || len(story.Decisions) != 1 {
					b.Fatal(len(story.Decisions), err)
				}
			}
		}
	}
	correlation := fmt.Sprintf("c-%d", *records/2)
	b.Run("why by decision", why(audit.Query{ID: id, Now: end}))
	b.Run("why by correlation in a known hour", why(audit.Query{ID: correlation, Now: end, Since: at, Until: at}))
	b.Run("why by correlation, everywhere", why(audit.Query{ID: correlation, Now: end, Since: at.AddDate(-1, 0, 0)}))
}

func BenchmarkFind(b *testing.B) {
	dir := b.TempDir()
	id, at, end := library(b, dir)
	reader, err := embedded.OpenAuditReader(dir)
	if err != nil {
		b.Fatal(err)
	}
	all := at.AddDate(-1, 0, 0)
	for name, test := range map[string]struct {
		search audit.Search
		want   int
	}{
		"the newest page":          {audit.Search{}, 50},
		"a page from the middle":   {audit.Search{Until: at}, 50},
		"an agent":                 {audit.Search{Agent: "finance-agent"}, 50},
		"a user in other letters":  {audit.Search{User: "ANA@contoso.com"}, 50},
		"a decision":               {audit.Search{Text: id}, 1},
		"one correlation":          {audit.Search{Correlation: fmt.Sprintf("c-%d", *records/2), Since: all}, 1},
		"any id, everywhere":       {audit.Search{Text: fmt.Sprintf("c-%d", *records/2), Since: all}, 1},
		"a user that is not there": {audit.Search{User: "eve@contoso.com", Since: all}, 0},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				test.search.Now = end
				result, err := audit.Find(b.Context(), reader, test.search)
				if err != nil || len(result.Entries) != test.want {
					b.Fatal(len(result.Entries), err)
				}
			}
		})
	}
}
