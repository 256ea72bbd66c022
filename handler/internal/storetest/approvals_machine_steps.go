package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/policy"
)

func (m *machine) open(t *rapid.T) {
	name := rapid.SampledFrom(callNames).Draw(t, "call")
	id, want := m.wantOpen(name)
	a, created, err := m.s.Open(t.Context(), m.request(name), m.now)
	if m.failed(err) {
		m.adopt(name)
		return
	}
	if !errors.Is(err, want) || id != "" && a.ID != id || created != (id == "" && want == nil) {
		t.Fatalf("Open(%s) = %s, created %t, %v, want %q, %v", name, a.ID, created, err, id, want)
	}
	m.touch(name)
	if created {
		m.calls[name] = append(m.calls[name], &modelled{id: a.ID, status: approval.Pending, user: userOf[name], approveBy: a.ApproveBy})
	}
	if err == nil {
		m.shown(a)
	}
}

// failed reports whether a fault was told. Faults end then, as with a client
// that waits for better times.
func (m *machine) failed(err error) bool {
	if errors.Is(err, approval.ErrUnclear) || errors.Is(err, ErrLog) {
		m.faults, m.log.Down = 0, nil
		return true
	}
	return false
}

// touch: a point read makes durable what the clock has closed.
func (m *machine) touch(name string) {
	if c := m.newest(name); c != nil {
		c.status = c.at(m.now)
	}
}

// adopt takes over what a call that failed left behind: nothing, or an
// expiry, or an expiry and a new approval.
func (m *machine) adopt(name string) {
	r, err := m.store.Get(m.t.Context(), m.tenant, m.slot(name))
	if errors.Is(err, approval.ErrNotFound) {
		return
	}
	d, err := approval.Decode(r.Body)
	if err != nil {
		m.t.Fatalf("Decode = %v", err)
	}
	c := m.newest(name)
	if c != nil && c.id == d.ID() {
		if d.Current.Status == c.at(m.now) {
			c.status = d.Current.Status
		}
		return
	}
	if c != nil && c.at(m.now).Open() {
		m.t.Fatalf("%s was replaced while it was open", c.id)
	}
	m.touch(name)
	m.calls[name] = append(m.calls[name], &modelled{id: d.ID(), status: approval.Pending, user: userOf[name], approveBy: d.Current.ApproveBy})
}

// shown checks what holds of everything that is ever answered.
func (m *machine) shown(a approval.Approval) {
	m.ids = append(m.ids, a.ID)
	for _, e := range m.log.Entries() {
		if e.Event.Kind == approval.EventOpened && e.Document.ID() == a.ID {
			return
		}
	}
	m.t.Fatalf("%s is shown and its opening is not in the log", a.ID)
}

func (m *machine) find(t *rapid.T) {
	name := rapid.SampledFrom(callNames).Draw(t, "call")
	c := CallOf(name)
	c.Tenant = m.tenant
	found, err := m.s.Find(t.Context(), c, approval.Wanted{}, m.now)
	if m.failed(err) {
		m.adopt(name)
		return
	}
	m.touch(name)
	newest, want, id := m.newest(name), policy.NoApproval, ""
	switch {
	case newest == nil:
	case newest.status.Open():
		want, id = policy.ApprovalOpen, newest.id
	case newest.status == approval.Denied && m.now.Before(newest.approveBy):
		want, id = policy.ApprovalDenied, newest.id
	}
	if err != nil || found.Facts.State != want || found.Approval.ID != id {
		t.Fatalf("Find(%s) = state %d of %q, %v, want %d of %q", name, found.Facts.State, found.Approval.ID, err, want, id)
	}
}

func (m *machine) get(t *rapid.T) {
	if len(m.ids) == 0 {
		t.Skip("nothing to get")
	}
	id := rapid.SampledFrom(m.ids).Draw(t, "id")
	a, err := m.s.Get(t.Context(), m.reader(), id, m.now)
	name, c, age := m.lookUp(id)
	if m.failed(err) {
		m.adopt(name)
		return
	}
	m.touch(name)
	switch {
	case age > approval.KeepEarlier:
		if !errors.Is(err, approval.ErrNotFound) {
			t.Fatalf("Get of one that %d followed = %v, want ErrNotFound", age, err)
		}
	case err != nil || a.ID != id || a.Status != c.status || a.Final == c.status.Open():
		t.Fatalf("Get(%s) = %s %s, %v, want %s", id, a.ID, a.Status, err, c.status)
	}
}

// lookUp is the model of an id and how many followed it.
func (m *machine) lookUp(id string) (string, *modelled, int) {
	for name, cases := range m.calls {
		for i, c := range cases {
			if c.id == id {
				return name, c, len(cases) - 1 - i
			}
		}
	}
	m.t.Fatalf("%s was never opened", id)
	return "", nil, 0
}

