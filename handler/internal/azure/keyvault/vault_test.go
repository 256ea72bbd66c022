package keyvault

import (
	"context"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/authorization-fabric/fabric/handler/internal/azure"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/vault"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

func newRandom() io.Reader { return rand.Reader }

// R15: what the vault signs counts for whoever verifies, under the id that the
// key has by itself. Of the two signatures that fit, the vault may give either;
// the grant carries the one with the smaller s.
func TestR15SignaturesVerify(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults []vault.Fault
	}{
		{"as the vault signs", nil},
		{"with the larger s", []vault.Fault{{Op: vault.Sign, HighS: true}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, vault.Options{})
			v := w.open(t, w.options())
			w.Break(test.faults...)
			for range 8 {
				if _, err := issue(t, v, noon); err != nil {
					t.Fatalf("Issue = %v", err)
				}
			}
			statement, err := grant.NewIssuer(issuerName, v, keepNothing).Sign(t.Context(), grant.AnchorType, []byte("{}"))
			if err != nil {
				t.Fatalf("Sign = %v", err)
			}
			if err := grant.Match(t.Context(), grant.AnchorType, statement, grant.NewKeySet(publicKeys(t, v)...), []byte("{}")); err != nil {
				t.Errorf("Match = %v", err)
			}
		})
	}
}

// R15: an answer that is no signature of the key that was asked for is no
// grant and no statement.
func TestR15WrongSignaturesAreErrors(t *testing.T) {
	for name, fault := range map[string]vault.Fault{
		"by another key":   {OtherKey: true},
		"a byte short":     {Short: true},
		"another version":  {OtherName: true},
		"no JSON":          {Body: "<html>"},
		"nothing":          {Body: "{}"},
		"an empty kid":     {Body: `{"kid":"","value":""}`},
		"a connection cut": {Lost: true},
		"a redirect":       {Moved: "https://elsewhere.example/"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, vault.Options{})
			v := w.open(t, w.options())
			fault.Op = vault.Sign
			w.Break(fault)
			if signature, err := v.Sign(t.Context(), kids(t, v)[0], sha256.Sum256(nil)); err == nil {
				t.Errorf("Sign = %x, want an error", signature)
			}
			w.Mend()
			if _, err := issue(t, v, noon); err != nil {
				t.Errorf("after the fault: %v", err)
			}
		})
	}
}

// T39: with the vault gone, throttled or silent nothing new is signed, at once
// or when the limit of a call has passed, and what was signed still verifies.
func TestT39VaultDown(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault vault.Fault
		is    func(error) bool
	}{
		{"silent", vault.Fault{Hang: true}, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		{"throttled", vault.Fault{Status: 429, Code: "Throttled"}, func(err error) bool { return azure.StatusOf(err) == 429 }},
		{"down", vault.Fault{Status: 503}, func(err error) bool { return azure.StatusOf(err) == 503 }},
		{"forbidden", vault.Fault{Status: 403, Code: "Forbidden"}, func(err error) bool { return azure.StatusOf(err) == 403 }},
		{"cut", vault.Fault{Lost: true}, func(error) bool { return true }},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, vault.Options{})
			o := w.options()
			o.CallLimit = 200 * time.Millisecond
			v := w.open(t, o)
			before, err := issue(t, v, noon)
			if err != nil {
				t.Fatal(err)
			}
			w.Break(test.fault)
			calls, began := w.Calls(vault.Sign), time.Now()
			_, err = issue(t, v, noon)
			if err == nil || !test.is(err) {
				t.Errorf("Issue = %v", err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if made := w.Calls(vault.Sign) - calls; made != 1 {
				t.Errorf("%d requests, want one: a signature is not tried again", made)
			}
			if err := v.Refresh(t.Context()); err == nil {
				t.Error("Refresh = nil with the vault away")
			}
			if err := verify(t, v, before, noon.Add(time.Minute)); err != nil {
				t.Errorf("a grant from before: %v", err)
			}
			w.Mend()
			if _, err := issue(t, v, noon); err != nil {
				t.Errorf("with the vault back: %v", err)
			}
		})
	}
}

