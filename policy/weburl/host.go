package weburl

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// HostPattern is one entry of allowedHosts: an exact host, *.name for any
// number of labels in front of it, an address or a CIDR for literal addresses,
// each with :port for a port that is not the scheme's own.
type HostPattern struct {
	host   string // exact, or the suffix behind "*"
	labels bool   // *.name
	prefix netip.Prefix
	port   string
}

var errHost = errors.New("it is no host, *.host, address or CIDR")

// CompileHost reads a pattern.
func CompileHost(text string) (HostPattern, error) {
	p := HostPattern{}
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, ']') && strings.Count(text, ":") == 1 || i > 0 && text[i-1] == ']' {
		n, err := strconv.ParseUint(text[i+1:], 10, 16)
		if err != nil || n == 0 {
			return p, errors.New("its port is no number from 1 to 65535")
		}
		text, p.port = text[:i], strconv.FormatUint(n, 10)
	}
	if strings.Contains(text, "/") {
		return p.network(text)
	}
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		if addr.Zone() != "" || addr.Is4In6() {
			return p, errHost
		}
		p.prefix = netip.PrefixFrom(addr, addr.BitLen())
		return p, nil
	}
	name, labels := strings.CutPrefix(text, "*.")
	u := URL{}
	if strings.ContainsAny(name, "*/@?#") || u.name(name) != "" || u.addr.IsValid() {
		return p, errHost
	}
	p.host, p.labels = u.host, labels
	return p, nil
}

func (p HostPattern) network(text string) (HostPattern, error) {
	prefix, err := netip.ParsePrefix(strings.NewReplacer("[", "", "]", "").Replace(text))
	if err != nil || prefix.Addr().Is4In6() {
		return p, errHost
	}
	if prefix != prefix.Masked() {
		return p, errors.New("its address has bits behind the prefix: write " + prefix.Masked().String())
	}
	p.prefix = prefix
	return p, nil
}

// Matches reports whether the pattern admits the URL's host and port.
func (p HostPattern) Matches(u URL) bool {
	if u.scheme == "" || p.port != u.port && p.port != ownPortOf(u) {
		return false
	}
	if p.prefix.IsValid() {
		return u.addr.IsValid() && p.prefix.Contains(u.addr)
	}
	if u.addr.IsValid() {
		return false
	}
	if p.labels {
		return strings.HasSuffix(u.host, "."+p.host)
	}
	return u.host == p.host
}

// ownPortOf is the scheme's own port where the URL uses it: a pattern may name
// it too.
func ownPortOf(u URL) string {
	if u.port != "" {
		return u.port
	}
	return ownPorts[u.scheme]
}
