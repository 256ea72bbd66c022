package command

import (
	"slices"
	"strings"
)

// carrier is a program that runs a command elsewhere: in a container, a pod,
// a virtual machine.
type carrier struct {
	options          // of the sub-command; global options are known besides
	sub     string   // the sub-command, its words separated by blanks
	dashes  bool     // the command stands behind --
	skip    int      // names in front of it: pod, image, service
	entry   string   // the option that names the program
	scripts []string // options whose values are shell text
}

// carried reads the command that a program runs elsewhere.
func (a *analysis) carried(name string, core []word, start int) {
	for _, c := range carriers[name] {
		at := subCommand(core, start, c.sub, c.options)
		if at < 0 {
			continue
		}
		a.bar("a command that runs elsewhere", core[0].offset)
		if len(c.scripts) > 0 {
			a.scripts(c, core[at:])
			return
		}
		if inner := a.innerWords(name, c, core[at:]); len(inner) > 0 {
			a.inner(inner)
		}
		return
	}
}

// inner reads a command that a carrier runs, for deny and ask only.
func (a *analysis) inner(words []word) {
	if a.depth++; a.depth > maxTurns {
		a.opaque(tooDeep, words[0].offset)
	} else {
		was := a.unlisted
		a.unlisted = true
		a.simple(words)
		a.unlisted = was
	}
	a.depth--
}

// innerWords are the words behind the options and the name of the pod, the
// image or the service; an option that names the program goes in front.
func (a *analysis) innerWords(name string, c carrier, args []word) []word {
	if c.dashes {
		if at := slices.IndexFunc(args, isDashes); at >= 0 {
			return args[at+1:]
		}
		if c.skip == 0 {
			return nil
		}
	}
	var entry []word
	skip := c.skip
	for i := 0; i < len(args); i++ {
		text := args[i].text
		if !strings.HasPrefix(text, "-") {
			if skip--; skip == 0 {
				return append(entry, args[i+1:]...)
			}
			continue
		}
		next, known := c.arity(text)
		if !known {
			next, known = grammars[name].arity(text)
		}
		if !known && text != "--" {
			a.opaque(unknownOption, args[i].offset)
			return nil
		}
		if option, _, _ := strings.Cut(text, "="); c.entry != "" && option == c.entry {
			entry = entryWord(args[i:])
		}
		if next {
			i++
		}
	}
	return entry
}

func isDashes(w word) bool { return w.text == "--" }

// entryWord is the value of the option at the start of args, without one none.
func entryWord(args []word) []word {
	_, value, attached := strings.Cut(args[0].text, "=")
	w := word{text: value, offset: args[0].offset}
	if !attached && len(args) > 1 {
		w = args[1]
	}
	if w.text == "" {
		return nil
	}
	return []word{w}
}

// scripts reads the values of the options that hold shell text.
func (a *analysis) scripts(c carrier, args []word) {
	taking := false
	for _, w := range args {
		name, value, attached := strings.Cut(w.text, "=")
		switch {
		case otherScripts[lower(w.text)]:
			a.opaque(otherShell, w.offset)
		case strings.HasPrefix(w.text, "-"):
			taking = c.isScript(name)
			if taking && attached {
				a.script(word{text: value, offset: w.offset})
			}
		case taking:
			a.script(w)
		}
	}
}

func (a *analysis) script(w word) {
	if w.marked != "" || strings.HasPrefix(w.text, "@") {
		a.opaque(shellInput, w.offset)
		return
	}
	a.inTurn(w, true)
}

// isScript accepts any beginning of a long option, as argparse does.
func (c carrier) isScript(option string) bool {
	return slices.ContainsFunc(c.scripts, func(s string) bool {
		return s == option || len(option) > 2 && strings.HasPrefix(option, "--") && strings.HasPrefix(s, option)
	})
}
