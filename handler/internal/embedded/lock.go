package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Lock admits one process to a data directory. The operating system gives it
// back when the process ends, however it ends.
type Lock struct{ file *os.File }

// LockDirectory takes the lock of a data directory, which it makes if it is
// not there, readable by its owner only. The error is [ErrHeld] and names the
// directory while another process, or this one, has it.
func LockDirectory(dir string) (*Lock, error) {
	if err := makeLasting(dir); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("data directory %s: %w", dir, err), file.Close())
	}
	return &Lock{file}, nil
}

// Release gives the directory free. The file stays: whoever waits for it must
// wait for the same one.
func (l *Lock) Release() error { return l.file.Close() }
