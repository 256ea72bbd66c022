package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// chain is a log of one lane whose segments follow one another in names.
type chain struct {
	sink  *storetest.MemorySink
	names []string
}

// soundChain has segments that were closed in good order.
func soundChain(t *testing.T) chain {
	sink := &storetest.MemorySink{}
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	o := options()
	o.Lanes = 1
	o.Clock = func() time.Time { return now }
	log := openLog(t, sink, o)
	for i := range 18 {
		mustAppend(t, log, fmt.Sprintf("d%02d", i))
		if i%6 == 5 {
			now = now.Add(time.Hour)
		}
	}
	mustAppend(t, log, "last")
	closeLog(t, log)
	return newChain(t, sink, 4)
}

// crashedChain has segments that end in a torn line.
func crashedChain(t *testing.T) chain {
	sink := &storetest.MemorySink{}
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	o := options()
	o.Lanes = 1
	o.Clock = func() time.Time { now = now.Add(time.Millisecond); return now }
	for i := range 4 {
		log := openLog(t, sink, o)
		var last acked
		for j := range 5 {
			last = mustAppend(t, log, fmt.Sprintf("d%02d", 10*i+j))
		}
		sink.Tamper(last.Segment, append(bytes.Clone(sink.Bytes(last.Segment)), `{"v":1,"kind":"deci`...))
	}
	return newChain(t, sink, 4)
}

// uncertainChain has segments whose last frame had no outcome and is there.
func uncertainChain(t *testing.T) (c chain) {
	synctest.Test(t, func(t *testing.T) {
		sink := &storetest.MemorySink{}
		var broken atomic.Bool
		faulty := &storetest.FaultySink{Sink: sink, Next: func(c storetest.SinkCall) storetest.SinkFault {
			switch {
			case !broken.Load():
				return storetest.SinkWorks
			case c.Op == "append":
				return storetest.SinkLosesReply
			}
			return storetest.SinkFails
		}}
		o := options()
		o.Lanes = 1
		log := openLog(t, faulty, o)
		for i := range 3 {
			for j := range 4 {
				mustAppend(t, log, fmt.Sprintf("d%02d", 10*i+j))
			}
			broken.Store(true)
			if _, err := log.Append(t.Context(), decision(fmt.Sprintf("u%02d", i))); err == nil {
				t.Error("Append without outcome = nil, want an error")
			}
			broken.Store(false)
			<-time.After(time.Second)
		}
		mustAppend(t, log, "last")
		closeLog(t, log)
		c = newChain(t, sink, 4)
	})
	return c
}

func newChain(t *testing.T, sink *storetest.MemorySink, segments int) chain {
	t.Helper()
	c := chain{sink: sink, names: sink.Names()}
	report := c.verify(t)
	if !report.Clean || len(c.names) != segments {
		t.Fatalf("Verify() of %d segments = %+v, want %d and clean", len(c.names), report, segments)
	}
	return c
}

func (c chain) verify(t *testing.T) audit.Report {
	t.Helper()
	report, err := audit.Verify(t.Context(), c.sink, audit.VerifyOptions{})
	if err != nil {
		t.Fatalf("Verify() = %v, want nil", err)
	}
	return report
}

// wantFound verifies with data in place of a segment, and wants a finding
// there, at that line, and none in another segment.
func (c chain) wantFound(t *testing.T, name string, data []byte, line int, what string, args ...any) {
	t.Helper()
	was := c.sink.Bytes(name)
	c.sink.Tamper(name, data)
	defer c.sink.Tamper(name, was)
	report := c.verify(t)
	at := slices.ContainsFunc(report.Findings, func(f audit.Finding) bool { return f.Segment == name && f.Line == line })
	elsewhere := slices.ContainsFunc(report.Findings, func(f audit.Finding) bool { return f.Segment != name })
	if !at || elsewhere || report.Clean {
		t.Errorf("%s: Verify() = %+v, want a finding at line %d of %s only", fmt.Sprintf(what, args...), report.Findings, line, name)
	}
}

// lineAt is the number of the line that holds the byte at offset.
func lineAt(data []byte, offset int) int { return bytes.Count(data[:offset], []byte{'\n'}) + 1 }

// forChains runs a test on segments of each kind of chain, from and up to these.
func forChains(t *testing.T, from, to int, test func(t *testing.T, c chain, name string, data []byte)) {
	for kind, makeChain := range map[string]func(*testing.T) chain{
		"closed": soundChain, "crashed": crashedChain, "uncertain": uncertainChain,
	} {
		t.Run(kind, func(t *testing.T) {
			c := makeChain(t)
			for _, name := range c.names[from:to] { // the last one is named by nobody
				t.Run(name, func(t *testing.T) { test(t, c, name, c.sink.Bytes(name)) })
			}
		})
	}
}

