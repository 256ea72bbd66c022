package gate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// sending is one request, however often it is sent.
type sending struct {
	method   string
	path     string // behind the base
	body     []byte // nil: none
	key      string // Idempotency-Key, "" for none
	want     int    // the status of success
	timeout  time.Duration
	attempts int
}

const firstPause = 250 * time.Millisecond

// exchange sends a request until it is answered. It repeats it, alike to the
// byte, where the service said later (429, 503) or the way to it failed, and
// then only as often as it may. The body is that of a reply of the wanted
// status in JSON; anything else is an error.
func (c *Client) exchange(ctx context.Context, s sending) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		reply, err := c.send(ctx, s)
		if err == nil {
			return reply.accept(s.want)
		}
		if !reply.again || attempt >= s.attempts {
			return nil, err
		}
		if pauseErr := pause(ctx, reply.pause(attempt)); pauseErr != nil {
			return nil, fmt.Errorf("%w (last attempt: %w)", pauseErr, err)
		}
	}
}

// reply is what one attempt brought.
type reply struct {
	status      int
	contentType string
	body        []byte
	again       bool          // it may be sent again
	retryAfter  time.Duration // that the service asks for
}

func (c *Client) send(ctx context.Context, s sending) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	r, err := c.request(ctx, s)
	if err != nil {
		return reply{}, err
	}
	response, err := c.http.Do(r)
	if err != nil {
		return reply{again: true}, fmt.Errorf("gate: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return reply{again: true}, fmt.Errorf("gate: read the reply: %w", err)
	case len(body) > maxAnswer:
		return reply{}, fmt.Errorf("gate: %w: it is too long", ErrNoAnswer)
	}
	got := reply{status: response.StatusCode, contentType: response.Header.Get("Content-Type"), body: body}
	if got.status == http.StatusTooManyRequests || got.status == http.StatusServiceUnavailable {
		got.again, got.retryAfter = true, retryAfter(response.Header, time.Now())
		return got, got.problem()
	}
	return got, nil
}

func (c *Client) request(ctx context.Context, s sending) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, s.method, c.base+s.path, bytes.NewReader(s.body))
	if err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	r.Header.Set("Accept", "application/json")
	if s.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.key != "" {
		r.Header.Set("Idempotency-Key", s.key)
	}
	if c.options.Token != nil {
		token, err := c.options.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("gate: get a token: %w", err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r, nil
}

// accept takes the body of a success.
func (r reply) accept(want int) ([]byte, error) {
	switch {
	case r.status >= 300 && r.status < 400:
		return nil, fmt.Errorf("gate: %w: a redirect (status %d)", ErrNoAnswer, r.status)
	case r.status != want:
		return nil, r.problem()
	case !isJSON(r.contentType):
		return nil, fmt.Errorf("gate: %w: its type is not application/json", ErrNoAnswer)
	}
	return r.body, nil
}

func isJSON(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == "application/json"
}

// problem is a reply of another status, with what it says if it is one of the
// service's.
func (r reply) problem() error {
	e := &StatusError{Status: r.status, RetryAfter: r.retryAfter}
	if v, err := strictjson.Parse(r.body, answerLimits); err == nil {
		if name, ok := strings.CutPrefix(v.Get("type").Text(), "urn:authorization-fabric:problem:"); ok {
			e.Problem, e.Detail, e.UserMessage = name, v.Get("detail").Text(), v.Get("userMessage").Text()
		}
	}
	return fmt.Errorf("gate: %w", e)
}

// retryAfter reads the header: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n <= 86400 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// pause is how long to wait before the next attempt: what the service asked
// for, within bounds, else longer each time, and a little apart from other
// clients.
func (r reply) pause(attempt int) time.Duration {
	if r.retryAfter > 0 {
		return min(r.retryAfter, maxPause)
	}
	p := min(firstPause<<min(attempt-1, 10), maxPause)
	return p/2 + rand.N(p) //nolint:gosec // spreads clients, no secret
}

func pause(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return fmt.Errorf("gate: the next attempt would be too late: %w", context.DeadlineExceeded)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("gate: %w", ctx.Err())
	}
}
