package command

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

func (a *analysis) statements(list []*syntax.Stmt) {
	for _, s := range list {
		a.statement(s, nil)
	}
}

// statement reads one statement; timed holds the words "time" in front of it.
func (a *analysis) statement(s *syntax.Stmt, timed []word) {
	for _, r := range s.Redirs {
		a.redirection(r)
	}
	if s.Coprocess || s.Disown {
		a.opaque(unknownSyntax, int(s.Pos().Offset()))
	}
	if call, ok := s.Cmd.(*syntax.CallExpr); ok {
		a.call(call, timed)
		return
	}
	if timed != nil && !isTime(s.Cmd) {
		// A group or a pipe as a whole: "time" is a command beside it.
		a.simple(timed)
	}
	a.compound(s.Cmd, timed)
}

func isTime(c syntax.Command) bool {
	_, ok := c.(*syntax.TimeClause)
	return ok
}

func (a *analysis) compound(cmd syntax.Command, timed []word) {
	switch c := cmd.(type) {
	case nil:
	case *syntax.BinaryCmd:
		a.statement(c.X, nil)
		a.statement(c.Y, nil)
	case *syntax.Block:
		a.statements(c.Stmts)
	case *syntax.Subshell:
		a.statements(c.Stmts)
	case *syntax.IfClause:
		a.ifClause(c)
	case *syntax.WhileClause:
		a.statements(c.Cond)
		a.statements(c.Do)
	case *syntax.ForClause:
		a.loop(c.Loop)
		a.statements(c.Do)
	case *syntax.CaseClause:
		a.caseClause(c)
	case *syntax.TimeClause:
		a.timeClause(c, timed)
	case *syntax.TestClause:
		a.simple(a.testWords(c))
	case *syntax.ArithmCmd:
		a.simple(a.arithmeticWords(c))
	case *syntax.DeclClause:
		a.simple(a.declarationWords(c))
	case *syntax.LetClause:
		a.simple(a.letWords(c))
	case *syntax.FuncDecl:
		a.opaque(function, int(c.Pos().Offset()))
	case *syntax.CoprocClause:
		a.opaque(coprocess, int(c.Pos().Offset()))
	default:
		a.opaque(unknownSyntax, int(c.Pos().Offset()))
	}
}

func (a *analysis) ifClause(c *syntax.IfClause) {
	for ; c != nil; c = c.Else {
		a.statements(c.Cond)
		a.statements(c.Then)
	}
}

// loop reads the head of a for or select loop; its variable is assigned.
func (a *analysis) loop(l syntax.Loop) {
	a.bar("a loop variable", int(l.Pos().Offset()))
	switch l := l.(type) {
	case *syntax.WordIter:
		for _, w := range l.Items {
			a.literal(w)
		}
	case *syntax.CStyleLoop:
		a.opaque(arithmetic, int(l.Pos().Offset()))
	default:
		a.opaque(unknownSyntax, int(l.Pos().Offset()))
	}
}

func (a *analysis) caseClause(c *syntax.CaseClause) {
	a.literal(c.Word)
	for _, item := range c.Items {
		for _, p := range item.Patterns {
			a.literal(p)
		}
		a.statements(item.Stmts)
	}
}

func (a *analysis) timeClause(c *syntax.TimeClause, timed []word) {
	offset := int(c.Time.Offset())
	if c.PosixFormat {
		a.opaque(wrapperOption, offset)
	}
	timed = append(timed[:len(timed):len(timed)], word{text: "time", offset: offset})
	if len(timed) > maxWrappers {
		a.opaque(manyWrappers, offset)
		return
	}
	if c.Stmt == nil {
		a.simple(timed)
		return
	}
	a.statement(c.Stmt, timed)
}

// call reads assignments and a simple command.
func (a *analysis) call(c *syntax.CallExpr, timed []word) {
	for _, as := range c.Assigns {
		w := a.assignment(as)
		name, value, _ := strings.Cut(w.text, "=")
		a.assigned(strings.TrimSuffix(name, "+"), word{text: value, offset: w.offset})
	}
	words := append(make([]word, 0, len(timed)+len(c.Args)), timed...)
	for _, arg := range c.Args {
		words = append(words, a.literal(arg))
	}
	if len(words) > 0 {
		a.simple(words)
	}
}

