package approval_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/policy"
)

// approvals.md "Using", table of what an id and its absence mean.
func TestFind(t *testing.T) {
	const (
		none  = policy.NoApproval
		open  = policy.ApprovalOpen
		no    = policy.ApprovalDenied
		late  = policy.ApprovalExpired
		taken = policy.ApprovalRevoked
	)
	for _, tc := range []struct {
		status         approval.Status
		after          time.Duration // since opening; it must be approved within 8 h and used within 24 h
		withID, wantNo policy.ApprovalState
		given          approval.Status
	}{
		{approval.Pending, time.Hour, open, open, approval.NoStatus},
		{approval.Pending, 8*time.Hour - time.Millisecond, open, open, approval.NoStatus},
		{approval.Pending, 8 * time.Hour, late, none, approval.NoStatus},
		{approval.Approved, 9 * time.Hour, open, open, approval.NoStatus},
		{approval.Approved, 24 * time.Hour, late, none, approval.NoStatus},
		{approval.Denied, time.Hour, no, no, approval.NoStatus},
		{approval.Denied, 8 * time.Hour, no, none, approval.NoStatus},
		{approval.Expired, 9 * time.Hour, late, none, approval.NoStatus},
		{approval.Revoked, time.Hour, taken, none, approval.NoStatus},
		{approval.Consumed, time.Hour, none, none, approval.Consumed},
		{approval.Cancelled, time.Hour, none, none, approval.Cancelled},
		{approval.Superseded, time.Hour, none, none, approval.Superseded},
	} {
		w := memoryWorld()
		s := w.service()
		a := mustOpen(t, s, order("a"), noon)
		w.change(t, call("a"), func(d *approval.Document) {
			d.Current.Status, d.Current.ExecuteBy = tc.status, noon.Add(24*time.Hour)
		})
		for id, want := range map[string]policy.ApprovalState{"": tc.wantNo, a.ID: tc.withID} {
			found, err := s.Find(t.Context(), call("a"), approval.Wanted{ID: id}, noon.Add(tc.after))
			if err != nil || found.Facts.State != want {
				t.Errorf("Find(%q) of %s after %s = state %d, %v, want %d", id, tc.status, tc.after, found.Facts.State, err, want)
			}
			if id != "" && found.Earlier.Status != tc.given {
				t.Errorf("Find(%q) of %s = given %s, want %s", id, tc.status, found.Earlier.Status, tc.given)
			}
			if shown := found.Approval.ID != ""; shown != (want != none) {
				t.Errorf("Find(%q) of %s shows an approval: %t", id, tc.status, shown)
			}
		}
	}
}

// "unknown, another application's, or another call's": a mismatch that tells
// nothing, whether or not such an approval exists.
func TestFindMismatch(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	a := mustOpen(t, s, order("a"), noon)
	b := mustOpen(t, s, order("b"), noon)
	elsewhere := order("a")
	elsewhere.Application = "other"
	c := mustOpen(t, s, elsewhere, noon)
	slot, generation, _ := approval.ParseID(a.ID)
	want := approval.Found{Facts: policy.Approval{State: policy.ApprovalMismatch}}
	for name, id := range map[string]string{
		"another call's":        b.ID,
		"another application's": c.ID,
		"no id":                 "apr_x",
		"an id of nobody":       approval.ID("00000000000000000000000000", 1),
		"a generation never":    approval.ID(slot, generation+1),
	} {
		found, err := s.Find(t.Context(), call("a"), approval.Wanted{ID: id}, noon)
		if diff := cmp.Diff(want, found); err != nil || diff != "" {
			t.Errorf("%s: Find = %v (-want +got):\n%s", name, err, diff)
		}
	}
	if found, err := s.Find(t.Context(), approval.Call{Tenant: tenant, Application: flow}, approval.Wanted{ID: a.ID}, noon); err != nil || found.Facts.State != policy.ApprovalMismatch {
		t.Errorf("Find without a digest = %+v, %v, want a mismatch", found, err)
	}
	if found, err := s.Find(t.Context(), approval.Call{Tenant: tenant, Application: flow}, approval.Wanted{}, noon); err != nil || found.Facts.State != policy.NoApproval {
		t.Errorf("Find without digest and id = %+v, %v, want none", found, err)
	}
}

