package easyauth

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/authorization-fabric/fabric/handler/internal/console"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// Sessions are the people that Easy Auth has signed in to the console. It is a
// [console.Sessions], safe for concurrent use.
type Sessions struct{ tokens *identity.Validator }

var _ console.Sessions = (*Sessions)(nil)

// NewSessions makes Sessions of the keys of the same settings. Scope and
// Audiences are not used: ID tokens have neither.
func NewSessions(keys identity.TenantKeys, s Settings) (*Sessions, error) {
	s, err := s.checked()
	if err != nil {
		return nil, err
	}
	tokens, err := s.validator(keys, true)
	if err != nil {
		return nil, err
	}
	return &Sessions{tokens}, nil
}

// Session implements [console.Sessions]. Somebody is signed in whose ID token
// comes from the token store, is valid, and is of the person that the principal
// header names; on any other path than the console's nobody is.
//
// The session's id is the ID token's digest: a token is made for one sign-in
// and stays the same until the next, on all instances. Only a page that asked
// Easy Auth to renew its tokens would change it in between, and none of ours
// does; forms that were open then would have to be opened anew.
func (s *Sessions) Session(r *http.Request) (console.Session, error) {
	if !strings.HasPrefix(r.URL.Path, "/console/") {
		return console.Session{}, console.ErrSignedOut
	}
	tokens := r.Header[idTokenHeader]
	if len(tokens) == 0 {
		return console.Session{}, console.ErrSignedOut
	}
	said, present, err := readPrincipal(r.Header)
	if err != nil || !present || len(tokens) > 1 {
		return console.Session{}, turnedAway("what the platform says of you cannot be read")
	}
	p, err := s.tokens.Validate(r.Context(), tokens[0])
	if err != nil {
		return console.Session{}, unaccepted(err)
	}
	if !said.is(p) {
		return console.Session{}, turnedAway("the platform's principal header does not fit the token")
	}
	id := sha256.Sum256([]byte(tokens[0]))
	return console.Session{Principal: p, ID: base64.RawURLEncoding.EncodeToString(id[:])}, nil
}

// unaccepted tells who only has to sign in again from whom that would not help:
// the sign-in page would send them straight back here.
func unaccepted(err error) error {
	var refused *identity.UnauthenticatedError
	switch {
	case errors.Is(err, identity.ErrExpired):
		return console.ErrSignedOut
	case errors.As(err, &refused):
		return turnedAway(refused.Reason)
	}
	return err // nobody can be checked: a page that says so
}

func turnedAway(reason string) error { return &console.TurnedAwayError{Reason: reason} }

// home is where people go whose page is none of the console's.
const home = "/console/approvals"

var page = regexp.MustCompile(`^/console/[A-Za-z0-9_/-]*$`)

// SignInURL implements [console.Sessions].
func (s *Sessions) SignInURL(next string) string {
	if !page.MatchString(next) || strings.Contains(next, "//") {
		next = home
	}
	return "/.auth/login/aad?" + url.Values{"post_login_redirect_uri": {next}}.Encode()
}

// SignOutURL implements [console.Sessions].
func (s *Sessions) SignOutURL() string {
	return "/.auth/logout?" + url.Values{"post_logout_redirect_uri": {"/console/"}}.Encode()
}
