package command

import "strings"

// Program is the word that names the program, or "" where the pattern leaves
// it open.
func (p Pattern) Program() string {
	if len(p.words) == 0 || strings.ContainsRune(p.words[0], wild) {
		return ""
	}
	return p.words[0]
}

// SpelledOption tells the first option that a pattern spells, and the program.
// A rule that restricts by the spelling of an option is easily missed: options
// can be reordered, bundled, shortened.
func (p Pattern) SpelledOption() (option, program string, ok bool) {
	at := p.optionAt()
	if at < 0 {
		return "", "", false
	}
	return strings.ReplaceAll(p.words[at], string(wild), "*"), p.Program(), true
}

func (p Pattern) optionAt() int {
	for i, w := range p.words {
		if i > 0 && len(w) > 1 && w[0] == '-' && w != "--" && strings.Trim(w, "-"+string(wild)) != "" {
			return i
		}
	}
	return -1
}

// Evades reports whether a restricting pattern that spells an option stands
// beside an allow pattern that is open to the same command with the option
// spelled differently: the case for the warning guardrail.optionSpelling. A
// bare allow for an action counts as the pattern *.
func (p Pattern) Evades(allow Pattern) bool {
	at := p.optionAt()
	if at < 0 || !allow.open {
		return false
	}
	for i := range min(at, len(allow.words)) {
		if !overlap(p.words[i], allow.words[i]) {
			return false
		}
	}
	return true
}

// overlap reports whether some word fits both; two that both have a * count
// as overlapping.
func overlap(a, b string) bool {
	switch {
	case !strings.ContainsRune(a, wild):
		return glob(b, a)
	case !strings.ContainsRune(b, wild):
		return glob(a, b)
	}
	return true
}
