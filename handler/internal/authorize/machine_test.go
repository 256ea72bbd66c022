package authorize_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// machine is a world in which calls, votes, rules, time and faults come in any
// order, and a referee that knows what was answered.
type machine struct {
	*world
	t     *rapid.T
	now   time.Time
	x     *trouble
	sets  map[string]*policy.Set
	set   string
	ids   []string          // of approvals that were answered
	runs  map[string]runOf  // by decision
	spent map[string]string // approval to the decision it was used by
	taken map[string]bool   // approvals revoked after their use
}

// runOf is an answer that permitted a use.
type runOf struct {
	body, key string
	at        time.Time
	amount    string
}

func newMachine(t *rapid.T, sets map[string]*policy.Set) *machine {
	w, x := newWorld(t), &trouble{}
	m := &machine{
		world: w, t: t, now: noon, x: x, sets: sets, set: "base", runs: map[string]runOf{}, spent: map[string]string{}, taken: map[string]bool{},
	}
	w.clock = func() time.Time { return m.now }
	log := w.log
	w.store, w.grants = troubledStore{w.store, x}, &signer{x: x}
	w.log = &brokenLog{Log: log, next: func(audit.Record) storetest.Fault { return x.next() }}
	return m
}

// ask asks for one of two calls, in any way and with any key.
func (m *machine) ask(t *rapid.T) {
	amount := rapid.SampledFrom([]string{"70000", "80000"}).Draw(t, "amount")
	key := rapid.SampledFrom([]string{"", "k1", "k2"}).Draw(t, "key")
	r := order(amount)
	if len(m.ids) > 0 {
		id := m.pick(t)
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			r = named(r, id)
		case 1:
			r, amount = resume(id), ""
		}
	}
	a, err := m.serve().Decide(t.Context(), ana(), r, keyed(key))
	if err != nil {
		var unavailable *authorize.UnavailableError
		if !errors.As(err, &unavailable) || a.Decision.Execute() {
			t.Fatalf("Decide = %s, %v, want nothing", a.Decision, err)
		}
		return
	}
	m.judge(a, amount, key)
}

// judge is the referee.
func (m *machine) judge(a authorize.Answer, amount, key string) {
	if id := a.Approval.ID; id != "" && !slices.Contains(m.ids, id) {
		m.ids = append(m.ids, id)
	}
	if !a.Decision.Execute() {
		return
	}
	if m.set == "denies" {
		m.t.Fatalf("%s %s while the rules deny", a.Decision, a.ReasonCode)
	}
	r := m.of(m.t, a)
	if r.DecisionID != a.DecisionID || r.ApprovalID != a.Approval.ID {
		m.t.Fatalf("the receipt of %s is of a record of %s", a.DecisionID, r.DecisionID)
	}
	if a.ReasonCode != policy.OKApproved {
		if m.set != "generous" {
			m.t.Fatalf("%s %s without an approval under the rules %q", a.Decision, a.ReasonCode, m.set)
		}
		return
	}
	if first, again := m.runs[a.DecisionID]; again {
		m.judgeAgain(a, first, amount, key)
		return
	}
	if by, used := m.spent[a.Approval.ID]; used {
		m.t.Fatalf("the approval %s was used by %s, and now by %s", a.Approval.ID, by, a.DecisionID)
	}
	if m.set == "strict" && r.Kind == audit.KindDecision && len(r.Approvers) < 2 {
		m.t.Fatalf("%s ran on the word of %v, and the rules want two", a.DecisionID, r.Approvers)
	}
	// What a fault kept from its caller is answered later, with its key only.
	m.runs[a.DecisionID] = runOf{body(a), key, a.EvaluatedAt, amount}
	m.spent[a.Approval.ID] = a.DecisionID
	if late := m.now.Sub(a.EvaluatedAt); late > 0 && (key == "" || late >= approval.ReplayWindow) {
		m.t.Fatalf("the answer of %s came %s later, with the key %q", a.DecisionID, late, key)
	}
}

func (m *machine) judgeAgain(a authorize.Answer, first runOf, amount, key string) {
	switch {
	case body(a) != first.body:
		m.t.Fatalf("decision %s twice: %s\nand then %s", a.DecisionID, first.body, body(a))
	case key == "" || key != first.key || m.now.Sub(first.at) >= approval.ReplayWindow:
		m.t.Fatalf("decision %s again, with the key %q of %q, after %s", a.DecisionID, key, first.key, m.now.Sub(first.at))
	case amount != "" && first.amount != "" && amount != first.amount:
		m.t.Fatalf("decision %s for %s and for %s", a.DecisionID, first.amount, amount)
	case m.taken[a.Approval.ID]:
		m.t.Fatalf("decision %s again, and its approval was revoked since", a.DecisionID)
	}
}

