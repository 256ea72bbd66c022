package gate

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrNoAnswer is a reply that is no answer of the service: empty, HTML,
	// broken, a redirect, of an unknown form. Nothing may run.
	ErrNoAnswer = errors.New("not an answer of the service")

	// ErrOutcomeUnknown is for tools to return where they cannot say whether
	// the action happened: it is reported as unknown, not as failed.
	ErrOutcomeUnknown = errors.New("it is not known whether the action happened")
)

// StatusError is a reply that is no decision: the request was wrong, or nobody
// could decide. Nothing may run.
type StatusError struct {
	Status      int
	Problem     string        // the contract's name such as "malformed", "" where the reply is not the service's
	Detail      string        // for makers
	UserMessage string        // for the agent's user
	RetryAfter  time.Duration // that the last of several attempts was asked for
}

// Error implements error.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("status %d", e.Status)
	if e.Problem != "" {
		text += " " + e.Problem
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// DeniedError is a decision that lets nothing run.
type DeniedError struct{ Answer Answer }

// Error implements error.
func (e *DeniedError) Error() string {
	return "denied: " + e.Answer.ReasonCode + ": " + e.Answer.Reason
}

// ClosedError is an approval that ended without permitting anything: denied,
// expired, cancelled, revoked, superseded, or used by another call.
type ClosedError struct{ Approval Approval }

// Error implements error.
func (e *ClosedError) Error() string {
	return "the approval " + e.Approval.ID + " is " + e.Approval.Status
}
