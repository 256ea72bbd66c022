package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// AuditReader is an [audit.Reader] of the same files, for whoever only reads:
// it needs no lock, also while a process writes.
type AuditReader struct{ root string }

var _ audit.Reader = AuditReader{}

// OpenAuditReader finds the log's files in a data directory. A directory that
// holds none is an error: nothing would be verified as clean.
func OpenAuditReader(dir string) (AuditReader, error) {
	r := AuditReader{root: filepath.Join(dir, "audit")}
	info, err := os.Stat(r.root)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a directory", r.root)
	}
	if err != nil {
		return AuditReader{}, fmt.Errorf("no audit log in %s: %w", dir, err)
	}
	return r, nil
}

// ReadRange implements [audit.Reader].
func (r AuditReader) ReadRange(ctx context.Context, name string, from int64) (io.ReadCloser, error) {
	return r.readRange(ctx, name, from, func(file *os.File) (int64, error) {
		info, err := file.Stat()
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	})
}

// readRange reads a file up to the length that the function finds.
func (r AuditReader) readRange(ctx context.Context, name string, from int64, length func(*os.File) (int64, error)) (io.ReadCloser, error) {
	path, err := r.path(ctx, name)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	end, err := length(file)
	if err == nil && (from < 0 || from > end) {
		err = fmt.Errorf("read %s from %d, which ends at %d: %w", name, from, end, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return section{io.NewSectionReader(file, from, end-from), file}, nil
}

type section struct {
	io.Reader
	io.Closer
}

// List implements [audit.Reader].
func (r AuditReader) List(ctx context.Context, prefix string) ([]audit.Object, error) {
	var objects []audit.Object
	below := filepath.Join(r.root, filepath.FromSlash(prefix[:strings.LastIndexByte(prefix, '/')+1]))
	err := filepath.WalkDir(below, func(path string, entry fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil || !entry.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(r.root, path)
		if err != nil {
			return err
		}
		if name = filepath.ToSlash(name); !strings.HasPrefix(name, prefix) {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		objects = append(objects, audit.Object{Name: name, Size: info.Size()})
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = ctx.Err()
	}
	slices.SortFunc(objects, func(a, b audit.Object) int { return cmp.Compare(a.Name, b.Name) })
	return objects, err
}

// path is where an object lies. Names that would leave the directory, or that
// file systems read in their own way, are refused.
func (r AuditReader) path(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("=._-/", c)
	}
	if !fs.ValidPath(name) || name == "." || strings.ContainsFunc(name, func(c rune) bool { return !plain(c) }) {
		return "", fmt.Errorf("%q is no name of an object: %w", name, fs.ErrInvalid)
	}
	return filepath.Join(r.root, filepath.FromSlash(name)), nil
}
