package httpapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// pipes is a listener within a test's bubble of time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours, nil
}

// waitingRoom is the server of the product with one pending approval, under a
// clock that stands still while nobody waits for it.
type waitingRoom struct {
	started  time.Time
	service  *approval.Service
	approval approval.Approval
	client   *http.Client
	stopping chan struct{}
	left     chan error // an element for each request that has ended, with the cause if its caller was gone
}

// Lists implements [approval.Approvers].
func (*waitingRoom) Lists(string, identity.Principal, time.Time) []approval.Key { return nil }

// Judge implements [approval.Approvers]: mia is named.
func (*waitingRoom) Judge(v approval.Voter, _ bool, _ *approval.Document, _ time.Time) []string {
	if v.ID == "mia" {
		return []string{"finance/over"}
	}
	return nil
}

func (w *waitingRoom) now() time.Time { return storetest.Noon.Add(time.Since(w.started)) }

// inWaitingRoom runs f in a bubble of time; places are those of the turnstile.
func inWaitingRoom(t *testing.T, f func(t *testing.T, w *waitingRoom)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &waitingRoom{started: time.Now(), stopping: make(chan struct{}), left: make(chan error, 8)}
		w.service = approval.New(&storetest.MemoryApprovals{}, approval.Keys{Current: storetest.Key}, &storetest.EventLog{}, w, approval.Options{})
		var err error
		if w.approval, _, err = w.service.Open(t.Context(), storetest.Order("a"), w.now()); err != nil {
			t.Fatal(err)
		}
		listener := &pipes{make(chan net.Conn), make(chan struct{})}
		server := NewServer(w.routes(), slog.New(slog.DiscardHandler))
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = server.Serve(listener) // that it was closed
		}()
		transport := &http.Transport{DialContext: listener.dial}
		w.client = &http.Client{Transport: transport}
		f(t, w)
		transport.CloseIdleConnections()
		_ = server.Close()
		<-served
	})
}

// routes has one place for requests that are queued.
func (w *waitingRoom) routes() http.Handler {
	edge := NewEdge(anybody{"flow": {Kind: identity.Application, Tenant: storetest.Tenant, Application: storetest.Flow}}, nil, EdgeOptions{Places: 1, Waiting: 1})
	get := GetApproval(w.service, ApprovalOptions{PublicURL: "https://x", Now: w.now, Stopping: w.stopping})
	mux := http.NewServeMux()
	mux.Handle("GET /api/approvals/{id}", edge.Route(Access{}, func(rw http.ResponseWriter, r *http.Request, p identity.Principal) error {
		err := get(rw, r, p)
		w.left <- r.Context().Err()
		return err
	}))
	mux.Handle("GET /queued", edge.Route(Access{Queued: true}, Live()))
	mux.Handle("/", edge.NotFound())
	return edge.Front(mux)
}

// seen is an answer and when it came.
type seen struct {
	status int
	body   string
	after  time.Duration
	err    error
}

// get asks and does not wait for the answer.
func (w *waitingRoom) get(ctx context.Context, path string) <-chan seen {
	answered := make(chan seen, 1)
	go func() {
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path, nil)
		r.Header.Set("Authorization", "flow")
		response, err := w.client.Do(r)
		if err != nil {
			answered <- seen{err: err, after: time.Since(w.started)}
			return
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		answered <- seen{response.StatusCode, string(body), time.Since(w.started), err}
	}()
	return answered
}

func (w *waitingRoom) path(wait string) string {
	return "/api/approvals/" + w.approval.ID + "?wait=" + wait
}

func mustSee(t *testing.T, what string, got seen, status string, after time.Duration) {
	t.Helper()
	if got.err != nil || got.status != 200 || !strings.Contains(got.body, `"status":"`+status+`"`) || got.after != after {
		t.Errorf("%s: %d %.120s after %s, %v, want %s after %s", what, got.status, got.body, got.after, got.err, status, after)
	}
}

func (w *waitingRoom) vote(t *testing.T, c approval.Choice) {
	t.Helper()
	p := identity.Principal{Kind: identity.Person, Tenant: storetest.Tenant, ObjectID: "mia", AppRoles: []string{identity.RoleApprover}}
	ballot := approval.Ballot{ApprovalID: w.approval.ID, Choice: c, Digest: w.approval.Digest}
	if _, err := w.service.Vote(t.Context(), approval.Reader{Principal: p, Tenant: p.Tenant}, ballot, w.now()); err != nil {
		t.Fatalf("Vote = %v", err)
	}
}

