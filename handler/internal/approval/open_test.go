package approval_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// approvals.md "Opening": what is asked is frozen, logged and then told.
func TestOpenFreezesWhatIsAsked(t *testing.T) {
	w := memoryWorld()
	r := order("a")
	a, created, err := w.service().Open(t.Context(), r, noon)
	if err != nil || !created {
		t.Fatalf("Open = created %t, %v, want true, nil", created, err)
	}
	slot := approval.Slot(key, tenant, flow, r.Digest)
	want := approval.Approval{
		ID: approval.ID(slot, approval.Generation(noon.UnixMilli())), Status: approval.Pending, PollAfter: approval.PollAfter,
		Triggers: r.Triggers, ApproveBy: noon.Add(8 * time.Hour), Requirements: r.Requirements,
		Tenant: tenant, Agent: r.Agent, Action: r.Action, Title: r.Title, Digest: r.Digest, Facts: r.Facts, OpenedAt: noon,
		Requester: approval.Requester{Name: "ana@contoso.com", Identity: policy.Asserted}, Votes: []approval.CountedVote{},
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("Open (-want +got):\n%s", diff)
	}
	wantLines(t, w, "approval.opened pending")
	d, _ := w.stored(t, r.Call)
	c := d.Current
	if got := string(c.Frozen.Received) + string(c.Frozen.Canonical); got != string(r.Received)+string(r.Canonical) {
		t.Errorf("frozen request = %s, want it as it was given", got)
	}
	if !c.Events[0].Logged || c.KeyID != "k2" || c.Risk != "medium" || c.RiskScore != "40" || c.CorrelationID != "c-a" {
		t.Errorf("stored = %+v, want the event marked and the key, risk and ids kept", c)
	}
}

// approvals.md "Opening": asking again while it is open returns the same one.
func TestAskingAgainReturnsTheSame(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	first := mustOpen(t, s, order("a"), noon)
	again := order("a")
	again.Requirements[0].ApproveWithin = time.Hour // frozen at opening
	again.Application = strings.ToUpper(flow)       // GUIDs compare without case
	second, created, err := s.Open(t.Context(), again, noon.Add(time.Minute))
	if diff := cmp.Diff(first, second); diff != "" || created || err != nil {
		t.Errorf("Open again = created %t, %v (-want +got):\n%s", created, err, diff)
	}
	wantLines(t, w, "approval.opened pending")
	for _, other := range []approval.OpenRequest{order("b"), func() approval.OpenRequest { r := order("a"); r.Application = "other"; return r }(), func() approval.OpenRequest { r := order("a"); r.Tenant = "other"; return r }()} {
		if a := mustOpen(t, s, other, noon); a.ID == first.ID {
			t.Errorf("Open of call %+v = %s, want an approval of its own", other.Call, a.ID)
		}
	}
}

// contract.md: with several requirements the earliest window counts.
func TestApproveByIsTheEarliestWindow(t *testing.T) {
	r := order("a")
	slow, fast := r.Requirements[0], r.Requirements[0]
	slow.ApproveWithin, fast.ApproveWithin = 48*time.Hour, 90*time.Second
	r.Requirements = []policy.Requirement{slow, fast, slow}
	if a := mustOpen(t, memoryWorld().service(), r, noon); !a.ApproveBy.Equal(noon.Add(90 * time.Second)) {
		t.Errorf("approveBy = %s, want %s", a.ApproveBy, noon.Add(90*time.Second))
	}
}

