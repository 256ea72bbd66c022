package policy_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/policy"
)

// approvals.md, "Using": votes are for what the voters were shown.
func TestVotesAreForWhatWasShown(t *testing.T) {
	const rules = `"approvals": [{"id": "all", "on": ALL, "approvers": ["user:mia@contoso.com"]}]`
	const risks = `"risks": ["low", "medium", "high"]`
	const ask = `"thresholds": [{"id": "much", "value": "parameters.amount", "askAbove": "10", "absent": "ask"}]`
	const limit = `"entitlements": [{"id": "read", "roles": ["Reader"], "limit": {"parameter": "amount", "max": "5"}}]`
	const used, anew, pending, denies = "ALLOW ok.approved", "REQUIRE_APPROVAL approval.required", "REQUIRE_APPROVAL approval.pending", "DENY threshold.denied"
	set := load(t, smallPack(strings.Replace(rules, "ALL", `["overLimit", "ask"]`, 1), risks, ask, limit))
	always := load(t, smallPack(strings.Replace(rules, "ALL", `["always", "overLimit", "ask"]`, 1), risks, ask, limit))
	denying := load(t, smallPack(strings.Replace(rules, "ALL", `["overLimit", "ask"]`, 1), risks, strings.Replace(ask, `"absent"`, `"denyAbove": "15", "absent"`, 1), limit))
	stranger := smallPack(`"pack": "q"`, `"agents": []`, `"actions": []`, `"entitlements": []`, `"risks": ["alien", "medium"]`)
	foreign := load(t, smallPack(strings.Replace(rules, "ALL", `["overLimit", "ask"]`, 1), `"risks": ["low", "high"]`, ask, limit), stranger)
	both := []string{"overLimit", "ask:p/much"}
	for _, c := range []struct {
		name    string
		set     *policy.Set
		context string
		shown   policy.Shown
		want    string
	}{
		{"the same", set, `{"risk": "medium", "riskScore": 40}`, policy.Shown{Triggers: both, Identity: policy.Verified, Risk: "medium", RiskScore: "40"}, used},
		{"more was shown", set, `{"risk": "low", "riskScore": 39.5}`, policy.Shown{Triggers: append([]string{"always", "ask:p/gone"}, both...), Identity: policy.Asserted, Risk: "high", RiskScore: "40"}, used},

		{"overLimit is new", set, `{}`, policy.Shown{Triggers: both[1:]}, anew},
		{"an ask is new", set, `{}`, policy.Shown{Triggers: both[:1]}, anew},
		{"an ask of another name was shown", set, `{}`, policy.Shown{Triggers: []string{"overLimit", "ask:p/muc", "ask:p/much2", "p/much", "ask"}}, anew},
		{"always is new", always, `{}`, policy.Shown{Triggers: both}, anew},
		{"always was shown", always, `{}`, policy.Shown{Triggers: append([]string{"always"}, both...)}, used},
		{"nothing was shown", set, `{}`, policy.Shown{}, anew},
		{"what is new is denied", denying, `{}`, policy.Shown{Triggers: both[:1]}, denies},

		{"the risk is higher", set, `{"risk": "high"}`, policy.Shown{Triggers: both, Risk: "medium"}, anew},
		{"the risk is lower", set, `{"risk": "low"}`, policy.Shown{Triggers: both, Risk: "medium"}, used},
		{"the risk is absent", set, `{}`, policy.Shown{Triggers: both, Risk: "high"}, anew},
		{"the risk is undeclared", set, `{"risk": "LOW"}`, policy.Shown{Triggers: both, Risk: "high"}, anew},
		{"the risk is no text", set, `{"risk": 1}`, policy.Shown{Triggers: both, Risk: "high"}, anew},
		{"no risk was shown", set, `{"risk": "high"}`, policy.Shown{Triggers: both}, used},
		{"absent after absent", set, `{"risk": "?", "riskScore": "?"}`, policy.Shown{Triggers: both}, used},
		{"a risk that another pack declares is absent", foreign, `{"risk": "alien"}`, policy.Shown{Triggers: both, Risk: "high"}, anew},
		{"the same risk of another pack", foreign, `{"risk": "alien"}`, policy.Shown{Triggers: both, Risk: "alien"}, used},
		{"a risk after one that is no longer known", foreign, `{"risk": "low"}`, policy.Shown{Triggers: both, Risk: "medium"}, anew},

		{"the score is higher", set, `{"riskScore": 40.0000001}`, policy.Shown{Triggers: both, RiskScore: "40"}, anew},
		{"the score has more digits", set, `{"riskScore": 100}`, policy.Shown{Triggers: both, RiskScore: "40"}, anew},
		{"the score is lower", set, `{"riskScore": -1}`, policy.Shown{Triggers: both, RiskScore: "40"}, used},
		{"the score in another spelling", set, `{"riskScore": 4.00e1}`, policy.Shown{Triggers: both, RiskScore: "40"}, used},
		{"the score shown in another spelling", set, `{"riskScore": 40}`, policy.Shown{Triggers: both, RiskScore: "40.0"}, used},
		{"the score is a text", set, `{"riskScore": "1"}`, policy.Shown{Triggers: both, RiskScore: "40"}, anew},
		{"the score is absent", set, `{}`, policy.Shown{Triggers: both, RiskScore: "40"}, anew},
		{"no score was shown", set, `{"riskScore": 99}`, policy.Shown{Triggers: both}, used},
		{"what was shown is no number", set, `{"riskScore": 1}`, policy.Shown{Triggers: both, RiskScore: "many"}, anew},
	} {
		in := inputOf(t, "ana", `{"agentId": "agent", "action": "Read", "parameters": {"amount": 20}, "context": `+c.context+`}`)
		in.Approval = policy.Approval{State: policy.ApprovalOpen, Shown: &c.shown, Votes: map[string][]policy.User{"p/all": {people["mia"]}}}
		d := c.set.Decide(in, false)
		if got := short(d); got != c.want {
			t.Errorf("%s: Decide = %s, want %s", c.name, got, c.want)
		}
		if c.want == anew && d.Requirements[0].Have != 0 {
			t.Errorf("%s: Decide counts %d votes, want none", c.name, d.Requirements[0].Have)
		}
		if in.Approval.Votes = nil; c.want == used {
			if got := short(c.set.Decide(in, false)); got != pending {
				t.Errorf("%s, without votes: Decide = %s, want %s", c.name, got, pending)
			}
		}
	}
}

