package audit

import (
	"bytes"
	"context"
	"errors"
	"strconv"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// openingWindow holds any first line.
const openingWindow = 8 << 10

// errNoOpening means that a segment does not begin with a whole first line:
// nothing in it was ever acknowledged.
var errNoOpening = errors.New("no whole first line")

// readOpened reads the first line of a segment. The line after it, if there is
// one, must name its hash.
func readOpened(ctx context.Context, r Reader, name string) (opened, error) {
	data, err := readRange(ctx, r, name, 0, openingWindow)
	if err != nil {
		return opened{}, err
	}
	end := bytes.IndexByte(data, '\n') + 1
	if end == 0 {
		return opened{}, errNoOpening
	}
	first, rest := data[:end], data[end:]
	if i := bytes.Index(rest, []byte(prevPart)); i >= 0 && i+len(prevPart)+hashLength <= len(rest) {
		prev := rest[i+len(prevPart):][:hashLength]
		if !bytes.Equal(prev, appendHash(nil, first)) {
			return opened{}, errNoOpening
		}
	}
	return parseOpened(first)
}

// parseOpened is the inverse of [opened.appendBody], for whole lines. It
// believes nothing that the canonical writer would not have written.
func parseOpened(line []byte) (opened, error) {
	h, ok := parseHead(line)
	if !ok || h.kind != KindSegmentOpened || h.seq != 0 || len(h.prev) != 0 {
		return opened{}, errNoOpening
	}
	v, err := parseBody(line)
	if err != nil {
		return opened{}, errNoOpening
	}
	id, ok := parseSegmentName(v.Get("segment").Text())
	if !ok {
		return opened{}, errNoOpening
	}
	o := opened{
		ts: timeOf(v.Get("ts")), segment: id, ordinal: uint64(intOf(v.Get("ordinal"))),
		writer: v.Get("writer").Text(), keyID: v.Get("keyId").Text(), anchored: v.Get("anchored").Bool(), previous: tailOf(v.Get("previous")),
	}
	if !bytes.Equal(o.appendBody(nil), h.body) {
		return opened{}, errNoOpening
	}
	return o, nil
}

func tailOf(v strictjson.Value) tail {
	u := v.Get("uncertain")
	return tail{
		segment: v.Get("segment").Text(), length: intOf(v.Get("length")), tip: v.Get("tip").Text(),
		uncertain: uncertain{
			length: intOf(u.Get("length")), hash: u.Get("hash").Text(), seq: uint64(intOf(u.Get("seq"))),
			records: int(intOf(u.Get("records"))), torn: u.Get("torn").Bool(),
		},
	}
}

// intOf is a whole number that is not negative, else 0.
func intOf(v strictjson.Value) int64 {
	n, err := strconv.ParseInt(v.Text(), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
