package httpapi

import (
	"io"
	"mime"
	"net/http"
	"strings"
)

// MaxBody is how many bytes a body may have.
const MaxBody = 256 << 10

// readJSON reads the whole body of a request that says it is JSON. A body
// that ends before its announced length is never looked at.
func readJSON(r *http.Request) ([]byte, error) {
	if err := checkMediaType(r.Header); err != nil {
		return nil, err
	}
	return readBody(r)
}

// readOptionalJSON is readJSON where a body may be left out, and then says
// nothing of what it is.
func readOptionalJSON(r *http.Request) ([]byte, error) {
	body, err := readBody(r)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	return body, checkMediaType(r.Header)
}

func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > MaxBody {
		return nil, tooLarge()
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, cutShort(err)
		}
		return body, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return nil, cutShort(err)
	}
	if len(body) > MaxBody {
		return nil, tooLarge()
	}
	return body, nil
}

func tooLarge() error {
	return &Problem{Kind: TooLarge, Errors: []FieldError{{"", "the body is larger than 256 KiB"}}}
}

func cutShort(err error) error {
	const detail = "the body ended before its announced length, or came too slowly"
	return &Problem{Kind: Malformed, Detail: detail, Errors: []FieldError{{"", detail}}, cause: err}
}

// checkMediaType wants application/json, in UTF-8 or without a charset, and
// no content coding: what is read is what is decided on.
func checkMediaType(h http.Header) error {
	values := h["Content-Type"]
	if len(values) == 1 && len(h["Content-Encoding"]) == 0 {
		switch values[0] {
		case "application/json", "application/json; charset=utf-8":
			return nil
		}
		if isJSON(values[0]) {
			return nil
		}
	}
	return &Problem{
		Kind: MediaType, Detail: "Send Content-Type: application/json, without Content-Encoding.",
		Errors: []FieldError{{"", "the body is not declared as application/json in UTF-8"}},
	}
}

func isJSON(contentType string) bool {
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "application/json" {
		return false
	}
	charset, given := parameters["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}
