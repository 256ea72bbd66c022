package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// errLost means that a file is open, but no longer what its name leads to. What
// is written to it nobody finds again, however durable it is.
var errLost = errors.New("the file was removed, moved or replaced")

// namedFile is an open file that vouches for its name.
type namedFile struct {
	*os.File
	opened fs.FileInfo
}

// openNamed opens a file, or makes it for its owner only if the flags say so.
func openNamed(path string, flags int) (namedFile, error) {
	file, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return namedFile{}, err
	}
	opened, err := file.Stat()
	if err != nil {
		return namedFile{}, errors.Join(err, file.Close())
	}
	return namedFile{file, opened}, nil
}

// Sync makes the bytes of the file and its length durable, and is errLost where
// the name does not lead to them. A file that is removed, or moved with the
// directories above it, takes writes and syncs as ever.
func (f namedFile) Sync() error {
	if err := syncData(f.File); err != nil {
		return err
	}
	return f.present()
}

// present is errLost unless the name still leads to the file.
func (f namedFile) present() error {
	named, err := os.Stat(f.Name())
	switch {
	case err == nil && os.SameFile(named, f.opened):
		return nil
	case err == nil || errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", f.Name(), errLost)
	}
	return err
}
