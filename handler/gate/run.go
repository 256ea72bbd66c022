package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// rounds is how often a call is asked about that always needs another approval.
const rounds = 3

// Permit is what a tool may do: the call of its decision, with these
// parameters.
type Permit struct {
	DecisionID  string
	Parameters  json.RawMessage // a JSON object; the ones that were asked for do not count
	Obligations []Obligation    // to be applied to what the tool gives back: [Client.Cover] does it
	Grant       string          // for a tool that checks
}

// Into decodes the parameters into a struct of the tool's. A parameter that the
// struct has no place for is an error: it would be lost without a word.
func (p Permit) Into(v any) error {
	d := json.NewDecoder(bytes.NewReader(p.Parameters))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("gate: decode the parameters: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("gate: decode the parameters: something follows")
	}
	return nil
}

// Result is what became of a [Client.Run].
type Result struct {
	Ran        bool   // the tool was called; do not call Run again for the same intent
	Answer     Answer // the last one
	Unreported error  // the tool ran and the service could not be told what became of it
}

// Run asks about a call, waits for people where it must, and calls the tool
// once, with what may be executed, or not at all. Then it reports what became
// of it: executed, failed where the tool returned an error, unknown where that
// error is [ErrOutcomeUnknown] or of the context, and where the tool panicked.
//
// The error is the tool's, or says why it was not called: a [*DeniedError], a
// [*ClosedError], a [*StatusError], or one of the way there.
func (c *Client) Run(ctx context.Context, call Call, tool func(ctx context.Context, p Permit) error) (Result, error) {
	call = call.complete()
	for range rounds {
		a, err := c.ask(ctx, call)
		switch {
		case err != nil:
			return Result{}, err
		case a.Executes():
			return c.execute(ctx, a, tool)
		case a.Decision != RequireApproval:
			return Result{Answer: a}, &DeniedError{a}
		}
		if c.options.Waiting != nil {
			c.options.Waiting(a)
		}
		approved, err := c.Wait(ctx, a.Approval.ID)
		switch {
		case err != nil:
			return Result{Answer: a}, err
		case approved.Status != "approved":
			return Result{Answer: a}, &ClosedError{approved}
		}
		call.ApprovalID = approved.ID
	}
	return Result{}, errors.New("gate: the rules asked for another approval each time")
}

func (c *Client) execute(ctx context.Context, a Answer, tool func(context.Context, Permit) error) (r Result, err error) {
	r = Result{Ran: true, Answer: a}
	outcome := Unknown // also where the tool panics
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTimeout)
		defer cancel()
		r.Unreported = c.Report(late, a.DecisionID, outcome, "")
	}()
	err = tool(ctx, Permit{DecisionID: a.DecisionID, Parameters: a.EffectiveParameters, Obligations: a.Obligations, Grant: a.Grant})
	switch {
	case err == nil:
		outcome = Executed
	case errors.Is(err, ErrOutcomeUnknown), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	default:
		outcome = Failed
	}
	return r, err
}
