package approval_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

var (
	histories     = flag.Int("histories", 100, "concurrent histories to check over the store in memory")
	boltHistories = flag.Int("bolthistories", 10, "concurrent histories to check over the store in a file")
)

// history is one approval that clients of two processes use at once, while
// calls of the store and of the log fail and answers get lost.
type history struct {
	log    storetest.EventLog
	s      [2]*approval.Service
	tenant string
	id     string
	clock  atomic.Int64
	mu     sync.Mutex
	random *rand.Rand            // guarded by mu
	done   []porcupine.Operation // guarded by mu
}

// number is a random one below n.
func (h *history) number(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.random.IntN(n)
}

// fault breaks one call in eight, and lets others go first at all.
func (h *history) fault(string) storetest.Fault {
	for range h.number(8) {
		runtime.Gosched()
	}
	switch h.number(16) {
	case 0:
		return storetest.FailBefore
	case 1:
		return storetest.FailAfter
	}
	return storetest.NoFault
}

// newHistory opens an approval for two people, in a tenant of its own.
func newHistory(t *testing.T, store approval.Store, seed uint64) *history {
	t.Helper()
	h := &history{random: rand.New(rand.NewPCG(seed, 0)), tenant: fmt.Sprint("history-", seed)}
	w := &world{named: map[string]bool{"mia": true, "omar": true}}
	r := twoEyes()
	r.Tenant = h.tenant
	h.id = mustOpen(t, approval.New(store, approval.Keys{Current: key}, &h.log, w, approval.Options{}), r, noon).ID
	broken := storetest.FaultyApprovals{Store: store, Next: h.fault}
	for i := range h.s {
		h.s[i] = approval.New(broken, approval.Keys{Current: key}, &h.log, w, approval.Options{})
	}
	h.log.Down = func() error {
		if h.number(12) == 0 {
			return storetest.ErrLog
		}
		return nil
	}
	return h
}

// run lets six clients ask three times each.
func (h *history) run() porcupine.CheckResult {
	var all sync.WaitGroup
	for client := range 6 {
		all.Go(func() {
			for n := range 3 {
				h.ask(client, h.draw(client, n))
			}
		})
	}
	all.Wait()
	return porcupine.CheckOperationsTimeout(oneApproval(), h.done, 20*time.Second)
}

func (h *history) draw(client, n int) asking {
	voters := []string{"mia", "omar"}
	switch k := h.number(20); {
	case k < 9:
		return asking{voter: voters[h.number(2)], choice: approval.Approve}
	case k < 10:
		return asking{voter: voters[h.number(2)], choice: approval.Deny}
	case k < 16:
		return asking{decision: fmt.Sprintf("decision-%d-%d", client, n)}
	}
	return asking{}
}

func (h *history) ask(client int, in asking) {
	op := porcupine.Operation{ClientId: client, Input: in, Call: h.clock.Add(1)}
	out := h.answer(h.s[client%2], in)
	op.Return = h.clock.Add(1)
	if h.number(10) == 0 {
		out = answered{unknown: true} // the answer is lost on the way
	}
	if out.unknown {
		op.Return = math.MaxInt64
	}
	op.Output = out
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = append(h.done, op)
}

func (h *history) answer(s *approval.Service, in asking) answered {
	ctx := context.Background()
	reader := func(id string) approval.Reader {
		p := person(id)
		p.Tenant = h.tenant
		return approval.Reader{Principal: p, Tenant: h.tenant}
	}
	switch {
	case in.voter != "":
		a, err := s.Vote(ctx, reader(in.voter), approval.Ballot{ApprovalID: h.id, Choice: in.choice, Digest: call0.Digest}, noon)
		return answerOf(a, err)
	case in.decision != "":
		c := call0
		c.Tenant = h.tenant
		a, _, err := s.Use(ctx, approval.Taking{Call: c, Approval: h.id, DecisionID: in.decision, Answer: []byte(`{}`), Record: []byte(`{}`)}, noon)
		return answerOf(a, err)
	}
	a, err := s.Get(ctx, reader("mia"), h.id, noon)
	out := answerOf(a, err)
	if err == nil && len(a.Requirements) > 0 {
		out.votes = a.Requirements[0].Have
	}
	return out
}

func checkHistories(t *testing.T, store approval.Store, n int) {
	unknown := 0
	for seed := range uint64(n) {
		h := newHistory(t, store, seed)
		if result := h.run(); result != porcupine.Ok {
			t.Fatalf("history %d is %s:\n%s", seed, result, h)
		}
		for _, op := range h.done {
			if op.Output.(answered).unknown {
				unknown++
			}
		}
	}
	t.Logf("%d histories of 18 calls, %d of them with an unknown end: all linearizable", n, unknown)
}

func (h *history) String() string {
	text := ""
	for _, op := range h.done {
		text += fmt.Sprintf("%d..%d client %d: %+v = %+v\n", op.Call, op.Return, op.ClientId, op.Input, op.Output)
	}
	return text
}

// reliability.md: what concurrent clients with lost replies are told is what
// one approval could have told them one after the other.
func TestHistories(t *testing.T) {
	t.Run("memory", func(t *testing.T) { checkHistories(t, &storetest.MemoryApprovals{}, *histories) })
	t.Run("file", func(t *testing.T) {
		store, err := embedded.OpenApprovals(filepath.Join(t.TempDir(), "approvals.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close() //nolint:errcheck // nothing of it is read again
		checkHistories(t, store, *boltHistories)
	})
}

// Histories over a store that ignores revisions are found out.
func TestHistoriesFindBugs(t *testing.T) {
	store := &storetest.MemoryApprovals{}
	for seed := range uint64(2000) {
		if newHistory(t, careless{store}, seed).run() == porcupine.Illegal {
			t.Logf("history %d is found illegal", seed)
			return
		}
	}
	t.Error("2000 histories over a store without conditions are all linearizable")
}

// careless writes over whatever is there.
type careless struct{ approval.Store }

func (s careless) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	for {
		there, err := s.Get(ctx, r.Tenant, r.Slot)
		if err == nil {
			was = there.Revision
		}
		if revision, err := s.Store.Put(ctx, r, was); err == nil {
			return revision, nil
		}
	}
}
