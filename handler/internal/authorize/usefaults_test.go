package authorize_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// approvals.md, Using, T18, FR25, FR26: whatever breaks in the middle of a use,
// before or after it took effect: no answer without the record of its decision,
// never two, a 503 otherwise; and the key brings the answer back.
func TestEveryFaultOfAUse(t *testing.T) {
	asks := map[string]func(id string) authorize.Request{
		"the call": func(string) authorize.Request { return order("70000") }, "named": func(id string) authorize.Request { return named(order("70000"), id) }, "resumed": resume,
	}
	for how, ask := range asks {
		w, x, id := troubled(t)
		x.on = true
		wantCode(t, how, w.again(t, ana(), ask(id), "k"), policy.Mask, policy.OKApproved)
		if x.calls < 6 {
			t.Fatalf("%s: a use makes %d calls, want more to break", how, x.calls)
		}
		says := []error{approval.ErrUnclear, approval.ErrConflict, io.ErrUnexpectedEOF}
		if how != "the call" {
			says = says[:1]
		}
		for _, storeSays := range says {
			for n, plan := range plans(x.calls) {
				useUnder(t, fmt.Sprintf("%s, plan %d, the store says %v", how, n, storeSays), ask, plan, storeSays)
			}
		}
	}
}

func useUnder(t *testing.T, what string, ask func(id string) authorize.Request, plan func(int) storetest.Fault, storeSays error) {
	t.Helper()
	w, x, id := troubled(t)
	x.on, x.breaks, x.err = true, plan, storeSays
	a, err := w.serve().Decide(t.Context(), ana(), ask(id), keyed("k"))
	x.end()
	answered := ""
	if err != nil {
		var unavailable *authorize.UnavailableError
		if !errors.As(err, &unavailable) || a.Decision.Execute() || a.DecisionID != "" {
			t.Errorf("%s: Decide = %s, %v, want nothing but what is unavailable", what, a.Decision, err)
		}
	} else {
		// A conflict that is made up may look like another's use that left no
		// trace; it never looks like a denial.
		answered = a.DecisionID
		w.agree(t, a)
		wantCode(t, what, a, policy.Mask, policy.OKApproved)
		if a.Grant != "grant of "+a.DecisionID {
			t.Errorf("%s: grant %q of %s", what, a.Grant, a.DecisionID)
		}
	}
	w.restart()
	b := w.again(t, ana(), order("70000"), "k")
	wantCode(t, what+", again with the key", b, policy.Mask, policy.OKApproved)
	if answered != "" && body(a) != body(b) {
		t.Errorf("%s: again with the key %s, want the answer of %s", what, body(b), answered)
	}
	if got := w.uses(t); !slices.Equal(got, []string{b.DecisionID}) {
		t.Errorf("%s: the log tells of the uses %v, want %s alone", what, got, b.DecisionID)
	}
	c := w.again(t, ana(), order("70000"), "another")
	wantCode(t, what+", with another key", c, policy.RequireApproval, policy.ApprovalRequired)
}

// The same without a key: it may be that nobody gets the answer, but nobody
// gets two, and nobody one that the log does not have.
func TestEveryFaultOfAUseWithoutAKey(t *testing.T) {
	w, x, _ := troubled(t)
	x.on = true
	w.decideAs(t, ana(), order("70000"), keyed(""))
	for n, plan := range plans(x.calls) {
		w, x, id := troubled(t)
		x.on, x.breaks = true, plan
		a, err := w.serve().Decide(t.Context(), ana(), order("70000"), keyed(""))
		x.end()
		if err == nil {
			w.agree(t, a)
			wantCode(t, "without a key", a, policy.Mask, policy.OKApproved)
		}
		b := w.decideAs(t, ana(), order("70000"), keyed(""))
		if err == nil && b.Decision.Execute() {
			t.Errorf("plan %d: the decisions %s and %s of one approval", n, a.DecisionID, b.DecisionID)
		}
		if !b.Decision.Execute() && b.ReasonCode != policy.ApprovalRequired {
			t.Errorf("plan %d: then %s %s, want it used or asked anew", n, b.Decision, b.ReasonCode)
		}
		uses := w.uses(t)
		if len(uses) != 1 {
			t.Errorf("plan %d: the log tells of the uses %v, want one", n, uses)
		}
		w.wantStatus(t, "after all", id, approval.Consumed)
	}
}

