package cosmos

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
)

// pack compresses what is kept in an item: items are at most 2 MB, and reading
// one costs by its size.
func pack(text []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err == nil {
		_, err = w.Write(text)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		panic("compressing into memory failed: " + err.Error())
	}
	return out.Bytes()
}

var errPacked = errors.New("a damaged item: its content is not what was packed")

// unpack is what was packed, of at most limit bytes.
func unpack(packed []byte, limit int) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), int64(limit)+1))
	if err != nil || len(text) > limit {
		return nil, errPacked
	}
	return text, nil
}