// An earlier id keeps saying what became of it, while a later one is open.
func TestFindByAnEarlierID(t *testing.T) {
	for status, want := range map[approval.Status]policy.ApprovalState{
		approval.Denied: policy.ApprovalDenied, approval.Expired: policy.ApprovalExpired, approval.Revoked: policy.ApprovalRevoked,
		approval.Consumed: policy.ApprovalOpen, approval.Cancelled: policy.ApprovalOpen, approval.Superseded: policy.ApprovalOpen,
	} {
		w := memoryWorld()
		s := w.service()
		first := mustOpen(t, s, order("a"), noon)
		w.change(t, call("a"), func(d *approval.Document) { d.Current.Status = status })
		second := mustOpen(t, s, order("a"), first.ApproveBy)
		found, err := s.Find(t.Context(), call("a"), approval.Wanted{ID: first.ID}, first.ApproveBy)
		if err != nil || found.Facts.State != want {
			t.Errorf("Find of the earlier, %s = state %d, %v, want %d", status, found.Facts.State, err, want)
		}
		if want == policy.ApprovalOpen && (found.Approval.ID != second.ID || found.Earlier.Status != status) {
			t.Errorf("Find of the earlier, %s = %s, given %s, want the open one and why", status, found.Approval.ID, found.Earlier.Status)
		}
	}
}

// The evaluator gets the votes of an approved one by rule, each a person,
// approvals only, and what was shown; of a pending one no vote.
func TestFindGivesVotes(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	r := order("a")
	second := r.Requirements[0]
	second.PolicyID = "finance/two"
	r.Requirements = append(r.Requirements, second)
	mustOpen(t, s, r, noon)
	vote := func(id string, choice approval.Choice, rules ...string) approval.Vote {
		return approval.Vote{
			Event: "e", Choice: choice, PolicyIDs: rules, At: noon, Comment: "seen",
			Voter: approval.Voter{Tenant: tenant, ID: id, UPN: id + "@contoso.com", Groups: []string{"g"}, GroupsKnown: true},
		}
	}
	w.change(t, r.Call, func(d *approval.Document) {
		d.Current.Votes = []approval.Vote{
			vote("mia", approval.Approve, "finance/over", "finance/two"), vote("ben", approval.Deny, "finance/two"),
			vote("eva", approval.Approve, "finance/gone"),
		}
	})
	pending, err := s.Find(t.Context(), r.Call, approval.Wanted{}, noon)
	if err != nil || pending.Facts.State != policy.ApprovalOpen || pending.Facts.Votes != nil {
		t.Errorf("Find of a pending one = %+v, %v, want it open without votes", pending.Facts, err)
	}
	w.change(t, r.Call, func(d *approval.Document) {
		d.Current.Status, d.Current.ExecuteBy = approval.Approved, noon.Add(time.Hour)
	})
	found, err := s.Find(t.Context(), r.Call, approval.Wanted{}, noon)
	if err != nil {
		t.Fatalf("Find = %v", err)
	}
	mia := policy.User{ID: "mia", UPN: "mia@contoso.com", Groups: []string{"g"}, GroupsKnown: true}
	want := policy.Approval{
		State: policy.ApprovalOpen, Votes: map[string][]policy.User{"finance/over": {mia}, "finance/two": {mia}}, Opened: noon,
		Shown: &policy.Shown{Triggers: []string{"overLimit"}, Identity: policy.Asserted, Risk: "medium", RiskScore: "40"},
	}
	if diff := cmp.Diff(want, found.Facts); diff != "" {
		t.Errorf("Facts (-want +got):\n%s", diff)
	}
	if have := found.Approval.Requirements[1].Have; have != 1 {
		t.Errorf("finance/two has %d, want 1: a denial is no approval", have)
	}
	if n := len(found.Approval.Votes); n != 4 {
		t.Errorf("%d votes are shown, want 4", n)
	}
}

// The manifest's approvalsValidFrom revokes whatever was opened before it.
func TestValidFromRevokes(t *testing.T) {
	w := memoryWorld()
	validFrom := time.Time{}
	w.options.ValidFrom = func() time.Time { return validFrom }
	s := w.service()
	a := mustOpen(t, s, order("a"), noon)
	validFrom = noon
	if found, err := s.Find(t.Context(), call("a"), approval.Wanted{ID: a.ID}, noon); err != nil || found.Facts.State != policy.ApprovalOpen {
		t.Errorf("Find of one opened at that instant = %+v, %v, want it open", found.Facts, err)
	}
	validFrom = noon.Add(time.Millisecond)
	if found, err := s.Find(t.Context(), call("a"), approval.Wanted{ID: a.ID}, noon); err != nil || found.Facts.State != policy.ApprovalRevoked {
		t.Errorf("Find of one opened before = %+v, %v, want it revoked", found.Facts, err)
	}
	wantLines(t, w, "approval.opened pending", "approval.closed revoked")
}

