package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// modelled is what an approval should be. The newest of a call is the last.
type modelled struct {
	id        string
	status    approval.Status // as written
	user      string
	approveBy time.Time
	executeBy time.Time
}

func (m *modelled) at(now time.Time) approval.Status {
	switch {
	case m.status == approval.Pending && !now.Before(m.approveBy), m.status == approval.Approved && !now.Before(m.executeBy.Add(-time.Minute)):
		return approval.Expired
	}
	return m.status
}

// machine runs the service over a store beside a model of it. Faults come and
// go, the clock jumps, and another program makes the transitions that this one
// does not make yet.
type machine struct {
	t      *rapid.T
	store  approval.Store // without faults
	s      *approval.Service
	log    EventLog
	tenant string
	now    time.Time
	faults int // calls of the store that still fail
	kind   Fault
	calls  map[string][]*modelled
	ids    []string // every id that was ever answered
}

const (
	capUser  = 3
	capAgent = 5
)

var (
	callNames = []string{"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"}
	userOf    = map[string]string{"c0": "ana", "c1": "ana", "c2": "ana", "c3": "ana", "c4": "ben", "c5": "ben", "c6": "", "c7": ""}
)

func (m *machine) request(name string) approval.OpenRequest {
	r := Order(name)
	r.Tenant, r.User = m.tenant, policy.User{ID: userOf[name]}
	return r
}

func (m *machine) reader() approval.Reader {
	auditor := identity.Principal{Kind: identity.Person, Tenant: m.tenant, AppRoles: []string{identity.RoleAuditor}}
	return approval.Reader{Principal: auditor, Tenant: m.tenant}
}

func (m *machine) newest(name string) *modelled {
	if all := m.calls[name]; len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// openNow counts what is open, of a user or of all.
func (m *machine) openNow(user string, all bool) (n int) {
	for _, cases := range m.calls {
		if c := cases[len(cases)-1]; c.at(m.now).Open() && (all || c.user == user) {
			n++
		}
	}
	return n
}

// wantOpen is what Open should answer.
func (m *machine) wantOpen(name string) (id string, err error) {
	c := m.newest(name)
	switch {
	case c != nil && c.at(m.now).Open():
		return c.id, nil
	case c != nil && c.status == approval.Denied && m.now.Before(c.approveBy):
		return c.id, approval.ErrDenied
	case m.openNow(userOf[name], false) >= capUser || m.openNow("", true) >= capAgent:
		return "", approval.ErrLimit
	}
	return "", nil
}

// ApprovalService runs the service over a store of each test's own.
func ApprovalService(t *testing.T, open func(t *testing.T) approval.Store) {
	t.Run("machine", func(t *testing.T) { runMachine(t, open(t)) })
	t.Run("course", func(t *testing.T) { runCourse(t, open) })
	t.Run("many at once open one", func(t *testing.T) { manyOpenOne(t, open(t)) })
	t.Run("many calls of one agent keep the cap", func(t *testing.T) { manyKeepTheCap(t, open(t)) })
}

func runMachine(t *testing.T, store approval.Store) {
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++ // a tenant of its own, so that no run sees another
		m := &machine{t: t, store: store, tenant: fmt.Sprint("tenant-", runs), now: Noon, calls: map[string][]*modelled{}}
		m.crash(t)
		t.Repeat(map[string]func(*rapid.T){
			"open": m.open, "open again": m.open, "find": m.find, "get": m.get, "list": m.list, "transit": m.transit,
			"clock": m.clock, "break the store": m.breakStore, "break the log": m.breakLog, "crash": m.crash, "": m.check,
		})
	})
}

// manyOpenOne: a hundred callers of one call get one approval, which is
// opened, logged and told as new once.
func manyOpenOne(t *testing.T, store approval.Store) {
	var log EventLog
	s := approval.New(store, approval.Keys{Current: Key}, &log, nil, approval.Options{})
	const callers = 100
	ids, created := make([]string, callers), make([]bool, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			a, c, err := s.Open(t.Context(), Order("a"), Noon.Add(time.Duration(i)*time.Second))
			if err != nil {
				t.Errorf("Open = %v", err)
			}
			ids[i], created[i] = a.ID, c
		})
	}
	wg.Wait()
	slices.Sort(ids)
	if ids[0] != ids[callers-1] {
		t.Errorf("%d callers of one call got several approvals: %q", callers, slices.Compact(ids))
	}
	if n := len(slices.DeleteFunc(created, func(c bool) bool { return !c })); n != 1 {
		t.Errorf("%d callers were told that they opened it, want 1", n)
	}
	if lines := log.Lines(); !slices.Equal(lines, []string{"approval.opened pending"}) {
		t.Errorf("the log has %q, want its opening once", lines)
	}
}

// manyKeepTheCap: what one process opens at once does not pass a cap together.
func manyKeepTheCap(t *testing.T, store approval.Store) {
	var log EventLog
	s := approval.New(store, approval.Keys{Current: Key}, &log, nil, approval.Options{OpenPerUser: 7})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if _, _, err := s.Open(t.Context(), Order(fmt.Sprint(i)), Noon); err != nil && !errors.Is(err, approval.ErrLimit) {
				t.Errorf("Open = %v", err)
			}
		})
	}
	wg.Wait()
	if n := len(log.Entries()); n != 7 {
		t.Errorf("%d approvals were opened, want 7", n)
	}
}
