package strictjson

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// lax reads JSON without our profile, to test the canonical form on the texts
// of RFC 8785, some of which the profile refuses.
func lax(t *testing.T, text string) Value {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("decode %s: %v", text, err)
	}
	return laxValue(v)
}

func laxValue(v any) Value {
	switch x := v.(type) {
	case nil:
		return NullValue()
	case bool:
		return BoolOf(x)
	case json.Number:
		return NumberOf(x.String())
	case string:
		return StringOf(x)
	case []any:
		items := make([]Value, len(x))
		for i := range x {
			items[i] = laxValue(x[i])
		}
		return ArrayOf(items...)
	}
	var members []Member
	for name, member := range v.(map[string]any) {
		members = append(members, Member{name, laxValue(member)})
	}
	return ObjectOf(members...)
}

func canonical(v Value) string { return string(AppendCanonical(nil, v)) }

func TestCanonicalFormIsThatOfRFC8785(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{
			"section 3.2.2",
			`{ "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
			   "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] }`,
			`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		},
		{
			"section 3.2.3: names in the order of UTF-16",
			`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",` +
				`"\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`,
			"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\"," +
				"\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
		},
		{"escapes and no others", `"\u0000\u0008\u0009\u000a\u000b\u000c\u000d\u001f \u007f\u2028<>&'\/"`, `"\u0000\b\t\n\u000b\f\r\u001f ` + "\u007f\u2028" + `<>&'/"`},
		{"empty values", `{"a":{},"b":[],"c":""}`, `{"a":{},"b":[],"c":""}`},
		{"nested order", `{"b":{"d":1,"c":2},"a":[{"f":1,"e":2}]}`, `{"a":[{"e":2,"f":1}],"b":{"c":2,"d":1}}`},
		{"a prefix comes first", `{"ab":1,"a":2,"":3}`, `{"":3,"a":2,"ab":1}`},
		{"minus zero", `[-0, -0.0, 0e5]`, `[0,0,0]`},
	} {
		if diff := cmp.Diff(tt.want, canonical(lax(t, tt.text))); diff != "" {
			t.Errorf("%s: canonical form (-want +got):\n%s", tt.name, diff)
		}
	}
}

// The table of RFC 8785 appendix B.
func TestCanonicalNumbersAreThoseOfECMAScript(t *testing.T) {
	for bits, want := range map[uint64]string{
		0x0000000000000000: "0", 0x8000000000000000: "0",
		0x0000000000000001: "5e-324", 0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308", 0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992", 0xc340000000000000: "-9007199254740992",
		0x4430000000000000: "295147905179352830000",
		0x44b52d02c7e14af5: "9.999999999999997e+22", 0x44b52d02c7e14af6: "1e+23", 0x44b52d02c7e14af7: "1.0000000000000001e+23",
		0x444b1ae4d6e2ef4e: "999999999999999700000", 0x444b1ae4d6e2ef4f: "999999999999999900000", 0x444b1ae4d6e2ef50: "1e+21",
		0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7", 0x3eb0c6f7a0b5ed8d: "0.000001",
		0x41b3de4355555553: "333333333.3333332", 0x41b3de4355555554: "333333333.33333325", 0x41b3de4355555555: "333333333.3333333",
		0x41b3de4355555556: "333333333.3333334", 0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333", 0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		literal := strconv.FormatFloat(math.Float64frombits(bits), 'e', -1, 64)
		if got := canonical(NumberOf(literal)); got != want {
			t.Errorf("canonical form of %s (%#x) = %s, want %s", literal, bits, got, want)
		}
	}
}

func TestAppendStringRepairsInvalidUTF8(t *testing.T) {
	for text, want := range map[string]string{"a\xffb": "\"a\ufffdb\"", "\xc3": "\"\ufffd\"", "\ufffd": "\"\ufffd\"", "é\xe2\x82": "\"é\ufffd\ufffd\""} {
		if got := string(AppendString(nil, text)); got != want {
			t.Errorf("AppendString(%q) = %q, want %q", text, got, want)
		}
	}
}