// approvals.md, "Using": the identity is no weaker than shown.
func TestVotesAreForAnIdentityAsStrong(t *testing.T) {
	set := load(t, smallPack(`"entitlements": [{"id": "read", "roles": ["*"]}]`, `"approvals": [{"id": "all", "on": ["always"], "approvers": ["user:mia@contoso.com"]}]`))
	grades := []policy.Identity{policy.None, policy.Asserted, policy.Verified}
	for _, shown := range grades {
		for _, today := range grades {
			in := inputOf(t, "ana", readRequest)
			in.Subject.Identity = today
			in.Approval = policy.Approval{
				State: policy.ApprovalOpen, Shown: &policy.Shown{Triggers: []string{"always"}, Identity: shown},
				Votes: map[string][]policy.User{"p/all": {people["mia"]}},
			}
			want := today >= shown
			if got := set.Decide(in, false).Code == policy.OKApproved; got != want {
				t.Errorf("%s after %s was shown: the votes count = %v, want %v", today, shown, got, want)
			}
		}
	}
}

// A sentence about an earlier approval ends the reason, whatever the answer,
// but not where packs keep reasons to themselves or the approval is not the
// call's.
func TestNoteEndsTheReason(t *testing.T) {
	const note = "The approval named was cancelled."
	const over = `"entitlements": [{"id": "read", "roles": ["Reader"], "limit": {"parameter": "amount", "max": "5"}}]`
	full := load(t, smallPack(over, `"approvals": [{"id": "all", "on": ["overLimit"], "approvers": ["user:mia@contoso.com"]}]`))
	codes := load(t, smallPack(over, `"disclosure": "codes"`, `"approvals": [{"id": "all", "on": ["overLimit"], "approvers": ["user:mia@contoso.com"]}]`))
	for _, c := range []struct {
		name   string
		set    *policy.Set
		who    string
		amount string
		state  policy.ApprovalState
		want   bool
	}{
		{"asks", full, "ana", "6", policy.NoApproval, true},
		{"allows", full, "ana", "5", policy.NoApproval, true},
		{"denies", full, "mia", "5", policy.NoApproval, true},
		{"mismatch", full, "ana", "6", policy.ApprovalMismatch, false},
		{"codes", codes, "ana", "6", policy.NoApproval, false},
	} {
		in := inputOf(t, c.who, `{"agentId": "agent", "action": "Read", "parameters": {"amount": `+c.amount+`}}`)
		in.Approval = policy.Approval{State: c.state, Note: note}
		d := c.set.Decide(in, false)
		if got := strings.HasSuffix(d.Reason, ". "+note); got != c.want || strings.Contains(d.UserMessage, note) {
			t.Errorf("%s: %s with the reason %q, want the note in it: %v", c.name, short(d), d.Reason, c.want)
		}
	}
}

// shownNow is the approval of a call that was opened as the call stands now,
// with everybody's vote; nil where it needs none.
func shownNow(set *policy.Set, w *world, c *call) *policy.Approval {
	c.approval = policy.Approval{}
	d := set.Decide(c.input(), false)
	if d.Asked == nil {
		return nil
	}
	a := votesFor(w, []vote{{"mia", people["mia"]}, {"omar", people["omar"]}, {"nora", people["nora"]}, {"bob", people["bob"]}, {"ana", people["ana"]}})
	a.Shown = &policy.Shown{Triggers: d.Triggers, Identity: d.Identity, Risk: d.Asked.Risk, RiskScore: d.Asked.RiskScore}
	return &a
}

