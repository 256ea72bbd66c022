package console

import (
	"errors"
	"net/http"
	"strings"

	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// example is the call that the playground begins with: the purchase order of
// the sample packs.
const example = `{
  "agentId": "finance-agent",
  "userUPN": "ana@contoso.com",
  "action": "CreatePO",
  "resource": { "id": "PO-1001", "region": "EU", "classification": "Internal" },
  "parameters": { "amount": 70000, "currency": "EUR", "vendor": "V-7" },
  "context": { "riskScore": 40 }
}`

// mayPlay reports whether a person may try calls out: in local mode everybody,
// elsewhere auditors.
func (c *Console) mayPlay(p identity.Principal) bool {
	return c.options.OpenHouse || p.Has(identity.RoleAuditor)
}

// playgroundView is the form and what the last preview gave.
type playgroundView struct {
	Token    string
	Call     string
	Mistakes []Mistake
	Answer   *answerView
}

// answerView is a decision that was only tried out.
type answerView struct {
	ID, Decision, Tone, Word   string
	Code, Reason, Message      string
	Policies, Warnings, Advice []string
	Effective                  string
	Obligations                []policy.Obligation
	Requirements               []requirementView
	Alternatives               []alternativeView
	Trace                      []stageView
}

type requirementView struct {
	PolicyID, Approvers string
	Need                int
}

type alternativeView struct{ Text, Decision string }

// stageView is a stage of the evaluation.
type stageView struct {
	Stage string
	Lines []policy.TraceLine
}

// playground is GET /console/playground.
func (c *Console) playground(w http.ResponseWriter, r *http.Request, s Session) error {
	if !c.mayPlay(s.Principal) {
		return errNotAuditor
	}
	c.play(w, r, s, http.StatusOK, playgroundView{Call: example})
	return nil
}

// preview is POST /console/playground. It is answered at once: there is nothing
// that a repetition could do.
func (c *Console) preview(w http.ResponseWriter, r *http.Request, s Session, f form) error {
	if !c.mayPlay(s.Principal) {
		return errNotAuditor
	}
	v := playgroundView{Call: f.one("call")}
	answer, err := c.parts.Playground.Preview(r.Context(), s.Principal, []byte(v.Call))
	var wrong *MistakeError
	switch {
	case errors.As(err, &wrong):
		for _, m := range wrong.Mistakes {
			v.Mistakes = append(v.Mistakes, Mistake{sheet.Visible(m.Pointer), sheet.Visible(m.Detail)})
		}
		c.play(w, r, s, http.StatusBadRequest, v)
		return nil
	case err != nil:
		return err
	}
	v.Answer = answerOf(&answer)
	c.play(w, r, s, http.StatusOK, v)
	return nil
}

func (c *Console) play(w http.ResponseWriter, r *http.Request, s Session, status int, v playgroundView) {
	v.Token = c.forms.token(s, toPreview, "", c.options.Now())
	c.render(w, r, s, status, "playground", "Playground", v)
}

func answerOf(a *authorize.Answer) *answerView {
	rec := record{Decision: a.Decision.String()}
	v := &answerView{
		ID: sheet.Visible(a.DecisionID), Decision: decisionWords(&rec, ""), Tone: decisionTone(rec.Decision), Word: rec.Decision, Code: sheet.Visible(string(a.ReasonCode)),
		Reason: sheet.Visible(a.Reason), Message: sheet.Visible(a.UserMessage), Policies: visible(a.PolicyIDs), Warnings: visible(a.Warnings),
		Advice: visible(a.Advice), Effective: indented(strictjson.AppendAsSent(nil, a.EffectiveParameters)),
	}
	for _, o := range a.Obligations {
		v.Obligations = append(v.Obligations, policy.Obligation{Type: sheet.Visible(o.Type), Path: sheet.Visible(o.Path), Method: sheet.Visible(o.Method)})
	}
	for _, q := range a.Approval.Requirements {
		v.Requirements = append(v.Requirements, requirementView{sheet.Visible(q.PolicyID), strings.Join(visible(q.Approvers), ", "), q.Need})
	}
	for _, x := range a.Alternatives {
		outcome := record{Decision: x.Outcome.String()}
		v.Alternatives = append(v.Alternatives, alternativeView{sheet.Visible(x.Parameter + " " + x.Value), decisionWords(&outcome, "")})
	}
	v.Trace = stages(a.Trace)
	return v
}

func visible(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = sheet.Visible(s)
	}
	return out
}

// stages puts the lines of a trace under their stages.
func stages(lines []policy.TraceLine) []stageView {
	var out []stageView
	for _, l := range lines {
		if n := len(out); n == 0 || out[n-1].Stage != l.Stage {
			out = append(out, stageView{Stage: l.Stage})
		}
		last := &out[len(out)-1]
		last.Lines = append(last.Lines, policy.TraceLine{
			Stage: l.Stage, Rule: sheet.Visible(l.Rule), Result: sheet.Visible(l.Result), Detail: sheet.Visible(l.Detail),
		})
	}
	return out
}
