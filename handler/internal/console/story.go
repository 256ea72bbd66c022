package console

import (
	"cmp"
	"slices"

	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// timeline is what became of a decision, oldest first.
func timeline(d *audit.DecisionStory) []eventView {
	entries := slices.Concat(d.Approval, d.Replays, d.Outcomes)
	slices.SortStableFunc(entries, func(a, b audit.Entry) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Segment, b.Segment), cmp.Compare(a.Seq, b.Seq))
	})
	events := make([]eventView, 0, len(entries))
	for i := range entries {
		events = append(events, eventOf(&entries[i]))
	}
	return events
}

func eventOf(e *audit.Entry) eventView {
	r := recordOf(e)
	v := eventView{Time: stamp(e.Time), Text: eventWords(e.Kind, &r), Who: r.user(), Comment: sheet.Visible(r.Comment), Doubt: e.Uncertain}
	if e.Kind == audit.KindApprovalOpened {
		v.Who = "" // the requester, who is named above
	}
	return v
}

// eventWords says what happened.
func eventWords(kind audit.Kind, r *record) string {
	outcome := sheet.Visible(r.Outcome)
	switch kind {
	case audit.KindApprovalOpened:
		return "People were asked to approve"
	case audit.KindApprovalVoted:
		switch r.Outcome {
		case "approve":
			return "Approved by"
		case "deny":
			return "Denied by"
		}
		return "Voted " + outcome
	case audit.KindApprovalApproved:
		return "Every requirement was met"
	case audit.KindApprovalConsumed:
		return "The approval was used, once"
	case audit.KindApprovalClosed:
		return "Closed: " + outcome
	case audit.KindApprovalRefused:
		return "A vote came too late: " + outcome
	case audit.KindReplayed:
		return "The same answer was given again"
	case audit.KindOutcome:
		return "The application says: " + outcome + detail(r)
	default:
		return sheet.Visible(string(kind))
	}
}

func detail(r *record) string {
	if r.Reason == "" {
		return ""
	}
	return ", " + sheet.Visible(r.Reason)
}

// verdict is how far the records can be trusted.
type verdict struct {
	Tone, Text string
	Findings   []string
}

// verdictOf is the worst of the segments' verdicts.
func verdictOf(segments []audit.SegmentVerdict) verdict {
	v := verdict{Tone: "good", Text: "Verified: the chain of records holds from end to end. Nothing was changed, added or taken away."}
	for _, s := range segments {
		switch s.Integrity {
		case audit.Failed:
			v.Tone, v.Text = "bad", "Broken: the audit log was changed or is damaged. Do not rely on what this page says."
			for _, f := range s.Findings {
				v.Findings = append(v.Findings, sheet.Visible(string(f.Fault)+": "+f.Segment+", line "+number(int64(f.Line))+": "+f.Detail))
			}
		case audit.OpenEnd:
			if v.Tone == "good" {
				v.Tone, v.Text = "plainly", "The chain of records holds. Its end is still being written: a tail that was cut off would not show yet."
			}
		case audit.Verified:
		}
	}
	if len(segments) == 0 {
		return verdict{Tone: "bad", Text: "Not known: no segment of the log stands behind this page."}
	}
	return v
}
