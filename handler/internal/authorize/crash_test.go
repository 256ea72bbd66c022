package authorize_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/policy"
)

// FR15: what a crash left behind a use, between the write and the log, is
// logged by the next to ask, once for a reader, before the answer is given
// again.
func TestACrashBetweenTheUseAndItsRecord(t *testing.T) {
	for what, kinds := range map[string][]audit.Kind{
		"before both":  {audit.KindApprovalConsumed, audit.KindDecision},
		"between them": {audit.KindDecision},
	} {
		w := newWorld(t)
		id := w.approved(t, ana(), order("70000"))
		whole := w.log
		w.log = &crashing{Log: whole, kinds: kinds}
		w.restart()
		w.unavailableAs(t, ana(), order("70000"), keyed("k"), "approvals")
		w.wantStatus(t, what, id, approval.Consumed)
		if got := w.uses(t); len(got) > 0 {
			t.Errorf("%s: the log has %v already", what, got)
		}
		use := w.document(t, id).Current.Use
		w.log = whole
		w.restart()
		a := w.again(t, ana(), order("70000"), "k")
		wantCode(t, what, a, policy.Mask, policy.OKApproved)
		if a.DecisionID != use.DecisionID {
			t.Errorf("%s: decision %s, want %s as stored", what, a.DecisionID, use.DecisionID)
		}
		var order []audit.Kind
		for _, r := range w.recorded(t, audit.KindApprovalConsumed, audit.KindDecision, audit.KindReplayed) {
			if r.DecisionID == use.DecisionID {
				order = append(order, r.Kind)
			}
		}
		want := []audit.Kind{audit.KindApprovalConsumed, audit.KindDecision, audit.KindReplayed}
		if what == "between them" {
			want = append([]audit.Kind{audit.KindApprovalConsumed}, want...)
		}
		if diff := cmp.Diff(want, order); diff != "" {
			t.Errorf("%s: the log tells in the order (-want +got):\n%s", what, diff)
		}
		first := a
		w.restart()
		w.wantReplayed(t, what+", again", first, w.again(t, ana(), resume(id), "k"))
	}
}

// crashing is a log that takes no record of some kinds any more.
type crashing struct {
	authorize.Log
	kinds []audit.Kind
}

var _ authorize.Log = (*crashing)(nil)

func (c *crashing) Append(ctx context.Context, r audit.Record) (audit.Receipt, error) {
	text, err := audit.Encode(r)
	if err != nil {
		return audit.Receipt{}, err
	}
	for _, k := range c.kinds {
		if strings.HasPrefix(string(text), `{"kind":"`+string(k)+`"`) {
			return audit.Receipt{}, errBroken
		}
	}
	return c.Log.Append(ctx, r)
}

// A stored answer that cannot be read, or permits nothing, is no answer.
func TestADamagedStoredAnswer(t *testing.T) {
	now := noon
	for name, text := range map[string]string{
		"no answer": `{}`, "a denial": `{"decision":"DENY","effectiveParameters":{}}`, "another word": `{"decision":"allow","effectiveParameters":{}}`,
		"no parameters": `{"decision":"ALLOW"}`, "another type": `{"decision":["ALLOW"],"effectiveParameters":{}}`,
	} {
		w, first := used(t, &now)
		w.change(t, first.Approval.ID, func(c *approval.Case) { c.Use.Answer = []byte(text) })
		if a, err := w.serve().Decide(t.Context(), ana(), order("70000"), keyed("run-17")); err == nil {
			t.Errorf("%s: Decide = %s, want none", name, a.Decision)
		}
		w.unavailableAs(t, ana(), order("70000"), keyed("run-17"), "approvals")
	}
}

// A stored answer that is not of this call, or would have it run otherwise, is
// a mismatch: whatever the slot says, what is given is what is asked for.
func TestAStoredAnswerOfAnotherCall(t *testing.T) {
	now := noon
	for name, edit := range map[string][2]string{
		"another digest":     {`"requestDigest":"hmac-sha256:`, `"requestDigest":"hmac-sha256:0`},
		"another amount":     {`"amount":70000`, `"amount":70001`},
		"one parameter more": {`"amount":70000`, `"amount":70000,"gone":"x"`},
		"another obligation": {`"output.**.iban"`, `"output.iban"`},
	} {
		w, first := used(t, &now)
		w.change(t, first.Approval.ID, func(c *approval.Case) {
			text := strings.Replace(string(c.Use.Answer), edit[0], edit[1], 1)
			if text == string(c.Use.Answer) {
				t.Fatalf("%s: %s does not hold %s", name, text, edit[0])
			}
			c.Use.Answer = []byte(text)
		})
		wantCode(t, name, w.again(t, ana(), order("70000"), "run-17"), policy.Deny, policy.ApprovalMismatchCode)
	}
}
