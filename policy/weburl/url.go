// Package weburl reads URLs the way a boundary must: one meaning a text. What
// parsers disagree about is refused, and the rest has one canonical form, which
// is what the caller must use (policy-pack §10).
//
// Redirects and the addresses behind names are not seen.
package weburl

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// URL is a canonical URL. It is immutable; the zero URL is none.
type URL struct {
	scheme string
	host   string // ASCII, lower case, without brackets
	addr   netip.Addr
	port   string // "" for the scheme's own
	rest   string // path and query
}

// ParseError says what is wrong with a URL, never what stands in it.
type ParseError struct{ problem string }

// Error implements error.
func (e *ParseError) Error() string { return e.problem }

func refuse(problem string) (URL, error) { return URL{}, &ParseError{problem} }

const maxLength = 8192

// ownPorts are the ports that a scheme has without saying so.
var ownPorts = map[string]string{"https": "443", "http": "80", "wss": "443", "ws": "80", "ftp": "21"}

// Parse reads a URL of one of the schemes. The error is a [*ParseError].
func Parse(text string, schemes []string) (URL, error) {
	if len(text) > maxLength {
		return refuse("it is longer than " + strconv.Itoa(maxLength) + " bytes")
	}
	scheme, rest, found := strings.Cut(text, "://")
	scheme = asciiLower(scheme)
	if !found || !slices.Contains(schemes, scheme) {
		return refuse("it does not start with " + strings.Join(schemes, ":// or ") + "://")
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	u := URL{scheme: scheme}
	if problem := u.authority(rest[:end]); problem != "" {
		return refuse(problem)
	}
	if problem := u.target(rest[end:]); problem != "" {
		return refuse(problem)
	}
	return u, nil
}

// authority reads host and port.
func (u *URL) authority(text string) string {
	if strings.Contains(text, "@") {
		return "it holds user info"
	}
	if strings.Contains(text, `\`) {
		return "it holds a backslash"
	}
	host, port := text, ""
	hasPort := false
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, ']') {
		host, port, hasPort = text[:i], text[i+1:], true
	}
	if hasPort {
		if problem := u.readPort(port); problem != "" {
			return problem
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		return u.ipv6(inner)
	}
	return u.name(host)
}

func (u *URL) readPort(text string) string {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || text[0] == '+' {
		return "its port is no number from 1 to 65535"
	}
	if port := strconv.FormatUint(n, 10); port != ownPorts[u.scheme] {
		u.port = port
	}
	return ""
}

func (u *URL) ipv6(text string) string {
	inner, ok := strings.CutSuffix(text, "]")
	addr, err := netip.ParseAddr(inner)
	switch {
	case !ok || err != nil || !addr.Is6():
		return "its host is no IPv6 address"
	case addr.Zone() != "" || strings.Contains(inner, "%"):
		return "its IPv6 address has a zone"
	case addr.Is4In6():
		return "its IPv6 address maps an IPv4 one: write the IPv4 address"
	}
	u.addr, u.host = addr, addr.String()
	return ""
}

var hostProfile = idna.New(
	idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.Transitional(false))

func (u *URL) name(text string) string {
	text = strings.TrimSuffix(text, ".")
	if text == "" || strings.ContainsAny(text, "%: \t\r\n[]") {
		return "its host is no name"
	}
	host, err := hostProfile.ToASCII(text)
	if err != nil || strings.HasSuffix(host, ".") {
		return "its host is no name"
	}
	host = asciiLower(host)
	if looksNumeric(host) {
		addr, err := netip.ParseAddr(host)
		if err != nil || !addr.Is4() || addr.String() != text {
			return "its host is a number that is no IPv4 address of four decimal numbers"
		}
		u.addr = addr
	}
	u.host = host
	return ""
}

// looksNumeric is whether the last label is a number in any notation: then
// some parsers read an IPv4 address.
func looksNumeric(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if strings.HasPrefix(last, "0x") {
		return strings.Trim(last[2:], "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// target reads path and query and resolves dot segments.
func (u *URL) target(text string) string {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '#':
			return "it has a fragment"
		case c == '\\':
			return "it holds a backslash"
		case c <= ' ' || c >= 0x7f:
			return "it holds a blank, a control or a non-ASCII character: percent-encode it"
		case c == '%' && !isEscape(text[i:]):
			return "it holds a % without two hex digits"
		}
	}
	path, query, hasQuery := strings.Cut(upperEscapes(text), "?")
	u.rest = resolve(path)
	if hasQuery {
		u.rest += "?" + query
	}
	return ""
}

func isEscape(s string) bool { return len(s) >= 3 && isHex(s[1]) && isHex(s[2]) }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// upperEscapes writes the hex digits of percent-escapes in upper case.
func upperEscapes(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			for j := i + 1; j <= i+2; j++ {
				if b[j] >= 'a' {
					b[j] -= 'a' - 'A'
				}
			}
			i += 2
		}
	}
	return string(b)
}

// resolve removes dot segments (RFC 3986 §5.2.4); %2E is a dot. Empty segments
// stay.
func resolve(path string) string {
	if path == "" {
		return "/"
	}
	segments := strings.Split(path[1:], "/")
	out := make([]string, 0, len(segments))
	for i, s := range segments {
		last := i == len(segments)-1
		switch strings.ReplaceAll(s, "%2E", ".") {
		case ".":
			if last {
				out = append(out, "")
			}
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, s)
		}
	}
	return "/" + strings.Join(out, "/")
}

// String is the canonical form.
func (u URL) String() string {
	if u.scheme == "" {
		return ""
	}
	host := u.host
	if u.addr.Is6() {
		host = "[" + host + "]"
	}
	if u.port != "" {
		host += ":" + u.port
	}
	return u.scheme + "://" + host + u.rest
}

// Scheme is the scheme in lower case.
func (u URL) Scheme() string { return u.scheme }

// Host is the host in ASCII and lower case, an IPv6 address without brackets.
func (u URL) Host() string { return u.host }

// Port is the port, or "" for the scheme's own.
func (u URL) Port() string { return u.port }

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
