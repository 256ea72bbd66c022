package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// Lack is something a service that is not ready lacks.
type Lack struct {
	Component string `json:"component"`
	Detail    string `json:"detail"`
	Warning   bool   `json:"-"` // somebody must look, and decisions go on
}

// Root is GET /: the host's readiness probe. It is never logged.
func Root() Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ identity.Principal) error {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}

// Live is GET /api/health/live.
func Live() Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ identity.Principal) error {
		writeBody(w, http.StatusOK, jsonType, []byte(`{"live":true}`))
		return nil
	}
}

// Ready is GET /api/health/ready: 200, or 503; with all that is lacking, also
// what is only a warning. Check
// must answer from what is known, fast and without effects.
func Ready(check func(context.Context) []Lack) Handler {
	return func(w http.ResponseWriter, r *http.Request, _ identity.Principal) error {
		lacks := check(r.Context())
		ready := !slices.ContainsFunc(lacks, func(l Lack) bool { return !l.Warning })
		body, err := json.Marshal(struct {
			Ready   bool   `json:"ready"`
			Missing []Lack `json:"missing"`
		}{ready, notNil(lacks)})
		if err != nil {
			return err
		}
		status := http.StatusOK
		if !ready {
			status = http.StatusServiceUnavailable
			w.Header().Set("Retry-After", "5")
		}
		writeBody(w, status, jsonType, body)
		return nil
	}
}

// OpenAPI is GET /api/openapi.json: the document, made at start.
func OpenAPI(document []byte) Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ identity.Principal) error {
		writeBody(w, http.StatusOK, jsonType, document)
		return nil
	}
}

// notNil is list, never nil, so that it encodes as [].
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
