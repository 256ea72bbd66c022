package command

import (
	"slices"
	"strings"
)

// form is one spelling of a simple command that a restricting pattern is held
// against.
type form struct {
	quoted string // canonical; "" where it is the bare one
	bare   string // the words joined without quotes, ASCII letters folded
	marked string // bare, with wild and single for globs; "" without any
}

// maxForms bounds the spellings of one line.
const maxForms = 4096

// addForms adds every spelling of a command: each wrapper kept, kept without
// its directory and assignments, or taken off; the program with and without
// its directory and its ending; leading global options where they stand and
// at the end.
func (a *analysis) addForms(chain []wrapper, core []word) {
	spellings := coreSpellings(core)
	for _, w := range slices.Backward(chain) {
		inner := spellings
		for _, prefix := range w.spellings() {
			for _, s := range inner {
				if len(a.line.forms)+len(spellings) >= maxForms {
					a.opaque(tooMany, core[0].offset)
					return
				}
				spellings = append(spellings, slices.Concat(prefix, s))
			}
		}
	}
	for _, s := range spellings {
		f := newForm(s)
		if !slices.Contains(a.line.forms, f) {
			a.line.forms = append(a.line.forms, f)
		}
	}
}

func (w wrapper) spellings() [][]word {
	out := [][]word{append([]word{w.program}, w.assigns...)}
	names := programSpellings(w.program.text)
	if len(names) > 1 || len(w.assigns) > 0 {
		out = append(out, []word{{text: names[len(names)-1]}})
	}
	return out
}

func coreSpellings(core []word) [][]word {
	orders := append([][]word{core}, moved(tool(core[0].text), core)...)
	names := programSpellings(core[0].text)
	if len(names) == 1 {
		return orders
	}
	var out [][]word
	for _, name := range names {
		for _, order := range orders {
			out = append(out, append([]word{{text: name}}, order[1:]...))
		}
	}
	return out
}

// programSpellings are a program's name as written, without its directory,
// without its ending, and at last without either.
func programSpellings(name string) []string {
	out := []string{name}
	for _, n := range []string{base(name), stem(name), stem(base(name))} {
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

func base(name string) string {
	return name[strings.LastIndexAny(name, `/\`)+1:]
}

// stem is a name without the endings by which Windows runs it.
func stem(name string) string {
	for _, ending := range []string{".exe", ".cmd", ".bat", ".com"} {
		if cut := len(name) - len(ending); cut > 0 && lower(name[cut:]) == ending {
			return name[:cut]
		}
	}
	return name
}

// tool is the name under which the tables know a program: no directory, no
// ending, lower case, no version behind it, its usual alias.
func tool(program string) string {
	name := stem(lower(base(program)))
	if alias, ok := aliases[name]; ok {
		return alias
	}
	if short := strings.TrimRight(name, "0123456789.-"); interpreters[short].flags != nil {
		return short
	}
	return name
}

func newForm(words []word) form {
	f := form{bare: lower(join(words, func(w word) string { return w.text }))}
	needsQuotes := func(w word) bool { return !plain(w.text) }
	if slices.ContainsFunc(words, needsQuotes) || f.bare != join(words, func(w word) string { return w.text }) {
		f.quoted = canonical(texts(words))
	}
	if slices.ContainsFunc(words, func(w word) bool { return w.marked != "" }) {
		f.marked = lower(join(words, func(w word) string {
			if w.marked != "" {
				return w.marked
			}
			return w.text
		}))
	}
	return f
}

func join(words []word, text func(word) string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(text(w))
	}
	return b.String()
}
