package authorize_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
)

// parallel asks n times at once.
func (w *world) parallel(n int, request func(int) authorize.Request) ([]authorize.Answer, []error) {
	answers, errs := make([]authorize.Answer, n), make([]error, n)
	service := w.serve()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { answers[i], errs[i] = service.Decide(context.Background(), ana(), request(i), enforce) })
	}
	all.Wait()
	return answers, errs
}

// Many at once get what each would get alone; those that ask for the same
// share one approval.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	all := outcomes()
	all = slices.DeleteFunc(all, func(o outcome) bool { return o.by.Kind != ana().Kind })
	request := func(i int) authorize.Request {
		r := all[i%len(all)].request
		if i%2 == 0 {
			r = order("70000")
		}
		r.CorrelationID = fmt.Sprint("call-", i)
		return r
	}
	answers, errs := w.parallel(64, request)
	asked := map[string]int{}
	required := 0
	for i, a := range answers {
		if errs[i] != nil {
			t.Fatalf("Decide = %v", errs[i])
		}
		w.agree(t, a)
		if a.CorrelationID != fmt.Sprint("call-", i) {
			t.Errorf("call %d got the answer of %s", i, a.CorrelationID)
		}
		if i%2 == 1 {
			if want := all[i%len(all)]; a.ReasonCode != want.code && !(want.code == policy.ApprovalRequired && a.ReasonCode == policy.ApprovalPending) {
				t.Errorf("%s at once = %s, want %s", want.name, a.ReasonCode, want.code)
			}
			continue
		}
		asked[a.Approval.ID]++
		if a.ReasonCode == policy.ApprovalRequired {
			required++
		}
	}
	if len(asked) != 1 || required > 1 {
		t.Errorf("one call got the approvals %v, and %d times a new one, want one", asked, required)
	}
	ids := map[string]bool{}
	for _, r := range w.recorded(t, audit.KindDecision) {
		ids[r.DecisionID] = true
	}
	if len(ids) != 64 {
		t.Errorf("the log has %d decisions, want 64", len(ids))
	}
}

// While policies change, every record is of one of them.
func TestThePolicyChangesUnderLoad(t *testing.T) {
	w := newWorld(t)
	old := catalog.Active{Set: changed(t, `"version": 1`, `"version": 2`), Environment: "dev", Epoch: 2, Age: 2 * time.Second}
	newer := catalog.Active{Set: changed(t, `"version": 1`, `"version": 3`, "po-analyst", "renamed"), Environment: "dev", Epoch: 3, Age: 3 * time.Second}
	w.policies.next = func(asked int) catalog.Active {
		if asked%2 == 0 {
			return old
		}
		return newer
	}
	requests := []authorize.Request{order("100"), order("70000"), order("1.234"), view("")}
	answers, errs := w.parallel(64, func(i int) authorize.Request { return requests[i%len(requests)] })
	epochs := map[int64]int{}
	for i, a := range answers {
		if errs[i] != nil {
			t.Fatalf("Decide = %v", errs[i])
		}
		w.agree(t, a)
		epochs[a.Policy.Epoch]++
	}
	for _, r := range w.recorded(t) {
		wantOneSet(t, r)
	}
	if len(epochs) != 2 {
		t.Errorf("decided under the epochs %v, want both", epochs)
	}
}
