package gate_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/authorization-fabric/fabric/handler/gate"
)

// scripted answers one request after the other, the last one for ever, and
// remembers what it was asked. It is safe for concurrent use.
type scripted struct {
	mu      sync.Mutex
	replies []reply
	asked   []asked
}

type reply struct {
	status      int
	contentType string // "": application/json
	header      string // "Name: value" or ""
	body        string
	err         error // instead of everything else
}

type asked struct{ path, key, body, token string }

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, asked{r.URL.RequestURI(), r.Header.Get("Idempotency-Key"), string(body), r.Header.Get("Authorization")})
	next := s.replies[0]
	if len(s.replies) > 1 {
		s.replies = s.replies[1:]
	}
	if next.err != nil {
		return nil, next.err
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	if next.contentType != "" {
		w.Header().Set("Content-Type", next.contentType)
	}
	if name, value, ok := strings.Cut(next.header, ": "); ok {
		w.Header().Set(name, value)
	}
	w.WriteHeader(next.status)
	_, _ = io.WriteString(w, next.body)
	return w.Result(), nil
}

var errCut = errors.New("connection reset")

func newClient(t *testing.T, transport http.RoundTripper, o gate.Options) *gate.Client {
	t.Helper()
	o.Transport = transport
	c, err := gate.New("https://fabric.example", o)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	return c
}

// call is what the scripts answer.
var call = gate.Call{
	AgentID: "finance-agent", Action: "CreatePO", Resource: gate.Resource{ID: "PO-1001"},
	Parameters: map[string]any{"amount": 70000}, CorrelationID: "c-1",
}

const decisionID = "01JD0000000000000000000000"

// answerBody is an answer in the contract's form.
func answerBody(decision string, execute bool, approval string) string {
	status := ""
	if approval != "" {
		status = "pending"
	}
	return fmt.Sprintf(`{"decision":%q,"execute":%t,"nextStep":"run","userMessage":"m","reasonCode":"ok","reason":"r","advice":[],`+
		`"decisionId":"`+decisionID+`","correlationId":"c-1","policyIds":[],"policy":{},"identity":"none","requestDigest":"","effectiveParameters":{"amount":50000},`+
		`"obligations":[{"type":"mask","path":"output.iban","method":"last4"}],"approval":%s,"alternatives":[],"grant":"g","receipt":{},"evaluatedAt":"","warnings":[],"trace":[]}`,
		decision, execute, approvalBody(approval, status))
}

func approvalBody(id, status string) string {
	final := status != "" && status != "pending" && status != "approved"
	return fmt.Sprintf(`{"id":%q,"status":%q,"final":%t,"triggers":[],"statusUrl":"","pollAfterSeconds":30,"approveBy":"2026-11-21T20:00:00.000Z","executeBy":"","comment":"","requirements":[]}`,
		id, status, final)
}

var (
	allowed  = reply{status: 200, body: answerBody("ALLOW", true, "")}
	masked   = reply{status: 200, body: answerBody("MASK", true, "")}
	denied   = reply{status: 200, body: answerBody("DENY", false, "")}
	waits    = reply{status: 200, body: answerBody("REQUIRE_APPROVAL", false, "apr_x-1")}
	pending  = reply{status: 200, body: approvalBody("apr_x-1", "pending")}
	approved = reply{status: 200, body: approvalBody("apr_x-1", "approved")}
	recorded = reply{status: 202, body: `{}`}
)
