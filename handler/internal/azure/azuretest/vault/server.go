package vault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Options of a [Server].
type Options struct {
	// Authorize refuses a request by its token. nil takes any bearer token; one
	// without a token gets the challenge in either case.
	Authorize func(*http.Request) error
	// Clock dates versions and decides what is expired. nil is the machine's.
	Clock func() time.Time
	// Resource is named in the challenge; "" is https://vault.azure.net.
	Resource string
	// Challenge takes the place of the whole challenge.
	Challenge string
	// PageSize is how many versions a page lists; 0 is 25.
	PageSize int
}

// Server is one vault. It is safe for concurrent use.
type Server struct {
	options Options
	http    *httptest.Server

	mu      sync.Mutex
	keys    map[string][]*Key
	secrets map[string][]*Secret
	faults  []*Fault
	calls   map[Op]int
	ended   chan struct{} // closed when the test is over: what hangs ends
}

// Key is one version of a key. Its fields may be changed through
// [Server.EditKey].
type Key struct {
	Version                     string
	Enabled                     bool
	Created, NotBefore, Expires time.Time
	Type                        string // EC or EC-HSM, or what the vault is to claim
	Curve                       string // P-256, or what the vault is to claim
	Operations                  []string

	private *ecdsa.PrivateKey
}

// Secret is one version of a secret.
type Secret struct {
	Version string
	Value   string
	Enabled bool
	Created time.Time
	Expires time.Time
}

// New starts a vault that ends with the test.
func New(t testing.TB, o Options) *Server {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Resource == "" {
		o.Resource = "https://vault.azure.net"
	}
	if o.PageSize == 0 {
		o.PageSize = 25
	}
	s := &Server{options: o, keys: map[string][]*Key{}, secrets: map[string][]*Secret{}, calls: map[Op]int{}, ended: make(chan struct{})}
	s.http = httptest.NewTLSServer(s)
	t.Cleanup(func() {
		close(s.ended)
		s.http.Close()
	})
	return s
}

// URL is the vault's address.
func (s *Server) URL() string { return s.http.URL }

// Client trusts the vault's certificate.
func (s *Server) Client() *http.Client { return s.http.Client() }

// AddKey adds a version of a key on P-256, made now, and returns its version.
func (s *Server) AddKey(name string) string { return s.AddKeyOn(name, elliptic.P256()) }

// AddKeyOn is [Server.AddKey] on another curve.
func (s *Server) AddKeyOn(name string, curve elliptic.Curve) string {
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err) // never: the generator does not fail
	}
	key := &Key{
		Version: newVersion(), Enabled: true, Created: s.options.Clock().UTC().Truncate(time.Second),
		Type: "EC", Curve: curve.Params().Name, Operations: []string{"sign", "verify"}, private: private,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[name] = append(s.keys[name], key)
	return key.Version
}

// EditKey changes a version of a key.
func (s *Server) EditKey(name, version string, edit func(*Key)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys[name] {
		if k.Version == version {
			edit(k)
		}
	}
}

// SetSecret adds a version of a secret and returns its version.
func (s *Server) SetSecret(name, value string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret := &Secret{Version: newVersion(), Value: value, Enabled: true, Created: s.options.Clock().UTC().Truncate(time.Second)}
	s.secrets[name] = append(s.secrets[name], secret)
	return secret.Version
}

// EditSecret changes a version of a secret.
func (s *Server) EditSecret(name, version string, edit func(*Secret)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.secrets[name] {
		if x.Version == version {
			edit(x)
		}
	}
}

func newVersion() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
