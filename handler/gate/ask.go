package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Ask asks about one call. The answer may still deny it, or wait for people:
// see [Answer.Executes]. An error means that there is no decision, and that
// nothing may run.
func (c *Client) Ask(ctx context.Context, call Call) (Answer, error) {
	return c.ask(ctx, call.complete())
}

func (c *Client) ask(ctx context.Context, call Call) (Answer, error) {
	body, err := call.body()
	if err != nil {
		return Answer{}, err
	}
	text, err := c.exchange(ctx, sending{
		method: http.MethodPost, path: "/api/authorize", body: body, key: call.IdempotencyKey,
		want: http.StatusOK, timeout: c.options.Timeout, attempts: c.options.Attempts,
	})
	if err != nil {
		return Answer{}, err
	}
	a, err := parseAnswer(text)
	if err != nil {
		return Answer{}, err
	}
	if a.CorrelationID != call.CorrelationID {
		return Answer{}, fmt.Errorf("gate: %w: it answers another request", ErrNoAnswer)
	}
	return a, nil
}

// Wait waits until people have decided an approval, and returns it approved or
// closed. It goes on through failures of the way until ctx ends; an answer that
// waiting cannot change is an error at once.
func (c *Client) Wait(ctx context.Context, approvalID string) (Approval, error) {
	for {
		began := time.Now()
		a, err := c.look(ctx, approvalID)
		switch {
		case err != nil:
			return Approval{}, err
		case a.ID != approvalID:
			return Approval{}, fmt.Errorf("gate: %w: another approval", ErrNoAnswer)
		case a.Final || a.Status == "approved":
			return a, nil
		case a.Status != "pending":
			return Approval{}, fmt.Errorf("gate: %w: an unknown status", ErrNoAnswer)
		}
		// A service that holds the request paces us; one that does not says how.
		if rest := min(max(a.PollAfter, time.Second), maxPause) - time.Since(began); rest > 0 {
			if err := pause(ctx, rest); err != nil {
				return Approval{}, err
			}
		}
	}
}

// look reads an approval, and has the service wait for a change.
func (c *Client) look(ctx context.Context, id string) (Approval, error) {
	text, err := c.exchange(ctx, sending{
		method: http.MethodGet, path: "/api/approvals/" + url.PathEscape(id) + "?wait=60",
		want: http.StatusOK, timeout: waitTimeout, attempts: untilEnd,
	})
	if err != nil {
		return Approval{}, err
	}
	return parseApproval(text)
}

const untilEnd = 1 << 30 // attempts of what only its context ends

// Cover has the service apply the obligations of a grant to a tool's output,
// for tools that cannot. It returns the output as it may be shown.
func (c *Client) Cover(ctx context.Context, grant string, output any) (json.RawMessage, error) {
	body, err := json.Marshal(struct {
		Grant  string `json:"grant"`
		Output any    `json:"output"`
	}{grant, output})
	if err != nil {
		return nil, fmt.Errorf("gate: encode the output: %w", err)
	}
	text, err := c.exchange(ctx, sending{
		method: http.MethodPost, path: "/api/mask", body: body,
		want: http.StatusOK, timeout: c.options.Timeout, attempts: c.options.Attempts,
	})
	if err != nil {
		return nil, err
	}
	v, err := strictjson.Parse(text, answerLimits)
	if output := v.Get("output"); err == nil && output.Kind() != strictjson.Absent && v.Get("masked").Kind() == strictjson.Bool {
		return strictjson.AppendAsSent(nil, output), nil
	}
	return nil, fmt.Errorf("gate: %w: no masked output", ErrNoAnswer)
}

// Outcome is what became of a call that ran. The zero Outcome claims nothing.
type Outcome uint8

// The outcomes.
const (
	Unknown  Outcome = iota
	Executed         // the tool did it
	Failed           // the tool did not do it
)

// String is the word of the contract.
func (o Outcome) String() string { return [...]string{"unknown", "executed", "failed"}[o] }

// Report tells the service what became of a decision. Detail has at most 280
// characters and holds no secrets: it is recorded as it is.
func (c *Client) Report(ctx context.Context, decisionID string, o Outcome, detail string) error {
	body, err := json.Marshal(struct {
		Outcome string `json:"outcome"`
		Detail  string `json:"detail"`
	}{o.String(), detail})
	if err != nil {
		return fmt.Errorf("gate: encode the outcome: %w", err)
	}
	_, err = c.exchange(ctx, sending{
		method: http.MethodPost, path: "/api/decisions/" + url.PathEscape(decisionID) + "/outcome", body: body,
		want: http.StatusAccepted, timeout: c.options.Timeout, attempts: c.options.Attempts,
	})
	return err
}