// Without randomness there is no decision, and no approval is burnt for it.
func TestAUseWithoutEntropy(t *testing.T) {
	w := newWorld(t)
	id := w.approved(t, ana(), order("70000"))
	w.restart()
	w.entropy = iotest.ErrReader(errBroken)
	w.unavailableAs(t, ana(), order("70000"), keyed("k"), "randomness")
	w.wantStatus(t, "without randomness", id, approval.Approved)
	w.restart()
	w.entropy = rand.Reader
	wantCode(t, "with it", w.again(t, ana(), order("70000"), "k"), policy.Mask, policy.OKApproved)
}

// A signer that fails burns no approval.
func TestAUseWithoutAGrant(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter} {
		w := newWorld(t)
		id := w.approved(t, ana(), order("70000"))
		x := &trouble{on: true, breaks: func(int) storetest.Fault { return fault }}
		w.restart()
		w.grants = &signer{x: x}
		before := len(w.recorded(t))
		w.unavailableAs(t, ana(), order("70000"), keyed("k"), "grants")
		w.wantStatus(t, "without a grant", id, approval.Approved)
		if got := len(w.recorded(t)); got != before {
			t.Errorf("without a grant: %d records more, want none", got-before)
		}
		x.end()
		wantCode(t, "with it", w.again(t, ana(), order("70000"), "k"), policy.Mask, policy.OKApproved)
	}
}

// meddling lets another process act behind a write that took effect and whose
// answer says otherwise.
type meddling struct {
	approval.Store
	do  func()
	err error
}

func (m *meddling) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	do := m.do
	m.do = nil
	revision, err := m.Store.Put(ctx, r, was)
	if do == nil || err != nil {
		return revision, err
	}
	do()
	return "", fmt.Errorf("broken on purpose: %w", m.err)
}

// FR25: our own write went in, its answer says otherwise, and before we look
// another process has asked for the call again, with or without success: the
// use is still ours, and one decision id never stands for two answers.
func TestAnotherProcessBehindAnUnclearUse(t *testing.T) {
	for _, says := range []error{approval.ErrUnclear, approval.ErrConflict} {
		for _, key := range []string{"", "k"} {
			for _, otherKey := range []string{"", "other", "k"} {
				w := newWorld(t)
				w.approved(t, ana(), order("70000"))
				m := &meddling{Store: w.store, err: says}
				other := *w
				other.restart()
				w.restart()
				w.store = m
				var b authorize.Answer
				m.do = func() { b = other.again(t, ana(), order("70000"), otherKey) }
				a := w.again(t, ana(), order("70000"), key)
				what := fmt.Sprintf("%v, key %q, other key %q", says, key, otherKey)
				wantCode(t, what, a, policy.Mask, policy.OKApproved)
				w.agree(t, a)
				if key != "" && key == otherKey {
					if body(a) != body(b) {
						t.Errorf("%s: %s and %s, want one answer", what, body(a), body(b))
					}
				} else if wantCode(t, what, b, policy.RequireApproval, policy.ApprovalRequired); b.Approval.ID == a.Approval.ID {
					t.Errorf("%s: both have approval %s", what, b.Approval.ID)
				}
				if got := w.uses(t); !slices.Equal(got, []string{a.DecisionID}) {
					t.Errorf("%s: uses %v, want %s alone", what, got, a.DecisionID)
				}
				seen := map[string]string{}
				for _, r := range w.recorded(t, audit.KindDecision) {
					if was, ok := seen[r.DecisionID]; ok && was != string(r.ReasonCode) {
						t.Errorf("%s: decision %s is recorded as %s and %s", what, r.DecisionID, was, r.ReasonCode)
					}
					seen[r.DecisionID] = string(r.ReasonCode)
				}
			}
		}
	}
}

