package blobserver

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the service's own checksum
	"encoding/base64"
	"encoding/binary"
	"hash/crc64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// request is a call that was read to its end.
type request struct {
	op, container, name string
	header              http.Header
	query               url.Values
	body                []byte
	blockLimit          int64
}

// answer is what the service says.
type answer struct {
	status int
	code   string // of an error
	header http.Header
	body   []byte
}

func respond(status int) answer { return answer{status: status, header: http.Header{}} }

func refuse(status int, code string) answer {
	a := respond(status)
	a.code = code
	return a
}

// largeBlocks is the version of the service from which a block may be larger
// than 4 MiB.
const largeBlocks = "2022-11-02"

// largest is more than any request that is read: a block blob in one piece.
const largest = 256 << 20

// parse reads a request to its end and names its operation, or refuses it.
func (s *Server) parse(r *http.Request) (*request, answer) {
	q := &request{header: r.Header, query: r.URL.Query(), blockLimit: s.options.MaxBlock}
	var ok bool
	if q.container, q.name, ok = s.path(r); !ok {
		return nil, refuse(http.StatusBadRequest, "InvalidUri")
	}
	if q.header.Get("X-Ms-Version") == "" {
		return nil, refuse(http.StatusBadRequest, "MissingRequiredHeader")
	}
	if q.blockLimit == 0 {
		q.blockLimit = 100 << 20
		if q.header.Get("X-Ms-Version") < largeBlocks {
			q.blockLimit = 4 << 20
		}
	}
	q.op = operation(r.Method, q)
	if q.op == "" {
		return nil, refuse(http.StatusBadRequest, "UnsupportedHttpVerb")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, largest+1))
	if err != nil || len(body) > largest {
		return nil, refuse(http.StatusBadRequest, "IncompleteBody")
	}
	q.body = body
	return q, answer{}
}

// operation names what a request asks for, "" for what is not spoken here.
func operation(method string, q *request) string {
	comp := q.query.Get("comp")
	if q.name == "" {
		if q.query.Get("restype") != "container" {
			return ""
		}
		return map[string]string{
			"PUT ": "create container", "GET ": "properties", "HEAD ": "properties", "GET list": "list", "DELETE ": "delete container",
		}[method+" "+comp]
	}
	op := map[string]string{
		"PUT ": "put", "PUT appendblock": "append", "PUT seal": "seal", "PUT metadata": "set metadata",
		"PUT properties": "set properties", "GET ": "read", "HEAD ": "head", "DELETE ": "delete",
	}[method+" "+comp]
	if op == "put" && q.header.Get("X-Ms-Blob-Type") == "AppendBlob" {
		return "create"
	}
	return op
}

var crcTable = crc64.MakeTable(0x9A6C9329AC4BC9B5)

// damaged is the refusal of a body that does not match its checksum.
func (q *request) damaged() (answer, bool) {
	if want := q.header.Get("X-Ms-Content-Crc64"); want != "" {
		sum := binary.LittleEndian.AppendUint64(nil, crc64.Checksum(q.body, crcTable))
		if base64.StdEncoding.EncodeToString(sum) != want {
			return refuse(http.StatusBadRequest, "Crc64Mismatch"), true
		}
	}
	if want := q.header.Get("Content-Md5"); want != "" {
		sum := md5.Sum(q.body) //nolint:gosec // the service's own checksum
		if base64.StdEncoding.EncodeToString(sum[:]) != want {
			return refuse(http.StatusBadRequest, "Md5Mismatch"), true
		}
	}
	return answer{}, false
}

// number is a header that holds one. Absent is ok without a value.
func (q *request) number(header string) (value int64, given, ok bool) {
	text := q.header.Get(header)
	if text == "" {
		return 0, false, true
	}
	value, err := strconv.ParseInt(text, 10, 64)
	return value, true, err == nil && value >= 0
}

// write sends an answer with what every answer of the service carries.
func (s *Server) write(w http.ResponseWriter, r *http.Request, a answer) {
	s.mu.Lock()
	s.etags++
	id, skew := s.etags, s.skew
	s.mu.Unlock()
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	h.Set("X-Ms-Request-Id", "00000000-0000-0000-0000-"+strconv.FormatInt(int64(id)+1e11, 10))
	h.Set("X-Ms-Version", r.Header.Get("X-Ms-Version"))
	h.Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
	if a.code != "" {
		h.Set("X-Ms-Error-Code", a.code)
		h.Set("Content-Type", "application/xml")
		a.body = []byte(`<?xml version="1.0" encoding="utf-8"?><Error><Code>` + a.code + `</Code><Message>` + a.code + `</Message></Error>`)
	}
	if h.Get("Content-Length") == "" {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, bytes.NewReader(a.body))
	}
}
