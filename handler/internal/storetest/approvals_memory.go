package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// MemoryApprovals is an [approval.Store] in memory: the plainest code that
// keeps the contract, to test others against. The zero value is empty.
type MemoryApprovals struct {
	mu      sync.Mutex
	records map[address]approval.Record
	counter int64
}

type address struct{ tenant, slot string }

var _ approval.Store = (*MemoryApprovals)(nil)

// Get implements [approval.Store].
func (m *MemoryApprovals) Get(ctx context.Context, tenant, slot string) (approval.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return approval.Record{}, err
	}
	r, ok := m.records[address{tenant, slot}]
	if !ok {
		return approval.Record{}, approval.ErrNotFound
	}
	return clone(r), nil
}

// Put implements [approval.Store].
func (m *MemoryApprovals) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := r.Check(); err != nil {
		return "", err
	}
	at := address{r.Tenant, r.Slot}
	if m.records[at].Revision != was {
		return "", approval.ErrConflict
	}
	if m.records == nil {
		m.records = map[address]approval.Record{}
	}
	m.counter++
	stored := clone(r)
	stored.Revision = approval.Revision(strconv.FormatInt(m.counter, 10))
	m.records[at] = stored
	return stored.Revision, nil
}

// List implements [approval.Store].
func (m *MemoryApprovals) List(ctx context.Context, q approval.Query) (approval.Page, error) {
	newestFirst := func(a, b place) int { return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.Slot, b.Slot)) }
	return m.page(ctx, q.Page, q.Limit, newestFirst, func(r approval.Record) (place, bool) {
		listed := slices.ContainsFunc(q.Keys, func(k approval.Key) bool { return slices.Contains(r.Index.Keys, k) })
		wanted := q.Filter == approval.AnyState || r.Index.OpenAt(q.At) == (q.Filter == approval.OnlyOpen)
		return place{At: r.Index.Opened.UnixMilli(), Slot: r.Slot}, r.Tenant == q.Tenant && listed && wanted
	})
}

// Due implements [approval.Store].
func (m *MemoryApprovals) Due(ctx context.Context, at time.Time, limit int, page string) (approval.Page, error) {
	earliestFirst := func(a, b place) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Slot, b.Slot))
	}
	return m.page(ctx, page, limit, earliestFirst, func(r approval.Record) (place, bool) {
		due := r.Index.Due
		return place{At: due.UnixMilli(), Tenant: r.Tenant, Slot: r.Slot}, !due.IsZero() && !due.After(at)
	})
}

// CountOpen implements [approval.Store].
func (m *MemoryApprovals) CountOpen(ctx context.Context, c approval.Count) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	n := 0
	for _, r := range m.records {
		x := r.Index
		if r.Tenant == c.Tenant && x.Agent == c.Agent && (c.AnyUser || x.User == c.User) && x.OpenAt(c.At) {
			n++
		}
	}
	return min(n, c.Limit), nil
}

// place is where a record stands in an ordered list; a page token is the place
// of the last record before it.
type place struct {
	At     int64
	Tenant string
	Slot   string
}

func (m *MemoryApprovals) page(ctx context.Context, token string, limit int, order func(a, b place) int,
	wanted func(approval.Record) (place, bool),
) (approval.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return approval.Page{}, err
	}
	var after *place
	if token != "" {
		after = &place{}
		if err := json.Unmarshal([]byte(token), after); err != nil {
			return approval.Page{}, fmt.Errorf("%w: %w", approval.ErrPage, err)
		}
	}
	found := map[place]approval.Record{}
	var places []place
	for _, r := range m.records {
		if p, ok := wanted(r); ok && (after == nil || order(*after, p) < 0) {
			found[p] = r
			places = append(places, p)
		}
	}
	slices.SortFunc(places, order)
	page := approval.Page{}
	for _, p := range places[:min(limit, len(places))] {
		page.Records = append(page.Records, clone(found[p]))
	}
	if len(places) > limit {
		next, err := json.Marshal(places[limit-1])
		if err != nil {
			return approval.Page{}, err
		}
		page.Next = string(next)
	}
	return page, nil
}

func clone(r approval.Record) approval.Record {
	r.Body, r.Index.Keys = slices.Clone(r.Body), slices.Clone(r.Index.Keys)
	return r
}
