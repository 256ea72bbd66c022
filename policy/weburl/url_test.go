package weburl

import (
	"strings"
	"testing"
)

var bothSchemes = []string{"https", "http"}

// Policy-pack 10: the canonical form.
func TestCanonicalForm(t *testing.T) {
	for _, c := range []struct{ rule, text, want string }{
		{"as it is", "https://api.example.com/v1/items?q=1", "https://api.example.com/v1/items?q=1"},
		{"scheme and host in lower case", "HTTPS://API.Example.COM/V1/Items?Q=A", "https://api.example.com/V1/Items?Q=A"},
		{"own port of https", "https://api.example.com:443/x", "https://api.example.com/x"},
		{"own port of http", "http://api.example.com:80/x", "http://api.example.com/x"},
		{"another port", "https://api.example.com:8443/x", "https://api.example.com:8443/x"},
		{"http's port on https", "https://api.example.com:80/x", "https://api.example.com:80/x"},
		{"https's port on http", "http://api.example.com:443/x", "http://api.example.com:443/x"},
		{"largest port", "https://h:65535/", "https://h:65535/"},
		{"empty path", "https://api.example.com", "https://api.example.com/"},
		{"empty path before a query", "https://api.example.com?q=1", "https://api.example.com/?q=1"},
		{"empty path with a port", "https://api.example.com:8443", "https://api.example.com:8443/"},
		{"bare question mark", "https://h/x?", "https://h/x?"},
		{"bare question mark without a path", "https://h?", "https://h/?"},
		{"two question marks", "https://h/x?a?b", "https://h/x?a?b"},
		{"a URL in the query", "https://h/?u=https://x.example/../y", "https://h/?u=https://x.example/../y"},
		{"an at sign in the path", "https://h/@x?a@b", "https://h/@x?a@b"},
		{"a colon in the path", "https://h/a:b", "https://h/a:b"},
		{"one dot", "https://h/a/./b", "https://h/a/b"},
		{"two dots", "https://h/a/./b/../c", "https://h/a/c"},
		{"two dots at the end", "https://h/a/b/..", "https://h/a/"},
		{"one dot at the end", "https://h/a/.", "https://h/a/"},
		{"only dots", "https://h/../..", "https://h/"},
		{"dots above the root", "https://h/../../etc/passwd", "https://h/etc/passwd"},
		{"three dots are a name", "https://h/a/.../b", "https://h/a/.../b"},
		{"a dot in a name", "https://h/.well-known/x.y", "https://h/.well-known/x.y"},
		{"dots in the query stay", "https://h/x?/../y", "https://h/x?/../y"},
		{"escaped dot", "https://h/a/%2e/b", "https://h/a/b"},
		{"escaped dots", "https://h/a/%2e%2E/b", "https://h/b"},
		{"one dot of two escaped", "https://h/a/.%2e/b", "https://h/b"},
		{"the other dot escaped", "https://h/a/%2e./b", "https://h/b"},
		{"escaped dots at the end", "https://h/a/b/%2e%2e", "https://h/a/"},
		{"an escaped dot in a name", "https://h/a%2eb", "https://h/a%2Eb"},
		{"twice escaped dots are a name", "https://h/a/%252e%252e/b", "https://h/a/%252e%252e/b"},
		{"empty segments", "https://h//a///b/", "https://h//a///b/"},
		{"dots behind an empty segment", "https://h/a//../b", "https://h/a/b"},
		{"an escaped letter", "https://h/%61b", "https://h/%61b"},
		{"hex in upper case", "https://h/%c3%bc?q=%aF", "https://h/%C3%BC?q=%AF"},
		{"an escaped slash", "https://h/a%2f..%2fb", "https://h/a%2F..%2Fb"},
		{"an escaped null", "https://h/%00", "https://h/%00"},
		{"characters of RFC 3986", "https://h/-._~!$&'()*+,;=:@?/-._~!$&'()*+,;=:@", "https://h/-._~!$&'()*+,;=:@?/-._~!$&'()*+,;=:@"},
		{"trailing dot", "https://api.example.com./x", "https://api.example.com/x"},
		{"trailing dot and port", "https://api.example.com.:8443/x", "https://api.example.com:8443/x"},
		{"one label", "https://localhost/x", "https://localhost/x"},
		{"underscore", "https://my_host.example/x", "https://my_host.example/x"},
		{"hyphens inside", "https://r3---sn.example/x", "https://r3---sn.example/x"},
		{"a label that begins with a digit", "https://10.example/x", "https://10.example/x"},
		{"a name that looks like hex", "https://0x7f.example/x", "https://0x7f.example/x"},
		{"IDN", "https://bücher.example/x", "https://xn--bcher-kva.example/x"},
		{"IDN in upper case", "https://BÜCHER.example/x", "https://xn--bcher-kva.example/x"},
		{"IDN in ASCII", "https://XN--BCHER-KVA.example/x", "https://xn--bcher-kva.example/x"},
		{"IDN, decomposed", "https://bu\u0308cher.example/x", "https://xn--bcher-kva.example/x"},
		{"IDN, sharp s is not ss", "https://straße.example/x", "https://xn--strae-oqa.example/x"},
		{"IDN, another script is another name", "https://аpi.example.com/x", "https://xn--pi-6kc.example.com/x"},
		{"IDN, wide letters", "https://ａｐｉ.example.com/x", "https://api.example.com/x"},
		{"IDN, ideographic dot", "https://api。example.com/x", "https://api.example.com/x"},
		{"IPv4", "https://10.1.2.3/x", "https://10.1.2.3/x"},
		{"IPv4 with a trailing dot", "https://10.1.2.3./x", "https://10.1.2.3/x"},
		{"IPv4 with a port", "https://10.1.2.3:8443/x", "https://10.1.2.3:8443/x"},
		{"IPv6", "https://[2001:DB8:0:0:0:0:0:5]/x", "https://[2001:db8::5]/x"},
		{"IPv6 compressed as RFC 5952 has it", "https://[2001:db8:0:0:1:0:0:1]/", "https://[2001:db8::1:0:0:1]/"},
		{"IPv6 with leading zeros", "https://[2001:0db8::0005]/x", "https://[2001:db8::5]/x"},
		{"IPv6 with a port", "https://[::1]:8443/x", "https://[::1]:8443/x"},
		{"IPv6 with its own port", "https://[::1]:443/x", "https://[::1]/x"},
		{"IPv6 with a dotted end", "https://[64:ff9b::10.0.0.1]/x", "https://[64:ff9b::a00:1]/x"},
	} {
		u, err := Parse(c.text, bothSchemes)
		if err != nil || u.String() != c.want {
			t.Errorf("%s: Parse(%q) = %q, %v, want %q", c.rule, c.text, u, err, c.want)
			continue
		}
		if again, err := Parse(u.String(), bothSchemes); err != nil || again != u {
			t.Errorf("%s: Parse(%q) = %q, %v, want itself", c.rule, u, again, err)
		}
	}
}

