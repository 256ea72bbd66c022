package audit_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// seal is a signer whose statements are as little alike as real ones: two of
// the same payload differ.
type seal string

func (s seal) sign(_ context.Context, payload []byte) (string, error) {
	nonce := rand.Text()
	return nonce + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + s.mac(nonce, payload), nil
}

func (s seal) mac(nonce string, payload []byte) string {
	mac := hmac.New(sha256.New, []byte(s))
	mac.Write([]byte(nonce))
	mac.Write(payload)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (s seal) open(_ context.Context, statement string) ([]byte, string, error) {
	parts := strings.Split(statement, ".")
	if len(parts) != 3 {
		return nil, "", errors.New("three parts are wanted")
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil || s.mac(parts[0], payload) != parts[2] {
		return nil, "", errors.New("not signed")
	}
	return payload, string(s), nil
}

const key seal = "k1"

// anchored are options of a log with anchors.
func anchored(o audit.Options, store audit.Anchors) audit.Options {
	o.Anchors = &audit.AnchorOptions{Store: store, Sign: key.sign}
	return o
}

func verifyAnchored(t *testing.T, sink, anchors audit.Reader) audit.Report {
	t.Helper()
	report, err := audit.Verify(t.Context(), sink, audit.VerifyOptions{Anchors: anchors, Open: key.open})
	if err != nil || !report.Anchors.Checked {
		t.Fatalf("Verify() with anchors = %+v, %v, want them checked", report.Anchors, err)
	}
	return report
}

// payloads are the statements of a store by their names, in order.
func payloads(t *testing.T, anchors *storetest.MemoryAnchors) (said []statement) {
	t.Helper()
	for _, name := range anchors.Names() {
		text, _, err := key.open(t.Context(), string(anchors.Bytes(name)))
		if err != nil {
			t.Fatalf("open %s = %v, want nil", name, err)
		}
		s := statement{name: name}
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		said = append(said, s)
	}
	return said
}

type statement struct {
	name    string
	V       int
	Env     string
	Lane    int
	Segment string
	Seq     uint64
	Length  int64
	Tip     string
	TS      time.Time
}

// An anchor is there when a segment opens, at least every minute while it
// grows, and when it ends; never without need.
func TestAnchors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, anchors := &storetest.MemorySink{}, &storetest.MemoryAnchors{}
		o := anchored(options(), anchors)
		o.Lanes = 1
		log := openLog(t, sink, o)
		want := func(what string, seqs ...uint64) {
			t.Helper()
			synctest.Wait()
			var got []uint64
			for _, s := range payloads(t, anchors) {
				got = append(got, s.Seq)
			}
			if !slices.Equal(got, seqs) {
				t.Errorf("%s: anchors at %v, want %v", what, got, seqs)
			}
		}
		want("opened", 0)
		first := mustAppend(t, log, "a")
		want("grown", 0)
		if lag, err := log.AnchorLag(); lag != 0 || err != nil {
			t.Errorf("AnchorLag() = %v, %v, want nothing", lag, err)
		}
		<-time.After(59 * time.Second)
		mustAppend(t, log, "b")
		if lag, err := log.AnchorLag(); lag != 59*time.Second || err != nil {
			t.Errorf("AnchorLag() = %v, %v, want 59s", lag, err)
		}
		want("after 59 s", 0)
		<-time.After(time.Second)
		want("after 60 s", 0, 2)
		<-time.After(20 * time.Minute)
		want("idle", 0, 2)
		mustAppend(t, log, "c")
		closeLog(t, log)
		want("closed", 0, 2, 4)
		if lag, err := log.AnchorLag(); lag != 0 || err != nil {
			t.Errorf("AnchorLag() after Close = %v, %v, want nothing", lag, err)
		}
		for _, s := range payloads(t, anchors) {
			line := bytes.SplitAfter(sink.Bytes(first.Segment), []byte{'\n'})[s.Seq]
			end := bytes.Index(sink.Bytes(first.Segment), line) + len(line)
			tip := fmt.Sprintf("sha256:%x", sha256.Sum256(line))
			if s.V != 1 || s.Env != "dev" || s.Lane != 0 || s.Segment != first.Segment || s.Length != int64(end) || s.Tip != tip {
				t.Errorf("anchor %+v, want length %d and tip %s of %s", s, end, tip, first.Segment)
			}
			if s.name != fmt.Sprintf("%s/%012d.jws", first.Segment, s.Seq) {
				t.Errorf("anchor at %s, want it below %s", s.name, first.Segment)
			}
		}
		report := verifyAnchored(t, sink, anchors)
		if !report.Clean || report.Anchors.Count != 3 || !slices.Equal(report.Anchors.Keys, []audit.AnchorKey{{ID: "k1"}}) {
			t.Errorf("Verify() = %+v, want clean with 3 anchors of k1", report)
		}
		if end := report.Anchors.Open; len(end) != 1 || !end[0].Anchored || end[0].Seq != 4 || end[0].Records != 0 {
			t.Errorf("Verify().Anchors.Open = %+v, want all of the segment", end)
		}
	})
}

