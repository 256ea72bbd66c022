package command

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// wrapper is a program that runs the words behind it, with the assignments
// that stand between.
type wrapper struct {
	program word
	assigns []word
}

// simple reads one simple command: what a listing shows, the forms that
// restricting patterns are held against, and whether its effect is known.
func (a *analysis) simple(words []word) {
	if a.count++; a.count > maxCommands {
		a.opaque(tooMany, words[0].offset)
		return
	}
	chain, core := a.peel(words)
	a.checkProgram(core[0])
	inPlace := a.shell(chain, core)
	if !a.unlisted && !inPlace {
		a.line.commands = append(a.line.commands, texts(words))
	}
	a.addForms(chain, core)
	a.runs(core)
}

// peel takes wrappers off. A wrapper with nothing behind it is itself the
// program.
func (a *analysis) peel(words []word) (chain []wrapper, core []word) {
	for {
		name := tool(words[0].text)
		if !wrappers[name] || len(words) == 1 {
			return chain, words
		}
		link := wrapper{program: words[0]}
		rest := words[1:]
		for assigningWrappers[name] && len(rest) > 0 && strings.Index(rest[0].text, "=") > 0 {
			a.assignedWord(rest[0])
			link.assigns = append(link.assigns, rest[0])
			rest = rest[1:]
		}
		switch {
		case len(rest) == 0:
			return chain, words
		case strings.HasPrefix(rest[0].text, "-"):
			a.opaque(wrapperOption, rest[0].offset)
			return chain, words
		case len(chain) == maxWrappers:
			a.opaque(manyWrappers, rest[0].offset)
			return chain, words
		}
		a.checkProgram(link.program)
		chain = append(chain, link)
		words = rest
	}
}

// checkProgram refuses a name that is not sure to be the one that runs.
func (a *analysis) checkProgram(w word) {
	name, _, assigns := strings.Cut(w.text, "=")
	switch {
	case w.marked != "":
		a.opaque(programGlob, w.offset)
	case strings.HasPrefix(w.text, "-"), strings.HasPrefix(w.text, "="), assigns && syntax.ValidName(strings.TrimSuffix(name, "+")):
		a.opaque(oddProgram, w.offset)
	}
}

// assignedWord is NAME=value in front of a program that a wrapper runs, or
// behind a declaration.
func (a *analysis) assignedWord(w word) {
	name, value, _ := strings.Cut(w.text, "=")
	a.assigned(strings.TrimSuffix(name, "+"), word{text: value, offset: w.offset})
}

// assigned notes an assignment. Some variables hold a command that a program
// runs later: it counts as run here.
func (a *analysis) assigned(name string, value word) {
	a.bar("an assignment", value.offset)
	name, _, _ = strings.Cut(name, "[")
	switch {
	case evaluatedVariables[name], hasAnyPrefix(name, evaluatedPrefixes):
		a.opaque(evaluated, value.offset)
	case commandVariables[name] && strings.TrimSpace(value.text) != "":
		a.inTurn(value, true)
	}
}

// shell reads the string of "sh -c" in turn. It reports whether the commands
// of the string stand in the listing in place of the shell.
func (a *analysis) shell(chain []wrapper, core []word) (inPlace bool) {
	name, args := tool(core[0].text), core[1:]
	if !shells[name] || len(args) == 1 && harmlessAlone[args[0].text] {
		return false
	}
	switch {
	case len(args) == 0:
		a.opaque(shellInput, core[0].offset)
		return false
	case !runsString(args[0].text):
		a.opaque(shellRefusal(args[0].text), args[0].offset)
		return false
	case len(args) == 1, args[1].marked != "", strings.HasPrefix(args[1].text, "-"), strings.HasPrefix(args[1].text, "+"):
		// Bash reads further options before it takes the string.
		a.opaque(shellOption, args[0].offset)
		return false
	}
	if len(chain) > 0 || core[0].text != name {
		a.bar("a shell behind a wrapper or with a directory", core[0].offset)
		a.inTurn(args[1], true)
		return false
	}
	before := len(a.line.commands)
	a.inTurn(args[1], false)
	return len(a.line.commands) > before
}

// runsString reports whether the first argument of a shell is -c, alone or
// with other letters. Those that take a value, read standard input or make the
// shell interactive, with aliases, do not belong to it.
func runsString(arg string) bool {
	if len(arg) < 2 || arg[0] != '-' {
		return false
	}
	for i := 1; i < len(arg); i++ {
		c := arg[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') || strings.IndexByte("oOsi", c) >= 0 {
			return false
		}
	}
	return strings.Contains(arg, "c")
}

func shellRefusal(arg string) construct {
	if strings.HasPrefix(arg, "-") && arg != "-" && arg != "-s" || strings.HasPrefix(arg, "+") {
		return shellOption
	}
	return shellInput
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
