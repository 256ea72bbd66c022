package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
)

type serveCommand struct {
	Addr  string `help:"Loopback address to listen on; the host's port if it names one." placeholder:"HOST:PORT"`
	Packs string `help:"Folder of packs; the built-in samples if left out." type:"path" placeholder:"DIR"`
	Data  string `help:"Data directory: audit log, approvals and keys; .fabric if left out." type:"path" placeholder:"DIR"`
}

func (serveCommand) Help() string {
	return "Settings are environment variables that start with FABRIC_.\n" +
		"Example: handler serve --addr 127.0.0.1:7071 --packs packs --data .fabric"
}

func (c *serveCommand) Run(e *environment) error {
	conf, err := readConfig(e.getenv)
	if err != nil {
		return err
	}
	if c.Addr != "" {
		conf.addr = c.Addr
	}
	if err := loopback(conf.addr); err != nil {
		return usageError(fmt.Errorf("--addr: %w", err))
	}
	if conf.packs, conf.data, err = c.places(conf.mode); err != nil {
		return err
	}
	tuneMemory(e.getenv)
	listener, err := (&net.ListenConfig{}).Listen(e.ctx, "tcp", conf.addr)
	if err != nil {
		return usageError(fmt.Errorf("listen on %s: %w", conf.addr, err))
	}
	defer listener.Close() //nolint:errcheck // serve has closed it already
	if conf.publicURL == "" {
		conf.publicURL = "http://" + listener.Addr().String()
	}
	if conf.mode == modeAzure {
		return serveAzure(e, conf, listener)
	}
	s, err := wire(e.ctx, conf, wireOptions{log: e.out, people: e.err})
	if err != nil {
		return err
	}
	s.announce(e, listener)
	return errors.Join(s.serve(e.ctx, listener), s.close(context.WithoutCancel(e.ctx)))
}

// serveAzure listens at once and opens the stores behind that: the host waits
// for a listener only so long, and stops a handler for good that ends a few
// times because a store is down.
func serveAzure(e *environment, conf config, l net.Listener) error {
	door := newEntrance(newLog(e.out))
	if err := (&deployment{config: conf, logger: door.log}).connect(); err != nil {
		return err // a setting that no waiting mends
	}
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	opened := make(chan *service, 1)
	go func() {
		opened <- door.openUntilDone(ctx, func(ctx context.Context) (*service, error) { return wire(ctx, conf, wireOptions{log: e.out}) }, func(s *service) {
			s.announce(e, l)
		})
	}()
	err := serveOn(ctx, l, door, door.log, door.stop)
	cancel()
	if s := <-opened; s != nil {
		err = errors.Join(err, s.close(context.WithoutCancel(e.ctx)))
	}
	return err
}

// places are the folders of a laptop. In Azure there are none: no local key
// ever vouches for anything there.
func (c *serveCommand) places(m mode) (packs, data string, err error) {
	switch {
	case m == modeAzure && c.Packs+c.Data != "":
		return "", "", usageError(errors.New("--packs and --data are for a laptop: in Azure packs, approvals and keys are in Cosmos DB and Key Vault"))
	case m == modeAzure || c.Data != "":
		return c.Packs, c.Data, nil
	}
	return c.Packs, ".fabric", nil
}

// gcPercent lets the heap grow to three and a half times what is alive before it is
// collected: a decision's garbage is small and short-lived, and the live heap
// of a service with thousands of rules is a few MiB.
const gcPercent = 250

// tuneMemory applies gcPercent unless the operator has said otherwise.
func tuneMemory(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// loopback admits only addresses that no other machine can reach.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is no HOST:PORT", addr)
	}
	ip := net.ParseIP(host)
	if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%q is not a loopback address: anybody could be the local developer", addr)
	}
	return nil
}

// announce says where the service is, for people on the error stream of a
// laptop, and for machines in the log.
func (s *service) announce(e *environment, l net.Listener) {
	packsText := s.packsText()
	if s.config.mode == modeLocal {
		fmt.Fprintf(e.err, "Authorization Fabric on http://%s, local mode: this machine only, a request without a token is the local developer.\n"+
			"Packs: %s (environment %s). Data: %s. Console: %s/console/. Stop with Ctrl-C.\n",
			l.Addr(), packsText, s.config.environment, s.config.data, s.config.publicURL)
	}
	s.log.LogAttrs(e.ctx, slog.LevelInfo, "serving", slog.String("address", l.Addr().String()), slog.String("mode", s.config.mode.String()),
		slog.String("environment", s.config.environment), slog.String("packs", packsText), slog.String("version", version()))
}

func (s *service) packsText() string {
	set := s.catalog.Active(time.Now()).Set
	if set == nil {
		return "none loaded"
	}
	var names []string
	for _, p := range set.Packs(time.Now()) {
		names = append(names, fmt.Sprintf("%s@%d", p.Pack, p.Version))
	}
	if len(names) == 0 {
		return "none in effect"
	}
	return strings.Join(names, ", ")
}

const (
	drain = 5 * time.Second        // for requests under way once a stop was asked for
	grace = 500 * time.Millisecond // for the first request of a new connection
)

// serve answers until the context ends, then lets requests finish.
func (s *service) serve(ctx context.Context, l net.Listener) error {
	return serveOn(ctx, l, s.handler(), s.log, func() { close(s.stopping) })
}

// serveOn serves h until the context ends, then calls stopping and lets
// requests finish.
func serveOn(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger, stopping func()) error {
	server := httpapi.NewServer(h, log)
	server.RegisterOnShutdown(stopping)
	var unused newcomers
	server.ConnState = unused.track
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		defer time.AfterFunc(grace, unused.close).Stop()
		if err := server.Shutdown(late); err != nil {
			stopped <- fmt.Errorf("requests were still under way %s after the stop: %w", drain, errors.Join(err, server.Close()))
			return
		}
		stopped <- nil
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return <-stopped
}

// handler is the route table behind the edge.
func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		if r.local && s.config.mode != modeLocal {
			continue
		}
		mux.Handle(r.Method+" "+r.Path, s.only(r.Method, s.edge.Route(r.Access, r.handler(s))))
	}
	mux.Handle("GET /{$}", s.only(http.MethodGet, s.edge.Route(httpapi.Access{Public: true}, httpapi.Root())))
	mux.Handle("/", s.edge.NotFound())
	return s.edge.Front(mux)
}

// only lets one method through: the mux would take HEAD for GET, and the
// Functions host answers a method that is not listed with 404.
func (s *service) only(method string, h http.Handler) http.Handler {
	notFound := s.edge.NotFound()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method {
			notFound.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (s *service) authorizeHandler() httpapi.Handler {
	return httpapi.Authorize(s.authorize, httpapi.AuthorizeOptions{
		TraceForAll: s.config.mode == modeLocal, Log: s.log, Metrics: s.metrics,
	})
}

func (s *service) whoamiHandler() httpapi.Handler { return httpapi.Whoami(s.standing) }

func (s *service) readyHandler() httpapi.Handler { return httpapi.Ready(s.missing) }

func (s *service) metricsHandler() httpapi.Handler { return s.metrics.Handler() }

func (s *service) openAPIHandler() httpapi.Handler { return httpapi.OpenAPI(s.document) }

func (s *service) tenants() []string { return s.tenantsAt(s.clock()) }

func (s *service) tenantsAt(now time.Time) []string {
	return s.catalog.Active(now).Tenants(now)
}
