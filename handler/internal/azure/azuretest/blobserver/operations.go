package blobserver

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// apply does what a request asks for. The caller holds the lock.
func (s *Server) apply(q *request) answer {
	c := s.containers[q.container]
	if q.op == "create container" {
		return s.createContainer(q, c)
	}
	if c == nil {
		return refuse(http.StatusNotFound, "ContainerNotFound")
	}
	switch q.op {
	case "properties":
		return containerProperties(c)
	case "delete container":
		if c.immutability.held() {
			return refuse(http.StatusConflict, "ContainerImmutableDueToPolicy")
		}
		delete(s.containers, q.container)
		return respond(http.StatusAccepted)
	case "list":
		return s.list(q, c)
	case "create", "put":
		return s.put(q, c)
	}
	b := c.blobs[q.name]
	if b == nil {
		return refuse(http.StatusNotFound, "BlobNotFound")
	}
	return s.applyTo(q, c, b)
}

// applyTo does what a request asks of a blob that exists.
func (s *Server) applyTo(q *request, c *container, b *blob) answer {
	switch q.op {
	case "append":
		return s.append(q, c, b)
	case "read", "head":
		return read(q, b)
	case "seal":
		if b.kind != "AppendBlob" {
			return refuse(http.StatusConflict, "InvalidBlobType")
		}
		b.sealed = true
		return respond(http.StatusOK)
	}
	if c.immutability.held() {
		return refuse(http.StatusConflict, "BlobImmutableDueToPolicy")
	}
	if q.op == "delete" {
		delete(c.blobs, q.name)
		return respond(http.StatusAccepted)
	}
	s.change(b) // metadata or properties, which nobody reads
	return respond(http.StatusOK)
}

func (s *Server) createContainer(q *request, c *container) answer {
	if c != nil {
		return refuse(http.StatusConflict, "ContainerAlreadyExists")
	}
	s.containers[q.container] = &container{blobs: map[string]*blob{}}
	return respond(http.StatusCreated)
}

func containerProperties(c *container) answer {
	a := respond(http.StatusOK)
	a.header.Set("ETag", `"0x1"`)
	a.header.Set("X-Ms-Has-Immutability-Policy", strconv.FormatBool(c.immutability.Policy))
	a.header.Set("X-Ms-Has-Legal-Hold", strconv.FormatBool(c.immutability.LegalHold))
	a.header.Set("X-Ms-Immutable-Storage-With-Versioning-Enabled", strconv.FormatBool(c.immutability.Versions))
	return a
}

// put creates or replaces a blob: an empty append blob, or a block blob.
func (s *Server) put(q *request, c *container) answer {
	kind := q.header.Get("X-Ms-Blob-Type")
	switch {
	case kind != "AppendBlob" && kind != "BlockBlob":
		return refuse(http.StatusBadRequest, "InvalidHeaderValue")
	case kind == "AppendBlob" && len(q.body) > 0:
		return refuse(http.StatusBadRequest, "InvalidHeaderValue")
	}
	if a, bad := q.damaged(); bad {
		return a
	}
	was := c.blobs[q.name]
	if was != nil && q.header.Get("If-None-Match") == "*" {
		return refuse(http.StatusConflict, "BlobAlreadyExists")
	}
	if a, bad := conditions(q, was); bad {
		return a
	}
	if was != nil && c.immutability.held() {
		return refuse(http.StatusConflict, "BlobImmutableDueToPolicy")
	}
	b := &blob{kind: kind, data: q.body, contentType: q.header.Get("X-Ms-Blob-Content-Type")}
	s.change(b)
	c.blobs[q.name] = b
	return changed(b)
}

