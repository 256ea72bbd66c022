package approval_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// A check that has never failed proves nothing: each of these mistakes, made by
// others, must be found by the explorer. Those in the service itself are in
// TestMutants.
func TestExplorerFindsBugs(t *testing.T) {
	waits := happened{asked(oneEye())}
	user := agent("user", "k", oneEye())
	for _, b := range []bug{
		{name: "every write is unconditional", anyWrite: func(approval.Revision) bool { return true }},
		{name: "creating is unconditional", anyWrite: func(was approval.Revision) bool { return was == "" }},
		{name: "updating is unconditional", anyWrite: func(was approval.Revision) bool { return was != "" }},
		{name: "the last writer wins", over: func(s approval.Store) approval.Store { return lastWins{s} }},
		{name: "an unclear write is success", over: func(s approval.Store) approval.Store { return unclearIsDone{s} }},
		{name: "a conflict is success", over: func(s approval.Store) approval.Store { return conflictIsDone{s} }},
		{name: "what was used reads as approved", over: func(s approval.Store) approval.Store { return forgetful{s, "consumed", "approved"} }},
		{name: "what was denied reads as pending", over: func(s approval.Store) approval.Store { return forgetful{s, "denied", "pending"} }},
		{name: "what is pending reads as cancelled", over: func(s approval.Store) approval.Store { return forgetful{s, "pending", "cancelled"} }},
		{name: "nothing is logged", log: func(approval.Log) approval.Log { return deafLog{} }},
		{name: "a failure of the log is ignored", log: func(l approval.Log) approval.Log { return carelessLog{l} }},
		{name: "events are marked before they are logged", log: func(l approval.Log) approval.Log { return &lateLog{Log: l} }},
		{name: "events share their ids", newID: func() string { return "e" }},
		{name: "expiry is ignored", late: true},
		{name: "somebody else may vote", names: "eve"},
	} {
		t.Run(b.name, func(t *testing.T) {
			stranger := scene{name: "a stranger", before: waits, actors: []actor{votes("eve", approval.Approve), user}}
			for _, s := range slices.Backward(append(scenes(), stranger)) {
				if s.size != small {
					continue
				}
				s.bug = b
				if _, fault := explore(&s); fault != "" {
					return
				}
			}
			t.Error("the explorer finds nothing")
		})
	}
}

// Whoever asked decides nothing, even where today's policy says so.
func TestExplorerRequesterNeverCounts(t *testing.T) {
	s := scene{
		before: happened{asked(oneEye())}, bug: bug{names: "ana"},
		actors: []actor{votes("ana", approval.Approve), agent("user", "k", oneEye()), votes("mia", approval.Deny)},
	}
	if _, fault := explore(&s); fault != "" {
		t.Error(fault)
	}
}

// lastWins takes a conflict for a reason to try harder.
type lastWins struct{ approval.Store }

func (s lastWins) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	revision, err := s.Store.Put(ctx, r, was)
	if !errors.Is(err, approval.ErrConflict) {
		return revision, err
	}
	there, err := s.Get(ctx, r.Tenant, r.Slot)
	if err != nil {
		return "", err
	}
	return s.Store.Put(ctx, r, there.Revision)
}

type unclearIsDone struct{ approval.Store }

func (s unclearIsDone) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	revision, err := s.Store.Put(ctx, r, was)
	if errors.Is(err, approval.ErrUnclear) {
		return was + "'", nil
	}
	return revision, err
}

type conflictIsDone struct{ approval.Store }

func (s conflictIsDone) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	revision, err := s.Store.Put(ctx, r, was)
	if errors.Is(err, approval.ErrConflict) {
		return was + "'", nil
	}
	return revision, err
}

// forgetful reads one status as another.
type forgetful struct {
	approval.Store
	is, reads string
}

func (s forgetful) Get(ctx context.Context, tenant, slot string) (approval.Record, error) {
	r, err := s.Store.Get(ctx, tenant, slot)
	r.Body = bytes.Replace(r.Body, []byte(`"status":"`+s.is+`"`), []byte(`"status":"`+s.reads+`"`), 1)
	return r, err
}

type deafLog struct{}

func (deafLog) Append(context.Context, approval.Entry) (audit.Receipt, error) {
	return audit.Receipt{Hash: "sha256:0"}, nil
}

func (deafLog) Refuse(context.Context, approval.Refusal) error { return nil }

type carelessLog struct{ approval.Log }

func (l carelessLog) Append(ctx context.Context, e approval.Entry) (audit.Receipt, error) {
	receipt, err := l.Log.Append(ctx, e)
	if err != nil && !errors.Is(err, errStop) {
		return audit.Receipt{Hash: "sha256:0"}, nil
	}
	return receipt, err
}

// lateLog writes an entry when it is given the next one.
type lateLog struct {
	approval.Log
	waits *approval.Entry
}

func (l *lateLog) Append(ctx context.Context, e approval.Entry) (audit.Receipt, error) {
	if l.waits != nil {
		if _, err := l.Log.Append(ctx, *l.waits); err != nil {
			return audit.Receipt{}, err
		}
	}
	l.waits = &e
	return audit.Receipt{Hash: "sha256:0"}, nil
}