// assignment is NAME=value as one word.
func (a *analysis) assignment(as *syntax.Assign) word {
	offset := int(as.Pos().Offset())
	if as.Name == nil { // an option or a name of a declaration
		return a.literal(as.Value)
	}
	if !syntax.ValidName(as.Name.Value) {
		// The parser takes @a=[ for an assignment, bash for a program.
		a.opaque(oddProgram, offset)
	}
	var b strings.Builder
	b.WriteString(as.Name.Value)
	if as.Index != nil {
		if !a.isNumber(as.Index) {
			a.opaque(subscript, offset)
		}
		b.WriteString("[" + a.expression(as.Index) + "]")
	}
	if as.Naked {
		return word{text: b.String(), offset: offset}
	}
	if as.Append {
		b.WriteByte('+')
	}
	b.WriteByte('=')
	b.WriteString(a.assignedValue(as, offset))
	return word{text: b.String(), offset: offset}
}

func (a *analysis) assignedValue(as *syntax.Assign, offset int) string {
	switch {
	case as.Array != nil:
		words := make([]string, 0, len(as.Array.Elems))
		for _, e := range as.Array.Elems {
			if e.Index != nil {
				a.opaque(subscript, offset)
			}
			if e.Value != nil {
				words = append(words, quote(a.literal(e.Value).text))
			}
		}
		return "(" + strings.Join(words, " ") + ")"
	case as.Value != nil:
		var r reader
		r.parts(as.Value.Parts)
		if tildeInValue(r.shape.String()) {
			a.opaque(tilde, offset)
		}
		return a.literal(as.Value).text
	}
	return ""
}

// redirection notes files, and what would be expanded.
func (a *analysis) redirection(r *syntax.Redirect) {
	offset := int(r.Pos().Offset())
	if r.N != nil && !isDigits(r.N.Value) {
		name := strings.TrimSuffix(strings.TrimPrefix(r.N.Value, "{"), "}")
		if !syntax.ValidName(name) {
			a.opaque(descriptor, offset)
		}
		a.bar("an assignment", offset)
	}
	if r.Op == syntax.Hdoc || r.Op == syntax.DashHdoc {
		a.hereDocument(r, offset)
		return
	}
	target := a.literal(r.Word).text
	if r.Op == syntax.WordHdoc {
		return
	}
	duplicates := r.Op == syntax.DplIn || r.Op == syntax.DplOut
	if duplicates && strings.HasPrefix(target, "-") && (len(target) > 1 || len(r.Word.Parts) > 1) {
		// For bash the descriptor is closed by >&- and the rest is a word.
		a.opaque(descriptor, offset)
	}
	if target == "/dev/null" || duplicates && isDigits(strings.TrimSuffix(target, "-")) {
		return
	}
	a.bar("a redirection to or from a file", offset)
}

// hereDocument wants a body without expansions that ends where bash ends it:
// at the first line that is the delimiter.
func (a *analysis) hereDocument(r *syntax.Redirect, offset int) {
	var delimiter reader
	delimiter.parts(r.Word.Parts)
	if delimiter.found != nil || !plain(delimiter.text.String()) {
		a.opaque(heredoc, offset)
	}
	if r.Hdoc == nil { // an empty one
		return
	}
	for _, part := range r.Hdoc.Parts {
		if _, ok := part.(*syntax.Lit); !ok {
			a.opaque(heredoc, offset)
			return
		}
	}
	start, end := int(r.Hdoc.Pos().Offset()), int(r.Hdoc.End().Offset())
	if end > len(a.source) || start < 1 || a.source[start-1] != '\n' ||
		!endsAt(a.source[start:end], delimiter.text.String(), r.Op == syntax.DashHdoc) {
		a.opaque(heredoc, offset)
	}
}

// endsAt reports whether the last line of a here-document, and no other, is
// its delimiter.
func endsAt(document, delimiter string, tabs bool) bool {
	lines := strings.Split(document, "\n")
	for i, line := range lines {
		if tabs {
			line = strings.TrimLeft(line, "\t")
		}
		if (line == delimiter) != (i == len(lines)-1) {
			return false
		}
	}
	return true
}

// isDigits holds for "" too: what is left of "-", which closes a descriptor.
func isDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}
