package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// listen serves the test's routes on a port of this machine.
func listen(t *testing.T, d Decider, o EdgeOptions) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(newTestServer(t, d, o).handler, slog.New(slog.DiscardHandler))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // that it was closed
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return listener.Addr().String()
}

func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return conn, bufio.NewReader(conn)
}

// exchange sends text and reads one answer.
func exchange(t *testing.T, conn net.Conn, in *bufio.Reader, text string) answer {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatalf("write: %v", err)
	}
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return answer{response.StatusCode, response.Header, body}
}

func postText(body string) string {
	return fmt.Sprintf("POST /api/authorize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// A dropped connection would be delivered again up to forty times: after a
// panic and after every refusal the same connection serves the next request.
func TestTheConnectionOutlivesPanicsAndRefusals(t *testing.T) {
	decider := &ledger{panics: true}
	conn, in := dial(t, listen(t, decider, EdgeOptions{Loopback: true}))
	for range 3 {
		if got := exchange(t, conn, in, postText(goodBody)); got.status != 503 {
			t.Errorf("after a panic: %d, want 503", got.status)
		}
	}
	for want, text := range map[int]string{
		400: postText("{"),
		404: strings.Replace(postText(goodBody), "/api/authorize", "/nowhere", 1),
		415: strings.Replace(postText(goodBody), "application/json", "text/plain", 1),
		403: strings.Replace(postText(goodBody), "Host: localhost", "Host: evil.example", 1),
		401: strings.Replace(postText(goodBody), "Host:", "Authorization: stranger\r\nHost:", 1),
	} {
		if got := exchange(t, conn, in, text); got.status != want {
			t.Errorf("%d, want %d", got.status, want)
		}
	}
}

// T16: a body that is refused is read first, so that whoever still sends it
// sees the answer and not a broken connection.
func TestALargeBodyGetsItsAnswer(t *testing.T) {
	conn, in := dial(t, listen(t, &ledger{}, EdgeOptions{Loopback: true}))
	large := strings.Repeat(" ", 10<<20)
	for range 2 {
		if got := exchange(t, conn, in, postText(large)); got.status != 413 {
			t.Errorf("10 MiB: %d, want 413", got.status)
		}
	}
	chunked := "POST /api/authorize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
		strings.Repeat("10000\r\n"+strings.Repeat(" ", 0x10000)+"\r\n", 32) + "0\r\n\r\n"
	if got := exchange(t, conn, in, chunked); got.status != 413 {
		t.Errorf("2 MiB in chunks: %d, want 413", got.status)
	}
	if got := exchange(t, conn, in, postText(goodBody)); got.status != 200 {
		t.Errorf("afterwards: %d, want 200", got.status)
	}
}

// T16: never a decision on a part of a body.
func TestAPartOfABodyIsNeverDecidedOn(t *testing.T) {
	decider := &ledger{}
	conn, in := dial(t, listen(t, decider, EdgeOptions{Loopback: true}))
	text := strings.Replace(postText(goodBody), fmt.Sprint("Content-Length: ", len(goodBody)), fmt.Sprint("Content-Length: ", len(goodBody)+1), 1)
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	must(t, conn.(*net.TCPConn).CloseWrite())
	response, err := http.ReadResponse(in, nil)
	must(t, err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != 400 || len(decider.calls) != 0 {
		t.Errorf("a cut body: %d, asked %d times, want 400, 0", response.StatusCode, len(decider.calls))
	}
}

// Chunked bodies are read: the host sends some of its own that way.
func TestChunkedBodies(t *testing.T) {
	conn, in := dial(t, listen(t, &ledger{}, EdgeOptions{Loopback: true}))
	text := fmt.Sprintf("POST /api/authorize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(goodBody), goodBody)
	if got := exchange(t, conn, in, text); got.status != 200 {
		t.Errorf("chunked: %d %s, want 200", got.status, got.body)
	}
}

// The caller's going away ends its request.
func TestACallerWhoGoesEndsItsRequest(t *testing.T) {
	ended := make(chan struct{})
	decider := &ledger{before: func(ctx context.Context) {
		<-ctx.Done()
		close(ended)
	}}
	conn, _ := dial(t, listen(t, decider, EdgeOptions{Loopback: true}))
	if _, err := io.WriteString(conn, postText(goodBody)); err != nil {
		t.Fatal(err)
	}
	must(t, conn.Close())
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the request did not end with its connection")
	}
}

func TestServerLimits(t *testing.T) {
	server := NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if server.IdleTimeout < 5*time.Minute || server.ReadTimeout == 0 || server.ReadHeaderTimeout == 0 || server.MaxHeaderBytes == 0 || server.WriteTimeout < time.Minute {
		t.Errorf("NewServer() = %+v", server)
	}
	conn, in := dial(t, listen(t, &ledger{}, EdgeOptions{Loopback: true}))
	if got := exchange(t, conn, in, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"); got.status != 404 {
		t.Errorf("OPTIONS *: %d, want 404", got.status)
	}
}

func TestHealth(t *testing.T) {
	for _, c := range []struct {
		lacks []Lack
		want  int
		body  string
	}{
		{nil, 200, `{"ready":true,"missing":[]}`},
		{[]Lack{{Component: "mails", Detail: "none", Warning: true}}, 200, `{"ready":true,"missing":[{"component":"mails","detail":"none"}]}`},
		{[]Lack{{Component: "policy", Detail: "no pack"}}, 503, `{"ready":false,"missing":[{"component":"policy","detail":"no pack"}]}`},
	} {
		edge := NewEdge(principals, nil, EdgeOptions{})
		server := &testServer{handler: edge.Route(Access{Public: true}, Ready(func(context.Context) []Lack { return c.lacks }))}
		if got := server.get(t, "/api/health/ready"); got.status != c.want || string(got.body) != c.body {
			t.Errorf("ready = %d %s, want %d %s", got.status, got.body, c.want, c.body)
		}
	}
	server := newTestServer(t, &ledger{}, EdgeOptions{})
	if got := server.get(t, "/api/health/live"); got.status != 200 || string(got.body) != `{"live":true}` {
		t.Errorf("live = %d %s", got.status, got.body)
	}
	if got := server.get(t, "/"); got.status != 204 || len(got.body) != 0 {
		t.Errorf("GET / = %d %s, want 204", got.status, got.body)
	}
}

func TestWhoami(t *testing.T) {
	little := identity.Principal{Kind: identity.Person, Tenant: "t", Application: "a", ObjectID: "o"}
	for _, c := range []struct {
		name string
		p    identity.Principal
		want string
	}{
		{
			"the developer",
			identity.Principal{Kind: identity.Developer},
			`{"environment":"dev","application":"","identity":"none","tenantId":"only","user":{"oid":"","upn":""},"appRoles":["Fabric.Authorize","Fabric.Auditor"],"roles":[],"agents":[{"id":"finance-agent","title":"F","actions":[],"users":[]}],"missing":[{"code":"upn","detail":"no upn"}],"warnings":["groups unknown"]}`,
		},
		{
			"a person with little", little,
			`{"environment":"dev","application":"a","identity":"verified","tenantId":"t","user":{"oid":"o","upn":""},"appRoles":[],"roles":[],"agents":[{"id":"finance-agent","title":"F","actions":[],"users":[]}],` +
				`"missing":[{"code":"upn","detail":"no upn"}],"warnings":["groups unknown"]}`,
		},
	} {
		handler := Whoami(func(context.Context, identity.Principal) (Standing, error) {
			return Standing{Environment: "dev", TenantID: "only", Agents: []Agent{{ID: "finance-agent", Title: "F"}}, Missing: []Missing{{"upn", "no upn"}}, Warnings: []string{"groups unknown"}}, nil
		})
		edge := NewEdge(anybody{"x": c.p}, nil, EdgeOptions{})
		server := &testServer{handler: edge.Route(Access{}, handler)}
		if got := server.get(t, "/api/whoami", "Authorization", "x"); string(got.body) != c.want {
			t.Errorf("%s: whoami = %s, want %s", c.name, got.body, c.want)
		}
	}
}
