package entra

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The people, applications and tenants of tests.
const (
	Tenant      = "11111111-1111-1111-1111-111111111111"
	OtherTenant = "22222222-2222-2222-2222-222222222222"
	ClientID    = "0fab0000-0000-4000-8000-0000000000c1" // the service itself
	Audience    = "api://fabric"                         // its identifier URI
	Scope       = "access_as_user"
	Flow        = "aaaaaaaa-0000-4000-8000-000000000001" // a calling application
	Ana         = "cccccccc-0000-4000-8000-00000000000a" // a person's oid

	identityClient = "1d000000-0000-4000-8000-000000000001"
	identityObject = "1d000000-0000-4000-8000-000000000002"
	identitySecret = "the header of the managed identity"
)

// Options of an [Issuer]; zero values are right for most tests.
type Options struct {
	Tenants       []string            // whose documents are served; nil: Tenant and OtherTenant
	IdentityRoles map[string][]string // by resource: app roles in the managed identity's tokens
	Now           func() time.Time    // nil: time.Now
}

// Issuer is Microsoft Entra ID as far as a program meets it. It is safe for
// concurrent use.
type Issuer struct {
	URL     string // the authority, such as https://127.0.0.1:12345
	options Options
	server  *httptest.Server // nil: [Unconnected]
	routes  *http.ServeMux

	mu       sync.Mutex
	keys     []Key // published, the oldest first; guarded by mu
	signing  string
	faults   map[Endpoint]Fault
	requests map[Endpoint]int
	secrets  map[string]bool // tokens that the identity endpoints gave out
}

// Start serves an issuer over TLS until the test ends.
func Start(t testing.TB, o Options) *Issuer {
	t.Helper()
	i := newIssuer("", o)
	i.server = httptest.NewTLSServer(i)
	i.URL = i.server.URL
	t.Cleanup(func() {
		i.server.CloseClientConnections() // whoever hangs ends
		i.server.Close()
	})
	return i
}

// Unconnected is an issuer without a network, for tests with a clock of their
// own: [Issuer.Transport] reaches it.
func Unconnected(o Options) *Issuer { return newIssuer("https://login.entra.test", o) }

func newIssuer(url string, o Options) *Issuer {
	if o.Tenants == nil {
		o.Tenants = []string{Tenant, OtherTenant}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	i := &Issuer{URL: url, options: o, faults: map[Endpoint]Fault{}, requests: map[Endpoint]int{}, secrets: map[string]bool{}}
	i.Add(Key{ID: "k1", Use: "sig"})
	i.SignWith("k1")
	i.routes = http.NewServeMux()
	i.routes.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", i.at(Discovery, i.discovery))
	i.routes.HandleFunc("GET /{tenant}/discovery/v2.0/keys", i.at(KeySet, i.keySet))
	i.routes.HandleFunc("POST /{tenant}/oauth2/v2.0/token", i.at(TokenEndpoint, i.token))
	i.routes.HandleFunc("GET /msi/token", i.at(ManagedIdentity, i.managedIdentity))
	return i
}

// ServeHTTP implements [http.Handler].
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.routes.ServeHTTP(w, r) }

// Client trusts the issuer's certificate and follows no redirects.
func (i *Issuer) Client() *http.Client {
	client := &http.Client{Transport: i.Transport()}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// CertificateFile writes the certificate for SSL_CERT_FILE of another process.
func (i *Issuer) CertificateFile(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "entra.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Env is what the environment of a program in App Service says of its identity
// and authority.
func (i *Issuer) Env(t testing.TB) map[string]string {
	t.Helper()
	return map[string]string{
		"IDENTITY_ENDPOINT": i.URL + "/msi/token", "IDENTITY_HEADER": identitySecret,
		"AZURE_AUTHORITY_HOST": i.URL + "/", "SSL_CERT_FILE": i.CertificateFile(t),
	}
}

// Transport reaches the issuer: over TLS, or without a network if it is
// [Unconnected].
func (i *Issuer) Transport() http.RoundTripper {
	if i.server != nil {
		return i.server.Client().Transport
	}
	return unconnected{i}
}

// issuerV1 and issuerV2 are what tokens of a tenant name as their issuer.
func issuerV1(tenant string) string { return "https://sts.windows.net/" + tenant + "/" }

func (i *Issuer) issuerV2(tenant string) string { return i.URL + "/" + tenant + "/v2.0" }

func (i *Issuer) serves(tenant string) bool {
	for _, t := range i.options.Tenants {
		if strings.EqualFold(t, tenant) {
			return true
		}
	}
	return false
}

func (i *Issuer) discovery(w http.ResponseWriter, r *http.Request) {
	tenant := r.PathValue("tenant")
	if !i.serves(tenant) {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_tenant"})
		return
	}
	base := i.URL + "/" + tenant
	document := map[string]any{
		"issuer": i.issuerV2(tenant), "jwks_uri": base + "/discovery/v2.0/keys",
		"authorization_endpoint": base + "/oauth2/v2.0/authorize", "token_endpoint": base + "/oauth2/v2.0/token",
		"id_token_signing_alg_values_supported": []string{"RS256"}, "subject_types_supported": []string{"pairwise"},
		"cloud_instance_name": "microsoftonline.com", "tenant_region_scope": "EU",
	}
	switch i.fault(Discovery) {
	case WrongIssuer:
		document["issuer"] = i.issuerV2(OtherTenant)
	case TemplateIssuer:
		document["issuer"] = i.issuerV2("{tenantid}")
	case ForeignKeys:
		document["jwks_uri"] = "https://evil.example/" + tenant + "/discovery/v2.0/keys"
	case PlainKeys:
		document["jwks_uri"] = "http" + strings.TrimPrefix(base, "https") + "/discovery/v2.0/keys"
	default:
	}
	answer(w, http.StatusOK, document)
}
