package authorize_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const fabric = "https://fabric.example"

// vault is a grant signer in memory.
type vault struct {
	private *ecdsa.PrivateKey
	err     error // of reading the keys
}

func newVault(t *testing.T) *vault {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &vault{private: private}
}

func (v *vault) PublicKeys(context.Context) ([]grant.PublicKey, error) {
	key, err := grant.NewPublicKey(&v.private.PublicKey)
	return []grant.PublicKey{key}, errors.Join(err, v.err)
}

func (v *vault) Sign(_ context.Context, _ string, digest [sha256.Size]byte) ([]byte, error) {
	r, s, err := ecdsa.Sign(rand.Reader, v.private, digest[:])
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
}

func issuerOf(v *vault, name string) *grant.Issuer {
	return grant.NewIssuer(name, v, func(context.Context, string, []byte) error { return nil })
}

func maskFacts() grant.Facts {
	return grant.Facts{
		Audience: "api://purchasing", Agent: "finance-agent", User: policy.User{ID: anaID}, Application: flow, Tenant: tenant,
		Action: "ReadSuppliers", ResourceType: "Supplier", ResourceID: "all", Effective: strictjson.ObjectOf(),
		Obligations: []policy.Obligation{
			{Type: "mask", Path: "output.**.iban", Method: "last4"},
			{Type: "mask", Path: "parameters.note", Method: "redact"},
		},
		DecisionID: "01JD0000000000000000000000", RequestDigest: "hmac-sha256:" + strings.Repeat("0", 64), Now: noon,
	}
}

func application(app, tid string) identity.Principal {
	return identity.Principal{Kind: identity.Application, Tenant: tid, Application: app, AppRoles: []string{identity.RoleAuthorize}}
}

const supplierOutput = `{"suppliers":[{"name":"Möbel AG","iban":"DE89370400440532013000","amount":70000.0}],"note":"kept"}`

// The output. obligations of the grant are applied, the rest stays as it was
// sent, and the record holds no value.
func TestMask(t *testing.T) {
	sink := &storetest.MemorySink{}
	issuer := issuerOf(newVault(t), fabric)
	token, _, err := issuer.Issue(t.Context(), maskFacts())
	if err != nil {
		t.Fatal(err)
	}
	masker := authorize.NewMasker(issuer, openLog(t, sink), key, authorize.MaskOptions{Clock: func() time.Time { return noon }})
	got, err := masker.Mask(t.Context(), application(flow, tenant), authorize.MaskRequest{Grant: token, Output: jsonOf(t, supplierOutput)})
	if err != nil {
		t.Fatalf("Mask = %v", err)
	}
	want := strings.Replace(supplierOutput, "DE89370400440532013000", "****3000", 1)
	if text := string(strictjson.AppendAsSent(nil, got.Output)); text != want || !got.Changed || got.DecisionID != maskFacts().DecisionID || got.Receipt.Hash == "" {
		t.Errorf("Mask = %s, changed %v, decision %s, receipt %v, want %s", text, got.Changed, got.DecisionID, got.Receipt, want)
	}
	record := lastLine(t, sink)
	for _, part := range []string{`"kind":"mask"`, maskFacts().DecisionID, `"callerApp":"` + flow, `"output.**.iban"`, `"masked":true`} {
		if !strings.Contains(record, part) {
			t.Errorf("the record %s lacks %s", record, part)
		}
	}
	for _, value := range []string{"3000", "Möbel", "kept", "70000", token[:40]} {
		if strings.Contains(record, value) {
			t.Errorf("the record %s holds %q", record, value)
		}
	}
}

func TestMaskWithNothingToMask(t *testing.T) {
	issuer := issuerOf(newVault(t), fabric)
	token, _, err := issuer.Issue(t.Context(), maskFacts())
	if err != nil {
		t.Fatal(err)
	}
	masker := authorize.NewMasker(issuer, openLog(t, &storetest.MemorySink{}), key, authorize.MaskOptions{Clock: func() time.Time { return noon }})
	for _, output := range []string{`null`, `[]`, `"text"`, `{"b":1,"a":70000.0}`} {
		got, err := masker.Mask(t.Context(), application(flow, tenant), authorize.MaskRequest{Grant: token, Output: jsonOf(t, output)})
		if text := string(strictjson.AppendAsSent(nil, got.Output)); err != nil || text != output || got.Changed {
			t.Errorf("Mask(%s) = %s, changed %v, %v, want it as it was", output, text, got.Changed, err)
		}
	}
}

