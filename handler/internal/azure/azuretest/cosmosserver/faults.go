package cosmosserver

import (
	"net"
	"net/http"
	"strconv"
	"time"
)

// Operation is what a request asks for.
type Operation string

// The operations.
const (
	ReadAccount   Operation = "account"
	ReadContainer Operation = "container"
	Read          Operation = "read"
	Create        Operation = "create"
	Replace       Operation = "replace"
	Query         Operation = "query"
)

// Call is one request as the script sees it.
type Call struct {
	Operation Operation
	Container string
	Partition string // "" for a query over all of them
	ID        string // of the item that is read, created or replaced
	Query     string // its text
	Session   string // the session token it came with
}

// Write reports whether the call changes something.
func (c *Call) Write() bool { return c.Operation == Create || c.Operation == Replace }

// Effect is when a call takes effect.
type Effect uint8

// The effects.
const (
	AtOnce Effect = iota
	Never
	Later // when [Server.Land] is called
)

// Fault is what goes wrong with one call. The zero Fault is nothing.
type Fault struct {
	Effect Effect
	Delay  time.Duration // before anything happens

	// One of these instead of the answer; none: the answer of a call that took
	// effect, and a reset connection otherwise.
	Status int  // with Substatus and RetryAfter
	Reset  bool // the connection
	Hang   bool // until the client goes
	Torn   bool // the answer ends in its middle

	Substatus  string
	RetryAfter time.Duration
}

// refuse writes the answer of a service that refuses.
func (f *Fault) refuse(w http.ResponseWriter) {
	if f.RetryAfter > 0 {
		w.Header().Set("X-Ms-Retry-After-Ms", strconv.FormatInt(f.RetryAfter.Milliseconds(), 10))
	}
	refuse(w, f.Status, f.Substatus, "as the test says")
}

// reset closes the connection under the answer.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// pause reports whether the client is still there after it.
func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
