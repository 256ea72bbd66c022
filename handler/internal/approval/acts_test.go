package approval_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// What the tests of transitions do.

func ballot(a approval.Approval, choice approval.Choice) approval.Ballot {
	return approval.Ballot{ApprovalID: a.ID, Choice: choice, Digest: a.Digest}
}

func mustVote(t *testing.T, s *approval.Service, who string, a approval.Approval, choice approval.Choice, now time.Time) approval.Approval {
	t.Helper()
	voted, err := s.Vote(t.Context(), reader(person(who)), ballot(a, choice), now)
	if err != nil {
		t.Fatalf("%s of %s = %v", choice, who, err)
	}
	return voted
}

// taking is a use of a, whose call is named by its digest.
func taking(a approval.Approval, decision string) approval.Taking {
	return approval.Taking{
		Call: call(strings.TrimPrefix(a.Digest, "hmac-sha256:")), Approval: a.ID, DecisionID: decision,
		GrantEnds: noon.Add(time.Hour), Answer: []byte(`{"answer":1}`), Record: []byte(`{"record":1}`),
	}
}

func mustUse(t *testing.T, s *approval.Service, a approval.Approval, key string, now time.Time) approval.Approval {
	t.Helper()
	use := taking(a, "decision")
	use.IdempotencyKey = key
	used, receipt, err := s.Use(t.Context(), use, now)
	if err != nil || receipt.Hash == "" {
		t.Fatalf("Use = receipt %q, %v", receipt.Hash, err)
	}
	return used
}

// inStatus is a service with an approval of a call, brought into a status by
// what brings approvals there. It is noon, or late where the clock did it.
func inStatus(t *testing.T, w *world, status approval.Status) (*approval.Service, approval.Approval, time.Time) {
	t.Helper()
	s, now := w.service(), noon
	a := mustOpen(t, s, order("a"), noon)
	if status != approval.Pending && status != approval.Cancelled && status != approval.Denied && status != approval.Expired {
		mustVote(t, s, "mia", a, approval.Approve, noon)
	}
	var err error
	switch status {
	case approval.NoStatus, approval.Pending, approval.Approved:
	case approval.Consumed:
		mustUse(t, s, a, "key", noon)
	case approval.Denied:
		mustVote(t, s, "mia", a, approval.Deny, noon)
	case approval.Expired:
		now = a.ApproveBy
	case approval.Revoked:
		_, err = s.Revoke(t.Context(), reader(auditor()), a.ID, "", noon)
	case approval.Cancelled:
		_, err = s.Cancel(t.Context(), reader(application(flow)), a.ID, "", noon)
	case approval.Superseded:
		r := order("a")
		r.Supersede = a.ID
		_, _, err = s.Open(t.Context(), r, noon.Add(time.Minute))
	}
	if err != nil {
		t.Fatalf("%s: %v", status, err)
	}
	got, err := s.Get(t.Context(), reader(auditor()), a.ID, now)
	if err != nil || got.Status != status {
		t.Fatalf("the approval is %s, %v, want %s", got.Status, err, status)
	}
	return s, a, now
}

var statuses = []approval.Status{
	approval.Pending, approval.Approved, approval.Consumed, approval.Denied, approval.Expired, approval.Revoked,
	approval.Cancelled, approval.Superseded,
}

// outcomeOf says in a word what an attempt came to.
func outcomeOf(a approval.Approval, err error) string {
	var refused *approval.RefusedError
	var closed *approval.ClosedError
	switch {
	case err == nil:
		return a.Status.String()
	case errors.As(err, &refused):
		return refused.Code
	case errors.As(err, &closed):
		return "closed " + closed.Approval.Status.String()
	case errors.Is(err, approval.ErrNotFound):
		return "not found"
	}
	return err.Error()
}

func developer() identity.Principal { return identity.Principal{Kind: identity.Developer} }

func relay() identity.Principal {
	p := application("logic-app")
	p.AppRoles = []string{identity.RoleApprovalRelay}
	return p
}

func stranger() identity.Principal { return person("eve") }

// unchanged reports what an attempt that is refused may do to a document: to
// settle what the clock has closed, and no more.
func (w *world) unchanged(t *testing.T, what string, attempt func()) {
	t.Helper()
	before, _ := w.stored(t, call("a"))
	attempt()
	after, _ := w.stored(t, call("a"))
	if b, a := fmt.Sprintf("%+v", before), fmt.Sprintf("%+v", after); b != a {
		t.Errorf("%s changed the document:\n%s\n%s", what, b, a)
	}
}
