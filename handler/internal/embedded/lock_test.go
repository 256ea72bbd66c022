package embedded

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// A data directory admits one process, and says which directory it was.
func TestLockDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "data")
	lock, err := LockDirectory(dir)
	if err != nil {
		t.Fatalf("LockDirectory() = %v, want nil", err)
	}
	if _, err := LockDirectory(dir); !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), dir) {
		t.Errorf("LockDirectory() of a held one = %v, want ErrHeld naming %s", err, dir)
	}
	if err := lock.Release(); err != nil {
		t.Errorf("Release() = %v, want nil", err)
	}
	again, err := LockDirectory(dir)
	if err != nil {
		t.Fatalf("LockDirectory() of a released one = %v, want nil", err)
	}
	if err := again.Release(); err != nil {
		t.Errorf("Release() = %v, want nil", err)
	}
}
