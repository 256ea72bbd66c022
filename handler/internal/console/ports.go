package console

import (
	"context"
	"net/http"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// Approvals is the use case of approvals: [approval.Service]. It decides who
// may see and who may vote.
type Approvals interface {
	Reading
	Acting
}

// Reading changes nothing that anybody could tell.
type Reading interface {
	List(ctx context.Context, r approval.Reader, q approval.ListQuery, now time.Time) (approval.List, error)
	Inspect(ctx context.Context, r approval.Reader, id string, now time.Time) (approval.Inspection, error)
	History(ctx context.Context, tenant string, who approval.Person, now time.Time) (approval.Past, error)
}

// Acting is what a person can do to an approval.
type Acting interface {
	Vote(ctx context.Context, r approval.Reader, b approval.Ballot, now time.Time) (approval.Approval, error)
	PassOn(ctx context.Context, r approval.Reader, id string, now time.Time) (approval.Approval, error)
	Revoke(ctx context.Context, r approval.Reader, id, comment string, now time.Time) (approval.Approval, error)
}

// Decisions reads the audit log, of one environment.
type Decisions interface {
	// Find is [audit.Find].
	Find(ctx context.Context, s audit.Search) (audit.Result, error)
	// Why is [audit.Why].
	Why(ctx context.Context, q audit.Query) (audit.Story, error)
}

// Playground decides a call without effect.
type Playground interface {
	// Preview decides the call in body, which may hold anything, for the
	// person p. A [*MistakeError] says what is wrong with the body.
	Preview(ctx context.Context, p identity.Principal, body []byte) (authorize.Answer, error)
}

// MistakeError is a call that is not in the form of the contract.
type MistakeError struct{ Mistakes []Mistake }

// Mistake is one thing that is wrong, at a JSON pointer; "" is the whole.
type Mistake struct{ Pointer, Detail string }

// Error implements error.
func (e *MistakeError) Error() string { return "the call is not in the form of the contract" }

// Session is a person at a browser.
type Session struct {
	Principal identity.Principal
	ID        string // differs from one sign-in to the next; forms are bound to it
}

// TurnedAwayError is somebody who is signed in and whom this service does not
// take. To sign in again would not help.
type TurnedAwayError struct {
	Reason string // a phrase of ours
}

// Error implements error.
func (e *TurnedAwayError) Error() string { return "turned away: " + e.Reason }

// Sessions says who is at the browser. Every request is judged anew.
type Sessions interface {
	// Session is [ErrSignedOut], or an [*identity.UnauthenticatedError], where
	// nobody is signed in, and a [*TurnedAwayError] where somebody is for whom
	// that changes nothing. Any other error is a page that is not available.
	Session(r *http.Request) (Session, error)
	// SignInURL is where a person signs in who then wants to see next, a path
	// of the console.
	SignInURL(next string) string
	// SignOutURL is where a person signs out; "" for the console's own form.
	SignOutURL() string
}

// SignIn lets whoever is at this machine be any of the people it offers: local
// mode only.
type SignIn interface {
	People(now time.Time) []Person
	Begin(w http.ResponseWriter, p Person, auditor bool) error
	End(w http.ResponseWriter)
}

// Person is somebody whom bindings name.
type Person struct {
	Tenant string
	User   policy.User // UPN or object id, nothing else
}

// Words puts into words what an approver is shown and the approval does not
// hold. Both answers may be "".
type Words interface {
	// Limit is the person's own limit for the call: an amount or "no limit".
	Limit(p identity.Principal, d *approval.Document, now time.Time) string
	// Approver is an entry of a rule's approvers.
	Approver(policyID, approver string, now time.Time) string
}