func TestOpenRefusesWhatCannotBeMet(t *testing.T) {
	for name, edit := range map[string]func(*approval.OpenRequest){
		"no requirement":    func(r *approval.OpenRequest) { r.Requirements = nil },
		"no digest":         func(r *approval.OpenRequest) { r.Digest = "" },
		"no tenant":         func(r *approval.OpenRequest) { r.Tenant = "" },
		"no agent":          func(r *approval.OpenRequest) { r.Agent = "" },
		"nothing received":  func(r *approval.OpenRequest) { r.Received = nil },
		"nothing canonical": func(r *approval.OpenRequest) { r.Canonical = []byte("[]") },
		"broken JSON":       func(r *approval.OpenRequest) { r.Received = []byte(`{"a":`) },
		"needs no vote":     func(r *approval.OpenRequest) { r.Requirements[0].Need = 0 },
		"no time to vote":   func(r *approval.OpenRequest) { r.Requirements[0].ApproveWithin = 0 },
		"no time to run":    func(r *approval.OpenRequest) { r.Requirements[0].ExecuteWithin = time.Second - 1 },
		"larger than a record": func(r *approval.OpenRequest) {
			r.Received = []byte(`{"a":"` + strings.Repeat("x", approval.MaxBody) + `"}`)
		},
	} {
		w := memoryWorld()
		r := order("a")
		edit(&r)
		if a, _, err := w.service().Open(t.Context(), r, noon); err == nil {
			t.Errorf("%s: Open = %+v, want an error", name, a)
		}
		wantLines(t, w)
	}
}

// T30: time that passes is an expiry, never an approval or a person's no; the
// next asking opens the next generation, and the old one is a line.
func TestExpiredGivesWayToTheNext(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	first := mustOpen(t, s, order("a"), noon)
	justBefore := mustOpen(t, s, order("a"), first.ApproveBy.Add(-time.Millisecond))
	if justBefore.ID != first.ID {
		t.Errorf("Open a millisecond before approveBy = %s, want %s", justBefore.ID, first.ID)
	}
	second := mustOpen(t, s, order("a"), first.ApproveBy)
	if second.ID == first.ID || second.Status != approval.Pending {
		t.Errorf("Open at approveBy = %s %s, want another, pending", second.ID, second.Status)
	}
	wantLines(t, w, "approval.opened pending", "approval.closed expired", "approval.opened pending")
	old, err := s.Get(t.Context(), reader(application(flow)), first.ID, first.ApproveBy)
	if err != nil || old.Status != approval.Expired || !old.Final || old.PollAfter != 0 {
		t.Errorf("Get of the first = %+v, %v, want it expired and final", old, err)
	}
}

func TestTheLastTenStayAsLines(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	ids := []string{}
	now := noon
	for range 13 {
		a := mustOpen(t, s, order("a"), now)
		ids = append(ids, a.ID)
		now = a.ApproveBy
	}
	d, _ := w.stored(t, call("a"))
	if len(d.Earlier) != approval.KeepEarlier {
		t.Fatalf("%d lines, want %d", len(d.Earlier), approval.KeepEarlier)
	}
	for i, id := range ids {
		_, err := s.Get(t.Context(), reader(auditor()), id, now.Add(-time.Minute))
		if known := i >= 2; known != (err == nil) {
			t.Errorf("Get of approval %d of 13 = %v, want known %t", i, err, known)
		}
	}
}

// "so that no id recurs", whatever the clock does.
func TestNoIDRecursWhenTheClockIsSetBack(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	first := mustOpen(t, s, order("a"), noon)
	w.change(t, call("a"), func(d *approval.Document) { d.Current.Status = approval.Cancelled })
	for _, now := range []time.Time{noon, noon.Add(-time.Hour)} {
		a := mustOpen(t, s, order("a"), now)
		if a.ID <= first.ID {
			t.Errorf("Open at %s = %s, want an id after %s", now, a.ID, first.ID)
		}
		first = a
		w.change(t, call("a"), func(d *approval.Document) { d.Current.Status = approval.Cancelled })
	}
}