// T39: a new version is published at once and signs when all who keep the keys
// have fetched them again; the one before stays published until its last grant
// is out. Two instances, one of them started later, agree at every instant.
func TestT39Rotation(t *testing.T) {
	w := newWorld(t, vault.Options{})
	o := w.options()
	v := w.open(t, o)
	w.clock.move(48 * time.Hour)
	refresh(t, v)
	first := kids(t, v)[0]

	w.AddKey(keyName)
	refresh(t, v)
	both := kids(t, v)
	if len(both) != 2 || both[0] != first {
		t.Fatalf("after the rotation kids = %v, want %s and the new one", both, first)
	}
	second := both[1]
	settle := time.Hour + 10*time.Minute

	w.clock.move(settle - time.Second)
	later := w.open(t, o)
	for _, instance := range []*Vault{v, later} {
		if got := kids(t, instance); !slices.Equal(got, both) {
			t.Fatalf("before its turn kids = %v, want %v", got, both)
		}
	}
	last, err := issue(t, v, w.clock.read())
	if err != nil {
		t.Fatal(err)
	}

	w.clock.move(time.Second)
	for _, instance := range []*Vault{v, later} {
		if got := kids(t, instance); !slices.Equal(got, []string{second, first}) {
			t.Fatalf("at its turn kids = %v", got)
		}
		if _, err := issue(t, instance, w.clock.read()); err != nil {
			t.Fatalf("at its turn: %v", err)
		}
	}
	if _, err := v.Sign(t.Context(), first, sha256.Sum256(nil)); err != nil {
		t.Errorf("who chose the version before a moment ago: %v", err)
	}

	w.clock.move(grant.Lifetime - 2*time.Second)
	if err := verify(t, v, last, w.clock.read()); err != nil {
		t.Errorf("the last grant of the version before: %v", err)
	}
	if _, err := v.Sign(t.Context(), first, sha256.Sum256(nil)); err == nil {
		t.Error("the version before signs long after its turn")
	}
	w.clock.move(3 * time.Minute)
	if got := kids(t, v); !slices.Equal(got, []string{second}) {
		t.Errorf("when its last grant is out kids = %v", got)
	}
}

// A version that was disabled is taken back: it is neither used nor published
// any more, and what it signed counts for nothing. The next one signs at once.
func TestT39EmergencyRotation(t *testing.T) {
	w := newWorld(t, vault.Options{})
	v := w.open(t, w.options())
	w.clock.move(time.Hour)
	stolen, err := issue(t, v, w.clock.read())
	if err != nil {
		t.Fatal(err)
	}
	old := kids(t, v)[0]
	w.AddKey(keyName)
	w.EditKey(keyName, w.first, func(k *vault.Key) { k.Enabled = false })
	if _, err := issue(t, v, w.clock.read()); azure.StatusOf(err) != http.StatusForbidden {
		t.Errorf("with a version that was disabled: %v", err)
	}
	refresh(t, v)
	if got := kids(t, v); len(got) != 1 || got[0] == old {
		t.Fatalf("kids = %v, want the new one", got)
	}
	if _, err := issue(t, v, w.clock.read()); err != nil {
		t.Errorf("with the new version: %v", err)
	}
	if err := verify(t, v, stolen, w.clock.read()); err == nil {
		t.Error("a grant of the disabled version still counts")
	}
}

