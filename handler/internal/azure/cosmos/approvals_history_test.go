package cosmos

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

var (
	historyCount = flag.Int("histories", 10, "concurrent histories of approvals to check, over each server")
	historySeed  = flag.Uint64("history-seed", 0, "seed of the first history; 0: another one every time")
	singleUses   = flag.Int("single-uses", 2, "times that 200 callers use one approval, over each server")
)

func firstSeed() uint64 {
	if *historySeed != 0 {
		return *historySeed
	}
	return uint64(time.Now().UnixNano())
}

// over runs a test over every server there is; open makes a new, empty store.
func over(t *testing.T, test func(t *testing.T, open func(t *testing.T) approval.Store)) {
	t.Run("stub", func(t *testing.T) {
		test(t, func(t *testing.T) approval.Store {
			d, _ := stubbed(t)
			return d.Approvals()
		})
	})
	t.Run("server", func(t *testing.T) {
		test(t, func(t *testing.T) approval.Store { return emulated(t).Approvals() })
	})
}

// R4: what concurrent clients are told is what an approval could tell them that
// does one thing after the other.
func TestApprovalHistories(t *testing.T) {
	over(t, func(t *testing.T, open func(t *testing.T) approval.Store) {
		storetest.ApprovalHistories(t, open(t), *historyCount, firstSeed())
	})
}

// R4: of 200 that use one approval at once exactly one wins.
func TestApprovalSingleUse(t *testing.T) {
	over(t, func(t *testing.T, open func(t *testing.T) approval.Store) {
		store := open(t)
		for run := range *singleUses {
			storetest.ApprovalSingleUse(t, store, fmt.Sprint("run-", run))
		}
	})
}

// The machines run a quarter of their checks unless -rapid.checks says how
// many: each is hundreds of requests.
func TestApprovalService(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	if asked := checks.Value.String(); asked == checks.DefValue {
		if err := flag.Set("rapid.checks", "25"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = flag.Set("rapid.checks", asked) })
	}
	over(t, func(t *testing.T, open func(t *testing.T) approval.Store) {
		storetest.ApprovalService(t, open)
	})
}
