package weburl

import (
	"errors"
	"net/netip"
	"strings"
)

// HostPattern is an entry of allowedHosts. The zero HostPattern matches
// nothing. Patterns are immutable and safe for concurrent use.
type HostPattern struct {
	name   string       // exact name, or what is behind "*."
	below  bool         // any name below, not the name itself
	prefix netip.Prefix // for literal addresses; one address is a prefix of full length
	port   uint16       // 0: the scheme's own
}

// CompileHost reads an exact host (api.example.com, 10.1.2.3, [2001:db8::1]),
// a name for all below it (*.github.com: one or more labels in front, not the
// apex) or a CIDR for literal addresses (10.0.0.0/8, 2001:db8::/32,
// [2001:db8::/32]), each with :port for a port that is not the scheme's own.
// The error says what is wrong.
func CompileHost(s string) (HostPattern, error) {
	if strings.Contains(s, "//") {
		return HostPattern{}, errors.New("an allowed host is a host, not a URL")
	}
	if p, ok, err := compileAddresses(s); ok || err != nil {
		return p, err
	}
	host, port, err := splitPort(s)
	if err != nil {
		return HostPattern{}, errors.New("an allowed host has a port that is none")
	}
	base, below := strings.CutPrefix(host, "*.")
	name, addr, err := canonicalHost(base)
	switch {
	case err != nil || below && addr.IsValid():
		return HostPattern{}, errors.New("an allowed host is a name, *.name, an address or a CIDR")
	case addr.IsValid():
		return HostPattern{prefix: netip.PrefixFrom(addr, addr.BitLen()), port: port}, nil
	}
	return HostPattern{name: name, below: below, port: port}, nil
}

// compileAddresses reads CIDRs, and IPv6 addresses without brackets; ok is
// false for anything else.
func compileAddresses(s string) (p HostPattern, ok bool, err error) {
	host, port := s, uint16(0)
	cidr := strings.Contains(s, "/")
	switch {
	case strings.HasPrefix(s, "["):
		if host, port, err = splitPort(s); err != nil {
			return HostPattern{}, false, errors.New("an allowed host has a port that is none")
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	case strings.Count(s, ":") > 1:
	case cidr && strings.Contains(s, ":"):
		if host, port, err = splitPort(s); err != nil {
			return HostPattern{}, false, errors.New("an allowed host has a port that is none")
		}
	case !cidr:
		return HostPattern{}, false, nil
	}
	if !cidr {
		host += "/128"
	}
	prefix, err := netip.ParsePrefix(host)
	if err != nil || prefix != prefix.Masked() {
		return HostPattern{}, false, errors.New("an allowed CIDR is none, or has bits behind its length")
	}
	if dressedIPv4(prefix.Addr()) && prefix.Addr().Is6() {
		return HostPattern{}, false, errors.New("an allowed address is IPv4 written as IPv6: write it as IPv4")
	}
	return HostPattern{prefix: prefix, port: port}, true, nil
}

// Matches reports whether the host and the port of u are those of the
// pattern. Without a port it wants the scheme's own.
func (p HostPattern) Matches(u URL) bool {
	if p.port == 0 && u.port != 0 || p.port != 0 && int(p.port) != u.Port() {
		return false
	}
	switch {
	case p.prefix.IsValid():
		return u.addr.IsValid() && p.prefix.Contains(u.addr)
	case p.name == "" || u.addr.IsValid():
		return false
	case p.below:
		return strings.HasSuffix(u.host, "."+p.name)
	}
	return u.host == p.name
}
