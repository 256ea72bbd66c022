package gate_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/gate"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	service  = "https://fabric.example"
	audience = "api://purchasing"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// signer is one key in memory.
type signer struct{ private *ecdsa.PrivateKey }

func newSigner() *signer {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return &signer{private}
}

func (s *signer) PublicKeys(context.Context) ([]grant.PublicKey, error) {
	key, err := grant.NewPublicKey(&s.private.PublicKey)
	return []grant.PublicKey{key}, err
}

func (s *signer) Sign(_ context.Context, _ string, digest [sha256.Size]byte) ([]byte, error) {
	r, n, err := ecdsa.Sign(rand.Reader, s.private, digest[:])
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), n.FillBytes(make([]byte, 32))...), nil
}

// issuer is a service that grants, and the keys it publishes.
type issuer struct {
	*grant.Issuer
	document []byte
}

func newIssuer() *issuer {
	i := grant.NewIssuer(service, newSigner(), func(context.Context, string, []byte) error { return nil })
	set, err := i.KeySet(context.Background())
	if err != nil {
		panic(err)
	}
	return &issuer{i, set.Document()}
}

func (i *issuer) keys(t *testing.T) gate.Keys {
	t.Helper()
	keys, err := gate.ParseKeys(i.document)
	if err != nil {
		t.Fatalf("ParseKeys(%s) = %v", i.document, err)
	}
	return keys
}

// grant is one for the purchase of the tests, under an id.
func (i *issuer) grant(id string) string {
	effective, err := strictjson.Parse([]byte(`{"amount":"70000.00","currency":"EUR"}`), strictjson.Limits{})
	if err != nil {
		panic(err)
	}
	token, _, err := i.Issue(context.Background(), grant.Facts{
		Audience: audience, Agent: "finance-agent", User: policy.User{UPN: "ana@contoso.com"}, Application: "app", Tenant: "t",
		Action: "CreatePO", ResourceType: "PurchaseOrder", ResourceID: "PO-1001", Effective: effective,
		Obligations: []policy.Obligation{{Type: "mask", Path: "output.iban", Method: "last4"}},
		DecisionID:  id, RequestDigest: "hmac-sha256:" + strings.Repeat("0", 64), ApprovalID: "apr_x-1", Now: noon,
	})
	if err != nil {
		panic(err)
	}
	return token
}

func newChecker(t *testing.T, keys gate.Keys, e gate.Expect) *gate.Checker {
	t.Helper()
	e.Issuer, e.Audience = service, audience
	if e.Now == nil {
		e.Now = func() time.Time { return noon }
	}
	c, err := gate.NewChecker(keys, e)
	if err != nil {
		t.Fatalf("NewChecker = %v", err)
	}
	return c
}

var order = gate.ToolCall{
	Action: "CreatePO", ResourceType: "PurchaseOrder", ResourceID: "PO-1001",
	Parameters: map[string]any{"currency": "EUR", "amount": "70000.00"},
}

func TestCheckSaysWhatWasGranted(t *testing.T) {
	i := newIssuer()
	got, err := newChecker(t, i.keys(t), gate.Expect{}).Check(t.Context(), i.grant("d-1"), order)
	want := gate.Granted{
		Agent: "finance-agent", UserUPN: "ana@contoso.com", Application: "app", Tenant: "t", DecisionID: "d-1", ApprovalID: "apr_x-1",
		Obligations: []gate.Obligation{{Type: "mask", Path: "output.iban", Method: "last4"}}, Expires: noon.Add(15 * time.Minute),
	}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("Check = %+v, %v, want %+v", got, err, want)
	}
}

