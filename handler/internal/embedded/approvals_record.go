package embedded

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	bolt "go.etcd.io/bbolt"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// partition is a tenant's part of the database within one transaction. Its
// buckets are nil where the tenant has nothing yet.
type partition struct {
	tenant                    string
	records, lists, open, due *bolt.Bucket
}

func partitionOf(tx *bolt.Tx, tenant string) partition {
	p := partition{tenant: tenant, due: tx.Bucket(bucketDue)}
	if tenant == "" {
		return p
	}
	if b := tx.Bucket(bucketTenants).Bucket([]byte(tenant)); b != nil {
		p.records, p.lists, p.open = b.Bucket(bucketRecords), b.Bucket(bucketLists), b.Bucket(bucketOpen)
	}
	return p
}

func makePartition(tx *bolt.Tx, tenant string) (partition, error) {
	if p := partitionOf(tx, tenant); p.records != nil {
		return p, nil
	}
	b, err := tx.Bucket(bucketTenants).CreateBucket([]byte(tenant))
	if err != nil {
		return partition{}, err
	}
	for _, name := range [][]byte{bucketRecords, bucketLists, bucketOpen} {
		if _, err := b.CreateBucket(name); err != nil {
			return partition{}, err
		}
	}
	return partitionOf(tx, tenant), nil
}

// read is the record of a slot, copied out of the transaction.
func (p partition) read(slot string) (approval.Record, error) {
	if slot == "" {
		return approval.Record{}, approval.ErrNotFound
	}
	raw := p.records.Get([]byte(slot))
	if raw == nil {
		return approval.Record{}, approval.ErrNotFound
	}
	return decodeRecord(raw, p.tenant, slot)
}

const recordHead = 8 + 4 // revision, length of the index

func encodeRecord(sequence uint64, r approval.Record) ([]byte, error) {
	index, err := json.Marshal(r.Index)
	if err != nil {
		return nil, fmt.Errorf("encode index: %w", err)
	}
	raw := make([]byte, 0, recordHead+len(index)+len(r.Body))
	raw = binary.BigEndian.AppendUint64(raw, sequence)
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(index))) //nolint:gosec // MaxKeys and MaxKey bound it
	return append(append(raw, index...), r.Body...), nil
}

var errRecord = errors.New("a damaged approval record")

func decodeRecord(raw []byte, tenant, slot string) (approval.Record, error) {
	if len(raw) < recordHead {
		return approval.Record{}, errRecord
	}
	length := uint64(binary.BigEndian.Uint32(raw[8:]))
	if uint64(len(raw)) < recordHead+length {
		return approval.Record{}, errRecord
	}
	r := approval.Record{Tenant: tenant, Slot: slot, Revision: revisionOf(binary.BigEndian.Uint64(raw))}
	if err := json.Unmarshal(raw[recordHead:recordHead+length], &r.Index); err != nil {
		return approval.Record{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	r.Body = bytes.Clone(raw[recordHead+length:])
	return r, nil
}

// revisionOf makes a revision of a number that the database never gives twice.
func revisionOf(sequence uint64) approval.Revision {
	return approval.Revision(strconv.FormatUint(sequence, 10))
}

// entry is a place in a bucket that leads to a record.
type entry struct {
	bucket     *bolt.Bucket
	key, value []byte
}

// replace moves the entries of old, which may be none, to those of r.
func (p partition) replace(old, r approval.Record) error {
	kept := map[string]bool{}
	for _, e := range p.entries(r) {
		kept[string(e.key)] = true
		if err := e.bucket.Put(e.key, e.value); err != nil {
			return err
		}
	}
	for _, e := range p.entries(old) {
		if kept[string(e.key)] {
			continue
		}
		if err := e.bucket.Delete(e.key); err != nil {
			return err
		}
	}
	return nil
}

func (p partition) entries(r approval.Record) []entry {
	if r.Slot == "" {
		return nil
	}
	x, slot := r.Index, []byte(r.Slot)
	var entries []entry
	for _, k := range x.Keys {
		entries = append(entries, entry{p.lists, listKey(k, x, slot), appendTime(nil, x.Closes)})
	}
	if !x.Closes.IsZero() {
		for _, anyUser := range []bool{true, false} {
			key := appendTime(openPrefix(x.Agent, x.User, anyUser), x.Closes)
			entries = append(entries, entry{p.open, append(key, slot...), []byte{}})
		}
	}
	if !x.Due.IsZero() {
		entries = append(entries, entry{p.due, append(appendName(appendTime(nil, x.Due), p.tenant), slot...), []byte{}})
	}
	return entries
}

// Lists keep what may be open apart from what is closed for ever, which grows.
const (
	mayBeOpen = 'o'
	isClosed  = 'x'
)

func listPrefix(k approval.Key, state byte) []byte { return append(appendName(nil, string(k)), state) }

func listKey(k approval.Key, x approval.Index, slot []byte) []byte {
	state := byte(mayBeOpen)
	if x.Closes.IsZero() {
		state = isClosed
	}
	return append(appendNewest(listPrefix(k, state), x.Opened), slot...)
}

func openPrefix(agent, user string, anyUser bool) []byte {
	key := appendName(nil, agent)
	if anyUser {
		return append(key, 'a')
	}
	return appendName(append(key, 'u'), user)
}

func hasPrefix(key, prefix []byte) bool { return key != nil && bytes.HasPrefix(key, prefix) }
