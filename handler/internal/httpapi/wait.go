package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	maxWait    = 60 // seconds that a caller may wait for a change
	waitMargin = 10 * time.Second
)

// decodeWait reads the query's wait, in whole seconds; other names are ignored.
func decodeWait(raw string) (time.Duration, error) {
	if raw == "" {
		return 0, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return 0, badQuery("", "cannot be read")
	}
	list := values["wait"]
	if len(list) == 0 || len(list) == 1 && list[0] == "" {
		return 0, nil
	}
	seconds, err := strconv.ParseUint(list[0], 10, 8) // no sign, no fraction
	if err != nil || len(list) > 1 || seconds > maxWait {
		return 0, badQuery("wait", "must be a whole number of seconds, 0 to "+strconv.Itoa(maxWait))
	}
	return time.Duration(seconds) * time.Second, nil
}

// holdOpen lets a request live for as long as it waits: the server's read
// timeout would end it as if its caller had gone. The context ends when the
// caller does go, or the server stops. Call done when the waiting is over.
func (o ApprovalOptions) holdOpen(w http.ResponseWriter, r *http.Request, wait time.Duration) (ctx context.Context, done func()) {
	// Where no deadline can be set the wait is cut short, which is no harm.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(wait + waitMargin))
	ctx, cancel := context.WithCancel(r.Context())
	go func() {
		select {
		case <-o.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
