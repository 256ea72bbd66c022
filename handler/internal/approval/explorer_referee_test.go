package approval_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// The referee holds every step against the invariants of approvals.md.

// used is what somebody was told that may run.
type used struct{ generation, decision string }

func (s *state) has(match func(logged) bool) bool { return slices.ContainsFunc(s.log, match) }

func (s *state) hasEvent(id string) bool {
	return s.has(func(l logged) bool { return l.id == id })
}

// currentID is the id of the approval that is stored; of the one to come where
// there is none.
func (s *state) currentID() string {
	if s.doc == nil {
		return firstID()
	}
	return s.doc.Document.ID()
}

// written checks one write.
func (s *state) written(a *progress, w *written) (fault string) {
	var was *storetest.ApprovalSnapshot
	if s.doc != nil {
		was = s.doc.ApprovalSnapshot
	}
	if err := was.Step(w.ApprovalSnapshot, a.now, s.hasEvent); err != nil {
		return "writes: " + err.Error()
	}
	votes := w.Document.Current.Votes
	if len(votes) > 3 { // two approvals and a denial
		return fmt.Sprintf("makes %d votes of two people", len(votes))
	}
	for _, v := range votes {
		if v.Voter.ID != "mia" && v.Voter.ID != "omar" {
			return "counts the vote of " + v.Voter.ID
		}
	}
	return ""
}

// told: an actor was shown an approval. Nothing of it is missing in the log.
func told(a approval.Approval, err error) report {
	var closed *approval.ClosedError
	if errors.As(err, &closed) {
		a, err = closed.Approval, nil
	}
	kind := approval.EventClosed
	switch a.Status {
	case approval.Approved:
		kind = approval.EventApproved
	case approval.Consumed:
		kind = approval.EventConsumed
	case approval.Pending:
		kind = approval.EventOpened
	default:
	}
	return func(s *state) (fault string) {
		if err != nil || a.Status == approval.NoStatus {
			return ""
		}
		of := func(kind approval.Kind, status approval.Status) bool {
			return s.has(func(l logged) bool { return l.kind == kind && l.status == status && l.approval == a.ID })
		}
		if !of(approval.EventOpened, approval.Pending) || !of(kind, a.Status) {
			return fmt.Sprintf("is shown %s, %s, which the log does not have", a.ID, a.Status)
		}
		for _, v := range a.Votes {
			if !s.voted(a.ID, v.Person, v.Choice) {
				return fmt.Sprintf("is shown a vote of %s, which the log does not have", v.Person)
			}
		}
		return ""
	}
}

func (s *state) voted(id, who string, choice approval.Choice) bool {
	return s.has(func(l logged) bool { return l.approval == id && l.voter == who && l.choice == choice })
}

// counted: a voter was told that the vote counts.
func counted(id, who string, choice approval.Choice) report {
	return func(s *state) (fault string) {
		if !s.voted(id, who, choice) {
			return "is told that the vote counts, and the log does not have it"
		}
		return ""
	}
}

// mayRun: a caller was told that its decision uses the approval.
func mayRun(generation, decision string) report {
	return func(s *state) (fault string) {
		u := used{generation, decision}
		for _, other := range s.uses {
			if other.generation == generation && other != u {
				return fmt.Sprintf("is told that it may run by %s, after somebody was by %s", decision, other.decision)
			}
		}
		if !slices.Contains(s.uses, u) {
			s.uses = append(slices.Clip(s.uses), u)
		}
		if !s.has(func(l logged) bool {
			return l.kind == approval.EventConsumed && l.decision == decision && l.generation == generation
		}) {
			return "is told that it may run, and the log does not have it"
		}
		return ""
	}
}

// lost: a caller was told that its decision did not use the approval.
func lost(g approval.Generation, decision string) report {
	return func(s *state) (fault string) {
		d := s.doc.Document
		current := d.Current.Use != nil && d.Current.Generation == g && d.Current.Use.DecisionID == decision
		earlier := slices.ContainsFunc(d.Earlier, func(l approval.Line) bool { return l.Generation == g && l.UsedBy == decision })
		if current || earlier {
			return "is told that another was faster, and it was the faster"
		}
		return ""
	}
}

// atTheEnd lets a last reader settle what is left, and reads the log's story:
// each approval is opened first, and nothing follows its end.
func (s *state) atTheEnd() (fault string) {
	if s.doc == nil {
		return ""
	}
	store := &storetest.MemoryApprovals{}
	if _, err := store.Put(context.Background(), s.doc.record, ""); err != nil {
		return err.Error()
	}
	w := newWorld(store)
	if _, err := w.service().Find(context.Background(), call0, approval.Wanted{}, s.now); err != nil {
		return fmt.Sprintf("a last reader is told %v", err)
	}
	story := slices.Clone(s.log)
	for _, e := range w.log.Entries() {
		if !s.hasEvent(e.Event.ID) {
			story = append(story, logged{id: e.Event.ID, approval: e.Document.ID(), kind: e.Event.Kind, status: e.Event.Status})
		}
	}
	for _, e := range s.doc.Document.Current.Events {
		if !slices.ContainsFunc(story, func(l logged) bool { return l.id == e.ID }) {
			return fmt.Sprintf("%s is never logged", e.Kind)
		}
	}
	return legalStory(story)
}

func legalStory(story []logged) (fault string) {
	is := map[string]approval.Status{}
	for _, l := range story {
		was, known := is[l.approval]
		switch {
		case known == (l.kind == approval.EventOpened):
			return fmt.Sprintf("the log has %s of one that is %q", l.kind, was)
		case known && !was.Open():
			return fmt.Sprintf("the log has %s, %s, of one that is %s", l.kind, l.status, was)
		}
		is[l.approval] = l.status
	}
	return ""
}
