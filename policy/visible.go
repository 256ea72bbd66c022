package policy

import (
	"fmt"
	"strings"
	"unicode"
)

// Visible writes every character of s that a person cannot see, or that moves
// what they see, as \u{...}, so that what is read is what is there: control,
// format, bidirectional and tag characters, variation selectors, fillers, and
// any blank but the space. Line feeds stay.
func Visible(s string) string { return escaped(s, invisible) }

// HasInvisible reports whether s holds a character that [Visible] escapes.
func HasInvisible(s string) bool { return strings.ContainsFunc(s, invisible) }

// visibleLine is Visible for a text that must stay in one line.
func visibleLine(s string) string {
	return escaped(s, func(r rune) bool { return r == '\n' || invisible(r) })
}

func escaped(s string, which func(rune) bool) string {
	if !strings.ContainsFunc(s, which) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if which(r) {
			fmt.Fprintf(&b, "\\u{%04X}", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// The plane of tags and variation selectors: nothing in it is ever drawn, and
// what is not assigned yet neither.
const (
	firstTag = 0xE0000
	lastTag  = 0xE0FFF
)

const brailleBlank = '\u2800' // a symbol, and drawn as a blank

func invisible(r rune) bool {
	if r >= ' ' && r < 0x7f || r == '\n' {
		return false
	}
	return r >= firstTag && r <= lastTag || r == brailleBlank ||
		unicode.In(r, unicode.C, unicode.Z, unicode.Variation_Selector,
			unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point)
}
