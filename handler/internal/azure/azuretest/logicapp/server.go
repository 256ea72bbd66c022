package logicapp

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Path is where the trigger is.
const Path = "/workflows/0f/triggers/approval/paths/invoke"

// Options of a [Server].
type Options struct {
	// Authorize refuses a request by its token. nil takes any bearer token, and
	// no request without one.
	Authorize func(*http.Request) error
}

// Reply is how one request is answered. The zero Reply is 202.
type Reply struct {
	Status     int
	Code       string // of the body of a refusal
	RetryAfter string
	Location   string // of a redirect

	Hang bool // no answer until the caller leaves; the message is not taken
	Lost bool // the message is taken, and the connection is cut
	Late bool // the message is taken, and no answer comes until the caller leaves
}

// Message is one that the trigger took.
type Message struct {
	Header http.Header
	Body   map[string]any
}

// Text is a member of the body that is a text, "" for any other.
func (m *Message) Text(name string) string {
	s, _ := m.Body[name].(string)
	return s
}

// Server is one trigger. It is safe for concurrent use.
type Server struct {
	options Options
	http    *httptest.Server
	ended   chan struct{} // closed when the test is over: what hangs ends

	mu       sync.Mutex
	script   []Reply
	requests int
	messages []Message
}

// New starts a trigger that ends with the test.
func New(t testing.TB, o Options) *Server {
	s := &Server{options: o, ended: make(chan struct{})}
	s.http = httptest.NewServer(s)
	t.Cleanup(func() {
		close(s.ended)
		s.http.Close()
	})
	return s
}

// URL is the trigger's address, without a signature.
func (s *Server) URL() string { return s.http.URL + Path + "?api-version=2016-10-01" }

// Script adds replies to the next requests, one each. After the last one
// requests are answered with 202.
func (s *Server) Script(replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, replies...)
}

// Messages are those that were taken so far, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Requests is how many came, whatever became of them.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reply := s.next()
	if reply.Hang {
		s.hang(r)
	}
	if status, code := s.refusal(r); status != 0 {
		refuse(w, status, code)
		return
	}
	if reply.Status >= 300 {
		answer(w, reply)
		return
	}
	if err := s.take(r); err != nil {
		refuse(w, http.StatusBadRequest, "TriggerInputSchemaMismatch")
		return
	}
	switch {
	case reply.Late:
		s.hang(r)
	case reply.Lost:
		panic(http.ErrAbortHandler)
	}
	answer(w, reply)
}

func (s *Server) next() (reply Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if len(s.script) > 0 {
		reply, s.script = s.script[0], s.script[1:]
	}
	return reply
}

func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.ended:
	}
	panic(http.ErrAbortHandler)
}

// refusal is how a trigger with an authorization policy, and the signature
// switched off, refuses.
func (s *Server) refusal(r *http.Request) (status int, code string) {
	token := strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
	signed := r.URL.Query().Has("sig")
	switch {
	case r.URL.Path != Path:
		return http.StatusNotFound, "WorkflowNotFound"
	case r.Method != http.MethodPost || r.URL.Query().Get("api-version") == "":
		return http.StatusBadRequest, "InvalidRequest"
	case signed && token:
		return http.StatusUnauthorized, "DirectApiInvalidAuthorizationScheme"
	case signed || !token:
		return http.StatusUnauthorized, "DirectApiAuthorizationRequired"
	case s.options.Authorize != nil && s.options.Authorize(r) != nil:
		return http.StatusUnauthorized, "MisMatchingOAuthClaims"
	}
	return 0, ""
}

const maxBody = 4 << 20

func (s *Server) take(r *http.Request) error {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return err
	}
	m := Message{Header: r.Header.Clone()}
	if err := json.Unmarshal(text, &m.Body); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
	return nil
}

func answer(w http.ResponseWriter, r Reply) {
	if r.RetryAfter != "" {
		w.Header().Set("Retry-After", r.RetryAfter)
	}
	if r.Location != "" {
		w.Header().Set("Location", r.Location)
	}
	switch {
	case r.Status == 0:
		w.WriteHeader(http.StatusAccepted)
	case r.Status < 300:
		w.WriteHeader(r.Status)
	default:
		refuse(w, r.Status, r.Code)
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%q,"message":"as the test wants, and what was sent"}}`, code)
}
