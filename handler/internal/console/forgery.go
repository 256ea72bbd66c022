package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The purposes of forms.
const (
	toSignOut = "sign-out"
	toVote    = "vote"
	toPass    = "pass"
	toRevoke  = "revoke"
	toPreview = "preview"
)

// tokenName is the hidden field of a form.
const tokenName = "token"

const shortestSecret = 32

// forms makes and checks the tokens that prove a form to be one of ours, made
// for this session and person, for one thing and one purpose, at most two
// hours ago.
type forms struct{ secret []byte }

func newForms(secret []byte) forms {
	if len(secret) < shortestSecret {
		panic("console: a secret of less than 32 bytes protects no form")
	}
	return forms{append([]byte(nil), secret...)}
}

// token is for a form on a page that is rendered now. Subject is the id of what
// the form is about, "" for nothing in particular.
func (f forms) token(s Session, purpose, subject string, now time.Time) string {
	return base64.RawURLEncoding.EncodeToString(f.sum(s, purpose, subject, hourOf(now)))
}

// check reports whether a token was made for exactly this.
func (f forms) check(token string, s Session, purpose, subject string, now time.Time) bool {
	given, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		given = nil
	}
	hour := hourOf(now)
	fits := subtle.ConstantTimeCompare(given, f.sum(s, purpose, subject, hour)) |
		subtle.ConstantTimeCompare(given, f.sum(s, purpose, subject, hour-1))
	return fits == 1
}

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// sum quotes every part, so that no two lists of parts give one text.
func (f forms) sum(s Session, purpose, subject string, hour int64) []byte {
	mac := hmac.New(sha256.New, f.secret)
	p := &s.Principal
	for _, part := range []string{
		"fabric-form-v1", s.ID, strings.ToLower(p.Tenant), strings.ToLower(p.ObjectID), strings.ToLower(p.UPN),
		purpose, subject, strconv.FormatInt(hour, 10),
	} {
		mac.Write(append(strconv.AppendQuote(nil, part), '\n'))
	}
	return mac.Sum(nil)
}

// act is what a form does, once it is known to be one of ours.
type act func(w http.ResponseWriter, r *http.Request, s Session, f form) error

// checked reads a form and does nothing with it before its token was checked.
func (c *Console) checked(purpose string, limit int64, do act) page {
	return func(w http.ResponseWriter, r *http.Request, s Session) error {
		f, err := readForm(r, limit)
		if err != nil {
			return err
		}
		if !c.forms.check(f.one(tokenName), s, purpose, r.PathValue("id"), c.options.Now()) {
			return errForged
		}
		return do(w, r, s, f)
	}
}
