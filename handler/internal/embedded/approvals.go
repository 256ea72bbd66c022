package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// The database:
//
//	tenants/<tenant>/records   slot                                -> record
//	tenants/<tenant>/lists     key, open or closed, newest, slot   -> closes
//	tenants/<tenant>/open      agent, any user or user, closes, slot
//	due                        due, tenant, slot
//
// A record and its places in lists, open and due change in one transaction.
var (
	bucketTenants = []byte("tenants")
	bucketRecords = []byte("records")
	bucketLists   = []byte("lists")
	bucketOpen    = []byte("open")
	bucketDue     = []byte("due")
)

// Approvals is an [approval.Store] in one bbolt file. A write that returned
// nil has been synced to disk, in the file that its name leads to. It is safe
// for concurrent use.
type Approvals struct {
	db   *bolt.DB
	file namedFile // of db, which closes it
}

var _ approval.Store = (*Approvals)(nil)

// OpenApprovals opens the file, or makes it readable by its owner only. The
// error is [ErrHeld] while another process, or this one, has it open.
func OpenApprovals(path string) (*Approvals, error) {
	var file namedFile
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout:      time.Millisecond, // the shortest of waits: whoever holds the file keeps it
		FreelistType: bolt.FreelistMapType,
		OpenFile: func(path string, flags int, _ os.FileMode) (*os.File, error) {
			opened, err := openNamed(path, flags)
			file = opened
			return opened.File, err
		},
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("open %s: %w", path, ErrHeld)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucketTenants)
		_, err2 := tx.CreateBucketIfNotExists(bucketDue)
		return errors.Join(err, err2)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare %s: %w", path, err), db.Close())
	}
	return &Approvals{db, file}, nil
}

// Close lets go of the file once every call has returned.
func (a *Approvals) Close() error { return a.db.Close() }

// Get implements [approval.Store].
func (a *Approvals) Get(ctx context.Context, tenant, slot string) (r approval.Record, err error) {
	if err := ctx.Err(); err != nil {
		return r, err
	}
	err = a.db.View(func(tx *bolt.Tx) error {
		p := partitionOf(tx, tenant)
		if p.records == nil {
			return approval.ErrNotFound
		}
		r, err = p.read(slot)
		return err
	})
	return r, err
}

// Put implements [approval.Store].
func (a *Approvals) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	if err := r.Check(); err != nil {
		return "", err
	}
	if r.Tenant == "" || r.Slot == "" {
		return "", errors.New("an approval record needs a tenant and a slot")
	}
	var revision approval.Revision
	committing := false
	err := a.db.Update(func(tx *bolt.Tx) (err error) {
		if err := ctx.Err(); err != nil { // it may have ended while we waited
			return err
		}
		revision, err = put(tx, r, was)
		committing = err == nil
		return err
	})
	if err == nil {
		err = a.file.present()
	}
	if err != nil && committing { // some of it may be on disk
		return "", fmt.Errorf("%w: %w", approval.ErrUnclear, err)
	}
	return revision, err
}

func put(tx *bolt.Tx, r approval.Record, was approval.Revision) (approval.Revision, error) {
	p, err := makePartition(tx, r.Tenant)
	if err != nil {
		return "", err
	}
	old, err := p.read(r.Slot)
	if err != nil && !errors.Is(err, approval.ErrNotFound) {
		return "", err
	}
	if old.Revision != was {
		return "", approval.ErrConflict
	}
	sequence, err := tx.Bucket(bucketTenants).NextSequence()
	if err != nil {
		return "", err
	}
	raw, err := encodeRecord(sequence, r)
	if err != nil {
		return "", err
	}
	if err := p.records.Put([]byte(r.Slot), raw); err != nil {
		return "", err
	}
	return revisionOf(sequence), p.replace(old, r)
}

// CountOpen implements [approval.Store].
func (a *Approvals) CountOpen(ctx context.Context, c approval.Count) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	err = a.db.View(func(tx *bolt.Tx) error {
		if p := partitionOf(tx, c.Tenant); p.open != nil {
			n = countFrom(p.open.Cursor(), openPrefix(c.Agent, c.User, c.AnyUser), c.At, c.Limit)
		}
		return nil
	})
	return n, err
}

// countFrom counts, up to limit, what closes after the instant.
func countFrom(c *bolt.Cursor, prefix []byte, at time.Time, limit int) (n int) {
	from := appendTime(append([]byte{}, prefix...), at.Add(time.Millisecond))
	for key, _ := c.Seek(from); n < limit && hasPrefix(key, prefix); key, _ = c.Next() {
		n++
	}
	return n
}