// Policy-pack 10: what parsers disagree about is refused.
func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ rule, text string }{
		{"empty", ""},
		{"no scheme", "//api.example.com/x"},
		{"no authority", "https:api.example.com"},
		{"one slash", "https:/api.example.com"},
		{"no scheme at all", "api.example.com/x"},
		{"another scheme", "ws://api.example.com/x"},
		{"http without being declared", "ftp://api.example.com/x"},
		{"javascript", "javascript://api.example.com/%0aalert(1)"},
		{"file", "file:///etc/passwd"},
		{"view-source", "view-source:https://api.example.com/"},
		{"a blank in front", " https://api.example.com/"},
		{"user", "https://user@api.example.com/x"},
		{"user and password", "https://user:pw@api.example.com/x"},
		{"empty user", "https://@api.example.com/x"},
		{"an allowed host as user", "https://api.example.com@evil.example/x"},
		{"an escaped at sign in the host", "https://api.example.com%40evil.example/x"},
		{"a fragment", "https://api.example.com/x#top"},
		{"an empty fragment", "https://api.example.com/x#"},
		{"a fragment that hides a host", "https://evil.example#@api.example.com/"},
		{"a backslash for a slash", `https:\\api.example.com/x`},
		{"a backslash in front of an at sign", `https://evil.example\@api.example.com/x`},
		{"a backslash in the path", `https://api.example.com/a\..\b`},
		{"a backslash in the query", `https://api.example.com/?a\b`},
		{"a blank", "https://api.example.com/a b"},
		{"a tab", "https://api.example.com/a\tb"},
		{"a line feed at the end", "https://api.example.com/x\n"},
		{"a line feed in the host", "https://api.exam\nple.com/x"},
		{"a carriage return", "https://api.example.com/\r\nHost:x"},
		{"a null", "https://api.example.com/\x00"},
		{"delete", "https://api.example.com/\x7f"},
		{"non-ASCII in the path", "https://api.example.com/ü"},
		{"non-ASCII in the query", "https://api.example.com/?q=ü"},
		{"a lone percent", "https://api.example.com/100%"},
		{"one hex digit", "https://api.example.com/%4"},
		{"no hex digits", "https://api.example.com/%zz"},
		{"a bad escape in the query", "https://api.example.com/?q=%u0041"},
		{"a percent sign in the host", "https://ap%69.example.com/x"},
		{"no host", "https:///x"},
		{"no host but a port", "https://:443/x"},
		{"no host but a query", "https://?x"},
		{"only a dot", "https://./x"},
		{"two dots at the end", "https://api.example.com../x"},
		{"an empty label", "https://api..example.com/x"},
		{"a dot in front", "https://.example.com/x"},
		{"a hyphen in front", "https://-x.example.com/"},
		{"a hyphen behind", "https://x-.example.com/"},
		{"a long label", "https://" + strings.Repeat("a", 64) + ".example/"},
		{"a long name", "https://" + strings.Repeat("a.", 127) + "example/"},
		{"a star", "https://*.github.com/"},
		{"an exclamation mark", "https://api!.example.com/"},
		{"quotes", "https://\"api\".example.com/"},
		{"braces", "https://{api}.example.com/"},
		{"a comma", "https://a,b.example.com/"},
		{"a port out of range", "https://api.example.com:99999/x"},
		{"port zero", "https://api.example.com:0/x"},
		{"an empty port", "https://api.example.com:/x"},
		{"a port with a leading zero", "https://api.example.com:0443/x"},
		{"a port with a sign", "https://api.example.com:+443/x"},
		{"a negative port", "https://api.example.com:-1/x"},
		{"a port in hex", "https://api.example.com:0x1bb/x"},
		{"two ports", "https://api.example.com:80:443/x"},
		{"a port of other digits", "https://api.example.com:４４３/x"},
		{"IPv4 of one number", "https://2130706433/x"},
		{"IPv4 of two numbers", "https://10.1/x"},
		{"IPv4 of three numbers", "https://10.1.2/x"},
		{"IPv4 of five numbers", "https://10.1.2.3.4/x"},
		{"IPv4 in hex", "https://0x7f000001/x"},
		{"IPv4 with hex in front", "https://0x0a.1.2.3/x"},
		{"IPv4 with hex behind", "https://10.1.2.0x3/x"},
		{"IPv4 ending in an empty hex number", "https://10.1.2.0x/x"},
		{"IPv4 in octal", "https://0177.0.0.1/x"},
		{"IPv4 with leading zeros", "https://010.001.002.003/x"},
		{"IPv4 out of range", "https://10.1.2.256/x"},
		{"IPv4 of wide digits", "https://１０.１.２.３/x"},
		{"IPv4 of circled digits", "https://①⓪.1.2.3/x"},
		{"a name that ends in a number", "https://api.example.1/x"},
		{"IPv6 with a zone", "https://[fe80::1%25eth0]/x"},
		{"IPv6 with a raw zone", "https://[fe80::1%eth0]/x"},
		{"IPv6 without brackets", "https://2001:db8::5/x"},
		{"IPv6 not closed", "https://[2001:db8::5/x"},
		{"IPv6 with something behind", "https://[2001:db8::5]x/"},
		{"IPv6 with something in front", "https://x[2001:db8::5]/"},
		{"IPv6 in two brackets", "https://[[::1]]/"},
		{"IPv6 of nothing", "https://[]/x"},
		{"IPv6 with two gaps", "https://[1::2::3]/x"},
		{"a future address", "https://[v1.x]/x"},
		{"IPv4 in brackets", "https://[10.1.2.3]/x"},
		{"IPv4-mapped", "https://[::ffff:10.0.0.1]/x"},
		{"IPv4-mapped in hex", "https://[::ffff:a00:1]/x"},
		{"IPv4-compatible", "https://[::10.0.0.1]/x"},
		{"IDN of a slash", "https://evil.example／.api.example.com/x"},
		{"IDN of an at sign", "https://evil＠api.example.com/x"},
		{"IDN of a question mark", "https://evil.example？.api.example.com/x"},
		{"IDN of a colon", "https://evil.example：443.api.example.com/x"},
		{"IDN of account of", "https://evil.c℀.example.com/x"},
		{"IDN with a soft hyphen", "https://api.exam\u00adple.com/x"},
		{"IDN with a zero width space", "https://api\u200b.example.com/x"},
		{"IDN with a joiner", "https://a\u200dpi.example.com/x"},
		{"IDN with a bidi mark", "https://api\u202e.example.com/x"},
		{"IDN that is none", "https://xn--\u00fc.example/x"},
		{"ASCII form of an ASCII name", "https://xn--api-.example.com/x"},
		{"ASCII form that decodes to nothing", "https://xn--.example.com/x"},
		{"ASCII form with rubbish", "https://xn--a-ecp.ru!/x"},
		{"invalid UTF-8 in the host", "https://api\xff.example.com/x"},
		{"too long", "https://h/" + strings.Repeat("a", maxLength)},
	} {
		if u, err := Parse(c.text, bothSchemes); err == nil {
			t.Errorf("%s: Parse(%q) = %q, want an error", c.rule, c.text, u)
		}
	}
}

