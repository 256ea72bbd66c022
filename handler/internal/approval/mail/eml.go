package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
	"time"
)

// messageIDs are what stands between the brackets of a Message-ID.
var messageIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{1,200}@[A-Za-z0-9.-]{1,100}$`)

// EML is the message in the form of RFC 5322, with CRLF. The same arguments
// give the same bytes. From may have a display name, to is one bare address;
// messageID stands without brackets. The error is a header that could not be
// written as one.
func (m Mail) EML(from, to, messageID string, date time.Time) ([]byte, error) {
	sender, err := mail.ParseAddress(from)
	if err != nil || !plainASCII(from) {
		return nil, errors.New("write mail: the sender is no address")
	}
	recipient, err := bareAddress(to)
	if err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	if !messageIDs.MatchString(messageID) {
		return nil, errors.New("write mail: the message id is none")
	}
	var out bytes.Buffer
	boundary := m.boundary(messageID)
	for _, h := range []struct{ name, value string }{
		{"Date", date.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700")},
		{"From", sender.String()},
		{"To", recipient},
		{"Subject", encoded(m.Subject)},
		{"Message-ID", "<" + messageID + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", `multipart/alternative; boundary="` + boundary + `"`},
	} {
		out.WriteString(fold(h.name + ": " + h.value))
	}
	out.WriteString("\r\n")
	if err := m.bodies(&out, boundary); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	return out.Bytes(), nil
}

// bareAddress refuses a recipient that is more than one plain address: a
// display name, a list, a comment or a character that is not ASCII.
func bareAddress(to string) (string, error) {
	a, err := mail.ParseAddress(to)
	if err != nil || a.Name != "" || a.Address != to || !plainASCII(to) || len(to) > 254 || strings.ContainsAny(to, ` "<>,;:\`) {
		return "", errors.New("the recipient is no plain address")
	}
	return "<" + a.Address + ">", nil
}

func plainASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f })
}

// encoded is a header's text in ASCII without a line break (RFC 2047 where it
// is not ASCII). No word of it is longer than a line may be.
func encoded(s string) string {
	const most = 800
	return mime.QEncoding.Encode("utf-8", atMost(oneLine(s), most))
}

// fold ends a header line and breaks it at spaces where it is long.
func fold(line string) string {
	const most = 76
	var out strings.Builder
	length := 0
	for i, word := range strings.Split(line, " ") {
		switch {
		case i == 0:
		case length+1+len(word) > most && length > 0 && word != "":
			out.WriteString("\r\n ")
			length = 1
		default:
			out.WriteByte(' ')
			length++
		}
		out.WriteString(word)
		length += len(word)
	}
	return out.String() + "\r\n"
}

// boundary is a text that no body holds: it is made of what they are.
func (m Mail) boundary(messageID string) string {
	sum := sha256.Sum256([]byte(messageID + "\n" + m.Subject + "\n" + m.Text + "\n" + m.HTML))
	return "fabric-" + hex.EncodeToString(sum[:16])
}

func (m Mail) bodies(out *bytes.Buffer, boundary string) error {
	w := multipart.NewWriter(out)
	if err := w.SetBoundary(boundary); err != nil {
		return err
	}
	for _, body := range []struct{ kind, text string }{{"text/plain", m.Text}, {"text/html", m.HTML}} { // the last is the richest
		part, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {body.kind + "; charset=utf-8"},
			"Content-Transfer-Encoding": {"quoted-printable"},
		})
		if err != nil {
			return err
		}
		q := quotedprintable.NewWriter(part)
		if _, err := q.Write([]byte(body.text)); err != nil {
			return err
		}
		if err := q.Close(); err != nil {
			return err
		}
	}
	return w.Close()
}
