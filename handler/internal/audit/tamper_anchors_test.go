package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// deposit is a log of one lane and its anchors.
type deposit struct {
	sink    *storetest.MemorySink
	anchors *storetest.MemoryAnchors
	names   []string // of segments
	clock   time.Time
}

// newDeposit has three segments with anchors at their births, in between, and,
// but for that of the last one if its process was killed, at their ends.
func newDeposit(t *testing.T, closes bool) (d deposit) {
	t.Helper()
	d = deposit{sink: &storetest.MemorySink{}, anchors: &storetest.MemoryAnchors{}}
	d.write(t, "test", closes)
	d.names = d.sink.Names()
	if report := d.verify(t); !report.Clean || len(d.names) != 3 || report.Anchors.Count < 9 {
		t.Fatalf("Verify() of %d segments = %+v, want 3, clean, with anchors", len(d.names), report)
	}
	return d
}

// write has one process write three segments.
func (d *deposit) write(t *testing.T, instance string, closes bool) {
	synctest.Test(t, func(t *testing.T) {
		o := anchored(options(), d.anchors)
		o.Lanes, o.Instance, o.Continue = 1, instance, false
		log := openLog(t, d.sink, o)
		for i := range 14 {
			mustAppend(t, log, fmt.Sprintf("%s%02d", instance, i))
			<-time.After(11 * time.Minute)
		}
		if closes {
			closeLog(t, log)
		}
		d.clock = time.Now()
	})
}

func (d *deposit) verify(t *testing.T) audit.Report {
	t.Helper()
	return verifyAnchored(t, d.sink, d.anchors)
}

func (d *deposit) clone() *deposit {
	return &deposit{sink: d.sink.Clone(), anchors: d.anchors.CloneAnchors(), names: d.names, clock: d.clock}
}

func wantFault(t *testing.T, report audit.Report, fault audit.Fault, object string) {
	t.Helper()
	if !slices.ContainsFunc(report.Findings, func(f audit.Finding) bool { return f.Fault == fault && f.Segment == object }) {
		t.Errorf("Verify() = %+v, want %s at %s", report.Findings, fault, object)
	}
}

// R3: every byte of every anchor flipped, every anchor cut, replaced by another
// one, or signed by somebody else, is found at that anchor.
func TestEveryAnchorTampered(t *testing.T) {
	for name, closes := range map[string]bool{"closed": true, "killed": false} {
		t.Run(name, func(t *testing.T) {
			d := newDeposit(t, closes)
			names := d.anchors.Names()
			tampered := func(name string, data []byte, fault audit.Fault) {
				t.Helper()
				was := d.anchors.Bytes(name)
				d.anchors.Tamper(name, data)
				report := d.verify(t)
				wantFault(t, report, fault, name)
				if len(report.Findings) != 1 {
					t.Errorf("Verify() = %+v, want one finding", report.Findings)
				}
				d.anchors.Tamper(name, was)
			}
			for i, name := range names {
				data := d.anchors.Bytes(name)
				for at := 0; at < len(data); at += 19 * slowdown {
					flipped := bytes.Clone(data)
					flipped[at] ^= 1 << (at % 8)
					tampered(name, flipped, audit.FaultForged)
				}
				tampered(name, data[:len(data)/2], audit.FaultForged)
				tampered(name, []byte{}, audit.FaultForged)
				tampered(name, bytes.Repeat(data, 1000), audit.FaultForged)
				tampered(name, d.anchors.Bytes(names[(i+1)%len(names)]), audit.FaultStray)
				payload, _, _ := key.open(t.Context(), string(data))
				again, _ := seal("another").sign(t.Context(), payload)
				tampered(name, []byte(again), audit.FaultForged)
			}
		})
	}
}

