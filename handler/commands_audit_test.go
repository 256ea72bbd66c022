package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
)

// anchoredData is a data directory with a log and its anchors, whose process is
// gone, and the segments in it.
type anchoredData struct {
	dir      string
	segments []string
}

func newAnchoredData(t *testing.T) *anchoredData {
	t.Helper()
	d := &anchoredData{dir: t.TempDir()}
	data, err := embedded.OpenDataDir(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := newLocalWriter("dev", data)
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), w.sink, audit.Options{
		Environment: "dev", Instance: "test", Clock: time.Now, Continue: true, Lanes: 1, SegmentBlocks: 4,
		Anchors: &audit.AnchorOptions{Store: w.anchors, Sign: w.sign},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		receipt, err := log.Append(t.Context(), &audit.Refused{TS: time.Now(), EventID: string(rune('a' + i))})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(d.segments); n == 0 || d.segments[n-1] != receipt.Segment {
			d.segments = append(d.segments, receipt.Segment)
		}
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *anchoredData) path(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

// verify runs audit verify, with more flags, and wants an exit code.
func (d *anchoredData) verify(t *testing.T, code int, flags ...string) audit.Report {
	t.Helper()
	got, out := command(t, append([]string{"audit", "verify", "--json", "--data", d.dir}, flags...)...)
	if got != code {
		t.Errorf("audit verify = exit code %d, want %d:\n%s", got, code, out)
	}
	var report audit.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("audit verify prints %q: %v", out, err)
	}
	return report
}

// A log with its anchors is clean, says how far it is anchored, and by which
// keys, and where those come from.
func TestAuditVerifyWithAnchors(t *testing.T) {
	d := newAnchoredData(t)
	report := d.verify(t, exitOK)
	if !report.Anchors.Checked || report.Anchors.Count < 4 || len(report.Anchors.Keys) != 1 || report.Anchors.Keys[0].Source != keyInData {
		t.Errorf("Anchors = %+v, want those of one key, from the data directory", report.Anchors)
	}
	if open := report.Anchors.Open; len(open) != 1 || !open[0].Anchored || open[0].Records != 0 {
		t.Errorf("Anchors.Open = %+v, want the last segment, anchored to its end", open)
	}
	keys, err := embedded.ReadGrantKeys(d.dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pinned := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(pinned, keys.Document(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(d.path("grant-keys.json")); err != nil {
		t.Fatal(err)
	}
	if report := d.verify(t, exitOK); report.Anchors.Keys[0].Source != keyInLog {
		t.Errorf("Anchors.Keys = %+v, want it said that the log vouches for itself", report.Anchors.Keys)
	}
	if report := d.verify(t, exitOK, "--keys", pinned); report.Anchors.Keys[0].Source != keyPinned {
		t.Errorf("Anchors.Keys = %+v, want the pinned one", report.Anchors.Keys)
	}
	other := filepath.Join(t.TempDir(), "other.json")
	if err := os.WriteFile(other, newGranted(t).set, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range d.verify(t, exitFindings, "--keys", other).Findings {
		if f.Fault != audit.FaultForged && f.Fault != audit.FaultUnanchored {
			t.Errorf("with another key: %+v, want what no key that counts signed", f)
		}
	}
}

// What somebody did to the log of a data directory, or to all of it, is found,
// stays found, and is acknowledged one by one.
func TestAuditAcknowledge(t *testing.T) {
	d := newAnchoredData(t)
	if err := os.RemoveAll(d.path("audit")); err != nil {
		t.Fatal(err)
	}
	report := d.verify(t, exitFindings)
	if len(report.Findings) != len(d.segments) {
		t.Errorf("Findings without the log = %+v, want one for each of %v", report.Findings, d.segments)
	}
	for i, segment := range d.segments {
		code, out := command(t, "audit", "acknowledge", segment, "--data", d.dir, "--reason", "a disk broke", "--by", "ana")
		if code != exitOK || !strings.Contains(out, "acknowledged: 1 findings about "+segment) {
			t.Errorf("audit acknowledge = %d, %s", code, out)
		}
		want := exitFindings
		if i == len(d.segments)-1 {
			want = exitOK
		}
		if report = d.verify(t, want); len(report.Acknowledged) != i+1 || report.Acknowledged[0].By != "ana" {
			t.Errorf("Acknowledged = %+v, want %d by ana", report.Acknowledged, i+1)
		}
	}
	if code, _ := command(t, "audit", "acknowledge", d.segments[0], "--data", d.dir, "--reason", "again"); code != exitUsage {
		t.Errorf("audit acknowledge of what is acknowledged = %d, want %d", code, exitUsage)
	}
}

func TestAuditUsage(t *testing.T) {
	d := newAnchoredData(t)
	for want, args := range map[string][]string{
		"goes with --container":         {"verify", "--anchors", "https://x/anchors"},
		"--container":                   {"verify", "--container", "https://x/audit"},
		"--reason":                      {"acknowledge", d.segments[0], "--data", d.dir, "--reason", " "},
		"nothing wrong":                 {"acknowledge", d.segments[0], "--data", d.dir, "--reason", "why"},
		"there is no such file or fold": {"verify", "--data", d.path("nothing")},
		"--keys":                        {"verify", "--data", d.dir, "--keys", d.path("approvals.db")},
	} {
		if code, out := command(t, append([]string{"audit"}, args...)...); code != exitUsage || !strings.Contains(out, want) {
			t.Errorf("audit %q = %d, %q, want %d and %q", args, code, out, exitUsage, want)
		}
	}
}