// The default is https alone.
func TestParseDefaultScheme(t *testing.T) {
	if _, err := Parse("http://h/", nil); err == nil {
		t.Error("Parse(http, nil) accepts")
	}
	if _, err := Parse("https://h/", nil); err != nil {
		t.Errorf("Parse(https, nil) = %v", err)
	}
}

// What is wrong is told without the text (policy-pack 2.3).
func TestErrorsHoldNothingOfTheText(t *testing.T) {
	for _, text := range []string{"hunter2", "https://hunter2@h/", "https://h/hunter2%", "https://hunter2!/", "https://h:hunter2/", "hunter2://h"} {
		if _, err := Parse(text, nil); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Parse(%q) = %v, want an error without the text", text, err)
		}
	}
}

// The reason names what is wrong, for whoever has to mend the call.
func TestErrorsNameTheProblem(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "it is empty",
		"http://h/":                "it does not begin with https://",
		"https://user@h/":          "it holds user info",
		"https://h/#x":             "it holds a fragment",
		`https://h\@x/`:            "it holds a backslash",
		"https://h/a b":            "it holds a blank or a control character",
		"https://h/ü":              "it holds a character that is not ASCII in its path or query",
		"https://h/%4":             "it holds a % without two hex digits",
		"https://h:0/":             "it holds a port that is none",
		"https://a..b/":            "it holds a host that is none",
		"https://127.1/":           "it holds an IPv4 address other than four decimal numbers",
		"https://[::1%25x]/":       "it holds an IPv6 address that is none",
		"https://[::ffff:a00:1]/x": "it holds an IPv4 address written as IPv6",
	} {
		if _, err := Parse(text, nil); err == nil || err.Error() != want {
			t.Errorf("Parse(%q) = %v, want %q", text, err, want)
		}
	}
}