// The votes of a call that is what it was when it was opened count as if
// nothing were compared.
func TestShownChangesNothingByItself(t *testing.T) {
	t.Parallel()
	used := 0
	rapid.Check(t, func(t *rapid.T) {
		w := openWorld(t)
		set := w.load(t)
		for range 6 {
			c := drawCall(t, w)
			a := shownNow(set, w, c)
			if a == nil {
				continue
			}
			c.approval = *a
			compared := set.Decide(c.input(), false)
			c.approval.Shown = nil
			if got, want := text(compared), text(set.Decide(c.input(), false)); got != want {
				t.Fatalf("Decide with what was shown = %s, want %s", got, want)
			}
			if compared.Code == policy.OKApproved {
				used++
			}
		}
	})
	if used == 0 {
		t.Error("no generated approval is used")
	}
}

func drawShown(t *rapid.T, a *policy.Approval, w *world) *policy.Shown {
	s := &policy.Shown{
		Identity: pick(t, "shown identity", policy.None, policy.Asserted, policy.Verified),
		Risk:     pick(t, "shown risk", "", "low", "high", "extreme"), RiskScore: pick(t, "shown score", "", "40", "61", "95", "90.5", "?"),
	}
	if a.Shown != nil && oneIn(t, 2, "shown triggers") {
		s.Triggers = a.Shown.Triggers
	}
	if oneIn(t, 3, "all triggers") {
		s.Triggers = []string{"overLimit", "always"}
		for _, p := range w.packs {
			for _, section := range []string{"guardrails", "thresholds"} {
				for _, r := range p[section].([]any) {
					s.Triggers = append(s.Triggers, "ask:"+p["pack"].(string)+"/"+r.(tree)["id"].(string))
				}
			}
		}
	}
	return s
}

// What was shown only tightens, and no vote lifts a denial.
func TestShownOnlyTightensAndVotesLiftNoDenial(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := openWorld(t)
		set := w.load(t)
		for range 6 {
			c := drawCall(t, w)
			c.approval = policy.Approval{}
			bare := set.Evaluate(c.input())
			a := shownNow(set, w, c)
			if a == nil {
				votes := votesFor(w, ballot(t))
				a = &votes
			}
			c.approval = *a
			c.approval.Opened = pick(t, "opened", c.now, c.now.AddDate(-1, 0, 0))
			c.approval.Shown = nil
			unseen := set.Evaluate(c.input())
			c.approval.Shown = drawShown(t, a, w)
			seen := set.Evaluate(c.input())
			notWeaker(t, "what was shown", unseen, seen, w, c)
			if bare.Outcome == policy.Deny && (text(seen) != text(bare) || text(unseen) != text(bare)) {
				t.Fatalf("votes made %s of %s", text(seen), text(bare))
			}
		}
	})
}

// A call that goes beyond what was shown is never approved: one more thing
// raised, a weaker identity, a higher risk or score, either left out.
func TestMoreThanShownIsNeverApproved(t *testing.T) {
	t.Parallel()
	tried := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := openWorld(t)
		set := w.load(t)
		for range 6 {
			c := drawCall(t, w)
			c.context["risk"], c.context["riskScore"] = pick(t, "risk before", "low", "high"), pick[any](t, "score before", 40, number("40.5"))
			a := shownNow(set, w, c)
			if a == nil {
				continue
			}
			c.approval = *a
			if set.Evaluate(c.input()).Code != policy.OKApproved {
				continue
			}
			for _, how := range beyondShown {
				more := c.clone()
				beyond(t, how, more)
				v := set.Evaluate(more.input())
				if v.Code == policy.OKApproved || v.Code == policy.ApprovalPending {
					t.Fatalf("beyond by %s: Evaluate = %s, want it asked anew\ncall %s\nworld %s", how, text(v), text(more.input()), strings.Join(w.texts(), "\n"))
				}
				if v.Outcome == policy.RequireApproval {
					tried[how]++
				}
			}
		}
	})
	for _, how := range beyondShown {
		if tried[how] == 0 {
			t.Errorf("no generated call asks anew by %s (%v)", how, tried)
		}
	}
}

var beyondShown = []string{"trigger", "identity", "risk", "no risk", "score", "no score"}

// beyond makes the call more than what was shown.
func beyond(t *rapid.T, how string, c *call) {
	shown := *c.approval.Shown
	defer func() { c.approval.Shown = &shown }()
	switch how {
	case "trigger":
		i := rapid.IntRange(0, len(shown.Triggers)-1).Draw(t, "which trigger")
		shown.Triggers = append(append([]string{}, shown.Triggers[:i]...), shown.Triggers[i+1:]...)
	case "identity":
		shown.Identity = policy.Verified
		c.subject.Identity = min(c.subject.Identity, policy.Asserted)
	case "risk":
		c.context["risk"], shown.Risk = "high", "low"
	case "no risk":
		c.context["risk"] = pick[any](t, "as good as none", "extreme", true)
	case "score":
		c.context["riskScore"] = pick[any](t, "higher", number("40.500001"), 41, 100, number("1e2"))
	case "no score":
		c.context["riskScore"] = pick[any](t, "as good as none", "40", tree{}, nil)
	}
}
