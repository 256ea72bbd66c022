package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// StatusError is a service's refusal without the body it came with, which may
// hold what callers wrote.
type StatusError struct {
	Status int    // of HTTP
	Code   string // the service's own, "" where it gave none that is one
}

// Error implements error.
func (e *StatusError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("status %d", e.Status)
	}
	return fmt.Sprintf("status %d (%s)", e.Status, e.Code)
}

// TokenError says that the identity was given no token.
type TokenError struct{ err error }

// mostCause is how much of a token service's words is passed on, in bytes.
const mostCause = 500

// Error implements error.
func (e *TokenError) Error() string {
	text := strings.Join(strings.Fields(e.err.Error()), " ")
	if len(text) > mostCause {
		text = strings.ToValidUTF8(text[:mostCause], "") + "…"
	}
	return "no token for the identity: " + text
}

// Unwrap is what the credential said.
func (e *TokenError) Unwrap() error { return e.err }

// TokenErrors is a credential whose errors are [*TokenError], so that [Cause]
// can tell them from what a service answered.
func TokenErrors(credential azcore.TokenCredential) azcore.TokenCredential {
	return tokenErrors{credential}
}

type tokenErrors struct{ inner azcore.TokenCredential }

// GetToken implements [azcore.TokenCredential].
func (c tokenErrors) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := c.inner.GetToken(ctx, o)
	if err != nil {
		return azcore.AccessToken{}, &TokenError{err}
	}
	return token, nil
}

// codes are what the services use as codes.
var codes = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// code is what a service names as its code, "" if it is none: a body may hold
// anything there.
func code(s string) string {
	if !codes.MatchString(s) {
		return ""
	}
	return s
}

// CodeIn is the code that the body of a refusal names, "" for none.
func CodeIn(body []byte) string {
	var refusal struct {
		Error struct{ Code string }
	}
	if json.Unmarshal(body, &refusal) != nil {
		return ""
	}
	return code(refusal.Error.Code)
}

// Cause is the error of a client fit for people and logs: a status and a code,
// a missing token, a network failure or a deadline. It holds nothing of a
// body and no address, and can be asked for [*StatusError], [*TokenError] and
// the errors of context. nil stays nil.
func Cause(err error) error {
	var response *azcore.ResponseError
	var status *StatusError
	var token *TokenError
	var address *url.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &token):
		return token
	case errors.As(err, &status):
		return status
	case errors.As(err, &response):
		return &StatusError{Status: response.StatusCode, Code: code(response.ErrorCode)}
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &address):
		return address.Err
	}
	return errors.New("no answer that can be used")
}

// StatusOf is the HTTP status of a refusal, 0 for any other error.
func StatusOf(err error) int {
	var response *azcore.ResponseError
	var status *StatusError
	switch {
	case errors.As(err, &status):
		return status.Status
	case errors.As(err, &response):
		return response.StatusCode
	}
	return 0
}