// What the tool is about to do must be what was granted, however it is
// written; a call that is refused does not use the grant up.
func TestCheckComparesTheCall(t *testing.T) {
	i := newIssuer()
	c := newChecker(t, i.keys(t), gate.Expect{})
	token := i.grant("d-1")
	type struct1 struct {
		Amount   string `json:"amount"`
		Currency string `json:"currency"`
	}
	for _, m := range []struct {
		name string
		edit func(*gate.ToolCall)
	}{
		{"another action", func(c *gate.ToolCall) { c.Action = "DeletePO" }},
		{"another resource", func(c *gate.ToolCall) { c.ResourceID = "PO-1002" }},
		{"another type", func(c *gate.ToolCall) { c.ResourceType = "" }},
		{"another amount", func(c *gate.ToolCall) { c.Parameters = struct1{"70000.01", "EUR"} }},
		{"the amount written otherwise", func(c *gate.ToolCall) { c.Parameters = struct1{"70000.0", "EUR"} }},
		{"the amount as a number", func(c *gate.ToolCall) { c.Parameters = json.RawMessage(`{"amount":70000.00,"currency":"EUR"}`) }},
		{"a parameter more", func(c *gate.ToolCall) {
			c.Parameters = json.RawMessage(`{"amount":"70000.00","currency":"EUR","vendor":"V-7"}`)
		}},
		{"a parameter twice", func(c *gate.ToolCall) {
			c.Parameters = json.RawMessage(`{"amount":"1.00","amount":"70000.00","currency":"EUR"}`)
		}},
		{"no parameters", func(c *gate.ToolCall) { c.Parameters = nil }},
		{"a list", func(c *gate.ToolCall) { c.Parameters = []string{} }},
		{"no JSON", func(c *gate.ToolCall) { c.Parameters = json.RawMessage(`{`) }},
		{"what has no JSON", func(c *gate.ToolCall) { c.Parameters = func() {} }},
	} {
		call := order
		m.edit(&call)
		if g, err := c.Check(t.Context(), token, call); !errors.Is(err, gate.ErrGrant) || g.DecisionID != "" {
			t.Errorf("%s: Check = %+v, %v, want %v", m.name, g, err, gate.ErrGrant)
		}
	}
	same := order
	same.Parameters = struct1{"70000.00", "EUR"}
	if _, err := c.Check(t.Context(), token, same); err != nil {
		t.Errorf("Check of the granted call = %v, want it permitted", err)
	}
}

func TestCheckRefusesForeignGrants(t *testing.T) {
	ours, theirs := newIssuer(), newIssuer()
	for name, c := range map[string]*gate.Checker{
		"another key":  newChecker(t, theirs.keys(t), gate.Expect{}),
		"expired":      newChecker(t, ours.keys(t), gate.Expect{Now: func() time.Time { return noon.Add(15*time.Minute - 10*time.Second) }}),
		"not yet":      newChecker(t, ours.keys(t), gate.Expect{Now: func() time.Time { return noon.Add(-11 * time.Second) }}),
		"broken uses":  newChecker(t, ours.keys(t), gate.Expect{Uses: brokenUses{}}),
		"used already": newChecker(t, ours.keys(t), gate.Expect{Uses: usedUp(t)}),
	} {
		if g, err := c.Check(t.Context(), ours.grant("d-1"), order); !errors.Is(err, gate.ErrGrant) {
			t.Errorf("%s: Check = %+v, %v, want %v", name, g, err, gate.ErrGrant)
		}
	}
	for _, e := range []gate.Expect{{Issuer: "https://other.example", Audience: audience}, {Issuer: service, Audience: "api://payroll"}} {
		e.Now = func() time.Time { return noon }
		c, err := gate.NewChecker(ours.keys(t), e)
		if err != nil {
			t.Fatal(err)
		}
		if g, err := c.Check(t.Context(), ours.grant("d-1"), order); !errors.Is(err, gate.ErrGrant) {
			t.Errorf("Check for %s of %s = %+v, %v, want %v", e.Audience, e.Issuer, g, err, gate.ErrGrant)
		}
	}
	for _, e := range []gate.Expect{{}, {Issuer: service}, {Audience: audience}} {
		if _, err := gate.NewChecker(ours.keys(t), e); err == nil {
			t.Errorf("NewChecker(%+v) = nil, want an error", e)
		}
	}
	if _, err := gate.NewChecker(gate.Keys{}, gate.Expect{Issuer: service, Audience: audience}); err == nil {
		t.Error("NewChecker without keys = nil, want an error")
	}
}

type brokenUses struct{}

func (brokenUses) Use(context.Context, string, time.Time, time.Time) error {
	return errors.New("the store is gone")
}

func usedUp(t *testing.T) *gate.Memory {
	t.Helper()
	m := gate.NewMemory(0)
	if err := m.Use(t.Context(), "d-1", noon.Add(time.Hour), noon); err != nil {
		t.Fatal(err)
	}
	return m
}

