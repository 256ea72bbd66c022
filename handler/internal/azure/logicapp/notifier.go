package logicapp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/mail"
	"github.com/authorization-fabric/fabric/handler/internal/azure"
)

// Options of a [Notifier].
type Options struct {
	Environment string        // is told with each message
	Composer    mail.Composer // writes the mails; PublicURL must be given

	Client    *http.Client     // nil is [azure.NewTransport]; redirects are not followed in either case
	Clock     func() time.Time // nil is the machine's
	CallLimit time.Duration    // of one message, its token included; 0 is 10 s
}

// Notifier gives messages to a Logic App. It is safe for concurrent use.
type Notifier struct {
	url, scope string
	credential azcore.TokenCredential
	client     *http.Client
	o          Options

	trouble atomic.Pointer[trouble] // nil: none
}

var _ approval.Notifier = (*Notifier)(nil)

// trouble is what keeps messages from being taken until somebody acts.
type trouble struct {
	status int
	since  time.Time
	detail string
}

// New makes a notifier for the trigger at a URL, which asks for a token for
// that audience. It asks nobody anything. A URL that carries a signature is an
// error: the identity is what counts, and a signature in a setting is a secret
// that leaks.
func New(trigger, audience string, credential azcore.TokenCredential, o Options) (*Notifier, error) {
	if err := checkTrigger(trigger); err != nil {
		return nil, fmt.Errorf("logic app: %w", err)
	}
	if audience == "" || strings.ContainsFunc(audience, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, errors.New("logic app: the audience is empty or holds a blank")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.CallLimit <= 0 {
		o.CallLimit = 10 * time.Second
	}
	client := azure.NewTransport()
	if o.Client != nil {
		given := *o.Client
		client = &given
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Notifier{url: trigger, scope: audience + "/.default", credential: azure.TokenErrors(credential), client: client, o: o}, nil
}

// signatures are the parameters of an address that lets in whoever has it.
var signatures = []string{"sig", "sp", "sv", "se", "st", "sr", "skn", "code"}

// checkTrigger admits https, and http on this machine only. Its errors hold
// nothing of the address.
func checkTrigger(trigger string) error {
	u, err := url.Parse(trigger)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return errors.New("the trigger's address is no URL of a host")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("the trigger's address has a query that cannot be read")
	}
	for name := range query {
		if slices.Contains(signatures, strings.ToLower(name)) {
			return fmt.Errorf("the trigger's address carries a signature (%s): leave it out, the identity's token is what counts", strings.ToLower(name))
		}
	}
	host := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || host != nil && host.IsLoopback()) {
		return nil
	}
	return errors.New("the trigger's address is not https")
}

// Notify implements [approval.Notifier]. It tries once. An error that wraps
// [approval.ErrRejected] is about this message; any other passes, or is one of
// the set-up that [Notifier.Trouble] tells until it is mended.
func (n *Notifier) Notify(ctx context.Context, m approval.Message) error {
	ctx, cancel := context.WithTimeout(ctx, n.o.CallLimit)
	defer cancel()
	letter, err := n.o.Composer.Compose(ctx, &m, n.o.Clock())
	if err != nil {
		return fmt.Errorf("logic app: %w", err)
	}
	body, err := n.encode(&m, &letter)
	if err != nil {
		return fmt.Errorf("logic app: %w", err)
	}
	cause := azure.Cause(n.post(ctx, letter.ID, body))
	n.note(cause)
	switch status := azure.StatusOf(cause); {
	case cause == nil:
		return nil
	case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("logic app: %w: %w", approval.ErrRejected, cause)
	default:
		return fmt.Errorf("logic app: %w", cause)
	}
}

func (n *Notifier) post(ctx context.Context, id string, body []byte) error {
	token, err := n.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{n.scope}})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token.Token)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("X-Ms-Client-Tracking-Id", id)
	answer, err := n.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return nil // it was taken, however its answer ends
	}
	if err != nil {
		text = nil
	}
	return &azure.StatusError{Status: answer.StatusCode, Code: azure.CodeIn(text)}
}

// maxAnswer is how much of an answer is looked at, in bytes.
const maxAnswer = 64 << 10

// note keeps what does not pass by itself, from its first time on. What passes
// changes nothing: it says nothing of the set-up.
func (n *Notifier) note(cause error) {
	var token *azure.TokenError
	status := azure.StatusOf(cause)
	switch {
	case cause == nil:
		n.trouble.Store(nil)
		return
	case errors.As(cause, &token):
	case status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status < 300 || status >= 500:
		return
	}
	next := &trouble{status: status, since: n.o.Clock(), detail: cause.Error()}
	for {
		before := n.trouble.Load()
		if before != nil {
			next.since = before.since
		}
		if n.trouble.CompareAndSwap(before, next) {
			return
		}
	}
}

// Trouble says why messages are not taken, and since when: the status of the
// refusal (0: the identity got no token) and its cause without anything of a
// message. A zero since is no trouble: the last message that was answered was
// taken, or none was answered yet.
func (n *Notifier) Trouble() (status int, since time.Time, detail string) {
	t := n.trouble.Load()
	if t == nil {
		return 0, time.Time{}, ""
	}
	return t.status, t.since, t.detail
}
