package embedded

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

func openDataDir(t *testing.T, path string) *DataDir {
	t.Helper()
	d, err := OpenDataDir(path)
	if err != nil {
		t.Fatalf("OpenDataDir = %v", err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDataDirIsMadeForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "some", "where", ".fabric")
	d := openDataDir(t, path)
	if d.Key().Current == nil || d.Key().Previous != nil || d.Path() != path {
		t.Errorf("a new data directory has key %+v at %s", d.Key(), d.Path())
	}
	if info, err := os.Stat(d.Mail()); err != nil || !info.IsDir() || filepath.Dir(d.Mail()) != path {
		t.Errorf("Mail() = %s, want a folder of %s", d.Mail(), path)
	}
	if got := d.SessionKey(); len(got) != 32 || bytes.Equal(got, make([]byte, 32)) {
		t.Errorf("SessionKey() has %d bytes, want 32 random ones", len(got))
	}
	err := filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s: open to others", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDataDirKeepsWhatItHas(t *testing.T) {
	path := t.TempDir()
	first := openDataDir(t, path)
	id, session := first.Key().Current.ID(), first.SessionKey()
	clear(first.SessionKey())
	if _, err := first.Approvals().Put(t.Context(), approval.Record{Tenant: "t", Slot: "s"}, ""); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatalf("Close = %v", err)
	}
	second := openDataDir(t, path)
	if got := second.Key().Current.ID(); got != id {
		t.Errorf("key after reopening = %s, want %s", got, id)
	}
	if got := second.SessionKey(); !bytes.Equal(got, session) {
		t.Errorf("SessionKey() after reopening = %x, want %x", got, session)
	}
	if other := openDataDir(t, t.TempDir()); bytes.Equal(other.SessionKey(), session) {
		t.Errorf("SessionKey() of another directory = %x: the same", session)
	}
	if _, err := second.Approvals().Get(t.Context(), "t", "s"); err != nil {
		t.Errorf("Get after reopening = %v", err)
	}
}

// Whatever stops the start says where and what, and leaves nothing held.
func TestDataDirErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, path string)
		mend  func(t *testing.T, path string)
		want  []string // parts of the message
		is    error
	}{
		"a second process": {
			spoil: func(t *testing.T, path string) { openDataDir(t, path) },
			want:  []string{"in use by another process"},
			is:    ErrHeld,
		},
		"a file": {
			spoil: func(t *testing.T, path string) { write(t, path, "") },
			want:  []string{"not a directory"},
		},
		"below a file": {
			spoil: func(t *testing.T, path string) { write(t, filepath.Dir(path), "") },
			want:  []string{"not a directory"},
		},
		"a key open to others": {
			spoil: func(t *testing.T, path string) { chmod(t, filepath.Join(path, environmentKeyFile), 0o644) },
			mend:  func(t *testing.T, path string) { chmod(t, filepath.Join(path, environmentKeyFile), 0o600) },
			want:  []string{environmentKeyFile, "0600"},
		},
		"a damaged key": {
			spoil: func(t *testing.T, path string) { write(t, filepath.Join(path, environmentKeyFile), "{}") },
			want:  []string{environmentKeyFile, "schema"},
		},
		"a key that is a directory": {
			spoil: func(t *testing.T, path string) {
				remove(t, filepath.Join(path, environmentKeyFile))
				makeDirectory(t, filepath.Join(path, environmentKeyFile))
			},
			want: []string{environmentKeyFile, "directory"},
		},
		"a session key open to others": {
			spoil: func(t *testing.T, path string) { chmod(t, filepath.Join(path, sessionKeyFile), 0o640) },
			mend:  func(t *testing.T, path string) { chmod(t, filepath.Join(path, sessionKeyFile), 0o600) },
			want:  []string{sessionKeyFile, "0600"},
		},
		"a short session key": {
			spoil: func(t *testing.T, path string) { write(t, filepath.Join(path, sessionKeyFile), "c2hvcnQ=\n") },
			mend:  func(t *testing.T, path string) { remove(t, filepath.Join(path, sessionKeyFile)) },
			want:  []string{sessionKeyFile, "damaged"},
		},
		"mail is a file": {
			spoil: func(t *testing.T, path string) {
				remove(t, filepath.Join(path, "mail"))
				write(t, filepath.Join(path, "mail"), "")
			},
			want: []string{"mail"},
		},
		"damaged approvals": {
			spoil: func(t *testing.T, path string) { write(t, filepath.Join(path, "approvals.db"), "no database") },
			want:  []string{"approvals.db"},
		},
		"audit is a file": {
			spoil: func(t *testing.T, path string) {
				if err := os.RemoveAll(filepath.Join(path, "audit")); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(path, "audit"), "")
			},
			want: []string{"audit"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "parent", "data")
			if name == "a file" || name == "below a file" {
				makeDirectory(t, filepath.Dir(filepath.Dir(path)))
				if name == "a file" {
					makeDirectory(t, filepath.Dir(path))
				}
			} else if name != "a second process" {
				if err := openDataDir(t, path).Close(); err != nil {
					t.Fatal(err)
				}
			}
			tc.spoil(t, path)
			d, err := OpenDataDir(path)
			if err == nil {
				_ = d.Close()
				t.Fatal("OpenDataDir = nil, want an error")
			}
			for _, part := range append(tc.want, path) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("OpenDataDir = %q, want %q in it", err, part)
				}
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("OpenDataDir = %v, want %v", err, tc.is)
			}
			if tc.mend != nil {
				tc.mend(t, path)
				openDataDir(t, path) // nothing stayed locked
			}
		})
	}
}

func TestDataDirWithoutPermission(t *testing.T) {
	parent := t.TempDir()
	chmod(t, parent, 0o500)
	t.Cleanup(func() { chmod(t, parent, 0o700) })
	path := filepath.Join(parent, "data")
	asNobody(t, func() {
		d, err := OpenDataDir(path)
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), path) {
			t.Errorf("OpenDataDir = %v, want a permission error that names %s", err, path)
		}
		if err == nil {
			_ = d.Close()
		}
	})
}

func TestManyFirstStartsMakeOneKey(t *testing.T) {
	dir := t.TempDir()
	ids := make(chan string, 16)
	for range cap(ids) {
		go func() {
			key, err := readOrMakeEnvironmentKey(dir)
			if err != nil {
				t.Errorf("readOrMakeEnvironmentKey = %v", err)
				ids <- ""
				return
			}
			ids <- key.Current.ID()
		}()
	}
	first := <-ids
	for range cap(ids) - 1 {
		if id := <-ids; id != first {
			t.Errorf("keys %s and %s in one directory", first, id)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func makeDirectory(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}
