package audit

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// mark is a place in a segment: a line, where it ends, and its hash, which
// commits to everything in front of it.
type mark struct {
	seq    uint64
	length int64
	tip    [hashLength]byte
}

// anchor is what a signed statement says: that a segment was so at a place.
type anchor struct {
	segment segmentID
	mark
	ts time.Time
}

const (
	anchorSuffix = ".jws"
	anchorDigits = 12
)

// anchorPrefix is where the anchors of a segment lie.
func anchorPrefix(segment string) string { return segment + "/" }

// anchorName is the object of an anchor: <segment>/<seq, 12 digits>.jws.
func anchorName(segment string, seq uint64) string {
	return fmt.Sprintf("%s%0*d%s", anchorPrefix(segment), anchorDigits, seq, anchorSuffix)
}

// parseAnchorName is the inverse of anchorName. It reports false for any other
// name.
func parseAnchorName(name string) (segment segmentID, seq uint64, ok bool) {
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return segmentID{}, 0, false
	}
	segment, ok = parseSegmentName(name[:slash])
	seq, err := strconv.ParseUint(strings.TrimSuffix(name[slash+1:], anchorSuffix), 10, 63)
	return segment, seq, ok && err == nil && anchorName(name[:slash], seq) == name
}

// payload is the anchor in the form of RFC 8785, which is what is signed.
func (a *anchor) payload() []byte {
	number := func(n uint64) strictjson.Value { return strictjson.NumberOf(strconv.FormatUint(n, 10)) }
	return strictjson.AppendCanonical(nil, strictjson.ObjectOf(
		strictjson.Member{Name: "v", Value: number(Version)},
		strictjson.Member{Name: "env", Value: strictjson.StringOf(a.segment.environment)},
		strictjson.Member{Name: "lane", Value: number(uint64(a.segment.lane))},
		strictjson.Member{Name: "segment", Value: strictjson.StringOf(a.segment.name())},
		strictjson.Member{Name: "seq", Value: number(a.seq)},
		strictjson.Member{Name: "length", Value: number(uint64(a.length))},
		strictjson.Member{Name: "tip", Value: strictjson.StringOf(string(a.tip[:]))},
		strictjson.Member{Name: "ts", Value: strictjson.StringOf(a.ts.UTC().Format(timeLayout))},
	))
}

// parseAnchor is the inverse of payload. It reports false for anything that
// payload would not have written.
func parseAnchor(payload []byte) (a anchor, ok bool) {
	v, err := strictjson.Parse(payload, strictjson.Limits{Depth: 2, Names: 16})
	if err != nil {
		return anchor{}, false
	}
	if a.segment, ok = parseSegmentName(v.Get("segment").Text()); !ok {
		return anchor{}, false
	}
	a.seq, a.length = uint64(intOf(v.Get("seq"))), intOf(v.Get("length"))
	a.ts = timeOf(v.Get("ts"))
	return a, copy(a.tip[:], v.Get("tip").Text()) == hashLength && bytes.Equal(a.payload(), payload)
}
