package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// Handler is one function of the API. It gets the caller as a parameter (the
// zero Principal on public routes) and returns an error, before it has written
// anything, for whatever is not its answer.
type Handler func(w http.ResponseWriter, r *http.Request, p identity.Principal) error

// Access says who may call a route. The zero Access lets anybody in whose
// identity is valid.
type Access struct {
	Public bool     // nobody is asked who they are
	Roles  []string // app roles of which the caller must have one; none: any valid identity
	Queued bool     // takes one of the places in front of the audit queue
}

// Authenticator says who sent a request.
type Authenticator interface {
	Authenticate(ctx context.Context, h http.Header) (identity.Principal, error)
}

// Refusal is a valid identity that lacked the role a route demands.
type Refusal struct {
	Route         string // the pattern of the route
	Roles         []string
	CorrelationID string
}

// RecordRefusal puts a refusal into the audit log before it is answered.
type RecordRefusal func(ctx context.Context, p identity.Principal, r Refusal) error

// EdgeOptions are what an [Edge] may do without; zero values are the
// contract's defaults.
type EdgeOptions struct {
	Loopback bool          // local mode: demand a local Host and no foreign origin
	Rate     int           // requests a second and application; 0: 50
	Burst    int           // 0: 100
	Places   int           // requests of queued routes at one time; 0: 256
	Waiting  int           // requests that may wait for a place; 0: 1,024
	Log      *slog.Logger  // nil: none
	Metrics  *Metrics      // nil: none
	NewID    func() string // correlation ids; nil: ULIDs
	Now      func() time.Time
}

// Edge is what stands in front of every handler. It is safe for concurrent use.
type Edge struct {
	auth    Authenticator
	record  RecordRefusal
	options EdgeOptions
	origin  *http.CrossOriginProtection
	buckets *buckets
	places  *turnstile
}

// NewEdge makes an Edge.
func NewEdge(auth Authenticator, record RecordRefusal, o EdgeOptions) *Edge {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.NewID == nil {
		o.NewID = func() string { return ulid.Make().String() }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Edge{
		auth: auth, record: record, options: o,
		origin:  http.NewCrossOriginProtection(),
		buckets: newBuckets(orDefault(o.Rate, 50), orDefault(o.Burst, 100), o.Now),
		places:  newTurnstile(orDefault(o.Places, 256), orDefault(o.Waiting, 1024)),
	}
}

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// Front is the outermost handler: it survives panics, and turns away what is
// not for this server before a route is looked for.
func (e *Edge) Front(routes http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		response := &response{ResponseWriter: w}
		e.options.Metrics.arrived()
		defer e.options.Metrics.left()
		defer e.recover(response, r)
		if err := e.door(r); err != nil {
			e.answer(response, r, err)
			return
		}
		routes.ServeHTTP(response, r)
	})
}

// Route is h behind everything that a demands.
func (e *Edge) Route(a Access, h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := e.serve(a, h, w, r); err != nil {
			e.answer(w, r, err)
		}
	})
}

// NotFound answers whatever no route takes, another method included: the
// Functions host does not tell them apart either.
func (e *Edge) NotFound() http.Handler {
	return e.Route(Access{Public: true}, func(http.ResponseWriter, *http.Request, identity.Principal) error {
		return &Problem{Kind: NotFound}
	})
}

func (e *Edge) serve(a Access, h Handler, w http.ResponseWriter, r *http.Request) error {
	if a.Public {
		return h(w, r, identity.Principal{})
	}
	p, err := e.auth.Authenticate(r.Context(), r.Header)
	if err != nil {
		return err
	}
	if retry, ok := e.buckets.take(callerOf(p)); !ok {
		return &Problem{Kind: Rate, RetryAfter: retry}
	}
	if err := e.demand(r, p, a.Roles); err != nil {
		return err
	}
	if a.Queued {
		if err := e.places.enter(r.Context(), callerOf(p)); err != nil {
			return err
		}
		defer e.places.leave()
	}
	return h(w, r, p)
}

// callerOf names the bucket of a caller. No client id holds a blank.
func callerOf(p identity.Principal) string {
	if p.Kind == identity.Developer {
		return "local developer"
	}
	return p.Application
}

// demand refuses who has none of the roles, once that is recorded.
func (e *Edge) demand(r *http.Request, p identity.Principal, roles []string) error {
	if len(roles) == 0 || slices.ContainsFunc(roles, p.Has) {
		return nil
	}
	id := e.options.NewID()
	if err := e.record(r.Context(), p, Refusal{Route: r.Pattern, Roles: roles, CorrelationID: id}); err != nil {
		return correlate(err, id)
	}
	return &Problem{Kind: Forbidden, Detail: "The token lacks the app role " + oneOf(roles) + ".", CorrelationID: id}
}

func oneOf(list []string) string {
	text := list[0]
	for _, item := range list[1:] {
		text += " or " + item
	}
	return text
}

// answer writes and logs a problem, unless h has already begun to answer.
func (e *Edge) answer(w http.ResponseWriter, r *http.Request, err error) {
	p := *problemOf(err)
	if p.CorrelationID == "" {
		p.CorrelationID = e.options.NewID()
	}
	e.options.Metrics.refused(p.Kind)
	level := slog.LevelInfo
	if p.Kind == Unavailable {
		level = slog.LevelError
	}
	e.options.Log.LogAttrs(r.Context(), level, "no decision",
		slog.String("problem", p.Kind.Name), slog.String("route", r.Pattern),
		slog.String("correlationId", p.CorrelationID), slog.String("cause", causeOf(&p)))
	if begun, ok := w.(*response); ok && begun.begun {
		return
	}
	writeProblem(w, r, &p)
}

// causeOf is what the log may know. Of what is wrong with a body it knows the
// kind alone: the details name what was sent.
func causeOf(p *Problem) string {
	switch {
	case p.Kind != Unavailable && p.Kind != Unauthenticated && p.Kind != Forbidden && p.Kind != Rate:
		return ""
	case p.cause != nil:
		return p.cause.Error()
	}
	return p.Detail
}

// recover turns a panic into a denial. A dropped connection instead would be
// delivered again, up to forty times.
func (e *Edge) recover(w *response, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	id := e.options.NewID()
	e.options.Metrics.panicked()
	e.options.Log.LogAttrs(r.Context(), slog.LevelError, "panic",
		slog.Any("value", v), slog.String("route", r.Pattern),
		slog.String("correlationId", id), slog.String("stack", string(debug.Stack())))
	if !w.begun {
		e.options.Metrics.refused(Unavailable)
		writeProblem(w, r, &Problem{Kind: Unavailable, CorrelationID: id})
	}
}

// response remembers whether an answer has begun. One request owns it.
type response struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *response) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *response) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}

// Unwrap serves [http.ResponseController].
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }
