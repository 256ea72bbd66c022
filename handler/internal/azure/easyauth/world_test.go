package easyauth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/entra"
	"github.com/authorization-fabric/fabric/handler/internal/azure/easyauth"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

func settingsAt(i *entra.Issuer, tenants ...string) easyauth.Settings {
	if tenants == nil {
		tenants = []string{entra.Tenant}
	}
	return easyauth.Settings{
		ClientID: entra.ClientID, Audiences: []string{entra.Audience}, Tenants: tenants, Scope: entra.Scope, Authority: i.URL,
	}
}

// house is keys, an authenticator and sessions over one issuer.
type house struct {
	keys     *easyauth.Keys
	auth     *easyauth.Authenticator
	sessions *easyauth.Sessions
}

func newHouse(t testing.TB, i *entra.Issuer, tenants ...string) house {
	t.Helper()
	s := settingsAt(i, tenants...)
	keys, err := easyauth.NewKeys(s, easyauth.KeysOptions{Transport: i.Transport(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	auth, err := easyauth.NewAuthenticator(keys, s)
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := easyauth.NewSessions(keys, s)
	if err != nil {
		t.Fatal(err)
	}
	return house{keys, auth, sessions}
}

// run has the keys fetched in the background until the test ends.
func (h house) run(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); h.keys.Run(ctx) }()
	return func() { cancel(); <-done }
}

// outcome is what became of a bearer token: in, out (401) or unsure (503).
func (h house) outcome(ctx context.Context, token string) string {
	p, err := h.auth.Authenticate(ctx, map[string][]string{"Authorization": {"Bearer " + token}})
	var out *identity.UnauthenticatedError
	var unsure *identity.KeysError
	switch {
	case err == nil && p.Kind != identity.Nobody:
		return "in"
	case p.Kind != identity.Nobody || err == nil:
		return "both somebody and an error"
	case errors.As(err, &out):
		return "out"
	case errors.As(err, &unsure):
		return "unsure"
	}
	return err.Error()
}

func (h house) expect(t *testing.T, when, token, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if got := h.outcome(ctx, token); got != want {
		t.Errorf("%s: a token is %s, want %s", when, got, want)
	}
}

// textOf are the claims of a token as they are written in it.
func textOf(t *testing.T, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// mustToken is the managed identity's token for a resource.
func mustToken(t *testing.T, i *entra.Issuer, resource string) string {
	t.Helper()
	token, err := i.Credential().GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{resource + "/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	return token.Token
}