// approvals.md: remember jti. Of 200 at the same time exactly one wins.
func TestAGrantIsUsedOnce(t *testing.T) {
	i := newIssuer()
	c := newChecker(t, i.keys(t), gate.Expect{})
	for round := range 5 {
		token := i.grant(fmt.Sprint("d-", round))
		var won, used atomic.Int64
		var group sync.WaitGroup
		start := make(chan bool)
		for range 200 {
			group.Go(func() {
				<-start
				switch _, err := c.Check(context.Background(), token, order); {
				case err == nil:
					won.Add(1)
				case errors.Is(err, gate.ErrUsed):
					used.Add(1)
				}
			})
		}
		close(start)
		group.Wait()
		if won.Load() != 1 || used.Load() != 199 {
			t.Errorf("of 200 checks of one grant %d won and %d found it used, want 1 and 199", won.Load(), used.Load())
		}
	}
}

func TestMemory(t *testing.T) {
	m := gate.NewMemory(2)
	for _, c := range []struct {
		name, id   string
		until, now time.Duration // from noon
		want       error
	}{
		{"first", "a", time.Minute, 0, nil},
		{"again", "a", time.Minute, 0, gate.ErrUsed},
		{"again with another end", "a", time.Hour, 0, gate.ErrUsed},
		{"another", "b", 2 * time.Minute, 0, nil},
		{"over its bound", "c", time.Minute, 0, gate.ErrMemoryFull},
		{"known while it is full", "b", 2 * time.Minute, 0, gate.ErrUsed},
		{"when the first has ended", "c", 3 * time.Minute, time.Minute, nil},
		{"forgotten, and the clock goes back", "a", time.Minute, 0, gate.ErrUsed},
		{"full again", "d", 4 * time.Minute, time.Minute, gate.ErrMemoryFull},
	} {
		if err := m.Use(t.Context(), c.id, noon.Add(c.until), noon.Add(c.now)); !errors.Is(err, c.want) {
			t.Errorf("%s: Use(%s) = %v, want %v", c.name, c.id, err, c.want)
		}
	}
}

func TestFromRequest(t *testing.T) {
	for _, c := range []struct {
		values []string
		ok     bool
	}{{[]string{"a.b.c"}, true}, {nil, false}, {[]string{""}, false}, {[]string{"a", "b"}, false}} {
		r := &http.Request{Header: http.Header{gate.Header: c.values}}
		if token, err := gate.FromRequest(r); (err == nil) != c.ok || !c.ok && !errors.Is(err, gate.ErrGrant) {
			t.Errorf("FromRequest(%q) = %q, %v, want accepted %v", c.values, token, err, c.ok)
		}
	}
}

func TestReadKeys(t *testing.T) {
	i := newIssuer()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, i.document, 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := gate.ReadKeys(path)
	if err != nil {
		t.Fatalf("ReadKeys = %v", err)
	}
	if _, err := newChecker(t, keys, gate.Expect{}).Check(t.Context(), i.grant("d"), order); err != nil {
		t.Errorf("Check = %v", err)
	}
	if _, err := gate.ReadKeys(path + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("ReadKeys of no file = %v, want %v", err, os.ErrNotExist)
	}
}

// A text that is not UTF-8 is another one once it is encoded: a grant for that
// one does not let the tool run with this one.
func TestParametersThatAreNoText(t *testing.T) {
	i := newIssuer()
	effective, err := strictjson.Parse([]byte(`{"path":"a\ufffdb"}`), strictjson.Limits{})
	if err != nil {
		t.Fatalf("Parse = %v", err)
	}
	token, _, err := i.Issue(t.Context(), grant.Facts{
		Audience: audience, Agent: "a", Tenant: "t", Action: "Read", Effective: effective, DecisionID: "01JD0000000000000000000009",
		RequestDigest: "hmac-sha256:" + strings.Repeat("0", 64), Now: noon,
	})
	if err != nil {
		t.Fatalf("Issue = %v", err)
	}
	c := newChecker(t, i.keys(t), gate.Expect{})
	for _, wrong := range []any{
		map[string]string{"path": "a\xffb"},
		struct {
			Path string `json:"path"`
		}{"a\xffb"},
		map[string]any{"path": "a\ufffdb", "x": []string{"\\\xff"}},
	} {
		if _, err := c.Check(t.Context(), token, gate.ToolCall{Action: "Read", Parameters: wrong}); !errors.Is(err, gate.ErrGrant) {
			t.Errorf("Check(%q) = %v, want ErrGrant", wrong, err)
		}
	}
	if _, err := c.Check(t.Context(), token, gate.ToolCall{Action: "Read", Parameters: map[string]string{"path": "a\ufffdb"}}); err != nil {
		t.Errorf("Check of what was granted = %v", err)
	}
}
