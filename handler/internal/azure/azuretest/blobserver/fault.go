package blobserver

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Call is one call of the service.
type Call struct {
	Op        string // create, append, put, read, head, list, properties, delete, …
	Container string
	Name      string
	Number    int // counts every call, from 0
}

// Effect is when a call does what it asks for.
type Effect uint8

// The effects.
const (
	Now   Effect = iota // before the answer
	Never               // not at all
	Late                // some calls later: see [Options.Late] and [Server.Land]
)

// Reply is what a caller gets to see.
type Reply uint8

// The replies.
const (
	Told   Reply = iota // what happened
	Status              // the status and code of the fault, whatever happened
	Reset               // the connection breaks before an answer
	Torn                // the connection breaks in the middle of the answer
	Silent              // no answer until the caller gives up
)

// Fault is what goes wrong with one call. The zero Fault is nothing.
type Fault struct {
	Name   string // for messages
	Effect Effect
	Reply  Reply

	Status     int    // of a reply by status
	Code       string // its x-ms-error-code
	RetryAfter int    // seconds, 0 for none

	Delay time.Duration // before anything happens, however patient the caller is
}

// String names the fault.
func (f Fault) String() string {
	if f.Name == "" {
		return "works"
	}
	return f.Name
}

// Refused is an answer given before anything happened.
func Refused(status int, code string) Fault {
	return Fault{Name: strconv.Itoa(status) + " " + code, Effect: Never, Reply: Status, Status: status, Code: code}
}

// Faults are those that a caller cannot tell from one another: after each of
// them the effect of a call is unknown to who made it. Slow is the delay of
// those that are slow.
func Faults(slow time.Duration) []Fault {
	internal, busy := http.StatusInternalServerError, http.StatusServiceUnavailable
	return []Fault{
		{Name: "fails", Effect: Never, Reply: Reset},
		{Name: "fails, but applied", Reply: Reset},
		{Name: "lands later", Effect: Late, Reply: Reset},
		{Name: "torn reply", Reply: Torn},
		{Name: "500", Effect: Never, Reply: Status, Status: internal, Code: "InternalError"},
		{Name: "500, but applied", Reply: Status, Status: internal, Code: "OperationTimedOut"},
		{Name: "500, lands later", Effect: Late, Reply: Status, Status: internal, Code: "OperationTimedOut"},
		{Name: "503", Effect: Never, Reply: Status, Status: busy, Code: "ServerBusy", RetryAfter: 1},
		{Name: "503, but applied", Reply: Status, Status: busy, Code: "ServerBusy", RetryAfter: 1},
		{Name: "429", Effect: Never, Reply: Status, Status: http.StatusTooManyRequests, Code: "TooManyRequests", RetryAfter: 1},
		{Name: "412, though applied", Reply: Status, Status: http.StatusPreconditionFailed, Code: "AppendPositionConditionNotMet"},
		{Name: "slow", Delay: slow},
		{Name: "hangs", Effect: Never, Reply: Silent},
		{Name: "hangs, but applied", Reply: Silent},
		{Name: "hangs, lands later", Effect: Late, Reply: Silent},
	}
}

// Script changes what breaks calls. nil: nothing does.
func (s *Server) Script(next func(Call) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = next
}

// Land makes everything late happen now, in the order in which it was asked
// for.
func (s *Server) Land() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.late {
		s.apply(l.request)
	}
	s.late = nil
}

// Drop forgets everything late: it never happens.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = nil
}

// Calls is how many calls of an operation have come.
func (s *Server) Calls(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[op]
}

// late is a request whose effect is on its way.
type late struct {
	due     int
	request *request
}

// arrive counts a call, lands what is due and says what breaks this one.
func (s *Server) arrive(q *request) Fault {
	s.mu.Lock()
	call := Call{Op: q.op, Container: q.container, Name: q.name, Number: s.calls}
	s.calls++
	s.seen[q.op]++
	s.late = slices.DeleteFunc(s.late, func(l late) bool {
		if l.due > call.Number {
			return false
		}
		s.apply(l.request)
		return true
	})
	next := s.next
	s.mu.Unlock()
	if next == nil {
		return Fault{}
	}
	return next(call)
}

// perform gives a call its effect, and returns what became of it.
func (s *Server) perform(r *http.Request, q *request, f Fault) answer {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay) // whether or not the caller waits
		<-timer.C
	}
	if f.Reply == Silent && f.Effect == Late {
		<-r.Context().Done()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f.Effect {
	case Never:
		return refuse(http.StatusInternalServerError, "InternalError")
	case Late:
		s.late = append(s.late, late{s.calls + s.options.Late, q})
		return refuse(http.StatusInternalServerError, "InternalError")
	default:
		return s.apply(q)
	}
}

// answer tells the caller what the fault lets through.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, f Fault, a answer) {
	switch f.Reply {
	case Told:
		s.write(w, r, a)
	case Status:
		a = refuse(f.Status, f.Code)
		if f.RetryAfter > 0 {
			a.header.Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		s.write(w, r, a)
	case Reset:
		hangUp(w, nil)
	case Torn:
		whole := s.bytes(r, a)
		hangUp(w, whole[:len(whole)/2])
	case Silent:
		<-r.Context().Done()
		hangUp(w, nil)
	}
}

// hangUp sends what was said so far, and breaks the connection.
func hangUp(w http.ResponseWriter, said []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = conn.Write(said)
	if tcp, ok := conn.(*net.TCPConn); ok && said == nil {
		_ = tcp.SetLinger(0) // a reset, not an orderly end
	}
	_ = conn.Close()
}

// bytes are an answer as it goes over the wire.
func (s *Server) bytes(r *http.Request, a answer) []byte {
	recorded := &recorder{header: http.Header{}}
	s.write(recorded, r, a)
	response := &http.Response{
		StatusCode: recorded.status, ProtoMajor: 1, ProtoMinor: 1, Header: recorded.header,
		ContentLength: int64(len(a.body)), Body: http.NoBody, Request: r,
	}
	var head bytes.Buffer
	buffered := bufio.NewWriter(&head)
	_ = response.Write(buffered)
	_ = buffered.Flush()
	return append(head.Bytes(), recorded.body...)
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   []byte
}

func (r *recorder) Header() http.Header    { return r.header }
func (r *recorder) WriteHeader(status int) { r.status = status }
func (r *recorder) Write(p []byte) (int, error) {
	r.body = append(r.body, p...)
	return len(p), nil
}
