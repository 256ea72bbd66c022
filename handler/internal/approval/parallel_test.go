package approval_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// T18: of 200 who use one approval at once, in four processes, exactly one
// wins, and the others know that they did not.
func TestOneOf200UsesIt(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		for range 100 {
			oneOf200(t, &storetest.MemoryApprovals{}, "a")
		}
	})
	t.Run("file", func(t *testing.T) {
		store, err := embedded.OpenApprovals(filepath.Join(t.TempDir(), "approvals.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close() //nolint:errcheck // nothing of it is read again
		for run := range 3 {
			oneOf200(t, store, fmt.Sprint("call ", run))
		}
	})
}

func oneOf200(t *testing.T, store approval.Store, name string) {
	t.Helper()
	const users, processes = 200, 4
	w := newWorld(store)
	a := mustOpen(t, w.service(), order(name), noon)
	mustVote(t, w.service(), "mia", a, approval.Approve, noon)
	var s [processes]*approval.Service
	for i := range s {
		s[i] = w.service()
	}
	errs := make([]error, users)
	var all sync.WaitGroup
	for i := range users {
		all.Go(func() {
			_, _, errs[i] = s[i%processes].Use(t.Context(), taking(a, fmt.Sprint("decision ", i)), noon)
		})
	}
	all.Wait()
	winner := ""
	for i, err := range errs {
		switch {
		case err == nil && winner == "":
			winner = fmt.Sprint("decision ", i)
		case err == nil:
			t.Errorf("decision %d and %s both used it", i, winner)
		case !errors.Is(err, approval.ErrUsed):
			t.Errorf("Use = %v, want ErrUsed", err)
		}
	}
	uses := map[string]bool{}
	for _, e := range w.log.Entries() {
		if e.Event.Kind == approval.EventConsumed {
			uses[e.Event.DecisionID] = true
		}
	}
	if len(uses) != 1 || !uses[winner] {
		t.Errorf("the log has uses by %v, want one by %q", uses, winner)
	}
}
