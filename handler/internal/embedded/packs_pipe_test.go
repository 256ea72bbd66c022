//go:build unix

package embedded

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe would keep the reader for ever.
func TestReadDocumentsOfAPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.json"), 0o600); err != nil {
		t.Skip("no pipe: ", err)
	}
	if _, err := ReadDocuments(os.DirFS(dir)); err == nil || !strings.Contains(err.Error(), "pipe.json") {
		t.Errorf("ReadDocuments of a pipe = %v, want an error that names it", err)
	}
}
