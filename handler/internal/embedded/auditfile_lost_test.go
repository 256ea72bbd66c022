package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/policy"
)

// lose are the ways in which a file goes under whoever writes it.
func lose() map[string]func(t *testing.T, root, file string) {
	return map[string]func(t *testing.T, root, file string){
		"everything removed": func(t *testing.T, root, _ string) { removeAll(t, root) },
		"the file removed":   func(t *testing.T, _, file string) { remove(t, file) },
		"everything moved":   func(t *testing.T, root, _ string) { rename(t, root, root+".old") },
		"the file replaced": func(t *testing.T, _, file string) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			write(t, file+".copy", string(data))
			rename(t, file+".copy", file)
		},
	}
}

// Bytes that nobody will find by their name are not durable, however well the
// disk keeps them.
func TestAppendToALostFile(t *testing.T) {
	for name, spoil := range lose() {
		t.Run(name, func(t *testing.T) {
			files := openFiles(t, t.TempDir())
			if err := files.Create(t.Context(), "v1/a.jsonl"); err != nil {
				t.Fatal(err)
			}
			if got, err := files.Append(t.Context(), "v1/a.jsonl", 0, []byte("one\n")); got != audit.Durable {
				t.Fatalf("Append = %v, %v, want durable", got, err)
			}
			spoil(t, files.root, filepath.Join(files.root, "v1", "a.jsonl"))
			for range 2 {
				if got, err := files.Append(t.Context(), "v1/a.jsonl", 4, []byte("two\n")); got != audit.Unknown || !errors.Is(err, errLost) {
					t.Errorf("Append to a lost file = %v, %v, want unknown and errLost", got, err)
				}
			}
		})
	}
}

// A lost file holds no place among the open ones for ever.
func TestLostFilesAreClosed(t *testing.T) {
	files := openFiles(t, t.TempDir())
	for i := range 3 * maxOpenFiles {
		name := fmt.Sprintf("v1/%02d.jsonl", i)
		if err := files.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		remove(t, filepath.Join(files.root, name))
		if got, err := files.Append(t.Context(), name, 0, []byte("x")); got != audit.Unknown {
			t.Fatalf("Append = %v, %v, want unknown", got, err)
		}
	}
	if len(files.files) > maxOpenFiles {
		t.Errorf("%d files are open, want at most %d", len(files.files), maxOpenFiles)
	}
}

// A log whose files are removed while it runs answers nothing that is not in
// its new ones, and these name what is missing.
func TestLogOverRemovedFiles(t *testing.T) {
	dir := t.TempDir()
	files := openFiles(t, dir)
	log, err := audit.Open(t.Context(), files, audit.Options{Environment: "dev", Instance: "test", Clock: time.Now, Continue: true, Lanes: 1})
	if err != nil {
		t.Fatal(err)
	}
	record := func(id string) error {
		_, err := log.Append(t.Context(), &audit.Decision{TS: time.Now(), DecisionID: id, AgentID: "a", Action: "x", Decision: policy.Allow, ReasonCode: policy.OK})
		return err
	}
	if err := record("before"); err != nil {
		t.Fatal(err)
	}
	removeAll(t, filepath.Join(dir, "audit"))
	if err := record("lost"); !errors.Is(err, audit.ErrUnavailable) {
		t.Errorf("Append after the files were removed = %v, want ErrUnavailable", err)
	}
	if err := record("after"); err != nil {
		t.Errorf("Append in new files = %v, want nil", err)
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(t.Context(), files, audit.VerifyOptions{})
	if err != nil || len(report.Findings) != 1 || report.Findings[0].Fault != audit.FaultMissing {
		t.Errorf("Verify = %+v, %v, want one finding: the segment that is missing", report.Findings, err)
	}
}

// Without its data directory the log does not go on elsewhere.
func TestLogWithoutItsDataDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	files := openFiles(t, dir)
	removeAll(t, dir)
	if err := files.Create(t.Context(), "v1/a.jsonl"); err == nil {
		t.Error("Create without the data directory = nil, want an error")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat of the data directory = %v, want it gone as before", err)
	}
}

func removeAll(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
