package mail

import (
	"regexp"
	"strings"
)

// piece is a part of a text in HTML: Text, then a line break or Mark, a
// character that would make a link of what stands around it and therefore gets
// an element of its own.
type piece struct {
	Text  string
	Mark  string
	Break bool
}

// pieces splits a text so that no part of it looks like an address.
func pieces(s string) []piece {
	var out []piece
	start := 0
	for i := range len(s) {
		switch {
		case s[i] == '\n':
			out = append(out, piece{Text: s[start:i], Break: true})
		case strings.IndexByte(".:/@", s[i]) >= 0 && inside(s, i):
			out = append(out, piece{Text: s[start:i], Mark: s[i : i+1]})
		default:
			continue
		}
		start = i + 1
	}
	return append(out, piece{Text: s[start:]})
}

// inside reports whether the byte at i joins what stands around it.
func inside(s string, i int) bool {
	return i > 0 && i+1 < len(s) && s[i-1] > ' ' && s[i+1] > ' '
}

// address is a mail address that stands alone. A mail program may make a link
// of it, to write a mail, which is harmless.
var address = regexp.MustCompile(`^[A-Za-z0-9_.+#-]+@[A-Za-z0-9.-]+[,;.']*s?$`)

// dot is a dot before a name: the dot of a number or at the end of a sentence
// begins no link.
var dot = regexp.MustCompile(`\.([\pL_-]|xn--)`)

// unlink writes a text for the plain body so that no mail program makes a link
// of it: [:] before slashes and [.] before the parts of a name.
func unlink(s string) string {
	words := strings.SplitAfter(s, " ")
	for i, w := range words {
		if bare := strings.Trim(w, " ()\n"); address.MatchString(bare) {
			continue
		}
		w = strings.ReplaceAll(w, "://", "[:]//")
		w = dot.ReplaceAllString(w, "[.]$1")
		words[i] = strings.ReplaceAll(w, "mailto:", "mailto[:]")
	}
	return strings.Join(words, "")
}
