package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

func TestAuthorize(t *testing.T) {
	decider := &ledger{}
	server := newTestServer(t, decider, EdgeOptions{})
	got := server.post(t, strings.Replace(goodBody, "70000", "50000", 1), "Authorization", "flow", "Idempotency-Key", "k-1")
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" || got.header.Get("Cache-Control") != "no-store" ||
		!bytes.HasPrefix(got.body, []byte(`{"decision":"ALLOW","execute":true,"nextStep":"run",`)) {
		t.Errorf("POST /api/authorize = %d %v %s, want ALLOW", got.status, got.header, got.body)
	}
	asked := decider.calls[0]
	if asked.principal.Application != "flow" || asked.call != (authorize.Call{Door: authorize.DoorAuthorize, Mode: authorize.Enforce, IdempotencyKey: "k-1"}) {
		t.Errorf("Decide() was asked by %v with %v", asked.principal, asked.call)
	}
}

// Always 200 for a decision, DENY included.
func TestADenialIsADecision(t *testing.T) {
	got := newTestServer(t, &ledger{}, EdgeOptions{}).post(t, goodBody)
	if got.status != http.StatusOK || !bytes.HasPrefix(got.body, []byte(`{"decision":"DENY","execute":false,"nextStep":"stop",`)) {
		t.Errorf("POST /api/authorize = %d %s, want 200 and DENY", got.status, got.body)
	}
}

// trace: for Fabric.Auditor, in local mode for anybody, and only when asked for.
func TestTraceIsForWhoMaySeeIt(t *testing.T) {
	for _, c := range []struct {
		name, query, as string
		local           bool
		want            bool
	}{
		{"auditor who asks", "?trace=1", "audi", false, true},
		{"auditor who does not", "", "audi", false, false},
		{"auditor with another value", "?trace=0", "audi", false, false},
		{"not an auditor", "?trace=1", "flow", false, false},
		{"anybody in local mode", "?x=y&trace=1", "flow", true, true},
	} {
		decider := &ledger{}
		server := newTestServer(t, decider, EdgeOptions{Loopback: c.local})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/api/authorize"+c.query, strings.NewReader(goodBody))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", c.as)
		got := server.do(r)
		if traced := !bytes.HasSuffix(got.body, []byte(`"trace":[]}`)); traced != c.want || decider.calls[0].call.Trace != c.want {
			t.Errorf("%s: trace in the answer %v, asked for %v, want %v", c.name, traced, decider.calls[0].call.Trace, c.want)
		}
	}
}

func TestIdempotencyKey(t *testing.T) {
	for _, c := range []struct {
		values []string
		status int
		want   string
	}{
		{nil, 200, ""},
		{[]string{""}, 200, ""},
		{[]string{"run-17-Authorize"}, 200, "run-17-Authorize"},
		{[]string{strings.Repeat("k", 128)}, 200, strings.Repeat("k", 128)},
		{[]string{strings.Repeat("k", 129)}, 400, ""},
		{[]string{"a b"}, 400, ""},
		{[]string{"é"}, 400, ""},
		{[]string{"a", "a"}, 400, ""},
	} {
		decider := &ledger{}
		server := newTestServer(t, decider, EdgeOptions{})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/authorize", strings.NewReader(goodBody))
		r.Header.Set("Content-Type", "application/json")
		r.Header["Idempotency-Key"] = c.values
		got := server.do(r)
		if got.status != c.status {
			t.Errorf("Idempotency-Key %.40q: status %d, want %d", c.values, got.status, c.status)
		} else if c.status == 200 && decider.calls[0].call.IdempotencyKey != c.want {
			t.Errorf("Idempotency-Key %.40q reached Decide as %q", c.values, decider.calls[0].call.IdempotencyKey)
		}
	}
}

