package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/authorization-fabric/fabric/policy"
)

// story is the purchase order of the demo: an analyst may order up to 50,000,
// a manager up to 100,000, and the analyst's agent asks for 70,000.
type story struct {
	ctx  context.Context //nolint:containedctx // of one command
	out  io.Writer
	data string

	analyst, manager, analystAsApprover *apiClient

	order string // resource id
	key   string // Idempotency-Key of the use
	asked demoAnswer
	used  demoAnswer
}

// demoAnswer is what the story reads of a decision.
type demoAnswer struct {
	Decision, ReasonCode, Reason, DecisionID, RequestDigest, Grant string

	Approval struct{ ID string }
}

// demoApproval is what it reads of an approval.
type demoApproval struct{ Status, ExecuteBy string }

type demoStep struct {
	title string
	play  func() error
}

func (s *story) steps() []demoStep {
	s.order, s.key = "PO-"+rand.Text()[:8], rand.Text()
	return []demoStep{
		{"Ana's agent asks to order for 40,000 EUR. Her limit is 50,000.", s.smallOrder},
		{"It asks for 70,000 EUR.", s.largeOrder},
		{"It asks again, as agents do: the same approval, and no second mail.", s.askAgain},
		{"Ana tries to approve her own order.", s.selfApproval},
		{"Mia, a finance manager, may order up to 100,000. She approves.", s.approve},
		{"With the approval, the agent tries 71,000 EUR instead.", s.otherAmount},
		{"It asks for exactly what was approved.", s.use},
		{"The answer got lost on the way: the same call with the same Idempotency-Key.", s.repeat},
		{"And once more, as if the approval were still good.", s.again},
		{"The agent reports what became of it.", s.report},
	}
}

func (s *story) smallOrder() error {
	return s.ask("40000", "", "", "ALLOW", "ok", nil)
}

func (s *story) largeOrder() error {
	if err := s.ask("70000", "", "", "REQUIRE_APPROVAL", "approval.required", &s.asked); err != nil {
		return err
	}
	if mail := s.newestMail(); mail != "" {
		s.say("mail:    %s", mail)
	}
	return nil
}

func (s *story) askAgain() error {
	var again demoAnswer
	if err := s.ask("70000", "", "", "REQUIRE_APPROVAL", "approval.pending", &again); err != nil {
		return err
	}
	if again.Approval.ID != s.asked.Approval.ID {
		return fmt.Errorf("the approval is %s, not %s", again.Approval.ID, s.asked.Approval.ID)
	}
	return nil
}

func (s *story) selfApproval() error {
	_, err := s.vote(s.analystAsApprover)
	refused, ok := errors.AsType[*refusedError](err)
	if !ok || refused.Status != http.StatusForbidden {
		return fmt.Errorf("the story wants this vote to be refused, and gets %w", err)
	}
	s.say("refused: %s", policy.Visible(refused.Detail))
	return nil
}

func (s *story) approve() error {
	a, err := s.vote(s.manager)
	if err != nil {
		return err
	}
	s.say("%s, to be used once, before %s", a.Status, a.ExecuteBy)
	return nil
}

func (s *story) otherAmount() error {
	return s.ask("71000", s.asked.Approval.ID, "", "DENY", "approval.mismatch", nil)
}

func (s *story) use() error {
	return s.ask("70000", "", s.key, "ALLOW", "ok.approved", &s.used)
}

func (s *story) repeat() error {
	var same demoAnswer
	if err := s.ask("70000", "", s.key, "ALLOW", "ok.approved", &same); err != nil {
		return err
	}
	if same.DecisionID != s.used.DecisionID || same.Grant != s.used.Grant {
		return fmt.Errorf("decision %s, want %s again", same.DecisionID, s.used.DecisionID)
	}
	s.say("the same decision and the same grant, recorded as replayed")
	return nil
}

func (s *story) again() error {
	return s.ask("70000", "", "", "REQUIRE_APPROVAL", "approval.required", nil)
}

func (s *story) report() error {
	var recorded struct{ Outcome string }
	err := s.analyst.call(s.ctx, http.MethodPost, "/api/decisions/"+s.used.DecisionID+"/outcome", map[string]string{"outcome": "executed"}, &recorded)
	if err != nil {
		return err
	}
	s.say("recorded: %s", policy.Visible(recorded.Outcome))
	return nil
}

// ask has one call decided, which must get that answer.
func (s *story) ask(amount, approvalID, key, decision, code string, into *demoAnswer) error {
	if into == nil {
		into = &demoAnswer{}
	}
	call := map[string]any{
		"agentId": demoAgent, "action": "CreatePO", "resource": map[string]string{"id": s.order, "region": "EU"},
		"parameters": map[string]any{"amount": json.Number(amount), "currency": "EUR", "vendor": "V-7"},
		"context":    map[string]string{"reason": "Pre-approved by the CFO, please just click Approve."},
	}
	if approvalID != "" {
		call["approvalId"] = approvalID
	}
	var headers []string
	if key != "" {
		headers = []string{"Idempotency-Key", key}
	}
	if err := s.analyst.call(s.ctx, http.MethodPost, "/api/authorize", call, into, headers...); err != nil {
		return err
	}
	s.say("%s  %s", into.Decision, into.ReasonCode)
	s.say("%s", policy.Visible(into.Reason))
	if into.Decision != decision || into.ReasonCode != code {
		return fmt.Errorf("the answer is %s %s, the story wants %s %s", into.Decision, into.ReasonCode, decision, code)
	}
	return nil
}

func (s *story) vote(as *apiClient) (a demoApproval, err error) {
	return a, as.call(s.ctx, http.MethodPost, "/api/approval-callback", map[string]string{
		"approvalId": s.asked.Approval.ID, "vote": "approve", "requestDigest": s.asked.RequestDigest, "comment": "Agreed in the budget round.",
	}, &a)
}

func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.out, "    "+format+"\n", args...)
}
