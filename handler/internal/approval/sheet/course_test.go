package sheet_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
)

func vote(choice approval.Choice, after time.Duration, comment string) approval.Vote {
	return approval.Vote{
		Event: "e", Voter: approval.Voter{ID: "mia-id", UPN: "mia@contoso.com"}, Choice: choice,
		PolicyIDs: []string{"finance/po-over-limit"}, At: noon.Add(after), Comment: comment,
	}
}

func closed(c *approval.Case, status approval.Status, by string, after time.Duration) {
	c.Status, c.ClosedAt = status, noon.Add(after)
	c.Events = append(c.Events, approval.Event{Kind: approval.EventClosed, By: by, At: c.ClosedAt, Status: status})
}

// approvals.md: what became of it, by whom; FR18: what expired says that
// nothing was executed.
func TestOutcome(t *testing.T) {
	cases := []struct {
		name          string
		edit          func(*approval.Case)
		status        string
		open          bool
		outcome, note string
	}{
		{"pending", func(*approval.Case) {}, "Waiting for approval", true, "", ""},
		{"approved", func(c *approval.Case) {
			c.Status, c.ExecuteBy, c.Comment = approval.Approved, noon.Add(5*time.Hour), "fine"
			c.Votes = []approval.Vote{vote(approval.Approve, time.Hour, "fine")}
		}, "Approved, not used yet", true, "Approved by mia@contoso.com on Sat 21 Nov 2026, 14:00 CET (Europe/Berlin).", "fine"},
		{"denied", func(c *approval.Case) {
			c.Votes, c.Comment = []approval.Vote{vote(approval.Deny, time.Hour, "no")}, "no"
			closed(c, approval.Denied, "oid:mia-id", time.Hour)
		}, "Denied", false, "Denied by mia@contoso.com on Sat 21 Nov 2026, 14:00 CET (Europe/Berlin). Nothing was executed.", "no"},
		{
			"expired", func(c *approval.Case) { closed(c, approval.Expired, "clock", 8*time.Hour) },
			"Expired", false, "Nobody decided in time. It expired on Sat 21 Nov 2026, 21:00 CET (Europe/Berlin). Nothing was executed.", "",
		},
		{"expired with a vote", func(c *approval.Case) {
			c.Votes = []approval.Vote{vote(approval.Approve, time.Hour, "")}
			closed(c, approval.Expired, "clock", 8*time.Hour)
		}, "Expired", false, "Too few people decided in time. It expired on Sat 21 Nov 2026, 21:00 CET (Europe/Berlin). Nothing was executed.", ""},
		{"expired after approval", func(c *approval.Case) {
			c.ExecuteBy = noon.Add(5 * time.Hour)
			closed(c, approval.Expired, "clock", 5*time.Hour)
		}, "Expired", false, "It was approved, but the call was not made in time. It expired on Sat 21 Nov 2026, 18:00 CET (Europe/Berlin). Nothing was executed.", ""},
		{
			"used", func(c *approval.Case) { c.Status, c.ClosedAt = approval.Consumed, noon.Add(time.Hour) },
			"Used", false, "The approved call was allowed on Sat 21 Nov 2026, 14:00 CET (Europe/Berlin). The approval cannot be used again.", "",
		},
		{
			"revoked by a stranger", func(c *approval.Case) { closed(c, approval.Revoked, "oid:aud", time.Hour) },
			"Taken back", false, "Taken back by the person aud on Sat 21 Nov 2026, 14:00 CET (Europe/Berlin). Nothing was executed.", "",
		},
		{
			"restored", func(c *approval.Case) { closed(c, approval.Revoked, "manifest", time.Hour) },
			"Taken back", false, "Taken back, like everything opened before the store was restored, on Sat 21 Nov 2026, 14:00 CET (Europe/Berlin). Nothing was executed.", "",
		},
		{
			"cancelled", func(c *approval.Case) { closed(c, approval.Cancelled, "app:x", time.Hour) },
			"Withdrawn", false, "Withdrawn by the application that asked on Sat 21 Nov 2026, 14:00 CET (Europe/Berlin). Nothing was executed.", "",
		},
		{
			"superseded", func(c *approval.Case) { closed(c, approval.Superseded, "policy", time.Hour) },
			"Replaced", false, "Replaced on Sat 21 Nov 2026, 14:00 CET (Europe/Berlin): today's rules want more than was approved. It allows nothing any more. Nothing was executed.", "",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := order()
			c.edit(&in.Document.Current)
			in.Approval = viewOf(in.Document)
			s := sheet.Of(in)
			got := []any{s.Status, s.Open, s.Outcome, s.Comment, s.Deadline != "", s.Effect != "", s.Then != ""}
			want := []any{c.status, c.open, c.outcome, c.note, c.open, c.open, c.open}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Of (-want +got):\n%s", diff)
			}
		})
	}
}

// The clock decides: what the document still calls pending is expired where the
// approval says so.
func TestOutcomeByTheClock(t *testing.T) {
	in := order()
	in.Approval.Status, in.Approval.Final = approval.Expired, true
	if s := sheet.Of(in); s.Pending || s.Open || !strings.HasPrefix(s.Outcome, "Nobody decided in time.") {
		t.Errorf("Of = %q, open %t, want it expired", s.Outcome, s.Open)
	}
}

