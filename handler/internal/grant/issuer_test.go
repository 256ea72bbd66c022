package grant_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	service  = "https://fabric.example"
	audience = "api://purchasing"
)

var at = time.Date(2026, 11, 21, 19, 52, 0, 123_000_000, time.UTC)

// signer is keys in memory, the first of them current.
type signer struct {
	mu   sync.Mutex
	keys []*ecdsa.PrivateKey
	err  error // of Sign
	last error // of PublicKeys
	high bool  // sign with the larger s
}

func newSigner(t testing.TB) *signer {
	t.Helper()
	return &signer{keys: []*ecdsa.PrivateKey{newKey(t)}}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (s *signer) PublicKeys(context.Context) ([]grant.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []grant.PublicKey
	for _, k := range s.keys {
		p, err := grant.NewPublicKey(&k.PublicKey)
		if err != nil {
			return nil, err
		}
		keys = append(keys, p)
	}
	return keys, s.last
}

func (s *signer) Sign(_ context.Context, kid string, digest [sha256.Size]byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if p, err := grant.NewPublicKey(&k.PublicKey); err != nil || p.ID() != kid {
			continue
		}
		signature, err := sign(k, digest[:], s.high)
		return signature, errors.Join(err, s.err)
	}
	return nil, errors.New("no such key")
}

// rotate makes a new key the current one.
func (s *signer) rotate(t *testing.T) {
	t.Helper()
	key := newKey(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = slices.Insert(s.keys, 0, key)
}

func kept(context.Context, string, []byte) error { return nil }

func facts() grant.Facts {
	return grant.Facts{
		Audience: audience, Agent: "finance-agent", User: policy.User{ID: "0a0a0a0a-0000-4000-8000-00000000000a", UPN: "ana@contoso.com"},
		Application: "aaaaaaaa-0000-4000-8000-000000000001", Tenant: "11111111-1111-1111-1111-111111111111",
		Action: "CreatePO", ResourceType: "PurchaseOrder", ResourceID: "PO-1001", Effective: parse(`{"amount":70000,"currency":"EUR"}`),
		Obligations: []policy.Obligation{{Type: "mask", Path: "output.**.iban", Method: "last4"}},
		DecisionID:  "01JD0000000000000000000000", RequestDigest: "hmac-sha256:" + digest64, ApprovalID: "apr_abc-1",
		PolicyHashes: []string{"sha256:" + digest64}, Now: at,
	}
}

const digest64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func parse(text string) strictjson.Value {
	v, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		panic(err)
	}
	return v
}

func issue(t testing.TB, i *grant.Issuer, f grant.Facts) string {
	t.Helper()
	token, _, err := i.Issue(context.Background(), f)
	if err != nil {
		t.Fatalf("Issue = %v", err)
	}
	return token
}

func TestIssuedGrantSaysTheFacts(t *testing.T) {
	i := grant.NewIssuer(service, newSigner(t), kept)
	f := facts()
	token, ends, err := i.Issue(t.Context(), f)
	if err != nil {
		t.Fatalf("Issue = %v", err)
	}
	keys, err := i.KeySet(t.Context())
	if err != nil {
		t.Fatalf("KeySet = %v", err)
	}
	got, err := grant.Verify(t.Context(), token, keys, grant.Expected{Issuer: service, Audience: audience, Now: at})
	start := at.Truncate(time.Second)
	want := grant.Claims{
		Issuer: service, Audience: audience, Agent: f.Agent, User: grant.User{ID: f.User.ID, UPN: f.User.UPN},
		Application: f.Application, Tenant: f.Tenant, Call: grant.Call{Action: f.Action, ResourceType: f.ResourceType, ResourceID: f.ResourceID},
		Effective: grant.EffectiveHash(f.Effective), Obligations: f.Obligations, DecisionID: f.DecisionID,
		IssuedAt: start, NotBefore: start, Expires: start.Add(grant.Lifetime),
		RequestDigest: f.RequestDigest, ApprovalID: f.ApprovalID, PolicyHashes: f.PolicyHashes,
	}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("Verify(Issue()) = %v, %s", err, cmp.Diff(got, want))
	}
	if !ends.Equal(want.Expires) {
		t.Errorf("Issue ends at %s, want %s", ends, want.Expires)
	}
}

// A grant counts 15 minutes, and never past what it rests on.
func TestGrantEnds(t *testing.T) {
	start := at.Truncate(time.Second)
	for _, c := range []struct {
		name     string
		notAfter time.Time
		want     time.Time // zero: no grant
	}{
		{"without an approval", time.Time{}, start.Add(15 * time.Minute)},
		{"long after", at.Add(time.Hour), start.Add(15 * time.Minute)},
		{"before the 15 minutes", start.Add(70*time.Second + 900*time.Millisecond), start.Add(70 * time.Second)},
		{"this second", at.Add(800 * time.Millisecond), time.Time{}},
		{"now", at, time.Time{}},
		{"over", at.Add(-time.Hour), time.Time{}},
	} {
		f := facts()
		f.NotAfter = c.notAfter
		token, ends, err := grant.NewIssuer(service, newSigner(t), kept).Issue(t.Context(), f)
		if !ends.Equal(c.want) || (err == nil) == c.want.IsZero() || (token == "") != c.want.IsZero() {
			t.Errorf("%s: Issue = %q until %s, %v, want until %s", c.name, token, ends, err, c.want)
		}
	}
}

