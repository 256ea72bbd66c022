package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

var k = approval.Query{Tenant: tenantA, Keys: []approval.Key{"k"}}

func listOrder(_ *testing.T, a *approvals) {
	for _, r := range []approval.Record{asked("m", 5, "k"), asked("z", 9, "k"), asked("b", 5, "k"), asked("a", 1, "k"), asked("x", 5, "other")} {
		a.put(r, "")
	}
	for limit := 1; limit <= 5; limit++ {
		a.wantSlots(fmt.Sprintf("newest first, then by slot, %d a page", limit), a.list(k, limit), "z", "b", "m", "a")
	}
	a.wantSlots("a key of nobody", a.list(approval.Query{Tenant: tenantA, Keys: []approval.Key{"none"}}, 9))
	a.wantSlots("no key", a.list(approval.Query{Tenant: tenantA}, 9))
	a.wantSlots("a tenant of nobody", a.list(approval.Query{Tenant: "nobody", Keys: k.Keys}, 9))
}

func listOfSeveralKeys(_ *testing.T, a *approvals) {
	a.put(asked("both", 2, "k1", "k2"), "")
	a.put(asked("first", 3, "k1"), "")
	a.put(asked("second", 1, "k2"), "")
	a.put(asked("third", 4, "k3"), "")
	q := approval.Query{Tenant: tenantA, Keys: []approval.Key{"k2", "k1", "k2", "none"}}
	for limit := 1; limit <= 4; limit++ {
		a.wantSlots(fmt.Sprintf("each once, %d a page", limit), a.list(q, limit), "first", "both", "second")
	}
}

func listOpenAndClosed(_ *testing.T, a *approvals) {
	closed := asked("closed", 1, "k")
	closed.Index.Closes = time.Time{}
	short := asked("short", 2, "k")
	short.Index.Closes = after(10)
	for _, r := range []approval.Record{closed, short, asked("long", 3, "k")} {
		a.put(r, "")
	}
	for _, tc := range []struct {
		filter approval.Filter
		at     time.Time
		want   []string
	}{
		{approval.AnyState, after(5), []string{"long", "short", "closed"}},
		{approval.OnlyOpen, after(5), []string{"long", "short"}},
		{approval.OnlyClosed, after(5), []string{"closed"}},
		{approval.OnlyOpen, after(10).Add(-time.Millisecond), []string{"long", "short"}},
		{approval.OnlyOpen, after(10), []string{"long"}}, // open before Closes, not at it
		{approval.OnlyClosed, after(10), []string{"short", "closed"}},
		{approval.OnlyClosed, after(99), []string{"long", "short", "closed"}},
		{approval.OnlyOpen, after(99), []string{}},
	} {
		q := k
		q.Filter, q.At = tc.filter, tc.at
		for limit := 1; limit <= 3; limit++ {
			a.wantSlots(fmt.Sprintf("filter %d at %s, %d a page", tc.filter, tc.at, limit), a.list(q, limit), tc.want...)
		}
	}
}

func listFollowsWrite(_ *testing.T, a *approvals) {
	revision := a.put(asked("one", 1, "k"), "")
	a.put(asked("two", 2, "k"), "")
	revision = a.put(asked("one", 3, "k", "other"), revision) // a new generation moves to the front
	a.wantSlots("after it moved", a.list(k, 9), "one", "two")
	closed := asked("one", 3, "other")
	closed.Index.Closes = time.Time{}
	a.put(closed, revision)
	a.wantSlots("after its key went", a.list(k, 9), "two")
	q := approval.Query{Tenant: tenantA, Keys: []approval.Key{"other"}, Filter: approval.OnlyOpen, At: after(4)}
	a.wantSlots("after it closed, the open ones", a.list(q, 9))
	q.Filter = approval.OnlyClosed
	a.wantSlots("after it closed, the closed ones", a.list(q, 9), "one")
}

