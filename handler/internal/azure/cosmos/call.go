package cosmos

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
)

// Retries of what Cosmos has refused for the moment and certainly not done.
const (
	maxTries    = 6
	shortestGap = 20 * time.Millisecond
)

// call is one operation on the items of a partition.
type call struct {
	operation string // for errors
	container string
	partition string
}

// do makes a call within the database's deadline. A call that was refused for
// want of throughput (429), or because of another one (449), is made again as
// long as there is time. The error is a [*Fault].
func (d *Database) do(ctx context.Context, c call, send func(context.Context, *azcosmos.ContainerClient) (azcosmos.Response, error)) error {
	if err := ctx.Err(); err != nil {
		return notSent(c, err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	l, err := d.reach(ctx)
	if err != nil {
		return notSent(c, err)
	}
	for try := 1; ; try++ {
		res, err := send(ctx, l.container(c.container))
		if err == nil {
			d.tokens.saw(c, sessionOf(res.RawResponse))
			return nil
		}
		pause, again := pauseAfter(err, try)
		if !again || try == maxTries || !wait(ctx, pause) {
			return faultOf(c, err)
		}
	}
}

// pauseAfter is how long to wait before the call is made again, if it may be.
func pauseAfter(err error, try int) (pause time.Duration, again bool) {
	var refusal *azcore.ResponseError
	if !errors.As(err, &refusal) || refusal.StatusCode != http.StatusTooManyRequests && refusal.StatusCode != statusRetryWith {
		return 0, false
	}
	pause = shortestGap << (try - 1)
	if refusal.RawResponse != nil {
		ms, err := strconv.ParseFloat(refusal.RawResponse.Header.Get("X-Ms-Retry-After-Ms"), 64)
		if err == nil && ms >= 0 && ms <= float64(time.Hour.Milliseconds()) {
			pause = max(time.Duration(ms*float64(time.Millisecond)), time.Millisecond)
		}
	}
	return pause, true
}

// wait reports whether the pause is over in time; a pause that is too long for
// the deadline is not begun.
func wait(ctx context.Context, pause time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func sessionOf(r *http.Response) string {
	if r == nil {
		return ""
	}
	return r.Header.Get("X-Ms-Session-Token")
}

// read makes a point read that sees what this process wrote.
func (d *Database) read(ctx context.Context, c call, id string) (item azcosmos.ItemResponse, err error) {
	err = d.do(ctx, c, func(ctx context.Context, container *azcosmos.ContainerClient) (azcosmos.Response, error) {
		var err error
		item, err = container.ReadItem(ctx, azcosmos.NewPartitionKeyString(c.partition), id, &azcosmos.ItemOptions{SessionToken: d.tokens.of(c)})
		return item.Response, err
	})
	return item, err
}

// create writes an item that must not be there.
func (d *Database) create(ctx context.Context, c call, text []byte) (etag string, err error) {
	err = d.do(ctx, c, func(ctx context.Context, container *azcosmos.ContainerClient) (azcosmos.Response, error) {
		res, err := container.CreateItem(ctx, azcosmos.NewPartitionKeyString(c.partition), text, nil)
		etag = string(res.ETag)
		return res.Response, err
	})
	return etag, err
}

// replace writes an item that must be at an ETag.
func (d *Database) replace(ctx context.Context, c call, id string, text []byte, was string) (etag string, err error) {
	match := azcore.ETag(was)
	err = d.do(ctx, c, func(ctx context.Context, container *azcosmos.ContainerClient) (azcosmos.Response, error) {
		res, err := container.ReplaceItem(ctx, azcosmos.NewPartitionKeyString(c.partition), id, text, &azcosmos.ItemOptions{IfMatchEtag: &match})
		etag = string(res.ETag)
		return res.Response, err
	})
	return etag, err
}

// put is create where was is "", else replace. What can be no ETag is at none.
func (d *Database) put(ctx context.Context, c call, id string, text []byte, was string) (etag string, err error) {
	switch {
	case was == "":
		etag, err = d.create(ctx, c, text)
	case !single(was):
		return "", &Fault{Operation: c.operation, outcome: conflict}
	default:
		etag, err = d.replace(ctx, c, id, text, was)
	}
	if err == nil && etag == "" { // whoever does not know the revision cannot write again
		return "", &Fault{Operation: c.operation, outcome: unclear}
	}
	return etag, err
}

// plausible reports whether s could be an ETag and can stand in a header.
func plausible(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

// single reports whether s can be the ETag of one state. In a header * is every
// state, and a list is several.
func single(s string) bool {
	return plausible(s) && !strings.ContainsAny(s, "*,") && !strings.HasPrefix(s, "W/")
}

// query is a query and how it is paged.
type query struct {
	text     string
	args     []azcosmos.QueryParameter
	pageSize int32
}

func (q *query) arg(name string, value any) {
	q.args = append(q.args, azcosmos.QueryParameter{Name: name, Value: value})
}

// query hands the items of a query to each, until that says that it has
// enough. Every page is a call of its own.
func (d *Database) query(ctx context.Context, c call, q query, each func(item []byte) (more bool, err error)) error {
	options := &azcosmos.QueryOptions{QueryParameters: q.args, PageSizeHint: q.pageSize, SessionToken: d.tokens.of(c)}
	for {
		page, err := d.page(ctx, c, q.text, options)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			more, err := each(item)
			if !more || err != nil {
				return err
			}
		}
		if page.ContinuationToken == nil {
			return nil
		}
		options.ContinuationToken = page.ContinuationToken
	}
}

func (d *Database) page(ctx context.Context, c call, text string, o *azcosmos.QueryOptions) (page azcosmos.QueryItemsResponse, err error) {
	partition := azcosmos.NewPartitionKey() // all of them
	if c.partition != "" {
		partition = azcosmos.NewPartitionKeyString(c.partition)
	}
	err = d.do(ctx, c, func(ctx context.Context, container *azcosmos.ContainerClient) (azcosmos.Response, error) {
		var err error
		page, err = container.NewQueryItemsPager(text, partition, o).NextPage(ctx)
		return page.Response, err
	})
	return page, err
}
