package graph

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Options of a [Server].
type Options struct {
	// Authorize refuses a request by its token. nil takes any bearer token, and
	// no request without one.
	Authorize func(*http.Request) error
	PageSize  int // members of a page; 0 is 2
}

// Group is a group of the directory.
type Group struct {
	Name, Mail string
	Members    []User
}

// User is a member.
type User struct{ ID, UPN, Mail string }

// Reply takes the place of an answer.
type Reply struct {
	Status     int
	RetryAfter string
	Body       string // with 200
	Hang       bool   // no answer until the caller leaves
	Next       string // the page's own answer, with this for its next page
}

// Server is one directory. It is safe for concurrent use.
type Server struct {
	options Options
	http    *httptest.Server
	ended   chan struct{} // closed when the test is over: what hangs ends

	mu       sync.Mutex
	groups   map[string]Group
	script   []Reply
	requests int
}

// New starts a directory that ends with the test.
func New(t testing.TB, o Options) *Server {
	if o.PageSize == 0 {
		o.PageSize = 2
	}
	s := &Server{options: o, groups: map[string]Group{}, ended: make(chan struct{})}
	s.http = httptest.NewServer(s)
	t.Cleanup(func() {
		close(s.ended)
		s.http.Close()
	})
	return s
}

// Endpoint is the directory's address with its version.
func (s *Server) Endpoint() string { return s.http.URL + "/v1.0" }

// Set puts a group under its object id.
func (s *Server) Set(id string, g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[id] = g
}

// Script adds replies to the next requests, one each; the zero Reply is the
// directory's own answer.
func (s *Server) Script(replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, replies...)
}

// Requests is how many came.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	var reply Reply
	if len(s.script) > 0 {
		reply, s.script = s.script[0], s.script[1:]
	}
	s.mu.Unlock()
	switch token := r.Header.Get("Authorization"); {
	case !strings.HasPrefix(token, "Bearer ") || s.options.Authorize != nil && s.options.Authorize(r) != nil:
		refuse(w, http.StatusUnauthorized, "InvalidAuthenticationToken")
	case reply.Hang:
		select {
		case <-r.Context().Done():
		case <-s.ended:
		}
		panic(http.ErrAbortHandler)
	case reply.Status != 0:
		w.Header().Set("Retry-After", reply.RetryAfter)
		w.Header().Set("Location", "/v1.0/elsewhere")
		refuse(w, reply.Status, "AsTheTestWants")
	case reply.Body != "":
		_, _ = w.Write([]byte(reply.Body)) // the caller may be gone
	default:
		s.answer(w, r, reply.Next)
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, next string) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1.0/groups/"), "/")
	s.mu.Lock()
	g, ok := s.groups[parts[0]]
	s.mu.Unlock()
	switch {
	case !ok:
		refuse(w, http.StatusNotFound, "Request_ResourceNotFound")
	case len(parts) == 1:
		send(w, map[string]any{"id": parts[0], "displayName": g.Name, "mail": orNull(g.Mail)})
	case len(parts) == 3 && parts[1] == "transitiveMembers" && parts[2] == "microsoft.graph.user":
		if r.Header.Get("ConsistencyLevel") != "eventual" || r.URL.Query().Get("$count") != "true" {
			refuse(w, http.StatusBadRequest, "Request_UnsupportedQuery")
			return
		}
		s.page(w, r, g, next)
	default:
		refuse(w, http.StatusBadRequest, "BadRequest")
	}
}

func (s *Server) page(w http.ResponseWriter, r *http.Request, g Group, next string) {
	from, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken")) // "" is the beginning
	from = min(max(from, 0), len(g.Members))
	to := min(from+s.options.PageSize, len(g.Members))
	value := []map[string]any{}
	for _, u := range g.Members[from:to] {
		value = append(value, map[string]any{"id": u.ID, "userPrincipalName": orNull(u.UPN), "mail": orNull(u.Mail)})
	}
	out := map[string]any{"value": value}
	if to < len(g.Members) {
		query := r.URL.Query()
		query.Set("$skiptoken", strconv.Itoa(to))
		out["@odata.nextLink"] = s.http.URL + r.URL.Path + "?" + query.Encode()
	}
	if next != "" {
		out["@odata.nextLink"] = next
	}
	send(w, out)
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	send(w, map[string]any{"error": map[string]string{"code": code, "message": "what somebody wrote"}})
}

func send(w http.ResponseWriter, body any) {
	_ = json.NewEncoder(w).Encode(body) // the caller may be gone
}
