package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func nested(depth int, open, value, end string) string {
	return strings.Repeat(open, depth) + value + strings.Repeat(end, depth)
}

func namesOf(n int) string {
	var b strings.Builder
	b.WriteString(`{"a":{`)
	for i := range n - 2 {
		fmt.Fprintf(&b, `"k%d":1,`, i)
	}
	b.WriteString(`"last":1}}`)
	return b.String()
}

func TestParseRefusesWhatIsNotTheProfile(t *testing.T) {
	for _, tt := range []struct{ rule, text, pointer, detail string }{
		{"nothing", "", "", "ends before"},
		{"only blanks", " \n", "", "ends before"},
		{"a byte-order mark", "\xEF\xBB\xBF{}", "", "byte-order mark"},
		{"two values", "{}{}", "", "something follows"},
		{"a tail", "{} x", "", "something follows"},
		{"a NUL after the value", "{}\x00", "", "something follows"},
		{"cut short", `{"a":`, "/a", "ends before"},
		{"cut short in a string", `{"a":"b`, "/a", "ends before"},
		{"a comment", `{/* */}`, "", "not JSON"},
		{"a comma at the end", `{"a":1,}`, "", "not JSON"},
		{"single quotes", `{'a':1}`, "", "not JSON"},
		{"a name without quotes", `{a:1}`, "", "not JSON"},
		{"NaN", `[NaN]`, "/0", "not JSON"},
		{"a literal in capitals", `[TRUE]`, "/0", "not JSON"},
		{"a leading zero", `[01]`, "", "not JSON"},
		{"a plus", `[+1]`, "/0", "not JSON"},
		{"a control character in a string", "[\"a\x01\"]", "/0", "not JSON"},
		{"an unknown escape", `["\x41"]`, "/0", "not JSON"},
		{"invalid UTF-8", "[\"\xff\"]", "/0", "UTF-8"},
		{"an overlong form", "[\"\xc0\xaf\"]", "/0", "UTF-8"},
		{"a surrogate as bytes", "[\"\xed\xa0\x80\"]", "/0", "UTF-8"},
		{"a lone surrogate", `["\ud800"]`, "/0", ""},
		{"a lone low surrogate", `["\udc00"]`, "/0", ""},
		{"a high surrogate before another escape", `["\ud800\u0041"]`, "/0", ""},
		{"UTF-16", "\xff\xfe{\x00}\x00", "", ""},

		{"a name twice", `{"a":1,"a":2}`, "/a", "twice"},
		{"a name twice below", `{"x":[{"a":1,"b":{"c":1,"c":1}}]}`, "/x/0/b/c", "twice"},
		{"a name twice, once escaped", `{"a":1,"\u0061":2}`, "/a", "twice"},
		{"a name twice, a pair escaped", `{"😀":1,"\ud83d\ude00":2}`, "/😀", "twice"},

		{"33 lists", nested(33, "[", "", "]"), strings.Repeat("/0", 32), "deeper than 32"},
		{"33 objects", nested(33, `{"a":`, "1", "}"), strings.Repeat("/a", 32), "deeper than 32"},
		{"a list inside 32 objects", nested(32, `{"a":`, "[]", "}"), strings.Repeat("/a", 32), "deeper than 32"},
		{"2,001 names", namesOf(2001), "", "more than 2000 names"},

		{"beyond 2^53-1", `{"n":9007199254740992}`, "/n", "beyond 2^53-1"},
		{"below -(2^53-1)", `{"n":-9007199254740992}`, "/n", "beyond 2^53-1"},
		{"large with an exponent", `[1e16]`, "/0", "beyond 2^53-1"},
		{"beyond a double", `[1e400]`, "/0", "beyond 2^53-1"},
		{"an exponent without end", `[1e99999999999]`, "/0", "digits"},
		{"a fraction that a double rounds", `[0.1234567890123456789]`, "/0", "double"},
		{"more digits than its double prints", `[333333333.33333329]`, "/0", "double"},
		{"a half that a double does not have", `[9007199254740990.5]`, "/0", "double"},
		{"an underflow", `[1e-400]`, "/0", "double"},
		{"a subnormal with too many digits", `[4.94065645841246544e-324]`, "/0", "double"},
		{"25 digits", `[0.1234567890123456789012345]`, "/0", "digits"},
	} {
		_, err := Parse([]byte(tt.text), Limits{})
		e, ok := err.(*Error) //nolint:errorlint // Parse documents that its error is an *Error
		if !ok {
			t.Errorf("%s: Parse = %v, want an *Error", tt.rule, err)
			continue
		}
		if e.Pointer != tt.pointer || !strings.Contains(e.Detail, tt.detail) || e.Detail == "" {
			t.Errorf("%s: Parse = %q %q, want %q and a detail with %q", tt.rule, e.Pointer, e.Detail, tt.pointer, tt.detail)
		}
	}
}

func TestParseTakesTheProfile(t *testing.T) {
	for _, text := range []string{
		"0", "null", `""`, " [ ] ", "{}", `{"":0}`, "[-0,-0.0,0e400]", `"\u0000"`, `"\ud83d\ude00"`,
		`[9007199254740991,-9007199254740991]`, `[70000.0,1E2,1.5e-3,0.1,100000000000000.5,0.30000000000000004,5e-324,1.7e-200]`,
		`{"a":1,"A":2,"a ":3}`,
		nested(32, "[", "", "]"), nested(32, `{"a":`, "1", "}"), namesOf(2000),
	} {
		if _, err := Parse([]byte(text), Limits{}); err != nil {
			t.Errorf("Parse(%.60s) = %v, want no error", text, err)
		}
	}
}