// An earlier approval of the slot shows the call and its own end, and nothing
// of the course of the later one.
func TestEarlierApproval(t *testing.T) {
	in := order()
	c := &in.Document.Current
	c.Votes = []approval.Vote{vote(approval.Approve, time.Hour, "of the later one")}
	line := approval.Line{
		Generation: approval.Generation(noon.Add(-48 * time.Hour).UnixMilli()), Status: approval.Denied,
		OpenedAt: noon.Add(-48 * time.Hour), ClosedAt: noon.Add(-47 * time.Hour), Comment: "no",
	}
	in.Document.Earlier = []approval.Line{line}
	in.Approval = viewOf(in.Document)
	in.Approval.ID, in.Approval.Status, in.Approval.Comment = approval.ID(slot, line.Generation), approval.Denied, "no"
	in.Approval.ApproveBy, in.Approval.Facts = time.Time{}, nil
	s := sheet.Of(in)
	if s.Headline != "70,000 EUR" || len(s.Facts) != 5 || s.Outcome != "Denied on Thu 19 Nov 2026, 14:00 CET (Europe/Berlin). Nothing was executed." || s.Comment != "no" {
		t.Errorf("Of = %q with %d facts, %q, %q, want the call and its end", s.Headline, len(s.Facts), s.Outcome, s.Comment)
	}
	if s.Said != "" || s.Why != nil || s.Progress != nil || s.Deadline != "" || s.Effect != "" {
		t.Errorf("Of = %+v, want nothing of the later approval's course", s)
	}
}

// approvals.md: progress of each requirement, with who said what.
func TestProgress(t *testing.T) {
	in := order()
	c := &in.Document.Current
	in.Now = noon.Add(4 * time.Hour) // escalated
	c.Requirements[0].Need, c.Requirements[0].Approvers = 2, []string{"role:FinanceManager", "user:mia@contoso.com", "oid:o-1", "group:g-1", "entitled"}
	relayed := vote(approval.Approve, 2*time.Hour, "")
	relayed.Voter, relayed.Relayed = approval.Voter{ID: "omar-id"}, true
	c.Votes = []approval.Vote{vote(approval.Approve, time.Hour, "looks\nfine"), relayed}
	in.Approval = viewOf(in.Document)
	want := []sheet.Requirement{{
		Title:     "finance/po-over-limit",
		Approvers: []string{"FinanceManager", "mia@contoso.com", "the person o-1", "the group g-1", "whoever may do this without approval", "FinanceDirector"},
		Except:    []string{"the agent's owner"}, Need: 2, Have: 2,
		Votes: []sheet.Vote{
			{Person: "mia@contoso.com", Choice: "approved", At: "Sat 21 Nov 2026, 14:00 CET (Europe/Berlin)", Comment: "looks\nfine"},
			{Person: "the person omar-id", Choice: "approved by mail, not signed in", At: "Sat 21 Nov 2026, 15:00 CET (Europe/Berlin)"},
		},
	}}
	if diff := cmp.Diff(want, sheet.Of(in).Progress); diff != "" {
		t.Errorf("Progress (-want +got):\n%s", diff)
	}
	in.Title = func(policyID, approver string) string {
		if policyID == "finance/po-over-limit" && approver == "role:FinanceManager" {
			return "Finance manager\u200b"
		}
		return ""
	}
	if got := sheet.Of(in).Progress[0].Approvers[:2]; got[0] != `Finance manager\u{200B}` || got[1] != "mia@contoso.com" {
		t.Errorf("Approvers = %q, want the titles given, as text", got)
	}
}

// The deadline is in the zone of the bindings, by its name, and in UTC where
// there is none.
func TestZones(t *testing.T) {
	cases := []struct{ zone, want string }{
		{"Europe/Berlin", "Sat 21 Nov 2026, 21:00 CET (Europe/Berlin)"},
		{"America/New_York", "Sat 21 Nov 2026, 15:00 EST (America/New_York)"},
		{"Asia/Kathmandu", "Sun 22 Nov 2026, 01:45 +0545 (Asia/Kathmandu)"},
		{"UTC", "Sat 21 Nov 2026, 20:00 UTC"},
		{"", "Sat 21 Nov 2026, 20:00 UTC"},
		{"Local", "Sat 21 Nov 2026, 20:00 UTC"},
		{"Europe/Nowhere", "Sat 21 Nov 2026, 20:00 UTC"},
	}
	for _, c := range cases {
		in := order()
		in.Document.Current.Zone = c.zone
		if got := sheet.Of(in).Deadline; got != c.want {
			t.Errorf("Deadline in %q = %s, want %s", c.zone, got, c.want)
		}
	}
}

func TestWindowsInWords(t *testing.T) {
	cases := []struct {
		seconds approval.Seconds
		want    string
	}{
		{30, "30 seconds"},
		{3600, "1 hour"},
		{5400, "1 hour 30 minutes"},
		{24 * 3600, "24 hours"},
		{36 * 3600, "36 hours"},
		{72*3600 + 60, "3 days 1 minute"},
	}
	for _, c := range cases {
		in := order()
		in.Document.Current.Requirements[0].ExecuteWithin = c.seconds
		if got := sheet.Of(in).Effect; !strings.Contains(got, " until "+c.want+" after the last approval, ") {
			t.Errorf("Effect of %d seconds = %q, want %q in it", c.seconds, got, c.want)
		}
	}
}
