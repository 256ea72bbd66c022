package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// Decider is the use case behind every door: [authorize.Service].
type Decider interface {
	Decide(ctx context.Context, p identity.Principal, r authorize.Request, c authorize.Call) (authorize.Answer, error)
}

// AuthorizeOptions are what [Authorize] may do without.
type AuthorizeOptions struct {
	TraceForAll bool          // local mode: not only Fabric.Auditor may ask for a trace
	Timeout     time.Duration // how long a decision may take; zero: as long as the request
	Log         *slog.Logger  // one line a decision; nil: none
	Metrics     *Metrics      // nil: none
	Now         func() time.Time
}

// Authorize is POST /api/authorize: one call in, one recorded decision out.
func Authorize(d Decider, o AuthorizeOptions) Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	return func(w http.ResponseWriter, r *http.Request, p identity.Principal) error {
		start := o.Now()
		call, err := decodeCall(r, p, o)
		if err != nil {
			return err
		}
		body, err := readJSON(r)
		if err != nil {
			return err
		}
		request, err := DecodeRequest(body)
		if err != nil {
			return err
		}
		if o.Timeout > 0 {
			call.Deadline = start.Add(o.Timeout)
		}
		answer, err := d.Decide(r.Context(), p, request, call)
		if err != nil {
			return correlate(err, request.CorrelationID)
		}
		if !call.Trace {
			answer.Trace = nil
		}
		took := o.Now().Sub(start)
		o.Metrics.decided(answer.Decision, took)
		if o.Log != nil {
			LogDecision(r.Context(), o.Log, DecisionLine{Principal: p, Request: &request, Call: call, Answer: &answer, Took: took})
		}
		writeAnswer(w, &answer)
		return nil
	}
}

// decodeCall reads what stands beside the body.
func decodeCall(r *http.Request, p identity.Principal, o AuthorizeOptions) (authorize.Call, error) {
	call := authorize.Call{Door: authorize.DoorAuthorize, Mode: authorize.Enforce}
	call.Trace = r.URL.RawQuery != "" && (o.TraceForAll || p.Has(identity.RoleAuditor)) && wantsTrace(r.URL.RawQuery)
	keys := r.Header["Idempotency-Key"]
	if len(keys) == 0 || len(keys) == 1 && keys[0] == "" {
		return call, nil
	}
	if len(keys) > 1 || identifier(keys[0]) != "" {
		const detail = "the header Idempotency-Key must be one value of 1 to 128 visible ASCII characters"
		return call, &Problem{Kind: Malformed, Detail: detail, Errors: []FieldError{{"", detail}}}
	}
	call.IdempotencyKey = keys[0]
	return call, nil
}

func wantsTrace(query string) bool {
	values, err := url.ParseQuery(query)
	return err == nil && values.Get("trace") == "1"
}

// correlate gives a failed call the id that its body named.
func correlate(err error, id string) error {
	p := problemOf(err)
	if p.CorrelationID == "" && id != "" {
		named := *p
		named.CorrelationID = id
		return &named
	}
	return p
}

// answers keeps buffers for bodies; a buffer is in one hand at a time.
var answers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

func writeAnswer(w http.ResponseWriter, a *authorize.Answer) {
	buffer := answers.Get().(*[]byte)
	defer answers.Put(buffer)
	*buffer = AppendAnswer((*buffer)[:0], a)
	writeBody(w, http.StatusOK, jsonType, *buffer)
}
