package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// AnchorFiles is an [audit.Anchors] of local files, one an object, below
// DIR/anchors. It is safe for concurrent use, also by several processes. The
// directory belongs to whom the log belongs to: it shows what an accident or a
// careless hand did to the log, not what somebody did who can write both.
type AnchorFiles struct {
	AuditReader
	dir string // the data directory, which is never made here
}

var _ audit.Anchors = (*AnchorFiles)(nil)

// anchorDraft is how files begin that are not whole yet.
const anchorDraft = "draft-"

// OpenAnchorFiles opens the anchors of a data directory, whose lock the caller
// holds, makes DIR/anchors if it is not there, and removes what a crash left
// unfinished.
func OpenAnchorFiles(dir string) (*AnchorFiles, error) {
	a := &AnchorFiles{AuditReader: AuditReader{root: filepath.Join(dir, "anchors")}, dir: dir}
	if err := makeOneLasting(a.root); err != nil {
		return nil, fmt.Errorf("open the anchors in %s: %w", dir, err)
	}
	drafts, err := filepath.Glob(filepath.Join(a.root, anchorDraft+"*"))
	for _, draft := range drafts {
		err = errors.Join(err, os.Remove(draft))
	}
	if err != nil {
		return nil, fmt.Errorf("open the anchors in %s: %w", dir, err)
	}
	return a, nil
}

// Put implements [audit.Anchors]: the bytes are synced under a name of their
// own and then linked to theirs, which fails where it is taken.
func (a *AnchorFiles) Put(ctx context.Context, name string, data []byte) error {
	path, err := a.path(ctx, name)
	if err != nil {
		return err
	}
	if err := a.makeBelow(filepath.Dir(path)); err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	err = a.link(path, data)
	if errors.Is(err, fs.ErrExist) {
		err = a.compare(ctx, name, data)
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	return syncDirectory(filepath.Dir(path))
}

func (a *AnchorFiles) link(path string, data []byte) error {
	draft, err := os.CreateTemp(a.root, anchorDraft) // mode 0600
	if err != nil {
		return err
	}
	_, err = draft.Write(data)
	if err = errors.Join(err, draft.Sync(), draft.Close()); err == nil {
		err = os.Link(draft.Name(), path)
	}
	return errors.Join(err, os.Remove(draft.Name()))
}

// compare is nil if the object that is there holds data, else fs.ErrExist.
func (a *AnchorFiles) compare(ctx context.Context, name string, data []byte) (err error) {
	body, err := a.ReadRange(ctx, name, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	there, err := io.ReadAll(io.LimitReader(body, int64(len(data))+1))
	if err == nil && !bytes.Equal(there, data) {
		return fs.ErrExist
	}
	return err
}

// makeBelow makes a directory below the data directory and what is missing
// above it, lastingly. Without the data directory it makes none.
func (a *AnchorFiles) makeBelow(path string) error {
	if path != a.root {
		if err := a.makeBelow(filepath.Dir(path)); err != nil {
			return err
		}
	}
	return makeOneLasting(path)
}

// OpenLogReaders finds the log's files in a data directory and the anchors
// beside it, for whoever only reads. One of the two may be missing: then
// nothing is in it, and verification says what should be. A directory that
// holds neither is an error, as of [OpenAuditReader].
func OpenLogReaders(dir string) (log, anchors AuditReader, err error) {
	anchors = AuditReader{root: filepath.Join(dir, "anchors")}
	log, err = OpenAuditReader(dir)
	if info, missing := os.Stat(anchors.root); errors.Is(err, fs.ErrNotExist) && missing == nil && info.IsDir() {
		return AuditReader{root: filepath.Join(dir, "audit")}, anchors, nil
	}
	return log, anchors, err
}