// What a key that counts signed, and no anchor or one of another place, counts
// for nothing: another version, environment, lane, segment or place.
func TestAnchorsOfOtherPlaces(t *testing.T) {
	d := newDeposit(t, true)
	name := d.anchors.Names()[1]
	payload, _, _ := key.open(t.Context(), string(d.anchors.Bytes(name)))
	later := func(s string) string { return s[:len(s)-len("107.jws")] + "999.jws" }
	other := strings.ReplaceAll(d.names[0], "env=dev", "env=prod")
	for what, test := range map[string]struct {
		change func(map[string]any)
		fault  audit.Fault
	}{
		"as it is":            {func(map[string]any) {}, ""},
		"another version":     {func(m map[string]any) { m["v"] = 2 }, audit.FaultForged},
		"another environment": {func(m map[string]any) { m["env"] = "prod" }, audit.FaultForged},
		"another lane":        {func(m map[string]any) { m["lane"] = 1 }, audit.FaultForged},
		"another segment":     {func(m map[string]any) { m["segment"] = d.names[1] }, audit.FaultStray},
		"of a log elsewhere":  {func(m map[string]any) { m["segment"], m["env"] = other, "prod" }, audit.FaultStray},
		"another place":       {func(m map[string]any) { m["seq"] = 7 }, audit.FaultStray},
		"no segment":          {func(m map[string]any) { m["segment"] = "x" }, audit.FaultForged},
		"short tip":           {func(m map[string]any) { m["tip"] = "sha256:00" }, audit.FaultForged},
		"more than it needs":  {func(m map[string]any) { m["x"] = 1 }, audit.FaultForged},
		"without its time":    {func(m map[string]any) { delete(m, "ts") }, audit.FaultForged},
	} {
		t.Run(what, func(t *testing.T) {
			members := map[string]any{}
			if err := json.Unmarshal(payload, &members); err != nil {
				t.Fatal(err)
			}
			test.change(members)
			text, err := json.Marshal(members) // by name, as RFC 8785 has it
			if err != nil {
				t.Fatal(err)
			}
			d := d.clone()
			statement, _ := key.sign(t.Context(), text)
			d.anchors.Tamper(name, []byte(statement))
			report := d.verify(t)
			if test.fault == "" {
				if !report.Clean {
					t.Errorf("Verify() = %+v, want clean", report.Findings)
				}
				return
			}
			wantFault(t, report, test.fault, name)
		})
	}
	replayed := d.clone()
	replayed.anchors.Tamper(later(name), d.anchors.Bytes(name))
	wantFault(t, replayed.verify(t), audit.FaultStray, later(name))
	elsewhere := d.clone()
	elsewhere.anchors.Tamper(other+"/000000000000.jws", d.anchors.Bytes(d.anchors.Names()[0]))
	wantFault(t, elsewhere.verify(t), audit.FaultStray, other+"/000000000000.jws")
}

// R3: an anchor of a birth that is gone is missed, and so are all of a segment.
// Of the others none says more than a later one does.
func TestAnchorsRemoved(t *testing.T) {
	d := newDeposit(t, true)
	for _, name := range d.anchors.Names() {
		removed := d.clone()
		removed.anchors.Tamper(name, nil)
		report := removed.verify(t)
		if strings.HasSuffix(name, "/000000000000.jws") {
			wantFault(t, report, audit.FaultUnanchored, strings.TrimSuffix(name, "/000000000000.jws"))
		} else if !report.Clean {
			t.Errorf("without %s: Verify() = %+v, want clean", name, report.Findings)
		}
	}
	for _, segment := range d.names {
		removed := d.clone()
		for _, name := range d.anchors.Names() {
			if strings.HasPrefix(name, segment) {
				removed.anchors.Tamper(name, nil)
			}
		}
		wantFault(t, removed.verify(t), audit.FaultUnanchored, segment)
	}
	removed := d.clone()
	for _, name := range d.anchors.Names() {
		removed.anchors.Tamper(name, nil)
	}
	wantFault(t, removed.verify(t), audit.FaultUnanchored, d.names[0])
}

