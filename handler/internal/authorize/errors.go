package authorize

import "time"

// UnavailableError says that no decision could be made and recorded: nothing
// may be executed, and the caller may ask again after RetryAfter. Component is
// a word of ours for what is missing: "policy", "audit", "approvals".
type UnavailableError struct {
	Component  string
	RetryAfter time.Duration // zero: the edge's default
	Err        error         // for the log; never shown to the caller
}

// Error implements error.
func (e *UnavailableError) Error() string {
	if e.Err == nil {
		return e.Component + " unavailable"
	}
	return e.Component + " unavailable: " + e.Err.Error()
}

// Unwrap is the failure behind it.
func (e *UnavailableError) Unwrap() error { return e.Err }