// R3: every byte flipped.
func TestEveryByteFlipped(t *testing.T) {
	forChains(t, 1, 2, func(t *testing.T, c chain, name string, data []byte) {
		for i := 0; i < len(data); i += slowdown {
			tampered := bytes.Clone(data)
			tampered[i] ^= 1 << (i % 8)
			c.wantFound(t, name, tampered, lineAt(data, i), "byte %d of %q flipped to %q", i, data[max(0, i-20):i+1], tampered[i])
		}
	})
}

// R3: every line dropped, doubled, swapped with the next; others inserted.
func TestEveryLine(t *testing.T) {
	forChains(t, 0, 3, func(t *testing.T, c chain, name string, data []byte) {
		lines := bytes.SplitAfter(data, []byte{'\n'})
		if len(lines[len(lines)-1]) == 0 {
			lines = lines[:len(lines)-1]
		}
		other := bytes.SplitAfter(c.sink.Bytes(c.names[len(c.names)-1]), []byte{'\n'})[1]
		for i := range lines {
			n := i + 1
			if i < certainLines(c, t, name, len(lines)) {
				c.wantFound(t, name, join(lines[:i], lines[n:]), n, "line %d dropped", n)
			}
			if !bytes.HasSuffix(lines[i], []byte{'\n'}) {
				continue // the torn end is no line that could be moved
			}
			c.wantFound(t, name, join(lines[:n], lines[i:]), n+1, "line %d doubled", n)
			if n < len(lines) && bytes.HasSuffix(lines[n], []byte{'\n'}) {
				c.wantFound(t, name, join(lines[:i], lines[n:n+1], lines[i:n], lines[n+1:]), n, "lines %d and %d swapped", n, n+1)
			}
			c.wantFound(t, name, join(lines[:n], [][]byte{other}, lines[n:]), n+1, "another segment's line after line %d", n)
			c.wantFound(t, name, join(lines[:n], [][]byte{[]byte("{}\n")}, lines[n:]), n+1, "a stray line after line %d", n)
			c.wantFound(t, name, join(lines[:n], [][]byte{forge(lines[i])}, lines[n:]), n+1, "a forged line after line %d", n)
			c.wantFound(t, name, join(lines[:n], lines[:1], lines[n:]), n+1, "the first line again after line %d", n)
		}
	})
}

// certainLines is how many of a segment's lines must be there: not those of a
// frame without outcome.
func certainLines(c chain, t *testing.T, name string, lines int) int {
	for _, u := range c.verify(t).Uncertain {
		if u.Segment == name {
			return lines - u.Records
		}
	}
	return lines
}

func join(parts ...[][]byte) []byte { return bytes.Join(slices.Concat(parts...), nil) }

var headPattern = regexp.MustCompile(`"seq":(\d+),"prev":"[^"]*"`)

// forge is a copy of line that follows it as the chain demands.
func forge(line []byte) []byte {
	sum := sha256.Sum256(line)
	return headPattern.ReplaceAllFunc(line, func(head []byte) []byte {
		var seq int
		_, _ = fmt.Sscanf(string(head), `"seq":%d`, &seq)
		return fmt.Appendf(nil, `"seq":%d,"prev":"sha256:%s"`, seq+1, hex.EncodeToString(sum[:]))
	})
}

// R3: every cut.
func TestEveryCut(t *testing.T) {
	forChains(t, 1, 2, func(t *testing.T, c chain, name string, data []byte) {
		certain := len(data)
		if i := slices.IndexFunc(c.verify(t).Uncertain, func(u audit.Uncertain) bool { return u.Segment == name }); i >= 0 {
			if u := c.verify(t).Uncertain[i]; !u.Torn {
				certain = int(u.Offset) // a frame without outcome need not be there
			}
		}
		for i := 0; i < certain; i += slowdown {
			c.wantFound(t, name, data[:i:i], lineAt(data, i), "cut at %d", i)
		}
		for i := certain; i < len(data); i++ {
			c.sink.Tamper(name, data[:i:i])
			if report := c.verify(t); !report.Clean {
				t.Errorf("cut at %d, in the uncertain end: Verify() = %+v, want clean", i, report.Findings)
			}
		}
		c.sink.Tamper(name, data)
	})
}

// R3: a chain that was computed anew from a changed line on is found where the
// next segment names its end.
func TestRewrittenChain(t *testing.T) {
	forChains(t, 0, 3, func(t *testing.T, c chain, name string, data []byte) {
		report := c.verify(t)
		for i := 1; i < bytes.Count(data, []byte{'\n'}); i++ {
			tampered := rewrite(data, i)
			c.sink.Tamper(name, tampered)
			got := c.verify(t)
			if got.Clean || got.Findings[0].Segment != name {
				t.Errorf("rewritten from line %d: Verify() = %+v, want findings in %s", i+1, got.Findings, name)
			}
			c.sink.Tamper(name, data)
		}
		if diff := cmp.Diff(report, c.verify(t)); diff != "" {
			t.Errorf("Verify() of what was put back (-want +got):\n%s", diff)
		}
	})
}

