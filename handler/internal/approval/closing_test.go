package approval_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

func readerIn(p identity.Principal) approval.Reader {
	return approval.Reader{Principal: p, Tenant: tenant}
}

// approvals.md: cancel while it is pending, by the asking application.
func TestCancel(t *testing.T) {
	through := person("ana")
	through.Application = flow
	for _, status := range statuses {
		for _, tc := range []struct {
			name string
			by   identity.Principal
			may  bool
		}{
			{"the asking application", application(strings.ToUpper(flow)), true},
			{"a person through it", through, true},
			{"another application", application("other"), false},
			{"the requester elsewhere", person("ana"), false},
			{"an approver", person("mia"), false},
			{"an auditor", auditor(), false},
			{"the developer", developer(), false},
		} {
			w := memoryWorld()
			s, a, now := inStatus(t, w, status)
			got, err := s.Cancel(t.Context(), readerIn(tc.by), a.ID, "not needed", now)
			want := "not found"
			switch {
			case tc.may && status == approval.Pending:
				want = "cancelled"
			case tc.may:
				want = "closed " + status.String()
			}
			if outcome := outcomeOf(got, err); outcome != want {
				t.Errorf("%s cancels one that is %s = %s, want %s", tc.name, status, outcome, want)
			}
		}
	}
}

// Without a token there is no application: the developer cancels what the
// developer asked for.
func TestTheDeveloperCancels(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	r := order("a")
	r.Application = ""
	a := mustOpen(t, s, r, noon)
	nobodys := person("mia")
	nobodys.Application = ""
	for _, p := range []identity.Principal{application(""), nobodys, application(flow)} {
		_, err := s.Cancel(t.Context(), readerIn(p), a.ID, "", noon)
		wantError(t, "Cancel", err, approval.ErrNotFound)
	}
	if got, err := s.Cancel(t.Context(), readerIn(developer()), a.ID, "", noon); err != nil || got.Status != approval.Cancelled {
		t.Errorf("Cancel by the developer = %s, %v, want cancelled", got.Status, err)
	}
}

// approvals.md: revoke while it is open, by one of its approvers or an auditor.
func TestRevoke(t *testing.T) {
	norole := person("mia")
	norole.AppRoles = nil
	for _, status := range statuses {
		for _, tc := range []struct {
			name string
			by   identity.Principal
			may  bool
		}{
			{"an approver", person("mia"), true},
			{"another approver", person("omar"), true},
			{"an auditor", auditor(), true},
			{"the developer", developer(), true},
			{"an approver without the role", norole, false},
			{"the requester, although named", person("ana"), false},
			{"a stranger", stranger(), false},
			{"the asking application", application(flow), false},
			{"the relay", relay(), false},
		} {
			w := memoryWorld()
			w.named = map[string]bool{"mia": true, "omar": true, "ana": true}
			s, a, now := inStatus(t, w, status)
			got, err := s.Revoke(t.Context(), readerIn(tc.by), a.ID, "a mistake", now)
			want := "not found"
			switch {
			case tc.may && status.Open():
				want = "revoked"
			case tc.may:
				want = "closed " + status.String()
			}
			if outcome := outcomeOf(got, err); outcome != want {
				t.Errorf("%s revokes one that is %s = %s, want %s", tc.name, status, outcome, want)
			}
			if found, err := s.Find(t.Context(), call("a"), approval.Wanted{}, now); want == "revoked" && (err != nil || found.Facts.State != policy.NoApproval) {
				t.Errorf("after %s revoked it: state %d, %v, want none", tc.name, found.Facts.State, err)
			}
		}
	}
}

