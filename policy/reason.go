package policy

import (
	"slices"
	"strings"
)

// sentences are what a reason says about a code by itself; with disclosure
// codes they are all of it.
var sentences = map[Code]string{
	PolicyNone:            "No policy pack is in effect.",
	PolicyStale:           "The policy is older than its hard limit allows.",
	SuspendedCode:         "The agent, its application or its tenant is suspended.",
	TenantUnknown:         "No policy pack in effect is for this tenant.",
	AgentUnknown:          "No policy pack declares this agent.",
	AgentCaller:           "The application is not one of the agent's callers.",
	UserRequired:          "The agent acts only for a user, and the request names none.",
	UserUnverified:        "The agent does not accept a user who is only asserted.",
	ActionUnknown:         "No policy pack declares this action.",
	ActionNotExposed:      "The agent does not expose this action.",
	ResourceMismatch:      "The resource's type is not the one the action is for.",
	ResourceRequired:      "The action needs the resource's id.",
	ParameterInvalid:      "A parameter is not what the action's declaration says.",
	ParameterPinned:       "A parameter has a value that the policy pins to another.",
	TenantBoundary:        "The resource belongs to another tenant.",
	GuardrailDenied:       "A guardrail denies this call.",
	IsolationDenied:       "An isolation rule denies this call.",
	ResidencyDenied:       "The resource's region is not allowed for this call.",
	EgressDenied:          "The host is not allowed for this call.",
	ClassificationUnknown: "The resource's label is unknown or missing.",
	ClassificationDenied:  "The resource's label does not allow this call.",
	EntitlementNone:       "Nothing entitles the caller to this call.",
	ThresholdDenied:       "A threshold denies this call.",
	ThresholdExceeded:     "The amount is over the limit and no approval rule covers it.",
	ApprovalUnavailable:   "Approval is needed and nobody can give it.",
	ApprovalLimitCode:     "Too many approvals are open already.",
	ApprovalDeniedCode:    "A person denied this call.",
	ApprovalExpiredCode:   "The approval expired.",
	ApprovalRevokedCode:   "The approval was revoked.",
	ApprovalMismatchCode:  "The approval is not one of this call.",
	ApprovalRequired:      "A person must approve this call.",
	ApprovalPending:       "A person must approve this call, and was asked already.",
	OK:                    "The call is allowed.",
	OKMasked:              "The call is allowed with masked values.",
	OKApproved:            "The call was approved and is allowed once.",
	TenantMismatch:        "The request names another tenant than the token.",
	UserMismatch:          "The request names another user than the token.",
}

// userSentences are what an agent's user may read where no rule gives advice:
// no limits, no names of rules.
var userSentences = map[Code]string{
	ParameterInvalid: "Something in this request is not filled in as it must be. Its maker can see what.",
	EntitlementNone:  "You are not allowed to do this.", ApprovalRequired: "Somebody has to approve this.",
	ApprovalPending: "Somebody was asked to approve this already.", ThresholdExceeded: "This is more than you may do, and nobody can approve it here.",
	ApprovalUnavailable: "This needs an approval that nobody can give.", ApprovalDeniedCode: "A person decided against this.",
	ApprovalExpiredCode: "The approval has expired. Ask again.", ApprovalRevokedCode: "The approval was taken back.",
	ApprovalMismatchCode: "That approval is not for this request.", ApprovalLimitCode: "Too many approvals are waiting. Try again later.",
	PolicyNone: "This cannot be decided now. Try again later.", PolicyStale: "This cannot be decided now. Try again later.",
	OK: "You may go on.", OKMasked: "You may go on; some values are hidden.", OKApproved: "This was approved. You may go on once.",
}

// Sentence is what can be said to makers and auditors about a code by itself.
func Sentence(c Code) string { return sentences[c] }

// UserSentence is what an agent's user may read about a code by itself.
func UserSentence(c Code) string {
	if s, ok := userSentences[c]; ok {
		return s
	}
	return "This is not allowed here."
}

