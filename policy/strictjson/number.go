package strictjson

import "strconv"

const (
	shortDigits = 15  // so many significant digits always survive a double
	shortExp    = 200 // well inside the range of a double
)

// checkNumber says why a JSON number literal is refused, or "". Refused are
// values beyond ±(2^53-1), where not every integer is a double, and literals
// whose value is not that of the shortest decimal of their double: another
// parser would read another number.
func checkNumber(literal string) string {
	if len(literal) <= shortDigits && plainInteger(literal) {
		return ""
	}
	d, ok := ParseDecimal(literal)
	if !ok {
		return "a number with more digits than a double holds: send it as a string"
	}
	if d.exceedsSafeInteger() {
		return "a number beyond 2^53-1: send it as a string"
	}
	if int(d.n) <= shortDigits && d.exp < shortExp && d.exp > -shortExp {
		return ""
	}
	if !survivesDouble(literal, d) {
		return "a number that is not what its double prints: send it as a string"
	}
	return ""
}

func plainInteger(literal string) bool {
	for i := range len(literal) {
		if literal[i] < '0' || literal[i] > '9' {
			return false
		}
	}
	return true
}

func survivesDouble(literal string, d Decimal) bool {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return false
	}
	shortest, ok := ParseDecimal(strconv.FormatFloat(f, 'e', -1, 64))
	return ok && shortest.Compare(d) == 0
}

// appendNumber writes a number in the form of ECMAScript's Number.toString,
// which RFC 8785 §3.2.2.3 demands.
func appendNumber(dst []byte, literal string) []byte {
	if len(literal) <= shortDigits && plainInteger(literal) {
		return append(dst, literal...)
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || f == 0 {
		return append(dst, '0')
	}
	if abs := max(f, -f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	return appendExponent(dst, f)
}

// appendExponent writes 1e-7 where Go writes 1e-07.
func appendExponent(dst []byte, f float64) []byte {
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' {
		dst = append(dst[:n-2], dst[n-1])
	}
	return dst
}