func TestResume(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	r := order("a")
	a := mustOpen(t, s, r, noon)
	got, err := s.Resume(t.Context(), tenant, flow, a.ID, noon)
	want := approval.Resumable{
		Received: r.Received, Agent: r.Agent, Requester: approval.Person{ID: "ana", UPN: "ana@contoso.com"}, Identity: policy.Asserted,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Resume = %v (-want +got):\n%s", err, diff)
	}
	second := mustOpen(t, s, r, a.ApproveBy)
	if _, err := s.Resume(t.Context(), tenant, flow, a.ID, a.ApproveBy); err != nil {
		t.Errorf("Resume of the earlier one = %v, want its request", err)
	}
	slot, generation, _ := approval.ParseID(second.ID)
	for name, args := range map[string][3]string{
		"another application":      {tenant, "other", a.ID},
		"another tenant":           {"other", flow, a.ID},
		"no tenant":                {"", flow, a.ID},
		"no application":           {tenant, "", a.ID},
		"no id":                    {tenant, flow, "apr_"},
		"a generation never":       {tenant, flow, approval.ID(slot, generation+1)},
		"a slot that is unknown":   {tenant, flow, approval.ID("00000000000000000000000000", generation)},
		"another application's id": {tenant, flow, ""},
	} {
		_, err := s.Resume(t.Context(), args[0], args[1], args[2], a.ApproveBy)
		wantError(t, "Resume with "+name, err, approval.ErrNotFound)
	}
}

// contract.md, Idempotency-Key: a use that was taken back is a mismatch for its
// key, and for another key the approval that comes next says what was used.
func TestFindOfAWithdrawnUse(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	first := mustOpen(t, s, order("a"), noon)
	w.change(t, call("a"), func(d *approval.Document) {
		d.Current.Status, d.Current.ExecuteBy = approval.Approved, noon.Add(time.Hour)
	})
	taking := approval.Taking{Call: call("a"), Approval: first.ID, DecisionID: "d1", IdempotencyKey: "k", Answer: []byte(`{}`), Record: []byte(`{}`)}
	if _, _, err := s.Use(t.Context(), taking, noon); err != nil {
		t.Fatalf("Use = %v", err)
	}
	find := func(id, key string, now time.Time) approval.Found {
		t.Helper()
		found, err := s.Find(t.Context(), call("a"), approval.Wanted{ID: id, IdempotencyKey: key}, now)
		if err != nil {
			t.Fatalf("Find = %v", err)
		}
		return found
	}
	if f := find("", "k", noon); f.Replay == nil || f.Replay.DecisionID != "d1" {
		t.Errorf("Find with the key = %+v, want its use", f)
	}
	mustOpen(t, s, order("a"), noon.Add(time.Minute))
	if f := find("", "", noon.Add(2*time.Minute)); f.Facts.State != policy.ApprovalOpen || f.Earlier.UsedBy != "d1" {
		t.Errorf("Find without the key = %+v, want the next one and what was used", f)
	}
	if f := find("", "", noon.Add(approval.ReplayWindow)); f.Earlier.UsedBy != "" {
		t.Errorf("Find later = %+v, want the next one alone", f)
	}
	if _, err := s.Revoke(t.Context(), reader(auditor()), first.ID, "", noon.Add(time.Minute)); err == nil {
		t.Error("Revoke after the use = nil, want that it was used")
	}
	for _, id := range []string{"", first.ID} {
		if f := find(id, "k", noon.Add(time.Minute)); f.Replay != nil || f.Facts.State != policy.ApprovalMismatch || f.Approval.ID != "" {
			t.Errorf("Find(%q) with the key of a withdrawn use = %+v, want a mismatch", id, f)
		}
	}
	if f := find("", "k2", noon.Add(time.Minute)); f.Facts.State != policy.ApprovalOpen {
		t.Errorf("Find with another key = %+v, want the next one", f)
	}
}
