package approval_test

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// relayed is a world whose rule takes votes by mail, and the nonces of its
// mails by recipient.
func relayed(t *testing.T) (*world, *approval.Service, approval.Approval, map[string]string) {
	t.Helper()
	w := memoryWorld()
	w.named["omar"] = true
	s := w.service()
	r := order("a")
	r.Requirements[0].Relay, r.Requirements[0].Need = true, 2
	r.Requirements[0].Notify = []string{"mailto:Mia@contoso.com", "mailto:omar@contoso.com"}
	a := mustOpen(t, s, r, noon)
	d, _ := w.stored(t, call("a"))
	nonces := map[string]string{}
	for _, n := range d.Current.Notifications {
		if n.Kind == approval.NoticeAsked {
			nonces[n.Recipient] = n.Nonce
		}
	}
	return w, s, a, nonces
}

func answering(a approval.Approval, choice approval.Choice, id, email, nonce string) approval.Ballot {
	b := ballot(a, choice)
	b.Responder = &approval.Responder{UserID: id, TenantID: tenant, Email: email, Nonce: nonce}
	return b
}

// T23, T24: a relayed vote counts with the nonce of the mail to that address,
// where the rule takes it, once.
func TestRelayedVotes(t *testing.T) {
	const mia, omar = "Mia@contoso.com", "omar@contoso.com"
	type vote struct {
		choice           approval.Choice
		id, email, nonce string // nonce: whose mail it is of
		want             string
	}
	approve, deny := approval.Approve, approval.Deny
	for name, votes := range map[string][]vote{
		"once":                    {{approve, "mia", "mia@CONTOSO.com", mia, "pending"}},
		"a denial":                {{deny, "mia", mia, mia, "denied"}},
		"again":                   {{approve, "mia", mia, mia, "pending"}, {approve, "mia", mia, mia, "pending"}},
		"a second person":         {{approve, "mia", mia, mia, "pending"}, {approve, "omar", omar, omar, "vote.relay"}},
		"the other vote":          {{approve, "mia", mia, mia, "pending"}, {deny, "mia", mia, mia, "vote.relay"}},
		"a forwarded mail":        {{approve, "omar", omar, mia, "vote.relay"}},
		"the address of nobody":   {{approve, "mia", "mia@evil.example", mia, "vote.relay"}},
		"no address":              {{approve, "mia", "", mia, "vote.relay"}},
		"somebody who may not":    {{approve, "eve", mia, mia, "vote.notNamed"}},
		"the requester":           {{approve, "ana", mia, mia, "vote.notNamed"}},
		"a mail of an earlier ID": {{approve, "mia", mia, "none", "vote.relay"}},
	} {
		w, s, a, nonces := relayed(t)
		for i, v := range votes {
			got, err := s.Vote(t.Context(), reader(relay()), answering(a, v.choice, v.id, v.email, nonces[v.nonce]), noon)
			if outcome := outcomeOf(got, err); outcome != v.want {
				t.Errorf("%s: vote %d = %s, want %s", name, i+1, outcome, v.want)
			}
		}
		d, _ := w.stored(t, call("a"))
		for _, v := range d.Current.Votes {
			if !v.Relayed || len(d.Current.Votes) > 1 {
				t.Errorf("%s: votes = %+v, want one, relayed", name, d.Current.Votes)
			}
		}
	}
}

// A relayed vote and a signed-in one of the same person are one person's.
func TestARelayedVoteIsOfTheSamePerson(t *testing.T) {
	_, s, a, nonces := relayed(t)
	if _, err := s.Vote(t.Context(), reader(relay()), answering(a, approval.Approve, "mia", "Mia@contoso.com", nonces["Mia@contoso.com"]), noon); err != nil {
		t.Fatal(err)
	}
	if got := mustVote(t, s, "mia", a, approval.Approve, noon); got.Status != approval.Pending || got.Requirements[0].Have != 1 {
		t.Errorf("both = %s, have %d, want pending, 1", got.Status, got.Requirements[0].Have)
	}
	if got := mustVote(t, s, "omar", a, approval.Approve, noon); got.Status != approval.Approved {
		t.Errorf("with a second person = %s, want approved", got.Status)
	}
}

// Where the rule does not take votes by mail, a right nonce is not enough; nor
// is one of another tenant, or the nonce of the outcome's mail.
func TestRelayNeedsMoreThanANonce(t *testing.T) {
	w, s, a, nonces := relayed(t)
	b := answering(a, approval.Approve, "mia", "Mia@contoso.com", nonces["Mia@contoso.com"])
	b.Responder.TenantID = "other"
	got, err := s.Vote(t.Context(), reader(relay()), b, noon)
	if outcome := outcomeOf(got, err); outcome != "vote.relay" {
		t.Errorf("a responder of another tenant = %s, want vote.relay", outcome)
	}
	w.change(t, call("a"), func(d *approval.Document) {
		d.Current.Requirements[0].Relay = false
		d.Current.Notifications = append(d.Current.Notifications, approval.Notification{
			Kind: approval.NoticeOutcome, Recipient: "omar@contoso.com", Nonce: "outcome", Due: noon,
		})
	})
	got, err = s.Vote(t.Context(), reader(relay()), answering(a, approval.Approve, "mia", "Mia@contoso.com", nonces["Mia@contoso.com"]), noon)
	if outcome := outcomeOf(got, err); outcome != "vote.notNamed" {
		t.Errorf("a rule without relay = %s, want vote.notNamed", outcome)
	}
	got, err = s.Vote(t.Context(), reader(relay()), answering(a, approval.Approve, "omar", "omar@contoso.com", "outcome"), noon)
	if outcome := outcomeOf(got, err); outcome != "vote.relay" {
		t.Errorf("the nonce of an outcome = %s, want vote.relay", outcome)
	}
}
