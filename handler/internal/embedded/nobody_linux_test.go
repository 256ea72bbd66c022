package embedded

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// asNobody calls f as somebody whom modes hold back: for root, on a thread of
// its own that is nobody to the file system.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		f()
		return
	}
	const nobody = 65534
	private := filepath.Join(t.TempDir(), "private")
	write(t, private, "")
	unable := make(chan bool)
	go func() {
		defer close(unable)
		runtime.LockOSThread() // and never unlocked: the thread ends with us
		if err := syscall.Setfsuid(nobody); err != nil {
			unable <- true
			return
		}
		if file, err := os.Open(private); err == nil { // as in a container that may not change users
			_ = file.Close()
			unable <- true
			return
		}
		f()
	}()
	if <-unable {
		t.Skip("root may not become nobody here, and may do everything")
	}
}
