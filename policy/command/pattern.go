package command

import (
	"errors"
	"slices"
	"strings"
)

// Pattern is a compiled glob over the simple commands of a line. A * is the
// only special character: in a rule that restricts it is any run of
// characters, in one that permits see [Permits]. A pattern that ends in a
// blank and * also matches without arguments. The zero Pattern matches no
// command that is understood. Patterns are immutable and safe for concurrent
// use.
type Pattern struct {
	globs []spelling // for rules that restrict: as written, and as the canonical form would quote it
	words []string   // for rules that permit: quotes removed, wild for *
	open  bool       // ends in a lone *: any arguments
}

// spelling is a pattern for canonical text, and for bare text whose letters
// are folded.
type spelling struct{ exact, folded string }

// CompilePattern compiles a glob. The error says what is wrong and never
// holds the pattern: it is empty, has a quote that is not closed, or holds a
// character that no command can hold.
func CompilePattern(s string) (Pattern, error) {
	if err := checkText(s); err != nil {
		return Pattern{}, err
	}
	words, err := splitPattern(s)
	if err != nil {
		return Pattern{}, err
	}
	if len(words) == 0 {
		return Pattern{}, errors.New("an empty command pattern")
	}
	star := string(wild)
	raw, quoted := strings.ReplaceAll(strings.TrimSpace(s), "*", star), quotePattern(words)
	p := Pattern{globs: []spelling{{raw, lower(raw)}}, words: words}
	if quoted != raw {
		p.globs = append(p.globs, spelling{quoted, lower(quoted)})
	}
	if last := len(words) - 1; words[last] == star {
		p.open, p.words = true, words[:last]
	}
	return p, nil
}

// splitPattern splits at blanks outside quotes and removes quotes; a * is a
// glob inside quotes too, behind a backslash it is itself.
func splitPattern(s string) ([]string, error) {
	var words []string
	var b strings.Builder
	var quoted byte
	inWord := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quoted == 0 && (c == ' ' || c == '\t' || c == '\n'):
			if inWord {
				words = append(words, b.String())
				b.Reset()
			}
			inWord = false
			continue
		case quoted == 0 && (c == '\'' || c == '"'):
			quoted = c
		case c == quoted:
			quoted = 0
		case c == '\\' && quoted != '\'' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '*':
			b.WriteByte(wild)
		default:
			b.WriteByte(c)
		}
		inWord = true
	}
	if quoted != 0 {
		return nil, errors.New("a quote in the command pattern is not closed")
	}
	if inWord {
		words = append(words, b.String())
	}
	return words, nil
}

func quotePattern(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if bare := strings.ReplaceAll(w, string(wild), ""); bare != "" && !plain(bare) || w == "" {
			quoted[i] = quote(w)
		}
	}
	return strings.Join(quoted, " ")
}

// Restricts reports whether a deny or ask pattern matches: any form of any
// simple command does, or the line is opaque.
func (p Pattern) Restricts(l Line) bool {
	if l.found != nil {
		return true
	}
	return slices.ContainsFunc(l.forms, p.covers)
}

func (p Pattern) covers(f form) bool {
	for _, g := range p.globs {
		if spells(glob, g.folded, f.bare) ||
			f.marked != "" && spells(meets, g.folded, f.marked) ||
			f.quoted != "" && spells(glob, g.exact, f.quoted) {
			return true
		}
	}
	return false
}

// spells holds a pattern against a text, where a final " *" also stands for
// nothing.
func spells(covers func(pattern, text string) bool, pattern, text string) bool {
	bare, open := strings.CutSuffix(pattern, " "+string(wild))
	return covers(pattern, text) || open && covers(bare, text)
}

// Permits reports whether allow patterns hold on a line, all of them taken
// together: every simple command matches some pattern, and the line is
// understood and has no assignment and no redirection to or from a file. used
// are the indexes of the patterns that matched a command, ascending; none
// where ok is false.
//
// A pattern sees a command as it is written. A final * stands for any
// arguments, another lone * for one word that does not begin with a dash, a *
// inside a word for characters of that word.
func Permits(l Line, allows []Pattern) (ok bool, used []int) {
	if l.found != nil || l.barred != nil || len(l.commands) == 0 {
		return false, nil
	}
	for _, words := range l.commands {
		matched := false
		for i, p := range allows {
			if p.permits(words) {
				matched = true
				used = append(used, i)
			}
		}
		if !matched {
			return false, nil
		}
	}
	slices.Sort(used)
	return true, slices.Compact(used)
}

func (p Pattern) permits(words []string) bool {
	if len(p.globs) == 0 || len(words) < len(p.words) || len(words) > len(p.words) && !p.open {
		return false
	}
	for i, w := range p.words {
		if !permitsWord(w, words[i]) {
			return false
		}
	}
	return true
}

// permitsWord holds a * at the beginning off options, however it goes on.
func permitsWord(pattern, text string) bool {
	if strings.HasPrefix(pattern, string(wild)) && strings.HasPrefix(text, "-") {
		return false
	}
	return glob(pattern, text)
}
