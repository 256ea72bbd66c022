package audit

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Entry is one record as a reader found it.
type Entry struct {
	Segment string    `json:"segment"`
	Seq     uint64    `json:"seq"`
	Hash    string    `json:"hash"` // of the line
	Kind    Kind      `json:"kind"`
	Time    time.Time `json:"time"`

	// Uncertain means that the record stands in the end of a segment of which
	// nobody was told that it is there: it may never have been answered.
	Uncertain bool `json:"uncertain"`

	// Record is the line as JSON, with every character escaped that a terminal
	// could take for more than text.
	Record json.RawMessage `json:"record"`

	value  strictjson.Value
	offset int64
}

// recordLimits are wider than those of a request, which a record holds.
var recordLimits = strictjson.Limits{Depth: 2 * strictjson.MaxDepth, Names: 1 << 16}

// parseBody reads a whole line as the object that it is.
func parseBody(line []byte) (strictjson.Value, error) {
	return strictjson.Parse(bytes.TrimSuffix(line, []byte{'\n'}), recordLimits)
}

// parseEntry reads a line of a segment, or reports false for what is none.
func parseEntry(segment string, offset int64, line []byte) (Entry, bool) {
	h, ok := parseHead(line)
	if !ok {
		return Entry{}, false
	}
	v, err := parseBody(line)
	if err != nil {
		return Entry{}, false
	}
	return Entry{
		Segment: segment, Seq: h.seq, Hash: string(appendHash(nil, line)), Kind: h.kind, Time: timeOf(v.Get("ts")),
		Record: escapeJSON(bytes.TrimSuffix(line, []byte{'\n'})), value: v, offset: offset,
	}, true
}

// text is a member of the record that is a string, else "".
func (e *Entry) text(name string) string {
	if v := e.value.Get(name); v.Kind() == strictjson.String {
		return v.Text()
	}
	return ""
}

// timeOf is the zero time for anything that is not a time of a record.
func timeOf(v strictjson.Value) time.Time {
	t, err := time.Parse(timeLayout, v.Text())
	if err != nil {
		return time.Time{}
	}
	return t
}

// visible reports whether a character may go to a terminal as it is: no
// control, nothing that is invisible or turns the direction of writing.
func visible(r rune) bool {
	return r < utf8.RuneSelf && r >= 0x20 && r != 0x7f ||
		r >= utf8.RuneSelf && r != utf8.RuneError && unicode.IsPrint(r) && r != '\u2800' &&
			!unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) && !unicode.Is(unicode.Variation_Selector, r)
}

// escapeJSON escapes what is not visible in a text that is JSON. Such
// characters stand in strings only, so that the value stays the same.
func escapeJSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if visible(r) {
			out = append(out, text[:size]...)
		} else {
			out = appendUTF16(out, r)
		}
		text = text[size:]
	}
	return out
}

// marshalVisible is json.Marshal, but for what is not visible, which it escapes.
func marshalVisible(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	return escapeJSON(text), err
}

// MarshalJSON implements [json.Marshaler], with everything escaped that a
// terminal could take for more than text.
func (e Entry) MarshalJSON() ([]byte, error) {
	type plain Entry
	return marshalVisible(plain(e))
}

// appendUTF16 writes a character as JSON escapes it.
func appendUTF16(dst []byte, r rune) []byte {
	if r > 0xFFFF {
		r -= 0x10000
		return appendUnit(appendUnit(dst, 0xD800+r>>10), 0xDC00+r&0x3FF)
	}
	return appendUnit(dst, r)
}

func appendUnit(dst []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[unit>>12&15], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}

// printable is s as one line of a terminal may show it.
func printable(s string) string {
	for _, r := range s {
		if !visible(r) {
			return string(escapeText(s))
		}
	}
	return s
}

func escapeText(s string) []byte {
	var out []byte
	for _, r := range s {
		if visible(r) {
			out = utf8.AppendRune(out, r)
		} else {
			out = appendUTF16(out, r)
		}
	}
	return out
}