// pagingAcrossWrites: whoever was there all along is seen exactly once.
func pagingAcrossWrites(t *testing.T, a *approvals) {
	revisions := map[string]approval.Revision{}
	for i := range 10 {
		slot := fmt.Sprintf("s%d", i)
		revisions[slot] = a.put(asked(slot, i, "k"), "")
	}
	q := k
	q.Limit = 3
	seen := map[string]int{}
	for n := range maxPages {
		page, err := a.store.List(t.Context(), q)
		if err != nil {
			t.Fatalf("List = %v", err)
		}
		for _, slot := range slotsOf(page, 3, t) {
			seen[slot]++
		}
		if q.Page = page.Next; q.Page == "" {
			break
		}
		a.put(asked(fmt.Sprintf("new%d", n), 100+n, "k"), "") // in front of the page
		a.put(asked(fmt.Sprintf("old%d", n), -1-n, "k"), "")  // behind it
		changed := asked("s0", 0, "k")
		changed.Body = []byte(`"changed"`)
		revisions["s0"] = a.put(changed, revisions["s0"])
		if n == 0 { // the one just seen goes away
			a.put(asked("s7", 7), revisions["s7"])
		}
	}
	for i := range 10 {
		if slot := fmt.Sprintf("s%d", i); seen[slot] != 1 {
			t.Errorf("%s was seen %d times while paging, want once", slot, seen[slot])
		}
	}
}

// pagingEnds: no page is promised behind the last one.
func pagingEnds(t *testing.T, a *approvals) {
	a.put(asked("one", 1, "k"), "")
	a.put(asked("two", 2, "k"), "")
	q := k
	q.Limit = 2
	for pages := 1; ; pages++ {
		page, err := a.store.List(t.Context(), q)
		if err != nil {
			t.Fatalf("List = %v", err)
		}
		if q.Page = page.Next; q.Page == "" {
			break
		}
		if pages > 2 {
			t.Fatalf("%d pages of two records and no end", pages)
		}
	}
}

func badPage(t *testing.T, a *approvals) {
	a.put(asked("one", 1, "k"), "")
	for _, token := range []string{"x", "\x00", "AAAA", "%%%", "null{"} {
		q := k
		q.Limit, q.Page = 1, token
		_, err := a.store.List(t.Context(), q)
		wantError(t, fmt.Sprintf("List from page %q", token), err, approval.ErrPage)
		_, err = a.store.Due(t.Context(), noon, 1, token)
		wantError(t, fmt.Sprintf("Due from page %q", token), err, approval.ErrPage)
	}
}

// due reads all pages of what is due.
func (a *approvals) due(at time.Time, limit int) []string {
	a.t.Helper()
	slots, token := []string{}, ""
	for range maxPages {
		page, err := a.store.Due(a.t.Context(), at, limit, token)
		if err != nil {
			a.t.Fatalf("Due = %v", err)
		}
		slots = append(slots, slotsOf(page, limit, a.t)...)
		if token = page.Next; token == "" {
			return slots
		}
	}
	a.t.Fatalf("Due has no end")
	return nil
}

func dueAt(slot, tenant string, due time.Time) approval.Record {
	r := asked(slot, 0)
	r.Tenant, r.Index.Due = tenant, due
	return r
}

func dueInOrder(_ *testing.T, a *approvals) {
	for _, r := range []approval.Record{
		dueAt("late", tenantA, after(30)), dueAt("never", tenantA, time.Time{}), dueAt("now", tenantB, after(20)),
		dueAt("early", tenantB, after(10)), dueAt("future", tenantA, after(31)), dueAt("ancient", tenantA, time.UnixMilli(1)),
	} {
		a.put(r, "")
	}
	a.wantSlots("due", a.due(after(30), 9), "ancient", "early", "now", "late")
	a.wantSlots("due a millisecond before the last", a.due(after(30).Add(-time.Millisecond), 9), "ancient", "early", "now")
}

