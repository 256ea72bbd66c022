package embedded

import (
	"errors"
	"os"
	"syscall"
)

// syncData makes the bytes of a file and its length durable.
func syncData(file *os.File) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	err2 := conn.Control(func(fd uintptr) {
		for err = syscall.EINTR; err == syscall.EINTR; { //nolint:errorlint // the system call returns it bare
			err = syscall.Fdatasync(int(fd))
		}
	})
	if err := errors.Join(err, err2); err != nil {
		return &os.PathError{Op: "fdatasync", Path: file.Name(), Err: err}
	}
	return nil
}