func (m *machine) list(t *rapid.T) {
	filter := rapid.SampledFrom([]approval.Filter{approval.AnyState, approval.OnlyOpen, approval.OnlyClosed}).Draw(t, "filter")
	q := approval.ListQuery{Filter: filter, Limit: rapid.IntRange(1, 4).Draw(t, "limit")}
	got := []string{}
	for {
		list, err := m.s.List(t.Context(), m.reader(), q, m.now)
		if m.failed(err) {
			for name := range m.calls { // it may have settled any of them
				m.adopt(name)
			}
			return
		}
		if err != nil {
			t.Fatalf("List = %v", err)
		}
		for _, a := range list.Approvals {
			got = append(got, a.ID+" "+a.Status.String())
			m.shown(a)
		}
		if q.Page = list.Next; q.Page == "" {
			break
		}
	}
	if filter != approval.OnlyOpen { // what has expired is listed there, and settled
		for name := range m.calls {
			m.touch(name)
		}
	}
	if want := m.wantList(filter); !slices.Equal(got, want) {
		t.Fatalf("List(filter %d) = %q, want %q", filter, got, want)
	}
}

func (m *machine) wantList(filter approval.Filter) []string {
	newest := []*modelled{}
	for _, cases := range m.calls {
		newest = append(newest, cases[len(cases)-1])
	}
	slices.SortFunc(newest, func(a, b *modelled) int {
		slotA, generationA, _ := approval.ParseID(a.id)
		slotB, generationB, _ := approval.ParseID(b.id)
		return cmp.Or(cmp.Compare(generationB, generationA), cmp.Compare(slotA, slotB))
	})
	want := []string{}
	for _, c := range newest {
		status := c.at(m.now)
		if filter == approval.AnyState || status.Open() == (filter == approval.OnlyOpen) {
			want = append(want, c.id+" "+status.String())
		}
	}
	return want
}

// transit is another program's transition, whose event it had no time to log.
func (m *machine) transit(t *rapid.T) {
	name := rapid.SampledFrom(callNames).Draw(t, "call")
	c := m.newest(name)
	if c == nil || !c.at(m.now).Open() {
		t.Skip("nothing open")
	}
	next := []approval.Status{approval.Approved, approval.Denied, approval.Cancelled}
	if c.status == approval.Approved {
		next = []approval.Status{approval.Consumed, approval.Revoked, approval.Superseded}
	}
	c.status = rapid.SampledFrom(next).Draw(t, "status")
	if c.status == approval.Approved {
		c.executeBy = m.now.Add(24 * time.Hour).Truncate(time.Millisecond)
	}
	m.rewrite(t, name, func(d *approval.Document) {
		d.Current.Status, d.Current.ExecuteBy = c.status, c.executeBy
		d.Current.Events = append(d.Current.Events, approval.Event{
			ID: fmt.Sprintf("%s-%s", c.id, c.status), Kind: approval.EventClosed, At: m.now, Status: c.status, By: "test",
		})
	})
}

// rewrite changes the document of a call behind the service's back.
func (m *machine) rewrite(t *rapid.T, name string, edit func(*approval.Document)) {
	r, err := m.store.Get(t.Context(), m.tenant, m.slot(name))
	if err != nil {
		t.Fatalf("Get = %v", err)
	}
	d, err := approval.Decode(r.Body)
	if err != nil {
		t.Fatalf("Decode = %v", err)
	}
	edit(d)
	if r.Body, err = approval.Encode(d); err != nil {
		t.Fatalf("Encode = %v", err)
	}
	r.Index.Closes = time.Time{}
	if d.Current.Status == approval.Approved {
		r.Index.Closes = d.Current.ExecuteBy.Add(-time.Minute)
	}
	if _, err := m.store.Put(t.Context(), r, r.Revision); err != nil {
		t.Fatalf("Put = %v", err)
	}
}

func (m *machine) slot(name string) string {
	return approval.Slot(Key, m.tenant, Flow, CallOf(name).Digest)
}

func (m *machine) clock(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(-30, 400).Draw(t, "minutes")) * time.Minute)
}

func (m *machine) breakStore(t *rapid.T) {
	m.faults = rapid.IntRange(1, 4).Draw(t, "calls")
	m.kind = rapid.SampledFrom([]Fault{FailBefore, FailAfter}).Draw(t, "fault")
}

func (m *machine) breakLog(*rapid.T) { m.log.Down = func() error { return ErrLog } }

// crash: the next process knows nothing of this one.
func (m *machine) crash(*rapid.T) {
	faulty := FaultyApprovals{Store: m.store, Next: func(string) Fault {
		if m.faults == 0 {
			return NoFault
		}
		m.faults--
		return m.kind
	}}
	options := approval.Options{OpenPerUser: capUser, OpenPerAgent: capAgent}
	m.s = approval.New(faulty, approval.Keys{Current: Key}, &m.log, nil, options)
}

// check holds after every step: an event is in the log once.
func (m *machine) check(t *rapid.T) {
	seen := map[string]bool{}
	for _, e := range m.log.Entries() {
		if again := seen[e.Event.ID]; again && m.kind == NoFault {
			t.Fatalf("event %s is in the log twice", e.Event.ID)
		}
		seen[e.Event.ID] = true
	}
}