// trees are JSON values of the profile.
func trees(depth int) *rapid.Generator[Value] {
	leaves := []*rapid.Generator[Value]{
		rapid.Just(NullValue()), rapid.Map(rapid.Bool(), BoolOf),
		rapid.Map(rapid.String().Filter(func(s string) bool { return strings.ToValidUTF8(s, "") == s }), StringOf),
		rapid.Map(rapid.Int64Range(-(1<<53-1), 1<<53-1), func(i int64) Value { return NumberOf(strconv.FormatInt(i, 10)) }),
		rapid.Map(rapid.Float64Range(-1e15, 1e15), func(f float64) Value { return NumberOf(strconv.FormatFloat(f, 'g', -1, 64)) }),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	inner := rapid.Deferred(func() *rapid.Generator[Value] { return trees(depth - 1) })
	names := rapid.StringMatching(`[a-c€ö😀\x{fb33}]{0,2}`)
	return rapid.OneOf(append(leaves,
		rapid.Map(rapid.SliceOfN(inner, 0, 4), func(items []Value) Value { return ArrayOf(items...) }),
		rapid.Map(rapid.MapOfN(names, inner, 0, 4), func(m map[string]Value) Value {
			var members []Member
			for name, v := range m {
				members = append(members, Member{name, v})
			}
			return ObjectOf(members...)
		}))...)
}

// Digests rest on this: equal values have one canonical form, and the form is
// a text of the profile that reads as the same value.
func TestCanonicalFormIsStableUnderParsing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := canonical(trees(3).Draw(t, "tree"))
		v, err := Parse([]byte(text), Limits{})
		if err != nil {
			t.Fatalf("Parse(%s): %v", text, err)
		}
		if again := canonical(v); again != text {
			t.Fatalf("canonical form of %s = %s", text, again)
		}
	})
}

func TestDifferentValuesHaveDifferentCanonicalForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := trees(2).Draw(t, "a"), trees(2).Draw(t, "b")
		if rapid.Bool().Draw(t, "near") {
			b = ArrayOf(a)
		}
		if same, text := equal(a, b), canonical(a) == canonical(b); same != text {
			t.Fatalf("equal values: %t, equal forms: %t: %s and %s", same, text, canonical(a), canonical(b))
		}
	})
}

// equal compares by value, without the canonical form.
func equal(a, b Value) bool {
	if a.Kind() != b.Kind() || len(a.Items()) != len(b.Items()) || len(a.Members()) != len(b.Members()) || a.Bool() != b.Bool() {
		return false
	}
	for i := range a.Items() {
		if !equal(a.Items()[i], b.Items()[i]) {
			return false
		}
	}
	for _, m := range a.Members() {
		if other := b.Get(m.Name); other.Kind() == Absent || !equal(m.Value, other) {
			return false
		}
	}
	if a.Kind() != Number {
		return a.Text() == b.Text()
	}
	x, _ := ParseDecimal(a.Text())
	y, _ := ParseDecimal(b.Text())
	return x == y
}

func TestNamesCompareAsUTF16(t *testing.T) {
	code := func(s string) []uint16 {
		var units []uint16
		for _, r := range s {
			if r >= 0x10000 {
				units = append(units, uint16(0xD800+(r-0x10000)>>10), uint16(0xDC00+(r-0x10000)&0x3FF))
			} else {
				units = append(units, uint16(r))
			}
		}
		return units
	}
	names := rapid.StringMatching(`[ab\x{e000}\x{e001}\x{d7ff}\x{ffff}\x{10000}\x{10001}\x{10ffff}éö€]{0,4}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := names.Draw(t, "a"), names.Draw(t, "b")
		want := compareUnits(code(a), code(b))
		if got := CompareNames(a, b); got != want {
			t.Fatalf("CompareNames(%+q, %+q) = %d, want %d", a, b, got, want)
		}
	})
}

func compareUnits(a, b []uint16) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] < b[i] {
			return -1
		}
		if a[i] > b[i] {
			return 1
		}
	}
	return min(1, max(-1, len(a)-len(b)))
}

// A frozen request is evaluated again as it was received: order and literals
// come back.
func TestAsSentKeepsOrderAndLiterals(t *testing.T) {
	const text = `{"b":1.50,"a":[-0,1e2,"é\n\"",null,true,{}],"ä":{"z":0.0,"y":[]}}`
	v, err := Parse([]byte(text), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, string(AppendAsSent(nil, v))); diff != "" {
		t.Errorf("AppendAsSent (-want +got):\n%s", diff)
	}
}

func TestAsSentReadsAsTheSameValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := trees(3).Draw(t, "tree")
		again, err := Parse(AppendAsSent(nil, v), Limits{})
		if err != nil || canonical(again) != canonical(v) {
			t.Fatalf("Parse(AppendAsSent(%s)) = %s, %v", canonical(v), canonical(again), err)
		}
	})
}
