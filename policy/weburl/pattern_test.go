package weburl

import "testing"

func match(t *testing.T, pattern, text string) bool {
	t.Helper()
	p, err := CompileHost(pattern)
	if err != nil {
		t.Fatalf("CompileHost(%q) = %v", pattern, err)
	}
	u, err := Parse(text, []string{"https", "http", "git"})
	if err != nil {
		t.Fatalf("Parse(%q) = %v", text, err)
	}
	return p.Matches(u)
}

// Policy-pack 10: allowedHosts.
func TestHostPatterns(t *testing.T) {
	for _, c := range []struct {
		rule, pattern, text string
		want                bool
	}{
		{"exact", "api.example.com", "https://api.example.com/x", true},
		{"exact in another case", "API.example.com", "https://api.EXAMPLE.com/x", true},
		{"exact with a dot", "api.example.com.", "https://api.example.com/x", true},
		{"one more label", "api.example.com", "https://x.api.example.com/x", false},
		{"one label less", "api.example.com", "https://example.com/x", false},
		{"a longer name", "api.example.com", "https://api.example.com.evil.example/x", false},
		{"in the query", "api.example.com", "https://evil.example/?u=https://api.example.com/", false},
		{"below", "*.github.com", "https://raw.github.com/x", true},
		{"far below", "*.github.com", "https://a.b.github.com/x", true},
		{"not the apex", "*.github.com", "https://github.com/x", false},
		{"the dot belongs to it", "*.github.com", "https://evilgithub.com/x", false},
		{"at the end", "*.github.com", "https://raw.github.com.evil.example/x", false},
		{"below with a trailing dot", "*.github.com", "https://raw.github.com./x", true},
		{"IDN", "bücher.example", "https://xn--bcher-kva.example/x", true},
		{"IDN in ASCII", "xn--bcher-kva.example", "https://BÜCHER.example/x", true},
		{"IDN below", "*.bücher.example", "https://x.bücher.example/x", true},
		{"a look-alike", "api.example.com", "https://аpi.example.com/x", false},
		{"another port", "api.example.com", "https://api.example.com:8443/x", false},
		{"the named port", "api.example.com:8443", "https://api.example.com:8443/x", true},
		{"not the named port", "api.example.com:8443", "https://api.example.com:8444/x", false},
		{"the named port is no own one", "api.example.com:8443", "https://api.example.com/x", false},
		{"the own port", "api.example.com", "https://api.example.com:443/x", true},
		{"the own port named", "api.example.com:443", "https://api.example.com/x", true},
		{"http's port on https", "api.example.com", "https://api.example.com:80/x", false},
		{"https's port on http", "api.example.com", "http://api.example.com:443/x", false},
		{"another scheme's own port", "api.example.com", "http://api.example.com/x", true},
		{"a port below", "*.github.com:8443", "https://raw.github.com:8443/x", true},
		{"a scheme without a port", "h.example", "git://h.example/x", true},
		{"a scheme without a port, named", "h.example:9418", "git://h.example:9418/x", true},
		{"CIDR", "10.0.0.0/8", "https://10.255.0.1/x", true},
		{"outside a CIDR", "10.0.0.0/8", "https://11.0.0.0/x", false},
		{"a name is in no CIDR", "10.0.0.0/8", "https://10.example/x", false},
		{"CIDR with another port", "10.0.0.0/8", "https://10.0.0.1:8443/x", false},
		{"CIDR with a port", "10.0.0.0/8:8443", "https://10.0.0.1:8443/x", true},
		{"everything of IPv4", "0.0.0.0/0", "https://10.0.0.1/x", true},
		{"everything of IPv4 is no IPv6", "0.0.0.0/0", "https://[2001:db8::5]/x", false},
		{"everything of IPv6 is no IPv4", "::/0", "https://10.0.0.1/x", false},
		{"everything of IPv6 is no name", "::/0", "https://h.example/x", false},
		{"IPv6 CIDR", "2001:db8::/32", "https://[2001:db8::5]/x", true},
		{"outside an IPv6 CIDR", "2001:db8::/32", "https://[2001:db9::5]/x", false},
		{"IPv6 CIDR in brackets with a port", "[2001:db8::/32]:8443", "https://[2001:db8::5]:8443/x", true},
		{"one address", "10.1.2.3", "https://10.1.2.3/x", true},
		{"another address", "10.1.2.3", "https://10.1.2.4/x", false},
		{"one address with a port", "10.1.2.3:8443", "https://10.1.2.3:8443/x", true},
		{"one IPv6 address", "2001:db8:0::5", "https://[2001:db8::5]/x", true},
		{"one IPv6 address in brackets", "[2001:db8::5]", "https://[2001:db8::5]/x", true},
		{"one IPv6 address with a port", "[2001:db8::5]:8443", "https://[2001:db8::5]:8443/x", true},
	} {
		if got := match(t, c.pattern, c.text); got != c.want {
			t.Errorf("%s: %q.Matches(%q) = %v, want %v", c.rule, c.pattern, c.text, got, c.want)
		}
	}
}

func TestCompileHostRefuses(t *testing.T) {
	for _, pattern := range []string{
		"", "*", "*.", "**.example.com", "a.*.example.com", "*example.com", "https://api.example.com", "api.example.com/x", "user@api.example.com",
		"api.example.com:", "api.example.com:0", "api.example.com:99999", "api.example.com:x", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/8:x",
		"10.1", "*.3", "*.10.0.0.1", "0x7f.0.0.1", "[::1", "::1]", "[::1]x", "[::1]:x", "fe80::1%eth0", "::ffff:10.0.0.1", "::ffff:0:0/96", "::10.0.0.1",
		"[::ffff:10.0.0.1]", "a b", "api..example.com", "-x.example", "api\u200b.example.com", "2001:db8::5/32", "/", "10.0.0.0/",
	} {
		if p, err := CompileHost(pattern); err == nil {
			t.Errorf("CompileHost(%q) = %+v, want an error", pattern, p)
		}
	}
}

func TestZeroHostPattern(t *testing.T) {
	u, err := Parse("https://h.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if (HostPattern{}).Matches(u) || (HostPattern{}).Matches(URL{}) {
		t.Error("the zero HostPattern matches")
	}
}
