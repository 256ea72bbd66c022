package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// ApprovalHistories lets concurrent clients use one approval a history, in two
// processes over the store, and fails unless what they were told could have
// been told by an approval that does one thing after the other. Calls of store
// and log fail before they take effect, or after, or take effect later; replies
// get lost.
//
// The seed decides what is asked and how often calls fail, not who comes first.
func ApprovalHistories(t *testing.T, store approval.Store, n int, seed uint64) {
	t.Helper()
	var tally tally
	start := time.Now()
	for i := range uint64(n) {
		h := newHistory(t, store, seed+i)
		h.run()
		if result := h.check(&tally, 30*time.Second); result == porcupine.Illegal {
			t.Fatalf("the history of seed %d is not linearizable:\n%s", seed+i, h)
		}
		h.checkLog(t)
	}
	t.Logf("seed %d, %d histories in %s: %s", seed, n, time.Since(start).Round(time.Millisecond), &tally)
	if tally.undecided > max(1, n/100) {
		t.Errorf("the checker gave up on %d of %d histories", tally.undecided, n)
	}
}

// ApprovalHistoriesFind fails unless one of n histories over a store with a bug
// is illegal.
func ApprovalHistoriesFind(t *testing.T, broken approval.Store, n int, seed uint64) {
	t.Helper()
	var tally tally
	for i := range uint64(n) {
		h := newHistory(t, broken, seed+i)
		h.run()
		if h.check(&tally, time.Second) == porcupine.Illegal {
			t.Logf("seed %d: history %d is illegal", seed, i)
			return
		}
	}
	t.Errorf("seed %d: %d histories over a store with a bug are all linearizable", seed, n)
}

// history is one approval, its clients and what they were told.
type history struct {
	ctx     context.Context
	tenant  string
	call    approval.Call
	need    int
	id      string
	log     brokenLog
	late    lateStore
	s       [2]*approval.Service // with faults
	sound   *approval.Service    // without
	moves   [][]move             // of each client
	one     int                  // one call in so many fails, in each way; 0 for none
	clock   atomic.Int64
	mu      sync.Mutex
	random  *rand.Rand            // guarded by mu
	done    []porcupine.Operation // guarded by mu
	winners []string              // guarded by mu; decisions that were answered, be the reply lost
	final   reply                 // to the last look
}

// newHistory opens the approval, while nothing fails, and draws what will be.
func newHistory(t *testing.T, store approval.Store, seed uint64) *history {
	t.Helper()
	h := &history{ctx: t.Context(), tenant: fmt.Sprint("history-", seed), random: rand.New(rand.NewPCG(seed, 4))}
	h.log.next = func() Fault { return NoFault }
	order := Order("history")
	order.Tenant, h.need = h.tenant, 1+h.number(2)
	order.Requirements[0].Need, h.call = h.need, order.Call
	h.sound = approval.New(store, approval.Keys{Current: Key}, &h.log, managers{}, approval.Options{})
	a, _, err := h.sound.Open(h.ctx, order, Noon)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	h.id = a.ID
	h.one = []int{0, 60, 30, 15}[h.number(4)]
	h.moves = make([][]move, 8+h.number(7))
	for client := range h.moves {
		h.moves[client] = []move{h.draw(client, 0), h.draw(client, 1)}
	}
	h.start(store)
	return h
}

// start starts both processes, for which calls fail.
func (h *history) start(store approval.Store) {
	h.late = lateStore{Store: store, hold: h.chance, land: func() bool { return h.number(4) == 0 }}
	h.log.next = func() Fault { return h.fault("log") }
	for i := range h.s {
		broken := FaultyApprovals{Store: &h.late, Next: h.fault}
		h.s[i] = approval.New(broken, approval.Keys{Current: Key}, &h.log, managers{}, approval.Options{})
	}
}

// number is a random one below n.
func (h *history) number(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.random.IntN(n)
}

// chance happens as often as each fault does.
func (h *history) chance() bool { return h.one > 0 && h.number(h.one) == 0 }

// fault breaks a call now and then, and lets other clients go first.
func (h *history) fault(string) Fault {
	for range h.number(8) {
		runtime.Gosched()
	}
	switch {
	case h.chance():
		return FailBefore
	case h.chance():
		return FailAfter
	}
	return NoFault
}

func (h *history) draw(client, n int) move {
	voter := []string{"mia", "omar"}[h.number(2)]
	switch k := h.number(40); {
	case k < 16:
		return move{act: approve, voter: voter}
	case k < 18:
		return move{act: deny, voter: voter}
	case k < 20:
		return move{act: revoke}
	case k < 33:
		return move{act: use, id: fmt.Sprintf("decision-%d-%d", client, n)}
	}
	return move{act: look}
}

// run lets all clients make their moves at once. What was on its way when they
// are through arrives, and a last look says what became of the approval.
func (h *history) run() {
	start := make(chan struct{})
	var all sync.WaitGroup
	for client, moves := range h.moves {
		all.Go(func() {
			<-start
			for _, m := range moves {
				h.make(client, m)
			}
		})
	}
	close(start)
	all.Wait()
	h.late.arrive(h.ctx)
	call := h.clock.Add(1)
	h.log.next = func() Fault { return NoFault }
	h.final = h.do(h.sound, move{act: look})
	h.note(len(h.moves), move{act: look}, h.final, call)
}

