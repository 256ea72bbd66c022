package e2e

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A stop under load answers every call that the service has begun, and ends
// with exit code 0. A call on a connection that was closed before it was read
// has no answer, and no record.
func TestStopAnswersEveryone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t, launch{dir: dir, env: unlimited})
	var l load
	var once sync.Once
	l.press(t.Context(), s, 16, func(_, answered int) {
		if answered >= 100 {
			once.Do(func() {
				if err := askToStop(s.cmd.Process); err != nil {
					t.Error(err)
				}
			})
		}
	})
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	mustVerify(t, dir)
	compareWithLog(t, filepath.Join(dir, "data"), l.answers)
	for _, odd := range l.odd {
		t.Errorf("answered %s", odd)
	}
	closed := 0
	for _, r := range readLog(t, filepath.Join(dir, "data")) {
		if r.Kind == "decision" && l.lost[r.CorrelationID] > 0 {
			t.Errorf("%s was decided and not answered", r.CorrelationID)
		}
		if r.Kind == "segment.closed" {
			closed++
		}
	}
	if closed != 2 {
		t.Errorf("%d segments are closed, want both", closed)
	}
	t.Logf("%d answers, %d connections closed before a call was read", len(l.answers), len(l.lost))
}

// A connection on which nothing was ever sent, as browsers and clients open
// them ahead of use, does not keep the service from a stop in good order.
func TestStopWithUnusedConnections(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t, launch{dir: dir})
	for range 3 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
	}
	s.mustDecide(t, "ALLOW", order(100)) // after which the others are accepted
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	mustVerify(t, dir)
}

// audit tail follows a log that is being written, and Ctrl-C ends it in good
// order.
func TestTailFollows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t, launch{dir: dir})
	tail := command(t.Context(), dir, nil, "audit", "tail", "--data", "data", "--follow", "--json", "-n", "1")
	out, err := tail.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := tail.Start(); err != nil {
		t.Fatal(err)
	}
	lines := keepLines(out)
	_, next, err := lines.await(t.Context(), 0, func(string) bool { return true }) // it has read what is there
	if err != nil {
		t.Fatal(err)
	}
	decision := s.mustDecide(t, "ALLOW", order(100))
	line, _, err := lines.await(t.Context(), next, func(line string) bool { return strings.Contains(line, decision.DecisionID) })
	if err != nil {
		t.Fatal(err)
	}
	var entry struct {
		Kind, Segment, Hash string
		Seq                 uint64
	}
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		t.Fatal(err)
	}
	if got := (receipt{entry.Segment, entry.Seq, entry.Hash}); entry.Kind != "decision" || got != decision.Receipt {
		t.Errorf("audit tail = %s, want the decision at %+v", line, decision.Receipt)
	}
	if err := tail.Process.Signal(interrupt()); err != nil {
		t.Fatal(err)
	}
	<-lines.done
	if err := tail.Wait(); err != nil && graceful {
		t.Errorf("audit tail after Ctrl-C = %v, want exit code 0", err)
	}
}

// interrupt is what Ctrl-C sends, or the next best.
func interrupt() os.Signal {
	if graceful {
		return syscall.SIGINT
	}
	return os.Kill
}
