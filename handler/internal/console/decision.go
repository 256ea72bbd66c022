package console

import (
	"net/http"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// decision is GET /console/decisions/{id}: why, from the log alone. It is shown
// to auditors of its tenant, to the user who was signed in when it was made,
// and to those who voted; to anybody else it does not exist.
func (c *Console) decision(w http.ResponseWriter, r *http.Request, s Session) error {
	id := r.PathValue("id")
	made, err := ulid.ParseStrict(id)
	if err != nil {
		return errNotFound // nothing else is worth a search
	}
	at := ulid.Time(made.Time()).UTC()
	story, err := c.parts.Decisions.Why(r.Context(), audit.Query{ID: id, Now: c.options.Now(), Since: at.Add(-time.Minute), Until: at.Add(time.Minute)})
	if err != nil {
		return err
	}
	for i := range story.Decisions {
		d := &story.Decisions[i]
		if rec := recordOf(&d.Decision); rec.DecisionID == id && mayRead(s.Principal, d) {
			v := decisionViewOf(d, &rec, story.Segments)
			c.render(w, r, s, http.StatusOK, "decision", v.Decision+": "+v.Action, v)
			return nil
		}
	}
	return errNotFound
}

// mayRead reports whether a person may read a decision.
func mayRead(p identity.Principal, d *audit.DecisionStory) bool {
	r := recordOf(&d.Decision)
	if p.Tenant == "" || !strings.EqualFold(r.TenantID, p.Tenant) {
		return false
	}
	if p.Has(identity.RoleAuditor) {
		return true
	}
	if p.ObjectID == "" {
		return false
	}
	if r.Identity == "verified" && strings.EqualFold(r.UserID, p.ObjectID) {
		return true
	}
	for i := range d.Approval {
		vote := recordOf(&d.Approval[i])
		if d.Approval[i].Kind == audit.KindApprovalVoted && strings.EqualFold(vote.UserID, p.ObjectID) {
			return true
		}
	}
	return false
}

// decisionView is one decision and its story.
type decisionView struct {
	ID, Time, Decision, Tone string
	Word, Code, Reason       string
	Doubt                    bool
	Action                   string
	Advice                   []string
	Facts                    []pair
	Parameters, Context      string
	Rules                    []ruleView
	Roles                    []audit.HeldRole
	Approval                 string // id
	Timeline                 []eventView
	Integrity                verdict
	Record                   []pair
}

type pair struct{ Label, Value string }

type ruleView struct{ ID, Origin, Text, Missing string }

type eventView struct {
	Time, Text, Who, Comment string
	Doubt                    bool
}

func decisionViewOf(d *audit.DecisionStory, r *record, segments []audit.SegmentVerdict) decisionView {
	v := decisionView{
		ID: sheet.Visible(r.DecisionID), Time: stamp(d.Decision.Time), Decision: decisionWords(r, d.Decision.Kind), Tone: decisionTone(r.Decision),
		Word: sheet.Visible(r.Decision), Code: sheet.Visible(r.ReasonCode), Reason: sheet.Visible(r.Reason), Doubt: d.Decision.Uncertain, Action: sheet.Visible(r.Action),
		Facts: factsOf(r), Parameters: indented(r.Parameters), Context: indented(r.Context),
		Approval: sheet.Visible(r.ApprovalID), Timeline: timeline(d), Integrity: verdictOf(segments), Record: recordFacts(d, r),
	}
	for _, a := range r.Advice {
		v.Advice = append(v.Advice, sheet.Visible(a))
	}
	for _, role := range d.Roles {
		v.Roles = append(v.Roles, audit.HeldRole{Role: sheet.Visible(role.Role), Via: sheet.Visible(role.Via)})
	}
	for _, rule := range d.Rules {
		v.Rules = append(v.Rules, ruleView{
			sheet.Visible(rule.ID), sheet.Visible(rule.Section) + " of " + sheet.Visible(rule.Pack) + ", version " + number(rule.Version),
			indented(rule.Text), sheet.Visible(rule.Missing),
		})
	}
	return v
}

// factsOf says who asked for what.
func factsOf(r *record) []pair {
	return filled(
		pair{"User", orWord(r.user(), "nobody: the agent acted on its own")},
		pair{"Identity", map[string]string{
			"verified": "signed in", "asserted": "stated by the application, not signed in", "none": "none",
		}[r.Identity]},
		pair{"Agent", sheet.Visible(r.AgentID)},
		pair{"Application", orWord(sheet.Visible(r.CallerApp), "the developer of this machine")},
		pair{"Resource", r.resource()},
		pair{"Correlation", sheet.Visible(r.CorrelationID)},
		pair{"Door", sheet.Visible(r.Door)},
		pair{"Policy", policyWords(r)},
	)
}

func policyWords(r *record) string {
	var packs []string
	for _, p := range r.Packs {
		packs = append(packs, sheet.Visible(p.Pack)+" version "+number(p.Version))
	}
	text := strings.Join(packs, ", ")
	if r.Stale {
		text += "; it was stale, checked " + span(time.Duration(r.PolicyAgeSeconds)*time.Second) + " before"
	}
	return text
}

// recordFacts say where the proof is.
func recordFacts(d *audit.DecisionStory, r *record) []pair {
	return filled(
		pair{"Segment", sheet.Visible(d.Decision.Segment)},
		pair{"Sequence", number(int64(d.Decision.Seq))}, //nolint:gosec // a count of records
		pair{"Hash of the record", d.Decision.Hash},
		pair{"Digest of the request", sheet.Visible(r.RequestDigest)},
	)
}

func filled(pairs ...pair) []pair {
	var out []pair
	for _, p := range pairs {
		if p.Value != "" {
			out = append(out, p)
		}
	}
	return out
}

func orWord(s, word string) string {
	if s == "" {
		return word
	}
	return s
}
