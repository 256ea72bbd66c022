package mail_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/mail"
)

const (
	from      = "Authorization Fabric <fabric@localhost>"
	to        = "mia@contoso.com"
	messageID = "apr_0123456789abcdefghijklmnop-01q2r3s4t5.asked.0011@fabric.contoso.com"
)

func eml(t testing.TB, m mail.Mail) []byte {
	t.Helper()
	body, err := m.EML(from, to, messageID, noon)
	if err != nil {
		t.Fatalf("EML = %v", err)
	}
	return body
}

// headerNames are all that a message has.
var headerNames = []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}

// parsed reads a message as a mail program does, and returns its two bodies.
func parsed(t testing.TB, raw []byte) (header netmail.Header, text, html string) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("ReadMessage = %v", err)
	}
	for name := range m.Header {
		if !strings.Contains(" "+strings.Join(headerNames, " ")+" ", " "+name+" ") || len(m.Header[name]) != 1 {
			t.Errorf("header %s = %q, want it not, or once", name, m.Header[name])
		}
	}
	if len(m.Header) != len(headerNames) {
		t.Errorf("%d headers, want %d", len(m.Header), len(headerNames))
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type = %s, %v", kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	var bodies []string
	for _, want := range []string{"text/plain; charset=utf-8", "text/html; charset=utf-8"} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatalf("NextPart = %v", err)
		}
		body, err := io.ReadAll(part) // NextPart decodes quoted-printable
		if got := part.Header.Get("Content-Type"); err != nil || got != want {
			t.Fatalf("part = %s, %v, want %s", got, err, want)
		}
		bodies = append(bodies, strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("after two parts: %v, want the end", err)
	}
	return m.Header, bodies[0], bodies[1]
}

var lineEnds = regexp.MustCompile(`(^|[^\r])\n|\r([^\n]|$)`)

// wellFormed is what RFC 5322 demands of the bytes.
func wellFormed(t testing.TB, raw []byte) {
	t.Helper()
	if at := lineEnds.FindIndex(raw); at != nil {
		t.Errorf("a line does not end in CRLF at byte %d", at[0])
	}
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(line) > 998 {
			t.Errorf("a line of %d bytes, want at most 998", len(line))
		}
		for _, b := range line {
			if b >= 0x7f || b < ' ' && b != '\t' {
				t.Fatalf("byte %#x in %q, want ASCII", b, line)
			}
		}
	}
}

// RFC 5322, 2045 to 2047: a mail program reads back what was rendered.
func TestEMLReadsBack(t *testing.T) {
	m := render(t, approval.NoticeAsked, order(func(c *approval.Case) {
		c.Title, c.AgentTitle = "Bestellung über Grenze – bitte prüfen, 見積書の承認を行う必要がある非常に長い表題です", "Bestellhilfe für Einkäufer"
		c.Said = strings.Repeat("long ", 400) + "\n.\n--\nFrom here\n日本語 = 100% \t"
	}))
	raw := eml(t, m)
	wellFormed(t, raw)
	header, text, html := parsed(t, raw)
	subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	if err != nil || subject != m.Subject {
		t.Errorf("subject = %q, %v, want %q", subject, err, m.Subject)
	}
	if diff := cmp.Diff([]string{m.Text, m.HTML}, []string{text, html}); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	if list, err := header.AddressList("To"); err != nil || len(list) != 1 || list[0].Address != to {
		t.Errorf("To = %v, %v, want %s", list, err, to)
	}
	if list, err := header.AddressList("From"); err != nil || len(list) != 1 || list[0].Name != "Authorization Fabric" {
		t.Errorf("From = %v, %v", list, err)
	}
	if date, err := header.Date(); err != nil || !date.Equal(noon) {
		t.Errorf("Date = %v, %v, want %v", date, err, noon)
	}
	if again := eml(t, m); !bytes.Equal(raw, again) {
		t.Error("the same message is not the same bytes")
	}
}

// breaks are texts that try to become headers, addresses or bodies.
var breaks = []string{
	"x\r\nBcc: evil@evil.example", "x\nBcc: evil@evil.example", "x\rBcc: evil@evil.example", "x\r\n\r\n<h1>Approved</h1>",
	"x\u2028Bcc: evil@evil.example", "x\u0085Bcc: evil@evil.example", "x\x00y", "x\vBcc: a@b.example", "x\fy",
	"=?utf-8?q?x=0D=0ABcc:_evil@evil.example?=", "=?utf-8?b?DQpCY2M6IGV2aWxAZXZpbC5leGFtcGxl?=", "=?=?utf-8?q?=0A?=?=",
	"\u202egnp.evil", strings.Repeat("x", 5000), strings.Repeat("é ", 900), " \r\n \r\n ", "x\r\n y", "\U0001f600", "\xff\xfe",
	"Subject: other\r\nTo: evil@evil.example", "; boundary=x", "\"quoted\" <evil@evil.example>", "x, evil@evil.example", "(comment)", "\\", "\t\t",
}

