package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// full lets a process write to files that end before so many bytes only, as a
// full disk would. The soft limit can be raised again.
func full(t *testing.T, s *server, bytes uint64) {
	t.Helper()
	limit := unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}

// R5, T46: a full disk. No call is allowed and none is answered but with 503;
// the process lives, says that it is not ready, and recovers by itself.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t, launch{dir: dir, env: unlimited})
	noRole := token(t, dir, "--user", "ana@contoso.com", "--roles", "Fabric.Auditor")
	announced := readDocument(t, s)
	answers := decideEachOnce(t, s)
	for round := range 2 {
		full(t, s, 0)
		mustDenyAll(t, s, noRole)
		awaitReady(t, s, http.StatusServiceUnavailable, func() { mustDenyAll(t, s, noRole) })
		r := s.get(t, "/api/health/ready")
		if !strings.Contains(string(r.body), `"component":"audit"`) {
			t.Errorf("GET ready = %s, want it to name the audit log", r.body)
		}
		announced.check(t, http.MethodGet, "/api/health/ready", r)
		announced.check(t, http.MethodPost, "/api/authorize", s.authorize(t, order(100)))
		full(t, s, unix.RLIM_INFINITY)
		start := time.Now()
		awaitReady(t, s, http.StatusOK, func() {})
		t.Logf("round %d: ready again after %s", round, time.Since(start).Round(time.Millisecond))
		answers = append(answers, decideEachOnce(t, s)...)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	mustVerify(t, dir)
	compareWithLog(t, filepath.Join(dir, "data"), answers)
	decisions := 0
	for _, r := range readLog(t, filepath.Join(dir, "data")) {
		if r.Kind == "decision" {
			decisions++
		}
	}
	if decisions < len(answers) {
		t.Errorf("%d decisions in the log, want the %d answered", decisions, len(answers))
	}
}

// A disk that fills up in the middle of an append, again and again: what is
// answered is a decision or 503, and the chain holds.
func TestDiskFillsInTheMiddle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t, launch{dir: dir, env: unlimited})
	answers := decideEachOnce(t, s)
	statuses := map[int]int{}
	for i := range 60 {
		full(t, s, largestSegment(t, dir)+uint64(100*(i%20)))
		r := s.authorize(t, shell("uptime"))
		statuses[r.status]++
		o, err := r.outcome()
		switch {
		case r.status == http.StatusOK && err == nil:
			answers = append(answers, o)
		case r.status != http.StatusServiceUnavailable || r.denies() != "":
			t.Errorf("POST /api/authorize = %d %s, want a decision or 503 that denies", r.status, r.body)
		}
		full(t, s, unix.RLIM_INFINITY)
		awaitReady(t, s, http.StatusOK, func() {})
	}
	if statuses[http.StatusOK] == 0 || statuses[http.StatusServiceUnavailable] == 0 {
		t.Errorf("statuses %v, want both", statuses)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	mustVerify(t, dir)
	compareWithLog(t, filepath.Join(dir, "data"), answers)
	t.Logf("%v", statuses)
}

// largestSegment is the length of the longest file of the log.
func largestSegment(t *testing.T, dir string) uint64 {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "data", "audit", "v1", "*", "dt=*", "*", "*.jsonl"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no segments in %s: %v", dir, err)
	}
	var largest int64
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, info.Size())
	}
	return uint64(largest)
}

// A stop on a full disk ends in good order all the same, a start says what could
// not be written and ends, and nothing of what was answered is lost.
func TestStopAndStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustNotStart(t, dir)
	s := serve(t, launch{dir: dir, env: unlimited})
	answers := decideEachOnce(t, s)
	full(t, s, 0)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	mustVerify(t, dir)
	mustNotStart(t, dir)
	s = serve(t, launch{dir: dir, env: unlimited})
	answers = append(answers, decideEachOnce(t, s)...)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	mustVerify(t, dir)
	compareWithLog(t, filepath.Join(dir, "data"), answers)
}

func mustNotStart(t *testing.T, dir string) {
	t.Helper()
	cmd := command(t.Context(), dir, nil)
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `ulimit -f 0; exec "$0" serve --addr 127.0.0.1:0 --data data`, binary}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("serve on a full disk = %v, want exit code 1", err)
	}
	if stdout.Len() > 0 || !strings.Contains(stderr.String(), filepath.Join(dir, "data")) || !strings.Contains(stderr.String(), "file too large") {
		t.Errorf("serve on a full disk says %q and %q, want the file and the cause, on the error stream", stdout.String(), stderr.String())
	}
}

// decideEachOnce makes a decision of each outcome.
func decideEachOnce(t *testing.T, s *server) []outcome {
	t.Helper()
	return []outcome{
		s.mustDecide(t, "ALLOW", order(100)),
		s.mustDecide(t, "REQUIRE_APPROVAL", order(50_000+time.Now().UnixNano()%40_000)),
		s.mustDecide(t, "MASK", vendor("V-7")),
		s.mustDecide(t, "DENY", shell("rm -rf /srv")),
	}
}

// mustDenyAll demands that every call of every outcome, and a refusal, which
// is recorded too, is answered with 503 and a body that denies, while the
// process says that it is alive.
func mustDenyAll(t *testing.T, s *server, noRole string) {
	t.Helper()
	for _, c := range []struct{ body, header string }{
		{order(100), "X-Test: allow"},
		{order(60_000), "X-Test: approval"},
		{vendor("V-7"), "X-Test: mask"},
		{shell("rm -rf /srv"), "X-Test: deny"},
		{order(100), "Authorization: Bearer " + noRole},
	} {
		r := s.authorize(t, c.body, c.header)
		if lacks := r.denies(); r.status != http.StatusServiceUnavailable || lacks != "" {
			t.Errorf("POST /api/authorize of %s on a full disk = %d %s (%s), want 503 that denies", c.body, r.status, r.body, lacks)
		}
	}
	if r := s.get(t, "/api/health/live"); r.status != http.StatusOK {
		t.Errorf("GET live on a full disk = %d, want 200", r.status)
	}
}

// awaitReady asks whether the server is ready until the answer has that
// status; between it does what may bring that about.
func awaitReady(t *testing.T, s *server, status int, meanwhile func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for s.get(t, "/api/health/ready").status != status {
		meanwhile()
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("GET ready is never %d", status)
		}
	}
}
