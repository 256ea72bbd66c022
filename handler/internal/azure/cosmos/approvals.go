package cosmos

import (
	"context"
	"errors"
	"fmt"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// approvals is an [approval.Store] in the container of that name.
type approvals struct{ d *Database }

// Approvals is the database's store of approvals.
func (d *Database) Approvals() approval.Store { return approvals{d} }

var _ approval.Store = approvals{}

// Get implements [approval.Store].
func (a approvals) Get(ctx context.Context, tenant, slot string) (approval.Record, error) {
	if tenant == "" || slot == "" {
		return approval.Record{}, approval.ErrNotFound
	}
	item, err := a.d.read(ctx, call{"read", approvalsContainer, tenant}, idOf("slot", slot))
	if err != nil {
		return approval.Record{}, inApprovals(err)
	}
	return decodeRecord(item.Value, tenant, slot)
}

// Put implements [approval.Store].
func (a approvals) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	if err := r.Check(); err != nil {
		return "", err
	}
	if r.Tenant == "" || r.Slot == "" {
		return "", errors.New("an approval record needs a tenant and a slot")
	}
	text, err := encodeRecord(r)
	if err != nil {
		return "", err
	}
	etag, err := a.d.put(ctx, call{"write", approvalsContainer, r.Tenant}, idOf("slot", r.Slot), text, string(was))
	if err == nil {
		return approval.Revision(etag), nil
	}
	var f *Fault
	if errors.As(err, &f) && f.outcome == absent { // what is not there is at no revision
		f.outcome = conflict
	}
	return "", inApprovals(err)
}

// inApprovals says what a call's end means in the contract of approvals. What
// is no call's end stays as it is.
func inApprovals(err error) error {
	var f *Fault
	if !errors.As(err, &f) {
		return err
	}
	var kind error
	switch f.outcome {
	case absent:
		kind = approval.ErrNotFound
	case conflict:
		kind = approval.ErrConflict
	case tooLarge:
		kind = approval.ErrTooLarge
	case unclear:
		kind = approval.ErrUnclear
	case refused:
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}