// A vote that arrives while somebody waits answers all who wait, at once.
func TestWaitEndsWithAVote(t *testing.T) {
	inWaitingRoom(t, func(t *testing.T, w *waitingRoom) {
		first, second := w.get(t.Context(), w.path("60")), w.get(t.Context(), w.path("50"))
		<-time.After(20 * time.Second) // of the bubble
		w.vote(t, approval.Approve)
		mustSee(t, "the first", <-first, "approved", 20*time.Second)
		mustSee(t, "the second", <-second, "approved", 20*time.Second)
	})
}

// The longest wait is longer than the server reads of any other request, and
// ends in time where nothing happens.
func TestWaitOutlivesTheReadTimeout(t *testing.T) {
	if readTimeout >= maxWait*time.Second {
		t.Fatal("the read timeout is not shorter than the longest wait: this test shows nothing")
	}
	inWaitingRoom(t, func(t *testing.T, w *waitingRoom) {
		mustSee(t, "60 s", <-w.get(t.Context(), w.path("60")), "pending", time.Minute)
		if err := <-w.left; err != nil {
			t.Errorf("the request ended with %v, want its own time", err)
		}
		mustSee(t, "the same connection, 1 s", <-w.get(t.Context(), w.path("1")), "pending", 61*time.Second)
		mustSee(t, "no wait", <-w.get(t.Context(), w.path("0")), "pending", 61*time.Second)
	})
}

// The caller's going away ends its wait.
func TestWaitEndsWithItsCaller(t *testing.T) {
	inWaitingRoom(t, func(t *testing.T, w *waitingRoom) {
		ctx, leave := context.WithCancel(t.Context())
		answered := w.get(ctx, w.path("60"))
		<-time.After(40 * time.Second) // of the bubble
		leave()
		if got := <-answered; !errors.Is(got.err, context.Canceled) {
			t.Errorf("the caller sees %+v", got)
		}
		if err := <-w.left; err == nil || time.Since(w.started) != 40*time.Second {
			t.Errorf("the request ended after %s with %v, want after 40 s with its caller", time.Since(w.started), err)
		}
	})
}

// A server that stops answers who waits, with what is.
func TestWaitEndsWithTheServer(t *testing.T) {
	inWaitingRoom(t, func(t *testing.T, w *waitingRoom) {
		answered := w.get(t.Context(), w.path("60"))
		<-time.After(10 * time.Second) // of the bubble
		close(w.stopping)
		mustSee(t, "when the server stops", <-answered, "pending", 10*time.Second)
	})
}

// T30: time that passes while somebody waits is told as expiry, and a closed
// approval is answered at once.
func TestT30WaitEndsWithExpiry(t *testing.T) {
	inWaitingRoom(t, func(t *testing.T, w *waitingRoom) {
		w.started = w.started.Add(-8*time.Hour + 10*time.Second) // approveBy is near
		got := <-w.get(t.Context(), w.path("60"))
		if got.status != 200 || !strings.Contains(got.body, `"status":"expired","final":true`) {
			t.Errorf("past approveBy: %+v, want expired", got)
		}
		if late := w.now().Sub(w.approval.ApproveBy); late < 0 || late > 4*time.Second {
			t.Errorf("answered %s after approveBy, want at most the poll's pause", late)
		}
		before := w.now()
		if got := <-w.get(t.Context(), w.path("60")); !strings.Contains(got.body, `"status":"expired"`) || w.now() != before {
			t.Errorf("a closed one: %+v after %s, want at once", got, w.now().Sub(before))
		}
	})
}

// Whoever waits holds no place in front of the audit queue.
func TestWaitHoldsNoPlace(t *testing.T) {
	inWaitingRoom(t, func(t *testing.T, w *waitingRoom) {
		waiting := []<-chan seen{w.get(t.Context(), w.path("60")), w.get(t.Context(), w.path("60")), w.get(t.Context(), w.path("60"))}
		synctest.Wait()
		if got := <-w.get(t.Context(), "/queued"); got.status != 200 || got.after != 0 {
			t.Errorf("while three wait: %+v, want 200 at once", got)
		}
		w.vote(t, approval.Deny)
		for _, one := range waiting {
			mustSee(t, "who waits", <-one, "denied", 0)
		}
	})
}