// 415: application/json, charset utf-8 or none.
func TestMediaTypes(t *testing.T) {
	server := newTestServer(t, &ledger{}, EdgeOptions{Rate: 1e6, Burst: 1e6})
	for contentType, want := range map[string]int{
		"application/json":                     200,
		"application/json; charset=utf-8":      200,
		"application/json;charset=UTF-8":       200,
		`Application/JSON; charset="utf-8"`:    200,
		"application/json; odata=verbose":      200,
		"application/json; charset=iso-8859-1": 415,
		"application/json; charset=utf-16":     415,
		"application/json; charset=":           415,
		"application/json; charset":            415,
		"application/json, application/json":   415,
		"application/problem+json":             415,
		"application/jsonx":                    415,
		"text/json":                            415,
		"text/plain":                           415,
		"application/x-www-form-urlencoded":    415,
		"application/octet-stream":             415,
		"*/*":                                  415,
		"":                                     415,
	} {
		got := server.post(t, goodBody, "Content-Type", contentType)
		if got.status != want {
			t.Errorf("Content-Type %q: status %d, want %d", contentType, got.status, want)
		}
		if want == 415 {
			if p := got.problem(t); p.Type != typePrefix+"media-type" || len(p.Errors) == 0 {
				t.Errorf("Content-Type %q: problem %v", contentType, p)
			}
		}
	}
	for name, header := range map[string]http.Header{
		"none":         {},
		"twice":        {"Content-Type": {"application/json", "application/json"}},
		"content code": {"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/authorize", strings.NewReader(goodBody))
		r.Header = header
		if got := server.do(r); got.status != 415 {
			t.Errorf("Content-Type %s: status %d, want 415", name, got.status)
		}
	}
}

// 413: over 256 KiB, announced or not.
func TestBodySize(t *testing.T) {
	for _, c := range []struct {
		size    int
		chunked bool
		want    int
	}{
		{MaxBody, false, 200},
		{MaxBody, true, 200},
		{MaxBody + 1, false, 413},
		{MaxBody + 1, true, 413},
		{4 * MaxBody, true, 413},
	} {
		body := strings.Replace(goodBody, "free text", strings.Repeat("x", c.size-len(goodBody)+len("free text")), 1)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/authorize", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if c.chunked {
			r.ContentLength = -1
		}
		got := newTestServer(t, &ledger{}, EdgeOptions{}).do(r)
		if got.status != c.want {
			t.Errorf("%d bytes, chunked %v: status %d, want %d", c.size, c.chunked, got.status, c.want)
		}
		if c.want == 413 {
			if p := got.problem(t); p.Type != typePrefix+"too-large" || len(p.Errors) == 0 {
				t.Errorf("%d bytes: problem %v", c.size, p)
			}
		}
	}
}

// Not a decision: each error has its status, denies, and tells no more than it
// should.
func TestErrorsBecomeProblems(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		retry  string
		next   string
		detail string
	}{
		{"audit down", fmt.Errorf("decide: %w", &authorize.UnavailableError{Component: "audit", RetryAfter: 1500 * time.Millisecond, Err: errors.New("disk secret full")}), 503, "2", "retry", "Audit is not available."},
		{"policy never loaded", &authorize.UnavailableError{Component: "policy"}, 503, "2", "retry", "Policy is not available."},
		{"too late", context.DeadlineExceeded, 503, "2", "retry", "The decision was not made in time."},
		{"caller gone", fmt.Errorf("x: %w", context.Canceled), 503, "2", "retry", "The decision was not made in time."},
		{"anything else", errors.New("secret: index 7 of table users"), 503, "2", "retry", Unavailable.Title},
		{"not found", &Problem{Kind: NotFound}, 404, "", "fix", NotFound.Title},
		{"conflict", &Problem{Kind: Conflict, ApprovalStatus: "expired"}, 409, "", "fix", Conflict.Title},
		{"rate", &Problem{Kind: Rate, RetryAfter: time.Millisecond}, 429, "1", "retry", Rate.Title},
		{"identity", &identity.UnauthenticatedError{Reason: "the token has expired"}, 401, "", "fix", "The token has expired."},
	} {
		got := newTestServer(t, &ledger{fail: c.err}, EdgeOptions{}).post(t, goodBody)
		p := got.problem(t)
		if got.status != c.status || got.header.Get("Retry-After") != c.retry || p.NextStep != c.next || p.Detail != c.detail {
			t.Errorf("%s: %d, Retry-After %q, nextStep %q, detail %q, want %d, %q, %q, %q",
				c.name, got.status, got.header.Get("Retry-After"), p.NextStep, p.Detail, c.status, c.retry, c.next, c.detail)
		}
		if p.CorrelationID != "c-1" {
			t.Errorf("%s: correlation id %q, want the body's", c.name, p.CorrelationID)
		}
		if bytes.Contains(got.body, []byte("secret")) {
			t.Errorf("%s: the answer tells %s", c.name, got.body)
		}
		if c.status == 409 && p.ApprovalStatus != "expired" {
			t.Errorf("%s: approval status %q, want expired", c.name, p.ApprovalStatus)
		}
	}
}

