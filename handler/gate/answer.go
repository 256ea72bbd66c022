package gate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Decision is what the service said. The zero Decision denies.
type Decision uint8

// The decisions.
const (
	Deny Decision = iota
	RequireApproval
	Mask
	Allow
)

var decisionWords = [...]string{"DENY", "REQUIRE_APPROVAL", "MASK", "ALLOW"}

// String is the word of the contract.
func (d Decision) String() string { return decisionWords[d] }

// Answer is a recorded decision, as far as an agent needs it.
type Answer struct {
	Decision      Decision
	NextStep      string // run, wait, fix, retry or stop
	UserMessage   string // may be shown to the agent's user
	ReasonCode    string // stable, for branching
	Reason        string // for makers
	DecisionID    string
	CorrelationID string
	RequestDigest string

	// EffectiveParameters are what may be executed, nothing else.
	EffectiveParameters json.RawMessage
	Obligations         []Obligation
	Approval            Approval // the zero Approval where there is none
	Grant               string   // for the tool, "" where there is none

	execute bool
}

// Obligation is what the caller must do besides: mask a place of the output.
type Obligation struct {
	Type   string
	Path   string
	Method string
}

// Approval is what a call waits for.
type Approval struct {
	ID        string
	Status    string
	Final     bool // nothing will change any more
	PollAfter time.Duration
	ApproveBy time.Time // zero: not said
	ExecuteBy time.Time // zero until approved
	Comment   string
}

// Executes reports whether the call may run: only where the answer says so
// twice, as its decision and by execute.
func (a Answer) Executes() bool { return a.execute && (a.Decision == Allow || a.Decision == Mask) }

// answerLimits are wider than a request's: an answer holds one and more.
var answerLimits = strictjson.Limits{Depth: 2 * strictjson.MaxDepth, Names: 1 << 16}

// parseAnswer reads the body of a decision. Whatever is missing, of another
// type or contradicts itself makes it no answer.
func parseAnswer(body []byte) (Answer, error) {
	v, err := strictjson.Parse(body, answerLimits)
	if err != nil {
		return Answer{}, fmt.Errorf("gate: %w: %w", ErrNoAnswer, err)
	}
	r := reader{whole: v}
	a := Answer{
		Decision: r.decision("decision"), execute: r.bool(v, "execute"), NextStep: r.text(v, "nextStep"),
		UserMessage: r.text(v, "userMessage"), ReasonCode: r.text(v, "reasonCode"), Reason: r.text(v, "reason"),
		DecisionID: r.some("decisionId"), CorrelationID: r.some("correlationId"), RequestDigest: r.text(v, "requestDigest"),
		EffectiveParameters: r.object("effectiveParameters"), Obligations: r.obligations(),
		Approval: r.approval(v.Get("approval")), Grant: r.text(v, "grant"),
	}
	if a.execute != (a.Decision == Allow || a.Decision == Mask) {
		r.wrong("execute")
	}
	if a.Decision == RequireApproval && a.Approval.ID == "" {
		r.wrong("approval")
	}
	if r.err != nil {
		return Answer{}, r.err
	}
	return a, nil
}

// parseApproval reads the body of an approval of its own.
func parseApproval(body []byte) (Approval, error) {
	v, err := strictjson.Parse(body, answerLimits)
	if err != nil {
		return Approval{}, fmt.Errorf("gate: %w: %w", ErrNoAnswer, err)
	}
	r := reader{whole: v}
	a := r.approval(v)
	if a.ID == "" || a.Status == "" {
		r.wrong("id")
	}
	return a, r.err
}

// reader keeps the first thing that is wrong.
type reader struct {
	whole strictjson.Value
	err   error
}

func (r *reader) wrong(name string) {
	if r.err == nil {
		r.err = fmt.Errorf("gate: %w: %s is missing or not of the contract", ErrNoAnswer, name)
	}
}

func (r *reader) text(v strictjson.Value, name string) string {
	t := v.Get(name)
	if t.Kind() != strictjson.String {
		r.wrong(name)
	}
	return t.Text()
}

func (r *reader) some(name string) string {
	s := r.text(r.whole, name)
	if s == "" {
		r.wrong(name)
	}
	return s
}

func (r *reader) bool(v strictjson.Value, name string) bool {
	b := v.Get(name)
	if b.Kind() != strictjson.Bool {
		r.wrong(name)
	}
	return b.Bool()
}

func (r *reader) decision(name string) Decision {
	word := r.text(r.whole, name)
	for i, w := range decisionWords {
		if w == word {
			return Decision(i)
		}
	}
	r.wrong(name)
	return Deny
}

func (r *reader) object(name string) json.RawMessage {
	v := r.whole.Get(name)
	if v.Kind() != strictjson.Object {
		r.wrong(name)
		return nil
	}
	return bytes.Clone(strictjson.AppendAsSent(nil, v))
}

func (r *reader) obligations() []Obligation {
	list := r.whole.Get("obligations")
	if list.Kind() != strictjson.Array {
		r.wrong("obligations")
	}
	out := make([]Obligation, 0, len(list.Items()))
	for _, o := range list.Items() {
		out = append(out, Obligation{r.text(o, "type"), r.text(o, "path"), r.text(o, "method")})
	}
	return out
}

func (r *reader) approval(v strictjson.Value) Approval {
	return Approval{
		ID: r.text(v, "id"), Status: r.text(v, "status"), Final: r.bool(v, "final"), PollAfter: r.seconds(v, "pollAfterSeconds"),
		ApproveBy: r.time(v, "approveBy"), ExecuteBy: r.time(v, "executeBy"), Comment: r.text(v, "comment"),
	}
}

func (r *reader) seconds(v strictjson.Value, name string) time.Duration {
	n, ok := strictjson.ParseDecimal(v.Get(name).Text())
	if v.Get(name).Kind() != strictjson.Number || !ok || n.Compare(strictjson.DecimalOf(0)) < 0 || n.Compare(strictjson.DecimalOf(86400)) > 0 {
		r.wrong(name)
		return 0
	}
	d, err := time.ParseDuration(v.Get(name).Text() + "s")
	if err != nil {
		r.wrong(name)
	}
	return d
}

func (r *reader) time(v strictjson.Value, name string) time.Time {
	text := r.text(v, name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		r.wrong(name)
	}
	return t
}
