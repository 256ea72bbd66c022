package cosmosserver

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Options of a [Server]. The zero Options are an account that takes any token.
type Options struct {
	// Authorize refuses a request whose token is none; nil takes any.
	Authorize func(*http.Request) error
}

// Server is the account. It is safe for concurrent use.
type Server struct {
	URL string // the endpoint

	options Options
	http    *httptest.Server

	mu        sync.Mutex
	script    func(Call) Fault     // guarded by mu
	calls     []Call               // guarded by mu
	late      []func()             // guarded by mu; what has not taken effect yet
	account   Account              // guarded by mu
	databases map[string]*database // guarded by mu
	clock     func() time.Time     // guarded by mu
	etags     int                  // guarded by mu; how many were given
}

// Account is what the account says of itself.
type Account struct {
	WriteRegions []Region
	ReadRegions  []Region // nil: the write regions
	MultiWrite   bool     // enableMultipleWriteLocations
	Consistency  string   // "": Session
}

// Region is a region of the account; Endpoint "" is this server's.
type Region struct{ Name, Endpoint string }

// New starts a server, which ends with the test.
func New(t testing.TB, o Options) *Server {
	s := &Server{options: o, databases: map[string]*database{}, clock: time.Now}
	s.account.WriteRegions = []Region{{Name: "West Europe"}}
	s.http = httptest.NewServer(s)
	s.URL = s.http.URL
	t.Cleanup(func() {
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// Make makes a database with containers whose partition key is /pk and whose
// time to live is on with no default, as the deployment does.
func (s *Server) Make(name string, containers ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	db := &database{containers: map[string]*container{}}
	for _, c := range containers {
		db.containers[c] = newContainer(c)
	}
	s.databases[name] = db
}

// Script asks f what goes wrong with each call from now on; nil: nothing.
func (s *Server) Script(f func(Call) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = f
}

// Calls are all requests so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[:len(s.calls):len(s.calls)]
}

// SetAccount changes what the account says.
func (s *Server) SetAccount(a Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account = a
}

// SetClock is the service's clock, by which items expire.
func (s *Server) SetClock(now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = now
}

// Hold stops the replica that answers reads and queries where it is; writes go
// on elsewhere. Release lets it catch up.
func (s *Server) Hold() { s.holdAll(true) }

// Release undoes [Server.Hold].
func (s *Server) Release() { s.holdAll(false) }

func (s *Server) holdAll(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, db := range s.databases {
		for _, c := range db.containers {
			c.hold(on)
		}
	}
}

// Land lets what is [Later] take effect, in its order.
func (s *Server) Land() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, apply := range s.late {
		apply()
	}
	s.late = nil
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return // the client went
	}
	q := &request{Request: r, body: body}
	if refused := q.parse(); refused != nil {
		refused.write(w)
		return
	}
	f := s.note(q.Call)
	if !pause(r, f.Delay) {
		return
	}
	answer := s.take(q, f.Effect)
	switch {
	case f.Hang:
		<-r.Context().Done()
	case f.Status != 0:
		f.refuse(w)
	case f.Reset || f.Effect != AtOnce:
		reset(w)
	case f.Torn:
		w.Header().Set("Content-Length", "100000")
		answer.write(w)
		reset(w)
	default:
		answer.write(w)
	}
}

// note records a call and asks the script.
func (s *Server) note(c Call) Fault {
	s.mu.Lock()
	s.calls = append(s.calls, c)
	script := s.script
	s.mu.Unlock()
	if script == nil {
		return Fault{}
	}
	return script(c)
}

// take lets a call take effect when it shall.
func (s *Server) take(q *request, e Effect) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e {
	case Never:
		return nil
	case Later:
		s.late = append(s.late, func() { s.serve(q) })
		return nil
	case AtOnce:
	}
	return s.serve(q)
}

// answer is a response of the service.
type answer struct {
	status    int
	substatus string
	header    map[string]string
	body      []byte
}

func refusal(status int, substatus, message string) *answer {
	body, _ := json.Marshal(map[string]string{"code": http.StatusText(status), "message": message})
	return &answer{status: status, substatus: substatus, body: body}
}

func refuse(w http.ResponseWriter, status int, substatus, message string) {
	refusal(status, substatus, message).write(w)
}

func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Ms-Activity-Id", "11111111-2222-3333-4444-555555555555")
	h.Set("X-Ms-Request-Charge", "1")
	for name, value := range a.header {
		h.Set(name, value)
	}
	if a.substatus != "" {
		h.Set("X-Ms-Substatus", a.substatus)
	}
	w.WriteHeader(a.status)
	if a.status != http.StatusNotModified {
		_, _ = io.Copy(w, bytes.NewReader(a.body))
	}
}

// accountAnswer is GET / of the account.
func (s *Server) accountAnswer() *answer {
	a := s.account
	if a.ReadRegions == nil {
		a.ReadRegions = a.WriteRegions
	}
	if a.Consistency == "" {
		a.Consistency = "Session"
	}
	regions := func(from []Region) []map[string]string {
		out := []map[string]string{}
		for _, r := range from {
			endpoint := r.Endpoint
			if endpoint == "" {
				endpoint = s.URL + "/"
			}
			out = append(out, map[string]string{"name": r.Name, "databaseAccountEndpoint": endpoint})
		}
		return out
	}
	body, _ := json.Marshal(map[string]any{
		"id": "stub", "writableLocations": regions(a.WriteRegions), "readableLocations": regions(a.ReadRegions),
		"enableMultipleWriteLocations": a.MultiWrite,
		"userConsistencyPolicy":        map[string]string{"defaultConsistencyLevel": a.Consistency},
	})
	return &answer{status: http.StatusOK, body: body}
}

// signed reports whether the request carries what the options demand.
func (s *Server) signed(r *http.Request) bool {
	if r.Header.Get("Authorization") == "" {
		return false
	}
	return s.options.Authorize == nil || s.options.Authorize(r) == nil
}
