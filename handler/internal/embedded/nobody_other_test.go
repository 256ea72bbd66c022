//go:build !linux

package embedded

import (
	"os"
	"runtime"
	"testing"
)

// asNobody calls f as somebody whom modes hold back.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("modes hold nobody back here")
	}
	f()
}
