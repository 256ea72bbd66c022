package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const theDigest = "hmac-sha256:5a"

// approvalTale is a story that a test writes: a call that waits for people.
type approvalTale struct {
	*archive
	asked *audit.Decision
	id    string
}

func (a *archive) ask() *approvalTale {
	p := &approvalTale{archive: a, id: "apr_slot-1"}
	p.asked = a.decide("PO-1001", func(d *audit.Decision) { d.ApprovalID, d.RequestDigest = p.id, theDigest })
	p.write(&audit.ApprovalOpened{
		TS: p.now, EventID: p.archive.id(), ApprovalID: p.id, DecisionID: p.asked.DecisionID, TenantID: "tenant-1", UserUPN: "ana@contoso.com",
		Action: "CreatePO", RequestDigest: theDigest,
		Facts: []audit.Fact{{Label: "Amount", Value: "70000 EUR"}, {Label: "IBAN", Value: "****4711", Mark: "masked"}},
		Requirements: []audit.Requirement{{
			PolicyID: "finance/po-over-limit", Approvers: []string{"role:FinanceManager", "user:ole@contoso.com"}, Need: 2,
		}},
	})
	return p
}

// happens writes what happens to the approval, an hour later.
func (p *approvalTale) happens(kind audit.Kind, change func(*audit.Event)) *audit.Event {
	p.Helper()
	p.now = p.now.Add(time.Hour)
	e := &audit.Event{Kind: kind, TS: p.now, EventID: p.archive.id(), ApprovalID: p.id, TenantID: "tenant-1", CallerApp: "app-1"}
	if change != nil {
		change(e)
	}
	p.write(e)
	return e
}

// votes writes the vote of a person.
func (p *approvalTale) votes(who, vote, comment string) *audit.Event {
	p.Helper()
	return p.happens(audit.KindApprovalVoted, func(e *audit.Event) {
		e.UserID, e.UserUPN, e.Outcome, e.Comment = "oid-"+who, who+"@contoso.com", vote, comment
		e.RequestDigest, e.PolicyIDs = theDigest, []string{"finance/po-over-limit"}
	})
}

func (p *approvalTale) uses() *audit.Decision {
	p.Helper()
	p.now = p.now.Add(time.Hour)
	ran := p.decide("PO-1001", func(d *audit.Decision) {
		d.Decision, d.ReasonCode, d.ApprovalID, d.ApprovalOutcome = policy.Allow, policy.OKApproved, p.id, "consumed"
		d.RequestDigest = theDigest
	})
	p.happens(audit.KindApprovalConsumed, func(e *audit.Event) { e.DecisionID, e.Outcome = ran.DecisionID, "consumed" })
	return ran
}

// Each way that an approval can go is told whole, from the decision that asked
// and by its own id: who voted, when, on what, and what became of it.
func TestWhyTellsAnApproval(t *testing.T) {
	for name, test := range map[string]struct {
		write func(p *approvalTale)
		kinds []audit.Kind // behind approval.opened
		text  []string
	}{
		"approved by two and used": {
			func(p *approvalTale) {
				p.votes("mia", "approve", "as agreed")
				p.votes("ole", "approve", "")
				p.happens(audit.KindApprovalApproved, func(e *audit.Event) { e.Outcome = "approved" })
				p.uses()
			},
			[]audit.Kind{"approval.voted", "approval.voted", "approval.approved", "approval.consumed"},
			[]string{
				"11:15:00.000Z  approval.voted  approve  by mia@contoso.com (oid-mia)  \"as agreed\"",
				"12:15:00.000Z  approval.voted  approve  by ole@contoso.com (oid-ole)", "shown: the call " + theDigest + "  that of the facts above",
				"13:15:00.000Z  approval.approved  approved", "15:15:00.000Z  approval.consumed  consumed",
			},
		},
		"denied, and a vote that came late": {
			func(p *approvalTale) {
				p.votes("mia", "deny", "not this year")
				p.happens(audit.KindApprovalClosed, func(e *audit.Event) { e.Outcome, e.Reason = "denied", "oid:oid-mia" })
				p.happens(audit.KindApprovalRefused, func(e *audit.Event) {
					e.UserUPN, e.Outcome, e.Reason, e.RequestDigest = "ole@contoso.com", "approve", "the approval is closed", "hmac-sha256:other"
				})
			},
			[]audit.Kind{"approval.voted", "approval.closed", "approval.refused"},
			[]string{
				"approval.voted  deny  by mia@contoso.com (oid-mia)  \"not this year\"", "approval.closed  denied  oid:oid-mia",
				"approval.refused  approve  by ole@contoso.com  the approval is closed", "the call hmac-sha256:other  NOT that of the facts above",
			},
		},
		"nobody came": {
			func(p *approvalTale) {
				p.happens(audit.KindApprovalClosed, func(e *audit.Event) { e.Outcome, e.Reason = "expired", "clock" })
			},
			[]audit.Kind{"approval.closed"},
			[]string{"approval.closed  expired  clock"},
		},
		"a vote by mail, revoked": {
			func(p *approvalTale) {
				p.happens(audit.KindApprovalVoted, func(e *audit.Event) {
					e.UserUPN, e.Outcome = "mia@contoso.com", "approve"
					e.Detail = strictjson.ObjectOf(strictjson.Member{Name: "relayed", Value: strictjson.BoolOf(true)})
				})
				p.happens(audit.KindApprovalClosed, func(e *audit.Event) { e.Outcome, e.Reason, e.Comment = "revoked", "oid:x", "wrong vendor" })
			},
			[]audit.Kind{"approval.voted", "approval.closed"},
			[]string{"by mia@contoso.com  in a mail, not signed in", "approval.closed  revoked  oid:x  \"wrong vendor\""},
		},
		"a vote that may not count": {
			func(p *approvalTale) {
				p.now = p.now.Add(time.Hour)
				p.write(&audit.Refused{
					TS: p.now, EventID: p.archive.id(), Door: "approval-callback", TenantID: "tenant-1", ApprovalID: p.id,
					UserUPN: "ana@contoso.com", ReasonCode: "vote.own", Reason: "The requester may not vote.",
				})
			},
			[]audit.Kind{"refused"},
			[]string{"refused  vote.own  by ana@contoso.com  The requester may not vote."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newArchive(t).ask()
			test.write(p)
			for _, id := range []string{p.asked.DecisionID, p.id} {
				story := p.why(id, nil)
				told := story.Decisions[len(story.Decisions)-1] // the oldest: the one that asked
				if diff := cmp.Diff(append([]audit.Kind{"approval.opened"}, test.kinds...), kinds(told.Approval)); diff != "" || len(story.Events) != 0 {
					t.Errorf("Why(%s) tells %v besides, and of the approval (-want +got):\n%s", id, kinds(story.Events), diff)
				}
				var text strings.Builder
				if err := story.WriteText(&text); err != nil {
					t.Fatal(err)
				}
				for _, want := range append(test.text, "asked: 2 of role:FinanceManager, user:ole@contoso.com  (finance/po-over-limit)",
					"shown: Amount: 70000 EUR", "shown: IBAN: ****4711 masked") {
					if !strings.Contains(text.String(), want) {
						t.Errorf("WriteText() of %s lacks %q:\n%s", id, want, text.String())
					}
				}
			}
			closeLog(t, p.log)
			check(t, p.sink, nil)
		})
	}
}

