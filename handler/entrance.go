package main

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// entrance stands where a server's routes will be. Until the stores are open it
// says that the process is alive and not ready, and denies everything else.
type entrance struct {
	log     *slog.Logger
	outside http.Handler

	mu      sync.Mutex
	service *service     // guarded by mu: nil until the stores are open
	inside  http.Handler // guarded by mu
	lack    httpapi.Lack // guarded by mu: why they are not
	stopped bool         // guarded by mu
}

func newEntrance(log *slog.Logger) *entrance {
	n := &entrance{log: log, lack: httpapi.Lack{Component: "service", Detail: "it is starting"}}
	edge := httpapi.NewEdge(n, nil, httpapi.EdgeOptions{Log: log})
	public := httpapi.Access{Public: true}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", edge.Route(public, httpapi.Root()))
	mux.Handle("GET /api/health/live", edge.Route(public, httpapi.Live()))
	mux.Handle("GET /api/health/ready", edge.Route(public, httpapi.Ready(n.lacking)))
	mux.Handle("/", edge.Route(httpapi.Access{}, func(http.ResponseWriter, *http.Request, identity.Principal) error { return errClosed }))
	n.outside = edge.Front(mux)
	return n
}

var errClosed = errors.New("the stores are not open")

// Authenticate implements [httpapi.Authenticator]: nobody comes in.
func (n *entrance) Authenticate(context.Context, http.Header) (identity.Principal, error) {
	return identity.Principal{}, &authorize.UnavailableError{Component: "service", RetryAfter: 2 * time.Second, Err: errClosed}
}

// ServeHTTP implements [http.Handler].
func (n *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	h := n.inside
	n.mu.Unlock()
	if h == nil {
		h = n.outside
	}
	h.ServeHTTP(w, r)
}

func (n *entrance) lacking(context.Context) []httpapi.Lack {
	n.mu.Lock()
	defer n.mu.Unlock()
	return []httpapi.Lack{n.lack}
}

// open lets requests through to s.
func (n *entrance) open(s *service) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.service, n.inside = s, s.handler()
	if n.stopped {
		close(s.stopping)
	}
}

// stop answers those who wait inside.
func (n *entrance) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.service != nil && !n.stopped {
		close(n.service.stopping)
	}
	n.stopped = true
}

const (
	firstReopening = 200 * time.Millisecond // until the second attempt, then doubled and jittered
	lastReopening  = 5 * time.Second
)

// openUntilDone calls wire until that succeeds or ctx ends, tells first what
// came of it, and opens; nil if nothing did.
func (n *entrance) openUntilDone(ctx context.Context, wire func(context.Context) (*service, error), first func(*service)) *service {
	for pause := firstReopening; ; pause = min(2*pause, lastReopening) {
		s, err := wire(ctx)
		if err == nil {
			n.open(s)
			first(s)
			return s
		}
		if ctx.Err() != nil {
			return nil
		}
		n.tell(ctx, err)
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return nil
		}
	}
}

// tell notes why the stores are not open. The cause is for the log.
func (n *entrance) tell(ctx context.Context, err error) {
	lack := httpapi.Lack{Component: "service", Detail: "it cannot open its stores; the log names the cause"}
	var unavailable *authorize.UnavailableError
	if errors.As(err, &unavailable) {
		lack = httpapi.Lack{Component: unavailable.Component, Detail: "it cannot be reached or used; the log names the cause"}
	}
	n.mu.Lock()
	n.lack = lack
	n.mu.Unlock()
	n.log.LogAttrs(ctx, slog.LevelError, "not ready: the stores do not open, and are tried again",
		slog.String("component", lack.Component), slog.String("cause", err.Error()))
}
