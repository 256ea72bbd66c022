package entra

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// managedIdentity is the endpoint that App Service gives a program, version
// 2019-08-01.
func (i *Issuer) managedIdentity(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	resource, client := query.Get("resource"), query.Get("client_id")
	switch {
	case r.Header.Get("X-IDENTITY-HEADER") != identitySecret || len(r.Header.Values("X-IDENTITY-HEADER")) != 1:
		answer(w, http.StatusUnauthorized, map[string]any{"statusCode": 401, "message": "Unauthorized"})
	case query.Get("api-version") != "2019-08-01" || resource == "" || strings.HasSuffix(resource, "/.default"):
		answer(w, http.StatusBadRequest, map[string]any{"statusCode": 400, "message": "Bad Request"})
	case client != "" && client != identityClient:
		answer(w, http.StatusBadRequest, map[string]any{"statusCode": 400, "message": "No MSI found for specified ClientId/ResourceId."})
	default:
		token, expires := i.mint(resource, i.options.IdentityRoles[resource])
		answer(w, http.StatusOK, map[string]any{
			"access_token": token, "expires_on": strconv.FormatInt(expires.Unix(), 10),
			"resource": resource, "token_type": "Bearer", "client_id": identityClient,
		})
	}
}

// token is the endpoint for client credentials, whatever the credential.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "client_credentials" || r.PostForm.Get("client_id") == "" ||
		r.PostForm.Get("client_secret") == "" && r.PostForm.Get("client_assertion") == "" {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "client credentials are needed"})
		return
	}
	for scope := range strings.FieldsSeq(r.PostForm.Get("scope")) {
		if resource, ok := strings.CutSuffix(scope, "/.default"); ok {
			token, expires := i.mint(resource, i.options.IdentityRoles[resource])
			answer(w, http.StatusOK, map[string]any{
				"access_token": token, "token_type": "Bearer", "expires_in": int(expires.Sub(i.options.Now()) / time.Second), "scope": scope,
			})
			return
		}
	}
	answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_scope", "error_description": "AADSTS70011"})
}

// mint is a token of the managed identity for a resource.
func (i *Issuer) mint(resource string, roles []string) (string, time.Time) {
	c := i.Application("1.0", Claims{"aud": resource, "appid": identityClient, "oid": identityObject, "sub": identityObject, "roles": roles, "uti": rand.Text()})
	if roles == nil {
		delete(c, "roles")
	}
	token := i.Token(c)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.secrets[token] = true
	return token, time.Unix(c["exp"].(int64), 0)
}

// IdentityClientID is the client id of the managed identity.
func IdentityClientID() string { return identityClient }

// Secrets are all tokens that the identity endpoints and credentials gave out:
// no log may hold one.
func (i *Issuer) Secrets() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := make([]string, 0, len(i.secrets))
	for s := range i.secrets {
		list = append(list, s)
	}
	return list
}

// Credential is the managed identity within this process. Unlike azidentity's,
// which keeps its tokens for as long as the process lives, it makes a new one
// each time. Its tokens carry the roles, and [Issuer.Break] of [ManagedIdentity] breaks it too.
func (i *Issuer) Credential(roles ...string) azcore.TokenCredential { return credential{i, roles} }

type credential struct {
	issuer *Issuer
	roles  []string
}

// GetToken implements [azcore.TokenCredential].
func (c credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if len(o.Scopes) != 1 || !strings.HasSuffix(o.Scopes[0], "/.default") {
		return azcore.AccessToken{}, fmt.Errorf("entra: scopes %q, want one that ends in /.default", o.Scopes)
	}
	i := c.issuer
	i.mu.Lock()
	i.requests[ManagedIdentity]++
	fault := i.faults[ManagedIdentity]
	i.mu.Unlock()
	switch fault {
	case None:
	case Hang:
		<-ctx.Done()
		return azcore.AccessToken{}, ctx.Err()
	default:
		return azcore.AccessToken{}, fmt.Errorf("entra: the identity endpoint is broken")
	}
	token, expires := i.mint(strings.TrimSuffix(o.Scopes[0], "/.default"), c.roles)
	return azcore.AccessToken{Token: token, ExpiresOn: expires}, nil
}
