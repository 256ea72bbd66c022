package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

func options() audit.Options {
	return audit.Options{Environment: "dev", Instance: "test", Writer: "v0", KeyID: "k1", Clock: time.Now, Continue: true}
}

func openLog(t *testing.T, sink audit.Sink, o audit.Options) *audit.Log {
	t.Helper()
	log, err := audit.Open(t.Context(), sink, o)
	if err != nil {
		t.Fatalf("Open() = %v, want nil", err)
	}
	return log
}

func closeLog(t *testing.T, log *audit.Log) {
	t.Helper()
	if err := log.Close(context.Background()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
}

// decision is a small record of its own id.
func decision(id string) *audit.Decision {
	return &audit.Decision{
		TS: time.Now(), DecisionID: id, CorrelationID: "c-" + id, AgentID: "finance-agent", Action: "CreatePO",
		Decision: policy.Allow, ReasonCode: policy.OK,
	}
}

// acked is a record that was answered.
type acked struct {
	id string
	audit.Receipt
}

func mustAppend(t *testing.T, log *audit.Log, id string) acked {
	t.Helper()
	receipt, err := log.Append(t.Context(), decision(id))
	if err != nil {
		t.Fatalf("Append(%s) = %v, want nil", id, err)
	}
	return acked{id, receipt}
}

// check holds the promise against the bytes: every answered record is in the
// log once, where its receipt says, and the log verifies.
func check(t *testing.T, sink *storetest.MemorySink, records []acked) audit.Report {
	t.Helper()
	for _, r := range records {
		lines := bytes.SplitAfter(sink.Bytes(r.Segment), []byte{'\n'})
		if r.Seq >= uint64(len(lines)) {
			t.Errorf("%s: %s has %d lines, want one with sequence %d", r.id, r.Segment, len(lines)-1, r.Seq)
			continue
		}
		line := lines[r.Seq]
		if !bytes.Contains(line, []byte(`"decisionId":"`+r.id+`"`)) {
			t.Errorf("%s: line %d of %s is %s, want this decision", r.id, r.Seq+1, r.Segment, line)
		}
		if sum := sha256.Sum256(line); r.Hash != "sha256:"+hex.EncodeToString(sum[:]) {
			t.Errorf("%s: hash of the receipt = %s, want %x", r.id, r.Hash, sum)
		}
	}
	all := everything(sink)
	for _, r := range records {
		if n := strings.Count(all, `"decisionId":"`+r.id+`"`); n != 1 {
			t.Errorf("%s: %d times in the log, want once", r.id, n)
		}
	}
	report, err := audit.Verify(t.Context(), sink, audit.VerifyOptions{})
	if err != nil || !report.Clean {
		t.Errorf("Verify() = %+v, %v, want clean", report.Findings, err)
	}
	return report
}

func everything(sink *storetest.MemorySink) string {
	var all strings.Builder
	for _, name := range sink.Names() {
		all.Write(sink.Bytes(name))
	}
	return all.String()
}

func TestAppendIsDurable(t *testing.T) {
	sink := &storetest.MemorySink{}
	log := openLog(t, sink, options())
	var records []acked
	for i := range 10 {
		records = append(records, mustAppend(t, log, fmt.Sprint("d", i)))
		check(t, sink, records)
	}
	closeLog(t, log)
	report := check(t, sink, records)
	if report.Records != 10+4 || report.Segments != 2 || len(report.Uncertain) != 0 {
		t.Errorf("Verify() = %+v, want 14 records in 2 segments and nothing uncertain", report)
	}
}

// FR38, first half: a clock that steps back changes no order.
func TestClockStepsBack(t *testing.T) {
	sink := &storetest.MemorySink{}
	now := time.Date(2026, 11, 21, 20, 0, 30, 0, time.UTC)
	o := options()
	o.Lanes = 1
	o.Clock = func() time.Time { return now }
	log := openLog(t, sink, o)
	a := mustAppend(t, log, "a")
	now = now.Add(-20 * time.Second)
	b := mustAppend(t, log, "b")
	if b.Segment != a.Segment || b.Seq != a.Seq+1 {
		t.Errorf("after 20 s back: receipt %+v, want the line after %+v", b.Receipt, a.Receipt)
	}
	now = now.Add(-90 * time.Second)
	c := mustAppend(t, log, "c")
	if !strings.Contains(c.Segment, "/dt=2026-11-21/hh=19/") {
		t.Errorf("after 90 s more: segment %s, want one of 19 h", c.Segment)
	}
	closeLog(t, log)
	now = now.Add(-time.Hour)
	log = openLog(t, sink, o)
	d := mustAppend(t, log, "d")
	closeLog(t, log)
	now = now.Add(10 * time.Hour)
	log = openLog(t, sink, o)
	e := mustAppend(t, log, "e")
	closeLog(t, log)
	if report := check(t, sink, []acked{a, b, c, d, e}); report.Segments != 4 || len(report.Open) != 1 {
		t.Errorf("Verify() = %+v, want one chain of 4 segments", report)
	}
}

func TestSegmentsRoll(t *testing.T) {
	for name, change := range map[string]func(*audit.Options){
		"blocks": func(o *audit.Options) { o.SegmentBlocks = 4 },
		"bytes":  func(o *audit.Options) { o.SegmentBytes = 2500 },
		"hour": func(o *audit.Options) {
			now := time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)
			o.Clock = func() time.Time { now = now.Add(20 * time.Minute); return now }
		},
	} {
		t.Run(name, func(t *testing.T) {
			sink := &storetest.MemorySink{}
			o := options()
			o.Lanes = 1
			change(&o)
			log := openLog(t, sink, o)
			var records []acked
			for i := range 12 {
				records = append(records, mustAppend(t, log, fmt.Sprint("d", i)))
			}
			closeLog(t, log)
			report := check(t, sink, records)
			if report.Segments < 3 || len(report.Open) != 1 || !strings.Contains(everything(sink), `"reason":"`+name+`"`) {
				t.Errorf("Verify() = %+v, want a chain of at least 3 segments closed for %s", report, name)
			}
		})
	}
}

