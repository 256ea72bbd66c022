package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// sessionLife is how long a sign-in lasts.
const sessionLife = 8 * time.Hour

// Issuer signs the token of a person.
type Issuer interface {
	Issue(p Person, roles []string, lifetime time.Duration) (token string, err error)
}

// Validator checks tokens: [identity.Validator], as for every other door.
type Validator interface {
	Validate(ctx context.Context, token string) (identity.Principal, error)
}

// Cookies are the sessions of local mode. The cookie holds a token of the local
// issuer, which is validated at every request like any bearer token. It is a
// [Sessions] and a [SignIn], safe for concurrent use.
type Cookies struct {
	issuer Issuer
	tokens Validator
	people func(now time.Time) []Person
	secure bool
}

var (
	_ Sessions = (*Cookies)(nil)
	_ SignIn   = (*Cookies)(nil)
)

// NewCookies makes the sessions of local mode. People are those who may be
// chosen; secure keeps the cookie on https.
func NewCookies(issuer Issuer, tokens Validator, people func(now time.Time) []Person, secure bool) *Cookies {
	return &Cookies{issuer: issuer, tokens: tokens, people: people, secure: secure}
}

func (c *Cookies) name() string {
	if c.secure {
		return "__Secure-fabric-session"
	}
	return "fabric-session"
}

// Session implements [Sessions]. Two cookies of one name are nobody's: one of
// them came from somewhere else.
func (c *Cookies) Session(r *http.Request) (Session, error) {
	cookies := r.CookiesNamed(c.name())
	if len(cookies) != 1 {
		return Session{}, ErrSignedOut
	}
	value := cookies[0].Value
	_, token, ok := strings.Cut(value, "~")
	if !ok {
		return Session{}, ErrSignedOut
	}
	p, err := c.tokens.Validate(r.Context(), token)
	if err != nil {
		return Session{}, err
	}
	id := sha256.Sum256([]byte(value))
	return Session{Principal: p, ID: base64.RawURLEncoding.EncodeToString(id[:])}, nil
}

// SignInURL implements [Sessions].
func (c *Cookies) SignInURL(next string) string {
	if next == home {
		return "/console/sign-in"
	}
	return "/console/sign-in?" + url.Values{"next": {next}}.Encode()
}

// SignOutURL implements [Sessions].
func (c *Cookies) SignOutURL() string { return "" }

// People implements [SignIn].
func (c *Cookies) People(now time.Time) []Person { return c.people(now) }

// Begin implements [SignIn]. What stands before the token differs from one
// sign-in to the next, so that no form outlives its session.
func (c *Cookies) Begin(w http.ResponseWriter, p Person, auditor bool) error {
	roles := []string{identity.RoleApprover}
	if auditor {
		roles = append(roles, identity.RoleAuditor)
	}
	token, err := c.issuer.Issue(p, roles, sessionLife)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	http.SetCookie(w, c.cookie(rand.Text()+"~"+token, int(sessionLife/time.Second)))
	return nil
}

// End implements [SignIn].
func (c *Cookies) End(w http.ResponseWriter) { http.SetCookie(w, c.cookie("", -1)) }

func (c *Cookies) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: c.name(), Value: value, Path: "/console", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: c.secure,
	}
}
