package strictjson

import (
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseDecimalTakesOnlyNumbersOfJSON(t *testing.T) {
	for _, tt := range []struct {
		text, want string // want "": refused
	}{
		{"0", "0"},
		{"-0", "0"},
		{"-0.000", "0"},
		{"0e5", "0"},
		{"1", "1"},
		{"-1", "-1"},
		{"10", "10"},
		{"1.50", "1.5"},
		{"0.05", "0.05"},
		{"-0.05", "-0.05"},
		{"100.0050", "100.005"},
		{"1e3", "1000"},
		{"1E+3", "1000"},
		{"1.5e-3", "0.0015"},
		{"120e-1", "12"},
		{"1e-0", "1"},
		{"123456789012345678901234", "123456789012345678901234"},
		{"0.000000000000000000000000000001", "0.000000000000000000000000000001"},
		{"1" + strings.Repeat("0", 40), "1" + strings.Repeat("0", 40)},
		{"1.5" + strings.Repeat("0", 40), "1.5"},

		{"", ""},
		{"-", ""},
		{"+1", ""},
		{".5", ""},
		{"1.", ""},
		{"-.5", ""},
		{"01", ""},
		{"00", ""},
		{"-01", ""},
		{"1e", ""},
		{"1e+", ""},
		{"1e-", ""},
		{"1e++5", ""},
		{"1e+-5", ""},
		{"1e--5", ""},
		{"1e-+5", ""},
		{"1ee5", ""},
		{"1e5.0", ""},
		{"1e 5", ""},
		{" 1", ""},
		{"1 ", ""},
		{"1_0", ""},
		{"1e1_0", ""},
		{"0x10", ""},
		{"NaN", ""},
		{"Infinity", ""},
		{"1,5", ""},
		{"1.5.5", ""},
		{"١", ""},
		{"1e99999999999", ""},
		{"e5", ""},
		{"1234567890123456789012345", ""},
		{"0.1234567890123456789012345", ""},
		{"1" + strings.Repeat("0", 24) + "1", ""},
		{"1" + strings.Repeat("0", 24) + ".1", ""},
	} {
		got, ok := ParseDecimal(tt.text)
		if !ok && tt.want != "" || ok && got.String() != tt.want {
			t.Errorf("ParseDecimal(%q) = %s, %t, want %q", tt.text, got, ok, tt.want)
		}
	}
}

func TestParsePlainCountsTheFractionAsWritten(t *testing.T) {
	for _, tt := range []struct {
		text     string
		fraction int
		ok       bool
	}{
		{"50", 0, true},
		{"50.000", 3, true},
		{"-0.10", 2, true},
		{"0.0", 1, true},
		{"1e3", 0, false},
		{"1.", 0, false},
		{"1E3", 0, false},
		{"abc", 0, false},
		{"", 0, false},
	} {
		if _, fraction, ok := ParsePlain(tt.text); fraction != tt.fraction || ok != tt.ok {
			t.Errorf("ParsePlain(%q) = _, %d, %t, want %d, %t", tt.text, fraction, ok, tt.fraction, tt.ok)
		}
	}
}

func TestDigitsAreThoseOfTheValue(t *testing.T) {
	for _, tt := range []struct {
		text              string
		integer, fraction int
	}{
		{"0", 0, 0}, {"0.05", 0, 2}, {"100", 3, 0}, {"12.50", 2, 1}, {"1e3", 4, 0}, {"1e-3", 0, 3}, {"999999999999999999", 18, 0},
	} {
		d, ok := ParseDecimal(tt.text)
		if !ok || d.IntegerDigits() != tt.integer || d.FractionDigits() != tt.fraction {
			t.Errorf("digits of %q = %d, %d, want %d, %d", tt.text, d.IntegerDigits(), d.FractionDigits(), tt.integer, tt.fraction)
		}
	}
}

// literals are numbers of JSON's grammar, small and large, long and short.
func literals() *rapid.Generator[string] {
	return rapid.StringMatching(`-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?`)
}

func ratOf(t interface{ Fatalf(string, ...any) }, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("big.Rat does not take %q", text)
	}
	return r
}

// Every comparison that decides goes through Compare: it must agree with exact
// arithmetic, and equal values must be equal with ==, as sets and pins assume.
func TestDecimalsCompareAsRationalsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := literals().Draw(t, "x"), literals().Draw(t, "y")
		if rapid.Bool().Draw(t, "sameDigits") {
			y = x + rapid.SampledFrom([]string{"", "0", "1", ".0", ".5"}).Draw(t, "tail")
		}
		a, ok := ParseDecimal(x)
		b, ok2 := ParseDecimal(y)
		if !ok || !ok2 {
			t.Skip("a text beside the grammar")
		}
		want := ratOf(t, x).Cmp(ratOf(t, y))
		if got := a.Compare(b); got != want {
			t.Fatalf("Compare(%s, %s) = %d, want %d", x, y, got, want)
		}
		if (a == b) != (want == 0) {
			t.Fatalf("%s == %s is %t, want %t", x, y, a == b, want == 0)
		}
	})
}

func TestDecimalKeepsTheValueAndItsDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := literals().Draw(t, "text")
		d, ok := ParseDecimal(text)
		if !ok {
			t.Fatalf("ParseDecimal(%q) is refused", text)
		}
		checkDecimal(t, text, d)
	})
}

func checkDecimal(t interface{ Fatalf(string, ...any) }, text string, d Decimal) {
	plain := d.String()
	if ratOf(t, plain).Cmp(ratOf(t, text)) != 0 {
		t.Fatalf("ParseDecimal(%q) = %s, another value", text, plain)
	}
	if again, _, ok := ParsePlain(plain); !ok || again != d {
		t.Fatalf("ParsePlain(%q) = %v, %t, want %v", plain, again, ok, d)
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(plain, "-"), ".")
	if strings.HasSuffix(fraction, "0") || plain == "-0" {
		t.Fatalf("%q prints as %q, which is not canonical", text, plain)
	}
	if whole == "0" {
		whole = ""
	}
	if d.IntegerDigits() != len(whole) || d.FractionDigits() != len(fraction) {
		t.Fatalf("digits of %s = %d, %d, want %d, %d", plain, d.IntegerDigits(), d.FractionDigits(), len(whole), len(fraction))
	}
}

func TestDecimalOfIsTheInteger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.Int64().Draw(t, "i")
		if got := DecimalOf(i).String(); got != strconv.FormatInt(i, 10) {
			t.Fatalf("DecimalOf(%d) = %s", i, got)
		}
	})
}

func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0", "-0.0", "1e5", "1e++5", "12.50", "999999999999999999.999999", "1e-300", "00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := ParseDecimal(text)
		plain, _, plainOK := ParsePlain(text)
		if plainOK && (!ok || plain != d) {
			t.Fatalf("ParsePlain(%q) = %v, but ParseDecimal = %v, %t", text, plain, d, ok)
		}
		if ok && len(text) < 1000 && d.exp < 1000 && d.exp > -1000 {
			checkDecimal(t, text, d)
		}
	})
}
