package authorize_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// An outcome stands in the log under the tenant and application that its
// decision names: a reader believes it of nobody else.
func TestOutcomeIsOfWhoAsked(t *testing.T) {
	for name, p := range map[string]identity.Principal{"a person": ana(), "an application": app(flow), "the developer": developer()} {
		w := newWorld(t)
		request := order("100")
		if p.Kind != identity.Person {
			request = by(request, "ana@contoso.com")
		}
		a := w.decide(t, p, request)
		detail := "PO 4500012\n\u202e{\"outcome\":\"failed\"}"
		receipt, err := w.serve().Outcome(t.Context(), p, authorize.Outcome{DecisionID: a.DecisionID, Result: authorize.ResultExecuted, Detail: detail})
		if err != nil {
			t.Fatalf("%s: Outcome = %v", name, err)
		}
		decided := w.of(t, a)
		recorded := w.of(t, authorize.Answer{Receipt: receipt})
		if recorded.Kind != audit.KindOutcome || recorded.DecisionID != a.DecisionID || recorded.Outcome != "executed" || recorded.Reason != detail ||
			recorded.EventID == "" || !recorded.TS.Equal(noon) {
			t.Errorf("%s: recorded %+v", name, recorded)
		}
		if recorded.TenantID != decided.TenantID || recorded.CallerApp != decided.CallerApp || recorded.TenantID == "" {
			t.Errorf("%s: recorded under %q %q, the decision under %q %q", name, recorded.TenantID, recorded.CallerApp, decided.TenantID, decided.CallerApp)
		}
		if p.Kind == identity.Person && (recorded.UserID != anaID || recorded.Identity != "verified") {
			t.Errorf("%s: recorded user %q %s, want the person", name, recorded.UserID, recorded.Identity)
		}
	}
}

// Nothing is looked up: what another application says is recorded as its own,
// also of a decision that never was.
func TestOutcomeIsNotLookedUp(t *testing.T) {
	w := newWorld(t)
	const never = "01JD0000000000000000000000"
	if _, err := w.serve().Outcome(t.Context(), app(otherFlow), authorize.Outcome{DecisionID: never}); err != nil {
		t.Fatalf("Outcome = %v", err)
	}
	got := w.recorded(t, audit.KindOutcome)
	if len(got) != 1 || got[0].CallerApp != otherFlow || got[0].Outcome != "unknown" {
		t.Errorf("recorded %+v, want one of the other application, unknown", got)
	}
}

func TestOutcomeWantsADecisionID(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{
		"", "x", "01JD", "01jd0000000000000000000000", "01JD000000000000000000000", "01JD00000000000000000000000",
		"81JD0000000000000000000000", "01JD000000000000000000000I", "01JD00000000000000000000\u00e9", "apr_x", "../decisions",
		" 01JD0000000000000000000000", strings.Repeat("0", 1000),
	} {
		if _, err := w.serve().Outcome(t.Context(), app(flow), authorize.Outcome{DecisionID: id}); !errors.Is(err, authorize.ErrNoDecision) {
			t.Errorf("Outcome(%q) = %v, want ErrNoDecision", id, err)
		}
	}
	if got := w.recorded(t); len(got) > 0 {
		t.Errorf("recorded %+v, want nothing", got)
	}
}

// What is not in the log is not acknowledged.
func TestOutcomeNeedsTheLog(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter} {
		w := newWorld(t)
		w.log = &brokenLog{Log: w.log, next: func(audit.Record) storetest.Fault { return fault }}
		receipt, err := w.serve().Outcome(t.Context(), app(flow), authorize.Outcome{DecisionID: "01JD0000000000000000000000"})
		var unavailable *authorize.UnavailableError
		if !errors.As(err, &unavailable) || unavailable.Component != "audit" || receipt != (authorize.Receipt{}) {
			t.Errorf("Outcome = %v, %v, want audit to be what is missing", receipt, err)
		}
	}
	w := newWorld(t) // without a policy it is recorded all the same
	w.policies.active.Set = nil
	if _, err := w.serve().Outcome(t.Context(), app(flow), authorize.Outcome{DecisionID: "01JD0000000000000000000000"}); err != nil {
		t.Errorf("Outcome without a policy = %v", err)
	}
}

func TestResults(t *testing.T) {
	var zero authorize.Result
	if zero.String() != "unknown" || authorize.Result(99).String() != "unknown" {
		t.Errorf("the zero Result is %s, one that is none %s, want unknown", zero, authorize.Result(99))
	}
	for _, word := range []string{"executed", "failed", "unknown"} {
		if r, ok := authorize.ParseResult(word); !ok || r.String() != word {
			t.Errorf("ParseResult(%q) = %s, %t", word, r, ok)
		}
	}
	for _, word := range []string{"", "Executed", "executed ", "success"} {
		if r, ok := authorize.ParseResult(word); ok || r != authorize.ResultUnknown {
			t.Errorf("ParseResult(%q) = %s, %t, want none", word, r, ok)
		}
	}
}
