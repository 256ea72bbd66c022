package e2e

import (
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// killCycles is how often TestKillLosesNothing kills, if it is set.
const killCycles = "FABRIC_KILL_CYCLES"

// R1: no answered decision is missing from the log, whenever the process dies.
// The kill comes with an answer and not after a time, so that it falls among
// appends that are under way.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	cycles := 3
	if text, ok := os.LookupEnv(killCycles); ok {
		var err error
		if cycles, err = strconv.Atoi(text); err != nil || cycles < 1 {
			t.Fatalf("%s=%q, want a number of cycles", killCycles, text)
		}
	}
	dir := t.TempDir()
	var l load
	for range cycles {
		killUnderLoad(t, dir, &l)
	}
	segments, records := mustVerify(t, dir)
	compareWithLog(t, filepath.Join(dir, "data"), l.answers)
	mustFindApprovals(t, dir, l.answers)
	for _, odd := range l.odd {
		t.Errorf("answered %s", odd)
	}
	if len(l.statuses) > 1 {
		t.Errorf("statuses %v, want 200 alone", l.statuses)
	}
	decided := map[string]int{}
	for _, a := range l.answers {
		decided[a.Decision]++
	}
	for _, want := range []string{"ALLOW", "DENY", "MASK", "REQUIRE_APPROVAL"} {
		if decided[want] == 0 {
			t.Errorf("no %s among the answers %v", want, decided)
		}
	}
	t.Logf("%d kills, %d answers %v, %d calls without one, %d segments, %d records", cycles, len(l.answers), decided, len(l.lost), segments, records)
}

// killUnderLoad starts a server, and kills it as it gives one of its first 250
// answers.
func killUnderLoad(t *testing.T, dir string, l *load) {
	t.Helper()
	s := serve(t, launch{dir: dir, env: unlimited})
	after := len(l.answers) + 50 + rand.N(200)
	var once sync.Once
	var killed error
	l.press(t.Context(), s, 8, func(_, answered int) {
		if answered >= after {
			once.Do(func() { killed = s.kill() })
		}
	})
	if killed != nil {
		t.Fatal(killed)
	}
	if len(l.answers) < after {
		t.Fatalf("%d answers before the server was gone, want %d", len(l.answers), after)
	}
}

// mustFindApprovals demands that the approvals answered are still there.
func mustFindApprovals(t *testing.T, dir string, answers []outcome) {
	t.Helper()
	s := serve(t, launch{dir: dir, env: unlimited})
	for _, a := range answers {
		if a.Approval.ID == "" {
			continue
		}
		if r := s.get(t, "/api/approvals/"+a.Approval.ID); r.status != http.StatusOK {
			t.Errorf("GET approval %s = %d %s, want 200", a.Approval.ID, r.status, r.body)
		}
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}
