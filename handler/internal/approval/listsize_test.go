package approval_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// weighed is a store that remembers how much lists have read of it.
type weighed struct {
	approval.Store

	atOnce, total int // bytes of one page, and of all
}

func (w *weighed) List(ctx context.Context, q approval.Query) (approval.Page, error) {
	page, err := w.Store.List(ctx, q)
	size := 0
	for _, r := range page.Records {
		size += len(r.Body)
	}
	w.atOnce, w.total = max(w.atOnce, size), w.total+size
	return page, err
}

// Documents may be large and anybody with an identity may list: a page of them
// ends early rather than holding them all at once.
func TestAPageIsBoundedInBytes(t *testing.T) {
	w := memoryWorld()
	w.options.OpenPerUser = 1000
	store := &weighed{Store: w.store}
	w.store = store
	s := w.service()
	const many, large = 120, 200_000
	for i := range many {
		r := order(fmt.Sprint(i))
		r.Received = []byte(`{"agentId":"finance-agent","parameters":{"note":"` + strings.Repeat("x", large) + `"}}`)
		mustOpen(t, s, r, noon)
	}
	list, err := s.List(t.Context(), reader(auditor()), approval.ListQuery{Limit: approval.MaxLimit}, noon)
	if err != nil || len(list.Approvals) == 0 || list.Next == "" {
		t.Fatalf("List = %d approvals, next %q, %v, want some and a next", len(list.Approvals), list.Next, err)
	}
	if most := 10_000_000; store.total > most || store.atOnce > most {
		t.Errorf("one page read %d bytes, %d at once, want at most %d", store.total, store.atOnce, most)
	}
	if got := idsOf(t, s, reader(auditor()), approval.ListQuery{Limit: approval.MaxLimit}, noon); len(got) != many {
		t.Errorf("all pages have %d approvals, want %d", len(got), many)
	}
}

// Who asked for much that is large does not make every look at an approval of
// theirs read all of it.
func TestThePastIsBoundedInBytes(t *testing.T) {
	w := memoryWorld()
	w.options.OpenPerUser = 1000
	store := &weighed{Store: w.store}
	w.store = store
	s := w.service()
	const many, large = 150, 200_000
	for i := range many {
		r := order(fmt.Sprint(i))
		r.Received = []byte(`{"agentId":"finance-agent","parameters":{"note":"` + strings.Repeat("x", large) + `"}}`)
		mustOpen(t, s, r, noon)
	}
	past, err := s.History(t.Context(), tenant, approval.Person{ID: "ana"}, noon)
	if err != nil || past.Asked == 0 || !past.More {
		t.Errorf("History = %+v, %v, want some and more", past, err)
	}
	if most := 15_000_000; store.total > most {
		t.Errorf("it read %d bytes, want at most %d", store.total, most)
	}
}

// judged counts how often it was asked who may vote.
type judged struct {
	*world

	times int
}

func (j *judged) Judge(v approval.Voter, relayed bool, d *approval.Document, now time.Time) []string {
	j.times++
	return j.world.Judge(v, relayed, d, now)
}

// Anybody who signs in may list: finding that nothing is theirs does not take
// thousands of decisions.
func TestAPageIsBoundedInDecisions(t *testing.T) {
	w := memoryWorld()
	w.options.OpenPerUser, w.options.OpenPerAgent = 3000, 3000
	j := &judged{world: w}
	s := approval.New(w.store, w.keys, &w.log, j, w.options)
	for i := range 1200 {
		mustOpen(t, s, order(fmt.Sprint(i)), noon)
	}
	list, err := s.List(t.Context(), reader(person("nobody")), approval.ListQuery{Limit: approval.MaxLimit}, noon)
	if err != nil || len(list.Approvals) != 0 || list.Next == "" {
		t.Fatalf("List = %d approvals, next %q, %v, want none and a next", len(list.Approvals), list.Next, err)
	}
	if j.times > 500 {
		t.Errorf("one page took %d decisions, want at most 500", j.times)
	}
	if got := idsOf(t, s, reader(person("mia")), approval.ListQuery{Limit: 7}, noon); len(got) != 1200 {
		t.Errorf("all pages have %d approvals, want 1200", len(got))
	}
}
