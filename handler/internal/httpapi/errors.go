package httpapi

import (
	"context"
	"errors"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// problemOf is the one map from errors to statuses. What it does not know is
// unavailable and says nothing of itself: the caller learns that nothing may
// be done, and the log learns the rest.
func problemOf(err error) *Problem {
	var (
		problem         *Problem
		unauthenticated *identity.UnauthenticatedError
		unavailable     *authorize.UnavailableError
	)
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &unauthenticated):
		return &Problem{Kind: Unauthenticated, Detail: sentence(unauthenticated.Reason), cause: err}
	case errors.As(err, &unavailable):
		return &Problem{Kind: Unavailable, Detail: sentence(unavailable.Component + " is not available"), RetryAfter: unavailable.RetryAfter, cause: err}
	case errors.Is(err, approval.ErrNotFound):
		return &Problem{Kind: NotFound, cause: err}
	case errors.Is(err, approval.ErrPage):
		return badQuery("page", "is not the next of a list")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Problem{Kind: Unavailable, Detail: "The decision was not made in time.", cause: err}
	default:
		return &Problem{Kind: Unavailable, cause: err}
	}
}

// sentence makes one of a phrase of ours.
func sentence(phrase string) string {
	if phrase == "" {
		return ""
	}
	first := phrase[0]
	if first >= 'a' && first <= 'z' {
		first -= 'a' - 'A'
	}
	return string(first) + phrase[1:] + "."
}