func TestLimitsAreWhatTheCallerSays(t *testing.T) {
	for _, tt := range []struct {
		text   string
		limits Limits
		ok     bool
	}{
		{nested(3, "[", "", "]"), Limits{Depth: 3}, true},
		{nested(3, "[", "", "]"), Limits{Depth: 2}, false},
		{`{"a":{"b":[{"c":1}]}}`, Limits{Names: 3}, true},
		{`{"a":{"b":[{"c":1}]}}`, Limits{Names: 2}, false},
		{namesOf(3000), Limits{Names: 3000}, true},
	} {
		if _, err := Parse([]byte(tt.text), tt.limits); (err == nil) != tt.ok {
			t.Errorf("Parse(%.40s, %+v) = %v, want ok %t", tt.text, tt.limits, err, tt.ok)
		}
	}
}

// A text of a megabyte of brackets must cost no more than the bound.
func TestDepthIsBoundedBeforeTheTextIsRead(t *testing.T) {
	deep := []byte(strings.Repeat("[", 1<<20))
	if got := testing.AllocsPerRun(1, func() { _, _ = Parse(deep, Limits{}) }); got > 1000 {
		t.Errorf("Parse of a megabyte of brackets allocates %v times", got)
	}
}

func TestErrorsNeverHoldTheValue(t *testing.T) {
	const secret = "hunter2"
	for _, text := range []string{
		`{"a":"` + secret + ``, `{"a":"` + secret + "\xff\"}", `{"a":"` + secret + `"} x`, `{"a":["` + secret + `",]}`,
	} {
		_, err := Parse([]byte(text), Limits{})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("Parse(%q) = %v, want an error without the value", text, err)
		}
	}
}

func TestValueKeepsWhatWasSent(t *testing.T) {
	v, err := Parse([]byte(`{"z":1.50,"a":[true,null,"\u00e9"],"o":{"k":"v"}}`), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range v.Members() {
		names = append(names, m.Name)
	}
	if want := []string{"z", "a", "o"}; !slices.Equal(names, want) {
		t.Errorf("names = %q, want the order sent, %q", names, want)
	}
	if got := v.Get("z").Text(); got != "1.50" {
		t.Errorf("literal = %q, want 1.50", got)
	}
	items := v.Get("a").Items()
	if len(items) != 3 || !items[0].Bool() || items[1].Kind() != Null || items[2].Text() != "é" {
		t.Errorf("items = %v, want true, null and é", items)
	}
	if got := v.Get("nothing").Kind(); got != Absent {
		t.Errorf("kind of a missing member = %s, want absent", got)
	}
	if !v.Get("nothing").Missing() || !items[1].Missing() || v.Get("o").Missing() {
		t.Error("Missing is for absent and null, and for nothing else")
	}
}

func TestWithoutNullMembersKeepsListsWhole(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":null,"b":1}`:               `{"b":1}`,
		`{"a":{"b":{"c":null,"d":2}}}`:   `{"a":{"b":{"d":2}}}`,
		`{"a":[null,{"b":null}]}`:        `{"a":[null,{"b":null}]}`,
		`{"a":{"b":null}}`:               `{"a":{}}`,
		`{"a":1}`:                        `{"a":1}`,
		`null`:                           `null`,
		`{"x":[{"y":null}],"z":null}`:    `{"x":[{"y":null}]}`,
		`{"p":{"q":[1]},"r":{"s":null}}`: `{"p":{"q":[1]},"r":{}}`,
	} {
		v, err := Parse([]byte(text), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := canonical(v.WithoutNullMembers()); got != want {
			t.Errorf("WithoutNullMembers(%s) = %s, want %s", text, got, want)
		}
	}
}

func TestSortedMembersLeaveTheValueAlone(t *testing.T) {
	v := ObjectOf(Member{"b", NumberOf("1")}, Member{"a", NumberOf("2")})
	if got := v.SortedMembers()[0].Name; got != "a" {
		t.Errorf("first sorted member = %q, want a", got)
	}
	if got := v.Members()[0].Name; got != "b" {
		t.Errorf("first member = %q, want b, as it was sent", got)
	}
}

// What Parse accepts, encoding/json reads as the same value: no two parsers on
// the way of a request may disagree.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,2.50,-0,1e3],"b":{"c":null,"d":"\u20ac\ud83d\ude00"}}`, `[[[[]]]]`, `{"a":1,"a":1}`, `"\ud800"`,
		`9007199254740993`, `0.1`, `5e-324`, "\xEF\xBB\xBF1", `{} {}`, `{"n":0.30000000000000004}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text, Limits{})
		if err != nil {
			if err.Error() == "" {
				t.Fatalf("Parse(%q): an error without a word", text)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("Parse takes %q, which encoding/json does not", text)
		}
		canon := AppendCanonical(nil, v)
		again, err := Parse(canon, Limits{})
		if err != nil || !bytes.Equal(AppendCanonical(nil, again), canon) || !equal(v, again) {
			t.Fatalf("Parse(%q) = %q, which reads as %q, %v", text, canon, AppendCanonical(nil, again), err)
		}
		sameAsStandard(t, text, canon)
	})
}

func sameAsStandard(t *testing.T, text, canon []byte) {
	var a, b any
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("encoding/json refuses %q: %v", text, err)
	}
	if err := json.Unmarshal(canon, &b); err != nil {
		t.Fatalf("encoding/json refuses %q: %v", canon, err)
	}
	if !reflect.DeepEqual(a, b) { // as ==, for which -0 is 0
		t.Fatalf("encoding/json reads %q as %v and its canonical form as %v", text, a, b)
	}
}