// pick is an approval that was answered, the newest most often.
func (m *machine) pick(t *rapid.T) string {
	back := rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3, 9}).Draw(t, "back")
	return m.ids[max(0, len(m.ids)-1-back)]
}

// speak is a person's word on any approval.
func (m *machine) speak(t *rapid.T) {
	if len(m.ids) == 0 {
		t.Skip("nothing was asked")
	}
	id := m.pick(t)
	p := rapid.SampledFrom([]identity.Principal{mia(), mia(), secondManager(), approver(anaID, "ana@contoso.com")}).Draw(t, "person")
	choice := rapid.SampledFrom([]approval.Choice{approval.Approve, approval.Approve, approval.Approve, approval.Approve, approval.Deny}).Draw(t, "choice")
	m.quietly(func() {
		a, err := m.ballot(t, p, id, choice)
		if err == nil && p.ObjectID == anaID {
			t.Fatalf("the requester's vote = %s, want a refusal", a.Status)
		}
	})
}

// revoke takes an approval back, used or not.
func (m *machine) revoke(t *rapid.T) {
	if len(m.ids) == 0 {
		t.Skip("nothing was asked")
	}
	id := m.pick(t)
	auditor := person("aaa", "aud@contoso.com")
	auditor.AppRoles = []string{identity.RoleAuditor}
	m.quietly(func() {
		_, err := m.votes.Revoke(t.Context(), approval.Reader{Principal: auditor, Tenant: tenant}, id, "", m.now)
		var closed *approval.ClosedError
		if m.spent[id] != "" && errors.As(err, &closed) && closed.Detail != "" {
			m.taken[id] = true
		}
	})
}

// quietly does something without faults.
func (m *machine) quietly(do func()) {
	on := m.x.on
	m.x.on = false
	m.serve()
	do()
	m.x.on = on
}

// steps are what can happen.
func (m *machine) steps() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"ask": m.ask, "ask more": m.ask, "ask again": m.ask, "speak": m.speak, "speak more": m.speak, "speak again": m.speak, "revoke": m.revoke,
		"restart": func(*rapid.T) { m.restart() },
		"time": func(t *rapid.T) {
			m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Minute, 14 * time.Minute, time.Hour, 9 * time.Hour}).Draw(t, "later"))
		},
		"rules": func(t *rapid.T) {
			m.set = rapid.SampledFrom([]string{"base", "base", "base", "base", "strict", "generous", "denies"}).Draw(t, "rules")
			m.policies.use(m.sets[m.set])
		},
		"fault": func(t *rapid.T) {
			call, fault := rapid.IntRange(1, 10).Draw(t, "call"), rapid.SampledFrom([]storetest.Fault{storetest.NoFault, storetest.FailBefore, storetest.FailAfter}).Draw(t, "fault")
			m.x.on, m.x.calls, m.x.breaks = true, 0, func(n int) storetest.Fault {
				if n == call {
					return fault
				}
				return storetest.NoFault
			}
		},
	}
}

// finish: the log tells of every run once, and of none that contradicts it.
func (m *machine) finish() {
	told, by := map[string]string{}, map[string]string{}
	for _, r := range m.recorded(m.t, audit.KindDecision) {
		line := fmt.Sprint(r.ReasonCode, r.Reason, r.ApprovalID, r.RequestDigest)
		if was, ok := told[r.DecisionID]; ok && was != line {
			m.t.Fatalf("decision %s is recorded as %q and %q", r.DecisionID, was, line)
		}
		told[r.DecisionID] = line
		if r.ReasonCode != policy.OKApproved {
			continue
		}
		if was, ok := by[r.ApprovalID]; ok && was != r.DecisionID {
			m.t.Fatalf("the log tells that %s was used by %s and by %s", r.ApprovalID, was, r.DecisionID)
		}
		by[r.ApprovalID] = r.DecisionID
	}
	for id := range m.runs {
		if !strings.HasPrefix(told[id], string(policy.OKApproved)) {
			m.t.Fatalf("decision %s was answered and is recorded as %q", id, told[id])
		}
	}
}

// T18, T20 and the invariants of approvals.md as a property over whole
// decisions: calls, keys, votes, rules, time, restarts and faults in any order.
func TestNothingRunsTwiceInAnyOrder(t *testing.T) {
	sets := map[string]*policy.Set{
		"base":     changed(t),
		"strict":   changed(t, overRule, strings.Replace(overRule, `"advice"`, `"quorum": 2, "advice"`, 1)),
		"generous": changed(t, `"max": "50000"`, `"max": "100000"`),
		"denies":   changed(t, `"allowedRegions": ["EU"]`, `"allowedRegions": ["US"]`),
	}
	ran := 0
	rapid.Check(t, func(rt *rapid.T) {
		m := newMachine(rt, sets)
		rt.Repeat(m.steps())
		m.x.on = false
		m.finish()
		ran += len(m.runs)
	})
	if ran == 0 {
		t.Error("no call ran in any order, want some")
	}
}
