package cosmos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// wire is what lies between the SDK and the network. The SDK reads the account
// by itself, at its start and every five minutes, without the deadline of the
// call that waits for it; and it goes wherever the account says that its
// regions are. Here both are held to rules.
type wire struct {
	next     policy.Transporter
	endpoint *url.URL
	timeout  time.Duration           // of reading the account
	account  atomic.Pointer[account] // nil until it was read
}

// account is what matters of the account's properties.
type account struct {
	Writable    []region `json:"writableLocations"`
	Readable    []region `json:"readableLocations"`
	MultiWrite  bool     `json:"enableMultipleWriteLocations"`
	Consistency struct {
		Level string `json:"defaultConsistencyLevel"`
	} `json:"userConsistencyPolicy"`
}

type region struct {
	Name string `json:"name"`
}

func (a *account) multiWrite() bool { return a.MultiWrite || len(a.Writable) > 1 }

// errDialed ends a call that is made for the account's sake only.
var errDialed = errors.New("the account has answered")

type dialing struct{}

// Do implements [policy.Transporter].
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	if !w.leadsTo(r.URL) {
		return nil, errors.New("the account names a region under a foreign host")
	}
	if r.Method == http.MethodGet && strings.Trim(r.URL.Path, "/") == "" {
		return w.readAccount(r)
	}
	a := w.account.Load()
	switch {
	case a == nil:
		return nil, errors.New("the account was not read yet")
	case a.multiWrite():
		return nil, ErrMultiWrite
	case r.Context().Value(dialing{}) != nil:
		return nil, errDialed
	}
	return w.next.Do(r)
}

// leadsTo reports whether u is of the account: its own host, or one of its
// regions, NAME-REGION under the same domain.
func (w *wire) leadsTo(u *url.URL) bool {
	name, domain, _ := strings.Cut(strings.ToLower(w.endpoint.Hostname()), ".")
	host, under, _ := strings.Cut(strings.ToLower(u.Hostname()), ".")
	same := u.Hostname() == w.endpoint.Hostname() || ofThisMachine(u) && ofThisMachine(w.endpoint)
	regional := net.ParseIP(u.Hostname()) == nil && domain != "" && under == domain && strings.HasPrefix(host, name+"-")
	return u.Scheme == w.endpoint.Scheme && port(u) == port(w.endpoint) && (same || regional)
}

func port(u *url.URL) string {
	if u.Port() == "" && u.Scheme == "https" {
		return "443"
	}
	return u.Port()
}

const maxAccount = 1 << 20 // bytes of the account's properties; a few KB as a rule

// readAccount reads the account within a deadline and remembers what it says.
func (w *wire) readAccount(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), w.timeout)
	defer cancel()
	res, err := w.next.Do(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAccount))
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the account: %w", err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	if res.StatusCode != http.StatusOK {
		return res, nil
	}
	a := &account{}
	if err := json.Unmarshal(body, a); err != nil || len(a.Writable) == 0 {
		return nil, errors.New("read the account: no properties of one")
	}
	w.account.Store(a)
	if a.multiWrite() {
		return nil, ErrMultiWrite
	}
	return res, nil
}

// hasty is a credential that answers within a time. Calls queue behind the one
// that asks for a token.
type hasty struct {
	inner   azcore.TokenCredential
	timeout time.Duration
}

// GetToken implements [azcore.TokenCredential].
func (h hasty) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	return h.inner.GetToken(ctx, o)
}
