package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// maxOpenFiles is how many files stay open for appending: the segments that
// are written now, and some that were.
const maxOpenFiles = 16

// AuditFiles is an [audit.Sink] of local files, one an object, below
// DIR/audit. An append is written at its position and synced before it counts.
// It is safe for concurrent use, and demands that no other process appends:
// see [Lock].
type AuditFiles struct {
	AuditReader

	making  sync.Mutex      // held while directories are made
	lasting map[string]bool // guarded by making

	mu       sync.Mutex
	files    map[string]*appendFile // guarded by mu
	accesses uint64                 // guarded by mu
	closed   bool                   // guarded by mu
}

var _ audit.Sink = (*AuditFiles)(nil)

// disk is what an append does to a file.
type disk interface {
	WriteAt(data []byte, offset int64) (int, error)
	Truncate(size int64) error
	Sync() error // makes bytes and length durable, or is errLost
	Close() error
}

// appendFile is one open file. Whoever holds turn may use file and suspect.
type appendFile struct {
	turn    chan struct{} // of one
	file    disk
	durable atomic.Int64 // length that is synced
	suspect bool         // what lies behind durable is not known
	access  uint64       // guarded by AuditFiles.mu
}

// OpenAuditFiles opens the log's files in a data directory, whose lock the
// caller holds, and makes DIR/audit if it is not there.
func OpenAuditFiles(dir string) (*AuditFiles, error) {
	a := &AuditFiles{
		AuditReader: AuditReader{root: filepath.Join(dir, "audit")},
		lasting:     map[string]bool{},
		files:       map[string]*appendFile{},
	}
	if err := errors.Join(makeLasting(dir), a.makeDirectories(a.root)); err != nil {
		return nil, fmt.Errorf("open the audit log in %s: %w", dir, err)
	}
	return a, nil
}

// Create implements [audit.Sink].
func (a *AuditFiles) Create(ctx context.Context, name string) error {
	path, err := a.path(ctx, name)
	if err != nil {
		return err
	}
	file, err := a.makeFile(path)
	if errors.Is(err, fs.ErrNotExist) { // somebody removed the directories
		a.forgetDirectories()
		file, err = a.makeFile(path)
	}
	if err != nil {
		return err
	}
	_, err = a.keep(name, newAppendFile(file, 0))
	return err
}

// makeFile makes a file that survives a crash, in directories that do.
func (a *AuditFiles) makeFile(path string) (namedFile, error) {
	if err := a.makeDirectories(filepath.Dir(path)); err != nil {
		return namedFile{}, err
	}
	file, err := openNamed(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return namedFile{}, err
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		return namedFile{}, errors.Join(err, file.Close())
	}
	return file, nil
}

// Append implements [audit.Sink]. A write that failed is cut off again, so
// that a full disk is Absent; where that fails too, or the sync does, the
// outcome is Unknown and the next append at this position writes anew.
func (a *AuditFiles) Append(ctx context.Context, name string, position int64, data []byte) (audit.Outcome, error) {
	f, err := a.appendFile(ctx, name)
	if err != nil {
		return audit.Absent, err
	}
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return audit.Absent, fmt.Errorf("another append to %s is under way: %w", name, ctx.Err())
	}
	if err := ctx.Err(); err != nil {
		return audit.Absent, err
	}
	if end := f.durable.Load(); position != end {
		return audit.Unknown, fmt.Errorf("append to %s at %d, which ends at %d: %w", name, position, end, audit.ErrPosition)
	}
	return f.append(data)
}

func newAppendFile(file disk, durable int64) *appendFile {
	f := &appendFile{turn: make(chan struct{}, 1), file: file}
	f.durable.Store(durable)
	return f
}

// append writes data behind what is durable. After a sync that failed the
// kernel may take the pages for clean, so that syncing again proves nothing:
// the bytes are cut off and written again.
func (f *appendFile) append(data []byte) (audit.Outcome, error) {
	end := f.durable.Load()
	if f.suspect {
		if err := f.file.Truncate(end); err != nil {
			return audit.Unknown, err
		}
	}
	if _, err := f.file.WriteAt(data, end); err != nil {
		f.suspect = true
		if undo := f.cut(); undo != nil {
			return audit.Unknown, errors.Join(err, undo)
		}
		return audit.Absent, err
	}
	if err := f.file.Sync(); err != nil {
		f.suspect = true
		return audit.Unknown, err
	}
	f.suspect = false
	f.durable.Store(end + int64(len(data)))
	return audit.Durable, nil
}

