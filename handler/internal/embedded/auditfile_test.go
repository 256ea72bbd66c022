package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func TestAuditFiles(t *testing.T) {
	storetest.Sink(t, func(t *testing.T) audit.Sink { return openFiles(t, t.TempDir()) })
}

func openFiles(t *testing.T, dir string) *AuditFiles {
	t.Helper()
	files, err := OpenAuditFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := files.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	return files
}

// memoryDisk is a file of which only what was synced survives a power cut, and
// whose next calls can fail.
type memoryDisk struct {
	cache    []byte
	dirty    bool // the cache differs from the platter, and the kernel knows
	platter  []byte
	shortAt  int     // the next write stops after so many bytes; -1 means never
	failures []error // of the next calls that cut or sync; nil works
}

func (d *memoryDisk) WriteAt(data []byte, offset int64) (int, error) {
	n, err := len(data), error(nil)
	if d.shortAt >= 0 {
		n, err, d.shortAt = d.shortAt, syscall.ENOSPC, -1
	}
	for int64(len(d.cache)) < offset+int64(n) {
		d.cache = append(d.cache, 0)
	}
	copy(d.cache[offset:], data[:n])
	d.dirty = true
	return n, err
}

func (d *memoryDisk) next() (err error) {
	if len(d.failures) > 0 {
		err, d.failures = d.failures[0], d.failures[1:]
	}
	return err
}

func (d *memoryDisk) Truncate(size int64) error {
	if err := d.next(); err != nil {
		return err
	}
	d.cache, d.dirty = d.cache[:size:size], true
	return nil
}

// Sync forgets what is dirty even when it fails, as kernels do.
func (d *memoryDisk) Sync() error {
	dirty := d.dirty
	d.dirty = false
	if err := d.next(); err != nil {
		return err
	}
	if dirty {
		d.platter = append([]byte(nil), d.cache...)
	}
	return nil
}

func (d *memoryDisk) Close() error { return nil }

// Every way in which a disk fails is told as what it is, and never as durable;
// the same bytes can then be sent again.
func TestBrokenDisk(t *testing.T) {
	broken := syscall.EIO
	for name, test := range map[string]struct {
		short    int
		failures []error
		want     audit.Outcome
	}{
		"full, nothing written":         {0, nil, audit.Absent},
		"full, half written":            {5, nil, audit.Absent},
		"full, and cannot be cut":       {5, []error{broken}, audit.Unknown},
		"full, and the cut not synced":  {5, []error{nil, broken}, audit.Unknown},
		"not synced":                    {-1, []error{broken}, audit.Unknown},
		"not synced, nor cut next time": {-1, []error{broken, broken}, audit.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			const first, second = "first line\n", "second line\n"
			disk := &memoryDisk{shortAt: -1}
			f := newAppendFile(disk, 0)
			files := openFiles(t, t.TempDir())
			if _, err := files.keep("segment", f); err != nil {
				t.Fatal(err)
			}
			if got, err := f.append([]byte(first)); got != audit.Durable || err != nil {
				t.Fatalf("append = %v, %v, want durable", got, err)
			}
			disk.shortAt, disk.failures = test.short, test.failures
			if got, err := f.append([]byte(second)); got != test.want || err == nil {
				t.Errorf("append on a broken disk = %v, %v, want %v", got, err, test.want)
			}
			if got := f.durable.Load(); got != int64(len(first)) {
				t.Errorf("after it %d bytes are durable, want %d", got, len(first))
			}
			if len(test.failures) > 1 && test.failures[0] != nil {
				if got, err := f.append([]byte(second)); got != audit.Unknown || err == nil {
					t.Errorf("append that cannot cut = %v, %v, want unknown", got, err)
				}
			}
			if got, err := f.append([]byte(second)); got != audit.Durable || err != nil {
				t.Errorf("append again = %v, %v, want durable", got, err)
			}
			if got := string(disk.platter); got != first+second {
				t.Errorf("after a power cut the file holds %q, want %q", got, first+second)
			}
		})
	}
}

// An append is settled by reading it back: what a read returns must be synced.
func TestReadsAreDurable(t *testing.T) {
	files := openFiles(t, t.TempDir())
	ctx := t.Context()
	if err := files.Create(ctx, "segment"); err != nil {
		t.Fatal(err)
	}
	if got, err := files.Append(ctx, "segment", 0, []byte("one\n")); got != audit.Durable {
		t.Fatal(got, err)
	}
	file := files.files["segment"]
	if _, err := file.file.WriteAt([]byte("two\n"), 4); err != nil { // as an append whose sync hangs
		t.Fatal(err)
	}
	if got := read(t, files, "segment"); got != "one\n" {
		t.Errorf("ReadRange = %q, want what is synced only", got)
	}
	reader, err := OpenAuditReader(filepath.Dir(files.root))
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, reader, "segment"); got != "one\ntwo\n" {
		t.Errorf("AuditReader.ReadRange = %q, want all there is", got)
	}
}

func read(t *testing.T, r audit.Reader, name string) string {
	t.Helper()
	body, err := r.ReadRange(t.Context(), name, 0)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// An append that hangs holds up the next one on its file until that one's
// context ends, and then has still not been joined by other bytes.
func TestAppendBehindOneThatHangs(t *testing.T) {
	files := openFiles(t, t.TempDir())
	if err := files.Create(t.Context(), "segment"); err != nil {
		t.Fatal(err)
	}
	turn := files.files["segment"].turn
	turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		got, err := files.Append(ctx, "segment", 0, []byte("x"))
		if got != audit.Absent {
			err = fmt.Errorf("%v: %w", got, err)
		}
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Append = %v, want absent and context.Canceled", err)
	}
	<-turn
	if got := read(t, files, "segment"); got != "" {
		t.Errorf("ReadRange = %q, want nothing", got)
	}
}

// Many segments later the first one can still be read and appended to.
func TestManyFiles(t *testing.T) {
	files := openFiles(t, t.TempDir())
	const n = 3 * maxOpenFiles
	for round := range 2 {
		for i := range n {
			name := fmt.Sprintf("v1/%02d.jsonl", i)
			if round == 0 {
				if err := files.Create(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := files.Append(t.Context(), name, int64(round), []byte("x")); got != audit.Durable {
				t.Fatalf("Append(%s) = %v, %v, want durable", name, got, err)
			}
		}
	}
	if len(files.files) > maxOpenFiles {
		t.Errorf("%d files are open, want at most %d", len(files.files), maxOpenFiles)
	}
	if got := read(t, files, "v1/00.jsonl"); got != "xx" {
		t.Errorf("ReadRange = %q, want xx", got)
	}
}

// Whoever verifies a directory that holds no log is told so.
func TestOpenAuditReaderOfNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenAuditReader(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenAuditReader() of an empty directory = %v, want fs.ErrNotExist", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "audit"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAuditReader(dir); err == nil {
		t.Error("OpenAuditReader() of a file = nil, want an error")
	}
	if _, err := OpenAuditFiles(dir); err == nil {
		t.Error("OpenAuditFiles() over a file = nil, want an error")
	}
}

// The log holds personal data: nobody but its owner reads it.
func TestAuditFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("access is not in mode bits there")
	}
	dir := t.TempDir()
	files := openFiles(t, dir)
	if err := files.Create(t.Context(), "v1/a.jsonl"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{"audit": 0o700, "audit/v1": 0o700, "audit/v1/a.jsonl": 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("Stat(%s) = %v, %v, want mode %v", path, info.Mode(), err, want)
		}
	}
}
