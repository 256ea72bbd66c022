package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	defaultAttempts = 5
	defaultTimeout  = 30 * time.Second
	waitTimeout     = 90 * time.Second // of a request that the service holds for up to 60 s
	reportTimeout   = 15 * time.Second
	maxPause        = 60 * time.Second
	maxAnswer       = 2 << 20 // bytes of a body
)

// Options are what a [Client] may do without.
type Options struct {
	// Token gives the bearer token of one request; nil: none is sent, which the
	// service takes in its local mode only.
	Token func(ctx context.Context) (string, error)
	// Transport carries the requests; nil: [http.DefaultTransport].
	Transport http.RoundTripper
	// Attempts is how often a request is sent at most; 0: 5.
	Attempts int
	// Timeout is how long one attempt may take; 0: 30 s. A wait for people may
	// take 90 s.
	Timeout time.Duration
	// Waiting is told of an answer that [Client.Run] waits for people with.
	Waiting func(Answer)
}

// Client asks the service. It is safe for concurrent use.
type Client struct {
	base    string
	http    *http.Client
	options Options
}

// New makes a client of the service at base, such as https://fabric.example.
// Tokens go nowhere else: plain http is for this machine only, and redirects
// are not followed.
func New(base string, o Options) (*Client, error) {
	address, err := checkAddress(base)
	if err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	if o.Attempts <= 0 {
		o.Attempts = defaultAttempts
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	return &Client{base: strings.TrimSuffix(address.String(), "/"), http: noRedirects(o.Transport), options: o}, nil
}

func noRedirects(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checkAddress admits https, and http to this machine.
func checkAddress(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return nil, errors.New("the address is not of the form https://host")
	}
	switch host := u.Hostname(); {
	case u.Scheme == "https":
		return u, nil
	case u.Scheme == "http" && (host == "localhost" || host == "127.0.0.1" || host == "::1"):
		return u, nil
	}
	return nil, errors.New("the address is neither https nor on this machine")
}
