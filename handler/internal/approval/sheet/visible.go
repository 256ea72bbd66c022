package sheet

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/authorization-fabric/fabric/policy"
)

// Limits, in characters before escaping. A parameter is never cut: the request
// that it came in is bounded.
const (
	maxName = 300  // names, titles and what else is short by nature
	maxMain = 120  // the headline
	maxSaid = 2000 // what the agent wrote
)

// maxMarks is how many combining marks may follow each other. No script needs
// more; a stack of them covers the lines around it.
const maxMarks = 4

// line is a text that stands in one line.
func (b *builder) line(s string) string { return b.bounded(s, maxName, true) }

// prose is a text of several lines.
func (b *builder) prose(s string, limit int) string { return b.bounded(s, limit, false) }

// whole is a text of several lines that is not cut.
func (b *builder) whole(s string) string { return b.bounded(s, len(s), false) }

func (b *builder) bounded(s string, limit int, oneLine bool) string {
	text, cut := clip(s, limit)
	shown := Visible(text)
	b.escaped = b.escaped || shown != strings.ToValidUTF8(text, "\uFFFD")
	if oneLine {
		b.escaped = b.escaped || strings.Contains(shown, "\n")
		shown = strings.ReplaceAll(shown, "\n", `\u{000A}`)
	}
	if cut {
		shown += " …"
	}
	return shown
}

// clip keeps the first characters of s.
func clip(s string, limit int) (text string, cut bool) {
	if len(s) <= limit {
		return s, false
	}
	n := 0
	for i := range s {
		if n == limit {
			return s[:i], true
		}
		n++
	}
	return s, false
}

// Visible writes every character of s that a person cannot see, or that
// changes how others are seen, as \u{...}. It goes beyond [policy.Visible]:
// also what a font may leave out (unassigned tags, fillers, joiners), a mark
// that would stand on something else's text, and stacks of marks. Line feeds
// and single spaces stay.
func Visible(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if !strings.ContainsFunc(s, suspect) {
		return s
	}
	var out strings.Builder
	marks := maxMarks // a leading mark has nothing of its own to stand on
	for _, r := range s {
		switch {
		case blank(r):
			fmt.Fprintf(&out, `\u{%04X}`, r)
			marks = maxMarks
		case unicode.Is(unicode.M, r) && marks >= maxMarks:
			fmt.Fprintf(&out, `\u{%04X}`, r)
		case unicode.Is(unicode.M, r):
			out.WriteRune(r)
			marks++
		default:
			out.WriteString(policy.Visible(string(r)))
			marks = 0
			if r == '\n' || r == ' ' {
				marks = maxMarks
			}
		}
	}
	return out.String()
}

// suspect reports whether a text with r has to be looked at.
func suspect(r rune) bool { return r >= 0x7f || r < ' ' && r != '\n' }

// blank are characters that show nothing although they are letters, marks or
// symbols, or are not assigned to anything.
func blank(r rune) bool {
	const brailleBlank = '\u2800'
	return r == brailleBlank || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) ||
		unicode.Is(unicode.Noncharacter_Code_Point, r) || unicode.Is(unicode.Variation_Selector, r)
}
