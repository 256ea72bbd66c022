package console

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// ErrSignedOut means that nobody is signed in.
var ErrSignedOut = errors.New("nobody is signed in")

// problem is a page that says why there is no other, in words of ours.
type problem struct {
	status      int
	title, text string
	again       bool // offers to open the approval, or the page, again
	signIn      bool // offers to sign in, and to come back to it
	signOut     bool // offers to sign out
}

// Error implements error.
func (p *problem) Error() string { return p.title }

// What goes wrong by itself. These never change.
var (
	errNotFound = &problem{
		status: http.StatusNotFound, title: "Not found",
		text: "There is no such page, or it is not yours to see. Approvals can be seen by those who may decide them, decisions by those who took part.",
	}
	errForged = &problem{
		status: http.StatusForbidden, title: "This form is no longer valid",
		text: "It was open for too long, or you have signed in anew since. Nothing was changed. Open the page again and decide there.", again: true,
	}
	errSignedOut = &problem{
		status: http.StatusForbidden, title: "You are no longer signed in",
		text: "Nothing was changed. Sign in again and decide there.", signIn: true,
	}
	errForeign = &problem{
		status: http.StatusForbidden, title: "Refused",
		text: "The request came from another web site. Nothing was changed.",
	}
	errNotAuditor = &problem{
		status: http.StatusForbidden, title: "For auditors",
		text: "Only auditors may look at this page. Ask whoever runs this service for the role Fabric.Auditor if you need it.",
	}
	errUnreadable = &problem{
		status: http.StatusBadRequest, title: "Not understood",
		text: "What was sent cannot be read. Nothing was changed.", again: true,
	}
	errNoChoice = &problem{
		status: http.StatusBadRequest, title: "Neither approved nor denied",
		text: "What was sent says neither. Nothing was changed.", again: true,
	}
	errLongComment = &problem{
		status: http.StatusBadRequest, title: "The comment is too long",
		text: "A comment has at most 1,000 characters. Nothing was changed.", again: true,
	}
	errTooLarge = &problem{
		status: http.StatusRequestEntityTooLarge, title: "Too large",
		text: "What was sent is larger than this page takes. Nothing was changed.", again: true,
	}
	errNoPerson = &problem{
		status: http.StatusBadRequest, title: "Nobody by that name",
		text: "No policy names that person any more. Choose again.",
	}
	errBroken = &problem{
		status: http.StatusServiceUnavailable, title: "Not available at the moment",
		text: "This page cannot be shown at the moment. Please try again shortly.", again: true,
	}
	errUnclear = &problem{
		status: http.StatusServiceUnavailable, title: "Not available at the moment",
		text: "It is not certain that this was recorded. Open the page again in a moment and look what it says: doing it twice does no harm.", again: true,
	}
)

// fail answers with what went wrong. It is the one map from errors to pages;
// what it does not know says nothing of itself.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, s Session, err error) {
	var (
		own        *problem
		refused    *approval.RefusedError
		turnedAway *TurnedAwayError
	)
	switch {
	case errors.As(err, &own):
	case errors.As(err, &turnedAway):
		own = &problem{
			status: http.StatusForbidden, title: "You cannot come in",
			text: "You are signed in, but not as somebody whom this service takes: " + turnedAway.Reason + ". Nothing was changed.", signOut: true,
		}
	case signedOut(err) && r.Method == http.MethodPost && c.parts.SignIn == nil:
		own = errSignedOut // a form may not lead to another site, where people sign in
	case signedOut(err):
		http.Redirect(w, r, c.parts.Sessions.SignInURL(pageOf(r.URL.Path)), http.StatusSeeOther)
		return
	case errors.Is(err, approval.ErrNotFound), errors.Is(err, audit.ErrNoStory):
		own = errNotFound
	case errors.As(err, &refused):
		own = &problem{status: http.StatusForbidden, title: "This was not counted", text: refused.Detail + " Nothing was changed.", again: true}
	case errors.Is(err, approval.ErrPage), errors.Is(err, audit.ErrPage):
		own = errUnreadable
	case r.Method == http.MethodPost:
		own = errUnclear
	default:
		own = errBroken
	}
	if own.status == http.StatusServiceUnavailable {
		c.options.Log.LogAttrs(r.Context(), slog.LevelError, "page not available",
			slog.String("route", r.Pattern), slog.String("cause", err.Error()))
		w.Header().Set("Retry-After", "5")
	}
	body := problemView{Title: own.title, Text: own.text}
	if own.again {
		body.Again = pageOf(r.URL.Path)
	}
	if own.signIn {
		body.SignIn = c.parts.Sessions.SignInURL(pageOf(r.URL.Path))
	}
	if own.signOut {
		body.SignOut = c.parts.Sessions.SignOutURL()
	}
	c.render(w, r, s, own.status, "problem", own.title, body)
}

type problemView struct{ Title, Text, Again, SignIn, SignOut string }

// signedOut reports whether somebody has only to sign in.
func signedOut(err error) bool {
	var unauthenticated *identity.UnauthenticatedError
	return errors.Is(err, ErrSignedOut) || errors.As(err, &unauthenticated)
}