func TestParts(t *testing.T) {
	for _, c := range []struct {
		text, scheme, host string
		port               int
	}{
		{"https://API.example.com/", "https", "api.example.com", 443},
		{"http://api.example.com:8080/", "http", "api.example.com", 8080},
		{"https://[2001:DB8::1]:8443/", "https", "2001:db8::1", 8443},
		{"https://10.1.2.3/", "https", "10.1.2.3", 443},
	} {
		u, err := Parse(c.text, bothSchemes)
		if err != nil || u.Scheme() != c.scheme || u.Host() != c.host || u.Port() != c.port {
			t.Errorf("Parse(%q) = %q %q %d, %v, want %q %q %d", c.text, u.Scheme(), u.Host(), u.Port(), err, c.scheme, c.host, c.port)
		}
	}
}

// FuzzParse never panics, and a canonical form means itself.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"https://api.example.com:443/a/../%2e%2e/b?q=%aa", "https://[2001:DB8::5]:1/x", "https://bücher.example.", "https://10.0.0.1?",
		"https://a。b/", "https://xn--bcher-kva.example//", "http://h/%2E./.", "https://user@h/#x", "https://0x1/", "https://ß.example/",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := Parse(text, bothSchemes)
		if err != nil {
			return
		}
		again, err := Parse(u.String(), bothSchemes)
		if err != nil || again != u {
			t.Errorf("Parse(%q) = %q, and of that %q, %v", text, u, again, err)
		}
	})
}