// "Revoking after use is answered with when the grant ends", and the answer is
// not given again, also when the next approval is open already; the log has it.
func TestRevokingAfterTheUse(t *testing.T) {
	for _, next := range []bool{false, true} {
		w := memoryWorld()
		s, a, _ := inStatus(t, w, approval.Consumed)
		if next {
			mustOpen(t, s, order("a"), noon.Add(time.Minute))
		}
		wanted := approval.Wanted{IdempotencyKey: "key"}
		if found, err := s.Find(t.Context(), call("a"), wanted, noon); err != nil || found.Replay == nil {
			t.Fatalf("Find before = %+v, %v, want the answer", found, err)
		}
		for range 2 {
			_, err := s.Revoke(t.Context(), readerIn(auditor()), a.ID, "", noon)
			var closed *approval.ClosedError
			if !errors.As(err, &closed) || closed.Approval.ID != a.ID || !strings.Contains(closed.Detail, "2026-11-21T13:00:00Z") {
				t.Errorf("Revoke after use, next %t = %v, want closed, with when the grant ends", next, err)
			}
		}
		found, err := s.Find(t.Context(), call("a"), wanted, noon)
		if err != nil || found.Replay != nil || found.Facts.State != policy.ApprovalMismatch {
			t.Errorf("Find after, next %t = %+v, %v, want a mismatch", next, found, err)
		}
		refusals := w.log.Refusals()
		if len(refusals) != 2 || refusals[0].Code != "revoke.used" || refusals[0].Approval.ID != a.ID || !refusals[0].Late {
			t.Errorf("refusals, next %t = %+v, want one an attempt", next, refusals)
		}
	}
}

// While the log is down a late revocation is not told, and its effect stays.
func TestRevokingAfterTheUseIsLoggedFirst(t *testing.T) {
	w := memoryWorld()
	s, a, _ := inStatus(t, w, approval.Consumed)
	w.log.Down = func() error { return storetest.ErrLog }
	_, err := s.Revoke(t.Context(), readerIn(auditor()), a.ID, "", noon)
	wantError(t, "Revoke while the log is down", err, storetest.ErrLog)
	w.log.Down = nil
	if found, err := s.Find(t.Context(), call("a"), approval.Wanted{IdempotencyKey: "key"}, noon); err != nil || found.Replay != nil {
		t.Errorf("Find = %+v, %v, want no answer", found, err)
	}
}

// Ids that are none, or nobody's, are not found by anybody.
func TestTransitionsOfNothing(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	a := mustOpen(t, s, order("a"), noon)
	slot, generation, _ := approval.ParseID(a.ID)
	for _, id := range []string{"", "apr_", a.ID + "0", strings.ToUpper(a.ID), approval.ID(slot, generation+1), approval.ID(strings.Repeat("0", 26), generation)} {
		_, vote := s.Vote(t.Context(), readerIn(person("mia")), approval.Ballot{ApprovalID: id, Choice: approval.Approve, Digest: a.Digest}, noon)
		_, cancel := s.Cancel(t.Context(), readerIn(application(flow)), id, "", noon)
		_, revoke := s.Revoke(t.Context(), readerIn(auditor()), id, "", noon)
		_, passOn := s.PassOn(t.Context(), readerIn(person("mia")), id, noon)
		_, inspect := s.Inspect(t.Context(), readerIn(auditor()), id, noon)
		_, wait := s.Wait(t.Context(), readerIn(auditor()), id, time.Second, func() time.Time { return noon })
		for i, err := range []error{vote, cancel, revoke, passOn, inspect, wait} {
			wantError(t, fmt.Sprintf("%d of %q", i, id), err, approval.ErrNotFound)
		}
	}
	wantLines(t, w, "approval.opened pending")
}

// approvals.md: supersede is for the approved one that is named, and nothing
// else gives way to it.
func TestSupersede(t *testing.T) {
	for _, status := range statuses {
		w := memoryWorld()
		s, a, now := inStatus(t, w, status)
		r := order("a")
		r.Supersede = a.ID
		opened, created, err := s.Open(t.Context(), r, now)
		switch {
		case status == approval.Denied:
			wantError(t, "Open over a denial", err, approval.ErrDenied)
		case err != nil:
			t.Errorf("Open over one that is %s = %v", status, err)
		case status == approval.Pending && (created || opened.ID != a.ID):
			t.Errorf("Open over one that is pending = %s, created %t, want the same", opened.ID, created)
		case status == approval.Approved:
			if old, err := s.Get(t.Context(), reader(auditor()), a.ID, now); err != nil || old.Status != approval.Superseded || !created {
				t.Errorf("Open over one that is approved: %s, %v, created %t, want superseded and another", old.Status, err, created)
			}
		}
		r.Supersede = opened.ID + "x" // none
		if again, created, err := s.Open(t.Context(), r, now); status != approval.Denied && (err != nil || created || again.ID != opened.ID) {
			t.Errorf("Open over nothing = %s, created %t, %v, want the open one", again.ID, created, err)
		}
	}
}