// words fills in reason, advice and user message. The reason names what packs
// declare and shows amounts: it stays one line without invisible characters.
// Advice is the author's own text and stands as written, joiners of scripts and
// signs that need them included.
func (e *evaluation) words(d *Decision) {
	d.Advice = e.advice()
	d.UserMessage = strings.Join(d.Advice, " ")
	if d.UserMessage == "" {
		d.UserMessage = UserSentence(e.code)
	}
	d.Reason = sentences[e.code]
	if !e.codesOnly() {
		d.Reason = e.reason()
		if note := e.in.Approval.Note; note != "" && e.code != ApprovalMismatchCode { // a mismatch tells nothing
			d.Reason += " " + note
		}
	}
	d.Reason = visibleLine(d.Reason)
}

// advice is that of the rules that decided, masks aside, on a denial or a
// question. For an opaque line it speaks of the construct, and the advice of
// guardrails that the line only might have met is left out (9.6).
func (e *evaluation) advice() []string {
	out := []string{}
	if e.outcome.Execute() {
		return out
	}
	opaque, construct := e.opaque()
	if opaque && e.guarded() {
		out = append(out, "The command holds "+construct+".")
	}
	for _, r := range e.decided() {
		if r.head.Advice == "" || r.mask != nil || opaque && r.guard != nil && !r.guard.bare(e.act.src.ID) {
			continue
		}
		if !slices.Contains(out, r.head.Advice) {
			out = append(out, r.head.Advice)
		}
	}
	return out
}

// guarded is whether the line's opacity may be why the call ended here.
func (e *evaluation) guarded() bool {
	return e.code == EntitlementNone || slices.ContainsFunc(e.decided(), func(r *rule) bool { return r.guard != nil })
}

func (g *guard) bare(action string) bool {
	return slices.ContainsFunc(g.tools, func(t tool) bool { return t.line == nil && t.action.matches(action) })
}

// opaque is whether the call's command cannot be known before it runs, and
// what makes it so: the construct, its column and how to write it instead.
func (e *evaluation) opaque() (opaque bool, construct string) {
	if e.act == nil || e.act.command < 0 || len(e.args) <= e.act.command || e.args[e.act.command].line == nil {
		return false, ""
	}
	construct = e.args[e.act.command].line.Explain()
	return construct != "", construct
}

// reason is one sentence for makers and auditors. Stages 0 and 1 hold no value
// of a parameter; later ones none that a mask covers.
func (e *evaluation) reason() string {
	base := strings.TrimSuffix(sentences[e.code], ".")
	switch e.code {
	case ParameterInvalid:
		return e.parameterReason()
	case ParameterPinned:
		return "The parameter " + quote(e.problem.parameter) + " has a value that the policy pins to another."
	case UserUnverified, UserRequired:
		return base + " (" + e.agent.src.ID + ")."
	case ActionNotExposed:
		return "The agent " + e.agent.src.ID + " does not expose " + e.act.src.ID + "."
	case ResourceMismatch:
		return "The resource's type is not " + e.act.src.Resource + ", which " + e.act.src.ID + " is for."
	case ResourceRequired:
		return e.act.src.ID + " needs the resource's id."
	case GuardrailDenied:
		return e.guardReason(base)
	case EntitlementNone:
		return e.entitlementReason()
	case ThresholdExceeded:
		return e.limitReason() + ", and no approval rule covers that."
	case ApprovalRequired, ApprovalPending:
		return e.approvalReason()
	case ApprovalUnavailable:
		return e.unavailableReason(base)
	case ThresholdDenied:
		return e.thresholdReason(base)
	case OK, OKMasked:
		return e.allowReason(base)
	default: // the sentence and the rules say it all
	}
	return base + by(e.decided()) + "."
}

func by(rules []*rule) string {
	if len(rules) == 0 {
		return ""
	}
	return " (" + publicIDs(rules) + ")"
}

func publicIDs(rules []*rule) string {
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.public
	}
	return strings.Join(ids, ", ")
}

func (e *evaluation) parameterReason() string {
	if e.problem.undeclared {
		return "The request sends a parameter that " + e.act.src.ID + " does not declare; it takes " + e.parameterNames() + "."
	}
	return "The parameter " + quote(e.problem.parameter) + " of " + e.act.src.ID + " is not what it must be: " + e.problem.detail + "."
}

