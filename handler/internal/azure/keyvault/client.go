package keyvault

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/authorization-fabric/fabric/handler/internal/azure"
)

// parseAddress admits https to a bare host: the token goes there.
func parseAddress(vaultURL string) (address *url.URL, onThisMachine bool, err error) {
	u, err := url.Parse(vaultURL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil ||
		u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, false, errors.New("the address of the vault is not https and a host")
	}
	host := u.Hostname()
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, host == "localhost" || host == "127.0.0.1" || host == "::1", nil
}

// maxAnswer is the longest answer, in bytes: a page of 25 versions is some
// 10 KiB, a secret 25 KiB at most.
const maxAnswer = 1 << 20

// challenges are what the SDK can read; it panics at an address without a
// tenant.
var challenges = regexp.MustCompile(`authorization="?https://[A-Za-z0-9.:-]+/[A-Za-z0-9.-]+`)

// guard is the transport of a vault's clients: it talks to the vault only,
// bounds what it reads, and notes by how much the clocks differ.
type guard struct {
	host  string
	inner policy.Transporter
	clock func() time.Time

	ahead atomic.Int64 // nanoseconds that the vault's clock is ahead
}

// strangeError is an answer that no vault gives: it would come again.
type strangeError string

func (e strangeError) Error() string { return string(e) }

// Do implements [policy.Transporter].
func (g *guard) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Host != g.host || r.URL.Scheme != "https" {
		return nil, &url.Error{Op: r.Method, URL: g.host, Err: strangeError("the vault names another host for the next page")}
	}
	sent := g.clock()
	answer, err := g.inner.Do(r)
	if err != nil {
		return nil, err
	}
	if challenge := answer.Header.Get("WWW-Authenticate"); answer.StatusCode == http.StatusUnauthorized && !challenges.MatchString(challenge) {
		answer.Body.Close() //nolint:errcheck // it is thrown away
		return nil, &url.Error{Op: r.Method, URL: g.host, Err: strangeError("the vault refuses the token and says not which it wants")}
	}
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		g.ahead.Store(int64(clockAhead(sent, g.clock(), date)))
	}
	answer.Body = bounded{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	return answer, nil
}

// clockAhead is by how much a clock is ahead that said date, in whole seconds
// rounded down, at some instant between sent and received. What these bounds
// do not exclude is no difference.
func clockAhead(sent, received, date time.Time) time.Duration {
	if early := date.Add(time.Second).Sub(sent); early < 0 {
		return early
	}
	return max(date.Sub(received), 0)
}

type bounded struct {
	io.Reader
	io.Closer
}

// tries of what must succeed at start. The pause after the first is a tenth of
// a call's limit, and doubles.
const tries = 4

// together is how many times the limit of one call a reading of several may
// take.
const together = 5

// patiently calls do again while the vault is throttled or away.
func (v *Vault) patiently(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, together*v.o.CallLimit)
	defer cancel()
	wait := v.o.CallLimit / 10
	for try := 1; ; try++ {
		err := do(ctx)
		if err == nil || try == tries || !passes(err) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
		wait *= 2
	}
}

// callError is a request that failed, as opposed to an answer that is no good.
type callError struct {
	what  string
	cause error
}

func (e *callError) Error() string { return e.what + ": " + e.cause.Error() }
func (e *callError) Unwrap() error { return e.cause }

// passes reports whether the same request may succeed by itself a little later.
func passes(err error) bool {
	var failed *callError
	var token *azure.TokenError
	var strange strangeError
	if !errors.As(err, &failed) || errors.As(err, &token) || errors.As(err, &strange) || errors.Is(err, context.Canceled) {
		return false
	}
	status := azure.StatusOf(err)
	return status == 0 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= http.StatusInternalServerError
}

// call gives one request its deadline, and names it in the error.
func (v *Vault) call(ctx context.Context, what string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, v.o.CallLimit)
	defer cancel()
	if err := do(ctx); err != nil {
		return &callError{what, azure.Cause(err)}
	}
	return nil
}
