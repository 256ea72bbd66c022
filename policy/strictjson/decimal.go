package strictjson

import (
	"bytes"
	"cmp"
	"strconv"
)

// maxDigits is what a decimal parameter may have: 18 before and 6 behind the point.
const maxDigits = 24

var maxSafe = DecimalOf(1<<53 - 1)

// Decimal is an exact decimal number of at most 24 significant digits. The
// zero Decimal is 0. Decimals of equal value are equal with ==.
type Decimal struct {
	neg bool
	n   uint8 // significant digits; 0 for the number 0
	exp int32 // the value is 0.d1d2…dn × 10^exp
	d   [maxDigits]byte
}

// ParseDecimal reads a number of JSON's grammar, exponent included. It reports
// false for any other text and for more than 24 significant digits. The work
// is bounded by the length of the text, whatever the exponent.
func ParseDecimal(s string) (Decimal, bool) {
	d, rest, ok := parseMantissa(s)
	if !ok {
		return Decimal{}, false
	}
	if rest != "" {
		exp, ok := parseExponent(rest)
		if !ok {
			return Decimal{}, false
		}
		d.exp += exp
	}
	if d.n == 0 {
		return Decimal{}, true
	}
	return d, true
}

// ParsePlain reads a decimal in plain notation: JSON's number grammar without
// an exponent. Fraction is the number of fraction digits as written.
func ParsePlain(s string) (d Decimal, fraction int, ok bool) {
	d, rest, ok := parseMantissa(s)
	if !ok || rest != "" {
		return Decimal{}, 0, false
	}
	for i := range len(s) {
		if s[i] == '.' {
			fraction = len(s) - i - 1
		}
	}
	if d.n == 0 {
		return Decimal{}, fraction, true
	}
	return d, fraction, true
}

// parseMantissa reads sign, integer and fraction; rest is what follows them.
func parseMantissa(s string) (d Decimal, rest string, ok bool) {
	i := 0
	if i < len(s) && s[i] == '-' {
		d.neg = true
		i++
	}
	start := i
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		if !d.push(s[i]) {
			return d, "", false
		}
		i++
	}
	if whole := i - start; whole == 0 || whole > 1 && s[start] == '0' {
		return d, "", false
	} else if d.n > 0 {
		d.exp = int32(whole)
	}
	if i < len(s) && s[i] == '.' {
		return d.fraction(s, i+1)
	}
	d.trim()
	return d, s[i:], true
}

func (d Decimal) fraction(s string, i int) (Decimal, string, bool) {
	start, pending := i, 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if d.n == 0 && s[i] == '0' {
			d.exp--
			continue
		}
		if s[i] == '0' {
			pending++ // zeros count only when a digit follows them
			continue
		}
		for ; pending > 0; pending-- {
			if !d.push('0') {
				return d, "", false
			}
		}
		if !d.push(s[i]) {
			return d, "", false
		}
	}
	d.trim()
	return d, s[i:], i > start
}

// push appends a digit; leading zeros are dropped, and of digits past the room
// only zeros are taken, whose magnitude the caller keeps.
func (d *Decimal) push(c byte) bool {
	if d.n == 0 && c == '0' {
		return true
	}
	if d.n == maxDigits {
		return c == '0'
	}
	d.d[d.n] = c
	d.n++
	return true
}

func (d *Decimal) trim() {
	for d.n > 0 && d.d[d.n-1] == '0' {
		d.n--
		d.d[d.n] = 0
	}
}

func parseExponent(s string) (int32, bool) {
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s = s[1:]
	if len(s) > 0 && s[0] == '+' {
		s = s[1:]
		if len(s) > 0 && (s[0] == '-' || s[0] == '+') { // ParseInt takes a sign of its own
			return 0, false
		}
	}
	exp, err := strconv.ParseInt(s, 10, 32)
	if err != nil || exp > 1e6 || exp < -1e6 {
		return 0, false
	}
	return int32(exp), true
}

// Compare is -1, 0 or 1 as d is less than, equal to or greater than e.
func (d Decimal) Compare(e Decimal) int {
	if s, t := d.sign(), e.sign(); s != t {
		return cmp.Compare(s, t)
	}
	c := cmp.Compare(d.exp, e.exp)
	if c == 0 {
		c = bytes.Compare(d.d[:d.n], e.d[:e.n])
	}
	if d.neg {
		return -c
	}
	return c
}

func (d Decimal) sign() int {
	switch {
	case d.n == 0:
		return 0
	case d.neg:
		return -1
	}
	return 1
}

// IntegerDigits and FractionDigits count the digits of the value in plain
// notation, trailing zeros aside; 0.05 has 0 and 2.
func (d Decimal) IntegerDigits() int { return max(0, int(d.exp)) }

// FractionDigits counts the digits behind the point; see [Decimal.IntegerDigits].
func (d Decimal) FractionDigits() int { return max(0, int(d.n)-int(d.exp)) }

// Append writes d in plain notation without trailing zeros: the canonical form
// of a decimal in digests, records and answers.
func (d Decimal) Append(dst []byte) []byte {
	if d.n == 0 {
		return append(dst, '0')
	}
	if d.neg {
		dst = append(dst, '-')
	}
	if d.exp <= 0 {
		dst = append(dst, "0."...)
		for range -d.exp {
			dst = append(dst, '0')
		}
		return append(dst, d.d[:d.n]...)
	}
	if int(d.n) <= int(d.exp) {
		dst = append(dst, d.d[:d.n]...)
		for range int(d.exp) - int(d.n) {
			dst = append(dst, '0')
		}
		return dst
	}
	dst = append(dst, d.d[:d.exp]...)
	dst = append(dst, '.')
	return append(dst, d.d[d.exp:d.n]...)
}

// String is d in plain notation; see [Decimal.Append].
func (d Decimal) String() string { return string(d.Append(nil)) }

// DecimalOf is the decimal of an integer.
func DecimalOf(i int64) Decimal {
	d, _ := ParseDecimal(strconv.FormatInt(i, 10))
	return d
}

func (d Decimal) exceedsSafeInteger() bool {
	d.neg = false
	return d.Compare(maxSafe) > 0
}