// A process that dies leaves a torn line; the next one keeps it, names it and
// continues the chain.
func TestContinuesAfterCrash(t *testing.T) {
	sink := &storetest.MemorySink{}
	o := options()
	o.Lanes = 1
	a := mustAppend(t, openLog(t, sink, o), "a") // never closed: killed
	whole := sink.Bytes(a.Segment)
	sink.Tamper(a.Segment, append(bytes.Clone(whole), `{"v":1,"kind":"decision","seq":2,"pre`...))
	log := openLog(t, sink, o)
	b := mustAppend(t, log, "b")
	closeLog(t, log)
	report := check(t, sink, []acked{a, b})
	if len(report.Uncertain) != 1 || !report.Uncertain[0].Torn || report.Uncertain[0].Offset != int64(len(whole)) {
		t.Errorf("Verify().Uncertain = %+v, want the torn line at %d", report.Uncertain, len(whole))
	}
	if got := sink.Bytes(a.Segment); len(got) == len(whole) {
		t.Error("the torn line is gone, want it kept")
	}
	sink.Tamper(a.Segment, whole)
	if report, _ := audit.Verify(t.Context(), sink, audit.VerifyOptions{}); report.Clean {
		t.Error("Verify() after the torn line was removed is clean, want a finding")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*audit.Options){
		"no environment":      func(o *audit.Options) { o.Environment = "" },
		"environment is path": func(o *audit.Options) { o.Environment = "../x" },
		"instance is path":    func(o *audit.Options) { o.Instance = "a/b" },
		"no clock":            func(o *audit.Options) { o.Clock = nil },
	} {
		o := options()
		change(&o)
		if log, err := audit.Open(t.Context(), &storetest.MemorySink{}, o); err == nil {
			t.Errorf("%s: Open() = %v, nil, want an error", name, log)
		}
	}
}

func TestAppendRefusesWhatIsNoRecord(t *testing.T) {
	o := options()
	o.RecordBytes = 1 << 10
	log := openLog(t, &storetest.MemorySink{}, o)
	defer closeLog(t, log)
	long := decision("long")
	long.Reason = strings.Repeat("x", 1<<10)
	for _, d := range []*audit.Decision{{}, long} {
		if _, err := log.Append(t.Context(), d); !errors.Is(err, audit.ErrRecord) {
			t.Errorf("Append(%.20q) = %v, want ErrRecord", d.Reason, err)
		}
	}
	mustAppend(t, log, "after")
}

func TestKeep(t *testing.T) {
	sink := &storetest.MemorySink{}
	pack := []byte(`{"pack":"finance"}`)
	sum := sha256.Sum256(pack)
	hash := "sha256:" + hex.EncodeToString(sum[:])
	name := "v1/env=dev/packs/" + hex.EncodeToString(sum[:]) + ".json"
	for range 2 { // two processes, the second finds it
		log := openLog(t, sink, options())
		for range 2 {
			if err := log.KeepPack(t.Context(), hash, pack); err != nil {
				t.Errorf("KeepPack() = %v, want nil", err)
			}
		}
		if err := log.KeepPack(t.Context(), hash, []byte("{}")); !errors.Is(err, audit.ErrRecord) {
			t.Errorf("KeepPack(another document) = %v, want ErrRecord", err)
		}
		closeLog(t, log)
	}
	if got := sink.Bytes(name); !bytes.Equal(got, pack) {
		t.Errorf("%s = %q, want %q", name, got, pack)
	}
	sink.Tamper(name, pack[:5]) // a crash in the middle
	log := openLog(t, sink, options())
	defer closeLog(t, log)
	if err := log.KeepPack(t.Context(), hash, pack); err != nil || !bytes.Equal(sink.Bytes(name), pack) {
		t.Errorf("KeepPack() after a crash = %v, leaves %q, want %q", err, sink.Bytes(name), pack)
	}
	if err := log.KeepKey(t.Context(), "k1", []byte(`{"kty":"EC"}`)); err != nil {
		t.Errorf("KeepKey() = %v, want nil", err)
	}
	for id, key := range map[string]string{"../k1": "{}", "": "{}"} {
		if err := log.KeepKey(t.Context(), id, []byte(key)); !errors.Is(err, audit.ErrRecord) {
			t.Errorf("KeepKey(%q) = %v, want ErrRecord", id, err)
		}
	}
	sink.Tamper("v1/env=dev/keys/k2.json", []byte(`{"kty":"another"}`))
	if err := log.KeepKey(t.Context(), "k2", []byte(`{"kty":"EC"}`)); err == nil {
		t.Error("KeepKey() of a key id that has another key = nil, want an error")
	}
	sink.Tamper(name, []byte(`{"pack":"other"}`))
	if report, _ := audit.Verify(t.Context(), sink, audit.VerifyOptions{}); len(report.Findings) != 1 || report.Findings[0].Fault != audit.FaultPack {
		t.Errorf("Verify() with a changed pack = %+v, want that finding", report.Findings)
	}
}
