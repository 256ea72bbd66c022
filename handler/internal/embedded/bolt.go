package embedded

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// Keys of the database are byte strings in the order that is read. Names in
// front of anything are preceded by their length, so that no two lists can
// share a key whatever their names hold.

func appendName(key []byte, name string) []byte {
	key = binary.BigEndian.AppendUint16(key, uint16(len(name))) //nolint:gosec // MaxKey bounds names
	return append(key, name...)
}

// appendTime puts instants in order, to the millisecond.
func appendTime(key []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(key, orderOf(t))
}

// appendNewest puts the latest instant first.
func appendNewest(key []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(key, ^orderOf(t))
}

func orderOf(t time.Time) uint64 { return uint64(t.UnixMilli()) ^ 1<<63 }

const timeLength = 8

// pageToken wraps the place of the last record of a page; kind tells the lists
// of different order apart.
func pageToken(kind byte, place []byte) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{kind}, place...))
}

// placeOf is the place in a page token; nil for the first page.
func placeOf(kind byte, token string) ([]byte, error) {
	if token == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= 1+timeLength || raw[0] != kind {
		return nil, fmt.Errorf("%w", approval.ErrPage)
	}
	return raw[1:], nil
}