// FR17: only application/json arrives as JSON in a flow.
func TestProblemsAreJSONUnlessAskedOtherwise(t *testing.T) {
	statuses := map[int]func(header ...string) answer{
		400: func(h ...string) answer { return newTestServer(t, &ledger{}, EdgeOptions{}).post(t, `{"x":1}`, h...) },
		401: func(h ...string) answer {
			return newTestServer(t, &ledger{}, EdgeOptions{}).post(t, goodBody, append(h, "Authorization", "stranger")...)
		},
		403: func(h ...string) answer {
			return newTestServer(t, &ledger{}, EdgeOptions{}).post(t, goodBody, append(h, "Authorization", "bare")...)
		},
		404: func(h ...string) answer { return newTestServer(t, &ledger{}, EdgeOptions{}).get(t, "/nowhere", h...) },
		413: func(h ...string) answer {
			return newTestServer(t, &ledger{}, EdgeOptions{}).post(t, strings.Repeat(" ", MaxBody+1), h...)
		},
		415: func(h ...string) answer {
			return newTestServer(t, &ledger{}, EdgeOptions{}).post(t, goodBody, append(h, "Content-Type", "text/plain")...)
		},
		429: func(h ...string) answer {
			server := newTestServer(t, &ledger{}, EdgeOptions{Rate: 1, Burst: 1})
			server.post(t, goodBody)
			return server.post(t, goodBody, h...)
		},
		503: func(h ...string) answer {
			return newTestServer(t, &ledger{fail: errors.New("x")}, EdgeOptions{}).post(t, goodBody, h...)
		},
	}
	for status, call := range statuses {
		for accept, want := range map[string]string{
			"":                         "application/json",
			"*/*":                      "application/json",
			"application/json":         "application/json",
			"application/*":            "application/json",
			"application/problem+json": "application/problem+json",
			"text/html, Application/Problem+JSON;q=0.5": "application/problem+json",
			"application/problem+json;q=0":              "application/json",
			"application/problem+json; v=1; q=0.000":    "application/json",
			"application/problem+jsonx":                 "application/json",
		} {
			header := []string{"Accept", accept}
			if accept == "" {
				header = nil
			}
			got := call(header...)
			if got.status != status || got.header.Get("Content-Type") != want {
				t.Errorf("Accept %q: %d %q, want %d %q", accept, got.status, got.header.Get("Content-Type"), status, want)
			}
			got.problem(t)
		}
	}
}

// The decision line: a stable schema, and nothing of parameters, context,
// users or resource ids in it.
func TestDecisionLine(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	server := newTestServer(t, &ledger{}, EdgeOptions{Log: log, NewID: func() string { return "x" }})
	server.post(t, goodBody, "Authorization", "flow")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("log %q: %v", out.Bytes(), err)
	}
	want := map[string]any{
		"msg": "decision", "level": "INFO", "schema": 1.0, "segment": "", "seq": 0.0, "decisionId": "01JD", "correlationId": "c-1",
		"environment": "", "door": "authorize", "mode": "enforce", "tenantId": "t", "application": "flow", "identity": "none",
		"agentId": "finance-agent", "action": "CreatePO", "resourceType": "PurchaseOrder", "decision": "DENY",
		"reasonCode": "entitlement.none", "epoch": 0.0, "stale": false, "requestDigest": "",
		"approvalId": "", "approvalStatus": "",
	}
	for name, value := range want {
		if line[name] != value {
			t.Errorf("%s = %v, want %v", name, line[name], value)
		}
	}
	if ids, ok := line["policyIds"].([]any); !ok || len(ids) != 0 {
		t.Errorf("policyIds = %v, want []", line["policyIds"])
	}
	if len(line) != len(want)+3 { // time, policyIds and latencyUs
		t.Errorf("the line has %d members, want %d: %s", len(line), len(want)+3, out.Bytes())
	}
	for _, value := range []string{"70000", "EUR", "ana@", "cccccccc", "PO-1001", "Hamburg", "free text", "medium", "t-1"} {
		if strings.Contains(out.String(), value) {
			t.Errorf("the line holds %q: %s", value, out.String())
		}
	}
}
