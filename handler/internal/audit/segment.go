package audit

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// segmentID is what the name of a segment says.
type segmentID struct {
	environment string
	opened      time.Time // UTC, to the millisecond
	id          string    // a ULID of opened
	instance    string
	lane        int
}

const (
	segmentSuffix = ".jsonl"
	ulidLength    = 26
)

// name is the object of the segment:
// v1/env=<env>/dt=2026-11-21/hh=19/<ulid>-<instance>-<lane>.jsonl.
func (s segmentID) name() string {
	return hourPrefix(s.environment, s.opened) + s.id + "-" + s.instance + "-" + strconv.Itoa(s.lane) + segmentSuffix
}

// environmentPrefix is where everything of an environment lies.
func environmentPrefix(environment string) string { return "v1/env=" + environment + "/" }

func hourPrefix(environment string, t time.Time) string {
	return environmentPrefix(environment) + t.UTC().Format("dt=2006-01-02/hh=15/")
}

// parseSegmentName is the inverse of name. It reports false for every other
// object, such as what [Log.KeepPack] keeps.
func parseSegmentName(name string) (s segmentID, ok bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 5 || parts[0] != "v1" {
		return segmentID{}, false
	}
	environment, ok := strings.CutPrefix(parts[1], "env=")
	base, suffixed := strings.CutSuffix(parts[4], segmentSuffix)
	if !ok || !suffixed || len(base) < ulidLength+4 || base[ulidLength] != '-' {
		return segmentID{}, false
	}
	id, err := ulid.ParseStrict(base[:ulidLength])
	dash := strings.LastIndexByte(base, '-')
	if err != nil || dash <= ulidLength {
		return segmentID{}, false
	}
	lane, err := strconv.Atoi(base[dash+1:])
	if err != nil {
		return segmentID{}, false
	}
	s = segmentID{environment, ulid.Time(id.Time()).UTC(), base[:ulidLength], base[ulidLength+1 : dash], lane}
	return s, s.name() == name
}

// tail is how a segment ends, as the one after it says.
type tail struct {
	segment   string
	length    int64  // to which every byte is certain
	tip       string // hash of the last certain line
	uncertain uncertain
}

// uncertain is what may stand behind a segment's certain length: a frame whose
// append had no outcome, or the torn line of a crash. Zero means nothing.
type uncertain struct {
	length  int64
	hash    string // of those bytes
	seq     uint64 // of the first line in them
	records int
	torn    bool // the bytes are there for good: no writer was left
}

// opened is the first line of a segment.
type opened struct {
	ts       time.Time
	segment  segmentID
	ordinal  uint64 // 1 for the first of a chain, then one more each
	writer   string // version of the program
	keyID    string
	anchored bool // it takes no second line before this one is anchored
	previous tail
}

func (o opened) appendBody(dst []byte) []byte {
	dst = appendTime(dst, "ts", o.ts)
	dst = appendText(dst, "segment", o.segment.name())
	dst = appendText(dst, "environment", o.segment.environment)
	dst = appendText(dst, "instance", o.segment.instance)
	dst = appendInt(dst, "lane", int64(o.segment.lane))
	dst = appendInt(dst, "ordinal", int64(o.ordinal))
	dst = appendText(dst, "writer", o.writer)
	dst = appendText(dst, "keyId", o.keyID)
	if o.anchored { // absent from logs without anchors
		dst = appendBool(dst, "anchored", true)
	}
	dst = appendName(dst, "previous")
	return closeObject(o.previous.append(dst), len(dst))
}

func (t tail) append(dst []byte) []byte {
	dst = appendText(dst, "segment", t.segment)
	dst = appendInt(dst, "length", t.length)
	dst = appendText(dst, "tip", t.tip)
	dst = appendName(dst, "uncertain")
	start := len(dst)
	dst = appendInt(dst, "length", t.uncertain.length)
	dst = appendText(dst, "hash", t.uncertain.hash)
	dst = appendInt(dst, "seq", int64(t.uncertain.seq))
	dst = appendInt(dst, "records", int64(t.uncertain.records))
	dst = appendBool(dst, "torn", t.uncertain.torn)
	return closeObject(dst, start)
}

// closed is the last line of a segment that ended in good order.
type closed struct {
	ts     time.Time
	reason string // hour, blocks, bytes or stop
}

func (c closed) appendBody(dst []byte) []byte {
	dst = appendTime(dst, "ts", c.ts)
	return appendText(dst, "reason", c.reason)
}

// checkNames refuses what would not make a path of one meaning.
func checkNames(environment, instance string) error {
	if !plainName(environment) {
		return fmt.Errorf("environment %q: want 1 to 63 of a-z A-Z 0-9 . _ -, not a dot first", environment)
	}
	if !plainName(instance) {
		return fmt.Errorf("instance %q: want 1 to 63 of a-z A-Z 0-9 . _ -, not a dot first", instance)
	}
	return nil
}

func plainName(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && !strings.ContainsRune("._-", rune(s[i])) {
			return false
		}
	}
	return len(s) > 0 && len(s) < 64 && s[0] != '.'
}

// EnvironmentOf is the environment that an object of a log or of its anchors
// belongs to.
func EnvironmentOf(object string) (environment string, ok bool) {
	parts := strings.SplitN(object, "/", 3)
	if len(parts) < 3 || parts[0] != "v1" {
		return "", false
	}
	environment, ok = strings.CutPrefix(parts[1], "env=")
	return environment, ok && plainName(environment)
}