func dueFollowsWrite(_ *testing.T, a *approvals) {
	revision := a.put(dueAt("one", tenantA, after(10)), "")
	revision = a.put(dueAt("one", tenantA, after(20)), revision)
	a.wantSlots("due at its old time", a.due(after(15), 9))
	a.wantSlots("due at its new time", a.due(after(20), 9), "one")
	a.put(dueAt("one", tenantA, time.Time{}), revision)
	a.wantSlots("due when it is never due", a.due(after(99), 9))
}

func duePages(_ *testing.T, a *approvals) {
	want := []string{}
	for i := range 7 {
		slot := fmt.Sprintf("s%d", i)
		a.put(dueAt(slot, []string{tenantA, tenantB}[i%2], after(i)), "")
		want = append(want, slot)
	}
	for limit := 1; limit <= 8; limit++ {
		a.wantSlots(fmt.Sprintf("due, %d a page", limit), a.due(after(9), limit), want...)
	}
}

func (a *approvals) wantOpen(c approval.Count, want int) {
	a.t.Helper()
	c.Tenant = tenantA
	if c.Limit == 0 {
		c.Limit = 99
	}
	if n, err := a.store.CountOpen(a.t.Context(), c); err != nil || n != want {
		a.t.Errorf("CountOpen(%+v) = %d, %v, want %d", c, n, err, want)
	}
}

func countOpen(_ *testing.T, a *approvals) {
	add := func(slot, tenant, agent, user string, closes time.Time) {
		r := asked(slot, 0)
		r.Tenant, r.Index.Agent, r.Index.User, r.Index.Closes = tenant, agent, user, closes
		a.put(r, "")
	}
	add("1", tenantA, "bot", "oid:ana", after(10))
	add("2", tenantA, "bot", "oid:ana", after(20))
	add("3", tenantA, "bot", "oid:ben", after(20))
	add("4", tenantA, "bot", "", after(20))
	add("5", tenantA, "bot", "oid:ana", time.Time{})
	add("6", tenantA, "bot2", "oid:ana", after(20))
	add("7", tenantB, "bot", "oid:ana", after(20))
	a.wantOpen(approval.Count{Agent: "bot", User: "oid:ana", At: after(5)}, 2)
	a.wantOpen(approval.Count{Agent: "bot", User: "oid:ana", At: after(10)}, 1)
	a.wantOpen(approval.Count{Agent: "bot", User: "oid:ana", At: after(20)}, 0)
	a.wantOpen(approval.Count{Agent: "bot", User: "", At: after(5)}, 1)
	a.wantOpen(approval.Count{Agent: "bot", User: "oid:ana", AnyUser: true, At: after(5)}, 4)
	a.wantOpen(approval.Count{Agent: "bo", AnyUser: true, At: after(5)}, 0)
	a.wantOpen(approval.Count{Agent: "nobody", AnyUser: true, At: after(5)}, 0)
}

func countFollowsWrite(t *testing.T, a *approvals) {
	revisions := []approval.Revision{}
	for i := range 5 {
		revisions = append(revisions, a.put(asked(fmt.Sprintf("s%d", i), i), ""))
	}
	a.wantOpen(approval.Count{Agent: "agent", AnyUser: true, At: after(5)}, 5)
	n, err := a.store.CountOpen(t.Context(), approval.Count{Tenant: tenantA, Agent: "agent", AnyUser: true, At: after(5), Limit: 3})
	if err != nil || n < 3 {
		t.Errorf("CountOpen with limit 3 = %d, %v, want at least 3", n, err)
	}
	closed := asked("s0", 0)
	closed.Index.Closes = time.Time{}
	a.put(closed, revisions[0])
	moved := asked("s1", 1)
	moved.Index.Agent, moved.Index.User = "other", "oid:ben"
	a.put(moved, revisions[1])
	a.wantOpen(approval.Count{Agent: "agent", AnyUser: true, At: after(5)}, 3)
	a.wantOpen(approval.Count{Agent: "agent", User: "oid:ana", At: after(5)}, 3)
	a.wantOpen(approval.Count{Agent: "other", User: "oid:ben", At: after(5)}, 1)
}
