package audit

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// WriteText writes the story for people. Whatever a record holds comes out as
// visible text: no record moves a cursor or turns the direction of a line.
func (s Story) WriteText(w io.Writer) error {
	p := page{bufio.NewWriter(w)}
	for _, d := range s.Decisions {
		p.decision(d)
	}
	if s.More {
		p.line("", "There are older decisions: give a time range to see them.")
	}
	if len(s.Events) > 0 {
		p.line("", "Besides:")
		for _, e := range s.Events {
			p.event(e)
			p.sawWhat(e, "")
		}
	}
	p.verdicts(s.Segments)
	return p.w.Flush()
}

// page is text under way to a terminal.
type page struct{ w *bufio.Writer }

// line writes one labelled line. Texts are made printable; formats are ours.
func (p page) line(label, format string, args ...any) {
	for i, a := range args {
		if text, ok := a.(string); ok {
			args[i] = printable(text)
		}
	}
	if label != "" {
		format, args = "  %-10s "+format, append([]any{label}, args...)
	}
	_, _ = fmt.Fprintf(p.w, format+"\n", args...) // Flush has the error
}

func (p page) decision(d DecisionStory) {
	e := d.Decision
	p.line("", "%s  %s  %s%s", stamp(e.Time), e.text("decision"), e.text("reasonCode"), doubtful(e))
	p.line("decision", "%s  %s, correlation %s, door %s", e.text("decisionId"), string(e.Kind), e.text("correlationId"), e.text("door"))
	p.line("who", "agent %s for %s (%s), through application %s, tenant %s", e.text("agentId"),
		person(e), e.text("identity"), orNone(e.text("callerApp")), orNone(e.text("tenantId")))
	r := e.value.Get("resource")
	p.line("what", "%s  %s %s  region %s, %s", e.text("action"), r.Get("type").Text(), r.Get("id").Text(),
		orNone(r.Get("region").Text()), orNone(r.Get("classification").Text()))
	p.line("", "%13s%s", "", member(e, "parameters"))
	p.line("why", "%s", e.text("reason"))
	for _, advice := range e.value.Get("advice").Items() {
		p.line("advice", "%s", advice.Text())
	}
	for _, rule := range d.Rules {
		p.rule(rule)
	}
	for _, role := range d.Roles {
		p.line("role", "%s through %s", role.Role, role.Via)
	}
	p.policy(e)
	if id := e.text("approvalId"); id != "" {
		p.line("approval", "%s  %s", id, e.text("approvalOutcome"))
	}
	shown := shownIn(d.Approval)
	for _, event := range d.Approval {
		p.event(event)
		p.sawWhat(event, shown)
	}
	for _, replay := range d.Replays {
		p.line("again", "%s  the same answer was given%s", stamp(replay.Time), doubtful(replay))
	}
	for _, mask := range d.Masks {
		p.line("masked", "%s  an output for the application%s", stamp(mask.Time), doubtful(mask))
	}
	for _, outcome := range d.Outcomes {
		p.line("outcome", "%s  %s  %s%s", stamp(outcome.Time), outcome.text("outcome"), outcome.text("reason"), doubtful(outcome))
	}
	p.line("record", "%s, sequence %d, %s", e.Segment, e.Seq, e.Hash)
	p.line("", "")
}

func (p page) rule(r RuleText) {
	if r.Missing != "" {
		p.line("rule", "%s  (no text: %s)", r.ID, r.Missing)
		return
	}
	p.line("rule", "%s  %s, version %d, %s", r.ID, r.Section, r.Version, r.Hash)
	p.line("", "%13s%s", "", string(r.Text))
}

func (p page) policy(e Entry) {
	state := "current"
	if e.value.Get("stale").Bool() {
		state = "stale"
	}
	p.line("policy", "epoch %d, checked %d s before, %s", intOf(e.value.Get("epoch")), intOf(e.value.Get("policyAgeSeconds")), state)
	for _, pack := range e.value.Get("packs").Items() {
		p.line("pack", "%s version %d, %s", pack.Get("pack").Text(), intOf(pack.Get("version")), pack.Get("hash").Text())
	}
}

// event writes a record that is no decision, on one line and one for each
// thing that people were asked and shown.
func (p page) event(e Entry) {
	parts := []string{stamp(e.Time), string(e.Kind)}
	for _, name := range []string{"outcome", "reasonCode"} {
		if text := e.text(name); text != "" {
			parts = append(parts, text)
		}
	}
	if who := person(e); who != "nobody" {
		parts = append(parts, "by "+who)
	}
	if e.value.Get("detail").Get("relayed").Bool() {
		parts = append(parts, "in a mail, not signed in")
	}
	if reason := e.text("reason"); reason != "" {
		parts = append(parts, reason)
	}
	if comment := e.text("comment"); comment != "" {
		parts = append(parts, fmt.Sprintf("%q", comment))
	}
	p.line("", "    %s%s", strings.Join(parts, "  "), doubtful(e))
	for _, r := range e.value.Get("requirements").Items() {
		p.line("", "      asked: %d of %s  (%s)", intOf(r.Get("need")), textsOf(r.Get("approvers")), r.Get("policyId").Text())
	}
	for _, fact := range e.value.Get("facts").Items() {
		p.line("", "      shown: %s: %s %s", fact.Get("label").Text(), fact.Get("value").Text(), fact.Get("mark").Text())
	}
}

// sawWhat says of a vote which call the voter was shown. Shown is the digest of
// the one that was opened, "" where the log does not say.
func (p page) sawWhat(e Entry, shown string) {
	digest := e.text("requestDigest")
	if digest == "" || e.Kind != KindApprovalVoted && e.Kind != KindApprovalRefused {
		return
	}
	what := ""
	switch shown {
	case "":
	case digest:
		what = "  that of the facts above"
	default:
		what = "  NOT that of the facts above"
	}
	p.line("", "      shown: the call %s%s", digest, what)
}

// shownIn is the digest of the call whose facts were shown.
func shownIn(events []Entry) string {
	for _, e := range events {
		if e.Kind == KindApprovalOpened {
			return e.text("requestDigest")
		}
	}
	return ""
}

func textsOf(v strictjson.Value) string {
	var texts []string
	for _, item := range v.Items() {
		texts = append(texts, item.Text())
	}
	return strings.Join(texts, ", ")
}

func (p page) verdicts(segments []SegmentVerdict) {
	for _, v := range segments {
		switch v.Integrity {
		case Verified:
			p.line("", "chain verified: %s", v.Segment)
		case OpenEnd:
			p.line("", "chain verified, end not yet named by a next segment: %s", v.Segment)
		case Failed:
			p.line("", "CHAIN BROKEN: %s", v.Segment)
		}
		p.findings("  ", v.Findings)
	}
}

func (p page) findings(indent string, findings []Finding) {
	for _, f := range findings {
		p.line("", "%s%s, line %d, sequence %d: %s: %s", indent, f.Segment, f.Line, f.Seq, string(f.Fault), f.Detail)
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000Z") }

func doubtful(e Entry) string {
	if e.Uncertain {
		return "  (perhaps never answered: the append had no outcome)"
	}
	return ""
}

func person(e Entry) string {
	switch upn, id := e.text("userUPN"), e.text("userId"); {
	case upn != "" && id != "":
		return upn + " (" + id + ")"
	case upn != "" || id != "":
		return upn + id
	}
	return "nobody"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// member is a member of the record as JSON.
func member(e Entry, name string) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(e.Record, &members) != nil {
		return ""
	}
	return string(members[name])
}
