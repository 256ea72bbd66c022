package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/policy"
)

// maxAnswer is the longest answer that the command line reads, in bytes.
const maxAnswer = 16 << 20

// apiClient calls a server's own API for commands of a person. The token may be
// "": then the caller is the developer of this machine.
type apiClient struct {
	http  *http.Client
	url   string
	token string
}

func newAPIClient(address, token string) (*apiClient, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usageError(fmt.Errorf("--url: %q is no address like http://127.0.0.1:7071", address))
	}
	return &apiClient{http: &http.Client{Timeout: 90 * time.Second}, url: strings.TrimSuffix(address, "/"), token: token}, nil
}

// as is the client with another caller.
func (c *apiClient) as(token string) *apiClient {
	other := *c
	other.token = token
	return &other
}

// refusedError is an answer of another status than the one wanted.
type refusedError struct {
	Status int
	Title  string
	Detail string
}

func (e *refusedError) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Title
	}
	return fmt.Sprintf("the server answers %d: %s", e.Status, policy.Visible(text))
}

// call sends a request with those headers, and reads an answer of status 2xx
// into answer. Any other is a [*refusedError].
func (c *apiClient) call(ctx context.Context, method, path string, body, answer any, headers ...string) error {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		reader = bytes.NewReader(text)
		headers = append(headers, "Content-Type", "application/json")
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, reader)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	if c.token != "" {
		headers = append(headers, "Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("is the server running? %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // what was read is judged
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode/100 != 2 {
		refused := &refusedError{}
		_ = json.Unmarshal(text, refused) // whatever it is, it is no success
		refused.Status = response.StatusCode
		return refused
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// mint signs a token of the local issuer for a person of the sample tenant, or
// of the tenant named.
func mint(e *environment, data, tenant, application, upn string, roles ...string) (string, error) {
	conf, err := readConfig(e.getenv)
	if err != nil {
		return "", err
	}
	if tenant == "" {
		tenant = sampleTenant()
	}
	token, err := embedded.NewIssuer(data, conf.scope, time.Now).Mint(embedded.TokenFor{
		Tenant: tenant, Application: application, UPN: upn, Roles: roles, Lifetime: time.Hour,
	})
	if err != nil {
		return "", errors.Join(fmt.Errorf("sign a token in %s", data), err)
	}
	return token, nil
}
