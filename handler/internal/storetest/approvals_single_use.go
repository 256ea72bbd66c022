package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// ApprovalSingleUse lets 200 decisions use one approval at once, half of them
// in another process: exactly one does, the others know that they did not, and
// the log has that one. Each run needs a name of its own in the store.
func ApprovalSingleUse(t *testing.T, store approval.Store, run string) {
	t.Helper()
	const users = 200
	var log EventLog
	var s [2]*approval.Service
	for i := range s {
		s[i] = approval.New(store, approval.Keys{Current: Key}, &log, managers{}, approval.Options{})
	}
	order := Order("single-use")
	order.Tenant = run
	id := approvedOf(t, s[0], order)
	start := make(chan struct{})
	errs := make([]error, users)
	var all sync.WaitGroup
	for i := range users {
		all.Go(func() {
			<-start
			_, _, errs[i] = s[i%len(s)].Use(t.Context(), taking(order.Call, id, fmt.Sprint("decision-", i)), Noon)
		})
	}
	close(start)
	all.Wait()
	var winners []string
	for i, err := range errs {
		switch {
		case err == nil:
			winners = append(winners, fmt.Sprint("decision-", i))
		case !errors.Is(err, approval.ErrUsed):
			t.Errorf("Use = %v, want ErrUsed", err)
		}
	}
	if used := log.uses(); len(winners) != 1 || !slices.Equal(used, winners) {
		t.Errorf("%q were told that they may run and the log has uses by %q, want the same one", winners, used)
	}
}

// approvedOf opens an approval and approves it.
func approvedOf(t *testing.T, s *approval.Service, order approval.OpenRequest) (id string) {
	t.Helper()
	a, _, err := s.Open(t.Context(), order, Noon)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	mia := identity.Principal{Kind: identity.Person, Tenant: order.Tenant, ObjectID: "mia", AppRoles: []string{identity.RoleApprover}}
	ballot := approval.Ballot{ApprovalID: a.ID, Choice: approval.Approve, Digest: order.Digest}
	a, err = s.Vote(t.Context(), approval.Reader{Principal: mia, Tenant: order.Tenant}, ballot, Noon)
	if err != nil || a.Status != approval.Approved {
		t.Fatalf("Vote = %s, %v, want approved", a.Status, err)
	}
	return a.ID
}
