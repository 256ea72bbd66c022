package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// record is one line of the audit log, with where it stands.
type record struct {
	receipt

	Kind          string
	DecisionID    string
	ApprovalID    string
	CorrelationID string
	Decision      string
	Reason        string
}

// readLog reads every whole line of the log in a data directory, without the
// program's own code. What a kill left without its end was never answered.
func readLog(t testing.TB, data string) []record {
	t.Helper()
	var records []record
	dir := filepath.Join(data, "audit")
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".jsonl") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		records = append(records, readSegment(t, filepath.ToSlash(name), text)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func readSegment(t testing.TB, name string, text []byte) []record {
	t.Helper()
	var records []record
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			continue
		}
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%s holds %q: %v", name, line, err)
		}
		hash := sha256.Sum256(line)
		r.Segment, r.Hash = name, "sha256:"+hex.EncodeToString(hash[:])
		var head struct{ Seq uint64 }
		if err := json.Unmarshal(line, &head); err != nil {
			t.Fatal(err)
		}
		r.Seq = head.Seq
		records = append(records, r)
	}
	return records
}

// compareWithLog demands that every answer is in the log exactly once, where
// its receipt says and with its hash and decision, and that what asks for
// approval has opened it.
func compareWithLog(t testing.TB, data string, answers []outcome) {
	t.Helper()
	decisions, approvals := map[string][]record{}, map[string]bool{}
	for _, r := range readLog(t, data) {
		switch r.Kind {
		case "decision":
			decisions[r.DecisionID] = append(decisions[r.DecisionID], r)
		case "approval.opened":
			approvals[r.ApprovalID] = true
		}
	}
	for _, a := range answers {
		found := decisions[a.DecisionID]
		switch {
		case len(found) != 1:
			t.Errorf("decision %s (%s) stands %d times in the log, want once", a.DecisionID, a.Decision, len(found))
		case found[0].receipt != a.Receipt || found[0].Decision != a.Decision || found[0].CorrelationID != a.CorrelationID:
			t.Errorf("decision %s in the log = %+v, answered %+v", a.DecisionID, found[0], a)
		case a.Approval.ID != "" && !approvals[a.Approval.ID]:
			t.Errorf("decision %s asks for %s, which the log does not open", a.DecisionID, a.Approval.ID)
		}
	}
}

// mustVerify demands that audit verify finds the log clean.
func mustVerify(t testing.TB, dir string) (segments, records int) {
	t.Helper()
	stdout, stderr, code, err := cli(t.Context(), dir, nil, "audit", "verify", "--data", "data", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Clean             bool
		Segments, Records int
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != 0 || !report.Clean {
		t.Errorf("audit verify = exit code %d, %v\n%s%s, want clean", code, err, stdout, stderr)
	}
	return report.Segments, report.Records
}
