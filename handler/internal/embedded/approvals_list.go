package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

const (
	listToken = 'l'
	dueToken  = 'd'
)

// List implements [approval.Store].
func (a *Approvals) List(ctx context.Context, q approval.Query) (page approval.Page, err error) {
	after, err := placeOf(listToken, q.Page)
	if err != nil {
		return page, err
	}
	err = a.db.View(func(tx *bolt.Tx) error {
		p := partitionOf(tx, q.Tenant)
		if p.lists == nil {
			return ctx.Err()
		}
		m := p.merge(q, after)
		for place := m.next(); place != nil; place = m.next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if len(page.Records) == q.Limit { // there is more
				page.Next = pageToken(listToken, after)
				return nil
			}
			r, err := p.read(string(place[timeLength:]))
			if err != nil {
				return err
			}
			page.Records = append(page.Records, r)
			after = place
		}
		return ctx.Err()
	})
	if err != nil {
		return approval.Page{}, err
	}
	return page, nil
}

// merged reads several lists as one: newest first, each place once.
type merged struct {
	lists []*list
	last  []byte // the place returned last
}

// list is a cursor over one list, at the place it offers next.
type list struct {
	cursor *bolt.Cursor
	prefix []byte
	wanted func(closes time.Time) bool
	place  []byte // nil at the end
}

// merge opens the lists of a query behind a place.
func (p partition) merge(q approval.Query, after []byte) *merged {
	m := &merged{last: after}
	keys := slices.Compact(slices.Sorted(slices.Values(q.Keys)))
	for _, k := range keys {
		for _, state := range []byte{mayBeOpen, isClosed} {
			if state == isClosed && q.Filter == approval.OnlyOpen {
				continue
			}
			l := &list{cursor: p.lists.Cursor(), prefix: listPrefix(k, state), wanted: wantedBy(q)}
			key, value := l.cursor.Seek(append(slices.Clone(l.prefix), after...))
			l.settle(key, value)
			m.lists = append(m.lists, l)
		}
	}
	return m
}

func wantedBy(q approval.Query) func(time.Time) bool {
	return func(closes time.Time) bool {
		open := q.At.Before(closes)
		return q.Filter == approval.AnyState || open == (q.Filter == approval.OnlyOpen)
	}
}

// settle moves on from key to the first place that is wanted.
func (l *list) settle(key, value []byte) {
	for hasPrefix(key, l.prefix) {
		if l.wanted(timeOf(value)) {
			l.place = key[len(l.prefix):]
			return
		}
		key, value = l.cursor.Next()
	}
	l.place = nil
}

// next is the first place behind the last one, or nil.
func (m *merged) next() []byte {
	for {
		first := m.first()
		if first == nil {
			return nil
		}
		place := first.place
		first.settle(first.cursor.Next())
		if m.last == nil || bytes.Compare(place, m.last) > 0 {
			m.last = place
			return place
		}
	}
}

func (m *merged) first() *list {
	var first *list
	for _, l := range m.lists {
		if l.place != nil && (first == nil || bytes.Compare(l.place, first.place) < 0) {
			first = l
		}
	}
	return first
}

func timeOf(raw []byte) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(raw) ^ 1<<63)).UTC() //nolint:gosec // as orderOf made it
}

// Due implements [approval.Store].
func (a *Approvals) Due(ctx context.Context, at time.Time, limit int, token string) (page approval.Page, err error) {
	after, err := placeOf(dueToken, token)
	if err != nil {
		return page, err
	}
	err = a.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketDue).Cursor()
		key, _ := c.Seek(after)
		for ; key != nil && !timeOf(key).After(at); key, _ = c.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if bytes.Equal(key, after) {
				continue
			}
			if len(page.Records) == limit {
				page.Next = pageToken(dueToken, after)
				return nil
			}
			tenant, slot := dueRecord(key)
			r, err := partitionOf(tx, tenant).read(slot)
			if err != nil {
				return err
			}
			page.Records = append(page.Records, r)
			after = key
		}
		return ctx.Err()
	})
	if err != nil {
		return approval.Page{}, err
	}
	return page, nil
}

// dueRecord takes a key of the due bucket apart.
func dueRecord(key []byte) (tenant, slot string) {
	rest := key[timeLength:]
	length := int(binary.BigEndian.Uint16(rest))
	return string(rest[2 : 2+length]), string(rest[2+length:])
}
