package authorize_test

import (
	"context"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
)

// A mask may make parameters longer than they were sent. Whatever people are
// asked about can be used once they have approved it.
func TestWhatIsOpenedCanBeUsed(t *testing.T) {
	opened := 0
	for _, items := range []int{6_000, 9_000, 10_000, 12_000} {
		w := newWorld(t)
		w.policies.use(changed(t,
			`"ledger": {"type": "string"}}`, `"ledger": {"type": "string"}, "tags": {"type": "strings"}}`,
			`{"path": "parameters.token", "method": "hash"}`, `{"path": "parameters.token", "method": "hash"}, {"path": "parameters.tags.*", "method": "hash"}`))
		r := with(order("70000"), func(r *authorize.Request) {
			r.Parameters = object(`{"amount":70000,"currency":"EUR","tags":["a"` + strings.Repeat(`,"a"`, items) + `]}`)
		})
		a, err := w.serve().Decide(context.Background(), ana(), r, enforce)
		if err != nil {
			wantUnavailable(t, a, err, "approvals")
			continue
		}
		opened++
		ballot := approval.Ballot{ApprovalID: a.Approval.ID, Choice: approval.Approve, Digest: a.RequestDigest}
		if _, err := w.votes.Vote(t.Context(), approval.Reader{Principal: mia(), Tenant: tenant}, ballot, noon); err != nil {
			t.Errorf("%d items: Vote = %v", items, err)
		}
		if a, err := w.serve().Decide(context.Background(), ana(), r, enforce); err != nil || !a.Decision.Execute() {
			t.Errorf("%d items: use = %s %s, %v, want it to run", items, a.Decision, a.ReasonCode, err)
		}
	}
	if opened < 2 {
		t.Errorf("%d were opened, want two at least", opened)
	}
}
