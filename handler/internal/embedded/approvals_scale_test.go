package embedded

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// howManyOpen is how many approvals are open while lists are measured.
var howManyOpen = flag.Int("open-approvals", 2000, "approvals that are open at a time in the scale tests")

// everybody names one role, whoever asks.
type everybody struct{}

func (everybody) Lists(string, identity.Principal, time.Time) []approval.Key {
	return []approval.Key{approval.ByApprover("finance/over", "role:Manager")}
}

func (everybody) Judge(v approval.Voter, _ bool, d *approval.Document, _ time.Time) []string {
	if v.ID == "mia" {
		return []string{d.Current.Requirements[0].PolicyID}
	}
	return nil
}

// crowded is a service over a file with that many open approvals, of 100 people
// and 10 agents.
func crowded(tb testing.TB, n int) (*approval.Service, *Approvals) {
	tb.Helper()
	store, err := OpenApprovals(filepath.Join(tb.TempDir(), "approvals.db"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	store.db.NoSync = true // filling it proves nothing about durability
	s := approval.New(store, approval.Keys{Current: storetest.Key}, &forgetful{}, everybody{}, approval.Options{OpenPerUser: n, OpenPerAgent: n})
	for i := range n {
		r := storetest.Order(fmt.Sprint(i))
		r.User, r.Agent = policy.User{ID: fmt.Sprintf("user-%d", i%100)}, fmt.Sprintf("agent-%d", i%10)
		if _, _, err := s.Open(tb.Context(), r, storetest.Noon.Add(time.Duration(i)*time.Millisecond)); err != nil {
			tb.Fatal(err)
		}
	}
	store.db.NoSync = false
	return s, store
}

// forgetful takes every event and keeps none.
type forgetful struct{ storetest.EventLog }

func (*forgetful) Append(context.Context, approval.Entry) (audit.Receipt, error) {
	return audit.Receipt{}, nil
}

// What people look at: a page of what they may decide, of everything, and of
// the past of one requester.
func pages(s *approval.Service) map[string]func(ctx context.Context, now time.Time) (int, error) {
	list := func(p identity.Principal) func(ctx context.Context, now time.Time) (int, error) {
		return func(ctx context.Context, now time.Time) (int, error) {
			l, err := s.List(ctx, approval.Reader{Principal: p, Tenant: storetest.Tenant}, approval.ListQuery{Filter: approval.OnlyOpen}, now)
			return len(l.Approvals), err
		}
	}
	return map[string]func(ctx context.Context, now time.Time) (int, error){
		"an approver":    list(identity.Principal{Kind: identity.Person, Tenant: storetest.Tenant, ObjectID: "mia", AppRoles: []string{identity.RoleApprover}}),
		"an auditor":     list(identity.Principal{Kind: identity.Person, Tenant: storetest.Tenant, ObjectID: "ada", AppRoles: []string{identity.RoleAuditor}}),
		"the asking app": list(identity.Principal{Kind: identity.Application, Tenant: storetest.Tenant, Application: storetest.Flow}),
		"one's past": func(ctx context.Context, now time.Time) (int, error) {
			past, err := s.History(ctx, storetest.Tenant, approval.Person{ID: "user-7"}, now)
			return min(past.Asked, approval.DefaultLimit), err
		},
	}
}

// A page costs a page, however many approvals are open: its records are read
// and no others.
func TestAPageOfManyApprovals(t *testing.T) {
	const n = 600
	s, store := crowded(t, n)
	now := storetest.Noon.Add(time.Minute)
	for name, page := range pages(s) {
		if got, err := page(t.Context(), now); err != nil || got == 0 || got > approval.DefaultLimit {
			t.Errorf("a page for %s = %d approvals, %v", name, got, err)
		}
	}
	counted := &countingLists{Store: store}
	s = approval.New(counted, approval.Keys{Current: storetest.Key}, &forgetful{}, everybody{}, approval.Options{})
	for name, page := range pages(s) {
		counted.records = 0
		if _, err := page(t.Context(), now); err != nil || counted.records > 2*approval.DefaultLimit {
			t.Errorf("a page for %s reads %d records of %d, %v", name, counted.records, n, err)
		}
	}
}

// countingLists counts the records that lists give.
type countingLists struct {
	approval.Store
	records int
}

func (c *countingLists) List(ctx context.Context, q approval.Query) (approval.Page, error) {
	p, err := c.Store.List(ctx, q)
	c.records += len(p.Records)
	return p, err
}

func BenchmarkPageOfOpenApprovals(b *testing.B) {
	s, _ := crowded(b, *howManyOpen)
	now := storetest.Noon.Add(time.Hour)
	for name, page := range pages(s) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := page(b.Context(), now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("open one more", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			r := storetest.Order(fmt.Sprint("more-", i))
			r.User, r.Agent = policy.User{ID: "user-7"}, "agent-7"
			if _, _, err := s.Open(b.Context(), r, now); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sweep with nothing due", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Sweep(b.Context(), func() time.Time { return now }); err != nil {
				b.Fatal(err)
			}
		}
	})
}
