package weburl

import (
	"errors"
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

const (
	maxName  = 253 // characters of a host name, RFC 1035
	maxLabel = 63
)

var errName = errors.New("it holds a host that is none")

// canonicalHost brings a host, without its port, in canonical form. addr is
// valid for literal addresses.
func canonicalHost(host string) (name string, addr netip.Addr, err error) {
	if strings.HasPrefix(host, "[") {
		return canonicalIPv6(host)
	}
	name, err = toASCII(strings.TrimSuffix(host, "."))
	if err != nil {
		return "", netip.Addr{}, err
	}
	if endsInNumber(name) {
		return canonicalIPv4(host, name)
	}
	if err := checkName(name); err != nil {
		return "", netip.Addr{}, err
	}
	return name, netip.Addr{}, nil
}

// canonicalIPv6 refuses zones, which name a link of one machine, and IPv4
// addresses in another dress (::ffff:10.0.0.1, ::10.0.0.1): a rule about the
// one must not be walked past by the other.
func canonicalIPv6(host string) (string, netip.Addr, error) {
	addr, err := netip.ParseAddr(strings.TrimSuffix(host[1:], "]"))
	if err != nil || !strings.HasSuffix(host, "]") || !addr.Is6() || addr.Zone() != "" {
		return "", netip.Addr{}, errors.New("it holds an IPv6 address that is none")
	}
	if dressedIPv4(addr) {
		return "", netip.Addr{}, errors.New("it holds an IPv4 address written as IPv6")
	}
	return addr.String(), addr, nil
}

// dressedIPv4 holds for IPv4-mapped and IPv4-compatible addresses, :: and ::1
// aside.
func dressedIPv4(addr netip.Addr) bool {
	if addr.Is4In6() {
		return true
	}
	b := addr.As16()
	for _, v := range b[:12] {
		if v != 0 {
			return false
		}
	}
	return !addr.IsUnspecified() && !addr.IsLoopback()
}

// canonicalIPv4 accepts four decimal numbers without leading zeros, as they
// were sent: other digits that fold to ASCII ones are refused.
func canonicalIPv4(sent, name string) (string, netip.Addr, error) {
	addr, err := netip.ParseAddr(name)
	if err != nil || !addr.Is4() || !isASCII(sent) {
		return "", netip.Addr{}, errors.New("it holds an IPv4 address other than four decimal numbers")
	}
	return name, addr, nil
}

// endsInNumber holds for what clients read as an IPv4 address: the last label
// is a number, decimal or hexadecimal (WHATWG URL, "ends in a number").
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// checkName wants labels of letters, digits, hyphens and underscores.
func checkName(name string) error {
	if name == "" || len(name) > maxName {
		return errName
	}
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label) {
			return errName
		}
	}
	return nil
}

func isLabel(label string) bool {
	if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// profile checks labels as strictly as the library can. Profiles are immutable.
var profile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.CheckJoiners(true),
	idna.StrictDomainName(true), idna.ValidateLabels(true))

// toASCII folds case and takes internationalised names to their ASCII form
// (UTS 46, not transitional, so that ß is not ss). A name that claims to be
// in that form already must decode to a name that is valid in it.
func toASCII(host string) (string, error) {
	lower := strings.ToLower(host)
	if isASCII(host) && !strings.Contains(lower, "xn--") {
		return lower, nil
	}
	for _, r := range host {
		if r == unicode.ReplacementChar || unicode.In(r, unicode.Cf, unicode.Zs, unicode.Zl, unicode.Zp, unicode.Cc,
			unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
			return "", errName
		}
	}
	name, err := profile.ToASCII(host)
	if err != nil || !isASCII(name) {
		return "", errName
	}
	return name, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
