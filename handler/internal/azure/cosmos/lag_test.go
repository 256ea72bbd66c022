package cosmos

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/cosmosserver"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// anybody may approve everything.
type anybody struct{}

// Lists implements [approval.Approvers].
func (anybody) Lists(string, identity.Principal, time.Time) []approval.Key {
	return []approval.Key{approval.Everything}
}

// Judge implements [approval.Approvers].
func (anybody) Judge(_ approval.Voter, _ bool, d *approval.Document, _ time.Time) []string {
	var ids []string
	for _, r := range d.Current.Requirements {
		ids = append(ids, r.PolicyID)
	}
	return ids
}

// R4, FR26: two instances know nothing of each other's sessions, and the
// replica that answers both stands still at an approval that nobody has used.
// Of 60 that use it one at most is told that it may; once the replica has
// caught up, the log has one use and nobody gets another.
func TestSingleUseAcrossInstancesThatLag(t *testing.T) {
	_, s := stubbed(t)
	var log storetest.EventLog
	var services [2]*approval.Service
	for i := range services {
		store := another(t, s, Options{CallTimeout: 5 * time.Second}).Approvals()
		services[i] = approval.New(store, approval.Keys{Current: storetest.Key}, &log, anybody{}, approval.Options{})
	}
	order := storetest.Order("a")
	id := approved(t, services[0], order)
	use := func(i int) error {
		taking := approval.Taking{Call: order.Call, Approval: id, DecisionID: fmt.Sprint("decision-", i), Answer: []byte(`{}`), Record: []byte(`{}`)}
		_, _, err := services[i%2].Use(t.Context(), taking, storetest.Noon)
		return err
	}
	s.Hold()
	var told, behind atomic.Int64
	s.Script(func(c cosmosserver.Call) cosmosserver.Fault {
		if c.Operation == cosmosserver.Read {
			behind.Add(1)
		}
		return cosmosserver.Fault{}
	})
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			if use(i) == nil {
				told.Add(1)
			}
		})
	}
	all.Wait()
	s.Release()
	err := use(60)
	if told.Load() > 1 || !errors.Is(err, approval.ErrUsed) {
		t.Errorf("%d were told that they may, and a later one %v; want one at most, and ErrUsed", told.Load(), err)
	}
	uses := map[string]bool{} // an event may be logged again, under its id
	for _, e := range log.Entries() {
		if e.Event.Kind == approval.EventConsumed {
			uses[e.Event.ID] = true
		}
	}
	if len(uses) != 1 || behind.Load() < 60 {
		t.Errorf("the log has %d uses after %d reads that were behind, want 1 after 60 and more", len(uses), behind.Load())
	}
}

// approved opens an approval and approves it.
func approved(t *testing.T, s *approval.Service, order approval.OpenRequest) (id string) {
	t.Helper()
	a, _, err := s.Open(t.Context(), order, storetest.Noon)
	if err != nil {
		t.Fatal(err)
	}
	mia := identity.Principal{Kind: identity.Person, Tenant: order.Tenant, ObjectID: "mia", AppRoles: []string{identity.RoleApprover}}
	ballot := approval.Ballot{ApprovalID: a.ID, Choice: approval.Approve, Digest: order.Digest}
	a, err = s.Vote(t.Context(), approval.Reader{Principal: mia, Tenant: order.Tenant}, ballot, storetest.Noon)
	if err != nil || a.Status != approval.Approved {
		t.Fatalf("Vote = %s, %v, want approved", a.Status, err)
	}
	return a.ID
}