// R3: what no other segment names is held by the anchors: every cut behind one,
// every chain computed anew, every segment removed, emptied or put elsewhere.
func TestLogTamperedBehindAnchors(t *testing.T) {
	for name, closes := range map[string]bool{"closed": true, "killed": false} {
		t.Run(name, func(t *testing.T) {
			d := newDeposit(t, closes)
			last := d.names[2]
			ends := d.verify(t).Anchors.Open
			if len(ends) != 1 || ends[0].Segment != last || !ends[0].Anchored {
				t.Fatalf("Verify().Anchors.Open = %+v, want %s anchored", ends, last)
			}
			data := d.sink.Bytes(last)
			found := func(data []byte, fault audit.Fault, line int, what string) {
				t.Helper()
				tampered := d.clone()
				tampered.sink.Tamper(last, data)
				report := tampered.verify(t)
				if !slices.ContainsFunc(report.Findings, func(f audit.Finding) bool {
					return f.Segment == last && f.Fault == fault && f.Line == line
				}) {
					t.Errorf("%s: Verify() = %+v, want %s at line %d", what, report.Findings, fault, line)
				}
			}
			for i := 0; i < int(ends[0].Length); i += 3 * slowdown {
				found(data[:i:i], audit.FaultCut, lineAt(data, i), fmt.Sprint("cut at ", i))
			}
			anchored := map[int]bool{}
			for _, s := range payloads(t, d.anchors) {
				if s.Segment == last {
					anchored[int(s.Seq)] = true
				}
			}
			for i := range bytes.Count(data[:ends[0].Length], []byte{'\n'}) {
				at := i
				for !anchored[at] {
					at++
				}
				found(rewrite(data, i), audit.FaultRewritten, at+1, fmt.Sprint("rewritten from line ", i+1))
			}
			for i := 0; i < int(ends[0].Length); i += 5 * slowdown {
				flipped := bytes.Clone(data)
				flipped[i] ^= 1
				tampered := d.clone()
				tampered.sink.Tamper(last, flipped)
				if report := tampered.verify(t); report.Clean {
					t.Errorf("byte %d flipped: Verify() is clean, want a finding", i)
				}
			}
			found(append(bytes.Clone(data[:0]), d.sink.Bytes(d.names[1])...), audit.FaultMisplaced, 1, "replaced by another")
		})
	}
}

// R3: segments that are gone are missed, also all of a process and all of a log.
func TestSegmentsGoneBehindAnchors(t *testing.T) {
	d := newDeposit(t, false)
	d.write(t, "other", true)
	others := slices.DeleteFunc(d.sink.Names(), func(n string) bool { return slices.Contains(d.names, n) })
	if report := d.verify(t); !report.Clean || len(others) != 3 {
		t.Fatalf("Verify() of two processes = %+v, want clean", report.Findings)
	}
	for what, gone := range map[string][]string{
		"the first": d.names[:1], "the last": d.names[2:], "a whole process": d.names, "the log": append(slices.Clone(d.names), others...),
	} {
		removed := d.clone()
		for _, name := range gone {
			removed.sink.Tamper(name, nil)
		}
		report := removed.verify(t)
		for _, name := range gone {
			wantFault(t, report, audit.FaultMissing, name)
		}
		if what == "a whole process" {
			since, err := audit.Verify(t.Context(), removed.sink, audit.VerifyOptions{
				Anchors: removed.anchors, Open: key.open, Since: d.clock.Add(time.Hour),
			})
			if err != nil || !since.Clean {
				t.Errorf("%s, verified since it was gone = %+v, %v, want clean", what, since.Findings, err)
			}
		}
	}
	for _, name := range d.names {
		emptied := d.clone()
		emptied.sink.Tamper(name, []byte{})
		wantFault(t, emptied.verify(t), audit.FaultCut, name)
	}
}

// A log whose every segment was computed anew, with every link between them
// right, is found at every segment that anchors speak of; and a process that
// somebody added, at its records.
func TestLogComputedAnew(t *testing.T) {
	d := newDeposit(t, true)
	forged := d.clone()
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.Lanes, o.Continue, o.Instance = 1, false, "test"
		log := openLog(t, forged.sink, o)
		mustAppend(t, log, "added")
		closeLog(t, log)
	})
	added := slices.DeleteFunc(forged.sink.Names(), func(n string) bool { return slices.Contains(d.names, n) })
	wantFault(t, forged.verify(t), audit.FaultUnanchored, added[0])

	anew := d.clone()
	for _, name := range d.names {
		anew.sink.Tamper(name, nil)
	}
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.Lanes, o.Instance = 1, "test"
		o.Clock = func() time.Time { return time.Now().Add(time.Millisecond) }
		log := openLog(t, anew.sink, o)
		for i := range 14 {
			mustAppend(t, log, fmt.Sprintf("nicer%02d", i))
			<-time.After(11 * time.Minute)
		}
		closeLog(t, log)
	})
	plain, err := audit.Verify(t.Context(), anew.sink, audit.VerifyOptions{})
	if err != nil || !plain.Clean || plain.Anchors.Checked {
		t.Errorf("Verify() without anchors = %+v, %v, want clean, and told that none were checked", plain, err)
	}
	names := anew.sink.Names()
	for i, name := range names { // under the names of those that it replaces
		data := bytes.ReplaceAll(anew.sink.Bytes(name), []byte(name), []byte(d.names[i]))
		anew.sink.Tamper(name, nil)
		anew.sink.Tamper(d.names[i], data)
	}
	for _, name := range d.names {
		wantFault(t, anew.verify(t), audit.FaultRewritten, name)
	}
}

