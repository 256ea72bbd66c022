package audit_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// T49: no character of a record reaches a terminal as more than text, neither
// in the text nor in the JSON.
func TestNothingRawReachesATerminal(t *testing.T) {
	const evil = "a\x1b[2J\x9b\u009b31m\x07\r\n\u202ebob\u2066\u200b\u2028\ufeff\U000E0041<script>é日"
	a := newArchive(t)
	d := a.decide("PO-1", func(d *audit.Decision) {
		d.Reason, d.UserUPN, d.AgentID, d.Action, d.Resource.ID, d.CorrelationID, d.Advice = evil, evil, evil, evil, evil, evil, []string{evil}
		d.Parameters = strictjson.ObjectOf(strictjson.Member{Name: evil, Value: strictjson.StringOf(evil)})
		d.PolicyIDs, d.Roles[0].Via, d.ApprovalID = []string{evil, "finance/po-analyst"}, evil, evil
	})
	a.write(&audit.ApprovalOpened{TS: a.now, EventID: evil, ApprovalID: evil, Facts: []audit.Fact{{Label: evil, Value: evil, Mark: evil}}})
	a.write(&audit.Event{Kind: audit.KindApprovalVoted, TS: a.now, EventID: "e2", ApprovalID: evil, UserUPN: evil, Comment: evil, Outcome: evil, Reason: evil})
	story := a.why(d.DecisionID, nil)
	if len(story.Decisions[0].Approval) != 2 {
		t.Fatalf("Approval = %s, want both events", kinds(story.Decisions[0].Approval))
	}
	var text strings.Builder
	if err := story.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(story)
	if err != nil {
		t.Fatal(err)
	}
	a.sink.Tamper("v1/env=dev/"+strings.ToValidUTF8(evil, ""), []byte{})
	report, err := audit.Verify(t.Context(), a.sink, audit.VerifyOptions{})
	if err != nil || len(report.Ignored) != 1 {
		t.Fatalf("Verify() = %+v, %v, want one object ignored", report, err)
	}
	var reportText strings.Builder
	if err := report.WriteText(&reportText); err != nil {
		t.Fatal(err)
	}
	reportJSON, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{"Report.WriteText": reportText.String(), "Report": string(reportJSON), "WriteText": text.String(), "JSON": string(asJSON), "Entry.Text": story.Decisions[0].Decision.Text()}
	for what, text := range shown {
		if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && (!unicode.IsPrint(r) || r == unicode.ReplacementChar) }); i >= 0 {
			t.Errorf("%s holds %q at %d", what, []rune(text[i:])[0], i)
		}
		if !strings.Contains(text, "é日") {
			t.Errorf("%s lacks the letters that are plain text:\n%s", what, text)
		}
	}
	if n := strings.Count(shown["Entry.Text"], "\n"); n != 0 {
		t.Errorf("Entry.Text() has %d line feeds, want none", n)
	}
	var back struct {
		Decisions []struct {
			Decision struct{ Record struct{ Reason string } }
		}
	}
	if err := json.Unmarshal(asJSON, &back); err != nil || back.Decisions[0].Decision.Record.Reason != strings.ToValidUTF8(evil, "\uFFFD") {
		t.Errorf("the JSON reads back as %q, %v, want the same text", back.Decisions[0].Decision.Record.Reason, err)
	}
}
