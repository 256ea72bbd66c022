package cosmos

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/authorization-fabric/fabric/handler/internal/azure"
)

// ErrMultiWrite says that the account has several write regions, in which one approval
// could be used twice. Nothing is read or written there.
var ErrMultiWrite = errors.New("the Cosmos account has several write regions, which cannot promise single use: leave it one")

// Options of a [Database]. The zero Options are right in Azure.
type Options struct {
	// Transport sends the requests; nil means [azure.NewTransport].
	Transport policy.Transporter
	// CallTimeout bounds each call with all its tries; 0 means 5 s.
	CallTimeout time.Duration
	// Key is an emulator's. It is refused unless the endpoint is of this
	// machine, as is an endpoint without TLS.
	Key string
}

const defaultCallTimeout = 5 * time.Second

// Database is a Cosmos database. It is safe for concurrent use.
type Database struct {
	endpoint   *url.URL
	database   string
	credential azcore.TokenCredential // nil: key
	key        string
	transport  policy.Transporter
	timeout    time.Duration
	tokens     tokens

	current atomic.Pointer[link] // nil until the account has answered
	mu      sync.Mutex
	dialing *dial // guarded by mu; nil while nobody dials
}

// Open makes a database of an account's endpoint, such as
// https://NAME.documents.azure.com:443/. It does no I/O: the account is read,
// and checked, before the first call is sent.
func Open(endpoint, database string, credential azcore.TokenCredential, o Options) (*Database, error) {
	u, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, fmt.Errorf("Cosmos endpoint: %w", err)
	}
	switch {
	case database == "" || strings.ContainsAny(database, `/\?#`):
		return nil, errors.New("Cosmos database: no name of one")
	case o.Key != "" && !ofThisMachine(u):
		return nil, errors.New("Cosmos key: keys are for emulators on this machine, in Azure the program's identity signs in")
	case o.Key == "" && credential == nil:
		return nil, errors.New("Cosmos: no credential")
	}
	if o.Transport == nil {
		o.Transport = azure.NewTransport()
	}
	if o.CallTimeout <= 0 {
		o.CallTimeout = defaultCallTimeout
	}
	d := &Database{endpoint: u, database: database, key: o.Key, transport: o.Transport, timeout: o.CallTimeout, tokens: newTokens()}
	if o.Key == "" {
		d.credential = hasty{azure.TokenErrors(credential), o.CallTimeout}
	}
	return d, nil
}

// Close lets go of what the SDK keeps for the account.
func (d *Database) Close() {
	if l := d.current.Load(); l != nil {
		l.client.Close()
	}
}

func parseEndpoint(endpoint string) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return nil, errors.New("no URL")
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return nil, errors.New("write scheme and host, as in https://NAME.documents.azure.com:443/")
	case u.Scheme != "https" && (u.Scheme != "http" || !ofThisMachine(u)):
		return nil, errors.New("only https: the SDK would send tokens over http")
	}
	u.Path = "/"
	return u, nil
}

func ofThisMachine(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