// cut takes off what lies behind durable, which nobody was told is there.
func (f *appendFile) cut() error {
	if err := f.file.Truncate(f.durable.Load()); err != nil {
		return err
	}
	if err := f.file.Sync(); err != nil {
		return err
	}
	f.suspect = false
	return nil
}

// ReadRange implements [audit.Sink]: durable bytes only.
func (a *AuditFiles) ReadRange(ctx context.Context, name string, from int64) (io.ReadCloser, error) {
	f, err := a.opened(name)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return a.readRange(ctx, name, from, syncedLength)
	}
	return a.readRange(ctx, name, from, func(*os.File) (int64, error) { return f.durable.Load(), nil })
}

// syncedLength syncs what an earlier process left in a file, which may have
// died before it could. What is written meanwhile does not count.
func syncedLength(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), syncData(file)
}

// appendFile is the open file of that name.
func (a *AuditFiles) appendFile(ctx context.Context, name string) (*appendFile, error) {
	path, err := a.path(ctx, name)
	if err != nil {
		return nil, err
	}
	if f, err := a.opened(name); f != nil || err != nil {
		return f, err
	}
	file, err := openNamed(path, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	length, err := syncedLength(file.File)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return a.keep(name, newAppendFile(file, length))
}

func (a *AuditFiles) opened(name string) (*appendFile, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, fs.ErrClosed
	}
	f := a.files[name]
	if f != nil {
		a.accesses++
		f.access = a.accesses
	}
	return f, nil
}

// keep makes f the open file of that name, unless there is one by now, and
// closes the one used least recently if there are too many.
func (a *AuditFiles) keep(name string, f *appendFile) (*appendFile, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, errors.Join(fs.ErrClosed, f.file.Close())
	}
	if other := a.files[name]; other != nil {
		return other, f.file.Close()
	}
	if len(a.files) >= maxOpenFiles {
		a.closeOldest()
	}
	a.accesses++
	f.access = a.accesses
	a.files[name] = f
	return f, nil
}

// closeOldest closes the file used least recently, unless somebody uses it or
// it ends in bytes of which nothing is known and that cannot be cut off. Of one
// that is gone nobody will ever read them.
func (a *AuditFiles) closeOldest() {
	oldest := ""
	for name, f := range a.files {
		if oldest == "" || f.access < a.files[oldest].access {
			oldest = name
		}
	}
	f := a.files[oldest]
	select {
	case f.turn <- struct{}{}:
	default:
		return
	}
	if f.suspect {
		if err := f.cut(); err != nil && !errors.Is(err, errLost) {
			<-f.turn
			return
		}
	}
	delete(a.files, oldest) // its turn stays taken: a late append must not find it closed
	_ = f.file.Close()      // everything in it is synced
}

// Close closes the files. One whose append hangs is left to the end of the
// process, and reported.
func (a *AuditFiles) Close() error {
	a.mu.Lock()
	files := a.files
	a.files, a.closed = nil, true
	a.mu.Unlock()
	var errs []error
	for name, f := range files {
		select {
		case f.turn <- struct{}{}:
			errs = append(errs, f.file.Close())
		default:
			errs = append(errs, fmt.Errorf("close %s: an append is under way", name))
		}
	}
	return errors.Join(errs...)
}

// makeDirectories makes a directory below the root and what is missing above
// it, lastingly, once a process.
func (a *AuditFiles) makeDirectories(path string) error {
	a.making.Lock()
	defer a.making.Unlock()
	return a.makeDirectory(path)
}

// forgetDirectories lets what was removed be made again. The log goes on in new
// directories and names what it lost. It does not without the data directory,
// which is never made here: the lock and the approvals went with it.
func (a *AuditFiles) forgetDirectories() {
	a.making.Lock()
	defer a.making.Unlock()
	clear(a.lasting)
}

// makeDirectory looks after the parents first, also where path is there: the
// process that made it may have died before it was lasting.
func (a *AuditFiles) makeDirectory(path string) error {
	if a.lasting[path] {
		return nil
	}
	if path != a.root {
		if err := a.makeDirectory(filepath.Dir(path)); err != nil {
			return err
		}
	}
	if err := makeOneLasting(path); err != nil {
		return err
	}
	a.lasting[path] = true
	return nil
}
