package blob_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/blobserver"
	"github.com/authorization-fabric/fabric/handler/internal/azure/blob"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// T48: a service that takes fewer blocks than the log believes says so; the
// log goes on in a new segment, and loses nothing of what it answered.
func TestFewerBlocksThanExpected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := small()
		o.SegmentBlocks = 45_000
		tr := &trial{T: t, server: blobserver.New(t, blobserver.Options{Memory: true, MaxBlocks: 5})}
		tr.open(o)
		failed := 0
		for range 40 {
			if tr.append() != nil {
				failed++
			}
		}
		tr.recover()
		if len(tr.acked) < 30 || failed > 10 {
			t.Errorf("%d of %d were answered", len(tr.acked), tr.asked)
		}
		tr.end()
	})
}

// T48: somebody else writes to the segment. Nothing of the log is lost or
// doubled, it leaves that segment, and verification is red for good.
func TestSomebodyElseWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := small()
		o.SegmentBlocks = 45_000
		tr := newTrial(t, o, nil)
		for range 3 {
			if err := tr.append(); err != nil {
				t.Fatal(err)
			}
		}
		segment := tr.server.Names("audit")[0]
		foreign := open(t, tr.server, "audit", blob.Options{})
		length := int64(len(tr.server.Contents("audit")[segment]))
		if outcome, err := foreign.Append(t.Context(), segment, length, []byte("{}\n")); outcome != audit.Durable {
			t.Fatalf("the other's append = %v, %v", outcome, err)
		}
		tr.recover()
		for range 3 {
			if err := tr.append(); err != nil {
				t.Error(err)
			}
		}
		_ = tr.log.Close(t.Context())
		sink, all := &storetest.MemorySink{}, ""
		for name, data := range tr.server.Contents("audit") {
			sink.Tamper(name, append([]byte{}, data...))
			all += string(data)
		}
		for _, id := range tr.acked {
			if n := strings.Count(all, `"decisionId":"`+id+`"`); n != 1 {
				t.Errorf("answered record %s is in the log %d times, want once", id, n)
			}
		}
		report, err := audit.Verify(t.Context(), sink, audit.VerifyOptions{})
		if err != nil || report.Clean || report.Findings[0].Segment != segment {
			t.Errorf("Verify() = %+v, %v, want it to name %s", report.Findings, err, segment)
		}
	})
}
