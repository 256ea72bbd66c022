package command

import (
	"slices"
	"strings"
)

// options says how a program reads words that begin with a dash.
type options struct {
	flags  map[string]bool // without a value
	values map[string]bool // with one, behind "=", attached to a letter, or in the next word
	alone  map[string]bool // harmless where it is the only argument
	// others: an option that is in neither table takes a value.
	others bool
	// between: global options may also stand between groups and the verb.
	between bool
}

func opts(flags, values string) options {
	return options{flags: set(flags), values: set(values)}
}

// arity reports whether an option takes the next word as its value; known is
// false for one that the tables do not tell.
func (o options) arity(text string) (next, known bool) {
	name, _, attached := strings.Cut(text, "=")
	switch {
	case attached && (o.flags[name] || o.values[name] || o.others):
		return false, true
	case attached && strings.HasPrefix(text, "--"):
		return false, false
	case o.flags[name]:
		return false, true
	case o.values[name]:
		return true, true
	case !strings.HasPrefix(text, "--") && len(text) > 2:
		return o.cluster(text[1:])
	}
	return o.others, o.others
}

// cluster reads letters in one word: -it, -uroot, -itu root.
func (o options) cluster(letters string) (next, known bool) {
	for i := range len(letters) {
		letter := "-" + letters[i:i+1]
		switch {
		case o.values[letter], o.others && !o.flags[letter]:
			return i == len(letters)-1, true
		case !o.flags[letter]:
			return false, false
		}
	}
	return false, true
}

// maxUnknown bounds the readings of options that the tables do not tell.
const maxUnknown = 3

// commandStarts are the places where the sub-command may stand, behind the
// global options. There are several if an option is not known: it may take
// the next word as its value, or not.
func commandStarts(name string, words []word) []int {
	o, ok := grammars[name]
	if !ok {
		return []int{1}
	}
	starts := o.starts(words, 1, 0)
	slices.Sort(starts)
	return slices.Compact(starts)
}

func (o options) starts(words []word, at, unknown int) []int {
	for at < len(words) {
		text := words[at].text
		if !strings.HasPrefix(text, "-") || text == "-" {
			break
		}
		next, known := o.arity(text)
		if !known && unknown < maxUnknown && !strings.Contains(text, "=") && text != "--" {
			with := o.starts(words, min(at+2, len(words)), unknown+1)
			return append(with, o.starts(words, at+1, unknown+1)...)
		}
		at++
		if next {
			at = min(at+1, len(words))
		}
	}
	return []int{at}
}

// subCommand finds the words of sub from start on, options between them
// skipped, and returns the place behind them or -1.
func subCommand(words []word, start int, sub string, o options) int {
	at := start
	for name := range strings.FieldsSeq(sub) {
		for at < len(words) && strings.HasPrefix(words[at].text, "-") {
			if next, _ := o.arity(words[at].text); next {
				at++
			}
			at++
		}
		if at >= len(words) || lower(words[at].text) != name {
			return -1
		}
		at++
	}
	return at
}

// moved are the orders of a command with its leading global options at the
// end: what stands in front of each place where the sub-command may begin.
func moved(name string, core []word) [][]word {
	o, ok := grammars[name]
	if !ok {
		return nil
	}
	var out [][]word
	for _, start := range commandStarts(name, core) {
		if start > 1 && start < len(core) {
			order := append([]word{core[0]}, core[start:]...)
			out = append(out, append(order, core[1:start]...))
		}
	}
	if o.between {
		if order, changed := o.gather(core); changed {
			out = append(out, order)
		}
	}
	return out
}

// gather moves every known global option to the end, for programs that accept
// them between a group and its verb (gcloud compute --project=p instances
// delete i).
func (o options) gather(core []word) (order []word, changed bool) {
	order = append(order, core[0])
	var taken []word
	for i := 1; i < len(core); i++ {
		text := core[i].text
		if text == "--" {
			order = append(order, core[i:]...)
			break
		}
		next, known := o.arity(text)
		if !strings.HasPrefix(text, "-") || !known {
			order = append(order, core[i])
			continue
		}
		changed = true
		taken = append(taken, core[i])
		if next && i+1 < len(core) {
			i++
			taken = append(taken, core[i])
		}
	}
	return append(order, taken...), changed
}
