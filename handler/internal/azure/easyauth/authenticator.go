package easyauth

import (
	"context"
	"net/http"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// Authenticator says who sent a request, from its bearer token alone. It is
// safe for concurrent use.
type Authenticator struct{ tokens *identity.Validator }

// NewAuthenticator makes an Authenticator of the keys of the same settings.
func NewAuthenticator(keys identity.TenantKeys, s Settings) (*Authenticator, error) {
	s, err := s.checked()
	if err != nil {
		return nil, err
	}
	tokens, err := s.validator(keys, false)
	if err != nil {
		return nil, err
	}
	return &Authenticator{tokens}, nil
}

// Authenticate says who sent these headers. The error is an
// [*identity.UnauthenticatedError], or an [*identity.KeysError] where the token
// could not be checked.
//
// X-MS-CLIENT-PRINCIPAL is looked at once the token has proved somebody: one
// that speaks of another, or that cannot be read, refuses the request. Without
// it the token counts as it is: Easy Auth says nothing on paths that it lets
// pass, and what it says adds nothing.
func (a *Authenticator) Authenticate(ctx context.Context, h http.Header) (identity.Principal, error) {
	token, present, err := identity.Bearer(h)
	switch {
	case err != nil:
		return identity.Principal{}, err
	case !present:
		return identity.Principal{}, refuse("the request carries no bearer token")
	}
	p, err := a.tokens.Validate(ctx, token)
	if err != nil {
		return identity.Principal{}, err
	}
	said, _, err := readPrincipal(h)
	if err != nil || said.contradicts(p) {
		return identity.Principal{}, refuse("the platform's principal header does not fit the token")
	}
	return p, nil
}

func refuse(reason string) error { return &identity.UnauthenticatedError{Reason: reason} }
