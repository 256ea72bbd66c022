package emulators

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// certificate is a self-signed one for this machine, in files that the server
// reads at its start.
type certificate struct {
	folder, certificate, key string
	pool                     *x509.CertPool
}

func newCertificate() (*certificate, error) {
	der, key, err := selfSigned()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "fabric-emulators-")
	if err != nil {
		return nil, err
	}
	c := &certificate{folder: folder, certificate: filepath.Join(folder, "cert.pem"), key: filepath.Join(folder, "key.pem"), pool: x509.NewCertPool()}
	pemCertificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	c.pool.AppendCertsFromPEM(pemCertificate)
	if err = os.WriteFile(c.certificate, pemCertificate, 0o600); err == nil {
		err = os.WriteFile(c.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600)
	}
	if err != nil {
		c.remove()
		return nil, err
	}
	return c, nil
}

// remove takes the files away; the server has read them.
func (c *certificate) remove() { _ = os.RemoveAll(c.folder) }

func selfSigned() (der, pkcs8 []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if der, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key); err != nil {
		return nil, nil, err
	}
	pkcs8, err = x509.MarshalPKCS8PrivateKey(key)
	return der, pkcs8, err
}

func trusting(pool *x509.CertPool) *http.Transport {
	return &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 64,
	}
}

// shim repairs one thing: the server answers 500 to a point read of what is
// absent unless the request claims to be a query over partitions.
type shim struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (s shim) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/docs/") {
		r = r.Clone(r.Context())
		r.Header.Set("X-Ms-Documentdb-Query-Enablecrosspartition", "true")
	}
	return s.next.RoundTrip(r)
}
