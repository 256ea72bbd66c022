package embedded

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

var (
	kills     = flag.Int("kills", 3, "processes to kill while they write the audit log")
	killChild = flag.String("kill-child", "", "be the process that is killed, in this directory")
)

// R1, below HTTP: processes that are killed while they write lose no record
// that was answered, and leave a log that verifies.
func TestKilled(t *testing.T) {
	if *killChild != "" {
		t.Skip("this is the child")
	}
	dir := t.TempDir()
	var answers []string
	for i := range *kills {
		answers = append(answers, runAndKill(t, dir, fmt.Sprint(i), 100+rand.IntN(200))...)
	}
	reader, err := OpenAuditReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(t.Context(), reader, audit.VerifyOptions{})
	if err != nil || !report.Clean {
		t.Errorf("Verify() = %+v, %v, want clean", report.Findings, err)
	}
	t.Logf("%d answers, %d records in %d segments, %d uncertain ends", len(answers), report.Records, report.Segments, len(report.Uncertain))
	lines := map[string][]string{}
	for _, answer := range answers {
		var id, segment, hash string
		var seq int
		if _, err := fmt.Sscan(answer, &id, &segment, &seq, &hash); err != nil {
			continue // cut by the kill
		}
		if lines[segment] == nil {
			lines[segment] = strings.SplitAfter(read(t, reader, segment), "\n")
		}
		if seq >= len(lines[segment]) || !strings.Contains(lines[segment][seq], `"`+id+`"`) || hashOf(lines[segment][seq]) != hash {
			t.Errorf("%s was answered and is not at %d of %s", id, seq, segment)
		}
	}
}

func hashOf(line string) string {
	sum := sha256.Sum256([]byte(line))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// runAndKill starts a child, lets it answer n times, kills it and returns all
// that it answered.
func runAndKill(t *testing.T, dir, name string, n int) (answers []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self, "-test.run=^TestKillChild$", "-kill-child="+dir, "-test.parallel=1", "-test.count=1", "-kills=0", name)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		if line, ok := strings.CutPrefix(scanner.Text(), "answered "); ok {
			answers = append(answers, line)
		}
		if len(answers) == n {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // killed
	if len(answers) < n {
		t.Fatalf("the child answered %d times and ended, want %d", len(answers), n)
	}
	return answers
}

// TestKillChild is the process that is killed.
func TestKillChild(t *testing.T) {
	if *killChild == "" {
		t.Skip("runs as a child of TestKilled")
	}
	lock, err := LockDirectory(*killChild)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Release() }()
	files := openFiles(t, *killChild)
	log, err := audit.Open(t.Context(), files, audit.Options{
		Environment: "dev", Instance: "child", Clock: time.Now, Continue: true, SegmentBlocks: 50,
	})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	for w := range 8 {
		all.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", flag.Arg(0), w, i)
				receipt, err := log.Append(context.Background(), &audit.Decision{TS: time.Now(), DecisionID: id})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				fmt.Printf("answered %s %s %d %s\n", id, receipt.Segment, receipt.Seq, receipt.Hash)
				mu.Unlock()
			}
		})
	}
	all.Wait()
}