// append adds a block to an append blob.
func (s *Server) append(q *request, c *container, b *blob) answer {
	switch {
	case b.kind != "AppendBlob":
		return refuse(http.StatusConflict, "InvalidBlobType")
	case b.sealed:
		return refuse(http.StatusConflict, "BlobIsSealed")
	case c.immutability.held() && c.immutability.NoAppends:
		return refuse(http.StatusConflict, "BlobImmutableDueToPolicy")
	case len(q.body) == 0:
		return refuse(http.StatusBadRequest, "InvalidHeaderValue")
	case int64(len(q.body)) > q.blockLimit:
		return refuse(http.StatusRequestEntityTooLarge, "RequestBodyTooLarge")
	}
	if a, bad := q.damaged(); bad {
		return a
	}
	if a, bad := conditions(q, b); bad {
		return a
	}
	if b.blocks >= s.options.MaxBlocks {
		return refuse(http.StatusConflict, "BlockCountExceedsLimit")
	}
	offset := len(b.data)
	b.data = append(b.data, q.body...)
	b.blocks++
	s.change(b)
	a := changed(b)
	a.header.Set("X-Ms-Blob-Append-Offset", strconv.Itoa(offset))
	a.header.Set("X-Ms-Blob-Committed-Block-Count", strconv.Itoa(b.blocks))
	if sum := q.header.Get("X-Ms-Content-Crc64"); sum != "" {
		a.header.Set("X-Ms-Content-Crc64", sum)
	}
	return a
}

func changed(b *blob) answer {
	a := respond(http.StatusCreated)
	stamp(a.header, b)
	return a
}

func stamp(h http.Header, b *blob) {
	h.Set("ETag", b.etag)
	h.Set("Last-Modified", b.modified.UTC().Format(http.TimeFormat))
}

// conditions is the refusal of a request whose conditions do not hold for b,
// which is nil where there is no blob.
func conditions(q *request, b *blob) (answer, bool) {
	etag := ""
	if b != nil {
		etag = b.etag
	}
	if want := q.header.Get("If-Match"); want != "" && want != etag && (want != "*" || b == nil) {
		return refuse(http.StatusPreconditionFailed, "ConditionNotMet"), true
	}
	if not := q.header.Get("If-None-Match"); not != "" && b != nil && (not == etag || not == "*") {
		return refuse(http.StatusPreconditionFailed, "ConditionNotMet"), true
	}
	if b == nil {
		return answer{}, false
	}
	position, given, ok := q.number("X-Ms-Blob-Condition-Appendpos")
	switch {
	case !ok:
		return refuse(http.StatusBadRequest, "InvalidHeaderValue"), true
	case given && position != int64(len(b.data)):
		return refuse(http.StatusPreconditionFailed, "AppendPositionConditionNotMet"), true
	}
	size, given, ok := q.number("X-Ms-Blob-Condition-Maxsize")
	switch {
	case !ok:
		return refuse(http.StatusBadRequest, "InvalidHeaderValue"), true
	case given && int64(len(b.data)+len(q.body)) > size:
		return refuse(http.StatusPreconditionFailed, "MaxBlobSizeConditionNotMet"), true
	}
	return answer{}, false
}

// read answers a GET or HEAD of a blob, of a range if one is asked for.
func read(q *request, b *blob) answer {
	if a, bad := conditions(q, b); bad {
		return a
	}
	a := respond(http.StatusOK)
	stamp(a.header, b)
	a.header.Set("Accept-Ranges", "bytes")
	a.header.Set("Content-Type", b.contentType)
	a.header.Set("X-Ms-Blob-Type", b.kind)
	if b.kind == "AppendBlob" {
		a.header.Set("X-Ms-Blob-Committed-Block-Count", strconv.Itoa(b.blocks))
	}
	a.body = b.data
	if asked := q.header.Get("X-Ms-Range"); asked != "" && q.op == "read" {
		from, to, ok := parseRange(asked, len(b.data))
		if !ok {
			a = refuse(http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			a.header.Set("Content-Range", fmt.Sprintf("bytes */%d", len(b.data)))
			return a
		}
		a.status = http.StatusPartialContent
		a.header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(b.data)))
		a.body = b.data[from:to]
	}
	a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	return a
}

// parseRange is bytes=from-last of a blob of that length. A range that begins
// at or behind the end is not ok.
func parseRange(text string, length int) (from, to int, ok bool) {
	text, ok = strings.CutPrefix(text, "bytes=")
	first, last, dash := strings.Cut(text, "-")
	from, err := strconv.Atoi(first)
	if !ok || !dash || err != nil || from < 0 || from >= length {
		return 0, 0, false
	}
	if last == "" {
		return from, length, true
	}
	end, err := strconv.Atoi(last)
	return from, min(end+1, length), err == nil && end >= from
}
