package identity

import (
	"context"
	"net/http"
)

// Local authenticates where no Easy Auth stands in front. A request with an
// Authorization header is judged by it alone; one without is the developer of
// this machine where Developer says so, else nobody.
type Local struct {
	Tokens    *Validator
	Developer bool
}

// Authenticate says who sent these headers. The error is an
// [*UnauthenticatedError].
func (l Local) Authenticate(ctx context.Context, h http.Header) (Principal, error) {
	token, present, err := Bearer(h)
	switch {
	case err != nil:
		return Principal{}, err
	case present:
		return l.Tokens.Validate(ctx, token)
	case l.Developer:
		return Principal{Kind: Developer}, nil
	default:
		return Principal{}, refuse("the request carries no bearer token")
	}
}
