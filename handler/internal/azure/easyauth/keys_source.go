package easyauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/MicahParks/jwkset"

	"github.com/authorization-fabric/fabric/handler/internal/azure"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	maxDiscovery = 64 << 10  // bytes
	maxKeySet    = 512 << 10 // bytes; Entra's certificates make it some 20 KiB
)

// source is where one tenant's keys are published.
type source struct {
	tenant    string
	authority string
	http      *http.Client
}

// issuer is what version 2 tokens of the tenant name, and its documents too.
func (s *source) issuer() string { return s.authority + "/" + s.tenant + "/v2.0" }

// fetch reads both documents. Errors hold nothing of what was read.
func (s *source) fetch(ctx context.Context) (map[string]jwkset.JWK, error) {
	address, err := s.discover(ctx)
	if err != nil {
		return nil, fmt.Errorf("discovery document: %w", err)
	}
	document, err := s.get(ctx, address, maxKeySet)
	if err != nil {
		return nil, fmt.Errorf("key document: %w", err)
	}
	keys := keysOf(document, s.issuer(), s.tenant)
	if len(keys) == 0 {
		return nil, errors.New("key document: no key in it may sign tokens")
	}
	return keys, nil
}

// discover is the address of the keys. A document that speaks of another
// tenant, or that leads elsewhere, is not the one that was asked for.
func (s *source) discover(ctx context.Context) (string, error) {
	document, err := s.get(ctx, s.issuer()+"/.well-known/openid-configuration", maxDiscovery)
	if err != nil {
		return "", err
	}
	if !strings.EqualFold(document.Get("issuer").Text(), s.issuer()) {
		return "", errors.New("another issuer than " + s.issuer())
	}
	address := document.Get("jwks_uri").Text()
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || "https://"+u.Host != s.authority || u.User != nil {
		return "", errors.New("jwks_uri is not on the authority's host")
	}
	return address, nil
}

// get reads one JSON object, within bounds of bytes and, by ctx, of time.
func (s *source) get(ctx context.Context, address string, most int64) (strictjson.Value, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return strictjson.Value{}, errors.New("no address")
	}
	r.Header.Set("Accept", "application/json")
	response, err := s.http.Do(r)
	if err != nil {
		return strictjson.Value{}, azure.Cause(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		return strictjson.Value{}, &azure.StatusError{Status: response.StatusCode}
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return strictjson.Value{}, fmt.Errorf("it breaks off: %w", err)
	case int64(len(text)) > most:
		return strictjson.Value{}, errors.New("it is too large")
	}
	v, err := strictjson.Parse(text, strictjson.Limits{Depth: 16, Names: 8000})
	if err != nil || v.Kind() != strictjson.Object {
		return strictjson.Value{}, errors.New("it is no JSON object")
	}
	return v, nil
}
