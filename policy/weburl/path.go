package weburl

import (
	"errors"
	"strings"
)

// canonicalRest brings path and query in canonical form: dot segments
// resolved, hex digits of escapes in upper case, an empty path as /. Empty
// segments and a bare ? stay, escapes stay escapes.
func canonicalRest(rest string) (string, error) {
	rest, err := upperEscapes(rest)
	if err != nil {
		return "", err
	}
	path, query, hasQuery := strings.Cut(rest, "?")
	path = resolveDots(path)
	if hasQuery {
		path += "?" + query
	}
	return path, nil
}

func upperEscapes(s string) (string, error) {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] >= 0x80:
			return "", errors.New("it holds a character that is not ASCII in its path or query")
		case s[i] == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", errors.New("it holds a % without two hex digits")
			}
			b.WriteString(strings.ToUpper(s[i : i+3]))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// resolveDots removes "." and ".." as RFC 3986, 5.2.4 does; an escaped dot is
// a dot.
func resolveDots(path string) string {
	if path == "" {
		return "/"
	}
	var kept []string
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch strings.ReplaceAll(segment, "%2E", ".") {
		case ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, segment)
			continue
		}
		if last { // what ends in a dot segment is a folder
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}