// No answer before the birth is durable, whatever becomes of signer and store;
// a lane whose birth fails is as one that cannot open, and recovers.
func TestNoAnswerBeforeTheBirth(t *testing.T) {
	for name, broken := range map[string]func(*audit.AnchorOptions, storetest.FaultyAnchors) (fail func(bool)){
		"signing fails": func(o *audit.AnchorOptions, _ storetest.FaultyAnchors) func(bool) {
			var fails atomic.Bool
			o.Sign = func(ctx context.Context, payload []byte) (string, error) {
				if fails.Load() {
					return "", errors.New("no key")
				}
				return key.sign(ctx, payload)
			}
			return fails.Store
		},
		"signing hangs": func(o *audit.AnchorOptions, _ storetest.FaultyAnchors) func(bool) {
			var hangs atomic.Bool
			o.Sign = func(ctx context.Context, payload []byte) (string, error) {
				if hangs.Load() {
					<-ctx.Done()
				}
				return key.sign(ctx, payload)
			}
			return hangs.Store
		},
		"putting fails": func(_ *audit.AnchorOptions, store storetest.FaultyAnchors) func(bool) {
			var fails atomic.Bool
			store.Faults.Next = func(storetest.SinkCall) storetest.SinkFault {
				if fails.Load() {
					return storetest.SinkFails
				}
				return storetest.SinkWorks
			}
			return fails.Store
		},
		"putting hangs": func(_ *audit.AnchorOptions, store storetest.FaultyAnchors) func(bool) {
			var hangs atomic.Bool
			store.Faults.Next = func(storetest.SinkCall) storetest.SinkFault {
				if hangs.Load() {
					return storetest.SinkHangs
				}
				return storetest.SinkWorks
			}
			return hangs.Store
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink, memory := &storetest.MemorySink{}, &storetest.MemoryAnchors{}
				store := storetest.FaultyAnchors{Anchors: memory, Faults: &storetest.FaultySink{}}
				o := anchored(options(), store)
				fail := broken(o.Anchors, store)
				fail(true)
				log := openLog(t, sink, o)
				if err := log.Ready(); !errors.Is(err, audit.ErrUnavailable) {
					t.Errorf("Ready() without births = %v, want ErrUnavailable", err)
				}
				if receipt, err := log.Append(t.Context(), decision("a")); err == nil {
					t.Errorf("Append() without births = %+v, nil, want an error", receipt)
				}
				if n := len(memory.Names()); n != 0 {
					t.Errorf("%d anchors, want none", n)
				}
				fail(false)
				<-time.After(13 * time.Second) // a call of the signer may have begun
				var records []acked
				for i := range 4 {
					records = append(records, mustAppend(t, log, fmt.Sprint("b", i)))
				}
				closeLog(t, log)
				check(t, sink, records)
				if report := verifyAnchored(t, sink, memory); !report.Clean {
					t.Errorf("Verify() = %+v, want clean", report.Findings)
				}
			})
		})
	}
}

// A slow signer costs one signature, not one for each attempt to open.
func TestSlowSignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, anchors := &storetest.MemorySink{}, &storetest.MemoryAnchors{}
		o := anchored(options(), anchors)
		o.Lanes = 1
		var calls atomic.Int32
		o.Anchors.Sign = func(ctx context.Context, payload []byte) (string, error) {
			if calls.Add(1) == 1 {
				<-time.After(7 * time.Second)
			}
			return key.sign(ctx, payload)
		}
		log := openLog(t, sink, o)
		<-time.After(10 * time.Second)
		mustAppend(t, log, "a")
		if n := calls.Load(); n != 1 {
			t.Errorf("%d signatures, want 1", n)
		}
		closeLog(t, log)
	})
}

// While a segment grows an anchor that fails stops nothing: it is told, recorded
// once, and made up for.
func TestAnchorFails(t *testing.T) {
	for _, fault := range storetest.SinkFaults() {
		t.Run(fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink, memory := &storetest.MemorySink{}, &storetest.MemoryAnchors{}
				var broken atomic.Bool
				faults := &storetest.FaultySink{Next: func(storetest.SinkCall) storetest.SinkFault {
					if broken.Load() {
						return fault
					}
					return storetest.SinkWorks
				}}
				o := anchored(options(), storetest.FaultyAnchors{Anchors: memory, Faults: faults})
				o.Lanes = 1
				log := openLog(t, sink, o)
				broken.Store(true)
				var records []acked
				for i := range 20 {
					records = append(records, mustAppend(t, log, fmt.Sprint("a", i)))
					<-time.After(20 * time.Second)
				}
				if lag, err := log.AnchorLag(); err == nil || lag < 4*time.Minute {
					t.Errorf("AnchorLag() = %v, %v, want minutes and why", lag, err)
				}
				if err := log.Ready(); err != nil {
					t.Errorf("Ready() = %v, want nil", err)
				}
				broken.Store(false)
				faults.Free()
				<-time.After(2 * time.Minute)
				if lag, err := log.AnchorLag(); err != nil || lag > time.Minute {
					t.Errorf("AnchorLag() afterwards = %v, %v, want less than a minute", lag, err)
				}
				closeLog(t, log)
				faults.Land()
				check(t, sink, records)
				if report := verifyAnchored(t, sink, memory); !report.Clean || report.Anchors.Open[0].Records != 0 {
					t.Errorf("Verify() = %+v %+v, want clean and all of it anchored", report.Findings, report.Anchors)
				}
				if n := strings.Count(everything(sink), `"kind":"anchor.failed"`); n != 1 {
					t.Errorf("%d records of the failure, want 1", n)
				}
			})
		})
	}
}

