package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

// ErrHeld is told when another process, or this one, has it open already.
var ErrHeld = errors.New("in use by another process")

// DataDir is an open data directory: the audit log and its anchors, the
// approvals, the mails and the keys of one environment on local files, held by
// this process until Close.
type DataDir struct {
	path       string
	lock       *Lock
	key        grant.EnvironmentKey
	sessionKey []byte
	audit      *AuditFiles
	anchors    *AnchorFiles
	approvals  *Approvals
}

// OpenDataDir opens a data directory for writing and makes what is missing of
// it, for its owner only. The error names the path and what is wrong there; it
// is [ErrHeld] while another process has the directory.
func OpenDataDir(path string) (*DataDir, error) {
	d := &DataDir{path: path}
	if err := d.open(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *DataDir) open() (err error) {
	for _, path := range []string{d.path, filepath.Join(d.path, "audit"), filepath.Join(d.path, "anchors"), d.Mail()} {
		if err := notAFile(path); err != nil {
			return err
		}
	}
	if d.lock, err = LockDirectory(d.path); err != nil {
		return err
	}
	if d.key, err = readOrMakeEnvironmentKey(d.path); err != nil {
		return err
	}
	if d.sessionKey, err = readOrMakeSessionKey(d.path); err != nil {
		return err
	}
	if err := makeLasting(d.Mail()); err != nil {
		return fmt.Errorf("make the folder of mails: %w", err)
	}
	if d.audit, err = OpenAuditFiles(d.path); err != nil {
		return err
	}
	if d.anchors, err = OpenAnchorFiles(d.path); err != nil {
		return err
	}
	d.approvals, err = OpenApprovals(filepath.Join(d.path, "approvals.db"))
	return err
}

// notAFile admits a directory, and what is not there yet.
func notAFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", path)
	}
	return nil
}

// Path is the directory as it was named.
func (d *DataDir) Path() string { return d.path }

// Key is the environment's key.
func (d *DataDir) Key() grant.EnvironmentKey { return d.key }

// SessionKey is the secret of console sessions and of the tokens in their
// forms: 32 bytes, made at first start and kept in a file of mode 0600, so that
// people stay signed in over a restart. It is the caller's own copy.
func (d *DataDir) SessionKey() []byte { return bytes.Clone(d.sessionKey) }

// Mail is the folder into which mails are written, DATA/mail. It is there from
// the first start on, for its owner only.
func (d *DataDir) Mail() string { return filepath.Join(d.path, "mail") }

// Audit is where the audit log writes.
func (d *DataDir) Audit() *AuditFiles { return d.audit }

// Anchors is where the signed statements about the audit log are put.
func (d *DataDir) Anchors() *AnchorFiles { return d.anchors }

// Approvals is where approvals are kept.
func (d *DataDir) Approvals() *Approvals { return d.approvals }

// Close closes everything, waits for calls that are under way, and lets the
// next process in last.
func (d *DataDir) Close() error {
	var errs []error
	if d.approvals != nil {
		errs = append(errs, d.approvals.Close())
	}
	if d.audit != nil {
		errs = append(errs, d.audit.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Release())
	}
	return errors.Join(errs...)
}
