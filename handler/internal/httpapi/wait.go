package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const maxWait = 60 // seconds that a caller may wait for a change

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

// waiting is the context of a request that waits: it ends when the caller goes
// or the server stops. Call done when the waiting is over. The server's read
// timeout does not end it, since the request has been read.
func (o ApprovalOptions) waiting(r *http.Request) (ctx context.Context, done func()) {
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
