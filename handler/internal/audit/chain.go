package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// Version is the version of the record, the "v" of every line.
const Version = 1

const (
	hashPrefix = "sha256:"
	hashLength = len(hashPrefix) + 2*sha256.Size
)

// A line is linePrefix, kind, seqPart, sequence number, prevPart, hash,
// `"`, the body that a record appends, and lineEnd. Readers rely on the order.
const (
	linePrefix = `{"v":1,"kind":"`
	seqPart    = `","seq":`
	prevPart   = `,"prev":"`
	lineEnd    = "}\n"
)

// appendHash appends the form in which hashes are written: "sha256:" and hex.
func appendHash(dst []byte, data []byte) []byte {
	sum := sha256.Sum256(data)
	return hex.AppendEncode(append(dst, hashPrefix...), sum[:])
}

// appendLine appends one line of the chain. Prev is the hash of the line
// before it, empty for the first of a segment.
func appendLine(dst []byte, k Kind, seq uint64, prev, body []byte) []byte {
	dst = append(append(dst, linePrefix...), k...)
	dst = strconv.AppendUint(append(dst, seqPart...), seq, 10)
	dst = append(append(dst, prevPart...), prev...)
	dst = append(append(dst, '"'), body...)
	return append(dst, lineEnd...)
}

// head is what a reader takes from a line without parsing the rest.
type head struct {
	kind Kind
	seq  uint64
	prev []byte
	body []byte // from the comma behind prev to the closing brace, without it
}

// parseHead reads the head of a line, with or without its line feed, or
// reports false for anything the canonical writer would not have written.
func parseHead(line []byte) (h head, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte(linePrefix))
	if !ok {
		return head{}, false
	}
	kind, rest, ok := bytes.Cut(rest, []byte(seqPart))
	if !ok || !plainKind(kind) {
		return head{}, false
	}
	number, rest, ok := bytes.Cut(rest, []byte(prevPart))
	if !ok || len(number) == 0 || len(number) > 18 || number[0] == '0' && len(number) > 1 {
		return head{}, false
	}
	for _, c := range number {
		if c < '0' || c > '9' {
			return head{}, false
		}
		h.seq = h.seq*10 + uint64(c-'0')
	}
	prev, rest, ok := bytes.Cut(rest, []byte{'"'})
	if !ok || len(prev) != 0 && len(prev) != hashLength {
		return head{}, false
	}
	rest = bytes.TrimSuffix(rest, []byte{'\n'})
	if len(rest) < 2 || rest[0] != ',' || rest[len(rest)-1] != '}' {
		return head{}, false
	}
	h.kind, h.prev, h.body = Kind(kind), prev, rest[:len(rest)-1]
	return h, true
}

func plainKind(kind []byte) bool {
	for _, c := range kind {
		if (c < 'a' || c > 'z') && c != '.' {
			return false
		}
	}
	return len(kind) > 0
}
