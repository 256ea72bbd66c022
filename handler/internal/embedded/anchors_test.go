package embedded

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func openAnchors(t *testing.T, dir string) *AnchorFiles {
	t.Helper()
	anchors, err := OpenAnchorFiles(dir)
	if err != nil {
		t.Fatalf("OpenAnchorFiles() = %v, want nil", err)
	}
	return anchors
}

func TestAnchorFiles(t *testing.T) {
	storetest.Anchors(t, func(t *testing.T) audit.Anchors { return openAnchors(t, t.TempDir()) })
}

// What a crash leaves of a Put is no anchor, is in nobody's way and is cleared
// away at the next start. Nobody else can read the files.
func TestAnchorFilesAfterACrash(t *testing.T) {
	dir := t.TempDir()
	anchors := openAnchors(t, dir)
	const name = "v1/env=dev/a.jsonl/000000000000.jws"
	draft := filepath.Join(dir, "anchors", anchorDraft+"123")
	if err := os.WriteFile(draft, []byte("hal"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := anchors.Put(t.Context(), name, []byte("whole")); err != nil {
		t.Fatalf("Put() = %v, want nil", err)
	}
	if objects, err := anchors.List(t.Context(), "v1/"); err != nil || len(objects) != 1 || objects[0].Size != 5 {
		t.Errorf("List() = %v, %v, want the whole one", objects, err)
	}
	openAnchors(t, dir)
	if _, err := os.Stat(draft); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat(%s) after the next start = %v, want fs.ErrNotExist", draft, err)
	}
	for path, want := range map[string]fs.FileMode{"anchors": 0o700, "anchors/" + name: 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("Stat(%s) = %v, %v, want mode %v", path, info, err, want)
		}
	}
}

// Without the data directory nothing is put: the lock went with it.
func TestAnchorFilesWithoutTheirDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	anchors := openAnchors(t, dir)
	if err := os.RemoveAll(filepath.Join(dir, "anchors")); err != nil {
		t.Fatal(err)
	}
	if err := anchors.Put(t.Context(), "v1/a.jws", []byte("x")); err != nil {
		t.Errorf("Put() after the folder went = %v, want nil", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := anchors.Put(t.Context(), "v1/b.jws", []byte("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Put() without the data directory = %v, want fs.ErrNotExist", err)
	}
}

func TestOpenLogReaders(t *testing.T) {
	for name, test := range map[string]struct {
		make []string
		want error
	}{
		"both":        {[]string{"audit", "anchors"}, nil},
		"no anchors":  {[]string{"audit"}, nil},
		"no log":      {[]string{"anchors"}, nil},
		"not a thing": {nil, fs.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, folder := range test.make {
				if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			log, anchors, err := OpenLogReaders(dir)
			if !errors.Is(err, test.want) {
				t.Fatalf("OpenLogReaders() = %v, want %v", err, test.want)
			}
			for _, r := range []AuditReader{log, anchors} {
				if test.want != nil {
					break
				}
				if objects, err := r.List(t.Context(), "v1/"); err != nil || len(objects) != 0 {
					t.Errorf("List() = %v, %v, want nothing", objects, err)
				}
			}
		})
	}
}
