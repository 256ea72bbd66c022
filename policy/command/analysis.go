package command

import (
	"errors"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Bounds on what is read. Beyond them a line is opaque: the parser and the
// walk recurse, and a stack that overflows cannot be caught.
const (
	maxText     = 32 << 10 // bytes
	maxBrackets = 100      // open at once
	maxTurns    = 8        // shells inside shells
	maxCommands = 500      // simple commands in all
	maxWrappers = 5        // in front of one program
)

// analysis reads one line. It is used once and by one goroutine.
type analysis struct {
	line   Line
	text   string // the outermost text, for columns
	source string // the text that is read in turn, for offsets
	at     int    // column of the word whose text is read in turn, 0 at the outside
	depth  int    // shells inside shells
	count  int    // simple commands so far
	// unlisted is set where commands are read for deny and ask only.
	unlisted bool
}

// opaque notes a construct; of several the leftmost is told.
func (a *analysis) opaque(c construct, offset int) {
	f := finding{c, a.column(offset)}
	if a.line.found == nil || f.column < a.line.found.column {
		a.line.found = &f
	}
}

// bar notes what keeps allows from holding.
func (a *analysis) bar(name string, offset int) {
	if a.line.barred == nil {
		a.line.barred = &finding{construct{name: name}, a.column(offset)}
	}
}

func (a *analysis) column(offset int) int {
	if a.at > 0 {
		return a.at
	}
	return column(a.text, offset)
}

// inTurn reads the text of a word as a line of its own, whose constructs are
// told at the column of that word.
func (a *analysis) inTurn(w word, unlisted bool) {
	inner := *a
	inner.at, inner.depth = a.column(w.offset), a.depth+1
	inner.unlisted = a.unlisted || unlisted
	inner.turn(w.text)
	a.line, a.count = inner.line, inner.count
}

// turn reads a text as bash. Offsets are those of the text.
func (a *analysis) turn(text string) {
	switch {
	case a.depth > maxTurns, openBrackets(text) > maxBrackets:
		a.opaque(tooDeep, 0)
		return
	case len(text) > maxText:
		a.opaque(tooLong, 0)
		return
	}
	file, offset, err := parseBash(text)
	if err != nil {
		a.opaque(notBash, offset)
		return
	}
	a.source = text
	a.doubts(file)
	a.statements(file.Stmts)
}

var errPanic = errors.New("the parser panicked")

// parseBash parses text, or tells the offset of what is not bash. A panic of
// the parser is an error like any other: the line was not understood.
func parseBash(text string) (file *syntax.File, offset int, err error) {
	defer func() {
		if recover() != nil {
			file, offset, err = nil, 0, errPanic
		}
	}()
	file, err = syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(true)).Parse(strings.NewReader(text), "")
	if err == nil {
		return file, 0, nil
	}
	var syntaxError syntax.ParseError
	var langError syntax.LangError
	switch {
	case errors.As(err, &syntaxError):
		offset = int(syntaxError.Pos.Offset())
	case errors.As(err, &langError):
		offset = int(langError.Pos.Offset())
	}
	return nil, offset, err
}

// openBrackets is the largest number of brackets open at once, whatever they
// mean.
func openBrackets(text string) int {
	open, most := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(', '{', '[':
			open++
			most = max(most, open)
		case ')', '}', ']':
			open = max(open-1, 0)
		}
	}
	return most
}
