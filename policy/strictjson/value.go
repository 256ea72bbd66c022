package strictjson

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// Kind is what a [Value] is. The zero Kind is Absent: no value at all, which
// is how a missing member reads.
type Kind uint8

// The kinds of JSON value.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String names the kind as JSON does, for messages.
func (k Kind) String() string {
	return [...]string{"absent", "null", "boolean", "number", "string", "array", "object"}[k]
}

// Value is one JSON value as it was sent.
type Value struct {
	kind    Kind
	text    string // String: the decoded text. Number: the literal. Bool: "true" or "".
	items   []Value
	members []Member
}

// Member is one name and value of an object, in the order they were sent.
type Member struct {
	Name  string
	Value Value
}

// Constructors, for the values this program makes itself.

// StringOf is the JSON string s.
func StringOf(s string) Value { return Value{kind: String, text: s} }

// NumberOf is the JSON number written as literal, which must be one.
func NumberOf(literal string) Value { return Value{kind: Number, text: literal} }

// BoolOf is the JSON boolean b.
func BoolOf(b bool) Value {
	if b {
		return Value{kind: Bool, text: "true"}
	}
	return Value{kind: Bool}
}

// ArrayOf is the JSON array of items, which it keeps.
func ArrayOf(items ...Value) Value { return Value{kind: Array, items: items} }

// ObjectOf is the JSON object of members, which it keeps; names must differ.
func ObjectOf(members ...Member) Value { return Value{kind: Object, members: members} }

// NullValue is JSON's null.
func NullValue() Value { return Value{kind: Null} }

// Kind tells what v is.
func (v Value) Kind() Kind { return v.kind }

// Missing reports whether v is absent or null, which this program treats alike
// everywhere but inside parameters of type json.
func (v Value) Missing() bool { return v.kind <= Null }

// Text is the content of a string or the literal of a number, else "".
func (v Value) Text() string {
	if v.kind == String || v.kind == Number {
		return v.text
	}
	return ""
}

// Bool is the value of a boolean, else false.
func (v Value) Bool() bool { return v.kind == Bool && v.text != "" }

// Items are the elements of an array, else nil. Callers must not change them.
func (v Value) Items() []Value { return v.items }

// Members are the members of an object in the order sent, else nil. Callers
// must not change them.
func (v Value) Members() []Member { return v.members }

// Get is the member of that name, or an Absent value. It is linear: requests
// have few members, and packs are decoded by walking.
func (v Value) Get(name string) Value {
	for i := range v.members {
		if v.members[i].Name == name {
			return v.members[i].Value
		}
	}
	return Value{}
}

// WithoutNullMembers is v without the members whose value is null, at any
// depth of objects; nulls inside lists stay.
func (v Value) WithoutNullMembers() Value {
	if v.kind != Object || !hasNullMember(v) {
		return v
	}
	kept := make([]Member, 0, len(v.members))
	for _, m := range v.members {
		if m.Value.kind != Null {
			kept = append(kept, Member{m.Name, m.Value.WithoutNullMembers()})
		}
	}
	return Value{kind: Object, members: kept}
}

func hasNullMember(v Value) bool {
	return slices.ContainsFunc(v.members, func(m Member) bool {
		return m.Value.kind == Null || m.Value.kind == Object && hasNullMember(m.Value)
	})
}

// SortedMembers are the members of an object by name in the order of RFC 8785
// (UTF-16 code units). The slice is new unless the members were sorted already.
func (v Value) SortedMembers() []Member {
	byName := func(a, b Member) int { return CompareNames(a.Name, b.Name) }
	if slices.IsSortedFunc(v.members, byName) {
		return v.members
	}
	sorted := slices.Clone(v.members)
	slices.SortFunc(sorted, byName)
	return sorted
}

// CompareNames orders names by UTF-16 code units, as RFC 8785 §3.2.3 demands.
// It differs from the order of bytes only where one name has a character
// beyond the basic plane and the other one of U+E000 to U+FFFF.
func CompareNames(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] != b[i] {
			return compareFrom(a, b, i)
		}
	}
	return cmp.Compare(len(a), len(b))
}

func compareFrom(a, b string, i int) int {
	for i > 0 && !utf8.RuneStart(a[i]) {
		i--
	}
	ra, _ := utf8.DecodeRuneInString(a[i:])
	rb, _ := utf8.DecodeRuneInString(b[i:])
	return cmp.Compare(utf16Rank(ra), utf16Rank(rb))
}

// utf16Rank puts surrogate pairs (U+D800 to U+DFFF) before U+E000.
func utf16Rank(r rune) int64 {
	if r >= 0x10000 {
		return 0xD800<<16 + int64(r)
	}
	return int64(r) << 16
}

// Has reports whether an object has a member of that name, null or not.
func (v Value) Has(name string) bool { return v.Get(name).kind != Absent }
