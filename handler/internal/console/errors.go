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
}

// Error implements error.
func (p *problem) Error() string { return p.title }

// What goes wrong by itself. These never change.
var (
	errNotFound = &problem{
		http.StatusNotFound, "Not found",
		"There is no such page, or it is not yours to see. Approvals can be seen by those who may decide them, decisions by those who took part.", false,
	}
	errForged = &problem{
		http.StatusForbidden, "This form is no longer valid",
		"It was open for too long, or you have signed in anew since. Nothing was changed. Open the page again and decide there.", true,
	}
	errForeign = &problem{
		http.StatusForbidden, "Refused",
		"The request came from another web site. Nothing was changed.", false,
	}
	errNotAuditor = &problem{
		http.StatusForbidden, "For auditors",
		"Only auditors may look at this page. Ask whoever runs this service for the role Fabric.Auditor if you need it.", false,
	}
	errUnreadable = &problem{
		http.StatusBadRequest, "Not understood",
		"What was sent cannot be read. Nothing was changed.", true,
	}
	errNoChoice = &problem{
		http.StatusBadRequest, "Neither approved nor denied",
		"What was sent says neither. Nothing was changed.", true,
	}
	errLongComment = &problem{
		http.StatusBadRequest, "The comment is too long",
		"A comment has at most 1,000 characters. Nothing was changed.", true,
	}
	errTooLarge = &problem{
		http.StatusRequestEntityTooLarge, "Too large",
		"What was sent is larger than this page takes. Nothing was changed.", true,
	}
	errNoPerson = &problem{
		http.StatusBadRequest, "Nobody by that name",
		"No policy names that person any more. Choose again.", false,
	}
	errBroken = &problem{
		http.StatusServiceUnavailable, "Not available at the moment",
		"This page cannot be shown at the moment. Please try again shortly.", true,
	}
	errUnclear = &problem{
		http.StatusServiceUnavailable, "Not available at the moment",
		"It is not certain that this was recorded. Open the page again in a moment and look what it says: doing it twice does no harm.", true,
	}
)

// fail answers with what went wrong. It is the one map from errors to pages;
// what it does not know says nothing of itself.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, s Session, err error) {
	var (
		own             *problem
		refused         *approval.RefusedError
		unauthenticated *identity.UnauthenticatedError
	)
	switch {
	case errors.As(err, &own):
	case errors.Is(err, ErrSignedOut), errors.As(err, &unauthenticated):
		http.Redirect(w, r, c.parts.Sessions.SignInURL(pageOf(r.URL.Path)), http.StatusSeeOther)
		return
	case errors.Is(err, approval.ErrNotFound), errors.Is(err, audit.ErrNoStory):
		own = errNotFound
	case errors.As(err, &refused):
		own = &problem{http.StatusForbidden, "This was not counted", refused.Detail + " Nothing was changed.", true}
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
	c.render(w, r, s, own.status, "problem", own.title, body)
}

type problemView struct{ Title, Text, Again string }
