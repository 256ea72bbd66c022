package httpapi

import (
	"strconv"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxIdentifier = 128 // characters
	maxResourceID = 512
	maxFree       = 256 // user and approval names, which have no profile of their own
)

// A check says what is wrong with a string, or "".
type check func(string) string

// identifier is the profile of names that policies speak of.
func identifier(s string) string {
	if len(s) > maxIdentifier {
		return "is longer than 128 characters"
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return "may hold visible ASCII only, without blanks"
		}
	}
	return ""
}

// resourceID is the profile of resource.id.
func resourceID(s string) string {
	if len(s) > maxResourceID && utf8.RuneCountInString(s) > maxResourceID {
		return "is longer than 512 characters"
	}
	return plainText(s)
}

// free is for what is compared whole with something we know: anything that a
// person can read.
func free(s string) string {
	if len(s) > maxFree && utf8.RuneCountInString(s) > maxFree {
		return "is longer than 256 characters"
	}
	return plainText(s)
}

// prose is what people write, in lines: of at most so many characters. Whoever
// shows it makes it harmless.
func prose(longest int) check {
	return func(s string) string {
		if len(s) > longest && utf8.RuneCountInString(s) > longest {
			return "is longer than " + strconv.Itoa(longest) + " characters"
		}
		for _, r := range s {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				return "may hold no control characters but line feeds and tabs"
			}
		}
		return ""
	}
}

// plainText refuses what looks like one text and is another.
func plainText(s string) string {
	ascii := true
	for _, r := range s {
		if unicode.IsControl(r) || isBidirectional(r) {
			return "may hold no control, bidirectional or zero-width characters"
		}
		ascii = ascii && r < utf8.RuneSelf
	}
	if !ascii && !norm.NFC.IsNormalString(s) {
		return "must be in Unicode normalization form C"
	}
	return ""
}

// isBidirectional reports the invisible characters that the contract lists.
func isBidirectional(r rune) bool {
	switch {
	case r < 0x061C:
		return false
	case r == 0x061C, r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E,
		r == 0x2060, r >= 0x2066 && r <= 0x2069, r == 0xFEFF:
		return true
	}
	return false
}

// correlationID is ^[A-Za-z0-9._:-]{1,128}$.
func correlationID(s string) string {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == ':', c == '-':
		default:
			return "may hold letters, digits and . _ : - only"
		}
	}
	if len(s) > maxIdentifier {
		return "is longer than 128 characters"
	}
	return ""
}
