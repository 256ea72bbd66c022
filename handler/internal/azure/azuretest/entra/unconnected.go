package entra

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
)

// unconnected calls the issuer as a function, in a goroutine of its own, so
// that a test's clock governs both sides. It answers for every other host too,
// as an attacker's would, and counts that as [Elsewhere].
type unconnected struct{ issuer *Issuer }

// RoundTrip implements [http.RoundTripper].
func (u unconnected) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.String(), u.issuer.URL+"/") {
		u.issuer.count(Elsewhere)
	}
	ctx, cancel := context.WithCancel(r.Context())
	reader, writer := io.Pipe()
	w := &reply{header: http.Header{}, body: writer, begun: make(chan int, 1)}
	go func() {
		defer cancel()
		u.issuer.ServeHTTP(w, r.Clone(ctx))
		w.begin(http.StatusOK)
		_ = writer.CloseWithError(w.end())
	}()
	select {
	case status := <-w.begun:
		body := struct {
			io.Reader
			io.Closer
		}{reader, closer(func() { cancel(); _ = reader.Close() })}
		return &http.Response{
			StatusCode: status, Header: w.header, Body: body, Request: r, ContentLength: -1,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}, nil
	case <-r.Context().Done():
		_ = reader.Close()
		return nil, r.Context().Err()
	}
}

type closer func()

// Close implements [io.Closer].
func (c closer) Close() error { c(); return nil }

// reply is a response whose body is read while it is written.
type reply struct {
	header http.Header
	body   *io.PipeWriter
	begun  chan int
	once   sync.Once
	wrote  int
}

// Header implements [http.ResponseWriter].
func (w *reply) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *reply) WriteHeader(status int) { w.begin(status) }

// Write implements [http.ResponseWriter].
func (w *reply) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	n, err := w.body.Write(b)
	w.wrote += n
	return n, err
}

func (w *reply) begin(status int) { w.once.Do(func() { w.begun <- status }) }

// end is how a body ends that was promised longer.
func (w *reply) end() error {
	if w.header.Get("Content-Length") != "" {
		return io.ErrUnexpectedEOF
	}
	return nil
}
