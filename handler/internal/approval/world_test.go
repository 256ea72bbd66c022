package approval_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

const (
	tenant = storetest.Tenant
	flow   = storetest.Flow
)

var (
	noon     = storetest.Noon
	key      = storetest.Key
	previous = policy.NewKey("k1", []byte(strings.Repeat("1", 32)))
	order    = storetest.Order
	call     = storetest.CallOf
)

// world is a service, what is behind it and what it told the log.
type world struct {
	store   approval.Store
	keys    approval.Keys
	options approval.Options
	named   map[string]bool // object ids that every requirement names
	log     storetest.EventLog
}

func newWorld(store approval.Store) *world {
	return &world{store: store, keys: approval.Keys{Current: key}, named: map[string]bool{"mia": true}}
}

func memoryWorld() *world { return newWorld(&storetest.MemoryApprovals{}) }

func (w *world) service() *approval.Service {
	return approval.New(w.store, w.keys, &w.log, w, w.options)
}

// Lists implements [approval.Approvers]. It gives too many, which it may.
func (w *world) Lists(string, identity.Principal, time.Time) []approval.Key {
	return []approval.Key{approval.ByApprover("finance/over", "role:Manager")}
}

// Judge implements [approval.Approvers]: whoever is named may vote for every
// requirement, those with relay alone by mail.
func (w *world) Judge(v approval.Voter, relayed bool, d *approval.Document, _ time.Time) []string {
	var ids []string
	for _, r := range d.Current.Requirements {
		if w.named[v.ID] && (r.Relay || !relayed) {
			ids = append(ids, r.PolicyID)
		}
	}
	return ids
}

func mustOpen(t *testing.T, s *approval.Service, r approval.OpenRequest, now time.Time) approval.Approval {
	t.Helper()
	a, _, err := s.Open(t.Context(), r, now)
	if err != nil {
		t.Fatalf("Open(%s) = %v", r.Digest, err)
	}
	return a
}

// stored is the document of a call, as it lies in the store.
func (w *world) stored(t *testing.T, c approval.Call) (*approval.Document, approval.Revision) {
	t.Helper()
	r, err := w.store.Get(t.Context(), c.Tenant, approval.Slot(key, c.Tenant, c.Application, c.Digest))
	if err != nil {
		t.Fatalf("Get = %v", err)
	}
	d, err := approval.Decode(r.Body)
	if err != nil {
		t.Fatalf("Decode = %v", err)
	}
	return d, r.Revision
}

// change rewrites the document of a call, as a transition of another program
// would, and keeps its index true for what is asked here.
func (w *world) change(t *testing.T, c approval.Call, edit func(*approval.Document)) {
	t.Helper()
	d, revision := w.stored(t, c)
	edit(d)
	body, err := approval.Encode(d)
	if err != nil {
		t.Fatalf("Encode = %v", err)
	}
	r, err := w.store.Get(t.Context(), d.Tenant, d.Slot)
	if err != nil {
		t.Fatalf("Get = %v", err)
	}
	r.Body = body
	switch {
	case !d.Current.Status.Open():
		r.Index.Closes = time.Time{}
	case d.Current.Status == approval.Approved:
		r.Index.Closes = d.Current.ExecuteBy
	}
	if _, err := w.store.Put(t.Context(), r, revision); err != nil {
		t.Fatalf("Put = %v", err)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want %v", what, err, want)
	}
}

func wantLines(t *testing.T, w *world, want ...string) {
	t.Helper()
	if got := w.log.Lines(); !slices.Equal(got, want) {
		t.Errorf("the log has %q, want %q", got, want)
	}
}

// Principals.

func auditor() identity.Principal {
	return identity.Principal{Kind: identity.Person, Tenant: tenant, Application: "console", ObjectID: "aud", AppRoles: []string{identity.RoleAuditor}}
}

func person(id string) identity.Principal {
	return identity.Principal{Kind: identity.Person, Tenant: tenant, Application: "console", ObjectID: id, AppRoles: []string{identity.RoleApprover}}
}

func application(id string) identity.Principal {
	return identity.Principal{Kind: identity.Application, Tenant: tenant, Application: id, AppRoles: []string{identity.RoleAuthorize}}
}

func reader(p identity.Principal) approval.Reader {
	return approval.Reader{Principal: p, Tenant: tenant}
}
