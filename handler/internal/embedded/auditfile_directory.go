package embedded

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// makeLasting makes a directory and what is missing above it, for its owner
// only, so that they are still there after a crash. One that exists is fine.
func makeLasting(path string) error {
	err := makeOneLasting(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeLasting(filepath.Dir(path)); err != nil {
		return err
	}
	return makeOneLasting(path)
}

// makeOneLasting is makeLasting where the directory above is there; else the
// error is fs.ErrNotExist.
func makeOneLasting(path string) error {
	err := os.Mkdir(path, 0o700)
	there := errors.Is(err, fs.ErrExist)
	if there {
		info, err := os.Stat(path)
		if err == nil && !info.IsDir() {
			err = &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
		}
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	err = syncDirectory(filepath.Dir(path))
	if there && errors.Is(err, fs.ErrPermission) {
		return nil // somebody else made it, in a directory that is theirs
	}
	return err
}

// syncDirectory makes the names in a directory durable. Windows knows no such
// call: there a crash of the machine may lose a file that was just made.
func syncDirectory(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
