package vault

import "net/http"

// Op is what a request asks for.
type Op string

// The operations of a vault. Any stands for each of them in a [Fault].
const (
	Any          Op = ""
	ListKey      Op = "list key"
	GetKey       Op = "get key"
	Sign         Op = "sign"
	ListSecret   Op = "list secret"
	GetSecret    Op = "get secret"
	unknownOp    Op = "unknown"
	retryAfter      = "Retry-After"
	throttledFor    = "10" // seconds
)

// Fault is what goes wrong with requests. Exactly one of its kinds is given.
type Fault struct {
	Op    Op
	Times int // how often; 0 is until [Server.Mend]

	Status int    // answered at once, with Code and a Retry-After for 429
	Code   string // of Status
	Hang   bool   // no answer until the caller leaves
	Lost   bool   // done, and the connection is cut before the answer
	Body   string // answered with 200 in place of what was asked for
	Moved  string // answered with 302 to there

	HighS     bool // the signature with the larger s, which is valid too
	Short     bool // a signature without its last byte
	OtherKey  bool // a signature by a key that is none of the vault's
	OtherName bool // an answer that says another version signed
}

// Break adds faults; the oldest one that fits a request is used.
func (s *Server) Break(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &f)
	}
}

// Mend takes all faults away.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Calls is how many requests with a token an operation had.
func (s *Server) Calls(op Op) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

// fault takes the fault of a request; the zero Fault is none. The caller holds
// s.mu.
func (s *Server) fault(op Op) Fault {
	for i, f := range s.faults {
		if f.Op != Any && f.Op != op {
			continue
		}
		if f.Times == 1 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		} else if f.Times > 1 {
			f.Times--
		}
		return *f
	}
	return Fault{}
}

// instead answers in place of the vault and reports whether it did.
func (f *Fault) instead(s *Server, w http.ResponseWriter, r *http.Request) bool {
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-s.ended:
		}
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		if f.Status == http.StatusTooManyRequests {
			w.Header().Set(retryAfter, throttledFor)
		}
		refuse(w, f.Status, f.Code, "as the test wants")
	case f.Moved != "":
		http.Redirect(w, r, f.Moved, http.StatusFound)
	case f.Body != "":
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(f.Body)) // the caller may be gone
	default:
		return false
	}
	return true
}
