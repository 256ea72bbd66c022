package mail

import (
	"bytes"
	_ "embed" // the page
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"strings"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
)

// Input is one message.
type Input struct {
	Kind  approval.Notice
	Sheet sheet.Sheet
	Link  string // of the page where the reader signs in and decides
}

// Mail is a rendered message. Text and HTML are UTF-8 with line feeds.
type Mail struct {
	Subject, Text, HTML string

	// Cut says that the bodies do not hold all there is to know: nobody may
	// decide by them, and they hold no button.
	Cut bool
}

// MaxBody is how long a body may be, in bytes: mail programs cut longer ones,
// and a message that was cut could hide what it is about. A longer one is
// rendered without the values that make it long, and says to read them on the
// page.
const MaxBody = 100_000

// PageLink is the page of an approval.
func PageLink(publicURL, id string) string {
	return strings.TrimSuffix(publicURL, "/") + "/console/approvals/" + url.PathEscape(id)
}

// Render writes a message. The error is a link that a mail must not hold.
func Render(m Input) (Mail, error) {
	if err := checkLink(m.Link); err != nil {
		return Mail{}, fmt.Errorf("render mail: %w", err)
	}
	l := letterOf(&m)
	out, err := l.render()
	if err == nil && (len(out.Text) > MaxBody || len(out.HTML) > MaxBody) {
		l.shorten(&m)
		out, err = l.render()
	}
	if err != nil {
		return Mail{}, fmt.Errorf("render mail: %w", err)
	}
	out.Subject = subject(&m)
	return out, nil
}

// checkLink admits https, and http on this machine only.
func checkLink(link string) error {
	u, err := url.Parse(link)
	switch {
	case err != nil:
		return errors.New("the link is no URL")
	case strings.ContainsFunc(link, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return errors.New("the link holds a character that a URL has not")
	case u.User != nil || u.Host == "":
		return errors.New("the link names a user, or no host")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"):
		return nil
	}
	return errors.New("the link is not https")
}

//go:embed letter.html
var letterHTML string

// page is immutable and safe for concurrent use.
var page = template.Must(template.New("letter").Funcs(template.FuncMap{"pieces": pieces, "count": count}).Parse(letterHTML))

func (l *letter) render() (Mail, error) {
	var html bytes.Buffer
	if err := page.Execute(&html, l); err != nil {
		return Mail{}, err
	}
	return Mail{Text: l.text(), HTML: html.String(), Cut: l.Cut}, nil
}

// subject holds typed facts only: never a parameter that is text, and nothing
// that the agent wrote.
func subject(m *Input) string {
	s := &m.Sheet
	parts := []string{kicker(m) + ": " + header(s.Title)}
	if s.Amount != "" {
		parts = append(parts, header(s.Amount))
	}
	parts = append(parts, header(s.Agent))
	if s.Pending {
		parts = append(parts, "by "+header(s.Deadline))
	}
	return strings.Join(parts, ", ")
}

// header is a part of a header.
func header(s string) string { return atMost(oneLine(s), 120) }

// atMost is the beginning of s, in characters.
func atMost(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// oneLine is a text that cannot end a header, and that no mail program decodes
// once more.
func oneLine(s string) string {
	s = strings.ReplaceAll(sheet.Visible(s), "\n", " ")
	for strings.Contains(s, "=?") {
		s = strings.ReplaceAll(s, "=?", "= ?")
	}
	return s
}
