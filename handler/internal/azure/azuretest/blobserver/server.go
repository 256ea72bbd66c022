// Package blobserver is a blob service in memory, spoken to over HTTP as the
// client of Azure does, for tests. It holds requests to what the service
// documents: conditions on position, size, existence and ETag, the count and
// the size of blocks, checksums, and what an immutability policy forbids. By
// script it breaks calls before or after they took effect.
//
// What it cannot show: latency and throttling of the service itself, leases,
// snapshots, versions, tags, encryption scopes, the lock of a policy, and
// whether a role assignment is enough.
package blobserver

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// The account of every emulator, which has it in the path, and its key, which
// is in their documentation and opens nothing else.
const (
	EmulatorAccount = "devstoreaccount1"
	EmulatorKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// Options say what a [Server] is. The zero Options are an account with one
// container, in which everybody may do everything.
type Options struct {
	Containers []string // that exist from the start; none: "audit"

	// HostStyle has the account in the host's name, as the service does, and
	// not in the path, as emulators do.
	HostStyle bool

	// Memory serves over pipes in place of a socket, so that it can be used
	// within testing/synctest; only [Server.Client] reaches it then.
	Memory bool

	// Authorize refuses a request with 403. nil: none is refused.
	Authorize func(*http.Request) error

	MaxBlocks int   // of an append blob; 50,000
	MaxBlock  int64 // bytes of one; 100 MiB, 4 MiB before version 2022-11-02
	Page      int   // names in a page of a list; 5,000
	Late      int   // calls until something late lands; 3

	// Next breaks calls. It must be safe for concurrent use. nil: none breaks.
	Next func(Call) Fault
}

// Server is the service. It is safe for concurrent use.
type Server struct {
	// URL of a container is URL + "/" + its name.
	URL string

	options Options
	server  *http.Server
	client  *http.Client
	work    sync.WaitGroup // requests under way, and Serve

	mu         sync.Mutex
	containers map[string]*container // guarded by mu
	next       func(Call) Fault      // guarded by mu
	calls      int                   // guarded by mu
	late       []late                // guarded by mu
	etags      int                   // guarded by mu
	skew       time.Duration         // guarded by mu
	seen       map[string]int        // guarded by mu; calls by operation
}

// New starts a server that stops when t ends, or with Close.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	setDefault(&o.MaxBlocks, 50_000)
	setDefault(&o.Page, 5000)
	setDefault(&o.Late, 3)
	if o.Containers == nil {
		o.Containers = []string{"audit"}
	}
	s := &Server{options: o, next: o.Next, containers: map[string]*container{}, seen: map[string]int{}}
	for _, name := range o.Containers {
		s.containers[name] = &container{blobs: map[string]*blob{}}
	}
	listener, dial := listen(t, o.Memory)
	s.URL = "http://" + listener.Addr().String()
	if !o.HostStyle {
		s.URL += "/" + EmulatorAccount
	}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	s.client = &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 64}}
	s.work.Go(func() { _ = s.server.Serve(listener) })
	t.Cleanup(s.Close)
	return s
}

func setDefault(value *int, otherwise int) {
	if *value <= 0 {
		*value = otherwise
	}
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func listen(t testing.TB, memory bool) (net.Listener, dialer) {
	t.Helper()
	if memory {
		p := newPipes()
		return p, p.dial
	}
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener, func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", listener.Addr().String())
	}
}

// Client reaches the server whatever the host in an address is.
func (s *Server) Client() *http.Client { return s.client }

// Close cuts every connection, takes no more, and waits until what is slow has
// happened. What the server holds can still be looked at, and what is late
// still land.
func (s *Server) Close() {
	_ = s.server.Close()
	s.client.CloseIdleConnections()
	s.work.Wait()
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.work.Add(1)
	defer s.work.Done()
	if s.options.Authorize != nil {
		if err := s.options.Authorize(r); err != nil {
			s.write(w, r, refuse(http.StatusForbidden, "AuthorizationPermissionMismatch"))
			return
		}
	}
	q, refused := s.parse(r)
	if refused.status != 0 {
		s.write(w, r, refused)
		return
	}
	fault := s.arrive(q)
	s.answer(w, r, fault, s.perform(r, q, fault))
}

// path is container and blob of an address.
func (s *Server) path(r *http.Request) (container, name string, ok bool) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if !s.options.HostStyle {
		if path, ok = strings.CutPrefix(path, EmulatorAccount+"/"); !ok {
			return "", "", false
		}
	}
	container, name, _ = strings.Cut(path, "/")
	return container, name, container != ""
}
