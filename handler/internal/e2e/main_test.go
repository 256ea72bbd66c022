// Package e2e tests the program as it ships: the real binary on a free port of
// this machine, driven over HTTP and by its command line.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// root is the module's own folder as the tests see it.
const root = "../../.."

// binary is the program under test. TestMain sets it, once.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fabric-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "handler")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if err := build(context.Background(), binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build builds the program stripped, as it ships; under the race detector with
// the race detector, so that it watches the real wiring too.
func build(ctx context.Context, to string) error {
	args := []string{"build", "-buildvcs=false", "-ldflags=-s -w", "-o", to}
	if raceDetector {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/authorization-fabric/fabric/handler")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return nil
}

// The program is no import of these tests, and go test must not take their last
// result for that of a changed program: it compares what a test has opened.
func TestSourcesAreNoticed(t *testing.T) {
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Error(err)
	}
	for _, tree := range []string{"handler", "policy"} {
		err := filepath.WalkDir(filepath.Join(root, tree), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			f, err := os.Open(path)
			return errors.Join(err, f.Close())
		})
		if err != nil {
			t.Errorf("look at the sources: %v", err)
		}
	}
}
