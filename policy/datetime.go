package policy

import (
	"strings"
	"time"
	_ "time/tzdata" // named zones hold on machines without zone files (7.3)

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// maxSecondDigits is what survives exactly: nanoseconds.
const maxSecondDigits = 9

// readDatetime types an RFC 3339 date-time (§5.6): T and Z in either case, at
// most nine fraction digits, no leap second. Its canonical form is in UTC.
func (p *param) readDatetime(v strictjson.Value, a *arg) string {
	if problem := wantKind(v, strictjson.String); problem != "" {
		return problem
	}
	t, ok := parseInstant(v.Text())
	if !ok {
		return "it is no RFC 3339 date and time with an offset and at most nine fraction digits"
	}
	a.instant = t
	a.text = t.Format("2006-01-02T15:04:05.999999999Z")
	a.value = strictjson.StringOf(a.text)
	return ""
}

// parseInstant is stricter than time.Parse, which also takes a comma for the
// point, one-digit hours and offsets beyond a day.
func parseInstant(s string) (time.Time, bool) {
	const shape = "dddd-dd-ddTdd:dd:dd"
	if len(s) < len(shape)+1 || !hasShape(s[:len(shape)], shape) {
		return time.Time{}, false
	}
	rest := s[len(shape):]
	if rest[0] == '.' {
		n := len(rest[1:]) - len(strings.TrimLeft(rest[1:], "0123456789"))
		if n == 0 || n > maxSecondDigits {
			return time.Time{}, false
		}
		rest = rest[1+n:]
	}
	if rest != "Z" && rest != "z" && (!hasShape(rest, "+dd:dd") || rest[1:3] > "23" || rest[4:] > "59") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(s))
	if err != nil || t.UTC().Year() < 0 || t.UTC().Year() > 9999 {
		return time.Time{}, false
	}
	return t.UTC(), true
}

// hasShape compares digit by digit: d is a digit, T either T or t, + a sign.
func hasShape(s, shape string) bool {
	if len(s) != len(shape) {
		return false
	}
	for i := range len(s) {
		ok := s[i] == shape[i]
		switch shape[i] {
		case 'd':
			ok = s[i] >= '0' && s[i] <= '9'
		case 'T':
			ok = s[i]|0x20 == 't'
		case '+':
			ok = s[i] == '+' || s[i] == '-'
		}
		if !ok {
			return false
		}
	}
	return true
}

// loadZone finds an IANA time zone; the zones are embedded in the program.
func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	return time.LoadLocation(name)
}