// T27: nothing breaks out of the subject, whoever wrote its parts.
func TestT27SubjectStaysOneHeader(t *testing.T) {
	puts := map[string]func(*approval.Case, string){
		"title, agent and unit": func(c *approval.Case, s string) { c.Title, c.AgentTitle, c.Main.Unit = s, s, s },
		"label":                 func(c *approval.Case, s string) { c.Facts[0].Label, c.Main.Unit = s, "" },
	}
	for _, text := range append(append(corpus(t, "injections.txt"), corpus(t, "markup.txt")...), breaks...) {
		for name, put := range puts {
			m := render(t, approval.NoticeAsked, order(func(c *approval.Case) { put(c, text) }))
			if utf8.RuneCountInString(m.Subject) > 700 {
				t.Errorf("%.40q as %s: a subject of %d characters", text, name, utf8.RuneCountInString(m.Subject))
			}
			oneSubject(t, name, m.Subject)
		}
		oneSubject(t, "whole", text) // not even one that was not rendered here
	}
}

// oneSubject holds the message with a subject against what a mail program makes
// of it.
func oneSubject(t *testing.T, name, subject string) {
	t.Helper()
	raw := eml(t, mail.Mail{Subject: subject, Text: "text", HTML: "html"})
	wellFormed(t, raw)
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil || len(m.Header) != len(headerNames) {
		t.Fatalf("%q as %s: headers %v, %v, want %d", subject, name, m, err, len(headerNames))
	}
	got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if r, bad := hidden(got); err != nil || bad || strings.Contains(got, "\n") {
		t.Errorf("%q as %s: subject %q has %U, %v", subject, name, got, r, err)
	}
}

// T27, approvals.md: the subject holds typed facts only.
func TestT27SubjectHoldsTypedFactsOnly(t *testing.T) {
	const canary = "CANARY"
	puts := map[string]func(*approval.Case){
		"the agent's text": func(c *approval.Case) { c.Said = canary },
		"a parameter":      func(c *approval.Case) { c.Facts[4].Value = canary },
		"a main parameter": func(c *approval.Case) { c.Main = approval.Main{Fact: 4}; c.Facts[4].Value = canary },
		"a resource":       func(c *approval.Case) { c.Main.Fact, c.ResourceID = -1, canary },
		"the requester":    func(c *approval.Case) { c.Requester.UPN = canary },
		"a comment":        func(c *approval.Case) { denied(c); c.Comment = canary },
	}
	for name, put := range puts {
		if m := render(t, approval.NoticeAsked, order(put)); strings.Contains(m.Subject, canary) || !strings.Contains(m.Text, canary) {
			t.Errorf("%s: subject %q, want none of it there and all in the text", name, m.Subject)
		}
	}
}

// T27: a recipient is one plain address, or there is no message.
func TestT27RecipientIsOneAddress(t *testing.T) {
	m := render(t, approval.NoticeAsked, order())
	bad := append([]string{
		"", "mia", "mia@", "@contoso.com", "mia@contoso.com\r\nBcc: evil@evil.example", "mia@contoso.com, evil@evil.example",
		"mia@contoso.com;evil@evil.example", "Mia <mia@contoso.com>", "<mia@contoso.com>", " mia@contoso.com", "mia@contoso.com ",
		"mia@contoso.com (x)", "\"mia x\"@contoso.com", "mia\u200b@contoso.com", "mïa@contoso.com", "mia@contoso.com\x00",
		"undisclosed:mia@contoso.com;", strings.Repeat("a", 300) + "@contoso.com", "mia@[127.0.0.1]\n",
	}, breaks...)
	for _, address := range bad {
		if raw, err := m.EML(from, address, messageID, noon); err == nil {
			t.Errorf("EML(to %q) = %.200s, want an error", address, raw)
		}
	}
	for _, address := range []string{to, "ana_fabrikam.com#EXT#@contoso.onmicrosoft.com", "po-approvals+eu@contoso.com", "o'hara@contoso.com"} {
		if _, err := m.EML(from, address, messageID, noon); err != nil {
			t.Errorf("EML(to %q) = %v, want it written", address, err)
		}
	}
	for _, id := range append([]string{"", "x", "x@y>", "x y@z", "<x@y>"}, breaks...) {
		if _, err := m.EML(from, to, id, noon); err == nil {
			t.Errorf("EML(message id %q) was written, want an error", id)
		}
	}
	for _, sender := range append([]string{"", "x"}, breaks[:9]...) {
		if _, err := m.EML(sender, to, messageID, noon); err == nil {
			t.Errorf("EML(from %q) was written, want an error", sender)
		}
	}
}
