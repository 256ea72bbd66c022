package httpapi

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// Local mode: every route demands a Host of this machine.
func TestHosts(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:7071": true, "localhost:80": true, "127.0.0.1": true, "127.0.0.1:7071": true, "[::1]": true, "[::1]:7071": true,
		"": false, "example.com": false, "localhost.example.com": false, "127.0.0.1.example.com": false, "127.0.0.2": false, "0.0.0.0:7071": false,
		"::1": false, "[::1]x": false, "localhost:": false, "localhost:a": false, "localhost:1:2": false, "[::]:7071": false, "2130706433": false, "localhost.": false,
		"127.1": false, "user@localhost": false, "localhost:123456": false, "[::ffff:127.0.0.1]": false,
	} {
		if got := isLocalHost(host); got != want {
			t.Errorf("isLocalHost(%q) = %v, want %v", host, got, want)
		}
	}
	for _, target := range []string{"/", "/api/health/live", "/api/authorize", "/nowhere"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		r.Host = "rebound.example"
		got := newTestServer(t, &ledger{}, EdgeOptions{Loopback: true}).do(r)
		if got.status != http.StatusForbidden {
			t.Errorf("GET %s with a foreign Host: %d, want 403", target, got.status)
		}
		got.problem(t)
		if got := newTestServer(t, &ledger{}, EdgeOptions{}).do(r); got.status == http.StatusForbidden {
			t.Errorf("GET %s behind the host: %d, where the Host header means nothing", target, got.status)
		}
	}
}

// Local mode: no web page that a browser has open can post here.
func TestCrossOrigin(t *testing.T) {
	for _, c := range []struct {
		name, header, value string
		want                int
	}{
		{"no browser", "", "", 200},
		{"same origin", "Sec-Fetch-Site", "same-origin", 200},
		{"typed by the user", "Sec-Fetch-Site", "none", 200},
		{"another site", "Sec-Fetch-Site", "cross-site", 403},
		{"another port", "Sec-Fetch-Site", "same-site", 403},
		{"older browser, another origin", "Origin", "https://evil.example", 403},
		{"sandboxed page", "Origin", "null", 403},
		{"older browser, same origin", "Origin", "http://localhost", 200},
	} {
		server := newTestServer(t, &ledger{}, EdgeOptions{Loopback: true})
		var header []string
		if c.header != "" {
			header = []string{c.header, c.value}
		}
		if got := server.post(t, goodBody, header...); got.status != c.want {
			t.Errorf("%s: %d, want %d", c.name, got.status, c.want)
		}
	}
}

// A method or path that is not listed is a 404, as behind the host: never a
// 405, never a redirect.
func TestWhatIsNotARoute(t *testing.T) {
	server := newTestServer(t, &ledger{}, EdgeOptions{})
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 204},
		{"GET", "/api/health/live", 200},
		{"HEAD", "/", 404},
		{"POST", "/", 404},
		{"OPTIONS", "/", 404},
		{"PURGE", "/", 404},
		{"GET", "/api/authorize", 404},
		{"PUT", "/api/authorize", 404},
		{"HEAD", "/api/authorize", 404},
		{"OPTIONS", "/api/authorize", 404},
		{"POST", "/api/authorize/", 404},
		{"POST", "/API/authorize", 404},
		{"POST", "//api/authorize", 404},
		{"POST", "/api//authorize", 404},
		{"POST", "/api/./authorize", 404},
		{"POST", "/x/../api/authorize", 404},
		{"POST", "/authorize", 404},
		{"GET", "/api/health/live/", 404},
		{"GET", "/.env", 404},
		{"GET", "/api/authorize%2F", 404},
		{"CONNECT", "/", 404},
	} {
		got := server.do(httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader("{}")))
		if got.status != c.want || got.header.Get("Location") != "" || got.header.Get("Allow") != "" {
			t.Errorf("%s %s: %d %v, want %d", c.method, c.path, got.status, got.header, c.want)
		}
		if c.want == 404 && c.method != "HEAD" {
			got.problem(t)
		}
	}
}

// 401 for nobody, before anything is read; 403 for who lacks the role, and
// that is recorded before it is answered.
func TestIdentityAndRoles(t *testing.T) {
	decider := &ledger{}
	server := newTestServer(t, decider, EdgeOptions{})
	got := server.post(t, "not even JSON", "Authorization", "stranger")
	if p := got.problem(t); got.status != 401 || got.header.Get("WWW-Authenticate") != "Bearer" || p.CorrelationID != "made" {
		t.Errorf("stranger: %d %v, want 401", got.status, got.header)
	}
	if len(server.refusals) != 0 {
		t.Errorf("a stranger was recorded: %v", server.refusals)
	}
	got = server.post(t, goodBody, "Authorization", "bare")
	got.problem(t)
	want := Refusal{Route: "POST /api/authorize", Roles: []string{identity.RoleAuthorize}, CorrelationID: "made"}
	if got.status != 403 || len(server.refusals) != 1 || !slices.Equal(server.refusals[0].Roles, want.Roles) ||
		server.refusals[0].Route != want.Route || server.refusals[0].CorrelationID != want.CorrelationID {
		t.Errorf("without the role: %d, recorded %v, want 403, %v", got.status, server.refusals, want)
	}
	if len(decider.calls) != 0 {
		t.Errorf("the decider was asked %d times", len(decider.calls))
	}
}

