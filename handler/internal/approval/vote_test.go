package approval_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// voteAttempt is somebody who tries to vote.
type voteAttempt struct {
	name   string
	by     identity.Principal
	choice approval.Choice
	edit   func(*approval.Ballot)
	want   func(approval.Status) string // by the status before
}

func always(outcome string) func(approval.Status) string {
	return func(approval.Status) string { return outcome }
}

// decides is what a vote of somebody who may vote comes to.
func decides(choice approval.Choice) func(approval.Status) string {
	return func(s approval.Status) string {
		switch {
		case !s.Open():
			return "closed " + s.String()
		case choice == approval.Approve:
			return "approved"
		case s == approval.Approved:
			return "revoked"
		}
		return "denied"
	}
}

// deniesAgain is decides for Mia, whose denial it was where it is denied.
func deniesAgain(s approval.Status) string {
	if s == approval.Denied {
		return "denied"
	}
	return decides(approval.Deny)(s)
}

func voteAttempts() []voteAttempt {
	norole, elsewhere, console := person("mia"), person("mia"), application("console")
	norole.AppRoles, elsewhere.Tenant = nil, "other"
	console.ObjectID, console.AppRoles = "mia", []string{identity.RoleApprover} // a service principal by that id
	responder := func(r *approval.Responder) func(*approval.Ballot) {
		return func(b *approval.Ballot) { b.Responder = r }
	}
	mail := &approval.Responder{UserID: "mia", TenantID: tenant, Email: "mia@contoso.com", Nonce: "guessed"}
	return []voteAttempt{
		{"one who is named", person("omar"), approval.Approve, nil, decides(approval.Approve)},
		{"one who is named", person("omar"), approval.Deny, nil, decides(approval.Deny)},
		{"one who has voted, where it was approved or denied", person("mia"), approval.Approve, nil, decides(approval.Approve)},
		{"one who has voted, where it was approved or denied", person("mia"), approval.Deny, nil, deniesAgain},
		{"a stranger", stranger(), approval.Approve, nil, always("vote.notNamed")},
		{"a stranger", stranger(), approval.Deny, nil, always("vote.notNamed")},
		{"the requester, although named", person("ana"), approval.Approve, nil, always("vote.notNamed")},
		{"the requester, although named", person("ana"), approval.Deny, nil, always("vote.notNamed")},
		{"a person without the role", norole, approval.Approve, nil, always("vote.kind")},
		{"an application", application(flow), approval.Approve, nil, always("vote.kind")},
		{"an application with the role and the id of one who is named", console, approval.Approve, nil, always("vote.kind")},
		{"the developer", developer(), approval.Approve, nil, always("vote.kind")},
		{"nobody", identity.Principal{Tenant: tenant}, approval.Approve, nil, always("vote.kind")},
		{"the relay for nobody", relay(), approval.Approve, nil, always("vote.kind")},
		{"the relay without the nonce", relay(), approval.Approve, responder(&approval.Responder{UserID: "mia", TenantID: tenant, Email: "mia@contoso.com"}), always("vote.relay")},
		{"the relay with a nonce of its own", relay(), approval.Deny, responder(mail), always("vote.relay")},
		{"a person for another", person("mia"), approval.Approve, responder(mail), always("vote.responder")},
		{"one who was shown another call", person("omar"), approval.Approve, func(b *approval.Ballot) { b.Digest = "hmac-sha256:b" }, always("vote.digest")},
		{"one who was shown nothing", person("omar"), approval.Deny, func(b *approval.Ballot) { b.Digest = "" }, always("vote.digest")},
		{"somebody of another tenant", elsewhere, approval.Approve, nil, always("not found")},
	}
}

// approvals.md, Voting: every status and everybody who may try.
func TestVotes(t *testing.T) {
	for _, status := range statuses {
		for _, tc := range voteAttempts() {
			w := memoryWorld()
			w.named = map[string]bool{"mia": true, "omar": true, "ana": true}
			s, a, now := inStatus(t, w, status)
			b := ballot(a, tc.choice)
			if tc.edit != nil {
				tc.edit(&b)
			}
			before, refusals := w.log.Lines(), len(w.log.Refusals())
			got, err := s.Vote(t.Context(), approval.Reader{Principal: tc.by, Tenant: tc.by.Tenant + map[bool]string{true: tenant}[tc.by.Kind == identity.Developer]}, b, now)
			what := fmt.Sprintf("%s of %s on one that is %s", tc.choice, tc.name, status)
			want := tc.want(status)
			if outcome := outcomeOf(got, err); outcome != want {
				t.Errorf("%s = %s, want %s", what, outcome, want)
			}
			w.wantRefusal(t, what, refusals, want)
			if err != nil && !slices.Equal(before, w.log.Lines()) {
				t.Errorf("%s: the log has %q, want %q", what, w.log.Lines(), before)
			}
		}
	}
}

// wantRefusal: what does not count is in the log, with why; nothing else is.
func (w *world) wantRefusal(t *testing.T, what string, before int, outcome string) {
	t.Helper()
	refusals := w.log.Refusals()[before:]
	code, late := outcome, false
	if len(outcome) > 7 && outcome[:7] == "closed " {
		code, late = "vote.late", true
	}
	if counted := code == "approved" || code == "denied" || code == "revoked" || code == "not found"; counted {
		if len(refusals) != 0 {
			t.Errorf("%s: refusals = %+v, want none", what, refusals)
		}
		return
	}
	if len(refusals) != 1 || refusals[0].Code != code || refusals[0].Late != late || refusals[0].Reason == "" || refusals[0].Approval.ID == "" {
		t.Errorf("%s: refusals = %+v, want one %s, late %t", what, refusals, code, late)
	}
}

