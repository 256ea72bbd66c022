package blob

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	azblob "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// chunk is what one call reads, in bytes. Each chunk has a deadline of its
// own, so that neither a service that stalls nor a reader that takes its time
// holds a connection.
const chunk = 2 << 20

// ReadRange implements [audit.Reader]. The end is the one of the first call:
// what is appended meanwhile is not read.
func (c *Container) ReadRange(ctx context.Context, name string, from int64) (io.ReadCloser, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if from < 0 {
		return nil, fmt.Errorf("read %s from %d: %w", name, from, io.ErrUnexpectedEOF)
	}
	b := &body{ctx: ctx, container: c, name: name}
	if err := b.open(from); err != nil {
		return nil, err
	}
	return b, nil
}

// body reads a blob from chunk to chunk. Its reader owns it.
type body struct {
	ctx       context.Context // of the reader, for the calls that Read makes
	container *Container
	name      string
	next, end int64  // what is not fetched yet
	chunk     []byte // the last one
	data      []byte // what of it is not read yet
}

// errNothing means that nothing is there where a chunk should begin.
var errNothing = errors.New("the blob ends before")

// open fetches the first chunk. It begins one byte before from, so that one
// call tells the end of a blob, where one byte is left, from what is beyond.
func (b *body) open(from int64) error {
	b.next, b.end = max(from-1, 0), -1
	switch err := b.fetch(); {
	case errors.Is(err, errNothing) && from == 0:
		b.end = 0 // it is empty
	case errors.Is(err, errNothing):
		return fmt.Errorf("read %s from %d: %w: %w", b.name, from, err, io.ErrUnexpectedEOF)
	case err != nil:
		return err
	case from > 0:
		b.data = b.data[1:]
	}
	return nil
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	if len(b.data) == 0 && b.next < b.end {
		if err := b.fetch(); err != nil {
			return 0, err
		}
	}
	if len(b.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.data)
	b.data = b.data[n:]
	return n, nil
}

// Close implements [io.Closer].
func (b *body) Close() error {
	b.data, b.next, b.end = nil, 0, 0
	return nil
}

// fetch reads the next chunk.
func (b *body) fetch() error {
	ctx, cancel, k := b.container.begin(b.ctx, "read", b.name)
	defer cancel()
	size := int64(chunk)
	if b.end >= 0 {
		size = min(size, b.end-b.next)
	}
	answer, err := b.container.client.NewBlobClient(b.name).DownloadStream(ctx, &azblob.DownloadStreamOptions{
		Range: azblob.HTTPRange{Offset: b.next, Count: size},
	})
	if err != nil {
		e := k.failed(err)
		if e.Status == http.StatusRequestedRangeNotSatisfiable {
			return errNothing
		}
		return e
	}
	defer func() { _ = answer.Body.Close() }()
	last, total, ok := parseContentRange(answer.ContentRange, b.next)
	switch {
	case ok && last < b.next && b.next >= total:
		return errNothing // as Azurite has it, at the very end
	case !ok || last < b.next || last >= total || last-b.next >= size || b.end > total:
		return fmt.Errorf("read %s from %d: the answer is to another range", b.name, b.next)
	}
	size = last - b.next + 1
	b.chunk = slices.Grow(b.chunk[:0], int(size))[:size]
	if _, err := io.ReadFull(answer.Body, b.chunk); err != nil {
		return cutShort(ctx, b.name, b.next) // never io.ErrUnexpectedEOF, which readers take for the end of the blob
	}
	if b.end < 0 {
		b.end = total
	}
	b.next, b.data = last+1, b.chunk
	return nil
}

func cutShort(ctx context.Context, name string, from int64) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read %s from %d: the answer stalled: %w", name, from, err)
	}
	return fmt.Errorf("read %s from %d: the answer was cut short", name, from)
}

// parseContentRange reads "bytes first-last/total" of an answer that must
// begin at from.
func parseContentRange(header *string, from int64) (last, total int64, ok bool) {
	if header == nil {
		return 0, 0, false
	}
	text, ok := strings.CutPrefix(*header, "bytes "+strconv.FormatInt(from, 10)+"-")
	end, length, slash := strings.Cut(text, "/")
	last, err1 := strconv.ParseInt(end, 10, 64)
	total, err2 := strconv.ParseInt(length, 10, 64)
	return last, total, ok && slash && err1 == nil && err2 == nil
}

// readAll reads at most limit bytes of a blob.
func (c *Container) readAll(ctx context.Context, name string, limit int64) ([]byte, error) {
	b, err := c.ReadRange(ctx, name, 0)
	if err != nil {
		return nil, err
	}
	var data bytes.Buffer
	_, err = io.Copy(&data, io.LimitReader(b, limit))
	return data.Bytes(), err
}

// List implements [audit.Reader].
func (c *Container) List(ctx context.Context, prefix string) ([]audit.Object, error) {
	objects, err := c.list(ctx, prefix, -1)
	if err != nil {
		return nil, err
	}
	// An account with a hierarchical namespace has an order of its own.
	slices.SortFunc(objects, func(a, b audit.Object) int { return cmp.Compare(a.Name, b.Name) })
	return objects, nil
}

// list reads pages until there are enough names; a negative number is all.
func (c *Container) list(ctx context.Context, prefix string, enough int) ([]audit.Object, error) {
	options := &container.ListBlobsFlatOptions{Prefix: &prefix}
	if enough > 0 && enough < 5000 {
		most := int32(enough) //nolint:gosec // below 5,000
		options.MaxResults = &most
	}
	var objects []audit.Object
	for pager := c.client.NewListBlobsFlatPager(options); pager.More() && (enough < 0 || len(objects) < enough); {
		page, err := c.page(ctx, pager.NextPage)
		if err != nil {
			return nil, err
		}
		objects = append(objects, page...)
	}
	return objects, nil
}

func (c *Container) page(ctx context.Context, next func(context.Context) (container.ListBlobsFlatResponse, error)) ([]audit.Object, error) {
	ctx, cancel, k := c.begin(ctx, "list", "")
	defer cancel()
	answer, err := next(ctx)
	if err != nil {
		return nil, k.failed(err)
	}
	if answer.Segment == nil {
		return nil, nil
	}
	var objects []audit.Object
	for _, item := range answer.Segment.BlobItems {
		if item == nil || item.Name == nil || item.Properties == nil || item.Properties.ContentLength == nil {
			return nil, errors.New("list: the answer leaves out names or sizes")
		}
		objects = append(objects, audit.Object{Name: *item.Name, Size: *item.Properties.ContentLength})
	}
	return objects, nil
}