// What does not hold what was written is never stated: not the segment, nor
// what comes after it as if nothing had been. The lane leaves it.
func TestNothingIsStatedOverALoss(t *testing.T) {
	for name, tamper := range map[string]func(data []byte) []byte{
		"a byte changed": func(data []byte) []byte {
			data = bytes.Clone(data)
			data[len(data)-30] ^= 1
			return data
		},
		"the tail rewritten": func(data []byte) []byte { return rewrite(data, 2) },
		"the tail cut":       func(data []byte) []byte { return data[:len(data)-10] },
		"removed":            func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink, anchors := &storetest.MemorySink{}, &storetest.MemoryAnchors{}
				o := anchored(options(), anchors)
				o.Lanes = 1
				log := openLog(t, sink, o)
				mustAppend(t, log, "a")
				lost := mustAppend(t, log, "b")
				sink.Tamper(lost.Segment, tamper(sink.Bytes(lost.Segment)))
				<-time.After(2 * time.Minute)
				if _, err := log.AnchorLag(); err == nil {
					t.Error("AnchorLag() after a loss = nil, want it told")
				}
				var next acked
				for tries := 0; next.Segment == "" && tries < 5; tries++ {
					if receipt, err := log.Append(t.Context(), decision("c")); err == nil {
						next = acked{"c", receipt}
					}
				}
				if next.Segment == lost.Segment {
					t.Errorf("Append goes on in %s, want another segment", next.Segment)
				}
				<-time.After(2 * time.Minute)
				mustAppend(t, log, "d")
				closeLog(t, log)
				for _, s := range payloads(t, anchors) {
					if s.Segment == lost.Segment && s.Seq > 0 {
						t.Errorf("anchor %s over the loss, want none", s.name)
					}
				}
				if !strings.Contains(everything(sink), `"kind":"anchor.failed"`) {
					t.Error("no record of the failure, want one")
				}
				report := verifyAnchored(t, sink, anchors)
				if report.Clean || report.Findings[0].Segment != lost.Segment && report.Findings[0].Segment != next.Segment {
					t.Errorf("Verify() = %+v, want the loss", report.Findings)
				}
			})
		})
	}
}

// Where somebody else states something about a new segment, or more than its
// writer did, the writer does not go along.
func TestForeignAnchors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, memory := &storetest.MemorySink{}, &storetest.MemoryAnchors{}
		var once atomic.Bool
		faults := &storetest.FaultySink{Next: func(c storetest.SinkCall) storetest.SinkFault {
			if c.Op == "put" && once.CompareAndSwap(false, true) {
				memory.Tamper(c.Name, []byte("mine"))
			}
			return storetest.SinkWorks
		}}
		o := anchored(options(), storetest.FaultyAnchors{Anchors: memory, Faults: faults})
		o.Lanes = 1
		log := openLog(t, sink, o)
		<-time.After(time.Second)
		a := mustAppend(t, log, "a")
		foreign := a.Segment + "/000000000009.jws"
		memory.Tamper(foreign, []byte("mine"))
		<-time.After(2 * time.Minute)
		if _, err := log.AnchorLag(); err == nil {
			t.Error("AnchorLag() below an anchor that is there = nil, want it told")
		}
		if memory.Bytes(a.Segment+"/000000000001.jws") != nil {
			t.Error("an anchor below one that is there, want none")
		}
		closeLog(t, log)
		if lag, err := log.AnchorLag(); lag == 0 || err == nil {
			t.Errorf("AnchorLag() after Close = %v, %v, want the end without anchor told", lag, err)
		}
		report := verifyAnchored(t, sink, memory)
		forged := slices.DeleteFunc(report.Findings, func(f audit.Finding) bool { return f.Fault != audit.FaultForged })
		if len(forged) != 2 || !strings.HasSuffix(forged[0].Segment, "/000000000000.jws") || forged[1].Segment != foreign {
			t.Errorf("Verify() = %+v, want the two forged ones", report.Findings)
		}
	})
}

func TestAnchorOptionsAreChecked(t *testing.T) {
	for name, a := range map[string]audit.AnchorOptions{
		"no store":  {Sign: key.sign},
		"no signer": {Store: &storetest.MemoryAnchors{}},
	} {
		o := options()
		o.Anchors = &a
		if log, err := audit.Open(t.Context(), &storetest.MemorySink{}, o); err == nil {
			t.Errorf("%s: Open() = %v, nil, want an error", name, log)
		}
	}
}
