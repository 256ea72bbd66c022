package console

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

const (
	maxForm     = 64 << 10  // bytes of a form; a comment of 1000 characters is 12 kB at most
	maxCallForm = 800 << 10 // the form with a call, which escapes what may be 256 KiB
	maxRest     = 16 << 20  // read of a body that is too large, so that its sender sees the answer
)

// form is what a page sent.
type form struct{ values url.Values }

// readForm reads a form within a bound.
func readForm(r *http.Request, limit int64) (form, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return form{}, errUnreadable
	}
	if int64(len(body)) > limit {
		_, _ = io.CopyN(io.Discard, r.Body, maxRest)
		return form{}, errTooLarge
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return form{}, errUnreadable
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return form{}, errUnreadable
	}
	return form{values}, nil
}

// one is a field that stands once; "" for any other.
func (f form) one(name string) string {
	if v := f.values[name]; len(v) == 1 {
		return v[0]
	}
	return ""
}

// comment is what a person wrote, bounded and without control characters.
func (f form) comment() (string, error) {
	text := strings.TrimSpace(strings.ReplaceAll(f.one("comment"), "\r\n", "\n"))
	if utf8.RuneCountInString(text) > approval.MaxComment {
		return "", errLongComment
	}
	odd := func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }
	if !utf8.ValidString(text) || strings.ContainsFunc(text, odd) {
		return "", errUnreadable
	}
	return text, nil
}
