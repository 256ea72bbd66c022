package approval_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// contract.md: the asking application, a named approver and Fabric.Auditor may
// read; for all others it is the not-found of an unknown id.
func TestWhoMayRead(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	a := mustOpen(t, s, order("a"), noon)
	elsewhere := auditor()
	elsewhere.Tenant = "other"
	robot := person("mia")
	robot.Kind = identity.Application
	developer := identity.Principal{Kind: identity.Developer}
	for name, tc := range map[string]struct {
		reader approval.Reader
		sees   bool
	}{
		"the asking application":               {reader(application(flow)), true},
		"the requester through it":             {reader(identity.Principal{Kind: identity.Person, Tenant: tenant, Application: flow, ObjectID: "ana"}), true},
		"the requester through another":        {reader(identity.Principal{Kind: identity.Person, Tenant: tenant, Application: "other", ObjectID: "ana"}), false},
		"another person who uses it":           {reader(identity.Principal{Kind: identity.Person, Tenant: tenant, Application: flow, ObjectID: "x"}), false},
		"a person of no name who uses it":      {reader(identity.Principal{Kind: identity.Person, Tenant: tenant, Application: flow}), false},
		"a named approver":                     {reader(person("mia")), true},
		"an auditor":                           {reader(auditor()), true},
		"the developer":                        {reader(developer), true},
		"another application":                  {reader(application("other")), false},
		"another person":                       {reader(person("ben")), false},
		"the requester, through another app":   {reader(person("ana")), false},
		"an application with an approver's id": {reader(robot), false},
		"an auditor of another tenant":         {approval.Reader{Principal: elsewhere, Tenant: "other"}, false},
		"one who names this tenant":            {approval.Reader{Principal: elsewhere, Tenant: tenant}, false},
		"the developer in another tenant":      {approval.Reader{Principal: developer, Tenant: "other"}, false},
		"the developer in no tenant":           {approval.Reader{Principal: developer}, false},
		"nobody":                               {approval.Reader{Tenant: tenant}, false},
		"nobody in no tenant":                  {approval.Reader{}, false},
	} {
		got, err := s.Get(t.Context(), tc.reader, a.ID, noon)
		if tc.sees && (err != nil || got.ID != a.ID) {
			t.Errorf("%s: Get = %s, %v, want the approval", name, got.ID, err)
		}
		if !tc.sees && err != approval.ErrNotFound { //nolint:errorlint // not even a text may differ
			t.Errorf("%s: Get = %s, %v, want exactly ErrNotFound", name, got.ID, err)
		}
		list, err := s.List(t.Context(), tc.reader, approval.ListQuery{}, noon)
		if err != nil || len(list.Approvals) == 1 != tc.sees || list.Next != "" {
			t.Errorf("%s: List = %d approvals, next %q, %v, want seen %t", name, len(list.Approvals), list.Next, err, tc.sees)
		}
	}
	if _, err := s.Get(t.Context(), reader(auditor()), approval.ID("00000000000000000000000000", 1), noon); err != approval.ErrNotFound { //nolint:errorlint // as above
		t.Errorf("Get of an unknown id = %v, want exactly ErrNotFound", err)
	}
}

// An approval that the local developer opened has no application, which is
// no application anybody could be.
func TestNoApplicationIsNobodys(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	r := order("a")
	r.Application = ""
	a := mustOpen(t, s, r, noon)
	_, err := s.Get(t.Context(), reader(application("")), a.ID, noon)
	wantError(t, "Get without an application", err, approval.ErrNotFound)
}

// T25, field report 33: membership is judged now, by today's policy.
func TestNamingIsJudgedAtEveryRead(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	a := mustOpen(t, s, order("a"), noon)
	delete(w.named, "mia")
	w.named["nora"] = true
	_, err := s.Get(t.Context(), reader(person("mia")), a.ID, noon)
	wantError(t, "Get of one who is no longer named", err, approval.ErrNotFound)
	if _, err := s.Get(t.Context(), reader(person("nora")), a.ID, noon); err != nil {
		t.Errorf("Get of one who is named now = %v", err)
	}
	if list, err := s.List(t.Context(), reader(person("mia")), approval.ListQuery{}, noon); err != nil || len(list.Approvals) != 0 {
		t.Errorf("List of one who is no longer named = %d, %v, want none", len(list.Approvals), err)
	}
}