// together holds back what is found until so many have looked: all of them see
// the approval before any uses it.
type together struct {
	authorize.Approvals
	all *sync.WaitGroup
	n   *atomic.Int64 // that may still come
}

func (g together) Find(ctx context.Context, call approval.Call, w approval.Wanted, now time.Time) (approval.Found, error) {
	found, err := g.Approvals.Find(ctx, call, w, now)
	if g.n.Add(-1) >= 0 {
		g.all.Done()
		g.all.Wait()
	}
	return found, err
}

// T18: of 200 that ask at once with an approved approval exactly one runs, and
// no other gets as much as its grant.
func TestManyUsesAtOnce(t *testing.T) {
	for name, key := range map[string]func(i int) string{
		"without keys": func(int) string { return "" }, "each with its own": func(i int) string { return fmt.Sprint("k", i) },
	} {
		for range 3 {
			w := newWorld(t)
			w.grants = &signer{x: &trouble{}}
			id := w.approved(t, ana(), order("70000"))
			answers, ran := w.usesAtOnce(t, 200, key), 0
			uses := w.uses(t)
			for i, a := range answers {
				switch {
				case a.ReasonCode == policy.OKApproved:
					ran++
					w.agree(t, a)
				case a.Decision != policy.RequireApproval || a.Approval.ID == id || a.Grant != "" || !strings.Contains(a.Reason, uses[0]):
					t.Errorf("%s: call %d = %s %s (%s) with approval %s and grant %q, want another to wait for", name, i, a.Decision, a.ReasonCode, a.Reason, a.Approval.ID, a.Grant)
				}
			}
			if ran != 1 || len(uses) != 1 {
				t.Errorf("%s: %d calls ran and the log has %v, want one", name, ran, uses)
			}
			if got := w.openings(t); len(got) != 2 {
				t.Errorf("%s: %d approvals were opened, want the used one and the next", name, len(got))
			}
		}
	}
}

// With one key all get one answer: it is one attempt.
func TestManyRepeatsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.grants = &signer{x: &trouble{}}
	w.approved(t, ana(), order("70000"))
	answers := w.usesAtOnce(t, 200, func(int) string { return "k" })
	for i, a := range answers {
		if a.ReasonCode != policy.OKApproved || body(a) != body(answers[0]) {
			t.Errorf("call %d = %s %s of %s, want the answer of all", i, a.Decision, a.ReasonCode, a.DecisionID)
		}
	}
	if got, replays := w.uses(t), len(w.recorded(t, audit.KindReplayed)); len(got) != 1 || replays != 199 {
		t.Errorf("the log tells of the uses %v and %d replays, want one and 199", got, replays)
	}
	if got := w.openings(t); len(got) != 1 {
		t.Errorf("%d approvals were opened, want the one", len(got))
	}
}

// usesAtOnce asks n times at once, through two processes, none of which uses
// the approval before all have found it.
func (w *world) usesAtOnce(t *testing.T, n int, key func(i int) string) []authorize.Answer {
	t.Helper()
	var all sync.WaitGroup
	var left atomic.Int64
	all.Add(n)
	left.Store(int64(n))
	w.approvals = func(a authorize.Approvals) authorize.Approvals { return together{a, &all, &left} }
	w.restart()
	other := *w
	services := []*authorize.Service{w.serve(), other.serve()}
	answers, errs := make([]authorize.Answer, n), make([]error, n)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() {
			answers[i], errs[i] = services[i%2].Decide(context.Background(), ana(), order("70000"), keyed(key(i)))
		})
	}
	calls.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("Decide = %v", err)
	}
	return answers
}
