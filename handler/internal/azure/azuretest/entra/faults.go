package entra

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Endpoint is a part of an [Issuer] that is counted and can fail.
type Endpoint string

// The endpoints of an issuer.
const (
	Discovery       Endpoint = "discovery"
	KeySet          Endpoint = "keys"
	TokenEndpoint   Endpoint = "token"
	ManagedIdentity Endpoint = "managed identity"
	Elsewhere       Endpoint = "elsewhere" // what an [Unconnected] issuer gets for other hosts
)

// Fault is how an endpoint answers wrongly.
type Fault uint8

// The faults. Those from WrongIssuer on are discovery's.
const (
	None           Fault = iota
	ServerError          // 500
	Page                 // 200 and HTML, as of a captive portal
	Hang                 // no answer until the caller leaves
	Truncated            // the body ends in its middle, and its length says so
	CutOff               // the body ends in its middle, and its length is that of the half
	Huge                 // JSON without an end
	Redirect             // to another host
	NoKeys               // a key set without keys
	NotFound             // 404
	WrongStatus          // 500 above the right body
	WrongIssuer          // another tenant's issuer
	TemplateIssuer       // the issuer that documents of no tenant name
	ForeignKeys          // jwks_uri at another host
	PlainKeys            // jwks_uri over http
)

// Break has an endpoint fail from now on; [None] mends it.
func (i *Issuer) Break(e Endpoint, f Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.faults[e] = f
}

// Requests counts what has arrived at an endpoint.
func (i *Issuer) Requests(e Endpoint) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests[e]
}

func (i *Issuer) fault(e Endpoint) Fault {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.faults[e]
}

func (i *Issuer) count(e Endpoint) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.requests[e]++
}

// failing says that whatever is answered failed.
type failing struct{ http.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (f failing) WriteHeader(int) { f.ResponseWriter.WriteHeader(http.StatusInternalServerError) }

// at counts, and fails if it is to.
func (i *Issuer) at(e Endpoint, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.requests[e]++
		fault := i.faults[e]
		i.mu.Unlock()
		if fault == WrongStatus {
			w = failing{w}
		}
		if !fault.spoil(w, r) {
			next(w, r)
		}
	}
}

// spoil reports whether the fault has answered, or will not.
func (f Fault) spoil(w http.ResponseWriter, r *http.Request) bool {
	switch f {
	case ServerError:
		answer(w, http.StatusInternalServerError, map[string]any{"error": "temporarily_unavailable"})
	case NotFound:
		answer(w, http.StatusNotFound, map[string]any{"error": "invalid_request"})
	case Page:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>Sign in to the network</title>")
	case Hang:
		<-r.Context().Done()
	case Truncated:
		w.Header().Set("Content-Length", "4000")
		_, _ = io.WriteString(w, `{"keys":[{"kty":"RSA",`)
	case CutOff:
		_, _ = io.WriteString(w, `{"keys":[{"kty":"RSA",`)
	case Huge:
		endless(w, r)
	case Redirect:
		if r.URL.RawQuery == "again" {
			return false // who follows gets what was asked for
		}
		http.Redirect(w, r, "https://evil.example"+r.URL.Path+"?again", http.StatusFound)
	case NoKeys:
		answer(w, http.StatusOK, map[string]any{"keys": []any{}})
	default:
		return false
	}
	return true
}

// endless writes until the other side has enough.
func endless(w http.ResponseWriter, r *http.Request) {
	_, err := io.WriteString(w, `{"keys":[`)
	for blanks := strings.Repeat(" ", 64<<10); err == nil && r.Context().Err() == nil; {
		_, err = io.WriteString(w, blanks)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
