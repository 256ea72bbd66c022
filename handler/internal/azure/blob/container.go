package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/azure"
)

// defaultCallTimeout is how long one HTTP call may take. The log gives its
// calls less.
const defaultCallTimeout = 5 * time.Second

// Options of a [Container]. The zero Options are those of production.
type Options struct {
	Transport   policy.Transporter // of every call; [azure.NewTransport] by default
	CallTimeout time.Duration      // of one HTTP call; 5 s by default
}

// Container is one container of blobs. It is safe for concurrent use and holds
// nothing that must be closed.
type Container struct {
	client  *container.Client
	timeout time.Duration
}

var (
	_ audit.Sink    = (*Container)(nil)
	_ audit.Anchors = (*Container)(nil)
)

// NewContainer is the container at an address, without a call. The address is
// https://ACCOUNT.blob.core.windows.net/NAME (or that of another cloud), which
// the credential is for, or http://127.0.0.1:PORT/devstoreaccount1/NAME, an
// emulator on this machine, which needs none. Keys and shared access
// signatures are taken for no other: an address with a query is an error.
func NewContainer(address string, credential azcore.TokenCredential, o Options) (*Container, error) {
	u, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	if o.Transport == nil {
		o.Transport = azure.NewTransport()
	}
	if o.CallTimeout <= 0 {
		o.CallTimeout = defaultCallTimeout
	}
	options := &container.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: o.Transport, Retry: azure.NoRetries(), PerRetryPolicies: []policy.Policy{noteSent{}},
	}}
	client, err := newClient(u, credential, options)
	if err != nil {
		return nil, err
	}
	return &Container{client: client, timeout: o.CallTimeout}, nil
}

func newClient(u *url.URL, credential azcore.TokenCredential, o *container.ClientOptions) (*container.Client, error) {
	if u.Scheme == "http" {
		key, err := container.NewSharedKeyCredential(emulatorAccount, emulatorKey)
		if err != nil {
			return nil, fmt.Errorf("the emulator's key: %w", err)
		}
		return container.NewClientWithSharedKeyCredential(u.String(), key, o)
	}
	if credential == nil {
		return nil, errors.New("a container in Azure needs a credential")
	}
	return container.NewClient(u.String(), credential, o)
}

// The account that every emulator has, with the key that is printed in its
// documentation.
const (
	emulatorAccount = "devstoreaccount1"
	emulatorKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

var (
	accountHost   = regexp.MustCompile(`^[a-z0-9]{3,24}(-secondary)?\.(z[0-9]{1,3}\.)?blob\.(core\.windows\.net|core\.usgovcloudapi\.net|core\.chinacloudapi\.cn|storage\.azure\.net)$`)
	containerName = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]){2,62}$`)
)

// errAddress says no more of an address than what it should be: it may hold a
// signature.
var errAddress = errors.New("want https://ACCOUNT.blob.core.windows.net/CONTAINER, without a query, or http://127.0.0.1:PORT/" + emulatorAccount + "/CONTAINER")

func parseAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.RawPath != "" {
		return nil, errAddress
	}
	path := strings.TrimPrefix(u.Path, "/")
	switch {
	case u.Scheme == "https" && accountHost.MatchString(u.Host) && containerName.MatchString(path):
		return u, nil
	case u.Scheme == "http" && loopback(u.Hostname()):
		account, name, _ := strings.Cut(path, "/")
		if account == emulatorAccount && containerName.MatchString(name) {
			return u, nil
		}
	}
	return nil, errAddress
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// checkName admits what [audit.Sink] says names are.
func checkName(name string) error {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("=._-/", c)
	}
	if !fs.ValidPath(name) || name == "." || len(name) > 1024 || strings.ContainsFunc(name, func(c rune) bool { return !plain(c) }) {
		return fmt.Errorf("%q is no name of a blob: %w", name, fs.ErrInvalid)
	}
	return nil
}

// call is one HTTP call. Its context ends with the call's own time-out at the
// latest.
type call struct {
	op, name string
	sent     bool // owned by the goroutine that makes the call
}

func (c *Container) begin(ctx context.Context, op, name string) (context.Context, context.CancelFunc, *call) {
	k := &call{op: op, name: name}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, sentKey{}, k), c.timeout)
	return ctx, cancel, k
}

type sentKey struct{}

// noteSent notes that a request goes out: what failed before, such as for want
// of a token, has had no effect.
type noteSent struct{}

// Do implements [policy.Policy].
func (noteSent) Do(r *policy.Request) (*http.Response, error) {
	if k, ok := r.Raw().Context().Value(sentKey{}).(*call); ok {
		k.sent = true
	}
	return r.Next()
}
