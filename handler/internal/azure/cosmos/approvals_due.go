package cosmos

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// Bounds of one page of what is due.
const (
	duePage   = 1000 // places that are asked for at a time
	maxPlaces = 50   // such pages that are looked through
	dueReads  = 8    // records that are read at once
)

func (p *duePlace) compare(other *duePlace) int {
	return cmp.Or(cmp.Compare(p.Due, other.Due), cmp.Compare(p.Tenant, other.Tenant), cmp.Compare(p.ID, other.ID))
}

// Due implements [approval.Store]. Cosmos cannot order over tenants, so the
// places of all that is due are read, and of those the earliest are kept. Past
// 50,000 places what was seen of them is ordered, and the rest comes later.
//
// A record that cannot be read is given without body and index, so that it
// keeps nobody from the others.
func (a approvals) Due(ctx context.Context, at time.Time, limit int, token string) (approval.Page, error) {
	after, err := dueBehind(token)
	if err != nil {
		return approval.Page{}, err
	}
	places, more, err := a.duePlaces(ctx, at, limit, after)
	if err != nil {
		return approval.Page{}, inApprovals(err)
	}
	page := approval.Page{}
	if page.Records, err = a.dueRecords(ctx, at, places); err != nil {
		return approval.Page{}, err
	}
	if more {
		last := places[len(places)-1]
		last.Slot = ""
		text, err := json.Marshal(last)
		if err != nil {
			return approval.Page{}, err
		}
		page.Next = pageToken(dueToken, string(text))
	}
	return page, nil
}

// duePlaces are the earliest places behind one, and whether there are more.
func (a approvals) duePlaces(ctx context.Context, at time.Time, limit int, after *duePlace) (places []duePlace, more bool, err error) {
	q := query{text: "SELECT c.pk, c.id, c.slot, c.due FROM c WHERE c.due <= @at", pageSize: duePage}
	q.arg("@at", at.UnixMilli())
	if after != nil {
		q.text += " AND c.due >= @from"
		q.arg("@from", after.Due)
	}
	seen := 0
	err = a.d.query(ctx, call{operation: "look for what is due in", container: approvalsContainer}, q, func(item []byte) (bool, error) {
		var p duePlace
		if err := json.Unmarshal(item, &p); err != nil {
			return false, errDamaged
		}
		if seen++; p.Due > 0 && (after == nil || p.compare(after) > 0) {
			places = append(places, p)
		}
		if len(places) >= 2*limit+duePage {
			places, more = earliest(places, limit), true
		}
		return seen < duePage*maxPlaces, nil
	})
	if len(places) > limit {
		places, more = earliest(places, limit), true
	} else {
		places = earliest(places, limit)
	}
	return places, more, err
}

func earliest(places []duePlace, limit int) []duePlace {
	slices.SortFunc(places, func(a, b duePlace) int { return a.compare(&b) })
	return places[:min(limit, len(places))]
}

// dueRecords reads the records of places, in their order. What is no longer due
// falls out.
func (a approvals) dueRecords(ctx context.Context, at time.Time, places []duePlace) ([]approval.Record, error) {
	found := make([]*approval.Record, len(places))
	errs := make([]error, len(places))
	var all sync.WaitGroup
	room := make(chan struct{}, dueReads)
	for i, p := range places {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			found[i], errs[i] = a.dueRecord(ctx, at, p)
		})
	}
	all.Wait()
	var records []approval.Record
	for _, r := range found {
		if r != nil {
			records = append(records, *r)
		}
	}
	return records, errors.Join(errs...)
}

func (a approvals) dueRecord(ctx context.Context, at time.Time, p duePlace) (*approval.Record, error) {
	r, err := a.Get(ctx, p.Tenant, p.Slot)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return nil, nil
	case errors.Is(err, errDamaged):
		return &approval.Record{Tenant: p.Tenant, Slot: p.Slot}, nil
	case err != nil:
		return nil, err
	case r.Index.Due.IsZero() || r.Index.Due.After(at):
		return nil, nil
	}
	return &r, nil
}
