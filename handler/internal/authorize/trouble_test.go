package authorize_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// trouble breaks the calls of everything behind a service, counted together
// from 1. The zero trouble breaks nothing.
type trouble struct {
	mu     sync.Mutex
	on     bool
	calls  int
	breaks func(call int) storetest.Fault
	err    error // what a broken call of the store says; nil: unclear
	met    bool  // a call was broken
}

func (x *trouble) next() storetest.Fault {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.on {
		return storetest.NoFault
	}
	x.calls++
	if x.breaks == nil {
		return storetest.NoFault
	}
	fault := x.breaks(x.calls)
	x.met = x.met || fault != storetest.NoFault
	return fault
}

func (x *trouble) end() { x.mu.Lock(); x.on = false; x.mu.Unlock() }

// troubledStore is a store whose broken calls say what the trouble says.
type troubledStore struct {
	approval.Store
	x *trouble
}

func (s troubledStore) says(fault storetest.Fault, err error) error {
	switch {
	case fault == storetest.NoFault || fault == storetest.FailAfter && err != nil:
		return err
	case s.x.err != nil:
		return fmt.Errorf("broken on purpose: %w", s.x.err)
	}
	return fmt.Errorf("broken on purpose: %w", approval.ErrUnclear)
}

func (s troubledStore) Get(ctx context.Context, tenant, slot string) (r approval.Record, err error) {
	fault := s.x.next()
	if fault != storetest.FailBefore {
		r, err = s.Store.Get(ctx, tenant, slot)
	}
	return r, s.says(fault, err)
}

func (s troubledStore) Put(ctx context.Context, r approval.Record, was approval.Revision) (now approval.Revision, err error) {
	fault := s.x.next()
	if fault != storetest.FailBefore {
		now, err = s.Store.Put(ctx, r, was)
	}
	return now, s.says(fault, err)
}

func (s troubledStore) CountOpen(ctx context.Context, c approval.Count) (n int, err error) {
	fault := s.x.next()
	if fault != storetest.FailBefore {
		n, err = s.Store.CountOpen(ctx, c)
	}
	return n, s.says(fault, err)
}

// signer issues grants that are readable, and remembers what for.
type signer struct {
	x      *trouble
	mu     sync.Mutex
	issued []grant.Facts
}

func (s *signer) Issue(_ context.Context, f grant.Facts) (string, time.Time, error) {
	fault := s.x.next()
	if fault == storetest.FailBefore {
		return "", time.Time{}, errBroken
	}
	s.mu.Lock()
	s.issued = append(s.issued, f)
	s.mu.Unlock()
	ends := f.Now.Add(grant.Lifetime)
	if !f.NotAfter.IsZero() && f.NotAfter.Before(ends) {
		ends = f.NotAfter
	}
	if fault == storetest.FailAfter {
		return "grant of nobody", ends, errBroken
	}
	return "grant of " + f.DecisionID, ends, nil
}

// troubled is a world with an approved order, in which everything can break
// from now on.
func troubled(t tester) (*world, *trouble, string) {
	t.Helper()
	w, x := newWorld(t), &trouble{}
	store, log := w.store, w.log
	w.store, w.grants = troubledStore{store, x}, &signer{x: x}
	w.log = &brokenLog{Log: log, next: func(audit.Record) storetest.Fault { return x.next() }}
	id := w.approved(t, ana(), order("70000"))
	return w, x, id
}

// plans are the ways in which calls break: one of them, one and all after it,
// or two.
func plans(calls int) []func(call int) storetest.Fault {
	var all []func(call int) storetest.Fault
	kinds := []storetest.Fault{storetest.FailBefore, storetest.FailAfter}
	for i := 1; i <= calls; i++ {
		for _, first := range kinds {
			all = append(all, func(call int) storetest.Fault {
				if call >= i {
					return first
				}
				return storetest.NoFault
			})
			for j := i; j <= i+2; j++ {
				for _, second := range kinds {
					all = append(all, func(call int) storetest.Fault {
						switch call {
						case i:
							return first
						case j:
							return second
						}
						return storetest.NoFault
					})
				}
			}
		}
	}
	return all
}