// What was done with a decision is told as done by the application that asked,
// and by no other.
func TestWhyTellsWhatBecameOfIt(t *testing.T) {
	p := newArchive(t).ask()
	ran := p.uses()
	for _, app := range []string{"app-1", "app-2", ""} {
		for _, kind := range []audit.Kind{audit.KindOutcome, audit.KindMask} {
			p.happens(kind, func(e *audit.Event) {
				e.ApprovalID, e.DecisionID, e.CallerApp, e.Outcome = p.id, ran.DecisionID, app, "executed"
			})
		}
	}
	p.happens(audit.KindOutcome, func(e *audit.Event) { // of the same application in another tenant
		e.DecisionID, e.Outcome, e.TenantID = ran.DecisionID, "failed", "tenant-2"
	})
	again := *ran
	again.As = audit.KindReplayed
	p.write(&again)
	told := p.why(ran.DecisionID, nil).Decisions[0]
	for name, entries := range map[string][]audit.Entry{"outcome": told.Outcomes, "mask": told.Masks, "replayed": told.Replays} {
		if len(entries) != 1 || string(entries[0].Kind) != name || !strings.Contains(string(entries[0].Record), `"callerApp":"app-1"`) {
			t.Errorf("Why() tells %d of %s, want that of app-1", len(entries), name)
		}
	}
	var text strings.Builder
	if err := p.why(ran.DecisionID, nil).WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"masked     2026-11-21 14:", "outcome    2026-11-21 13:", "again      2026-11-21 "} {
		if strings.Count(text.String(), want) != 1 {
			t.Errorf("WriteText() says %q not once:\n%s", want, text.String())
		}
	}
	if outcomes := p.why(p.asked.DecisionID, nil).Decisions[0]; len(outcomes.Outcomes)+len(outcomes.Masks)+len(outcomes.Replays) != 0 {
		t.Errorf("Why() of the decision that asked tells %+v of the other", outcomes)
	}
}

// An event or a decision that is written again, as whoever comes after a crash
// does, is told once and breaks no chain.
func TestWhyCountsOnce(t *testing.T) {
	p := newArchive(t).ask()
	vote := p.votes("mia", "approve", "")
	ran := p.uses()
	p.now = p.now.Add(5 * time.Minute)
	again := *ran
	again.As = audit.KindReplayed
	for range 2 {
		p.write(vote)
		p.write(ran) // a replay appends it first, should it not be there
	}
	p.write(&again)
	p.now = p.now.Add(26 * time.Hour)
	p.write(ran)
	for _, id := range []string{ran.DecisionID, p.id, vote.EventID} {
		story := p.why(id, nil)
		if id == vote.EventID {
			if len(story.Events) != 1 || len(story.Decisions) != 0 {
				t.Errorf("Why(%s) tells %d events, want 1", id, len(story.Events))
			}
			continue
		}
		told := story.Decisions[0]
		if len(story.Decisions) != map[string]int{ran.DecisionID: 1, p.id: 2}[id] || len(told.Replays) != 1 || len(story.Events) != 0 {
			t.Errorf("Why(%s) tells %d decisions, %d replays, %d events", id, len(story.Decisions), len(told.Replays), len(story.Events))
		}
		if diff := cmp.Diff([]audit.Kind{"approval.opened", "approval.voted", "approval.consumed"}, kinds(told.Approval)); diff != "" {
			t.Errorf("Why(%s).Approval (-want +got):\n%s", id, diff)
		}
	}
	closeLog(t, p.log)
	if report := check(t, p.sink, nil); len(report.Uncertain) != 0 {
		t.Errorf("Verify() = %+v, want nothing uncertain", report.Uncertain)
	}
}
