package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// Fault is what goes wrong with one call of a store. The zero Fault is nothing.
type Fault uint8

// The faults: the caller learns as little from either.
const (
	NoFault    Fault = iota
	FailBefore       // the call fails and has no effect
	FailAfter        // the call takes effect and its answer is lost
)

// FaultyApprovals breaks the calls of a store as Next says.
type FaultyApprovals struct {
	approval.Store
	Next func(call string) Fault // asked once a call: get, put, list, due or count
}

var _ approval.Store = FaultyApprovals{}

func faulty[T any](f FaultyApprovals, call string, do func() (T, error)) (T, error) {
	var none T
	fault := f.Next(call)
	if fault == FailBefore {
		return none, fmt.Errorf("%s, before it took effect: %w", call, approval.ErrUnclear)
	}
	result, err := do()
	if fault == FailAfter && err == nil {
		return none, fmt.Errorf("%s, after it took effect: %w", call, approval.ErrUnclear)
	}
	return result, err
}

// Get implements [approval.Store].
func (f FaultyApprovals) Get(ctx context.Context, tenant, slot string) (approval.Record, error) {
	return faulty(f, "get", func() (approval.Record, error) { return f.Store.Get(ctx, tenant, slot) })
}

// Put implements [approval.Store].
func (f FaultyApprovals) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	return faulty(f, "put", func() (approval.Revision, error) { return f.Store.Put(ctx, r, was) })
}

// List implements [approval.Store].
func (f FaultyApprovals) List(ctx context.Context, q approval.Query) (approval.Page, error) {
	return faulty(f, "list", func() (approval.Page, error) { return f.Store.List(ctx, q) })
}

// Due implements [approval.Store].
func (f FaultyApprovals) Due(ctx context.Context, at time.Time, limit int, page string) (approval.Page, error) {
	return faulty(f, "due", func() (approval.Page, error) { return f.Store.Due(ctx, at, limit, page) })
}

// CountOpen implements [approval.Store].
func (f FaultyApprovals) CountOpen(ctx context.Context, c approval.Count) (int, error) {
	return faulty(f, "count", func() (int, error) { return f.Store.CountOpen(ctx, c) })
}
