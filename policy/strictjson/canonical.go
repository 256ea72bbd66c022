package strictjson

import "unicode/utf8"

// AppendCanonical writes v in the form of RFC 8785: names sorted, no blanks,
// numbers as ECMAScript prints them. Values that [Parse] accepted have exactly
// one canonical form, and different values have different ones.
func AppendCanonical(dst []byte, v Value) []byte {
	switch v.kind {
	case Absent, Null:
		return append(dst, "null"...)
	case Bool:
		if v.text != "" {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case Number:
		return appendNumber(dst, v.text)
	case String:
		return AppendString(dst, v.text)
	case Array:
		return appendArray(dst, v.items)
	default:
		return appendObject(dst, v.SortedMembers())
	}
}

func appendArray(dst []byte, items []Value) []byte {
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendCanonical(dst, item)
	}
	return append(dst, ']')
}

func appendObject(dst []byte, members []Member) []byte {
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, m.Name)
		dst = append(dst, ':')
		dst = AppendCanonical(dst, m.Value)
	}
	return append(dst, '}')
}

const hexDigits = "0123456789abcdef"

// AppendString writes s as a JSON string with the escapes of RFC 8785 §3.2.2.2
// and no others. Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), "\uFFFD"...)
				start = i + size
			}
			i += size
			continue
		}
		dst = appendEscape(append(dst, s[start:i]...), c)
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// AppendAsSent writes v with the order of members and the number literals as
// they were sent: [Parse] reads the same value back.
func AppendAsSent(dst []byte, v Value) []byte {
	switch v.kind {
	case Number:
		return append(dst, v.text...)
	case Array:
		dst = append(dst, '[')
		for i, item := range v.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendAsSent(dst, item)
		}
		return append(dst, ']')
	case Object:
		dst = append(dst, '{')
		for i, m := range v.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendString(dst, m.Name), ':')
			dst = AppendAsSent(dst, m.Value)
		}
		return append(dst, '}')
	default:
		return AppendCanonical(dst, v)
	}
}