// idsOf reads all pages.
func idsOf(t *testing.T, s *approval.Service, r approval.Reader, q approval.ListQuery, now time.Time) []string {
	t.Helper()
	ids := []string{}
	for pages := 0; ; pages++ {
		list, err := s.List(t.Context(), r, q, now)
		if err != nil || pages > 1000 {
			t.Fatalf("List, page %d = %v", pages, err)
		}
		if len(list.Approvals) > q.Limit && q.Limit > 0 {
			t.Fatalf("a page of %d, want at most %d", len(list.Approvals), q.Limit)
		}
		for _, a := range list.Approvals {
			ids = append(ids, a.ID)
		}
		if q.Page = list.Next; q.Page == "" {
			return ids
		}
	}
}

// Paging neither loses nor repeats what a reader may see among what they may not.
func TestListPagesOverWhatIsHidden(t *testing.T) {
	w := memoryWorld()
	w.options.OpenPerUser = 1000
	s := w.service()
	want := []string{}
	for i := range 60 {
		r := order(fmt.Sprint(i))
		if i%3 == 0 { // not the application's own: only approvers see it
			r.Application = "other"
		}
		a := mustOpen(t, s, r, noon.Add(time.Duration(i)*time.Second))
		if i%3 != 0 {
			want = append(want, a.ID)
		}
	}
	slices.Reverse(want)
	for limit := 1; limit <= 9; limit++ {
		got := idsOf(t, s, reader(application(flow)), approval.ListQuery{Limit: limit}, noon)
		if !slices.Equal(got, want) {
			t.Errorf("List, %d a page = %q, want %q", limit, got, want)
		}
		// The requester through the application, whose lists hold more than that.
		user := person("ana")
		user.Application = flow
		if got := idsOf(t, s, reader(user), approval.ListQuery{Limit: limit}, noon); !slices.Equal(got, want) {
			t.Errorf("List of a user, %d a page = %q, want %q", limit, got, want)
		}
		// The approver is named by nothing any more, so all of it is hidden.
		w.named["mia"] = false
		if got := idsOf(t, s, reader(person("mia")), approval.ListQuery{Limit: limit}, noon); len(got) != 0 {
			t.Errorf("List of nobody's, %d a page = %q, want none", limit, got)
		}
		w.named["mia"] = true
		if got := idsOf(t, s, reader(person("mia")), approval.ListQuery{Limit: limit}, noon); len(got) != 60 {
			t.Errorf("List of the approver, %d a page = %d, want 60", limit, len(got))
		}
	}
}

// The clock decides what is open, whatever has been written.
func TestListFollowsTheClock(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	a := mustOpen(t, s, order("a"), noon)
	b := mustOpen(t, s, order("b"), noon.Add(time.Hour))
	for _, tc := range []struct {
		filter approval.Filter
		now    time.Time
		want   []string
	}{
		{approval.OnlyOpen, noon.Add(time.Hour), []string{b.ID, a.ID}},
		{approval.OnlyClosed, noon.Add(time.Hour), []string{}},
		{approval.OnlyOpen, a.ApproveBy, []string{b.ID}},
		{approval.OnlyClosed, a.ApproveBy, []string{a.ID}},
		{approval.AnyState, a.ApproveBy, []string{b.ID, a.ID}},
	} {
		if got := idsOf(t, s, reader(auditor()), approval.ListQuery{Filter: tc.filter}, tc.now); !slices.Equal(got, tc.want) {
			t.Errorf("List(filter %d) at %s = %q, want %q", tc.filter, tc.now, got, tc.want)
		}
	}
	list, err := s.List(t.Context(), reader(auditor()), approval.ListQuery{Filter: approval.OnlyClosed}, a.ApproveBy)
	if err != nil || list.Approvals[0].Status != approval.Expired || !list.Approvals[0].Final {
		t.Errorf("List = %+v, %v, want it expired and final", list, err)
	}
}

func TestListBounds(t *testing.T) {
	w := memoryWorld()
	w.options = approval.Options{OpenPerUser: 1000, OpenPerAgent: 1000}
	s := w.service()
	for i := range approval.MaxLimit + 1 {
		mustOpen(t, s, order(fmt.Sprint(i)), noon)
	}
	for limit, want := range map[int]int{0: approval.DefaultLimit, -1: approval.DefaultLimit, 7: 7, 1 << 30: approval.MaxLimit} {
		list, err := s.List(t.Context(), reader(auditor()), approval.ListQuery{Limit: limit}, noon)
		if err != nil || len(list.Approvals) != want || list.Next == "" {
			t.Errorf("List(limit %d) = %d approvals, next %q, %v, want %d and a next", limit, len(list.Approvals), list.Next, err, want)
		}
	}
	_, err := s.List(t.Context(), reader(auditor()), approval.ListQuery{Page: "nonsense"}, noon)
	wantError(t, "List of a page that is none", err, approval.ErrPage)
}
