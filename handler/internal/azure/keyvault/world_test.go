package keyvault

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/vault"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	keyName    = "fabric-grant"
	secretName = "fabric-environment"
	issuerName = "https://fabric.example"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// hands is a clock that stands until it is moved.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hands) read() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) move(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// identity is a credential that gives tokens for any scope, or fails.
type identity struct{ err error }

func (i identity) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "for " + strings.Join(o.Scopes, " "), ExpiresOn: time.Now().Add(time.Hour)}, i.err
}

func demandToken(r *http.Request) error {
	if r.Header.Get("Authorization") != "Bearer for https://vault.azure.net/.default" {
		return errors.New("another token")
	}
	return nil
}

// world is a vault with a key and a secret, and a clock for both sides.
type world struct {
	*vault.Server
	clock *hands
	first string // the key's version
}

func newWorld(t *testing.T, o vault.Options) *world {
	t.Helper()
	w := &world{clock: &hands{now: noon}}
	o.Clock = w.clock.read
	if o.Authorize == nil {
		o.Authorize = demandToken
	}
	w.Server = vault.New(t, o)
	w.first = w.AddKey(keyName)
	w.SetSecret(secretName, environmentKey(t))
	return w
}

func (w *world) options() Options {
	return Options{Transport: w.Client(), Clock: w.clock.read, CallLimit: 5 * time.Second, Refresh: 5 * time.Minute}
}

func (w *world) open(t *testing.T, o Options) *Vault {
	t.Helper()
	v, err := Open(t.Context(), w.URL(), keyName, secretName, identity{}, o)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(v.Close)
	return v
}

// environmentKey is the text of a new key.
func environmentKey(t *testing.T) string {
	t.Helper()
	text, err := grant.NewEnvironmentKey(newRandom())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func keepNothing(context.Context, string, []byte) error { return nil }

// issue signs a grant and checks it with the keys that are published.
func issue(t *testing.T, v *Vault, now time.Time) (token string, err error) {
	t.Helper()
	token, _, err = grant.NewIssuer(issuerName, v, keepNothing).Issue(t.Context(), grant.Facts{
		Audience: "dev", Agent: "finance-agent", Tenant: "t", Action: "CreatePO", DecisionID: "d",
		Effective: strictjson.ObjectOf(), RequestDigest: "hmac-sha256:" + strings.Repeat("0", 64), Now: now,
	})
	if err == nil {
		if err := verify(t, v, token, now); err != nil {
			t.Fatalf("a grant that was just signed: %v", err)
		}
	}
	return token, err
}

func verify(t *testing.T, v *Vault, token string, now time.Time) error {
	t.Helper()
	_, err := grant.Verify(t.Context(), token, grant.NewKeySet(publicKeys(t, v)...), grant.Expected{Issuer: issuerName, Audience: "dev", Now: now})
	return err
}

func publicKeys(t *testing.T, v *Vault) []grant.PublicKey {
	t.Helper()
	keys, err := v.PublicKeys(t.Context())
	if err != nil {
		t.Fatalf("PublicKeys = %v", err)
	}
	return keys
}

func kids(t *testing.T, v *Vault) []string {
	t.Helper()
	var out []string
	for _, k := range publicKeys(t, v) {
		out = append(out, k.ID())
	}
	return out
}

func refresh(t *testing.T, v *Vault) {
	t.Helper()
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatalf("Refresh = %v", err)
	}
}