// approvals.md "Using": a call denied by a person answers so until its
// approveBy has passed; other closed ones count for nothing.
func TestWhatIsClosedGivesWay(t *testing.T) {
	for status := approval.Consumed; status <= approval.Superseded; status++ {
		w := memoryWorld()
		s := w.service()
		first := mustOpen(t, s, order("a"), noon)
		w.change(t, call("a"), func(d *approval.Document) { d.Current.Status = status })
		a, created, err := s.Open(t.Context(), order("a"), first.ApproveBy.Add(-time.Millisecond))
		if status == approval.Denied {
			if !errors.Is(err, approval.ErrDenied) || created || a.ID != first.ID || a.Status != approval.Denied {
				t.Errorf("Open of a denied call = %s %s, %v, want the denied one and ErrDenied", a.ID, a.Status, err)
			}
			a, created, err = s.Open(t.Context(), order("a"), first.ApproveBy)
		}
		if err != nil || !created || a.ID == first.ID {
			t.Errorf("Open after %s = %s, created %t, %v, want a new one", status, a.ID, created, err)
		}
	}
}

// A used approval's answer may be asked for again after the next one opened.
func TestAStoredAnswerOutlivesItsGeneration(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	mustOpen(t, s, order("a"), noon)
	w.change(t, call("a"), func(d *approval.Document) {
		d.Current.Status = approval.Consumed
		d.Current.Use = &approval.Use{DecisionID: "d1", IdempotencyKey: "i1", Until: noon.Add(15 * time.Minute), Answer: []byte(`{"x":1}`)}
	})
	mustOpen(t, s, order("a"), noon.Add(time.Minute))
	d, _ := w.stored(t, call("a"))
	if len(d.Replays) != 1 || d.Replays[0].IdempotencyKey != "i1" || string(d.Replays[0].Answer) != `{"x":1}` {
		t.Errorf("replays = %+v, want the one that was used", d.Replays)
	}
	w.change(t, call("a"), func(d *approval.Document) { d.Current.Status = approval.Cancelled })
	mustOpen(t, s, order("a"), noon.Add(15*time.Minute))
	if d, _ := w.stored(t, call("a")); len(d.Replays) != 0 {
		t.Errorf("replays after their time = %+v, want none", d.Replays)
	}
}

// T29: caps per agent and user, and per agent; what is closed does not count.
func TestCaps(t *testing.T) {
	w := memoryWorld()
	w.options = approval.Options{OpenPerUser: 3, OpenPerAgent: 5}
	s := w.service()
	ask := func(name, agent, user string, now time.Time) error {
		r := order(name)
		r.Agent, r.User = agent, policy.User{ID: user}
		_, _, err := s.Open(t.Context(), r, now)
		return err
	}
	for i := range 3 {
		if err := ask(fmt.Sprint("ana", i), "bot", "ana", noon.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatalf("Open %d = %v", i, err)
		}
	}
	later := noon.Add(3 * time.Hour)
	wantError(t, "fourth of ana", ask("ana3", "bot", "ana", later), approval.ErrLimit)
	wantError(t, "fourth of ana in capitals", ask("ana3", "bot", "ANA", later), approval.ErrLimit)
	wantError(t, "one of ana that is open", ask("ana0", "bot", "ana", later), nil)
	wantError(t, "first of nobody", ask("none", "bot", "", later), nil)
	wantError(t, "first of ben", ask("ben", "bot", "ben", later), nil)
	wantError(t, "sixth of the agent", ask("cem", "bot", "cem", later), approval.ErrLimit)
	wantError(t, "first of another agent", ask("ana4", "bot2", "ana", later), nil)
	wantError(t, "fourth of ana when the first has expired", ask("ana3", "bot", "ana", noon.Add(8*time.Hour)), nil)
	if n := strings.Count(strings.Join(w.log.Lines(), "\n"), "opened"); n != 7 {
		t.Errorf("%d approvals were opened, want 7", n)
	}
}

// Leaving the user out must not buy more open approvals than a user has.
func TestNobodyIsAUserToo(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	for i := range 21 {
		r := order(fmt.Sprint(i))
		r.User = policy.User{}
		_, _, err := s.Open(t.Context(), r, noon)
		if limited := errors.Is(err, approval.ErrLimit); limited != (i == 20) || err != nil && !limited {
			t.Errorf("approval %d of nobody = %v, want a limit after 20", i, err)
		}
	}
}

// T29, "two approvals for one call cannot exist", and the model.
func TestApprovalService(t *testing.T) {
	storetest.ApprovalService(t, func(*testing.T) approval.Store { return &storetest.MemoryApprovals{} })
}

