package weburl

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// maxLength bounds a URL, in bytes.
const maxLength = 8192

// URL is a URL in canonical form. URLs are comparable: two are equal if and
// only if their canonical forms are.
type URL struct {
	scheme string
	host   string     // in lower case and ASCII; an IPv6 address without brackets
	addr   netip.Addr // valid where the host is a literal address
	port   uint16     // 0 for the scheme's own
	rest   string     // path and query
}

// ownPorts are the ports that schemes have without one being written.
var ownPorts = map[string]uint16{"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}

// Parse reads an absolute URL of one of the schemes (in lower case; none means
// https). The error tells what is wrong and never holds a part of the text.
//
// Refused: another scheme, user info, a fragment, a backslash, blanks and
// control characters, non-ASCII characters in path or query, a % without two
// hex digits, IPv4 addresses other than four plain decimal numbers, zones,
// IPv4 addresses written as IPv6, empty and leading-zero ports, names that
// are none.
func Parse(text string, schemes []string) (URL, error) {
	if len(schemes) == 0 {
		schemes = []string{"https"}
	}
	if err := checkBytes(text); err != nil {
		return URL{}, err
	}
	scheme, rest, ok := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	if !ok || !slices.Contains(schemes, scheme) {
		return URL{}, fmt.Errorf("it does not begin with %s://", strings.Join(schemes, ":// or "))
	}
	authority := rest
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		authority = rest[:end]
	}
	u := URL{scheme: scheme}
	if err := u.setAuthority(authority); err != nil {
		return URL{}, err
	}
	rest, err := canonicalRest(rest[len(authority):])
	if err != nil {
		return URL{}, err
	}
	u.rest = rest
	return u, nil
}

// checkBytes refuses what has no place anywhere in a URL.
func checkBytes(text string) error {
	switch {
	case text == "":
		return errors.New("it is empty")
	case len(text) > maxLength:
		return fmt.Errorf("it is longer than %d bytes", maxLength)
	case strings.Contains(text, `\`):
		return errors.New("it holds a backslash")
	case strings.Contains(text, "#"):
		return errors.New("it holds a fragment")
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] == 0x7f {
			return errors.New("it holds a blank or a control character")
		}
	}
	return nil
}

// setAuthority reads host and port.
func (u *URL) setAuthority(authority string) error {
	if strings.Contains(authority, "@") {
		return errors.New("it holds user info")
	}
	host, port, err := splitPort(authority)
	if err != nil {
		return err
	}
	if u.host, u.addr, err = canonicalHost(host); err != nil {
		return err
	}
	if port != ownPorts[u.scheme] {
		u.port = port
	}
	return nil
}

// splitPort takes the port off; 0 is none.
func splitPort(authority string) (host string, port uint16, err error) {
	end := strings.LastIndexByte(authority, ']') + 1
	if end == 0 {
		end = len(authority)
		if colon := strings.IndexByte(authority, ':'); colon >= 0 {
			end = colon
		}
	}
	host = authority[:end]
	if end == len(authority) {
		return host, 0, nil
	}
	digits := authority[end+1:]
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || authority[end] != ':' || digits[0] == '0' || digits[0] == '+' {
		return "", 0, errors.New("it holds a port that is none")
	}
	return host, uint16(n), nil
}

// String is the canonical form.
func (u URL) String() string {
	host := u.host
	if u.addr.Is6() {
		host = "[" + host + "]"
	}
	if u.port != 0 {
		host += ":" + strconv.Itoa(int(u.port))
	}
	return u.scheme + "://" + host + u.rest
}

// Scheme is the scheme in lower case.
func (u URL) Scheme() string { return u.scheme }

// Host is the host in lower case and ASCII, an IPv6 address compressed and
// without brackets.
func (u URL) Host() string { return u.host }

// Port is the port that a client connects to: the one written or the scheme's
// own; 0 where the scheme has none.
func (u URL) Port() int {
	if u.port != 0 {
		return int(u.port)
	}
	return int(ownPorts[u.scheme])
}
