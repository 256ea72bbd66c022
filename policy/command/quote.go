package command

import "strings"

// quote is a word as the canonical form writes it: bare if it holds nothing
// but safe characters, else in single quotes, so that no argument can imitate
// another command.
func quote(word string) string {
	if plain(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func plain(word string) bool {
	for i := range len(word) {
		if !plainByte(word[i]) {
			return false
		}
	}
	return word != ""
}

func plainByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("_@%+=:,./-", c) >= 0
}

// keywords are the plain words that bash reads as syntax where a program
// would stand: a program of such a name is quoted too.
var keywords = set("if then else elif fi for while until do done case esac in select function coproc")

// canonical is the canonical form of one simple command.
func canonical(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i > 0:
			b.WriteByte(' ')
			b.WriteString(quote(w))
		case keywords[w], w == "let" && len(words) == 1: // let alone is no bash
			b.WriteString("'" + w + "'")
		default:
			b.WriteString(quote(w))
		}
	}
	return b.String()
}

// lower folds ASCII letters only, so that no other letter becomes an ASCII one.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			return lowerFrom(s, i)
		}
	}
	return s
}

func lowerFrom(s string, start int) string {
	b := []byte(s)
	for i := start; i < len(b); i++ {
		if c := b[i]; 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
