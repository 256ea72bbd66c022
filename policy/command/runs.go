package command

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// runs looks for a program that runs something else than itself: always, by
// its arguments, by an option, or elsewhere.
func (a *analysis) runs(core []word) {
	name := tool(core[0].text)
	if evaluatingBuiltins[name] {
		a.opaque(builtin(name), core[0].offset)
	}
	if runners[name] {
		a.opaque(runsArguments, core[0].offset)
	}
	a.namesVariables(name, core[1:])
	if name == "sed" {
		a.sed(core[1:])
	}
	if o, ok := interpreters[name]; ok {
		a.interpreter(o, core)
	}
	if name == "powershell" || name == "pwsh" {
		a.powershell(name, core)
	}
	for _, start := range commandStarts(name, core) {
		a.hazards(name, core, start)
		a.carried(name, core, start)
	}
}

// namesVariables handles built-ins that take names: they assign, and bash
// evaluates a subscript that a name brings along.
func (a *analysis) namesVariables(name string, args []word) {
	switch name {
	case "declare", "typeset", "local", "export", "readonly":
		a.declaration(args)
	case "let":
		a.letArguments(args)
	case "printf":
		if len(args) == 0 || !strings.HasPrefix(args[0].text, "-v") {
			return
		}
		a.bar("an assignment", args[0].offset)
	case "read", "mapfile", "readarray", "getopts":
		for _, w := range args {
			a.bar("an assignment", w.offset)
		}
	case "unset", "test", "[", "wait":
	default:
		return
	}
	for _, w := range args {
		if strings.ContainsAny(w.text, "[(") && strings.ContainsAny(w.text, "$`") {
			a.opaque(subscript, w.offset)
		}
	}
}

// declaration reads the words of declare and its like. With -i and -n bash
// evaluates what is assigned, now or later. What is neither options nor a
// name is an error for bash.
func (a *analysis) declaration(args []word) {
	for _, w := range args {
		name, _, assigns := strings.Cut(w.text, "=")
		name, _, _ = strings.Cut(strings.TrimSuffix(name, "+"), "[")
		switch {
		case isDeclarationOption(w.text):
			if w.text[0] == '-' && strings.ContainsAny(w.text, "in") {
				a.opaque(attribute, w.offset)
			}
		case !syntax.ValidName(name):
			a.opaque(unknownSyntax, w.offset)
		case assigns:
			a.assignedWord(w)
		default:
			a.bar("a declaration", w.offset)
		}
	}
}

// isDeclarationOption holds for letters behind a sign, and for --.
func isDeclarationOption(s string) bool {
	if s == "" || s[0] != '-' && s[0] != '+' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && s != "--" {
			return false
		}
	}
	return true
}

func (a *analysis) letArguments(args []word) {
	for _, w := range args {
		a.bar("an assignment", w.offset)
		x, err := syntax.NewParser().Arithmetic(strings.NewReader(w.text))
		if err != nil || !a.isConstant(x) {
			a.opaque(arithmetic, w.offset)
		}
	}
}

// interpreter wants the name of a script behind options that run nothing.
func (a *analysis) interpreter(o options, core []word) {
	args := core[1:]
	if len(args) == 1 && (harmlessAlone[args[0].text] || o.alone[args[0].text]) {
		return
	}
	for i := 0; i < len(args); i++ {
		text := args[i].text
		if !strings.HasPrefix(text, "-") {
			return
		}
		value, known := o.arity(text)
		if !known {
			a.opaque(inlineCode, args[i].offset)
			return
		}
		if value {
			i++
		}
	}
	a.opaque(inlineCode, core[0].offset)
}

// powershell wants -File, or for pwsh a script as its first argument: what
// Windows PowerShell finds there is a command.
func (a *analysis) powershell(name string, core []word) {
	o := powershellOptions
	for i := 1; i < len(core); i++ {
		text := lower(core[i].text)
		value, known := o.arity(text)
		switch {
		case len(text) > 1 && strings.HasPrefix("-file", text):
			return
		case name == "pwsh" && strings.HasSuffix(text, ".ps1") && !strings.HasPrefix(text, "-"):
			return
		case !known || !strings.HasPrefix(text, "-"):
			a.opaque(inlineCode, core[i].offset)
			return
		case value:
			i++
		}
	}
	a.opaque(inlineCode, core[0].offset)
}