// Segments from before there were anchors need none.
func TestAnchorsBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, anchors := &storetest.MemorySink{}, &storetest.MemoryAnchors{}
		log := openLog(t, sink, options())
		records := []acked{mustAppend(t, log, "before")}
		closeLog(t, log)
		<-time.After(time.Second)
		log = openLog(t, sink, anchored(options(), anchors))
		records = append(records, mustAppend(t, log, "after"))
		closeLog(t, log)
		check(t, sink, records)
		checkAnchors(t, sink, anchors)
	})
}

// A log that is written while it is verified raises no alarm.
func TestVerifyWhileItIsWritten(t *testing.T) {
	sink, anchors := &storetest.MemorySink{}, &storetest.MemoryAnchors{}
	o := anchored(options(), anchors)
	o.SegmentBlocks = 3
	o.Anchors.Every = time.Millisecond
	log := openLog(t, sink, o)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 300 {
			if _, err := log.Append(t.Context(), decision(fmt.Sprint("d", i))); err != nil {
				t.Errorf("Append() = %v, want nil", err)
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		checkAnchors(t, sink, anchors)
	}
	closeLog(t, log)
	checkAnchors(t, sink, anchors)
}

// R3: no false alarm. Logs with anchors of several processes, each of which dies
// with any prefix of what it wrote behind the last anchor, or is closed.
func TestCleanLogsWithAnchors(t *testing.T) {
	for seed := range uint64(1000 / slowdown) {
		random := rand.New(rand.NewPCG(seed, 2))
		sink, anchors := &storetest.MemorySink{}, &storetest.MemoryAnchors{}
		synctest.Test(t, func(t *testing.T) {
			o := anchored(options(), anchors)
			o.Lanes = 1 + random.IntN(2)
			o.SegmentBlocks = 3 + random.IntN(5)
			o.Continue = random.IntN(3) > 0
			for i := range 1 + random.IntN(4) {
				o.Instance = fmt.Sprint("p", i)
				<-time.After(time.Duration(random.IntN(70)) * time.Minute)
				log := openLog(t, sink, o)
				var last acked
				for i := range 1 + random.IntN(9) {
					last = mustAppend(t, log, fmt.Sprint("d", i))
					<-time.After(time.Duration(random.IntN(40)) * time.Second)
				}
				synctest.Wait()
				if random.IntN(3) == 0 {
					closeLog(t, log)
					continue
				}
				crash(t, random, sink, anchors, last.Segment)
				_ = log.Close(t.Context()) // stops its timers
			}
			checkAnchors(t, sink, anchors)
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// crash leaves of a segment what its last anchor covers and any part of what
// came after it; then nobody writes it any more.
func crash(t *testing.T, random *rand.Rand, sink *storetest.MemorySink, anchors *storetest.MemoryAnchors, segment string) {
	var covered int64
	for _, s := range payloads(t, anchors) {
		if s.Segment == segment {
			covered = max(covered, s.Length)
		}
	}
	data := sink.Bytes(segment)
	cut := int(covered) + random.IntN(len(data)-int(covered)+1)
	sink.Tamper(segment, data[:cut:cut])
}

// The keys and manifests beside a log are known; keys are read as they are.
func TestKeptBesideTheLog(t *testing.T) {
	sink := &storetest.MemorySink{}
	keeper, err := audit.NewKeeper(sink, "dev")
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.KeepKey(t.Context(), "k1", []byte(`{"kty":"EC"}`)); err != nil {
		t.Fatalf("KeepKey() before there is a log = %v, want nil", err)
	}
	sink.Tamper("v1/env=dev/manifests/epoch=1/a.json", []byte("{}"))
	report, err := audit.Verify(t.Context(), sink, audit.VerifyOptions{})
	if err != nil || !report.Clean || len(report.Ignored) != 0 {
		t.Errorf("Verify() = %+v, %v, want clean and nothing ignored", report, err)
	}
	keys, err := audit.KeptKeys(t.Context(), sink, "")
	want := []audit.KeptKey{{ID: "k1", JWK: []byte(`{"kty":"EC"}`)}}
	if diff := cmp.Diff(want, keys); diff != "" || err != nil {
		t.Errorf("KeptKeys() (-want +got):\n%s%v", diff, err)
	}
}