// make makes one move and notes what the client was told.
func (h *history) make(client int, m move) {
	call := h.clock.Add(1)
	r := h.do(h.s[client%len(h.s)], m)
	if m.act == use && r.ending == done {
		h.mu.Lock()
		h.winners = append(h.winners, m.id)
		h.mu.Unlock()
	}
	if h.chance() {
		r = reply{} // lost on the way
	}
	h.note(client, m, r, call)
}

// note adds an operation that returns now, or never where its end is unknown. A
// look that told nothing is none.
func (h *history) note(client int, m move, r reply, call int64) {
	if m.act == look && r.ending == unknown {
		return
	}
	op := porcupine.Operation{ClientId: client, Input: m, Output: r, Call: call, Return: h.clock.Add(1)}
	if r.ending == unknown {
		op.Return = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = append(h.done, op)
	if m.act == approve && r.ending == done {
		op.Input = move{act: look} // whoever votes is told what became of it since
		h.done = append(h.done, op)
	}
}

func (h *history) do(s *approval.Service, m move) reply {
	switch m.act {
	case approve, deny:
		choice := map[act]approval.Choice{approve: approval.Approve, deny: approval.Deny}[m.act]
		ballot := approval.Ballot{ApprovalID: h.id, Choice: choice, Digest: h.call.Digest}
		return replyOf(s.Vote(h.ctx, h.as(m.voter, identity.RoleApprover), ballot, Noon))
	case revoke:
		return replyOf(s.Revoke(h.ctx, h.as("ada", identity.RoleAuditor), h.id, "", Noon))
	case use:
		a, receipt, err := s.Use(h.ctx, taking(h.call, h.id, m.id), Noon)
		if err == nil && receipt.Hash == "" {
			err = errors.New("used without a receipt")
		}
		return replyOf(a, err)
	default:
		return replyOf(s.Get(h.ctx, h.as("ada", identity.RoleAuditor), h.id, Noon))
	}
}

func (h *history) as(id, role string) approval.Reader {
	p := identity.Principal{Kind: identity.Person, Tenant: h.tenant, ObjectID: id, UPN: id + "@contoso.com", AppRoles: []string{role}}
	return approval.Reader{Principal: p, Tenant: h.tenant}
}

func taking(c approval.Call, id, decision string) approval.Taking {
	return approval.Taking{Call: c, Approval: id, DecisionID: decision, Answer: []byte(`{}`), Record: []byte(`{}`)}
}

// decisive are the operations without those that cannot matter. A use, a
// revocation, and a vote of one person and choice each change an approval at
// most once; so of several with an unknown end the one that was called first,
// which may take effect whenever the others may, stands for all. Without this
// a checker needs exponential time in them.
func (h *history) decisive() []porcupine.Operation {
	slices.SortFunc(h.done, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	had := map[move]bool{}
	return slices.DeleteFunc(slices.Clone(h.done), func(op porcupine.Operation) bool {
		if op.Output.(reply).ending != unknown {
			return false
		}
		kind := op.Input.(move)
		kind.id = ""
		again := had[kind]
		had[kind] = true
		return again
	})
}

// check asks the checker, which takes 10 ms as a rule and seconds for one
// history in a thousand, longer where it must try everything in vain.
func (h *history) check(t *tally, timeout time.Duration) porcupine.CheckResult {
	start := time.Now()
	result := porcupine.CheckOperationsTimeout(approvalModel(h.need), h.decisive(), timeout)
	t.add(h, result, time.Since(start))
	return result
}

// checkLog: the log has a use by one decision at most, and by no other than
// whoever was told.
func (h *history) checkLog(t *testing.T) {
	t.Helper()
	used := h.log.uses()
	if h.final.ending != done {
		t.Errorf("%s: the last look, of a sound store, ended %s", h.tenant, h.final)
	}
	if len(h.winners) > 1 || len(used) > 1 {
		t.Errorf("%s: used by %q, in the log by %q, want one at most", h.tenant, h.winners, used)
	}
	if consumed := h.final.status == approval.Consumed; consumed != (len(used) == 1) {
		t.Errorf("%s ended %s and the log has uses by %q", h.tenant, h.final, used)
	}
	if len(h.winners) == 1 && !slices.Equal(h.winners, used) {
		t.Errorf("%s: %q was told that it may run, the log has %q", h.tenant, h.winners, used)
	}
}

// String is a line for every operation.
func (h *history) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d must approve\n", h.need)
	for _, op := range h.done {
		end := fmt.Sprint(op.Return)
		if op.Return == math.MaxInt64 {
			end = "?"
		}
		fmt.Fprintf(&text, "%4d..%-4s client %2d: %s = %s\n", op.Call, end, op.ClientId, op.Input, op.Output)
	}
	return text.String()
}