// rewrite changes the action in a line and chains all that follow anew.
func rewrite(data []byte, from int) []byte {
	var out []byte
	var last []byte
	for i, line := range bytes.SplitAfter(data, []byte{'\n'}) {
		if i == from {
			line = bytes.Replace(line, []byte(`"ts":"2`), []byte(`"ts":"1`), 1)
		}
		if i > from && len(line) > 0 {
			sum := sha256.Sum256(last)
			line = regexp.MustCompile(`"prev":"[^"]*"`).ReplaceAll(line, []byte(`"prev":"sha256:`+hex.EncodeToString(sum[:])+`"`))
		}
		out, last = append(out, line...), line
	}
	return out
}

// R3: whole segments.
func TestSegmentsTampered(t *testing.T) {
	c := soundChain(t)
	first, second, third, last := c.names[0], c.names[1], c.names[2], c.names[3]
	twin := strings.Replace(second, "-test-", "-twin-", 1)
	for name, test := range map[string]struct {
		tamper  func(s *storetest.MemorySink)
		fault   audit.Fault
		segment string
	}{
		"the first removed": {func(s *storetest.MemorySink) { s.Tamper(first, nil) }, audit.FaultMissing, second},
		"one removed":       {func(s *storetest.MemorySink) { s.Tamper(second, nil) }, audit.FaultMissing, third},
		"one emptied":       {func(s *storetest.MemorySink) { s.Tamper(second, []byte{}) }, audit.FaultCut, second},
		"one replaced":      {func(s *storetest.MemorySink) { s.Tamper(second, s.Bytes(third)) }, audit.FaultMisplaced, second},
		"one copied":        {func(s *storetest.MemorySink) { s.Tamper(twin, s.Bytes(second)) }, audit.FaultMisplaced, twin},
		"one goes on":       {func(s *storetest.MemorySink) { s.Tamper(second, append(bytes.Clone(s.Bytes(second)), 'x')) }, audit.FaultExtended, second},
		"closed, yet it goes on": {func(s *storetest.MemorySink) {
			lines := bytes.SplitAfter(s.Bytes(last), []byte{'\n'})
			s.Tamper(last, append(bytes.Clone(s.Bytes(last)), forge(lines[len(lines)-2])...))
		}, audit.FaultExtended, last},
	} {
		t.Run(name, func(t *testing.T) {
			tampered := chain{sink: c.sink.Clone()}
			test.tamper(tampered.sink)
			report := tampered.verify(t)
			if !slices.ContainsFunc(report.Findings, func(f audit.Finding) bool { return f.Fault == test.fault && f.Segment == test.segment }) {
				t.Errorf("Verify() = %+v, want %s at %s", report.Findings, test.fault, test.segment)
			}
		})
	}
}

// What verification cannot see without anchors: what becomes of the end of a
// segment that no other names. README.md says so; this test keeps it true.
func TestNotSeen(t *testing.T) {
	c := soundChain(t)
	last := c.names[len(c.names)-1]
	data := c.sink.Bytes(last)
	for i := range data {
		c.sink.Tamper(last, data[:i:i])
		if report := c.verify(t); !report.Clean {
			t.Fatalf("cut at %d of the last segment: Verify() = %+v, want clean", i, report.Findings)
		}
	}
	c.sink.Tamper(last, rewrite(data, 1))
	if report := c.verify(t); !report.Clean {
		t.Errorf("the last segment rewritten: Verify() = %+v, want clean", report.Findings)
	}
	c.sink.Tamper(last, nil)
	if report := c.verify(t); !report.Clean {
		t.Errorf("the last segment removed: Verify() = %+v, want clean", report.Findings)
	}
}

// R3: no false alarm. Logs of several processes, each of which dies with any
// prefix of what it wrote, or is closed.
func TestCleanLogs(t *testing.T) {
	for seed := range uint64(1000 / slowdown) {
		random := rand.New(rand.NewPCG(seed, 1))
		sink := &storetest.MemorySink{}
		now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
		o := options()
		o.Lanes = 1 + random.IntN(2)
		o.SegmentBlocks = 3 + random.IntN(5)
		o.Clock = func() time.Time { return now }
		for range 1 + random.IntN(4) {
			now = now.Add(time.Duration(random.IntN(100)-30) * time.Minute)
			log := openLog(t, sink, o)
			var last acked
			for i := range 1 + random.IntN(9) {
				last = mustAppend(t, log, fmt.Sprint("d", i))
			}
			if random.IntN(3) == 0 {
				closeLog(t, log)
				continue
			}
			if data := sink.Bytes(last.Segment); random.IntN(2) == 0 { // never answered after all
				cut := random.IntN(len(data))
				sink.Tamper(last.Segment, data[:cut:cut])
			}
		}
		report, err := audit.Verify(t.Context(), sink, audit.VerifyOptions{})
		if err != nil || !report.Clean {
			t.Fatalf("seed %d: Verify() = %+v, %v, want clean", seed, report.Findings, err)
		}
	}
}
