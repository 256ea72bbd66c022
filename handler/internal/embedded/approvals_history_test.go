package embedded

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

var (
	historyCount = flag.Int("histories", 0, "concurrent histories of approvals to check, over each store; 0: 60 in memory, 20 in a file")
	historySeed  = flag.Uint64("history-seed", 0, "seed of the first history; 0: another one every time")
	singleUses   = flag.Int("single-uses", 20, "times that 200 callers use one approval in memory")
)

func firstSeed() uint64 {
	if *historySeed != 0 {
		return *historySeed
	}
	return uint64(time.Now().UnixNano())
}

func fileApprovals(t *testing.T) *Approvals {
	t.Helper()
	a := openApprovals(t, filepath.Join(t.TempDir(), "approvals.db"))
	a.db.NoSync = true // thousands of writes, and no power is cut here
	return a
}

// R4: what concurrent clients are told is what an approval could tell them that
// does one thing after the other.
func TestApprovalHistories(t *testing.T) {
	memory, file := 60, 20
	if *historyCount > 0 {
		memory, file = *historyCount, *historyCount
	}
	t.Run("memory", func(t *testing.T) {
		storetest.ApprovalHistories(t, &storetest.MemoryApprovals{}, memory, firstSeed())
	})
	t.Run("file", func(t *testing.T) {
		storetest.ApprovalHistories(t, fileApprovals(t), file, firstSeed())
	})
}

// The histories find what they are for.
func TestApprovalHistoriesFindBugs(t *testing.T) {
	for name, broken := range map[string]approval.Store{
		"a write ignores the revision":       careless{&storetest.MemoryApprovals{}},
		"a conflict is taken for success":    deaf{&storetest.MemoryApprovals{}},
		"some reads are three writes behind": &stale{Store: &storetest.MemoryApprovals{}, before: map[string][]approval.Record{}},
		"what failed is taken for success":   hopeful{&storetest.MemoryApprovals{}},
	} {
		t.Run(name, func(t *testing.T) { storetest.ApprovalHistoriesFind(t, broken, 100, firstSeed()) })
	}
}

// R4: of 200 that use one approval at once exactly one wins.
func TestApprovalSingleUse(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		for run := range *singleUses {
			storetest.ApprovalSingleUse(t, &storetest.MemoryApprovals{}, fmt.Sprint("run-", run))
		}
	})
	t.Run("file", func(t *testing.T) {
		store := fileApprovals(t)
		for run := range 5 {
			storetest.ApprovalSingleUse(t, store, fmt.Sprint("run-", run))
		}
	})
}

// careless writes over whatever is there.
type careless struct{ approval.Store }

func (s careless) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	for {
		revision, err := s.Store.Put(ctx, r, was)
		if !errors.Is(err, approval.ErrConflict) {
			return revision, err
		}
		there, err := s.Get(ctx, r.Tenant, r.Slot)
		if err != nil {
			return "", err
		}
		was = there.Revision
	}
}

// deaf takes a conflict for success, as if its own earlier try had landed.
type deaf struct{ approval.Store }

func (s deaf) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	revision, err := s.Store.Put(ctx, r, was)
	if errors.Is(err, approval.ErrConflict) {
		return "lost", nil
	}
	return revision, err
}

// hopeful says of some writes that they succeeded, which never took effect.
type hopeful struct{ approval.Store }

func (s hopeful) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	if was != "" && len(r.Body)%5 == 0 {
		return was, nil
	}
	return s.Store.Put(ctx, r, was)
}

// stale reads every second time what a record was three writes ago.
type stale struct {
	approval.Store
	mu     sync.Mutex
	before map[string][]approval.Record // guarded by mu; by tenant, the oldest first
	reads  int                          // guarded by mu
}

func (s *stale) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, readErr := s.Store.Get(ctx, r.Tenant, r.Slot)
	revision, err := s.Store.Put(ctx, r, was)
	if readErr == nil && err == nil {
		s.before[r.Tenant] = append(s.before[r.Tenant], before)
	}
	return revision, err
}

func (s *stale) Get(ctx context.Context, tenant, slot string) (approval.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if before := s.before[tenant]; len(before) >= 3 && s.reads%2 == 0 {
		return before[len(before)-3], nil
	}
	return s.Store.Get(ctx, tenant, slot)
}
