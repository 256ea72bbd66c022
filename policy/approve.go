package policy

import "slices"

// approve is stage 5: is what was raised covered, could anybody approve, and
// what does the approval store know.
func (e *evaluation) approve() Code {
	covered := e.applyApprovals()
	if code := e.uncovered(covered); code != "" {
		return code
	}
	if len(e.applied) > 0 {
		if stuck := e.unreachable(); len(stuck) > 0 {
			for _, r := range stuck {
				e.denied = append(append(e.denied, e.raisedFor(r)...), r)
			}
			e.problem.rule = stuck[0]
			return ApprovalUnavailable
		}
		e.countVotes()
	}
	return e.approvalFacts()
}

// cover is what the applicable rules cover.
type cover struct {
	overLimit bool
	asks      bool
	named     []string
}

func (c *cover) covers(ask *rule) bool { return c.asks || slices.Contains(c.named, ask.public) }

// applyApprovals gathers the rules that apply. Every one is a requirement; one
// of the action's own pack whose match and when hold for certain also covers.
func (e *evaluation) applyApprovals() cover {
	var c cover
	for _, list := range e.rules(approvals) {
		for _, r := range list {
			if !e.consider(r, e.answers(r.approve) && e.restricts(r)) {
				continue
			}
			q := requirement{rule: r, covers: r.pack == e.act.pack && e.permits(r)}
			e.applied = append(e.applied, q)
			e.triggered = e.triggered || r.approve.always
			if q.covers {
				c.overLimit = c.overLimit || r.approve.overLimit
				c.asks = c.asks || r.approve.asks
				c.named = append(c.named, r.approve.askRules...)
			}
		}
	}
	slices.SortFunc(e.applied, func(a, b requirement) int { return byOrder(a.rule, b.rule) })
	return c
}

// answers is whether a rule's on names something raised, or always.
func (e *evaluation) answers(a *approve) bool {
	if a.always || a.overLimit && e.overLimit || a.asks && len(e.asks) > 0 {
		return true
	}
	return slices.ContainsFunc(e.asks, func(r *rule) bool { return slices.Contains(a.askRules, r.public) })
}

// uncovered denies what was raised and no applicable rule covers; what raised
// it is reported.
func (e *evaluation) uncovered(c cover) Code {
	code := Code("")
	for _, ask := range e.asks {
		if !c.covers(ask) {
			e.denied, code = append(e.denied, ask), ApprovalUnavailable
		}
	}
	if e.overLimit && !c.overLimit {
		for _, x := range e.ents {
			e.denied = append(e.denied, x.rule)
		}
		code = ThresholdExceeded
	}
	return code
}

// raisedFor is what a rule's on names of the things raised.
func (e *evaluation) raisedFor(r *rule) []*rule {
	var raised []*rule
	for _, ask := range e.asks {
		if r.approve.asks || slices.Contains(r.approve.askRules, ask.public) {
			raised = append(raised, ask)
		}
	}
	if e.overLimit && r.approve.overLimit {
		for _, x := range e.ents {
			raised = append(raised, x.rule)
		}
	}
	return raised
}

// unreachable are the applicable rules that nobody could meet: all who could
// vote are known by name, and without the requester and who is excluded too few
// remain (4.6).
func (e *evaluation) unreachable() []*rule {
	var stuck []*rule
	for _, q := range e.applied {
		if people, all := q.rule.pack.named(q.rule.approve.everybody()); all && e.electorate(q.rule, people) < q.rule.approve.quorum {
			stuck = append(stuck, q.rule)
		}
	}
	return stuck
}

// everybody is who may vote, now or after the escalation.
func (a *approve) everybody() []string {
	if a.src.Escalate == nil {
		return a.src.Approvers
	}
	return slices.Concat(a.src.Approvers, a.src.Escalate.Approvers)
}

func (e *evaluation) electorate(r *rule, people map[memberKey]bool) int {
	excluded, _ := r.pack.named(withoutWord(r.approve.src.Exclude, "owner"))
	if slices.Contains(r.approve.src.Exclude, "owner") {
		if owner, ok := parseMember(e.agent.src.Owner); ok {
			excluded[owner] = true
		}
	}
	n := 0
	for key := range people {
		requester := key.kind == memberUser && key.id == e.who.upn || key.kind == memberOID && key.id == e.who.id
		if !requester && !excluded[key] {
			n++
		}
	}
	return n
}

func withoutWord(list []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == word })
}

// countVotes counts, for each requirement, the distinct persons whose vote
// counts today. None does where the voters were shown less than today's call.
func (e *evaluation) countVotes() {
	if e.in.Approval.State != ApprovalOpen {
		return
	}
	if beyond := e.exceedsShown(); beyond != "" {
		e.outgrown = true
		e.note(stageNames[stageApproval], "", "not covered", beyond+" than its approvers were shown")
		return
	}
	for i := range e.applied {
		r := e.applied[i].rule
		counted := e.counted(nil, r, e.in.Approval.Votes[r.public])
		if r.approve.src.Relay {
			counted = e.counted(counted, r, e.in.Approval.Relayed[r.public])
		}
		e.applied[i].have = len(counted)
	}
}

// counted adds the voters whose vote counts, each person once.
func (e *evaluation) counted(to []User, r *rule, voters []User) []User {
	for _, voter := range voters {
		if e.mayVote(r, voter) && !slices.ContainsFunc(to, func(u User) bool { return SamePerson(u, voter) }) {
			to = append(to, voter)
		}
	}
	return to
}

// mayVote is whether a person's vote counts for a rule by now: an approver, not
// excluded, and not the requester.
func (e *evaluation) mayVote(r *rule, voter User) bool {
	p := personOf(&voter)
	if !p.known() || e.who.known() && SamePerson(*e.who.user, voter) {
		return false
	}
	return e.isNamed(r, e.voters(r.approve), p) &&
		!slices.ContainsFunc(r.approve.src.Exclude, func(text string) bool { return e.mayBe(r.pack, text, p) })
}

// approvalFacts denies what the store knows against the call. What an id says
// counts always, what the call's own slot says only where approval is needed.
func (e *evaluation) approvalFacts() Code {
	a := &e.in.Approval
	if a.State == ApprovalMismatch {
		return ApprovalMismatchCode
	}
	if len(e.applied) == 0 && !a.Named {
		return ""
	}
	switch a.State {
	case ApprovalLimit:
		if len(e.applied) > 0 {
			return ApprovalLimitCode
		}
	case ApprovalDenied:
		return ApprovalDeniedCode
	case ApprovalExpired:
		return ApprovalExpiredCode
	case ApprovalRevoked:
		return ApprovalRevokedCode
	case NoApproval, ApprovalOpen, ApprovalMismatch:
	}
	return ""
}