// Facts that make no grant which anybody would take make none.
func TestIssueRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*grant.Facts, *signer){
		"no audience":       func(f *grant.Facts, _ *signer) { f.Audience = "" },
		"no agent":          func(f *grant.Facts, _ *signer) { f.Agent = "" },
		"no tenant":         func(f *grant.Facts, _ *signer) { f.Tenant = "" },
		"no action":         func(f *grant.Facts, _ *signer) { f.Action = "" },
		"no decision":       func(f *grant.Facts, _ *signer) { f.DecisionID = "" },
		"no digest":         func(f *grant.Facts, _ *signer) { f.RequestDigest = "" },
		"a digest too long": func(f *grant.Facts, _ *signer) { f.RequestDigest += "0" },
		"no hash of a pack": func(f *grant.Facts, _ *signer) { f.PolicyHashes = []string{"pack"} },
		"too long": func(f *grant.Facts, _ *signer) {
			f.Obligations = slices.Repeat(f.Obligations, 200)
		},
		"no key":            func(_ *grant.Facts, s *signer) { s.keys = nil },
		"unreadable keys":   func(_ *grant.Facts, s *signer) { s.last = errors.New("vault is gone") },
		"a failing signer":  func(_ *grant.Facts, s *signer) { s.err = errors.New("vault is gone") },
		"no time, no clock": func(f *grant.Facts, _ *signer) { f.Now = time.Time{} },
	} {
		f, s := facts(), newSigner(t)
		spoil(&f, s)
		if token, ends, err := grant.NewIssuer(service, s, kept).Issue(t.Context(), f); err == nil || token != "" || !ends.IsZero() {
			t.Errorf("%s: Issue = %q, %s, %v, want an error and nothing else", name, token, ends, err)
		}
	}
}

// A signer that signs with another key than it names gives no grant.
func TestIssueChecksTheSignature(t *testing.T) {
	confused := &confusedSigner{newSigner(t), newKey(t)}
	if token, _, err := grant.NewIssuer(service, confused, kept).Issue(t.Context(), facts()); err == nil {
		t.Errorf("Issue = %q, want an error", token)
	}
}

type confusedSigner struct {
	*signer
	other *ecdsa.PrivateKey
}

func (s *confusedSigner) Sign(_ context.Context, _ string, digest [sha256.Size]byte) ([]byte, error) {
	return sign(s.other, digest[:], false)
}

// approvals.md: every public key is kept before its first use, and once; a key
// that cannot be kept signs nothing.
func TestKeyIsKeptBeforeItSigns(t *testing.T) {
	s := newSigner(t)
	var calls []string
	fail := true
	i := grant.NewIssuer(service, s, func(_ context.Context, kid string, jwk []byte) error {
		calls = append(calls, kid)
		if fail {
			return errors.New("the audit container is full")
		}
		set, err := grant.ParseKeySet([]byte(`{"keys":[` + string(jwk) + `]}`))
		if err != nil || len(set.Keys()) != 1 {
			t.Errorf("keep(%s, %s): %v, want one key", kid, jwk, err)
		}
		return nil
	})
	if token, _, err := i.Issue(t.Context(), facts()); err == nil {
		t.Fatalf("Issue while the key is not kept = %q, want an error", token)
	}
	fail = false
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { issue(t, i, facts()) })
	}
	group.Wait()
	if len(calls) != 2 || calls[0] != calls[1] {
		t.Errorf("keep was called for %q, want the same key twice: failed, then kept", calls)
	}
	s.rotate(t)
	issue(t, i, facts())
	if len(calls) != 3 || calls[2] == calls[0] {
		t.Errorf("keep was called for %q, want the new key once more", calls)
	}
}

// Whoever waits for another's keeping does not wait past its own deadline.
func TestKeepingIsLeftAtTheDeadline(t *testing.T) {
	begun, leave := make(chan bool), make(chan bool)
	i := grant.NewIssuer(service, newSigner(t), func(context.Context, string, []byte) error {
		close(begun)
		<-leave
		return nil
	})
	done := make(chan error)
	go func() {
		_, _, err := i.Issue(context.Background(), facts())
		done <- err
	}()
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := i.Issue(ctx, facts()); !errors.Is(err, context.Canceled) {
		t.Errorf("Issue beside a keeping = %v, want %v", err, context.Canceled)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Errorf("Issue = %v", err)
	}
}