func TestARefusalThatCannotBeRecordedIsUnavailable(t *testing.T) {
	record := func(context.Context, identity.Principal, Refusal) error {
		return &authorize.UnavailableError{Component: "audit"}
	}
	edge := NewEdge(principals, record, EdgeOptions{})
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/authorize", nil)
	r.Header.Set("Authorization", "bare")
	edge.Front(testRoutes(edge, &ledger{}, AuthorizeOptions{})).ServeHTTP(w, r)
	if w.Code != 503 {
		t.Errorf("unrecorded refusal: %d, want 503", w.Code)
	}
}

// Limits: a token bucket for each application; who is over it hurts nobody else.
func TestRateLimit(t *testing.T) {
	now := decidedAt
	server := newTestServer(t, &ledger{}, EdgeOptions{Rate: 2, Burst: 3, Now: func() time.Time { return now }})
	statuses := func(as string, n int) (list []int) {
		for range n {
			list = append(list, server.post(t, goodBody, "Authorization", as).status)
		}
		return list
	}
	if got := statuses("flow", 5); !slices.Equal(got, []int{200, 200, 200, 429, 429}) {
		t.Errorf("five at once: %v", got)
	}
	if got := statuses("audi", 1); !slices.Equal(got, []int{200}) {
		t.Errorf("another application: %v", got)
	}
	now = now.Add(time.Second)
	if got := statuses("flow", 3); !slices.Equal(got, []int{200, 200, 429}) {
		t.Errorf("a second later: %v", got)
	}
	if got := server.post(t, goodBody, "Authorization", "flow"); got.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After = %q, want 1", got.header.Get("Retry-After"))
	}
}

// The table of buckets is bounded, and a caller in use keeps its bucket.
func TestBucketsAreBounded(t *testing.T) {
	b := newBuckets(1, 1, func() time.Time { return decidedAt })
	b.take("busy")
	for i := range 3 * maxBuckets {
		b.take(strconv.Itoa(i))
		if i%100 == 0 {
			if _, ok := b.take("busy"); ok {
				t.Fatalf("after %d other callers the busy one has a full bucket", i)
			}
		}
	}
	if n := len(b.current) + len(b.previous); n > 2*maxBuckets {
		t.Errorf("%d buckets, want at most %d", n, 2*maxBuckets)
	}
}

// A panic denies, is logged, and leaves the server alive.
func TestPanicsDeny(t *testing.T) {
	var out bytes.Buffer
	metrics := &Metrics{}
	server := newTestServer(t, &ledger{panics: true}, EdgeOptions{Log: slog.New(slog.NewJSONHandler(&out, nil)), Metrics: metrics})
	got := server.post(t, goodBody)
	if p := got.problem(t); got.status != 503 || p.NextStep != "retry" || bytes.Contains(got.body, []byte("fire")) {
		t.Errorf("after a panic: %d %s, want 503 that tells nothing", got.status, got.body)
	}
	for _, want := range []string{`"msg":"panic"`, "the ledger is on fire", `"correlationId":"made"`, "stack"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %s: %s", want, out.String())
		}
	}
	if text := string(metrics.appendText(nil)); !strings.Contains(text, "fabric_panics_total 1\n") || !strings.Contains(text, "fabric_requests_in_flight 0\n") {
		t.Errorf("metrics after a panic: %s", text)
	}
}

// What is wrong with a body is not logged, for its details name what was sent;
// our own failures are.
func TestProblemsInTheLog(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	newTestServer(t, &ledger{}, EdgeOptions{Log: log}).post(t, `{"inject\r\n\u001b[31m":1}`)
	if text := out.String(); strings.Contains(text, "inject") || !strings.Contains(text, `"problem":"malformed"`) {
		t.Errorf("log of a malformed body: %s", text)
	}
	out.Reset()
	newTestServer(t, &ledger{fail: errors.New("disk 7 is full")}, EdgeOptions{Log: log}).post(t, goodBody)
	if text := out.String(); !strings.Contains(text, "disk 7 is full") || !strings.Contains(text, `"level":"ERROR"`) || !strings.Contains(text, `"correlationId":"c-1"`) {
		t.Errorf("log of a failure: %s", text)
	}
}

func TestMetrics(t *testing.T) {
	metrics := &Metrics{}
	server := newTestServer(t, &ledger{}, EdgeOptions{Metrics: metrics})
	server.post(t, goodBody)
	server.post(t, strings.Replace(goodBody, "70000", "1", 1))
	server.post(t, "{}")
	got := server.get(t, "/api/health/metrics")
	for _, want := range []string{
		"fabric_requests_total 4\n", "fabric_requests_in_flight 1\n", `fabric_decisions_total{decision="ALLOW"} 1` + "\n", `fabric_decisions_total{decision="DENY"} 1` + "\n",
		`fabric_problems_total{problem="malformed"} 1` + "\n", "fabric_decision_seconds_count 2\n",
	} {
		if !strings.Contains(string(got.body), want) {
			t.Errorf("metrics lack %q: %s", want, got.body)
		}
	}
	if !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("Content-Type = %q", got.header.Get("Content-Type"))
	}
}