func (e *evaluation) parameterNames() string {
	if len(e.act.params) == 0 {
		return "none"
	}
	names := make([]string, len(e.act.params))
	for i, p := range e.act.params {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}

func (e *evaluation) guardReason(base string) string {
	if opaque, construct := e.opaque(); opaque {
		return "What the command would run cannot be known before it runs: it holds " + construct + "."
	}
	return base + by(e.decided()) + "."
}

func (e *evaluation) entitlementReason() string {
	text := "Nothing entitles the caller to " + e.act.src.ID
	if opaque, construct := e.opaque(); opaque {
		return text + ", and no allow holds for a command that cannot be known before it runs: it holds " + construct + "."
	}
	held := e.held(e.act.pack)
	if unknown := e.act.pack.roles.unknown(e.who, held); unknown != "" {
		if e.in.Subject.Identity == Verified && !e.who.user.GroupsKnown {
			return text + "; the user's groups are not in the token (overage), so the role " + unknown + " is not known."
		}
		return text + "; nobody told enough of the user (UPN, object id, groups, app roles), so the role " + unknown + " is not known."
	}
	return text + "."
}

// limitReason says by how much the nearest entitlement is exceeded, where no
// mask covers the amount.
func (e *evaluation) limitReason() string {
	nearest := e.ents[0]
	for _, x := range e.ents[1:] {
		if x.max.Compare(nearest.max) > 0 {
			nearest = x
		}
	}
	l := nearest.rule.entitle.limit
	amount, unit := e.shown(l.parameter), ""
	if l.by != "" {
		unit = " " + e.shown(l.by)
	}
	if amount == "" || unit == " " {
		return e.act.src.ID + " is over the limit of " + e.holders(nearest.rule)
	}
	return e.act.src.ID + " of " + amount + unit + " is over the " + nearest.max.String() + unit + " limit of " + e.holders(nearest.rule)
}

// shown is a parameter's value for a reason, "" where a mask covers it.
func (e *evaluation) shown(parameter string) string {
	a := e.argOf(parameter)
	if a == nil || covers(parameterMasks(e.masks), parameter) {
		return ""
	}
	return a.value.Text()
}

// holders are the roles through which the subject holds an entitlement.
func (e *evaluation) holders(r *rule) string {
	if r.entitle.roles.everybody {
		return "everybody"
	}
	held := e.held(r.pack)
	var names []string
	for i, role := range r.entitle.roles.roles {
		if held.has(role) {
			names = append(names, r.entitle.roles.names[i])
		}
	}
	return strings.Join(names, " and ")
}

func (e *evaluation) approvalReason() string {
	why := e.act.src.ID + " needs a person's approval"
	switch {
	case e.overLimit:
		why = e.limitReason()
	case len(e.asks) > 0:
		why = e.act.src.ID + " asks for approval (" + publicIDs(e.asks) + ")"
		if opaque, construct := e.opaque(); opaque {
			why += ", since what its command would run cannot be known before it runs: it holds " + construct
		}
	}
	var who []string
	for _, q := range e.applied {
		if q.have < q.rule.approve.quorum {
			who = append(who, count(q.rule.approve.quorum-q.have)+" of "+strings.Join(q.rule.approve.src.Approvers, ", ")+" must approve")
		}
	}
	tail := "."
	if e.code == ApprovalPending {
		tail = "; they were asked already."
	}
	return why + "; " + strings.Join(who, ", and ") + tail
}

func count(n int) string {
	if n == 1 {
		return "one"
	}
	return itoa(n)
}

func (e *evaluation) unavailableReason(base string) string {
	if r := e.problem.rule; r != nil {
		return "Approval is needed by " + r.public + ", and too few could give it: nobody but the requester and those excluded could approve."
	}
	return base + ": no approval rule covers what " + publicIDs(e.decided()) + " asked."
}

func (e *evaluation) thresholdReason(base string) string {
	t := e.decided()[0].threshold
	if _, sent := e.numberAt(t); !sent {
		return base + by(e.decided()) + ": " + e.decided()[0].threshold.name() + " was not sent as a number."
	}
	return base + by(e.decided()) + ": " + t.name() + " is above what is allowed."
}

func (t *threshold) name() string {
	if t.parameter != "" {
		return "parameters." + t.parameter
	}
	return "context." + strings.Join(t.path, ".")
}

func (e *evaluation) allowReason(base string) string {
	for _, x := range e.ents {
		if x.exceeded {
			continue
		}
		text := e.act.src.ID + " is within what " + e.holders(x.rule) + " may do"
		if len(e.masks) > 0 {
			text += "; values are masked"
		}
		return text + by(e.decided()) + "."
	}
	return base + by(e.decided()) + "."
}
