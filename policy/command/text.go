package command

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// InvalidError says why a text is no command line at all. It holds nothing of
// the text but the number of a character that cannot be seen.
type InvalidError struct {
	Reason string
	Column int // in code points from 1; 0 where the whole text is meant
}

// Error implements error.
func (e *InvalidError) Error() string {
	if e.Column == 0 {
		return e.Reason
	}
	return fmt.Sprintf("%s at column %d", e.Reason, e.Column)
}

// checkText refuses what a person who approves the line could not see: the
// reader of a line and the shell must read the same characters.
func checkText(text string) error {
	column := 0
	for i, r := range text {
		column++
		if r >= ' ' && r < 0x7f || r == '\t' || r == '\n' {
			continue
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return &InvalidError{"a byte that is not UTF-8", column}
			}
		}
		if invisible(r) {
			return &InvalidError{fmt.Sprintf("an invisible or control character (U+%04X)", r), column}
		}
	}
	return nil
}

// invisible reports whether r shows nothing, or only blank space other than
// the ASCII one, or changes how its neighbours are shown: controls, bidi
// marks, zero-width and tag characters, variation selectors, fillers.
func invisible(r rune) bool {
	if r < 0x80 {
		return r < ' ' || r == 0x7f
	}
	switch r {
	case '\u2800': // the blank braille pattern
		return true
	case '\u180b', '\u180c', '\u180d', '\u180f': // Mongolian selectors
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Zs,
		unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// column is the place of a byte offset, counted in code points from 1.
func column(text string, offset int) int {
	return utf8.RuneCountInString(text[:min(offset, len(text))]) + 1
}