// Several processes (services) on one store have only the revisions.
func TestManyProcessesOpenOne(t *testing.T) {
	w := memoryWorld()
	var wg sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		s := w.service()
		wg.Go(func() {
			a, _, err := s.Open(t.Context(), order("a"), noon)
			if err != nil {
				t.Errorf("Open = %v", err)
			}
			ids[i] = a.ID
		})
	}
	wg.Wait()
	if slices.Sort(ids); ids[0] != ids[len(ids)-1] {
		t.Errorf("processes got several approvals for one call: %q", slices.Compact(ids))
	}
	events := map[string]bool{}
	for _, e := range w.log.Entries() {
		events[e.Event.ID] = true
	}
	if len(events) != 1 {
		t.Errorf("the log has %d events, want 1 (ids may be repeated)", len(events))
	}
}

// A write whose answer is lost is recognised by its event: the caller is told,
// in the same call, that it opened the approval.
func TestALostAnswerIsRecognised(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter} {
		for put := 1; put <= 2; put++ { // the opening, and its mark
			w := memoryWorld()
			n := 0
			w.store = storetest.FaultyApprovals{Store: w.store, Next: func(call string) storetest.Fault {
				if call == "put" {
					n++
				}
				if call == "put" && n == put {
					return fault
				}
				return storetest.NoFault
			}}
			if a, created, err := w.service().Open(t.Context(), order("a"), noon); err != nil || !created {
				t.Errorf("fault %d in write %d: Open = %s, created %t, %v, want it created", fault, put, a.ID, created, err)
			}
			wantLines(t, w, "approval.opened pending")
		}
	}
}

// overtaken lets another process go first, once.
type overtaken struct {
	approval.Store
	first *func()
}

func (o overtaken) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	if first := *o.first; first != nil {
		*o.first = nil
		first()
	}
	return o.Store.Put(ctx, r, was)
}

// A lost race is read again: the approval is the other's.
func TestALostRaceFindsTheOther(t *testing.T) {
	w := memoryWorld()
	other := w.service()
	var theirs approval.Approval
	first := func() { theirs = mustOpen(t, other, order("a"), noon) }
	w.store = overtaken{w.store, &first}
	ours, created, err := w.service().Open(t.Context(), order("a"), noon)
	if err != nil || created || ours.ID != theirs.ID {
		t.Errorf("Open = %s, created %t, %v, want %s of the other process", ours.ID, created, err, theirs.ID)
	}
	wantLines(t, w, "approval.opened pending")
}

// approvals.md: while a previous key exists both slots are read, the previous
// first; new generations open under the current key.
func TestKeyRotation(t *testing.T) {
	w := memoryWorld()
	w.keys = approval.Keys{Current: previous}
	before := order("old")
	first := mustOpen(t, w.service(), before, noon)

	w.keys = approval.Keys{Current: key, Previous: previous}
	s := w.service()
	rotated := order("new")
	rotated.Previous = before.Digest
	same := mustOpen(t, s, rotated, noon.Add(time.Hour))
	if same.ID != first.ID {
		t.Errorf("Open after rotation = %s, want %s, which is open", same.ID, first.ID)
	}
	found, err := s.Find(t.Context(), rotated.Call, approval.Wanted{}, noon.Add(time.Hour))
	if err != nil || found.Approval.ID != first.ID || found.Facts.State != policy.ApprovalOpen {
		t.Errorf("Find after rotation = %+v, %v, want the open one", found, err)
	}
	next := mustOpen(t, s, rotated, first.ApproveBy)
	if slot, _, _ := approval.ParseID(next.ID); slot != approval.Slot(key, tenant, flow, rotated.Digest) {
		t.Errorf("the next generation = %s, want it in the current key's slot", next.ID)
	}
	again := mustOpen(t, s, rotated, first.ApproveBy)
	if again.ID != next.ID {
		t.Errorf("Open again = %s, want %s", again.ID, next.ID)
	}
}