// contract.md: same application, unexpired, a grant of ours; else a refusal
// that is in the log before it is answered.
func TestMaskRefusesAGrant(t *testing.T) {
	v := newVault(t)
	for _, c := range []struct {
		name   string
		issuer *grant.Issuer
		facts  func(*grant.Facts)
		as     identity.Principal
		now    time.Time
		edit   func(string) string
	}{
		{name: "of another application", as: application(otherFlow, tenant)},
		{name: "of another tenant", as: application(flow, elsewhere)},
		{name: "of an application, brought by the developer", as: identity.Principal{Kind: identity.Developer}},
		{name: "of the developer, brought by an application", facts: func(f *grant.Facts) { f.Application = "" }},
		{name: "expired", now: noon.Add(15 * time.Minute)},
		{name: "not yet begun", now: noon.Add(-time.Second)},
		{name: "of another service", issuer: issuerOf(v, "https://other.example")},
		{name: "signed by somebody else", issuer: issuerOf(newVault(t), fabric)},
		{name: "cut short", edit: func(s string) string { return s[:len(s)-4] }},
		{name: "empty", edit: func(string) string { return "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink, facts := &storetest.MemorySink{}, maskFacts()
			if c.facts != nil {
				c.facts(&facts)
			}
			ours, from, as, now := issuerOf(v, fabric), c.issuer, c.as, c.now
			if from == nil {
				from = ours
			}
			if as.Kind == identity.Nobody {
				as = application(flow, tenant)
			}
			if now.IsZero() {
				now = noon
			}
			token, _, err := from.Issue(t.Context(), facts)
			if err != nil {
				t.Fatal(err)
			}
			if c.edit != nil {
				token = c.edit(token)
			}
			masker := authorize.NewMasker(ours, openLog(t, sink), key, authorize.MaskOptions{Clock: func() time.Time { return now }})
			got, err := masker.Mask(t.Context(), as, authorize.MaskRequest{Grant: token, Output: jsonOf(t, supplierOutput)})
			var refused *grant.RefusedError
			if !errors.As(err, &refused) || got.Output.Kind() != strictjson.Absent || got.DecisionID != "" {
				t.Errorf("Mask = %+v, %v, want nothing and a RefusedError", got, err)
			}
			record := lastLine(t, sink)
			if !strings.Contains(record, `"kind":"refused"`) || !strings.Contains(record, `"reasonCode":"grant.refused"`) || strings.Contains(record, "Möbel") {
				t.Errorf("the record is %s, want a refusal without values", record)
			}
		})
	}
}

// Without a record there is neither an output nor a refusal.
func TestMaskNeedsTheLogAndTheKeys(t *testing.T) {
	v := newVault(t)
	issuer := issuerOf(v, fabric)
	token, _, err := issuer.Issue(t.Context(), maskFacts())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, token, component string
		spoil                  error
		log                    authorize.Log
	}{
		{"a good grant", token, "audit", nil, lostLog{}},
		{"a bad grant", "a.b.c", "audit", nil, lostLog{}},
		{"unreadable keys", token, "grants", errors.New("vault is gone"), openLog(t, &storetest.MemorySink{})},
	} {
		v.err = c.spoil
		masker := authorize.NewMasker(issuer, c.log, key, authorize.MaskOptions{Clock: func() time.Time { return noon }})
		got, err := masker.Mask(t.Context(), application(flow, tenant), authorize.MaskRequest{Grant: c.token, Output: jsonOf(t, supplierOutput)})
		var unavailable *authorize.UnavailableError
		if !errors.As(err, &unavailable) || unavailable.Component != c.component || got.Output.Kind() != strictjson.Absent {
			t.Errorf("%s: Mask = %+v, %v, want nothing and %s unavailable", c.name, got, err, c.component)
		}
	}
}

type lostLog struct{}

func (lostLog) Admit() error { return nil }

func (lostLog) Append(context.Context, audit.Record) (audit.Receipt, error) {
	return audit.Receipt{}, audit.ErrUnavailable
}

func jsonOf(t *testing.T, text string) strictjson.Value {
	t.Helper()
	v, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// lastLine is the newest record.
func lastLine(t *testing.T, sink *storetest.MemorySink) string {
	t.Helper()
	lines := (&world{sink: sink}).lines(t)
	if len(lines) == 0 {
		t.Fatal("the log is empty")
	}
	return string(lines[len(lines)-1])
}
