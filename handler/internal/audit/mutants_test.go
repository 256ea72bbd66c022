package audit_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var mutants = flag.Bool("mutants", false, "break the log in known ways and demand that its tests notice")

// R19: a safety test that has never failed proves nothing. Each mutant is a
// mistake that others made; the test named must fail on it.
func TestMutants(t *testing.T) {
	if !*mutants {
		t.Skip("takes minutes: run with -mutants")
	}
	for name, m := range map[string]struct{ file, old, new, pkg, test string }{
		"the position is ignored": {
			"../storetest/sink_memory.go", "if int64(len(there)) != position {", "if false {",
			".", "TestSchedules",
		},
		"the position is ignored, in files": {
			"../embedded/auditfile.go", "; position != end {", "; position != end && false {",
			"../embedded", "TestAuditFiles",
		},
		"a position that does not match is success": {
			"settle.go", "if outcome == Durable ||", "if errors.Is(err, ErrPosition) {\n return Durable, nil\n}\nif outcome == Durable ||",
			".", "TestForeignBytes",
		},
		"nothing is read back, success is assumed": {
			"settle.go", "got, err := g.read(ctx, name, position, len(frame)+1)", "got, err := frame, error(nil)",
			".", "TestSchedules",
		},
		"nothing is read back, failure is assumed": {
			"settle.go", "return Unknown, fmt.Errorf(", "return Absent, fmt.Errorf(",
			".", "TestSchedules",
		},
		"absent counts although an earlier try is unclear": {
			"settle.go", "outcome == Absent && !unclear", "outcome == Absent && (!unclear || unclear)",
			".", "TestEveryFaultAtEveryStep|TestSchedules",
		},
		"answered before the append": {
			"station.go", "	err := s.lane.commit(ctx, batch)", "	err := s.lane.commit(ctx, batch)\n	err = nil",
			".", "TestSchedules",
		},
		"the chain moves before the append": {
			"lane.go", "	l.frame = frame\n	return", "	l.frame = frame\n	l.seq, l.tip = seq, tip\n	return",
			".", "TestOneFailedWrite|TestSchedules",
		},
		"the segment goes on after an unclear append": {
			"lane.go", "	l.open = false\n", "",
			".", "TestSchedules",
		},
		"the uncertain tail is not named": {
			"lane.go", "if outcome == Unknown {", "if false {",
			".", "TestSchedules",
		},
		"the first line is built anew": {
			"lane.go", "if l.opening == nil {", "if o := l.opening; o != nil {\n o.frame = nil\n}\nif l.opening == nil || l.opening.frame == nil {",
			".", "TestSchedules",
		},
		"the frame is reused while a late call reads it": {
			"lane.go", "		l.frame = nil\n", "",
			".", "TestEveryFaultAtEveryStep",
		},
		"a torn line is not named": {
			"predecessor.go", "len(torn) > 0", "len(torn) > 1<<20",
			".", "TestCleanLogs",
		},
		"the last name is the last segment": {
			"predecessor.go", "if first.ordinal > 0 && newest", "if true || newest",
			".", "TestClockStepsBack|TestCleanLogs",
		},
		"waiters are forgotten when the log closes": {
			"log.go", "	answerAll(abandoned, ErrClosed)\n", "	_ = abandoned\n",
			".", "TestCloseUnderLoad",
		},
		"a hanging sink holds up its callers": {
			"guard.go", "	case <-ctx.Done():\n		return answer{err: ctx.Err()}\n	}\n}\n\n// within", "	}\n}\n\n// within",
			".", "TestOutage",
		},
		"the circuit never opens": {
			"repair.go", "l.failures < maxFailures ||", "true ||",
			".", "TestOutage",
		},
		"the tip is not compared": {
			"verify.go", "case string(last.hash[:]) != said.tip:", "case false:",
			".", "TestRewrittenChain|TestEveryByteFlipped",
		},
		"the end is not compared": {
			"verify.go", "case c.offset < said.length:", "case false:",
			".", "TestEveryCut|TestEveryLine",
		},
		"an uncertain end may be anything": {
			"verify.go", "return n == 0 || string(appendHash(nil, rest)) == u.hash", "return true",
			".", "TestEveryByteFlipped",
		},
		"answered before the birth": {
			"lane.go", "	err := l.notary.birth(ctx, o.birth)\n", "	err := error(nil)\n	go func() { _ = l.notary.birth(ctx, o.birth) }()\n",
			".", "TestNoAnswerBeforeTheBirth|TestSchedules",
		},
		"the birth comes before the line": {
			"lane.go", "	l.signBirth(o)\n", "	l.signBirth(o)\n	if l.notary != nil {\n if err := l.notary.birth(ctx, o.birth); err != nil {\n return err\n}\n}\n",
			".", "TestSchedules",
		},
		"the birth is not what is there": {
			"lane.go", "l.notary.sign(anchor{segment: o.segment, mark: o.mark()})", "l.notary.sign(anchor{segment: o.segment, mark: mark{length: 1, tip: o.mark().tip}})",
			".", "TestAnchors|TestCleanLogsWithAnchors",
		},
		"an anchor over a loss": {
			"anchoring.go", "if err := n.readBack(ctx, name, last, head); err != nil {", "if err := error(nil); err != nil {",
			".", "TestNothingIsStatedOverALoss",
		},
		"the lane goes on after a loss": {
			"lane.go", "case l.anchoring.isLost():", "case false:",
			".", "TestNothingIsStatedOverALoss",
		},
		"anchors go back": {
			"anchoring.go", "n.put(ctx, anchorName(name, head.seq), statement)", "n.put(ctx, anchorName(name, last.seq+1), statement)",
			".", "TestAnchors|TestSchedules",
		},
		"an anchor beyond is not looked for": {
			"anchoring.go", "ok && at > seq {", "ok && at > seq && false {",
			".", "TestForeignAnchors",
		},
		"a statement is signed anew": {
			"anchoring.go", "if pending == nil || pending.anchor.mark != head {", "if true {",
			".", "TestEveryFaultAtEveryStepOfAnchors",
		},
		"growth is not anchored": {
			"anchoring.go", "		a.arm(n.options.every())\n", "",
			".", "TestAnchors",
		},
		"the end is not anchored": {
			"log.go", "	l.notary.close(ctx)\n", "",
			".", "TestAnchors",
		},
		"an anchor that nobody signed is passed over": {
			"verify_anchors.go", "		l.findings = append(l.findings, Finding{Fault: r.fault", "		_ = append(l.findings, Finding{Fault: r.fault",
			".", "TestEveryAnchorTampered",
		},
		"an anchor counts in any place": {
			"verify_anchors.go", "if r.segment != segment || r.seq != seq {", "if name == \"\" && r.segment != segment && r.seq != seq {",
			".", "TestEveryAnchorTampered",
		},
		"the anchor's hash is not compared": {
			"verify_anchors.go", "a.tip == c.taken.hash:", "a.tip != [hashLength]byte{}:",
			".", "TestLogTamperedBehindAnchors",
		},
		"a cut behind an anchor is not seen": {
			"verify_anchors.go", "if len(p.ahead) == 0 || p.wrong {", "if len(p.ahead) >= 0 {",
			".", "TestLogTamperedBehindAnchors",
		},
		"segments that are gone are not missed": {
			"verify_anchors.go", "if x.byName[name] != nil || len(s.places) == 0 {", "if len(s.places) >= 0 {",
			".", "TestSegmentsGoneBehindAnchors",
		},
		"a birth that is gone is not missed": {
			"verify_anchors.go", "!demanded || lines < 2", "!demanded || lines < 1000",
			".", "TestAnchorsRemoved",
		},
		"a process that was added is not seen": {
			"verify_anchors.go", "s.opened.anchored || since && !s.id.opened.Before(first)", "s.opened.anchored || since && s.id.opened.Before(first)",
			".", "TestLogComputedAnew",
		},
		"an acknowledgement covers any finding": {
			"acknowledge.go", "slices.Contains(a.findings, f)", "f.Segment == a.object",
			".", "TestAcknowledgeOne",
		},
		"an acknowledgement covers any bytes": {
			"acknowledge.go", "holds[i] = now == a.evidence", "holds[i] = now == now",
			".", "TestAcknowledge",
		},
		"an acknowledgement needs no anchor": {
			"acknowledge.go", "sound = int(c.anchored.seq) + 1", "sound = c.records",
			".", "TestAcknowledgementNeedsAnAnchor",
		},
		"a segment made ahead is of any hour": {
			"ahead.go", "!next.segment.opened.Truncate(time.Hour).Equal(now.Truncate(time.Hour))", "next.segment.id == \"\"",
			".", "TestSegmentAheadOfAnotherHour",
		},
		"a segment that was not made is used": {
			"ahead.go", "return next.segment, next.err == nil", "return next.segment, true",
			".", "TestEveryFaultAtEveryStep",
		},
		"an anchor is put over another": {
			"../embedded/anchors.go", "		return fs.ErrExist\n", "		return nil\n",
			"../embedded", "TestAnchorFiles",
		},
		"a failed sync counts": {
			"../embedded/auditfile.go", "		f.suspect = true\n		return audit.Unknown, err", "		f.suspect = true",
			"../embedded", "TestBrokenDisk",
		},
		"after a failed sync it is only synced again": {
			"../embedded/auditfile.go", "		if err := f.file.Truncate(end); err != nil {",
			"		if f.file.Sync() == nil {\n f.suspect = false\n f.durable.Store(end + int64(len(data)))\n return audit.Durable, nil\n}\nif err := f.file.Truncate(end); err != nil {",
			"../embedded", "TestBrokenDisk",
		},
		"a read returns what is not synced": {
			"../embedded/auditfile.go", "{ return f.durable.Load(), nil }", "{ return 8, nil }",
			"../embedded", "TestReadsAreDurable",
		},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := runMutant(t, m.file, m.old, m.new, m.pkg, m.test)
			switch {
			case err == nil:
				t.Errorf("%s passes, want it to fail", m.test)
			case !strings.Contains(out, "--- FAIL: ") && !strings.Contains(out, "panic: "):
				t.Errorf("%s did not run: %v\n%s", m.test, err, out)
			}
		})
	}
}

// runMutant runs tests with one text replaced in one file.
func runMutant(t *testing.T, file, old, changed, pkg, test string) (output string, err error) {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), old); n != 1 {
		t.Fatalf("%s holds %q %d times, want once", file, old, n)
	}
	dir := t.TempDir()
	mutant, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	rules, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{mutant: []byte(strings.Replace(string(source), old, changed, 1)), overlay: rules} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-vet=off", "-failfast", "-timeout=2m", "-run", "^("+test+")$", pkg)
	out, err := command.CombinedOutput()
	return string(out), err
}
