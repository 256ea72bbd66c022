package policy

import (
	"strconv"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// readNumber types an integer or a decimal (2.2). The kind that was sent stays.
func (p *param) readNumber(v strictjson.Value, a *arg) string {
	text := v.Text()
	if v.Kind() != strictjson.Number && v.Kind() != strictjson.String {
		return "it is " + article(v.Kind().String()) + ", not a number"
	}
	d, written, ok := strictjson.ParsePlain(text)
	if !ok {
		return notPlain(v)
	}
	if problem := p.checkDigits(v, d, written); problem != "" {
		return problem
	}
	if p.min != nil && d.Compare(*p.min) < 0 {
		return "below its minimum of " + p.min.String()
	}
	if p.max != nil && d.Compare(*p.max) > 0 {
		return "above its maximum of " + p.max.String()
	}
	a.dec, a.value = d, canonicalNumber(v, d)
	return ""
}

func notPlain(v strictjson.Value) string {
	if v.Kind() == strictjson.Number {
		return "it is written with an exponent: write all its digits"
	}
	return "it is no number in plain notation, such as 1234.5"
}

func (p *param) checkDigits(v strictjson.Value, d strictjson.Decimal, written int) string {
	if n := d.IntegerDigits(); n > maxIntegerDigits {
		return strconv.Itoa(n) + " integer digits, at most " + strconv.Itoa(maxIntegerDigits)
	}
	fraction, most := d.FractionDigits(), maxFractionDigits
	if p.typ == typeInteger {
		if fraction > 0 || v.Kind() == strictjson.String && strings.Contains(v.Text(), ".") {
			return "it is no whole number"
		}
		return ""
	}
	if p.scale >= 0 {
		most = p.scale
		if v.Kind() == strictjson.String {
			fraction = written // "50.000" under scale 2 is a mistake, not fifty
		}
	}
	if fraction > most {
		return strconv.Itoa(fraction) + " fraction digits, at most " + strconv.Itoa(most)
	}
	return ""
}

// canonicalNumber is d in canonical digits and in the kind of v; the value
// itself where it is canonical already, which saves an allocation.
func canonicalNumber(v strictjson.Value, d strictjson.Decimal) strictjson.Value {
	var room [64]byte
	text := d.Append(room[:0])
	if string(text) == v.Text() {
		return v
	}
	if v.Kind() == strictjson.Number {
		return strictjson.NumberOf(string(text))
	}
	return strictjson.StringOf(string(text))
}