// A new version that cannot sign changes nothing.
func TestRotationToWhatCannotSign(t *testing.T) {
	for name, add := range map[string]func(*world){
		"another curve": func(w *world) { w.AddKeyOn(keyName, elliptic.P384()) },
		"no elliptic":   func(w *world) { w.EditKey(keyName, w.AddKey(keyName), func(k *vault.Key) { k.Type = "RSA" }) },
		"no signatures": func(w *world) {
			w.EditKey(keyName, w.AddKey(keyName), func(k *vault.Key) { k.Operations = []string{"verify"} })
		},
		"a false curve": func(w *world) {
			w.EditKey(keyName, w.AddKeyOn(keyName, elliptic.P384()), func(k *vault.Key) { k.Curve = "P-256" })
		},
		"disabled":        func(w *world) { w.EditKey(keyName, w.AddKey(keyName), func(k *vault.Key) { k.Enabled = false }) },
		"expired at once": func(w *world) { w.EditKey(keyName, w.AddKey(keyName), func(k *vault.Key) { k.Expires = noon }) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, vault.Options{})
			v := w.open(t, w.options())
			before := kids(t, v)
			add(w)
			refresh(t, v)
			w.clock.move(3 * time.Hour)
			if got := kids(t, v); !slices.Equal(got, before) {
				t.Errorf("kids = %v, want %v", got, before)
			}
			if _, err := issue(t, v, w.clock.read()); err != nil {
				t.Errorf("Issue = %v", err)
			}
		})
	}
}

