package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// granted is a data directory that has signed a grant.
type granted struct {
	dir   string
	token string
	jwks  string // file
	set   []byte
}

func newGranted(t *testing.T) *granted {
	t.Helper()
	g := &granted{dir: t.TempDir()}
	signer, err := embedded.OpenGrantKeys(g.dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	issuer := grant.NewIssuer("http://127.0.0.1:7071", signer, func(context.Context, string, []byte) error { return nil })
	effective, err := strictjson.Parse([]byte(`{"amount":"70000.00","currency":"EUR"}`), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	g.token, _, err = issuer.Issue(t.Context(), grant.Facts{
		Audience: "dev", Agent: "finance-agent\x1b[31m", User: policy.User{UPN: "ana@contoso.com"}, Tenant: "t",
		Action: "CreatePO", ResourceType: "PurchaseOrder", ResourceID: "PO-1001", Effective: effective,
		DecisionID: "01JD0000000000000000000000", RequestDigest: "hmac-sha256:" + strings.Repeat("0", 64), Now: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	set, err := issuer.KeySet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g.set, g.jwks = set.Document(), filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(g.jwks, g.set, 0o600); err != nil {
		t.Fatal(err)
	}
	return g
}

// command runs one command line.
func command(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), args, from(), streams{&stdout, &stderr})
	code = exitCode(err, &stderr)
	return code, stdout.String() + stderr.String()
}

func TestGrantVerify(t *testing.T) {
	g := newGranted(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/keys", http.StatusFound)
			return
		}
		_, _ = w.Write(g.set)
	}))
	defer server.Close()
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "p.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file(`{ "currency": "EUR", "amount": "70000.00" }`)
	late := time.Now().Add(16 * time.Minute).Format(time.RFC3339)
	other := newGranted(t)
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"by data directory", []string{"--data", g.dir}, 0, "valid until"},
		{"by file", []string{"--jwks", g.jwks}, 0, "valid until"},
		{"by address", []string{"--jwks", server.URL}, 0, "valid until"},
		{"everything demanded", []string{
			"--jwks", g.jwks, "--issuer", "http://127.0.0.1:7071", "--audience", "dev", "--action", "CreatePO",
			"--type", "PurchaseOrder", "--resource", "PO-1001", "--parameters", good,
		}, 0, "valid until"},
		{"control characters", []string{"--jwks", g.jwks}, 0, `finance-agent\u{001B}`},
		{"another issuer", []string{"--jwks", g.jwks, "--issuer", "https://other.example"}, 1, "refused: it is of another issuer"},
		{"no issuer", []string{"--jwks", g.jwks, "--issuer", ""}, 1, "refused: it is of another issuer"},
		{"another audience", []string{"--jwks", g.jwks, "--audience", "prod"}, 1, "refused: it is for another audience"},
		{"no audience", []string{"--jwks", g.jwks, "--audience", ""}, 1, "refused: it is for another audience"},
		{"another action", []string{"--jwks", g.jwks, "--action", "DeletePO"}, 1, "refused: it is for another action"},
		{"another type", []string{"--jwks", g.jwks, "--type", "Order"}, 1, "refused: it is for another resource"},
		{"another resource", []string{"--jwks", g.jwks, "--resource", "PO-1002"}, 1, "refused: it is for another resource"},
		{"another amount", []string{"--jwks", g.jwks, "--parameters", file(`{"amount":"70000","currency":"EUR"}`)}, 1, "refused: it is for other parameters"},
		{"later", []string{"--jwks", g.jwks, "--at", late}, 1, "refused: it has expired"},
		{"keys of another service", []string{"--data", other.dir}, 1, "refused: it is signed with a key that is not known here"},
		{"two sources", []string{"--data", g.dir, "--jwks", g.jwks}, 2, "give one of them"},
		{"no such directory", []string{"--data", g.dir + "x"}, 2, "holds no grant key"},
		{"no such file", []string{"--jwks", g.jwks + "x"}, 2, "no such file"},
		{"no key set", []string{"--jwks", good}, 2, "--jwks"},
		{"plain http to elsewhere", []string{"--jwks", "http://fabric.example/keys"}, 2, "plain http"},
		{"a redirect", []string{"--jwks", server.URL + "/moved"}, 1, "status 302"},
		{"parameters that are none", []string{"--jwks", g.jwks, "--parameters", file(`[]`)}, 2, "not a JSON object"},
		{"no parameters", []string{"--jwks", g.jwks, "--parameters", good + "x"}, 2, "no such file"},
		{"no instant", []string{"--jwks", g.jwks, "--at", "tomorrow"}, 2, "--at"},
	} {
		code, out := command(t, append([]string{"grant", "verify", g.token}, c.args...)...)
		if code != c.code || !strings.Contains(out, c.want) || strings.Contains(out, "\x1b") {
			t.Errorf("%s: handler grant verify %q = %d %s, want %d and %q", c.name, c.args, code, out, c.code, c.want)
		}
	}
}

// As JSON a grant that does not count says why, and nothing it said itself.
func TestGrantVerifyJSON(t *testing.T) {
	g := newGranted(t)
	for _, c := range []struct {
		token string
		code  int
	}{{g.token, 0}, {g.token[:len(g.token)-2], 1}} {
		code, out := command(t, "grant", "verify", "--jwks", g.jwks, "--json", c.token)
		var report struct {
			Valid              bool
			Reason, Action     string
			Obligations        []any
			DecisionID, UserID *string
		}
		if err := json.Unmarshal([]byte(out), &report); err != nil {
			t.Fatalf("output %s: %v", out, err)
		}
		if code != c.code || report.Valid != (code == 0) || (report.Reason == "") != report.Valid || (report.Action == "CreatePO") != report.Valid ||
			report.Obligations == nil || report.DecisionID == nil || report.UserID == nil {
			t.Errorf("handler grant verify --json = %d %s, want %d, every member, and a reason where it is not valid", code, out, c.code)
		}
	}
}

// A rotation needs the directory for itself; grants that are out still count.
func TestGrantRotate(t *testing.T) {
	g := newGranted(t)
	lock, err := embedded.LockDirectory(g.dir)
	if err != nil {
		t.Fatal(err)
	}
	if code, out := command(t, "grant", "rotate", "--data", g.dir); code != 1 || !strings.Contains(out, "stop the server first") {
		t.Errorf("handler grant rotate beside a server = %d %s, want 1 and why", code, out)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if code, out := command(t, "grant", "rotate", "--data", g.dir); code != 0 || !strings.Contains(out, "published until") {
		t.Errorf("handler grant rotate = %d %s, want 0", code, out)
	}
	if code, out := command(t, "grant", "verify", "--data", g.dir, g.token); code != 0 {
		t.Errorf("handler grant verify of an old grant = %d %s, want 0", code, out)
	}
	for _, dir := range []string{t.TempDir(), filepath.Join(g.dir, "none")} {
		if code, out := command(t, "grant", "rotate", "--data", dir); code != 2 {
			t.Errorf("handler grant rotate --data %s = %d %s, want 2", dir, code, out)
		}
	}
}
