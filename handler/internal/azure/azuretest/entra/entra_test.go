package entra_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/entra"
)

// The real clients of azidentity get tokens here that Authorize takes, and
// nothing else does.
func TestCredentials(t *testing.T) {
	vault := "https://" + strings.ToLower(rand.Text()) + ".vault.test" // azidentity keeps tokens for the whole process
	forVault := policy.TokenRequestOptions{Scopes: []string{vault + "/.default"}}
	i := entra.Start(t, entra.Options{IdentityRoles: map[string][]string{vault: {"Reader"}}})
	for name, value := range i.Env(t) {
		t.Setenv(name, value)
	}
	options := azcore.ClientOptions{Transport: i.Client(), Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: i.URL + "/"}}
	managed, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
		ClientOptions: options, ID: azidentity.ClientID(entra.IdentityClientID()),
	})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := azidentity.NewClientSecretCredential(entra.Tenant, entra.Flow, "s", &azidentity.ClientSecretCredentialOptions{
		ClientOptions: options, DisableInstanceDiscovery: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, credential := range map[string]azcore.TokenCredential{"managed": managed, "secret": secret, "in process": i.Credential("Reader")} {
		token, err := credential.GetToken(t.Context(), forVault)
		if err != nil {
			t.Fatalf("%s: GetToken = %v", name, err)
		}
		for header, ok := range map[string]bool{
			"Bearer " + token.Token:                                 true,
			"type=aad&ver=1.0&sig=" + token.Token:                   true,
			url.QueryEscape("type=aad&ver=1.0&sig=" + token.Token):  true,
			"Bearer " + token.Token[:len(token.Token)-6] + "AAAAAA": false,
			"type=master&ver=1.0&sig=" + token.Token:                false,
			"":                                                      false,
		} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("Authorization", header)
			if err := i.Authorize(vault, "Reader")(r); (err == nil) != ok {
				t.Errorf("%s: Authorize(%.30s) = %v, want accepted %t", name, header, err, ok)
			}
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token.Token)
		if i.Authorize("https://storage.azure.com")(r) == nil || i.Authorize(vault, "Writer")(r) == nil {
			t.Errorf("%s: a token passes for another audience or role", name)
		}
	}
	if i.Requests(entra.ManagedIdentity) != 2 || len(i.Secrets()) != 3 {
		t.Errorf("%d requests, %d tokens, want 2 and 3", i.Requests(entra.ManagedIdentity), len(i.Secrets()))
	}
}

// Every fault is what it says, over TLS and without a network alike.
func TestFaults(t *testing.T) {
	for name, i := range map[string]*entra.Issuer{"tls": entra.Start(t, entra.Options{}), "unconnected": entra.Unconnected(entra.Options{})} {
		for fault, want := range map[entra.Fault]string{
			entra.None: "200 ", entra.ServerError: "500 ", entra.Page: "200 ", entra.Redirect: "302 ", entra.NoKeys: "200 ", entra.NotFound: "404 ",
			entra.CutOff: "200 ", entra.Truncated: "200 " + io.ErrUnexpectedEOF.Error(), entra.Hang: context.DeadlineExceeded.Error(),
		} {
			i.Break(entra.KeySet, fault)
			if got := fetch(t, i); !strings.HasPrefix(got, want) {
				t.Errorf("%s: fault %d = %q, want %q", name, fault, got, want)
			}
		}
		if got := i.Requests(entra.KeySet); got != 9 {
			t.Errorf("%s: %d requests, want 9", name, got)
		}
	}
}

func fetch(t *testing.T, i *entra.Issuer) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, i.URL+"/"+entra.Tenant+"/discovery/v2.0/keys", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := i.Client().Do(r)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return context.DeadlineExceeded.Error()
		}
		return err.Error()
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if _, err = io.ReadAll(response.Body); err != nil {
		return strconv.Itoa(response.StatusCode) + " " + err.Error()
	}
	return strconv.Itoa(response.StatusCode) + " "
}

// Without a network a test's clock governs both sides.
func TestUnconnectedUnderAClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := entra.Unconnected(entra.Options{})
		i.Break(entra.KeySet, entra.Hang)
		begun := time.Now()
		if got := fetch(t, i); got != context.DeadlineExceeded.Error() || time.Since(begun) != 100*time.Millisecond {
			t.Errorf("a hanging issuer = %q after %v, want the deadline", got, time.Since(begun))
		}
		i.Break(entra.KeySet, entra.None)
		if got := fetch(t, i); got != "200 " {
			t.Errorf("a mended issuer = %q, want 200", got)
		}
	})
}

// The front lets nothing through that a caller wrote, while it is on.
func TestFront(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	var got http.Header
	front := &entra.Front{Issuer: i, Public: []string{"/console/"}}
	h := front.Before(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	for _, c := range []struct {
		name, path, token string
		off               bool
		status            int
		principal         bool
	}{
		{"nobody", "/api/whoami", "", false, 401, false},
		{"nobody on a public path", "/console/", "", false, 200, false},
		{"a token", "/api/whoami", i.Token(i.Person("2.0", nil)), false, 200, true},
		{"a token for another service", "/api/whoami", i.Token(i.Person("2.0", entra.Claims{"aud": "x"})), false, 401, false},
		{"off", "/api/whoami", "", true, 200, true},
	} {
		front.Off, got = c.off, nil
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil)
		r.Header.Set("X-MS-CLIENT-PRINCIPAL", "forged")
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || (got.Get(entra.PrincipalHeader) != "") != c.principal || !c.off && got.Get(entra.PrincipalHeader) == "forged" {
			t.Errorf("%s: %d, principal %q", c.name, w.Code, got.Get(entra.PrincipalHeader))
		}
	}
}

// Somebody signs in, is known, and signs out.
func TestFrontSignsIn(t *testing.T) {
	i := entra.Start(t, entra.Options{})
	front := &entra.Front{Issuer: i}
	front.SignsIn(entra.Claims{"oid": "o-1"})
	var got http.Header
	h := front.Before(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	send := func(path string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	in := send("/.auth/login/aad?post_login_redirect_uri=/console/approvals")
	if in.Header().Get("Location") != "/console/approvals" || len(in.Header()["Set-Cookie"]) != 1 {
		t.Fatalf("sign-in = %d %v", in.Code, in.Header())
	}
	cookie, err := http.ParseSetCookie(in.Header().Get("Set-Cookie"))
	if err != nil {
		t.Fatal(err)
	}
	if page := send("/console/approvals", cookie); page.Code != http.StatusOK || got.Get(entra.IDTokenHeader) == "" {
		t.Errorf("signed in = %d %v, want an ID token", page.Code, got)
	}
	if out := send("/.auth/logout?post_logout_redirect_uri=//evil.example", cookie); out.Header().Get("Location") != "/" {
		t.Errorf("sign-out leads to %q", out.Header().Get("Location"))
	}
	if page := send("/console/approvals", cookie); page.Code != http.StatusUnauthorized {
		t.Errorf("signed out = %d, want 401", page.Code)
	}
}
