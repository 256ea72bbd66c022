package httpapi

import (
	"context"
	"net/http"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// OutcomeRecorder records what became of a decided call: [authorize.Service].
type OutcomeRecorder interface {
	Outcome(ctx context.Context, p identity.Principal, o authorize.Outcome) (authorize.Receipt, error)
}

// Outcome is POST /api/decisions/{id}/outcome. What it says is recorded
// unlooked-up: 202, not 200.
func Outcome(recorder OutcomeRecorder) Handler {
	return func(w http.ResponseWriter, r *http.Request, p identity.Principal) error {
		body, err := readJSON(r)
		if err != nil {
			return err
		}
		outcome, err := DecodeOutcome(body)
		if err != nil {
			return err
		}
		outcome.DecisionID = r.PathValue("id")
		receipt, err := recorder.Outcome(r.Context(), p, outcome)
		if err != nil {
			return err
		}
		dst := appendMember(nil, `{"decisionId":`, outcome.DecisionID)
		dst = appendMember(dst, `,"outcome":`, outcome.Result.String())
		writeBody(w, http.StatusAccepted, jsonType, append(appendReceipt(dst, receipt), '}'))
		return nil
	}
}

// DecodeOutcome reads the body of POST /api/decisions/{id}/outcome. The error
// is a [*Problem].
func DecodeOutcome(body []byte) (authorize.Outcome, error) {
	members, err := parseObject(body)
	if err != nil {
		return authorize.Outcome{}, err
	}
	var (
		d    fields
		o    authorize.Outcome
		word string
	)
	for _, m := range members {
		switch m.Name {
		case "outcome":
			word = d.text("/outcome", m.Value, result)
		case "detail":
			o.Detail = d.text("/detail", m.Value, prose(authorize.MaxOutcomeDetail))
		default:
			d.unknown("", m.Name, []string{"outcome", "detail"})
		}
	}
	d.need("/outcome", word)
	o.Result, _ = authorize.ParseResult(word)
	return o, d.err()
}

// result is a word of the contract for what became of a call.
func result(s string) string {
	if _, ok := authorize.ParseResult(s); ok {
		return ""
	}
	return "must be executed, failed or unknown"
}