// A key that nothing can sign with stops the start, and the error says why.
func TestOpenRefuses(t *testing.T) {
	good := func(*world) {}
	for _, test := range []struct {
		name       string
		edit       func(*world)
		url, key   string
		credential azcore.TokenCredential
		want       string
	}{
		{name: "wrong curve", edit: func(w *world) { w.EditKey(keyName, w.first, func(k *vault.Key) { k.Curve = "P-384" }) }, want: "is not on P-256"},
		{name: "disabled", edit: func(w *world) { w.EditKey(keyName, w.first, func(k *vault.Key) { k.Enabled = false }) }, want: "is disabled"},
		{name: "expired", edit: func(w *world) { w.EditKey(keyName, w.first, func(k *vault.Key) { k.Expires = noon }) }, want: "has expired"},
		{name: "not yet", edit: func(w *world) { w.EditKey(keyName, w.first, func(k *vault.Key) { k.NotBefore = noon.Add(time.Hour) }) }, want: "is not valid yet"},
		{name: "unknown key", edit: good, key: "other", want: "there is none"},
		{name: "no key name", edit: good, key: "a/b", want: "the name of a key"},
		{name: "http", edit: good, url: "http://vault.example", want: "not https"},
		{name: "a path", edit: good, url: "https://vault.example/keys", want: "not https"},
		{name: "no identity", edit: good, credential: identity{errors.New("no managed\nidentity here")}, want: "no token for the identity: no managed identity here"},
		{name: "forbidden", edit: func(w *world) { w.Break(vault.Fault{Status: 403, Code: "Forbidden"}) }, want: "status 403 (Forbidden)"},
		{name: "a hanging vault", edit: func(w *world) { w.Break(vault.Fault{Hang: true}) }, want: "deadline exceeded"},
		{name: "always throttled", edit: func(w *world) { w.Break(vault.Fault{Status: 429, Code: "Throttled"}) }, want: "status 429 (Throttled)"},
		{name: "half a list", edit: func(w *world) { w.Break(vault.Fault{Op: vault.ListKey, Body: `{"value":[{}]}`}) }, want: "without a name"},
		{name: "another page's host", edit: func(w *world) {
			w.Break(vault.Fault{Op: vault.ListKey, Body: `{"value":[],"nextLink":"https://evil.example/keys"}`})
		}, want: "another host"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, vault.Options{})
			test.edit(w)
			if test.url == "" {
				test.url = w.URL()
			}
			if test.key == "" {
				test.key = keyName
			}
			if test.credential == nil {
				test.credential = identity{}
			}
			o := w.options()
			o.CallLimit = 300 * time.Millisecond
			began := time.Now()
			_, err := Open(t.Context(), test.url, test.key, secretName, test.credential, o)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open = %v, want %q", err, test.want)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A vault that is throttled for a moment does not stop a start.
func TestOpenWaitsForAThrottledVault(t *testing.T) {
	w := newWorld(t, vault.Options{PageSize: 1})
	w.AddKey(keyName)
	w.Break(vault.Fault{Op: vault.ListKey, Status: 429, Times: 1}, vault.Fault{Op: vault.GetKey, Status: 503, Times: 1},
		vault.Fault{Op: vault.GetSecret, Lost: true, Times: 1})
	v := w.open(t, w.options())
	if got := kids(t, v); len(got) != 2 {
		t.Errorf("kids = %v, want two from two pages", got)
	}
	if _, err := v.EnvironmentKey(t.Context()); err != nil {
		t.Errorf("EnvironmentKey = %v", err)
	}
}

// The token is for what the vault names, and the vault may name only itself:
// a challenge that asks for another service's token gets none, and one that the
// SDK would panic at is an error.
func TestT08Challenge(t *testing.T) {
	for name, o := range map[string]vault.Options{
		"another service":   {Resource: "https://management.azure.com"},
		"without a tenant":  {Challenge: `Bearer authorization="https://x", resource="https://vault.azure.net"`},
		"without a service": {Challenge: `Bearer authorization="https://login.example/t"`},
		"of another kind":   {Challenge: "Basic"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			o := w.options()
			o.CallLimit = 500 * time.Millisecond
			if _, err := Open(t.Context(), w.URL(), keyName, secretName, identity{}, o); err == nil {
				t.Error("Open = nil")
			}
		})
	}
	// Behind its own name the vault's challenge is checked by the SDK.
	elsewhere := http.Client{Transport: answers{challenge: `Bearer authorization="https://login.example/t", resource="https://evil.example"`}}
	_, err := Open(t.Context(), "https://acme.vault.azure.net", keyName, secretName, identity{}, Options{Transport: &elsewhere, CallLimit: 50 * time.Millisecond})
	if err == nil {
		t.Error("Open = nil, want the challenge refused")
	}
}

// answers refuses whoever brings no token, and tells who brings one.
type answers struct{ challenge string }

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") != "" {
		panic("a token went to a service that asked for another's")
	}
	return &http.Response{StatusCode: 401, Header: http.Header{"Www-Authenticate": {a.challenge}}, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

// Versions are read in the background, and at once after the vault has refused
// a signature; whoever wants to know is told of failures and their end.
func TestBackground(t *testing.T) {
	w := newWorld(t, vault.Options{})
	o := w.options()
	o.Refresh = 20 * time.Millisecond
	told := make(chan error, 1000)
	o.Tell = func(err error) { told <- err }
	v := w.open(t, o)
	w.Break(vault.Fault{Op: vault.ListKey, Status: 503})
	if err := <-told; azure.StatusOf(err) != 503 {
		t.Errorf("told %v", err)
	}
	w.Mend()
	for err := range told {
		if err == nil {
			break
		}
	}
	v.Close() // once more when the test ends: that does no harm
}

// A refused signature has the versions read anew.
func TestRefusedSignatureReadsAnew(t *testing.T) {
	w := newWorld(t, vault.Options{})
	o := w.options()
	v := w.open(t, o)
	w.clock.move(time.Hour)
	w.AddKey(keyName)
	w.EditKey(keyName, w.first, func(k *vault.Key) { k.Enabled = false })
	old := kids(t, v)[0]
	if _, err := v.Sign(t.Context(), old, sha256.Sum256(nil)); err == nil {
		t.Fatal("a disabled version signs")
	}
	deadline, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for kids(t, v)[0] == old {
		if deadline.Err() != nil {
			t.Fatal("the versions were not read anew")
		}
		v.reading.Lock()   // wait for a reading that is under way
		v.reading.Unlock() //nolint:staticcheck // as the line above says
	}
}