// The same vote again changes nothing, however often; nothing is logged of it.
func TestTheSameVoteAgain(t *testing.T) {
	for _, choice := range []approval.Choice{approval.Approve, approval.Deny} {
		w := memoryWorld()
		w.named["omar"] = true
		s := w.service()
		r := twoEyes()
		a := mustOpen(t, s, r, noon)
		first := mustVote(t, s, "mia", a, choice, noon)
		lines := len(w.log.Lines())
		w.unchanged(t, "the same vote", func() {
			for range 5 {
				if again := mustVote(t, s, "mia", a, choice, noon); again.Status != first.Status || len(again.Votes) != 1 {
					t.Errorf("%s again = %s with %d votes", choice, again.Status, len(again.Votes))
				}
			}
		})
		if n := len(w.log.Lines()); n != lines || len(w.log.Refusals()) != 0 {
			t.Errorf("%s again: %d more lines in the log, %d refusals", choice, n-lines, len(w.log.Refusals()))
		}
	}
}

// After an own approval the same person may deny; after an own denial nothing
// can be approved.
func TestTheOtherVote(t *testing.T) {
	w := memoryWorld()
	w.named["omar"] = true
	s := w.service()
	a := mustOpen(t, s, twoEyes(), noon)
	mustVote(t, s, "mia", a, approval.Approve, noon)
	if got := mustVote(t, s, "mia", a, approval.Deny, noon); got.Status != approval.Denied {
		t.Errorf("a denial after an own approval = %s, want denied", got.Status)
	}
	_, err := s.Vote(t.Context(), reader(person("mia")), ballot(a, approval.Approve), noon)
	if got := outcomeOf(approval.Approval{}, err); got != "closed denied" {
		t.Errorf("an approval after an own denial = %s, want closed denied", got)
	}
	wantLines(t, w, "approval.opened pending", "approval.voted pending", "approval.voted pending", "approval.closed denied")
}

// Anything but approve and deny is none, and is no vote.
func TestChoicesAreSpelledExactly(t *testing.T) {
	w := memoryWorld()
	s := w.service()
	a := mustOpen(t, s, order("a"), noon)
	w.unchanged(t, "a misspelled vote", func() {
		for _, choice := range []approval.Choice{"", "Approve", "APPROVE", "approve ", "yes", "reject"} {
			if _, err := s.Vote(t.Context(), reader(person("mia")), ballot(a, choice), noon); err == nil {
				t.Errorf("Vote(%q) = nil, want an error", choice)
			}
		}
	})
}

// Each person counts once for each requirement, and one vote counts for every
// requirement it may count for.
func TestEachPersonCountsOnce(t *testing.T) {
	w := memoryWorld()
	w.named["omar"] = true
	s := w.service()
	r := twoEyes()
	second := r.Requirements[0]
	second.PolicyID, second.Need = "finance/two", 1
	r.Requirements = append(r.Requirements, second)
	a := mustOpen(t, s, r, noon)
	got := mustVote(t, s, "mia", a, approval.Approve, noon)
	if got.Status != approval.Pending || got.Requirements[0].Have != 1 || got.Requirements[1].Have != 1 {
		t.Errorf("after one vote: %s, have %d and %d, want pending, 1 and 1", got.Status, got.Requirements[0].Have, got.Requirements[1].Have)
	}
	upper := person("MIA") // ids compare without case
	if again, err := s.Vote(t.Context(), reader(upper), ballot(a, approval.Approve), noon); err != nil || again.Status != approval.Pending {
		t.Errorf("the same person in other letters = %s, %v, want pending", again.Status, err)
	}
	alias := person("omar")
	alias.UPN = "x@contoso.com"
	if got, err := s.Vote(t.Context(), reader(alias), ballot(a, approval.Approve), noon); err != nil || got.Status != approval.Approved {
		t.Errorf("the second person = %s, %v, want approved", got.Status, err)
	}
}

// T21: two votes that a third may be of the same person as are one person's.
func TestVotesThatAThirdJoinsAreOnePersons(t *testing.T) {
	for _, tc := range []struct {
		names [][2]string // object id and UPN
		want  int
	}{
		{[][2]string{{"1", "a"}, {"2", "b"}}, 2},
		{[][2]string{{"1", "a"}, {"1", "b"}}, 1},
		{[][2]string{{"1", "a"}, {"2", "A"}}, 1},
		{[][2]string{{"1", "a"}, {"2", "b"}, {"1", "b"}}, 1},
		{[][2]string{{"1", "b"}, {"1", "a"}, {"2", "b"}}, 1},
		{[][2]string{{"1", "a"}, {"2", "b"}, {"3", "c"}, {"3", "b"}}, 2},
		{[][2]string{{"1", ""}, {"", "a"}}, 1}, // nothing can be compared
	} {
		w := memoryWorld()
		s := w.service()
		a := mustOpen(t, s, twoEyes(), noon)
		w.change(t, call("a"), func(d *approval.Document) {
			for _, n := range tc.names {
				d.Current.Votes = append(d.Current.Votes, approval.Vote{
					Event: "e", Choice: approval.Approve, PolicyIDs: []string{"finance/over"}, At: noon,
					Voter: approval.Voter{Tenant: tenant, ID: n[0], UPN: n[1]},
				})
			}
		})
		got, err := s.Get(t.Context(), reader(auditor()), a.ID, noon)
		if err != nil || got.Requirements[0].Have != tc.want {
			t.Errorf("%q have %d, %v, want %d", tc.names, got.Requirements[0].Have, err, tc.want)
		}
	}
}
