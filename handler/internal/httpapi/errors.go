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
		refused         *approval.RefusedError
		closed          *approval.ClosedError
	)
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &unauthenticated):
		return &Problem{Kind: Unauthenticated, Detail: sentence(unauthenticated.Reason), cause: err}
	case errors.As(err, &unavailable):
		return &Problem{Kind: Unavailable, Detail: sentence(unavailable.Component + " is not available"), RetryAfter: unavailable.RetryAfter, cause: err}
	case errors.As(err, &refused):
		return &Problem{Kind: Forbidden, Detail: refused.Detail, CorrelationID: refused.Record, cause: err}
	case errors.As(err, &closed):
		return conflict(closed)
	case errors.Is(err, approval.ErrNotFound), errors.Is(err, authorize.ErrNoDecision):
		return &Problem{Kind: NotFound, cause: err}
	case errors.Is(err, approval.ErrPage):
		return badQuery("page", "is not the next of a list")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Problem{Kind: Unavailable, Detail: "The decision was not made in time.", cause: err}
	default:
		return &Problem{Kind: Unavailable, cause: err}
	}
}

// conflict is what an approval answers that is closed for what was wanted.
func conflict(closed *approval.ClosedError) *Problem {
	status := closed.Approval.Status.String()
	detail := closed.Detail
	if detail == "" {
		detail = "The approval is " + status + "."
	}
	return &Problem{Kind: Conflict, Detail: detail, ApprovalStatus: status, CorrelationID: closed.Record, cause: closed}
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
