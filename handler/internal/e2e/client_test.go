package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// reply is what a server answered.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// call sends one request. Headers are written "Name: value"; Host sets the
// host, and a name with an empty value sends none of it.
func (s *server) call(ctx context.Context, method, path string, body []byte, headers ...string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		switch value = strings.TrimSpace(value); {
		case strings.EqualFold(name, "Host"):
			r.Host = value
		case value == "":
			r.Header.Del(name)
		default:
			r.Header.Set(name, value)
		}
	}
	response, err := s.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close() //nolint:errcheck // it was read to its end
	text, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, text}, err
}

// outcome is what the tests look at of an answer or a problem.
type outcome struct {
	Decision      string
	Execute       *bool
	NextStep      string
	UserMessage   string
	ReasonCode    string
	DecisionID    string
	CorrelationID string
	Approval      struct{ ID, Status string }
	Receipt       receipt
	Type          string
	Title         string
	Status        int
	Errors        []struct{ Pointer, Detail string }
}

type receipt struct {
	Segment string
	Seq     uint64
	Hash    string
}

func (r reply) outcome() (outcome, error) {
	var o outcome
	if err := json.Unmarshal(r.body, &o); err != nil {
		return o, fmt.Errorf("read the answer %d %s: %w", r.status, r.body, err)
	}
	return o, nil
}

// denies reports what a problem lacks of the contract's deny body; "" for
// nothing.
func (r reply) denies() string {
	o, err := r.outcome()
	switch {
	case err != nil:
		return err.Error()
	case o.Decision != "DENY" || o.Execute == nil || *o.Execute:
		return "it does not deny"
	case o.NextStep == "" || o.UserMessage == "" || o.CorrelationID == "" || o.Title == "":
		return "nextStep, userMessage, title or correlationId is empty"
	case o.Status != r.status || !strings.HasPrefix(o.Type, "urn:authorization-fabric:problem:"):
		return "status or type is wrong"
	case (r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable) && r.header.Get("Retry-After") == "":
		return "there is no Retry-After"
	case r.header.Get("Content-Type") != "application/json":
		return "the media type is " + r.header.Get("Content-Type")
	}
	return ""
}

// authorize sends one call that must reach the server.
func (s *server) authorize(t testing.TB, body string, headers ...string) reply {
	t.Helper()
	r, err := s.call(t.Context(), http.MethodPost, "/api/authorize", []byte(body), headers...)
	if err != nil {
		t.Fatalf("POST /api/authorize = %v", err)
	}
	return r
}

// get sends one GET that must reach the server.
func (s *server) get(t testing.TB, path string) reply {
	t.Helper()
	r, err := s.call(t.Context(), http.MethodGet, path, nil)
	if err != nil {
		t.Fatalf("GET %s = %v", path, err)
	}
	return r
}

// decide sends one call that must be decided like that.
func (s *server) decide(ctx context.Context, want, body string, headers ...string) (outcome, error) {
	r, err := s.call(ctx, http.MethodPost, "/api/authorize", []byte(body), headers...)
	if err != nil {
		return outcome{}, err
	}
	o, err := r.outcome()
	if err != nil || r.status != http.StatusOK || o.Decision != want {
		return o, fmt.Errorf("POST /api/authorize of %s = %d %s, want 200 %s", body, r.status, r.body, want)
	}
	return o, nil
}

// mustDecide is decide for the goroutine of a test.
func (s *server) mustDecide(t testing.TB, want, body string) outcome {
	t.Helper()
	o, err := s.decide(t.Context(), want, body)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Calls of the sample packs, one for each outcome.
func order(amount any) string {
	return fmt.Sprintf(`{"agentId":"finance-agent","userUPN":"ana@contoso.com","action":"CreatePO",`+
		`"resource":{"region":"EU","classification":"Internal"},"parameters":{"amount":%v,"currency":"EUR","vendor":"V-7"}}`, amount)
}

func vendor(id string) string {
	return fmt.Sprintf(`{"agentId":"finance-agent","userUPN":"ana@contoso.com","action":"ViewVendor",`+
		`"resource":{"id":%q,"region":"EU","classification":"Confidential"}}`, id)
}

func shell(command string) string {
	return fmt.Sprintf(`{"agentId":"ops-agent","userUPN":"olga@contoso.com","action":"bash",`+
		`"resource":{"id":"web-01"},"parameters":{"command":%q}}`, command)
}
