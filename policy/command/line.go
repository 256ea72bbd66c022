package command

import "fmt"

// Line is a command line as it was understood. The zero Line is opaque to
// nothing and permits nothing: use [Parse]. Lines are immutable and safe for
// concurrent use.
type Line struct {
	text     string
	commands [][]string // as written; the commands of a plain "sh -c" in its place
	forms    []form     // everything a restricting pattern is held against
	found    *finding   // the first construct that makes the line opaque
	barred   *finding   // the first thing besides that keeps any allow from holding
}

// finding is a construct and its place.
type finding struct {
	construct
	column int
}

// Parse reads a command line. The error is an [*InvalidError]: for a text
// with a byte that is not UTF-8 or a character that cannot be seen, and for
// one that runs no command. What is not bash, or too long or too deep to
// read, is an opaque line and no error.
func Parse(text string) (Line, error) {
	if err := checkText(text); err != nil {
		return Line{}, err
	}
	a := analysis{line: Line{text: text}, text: text}
	a.turn(text)
	if a.line.found == nil && len(a.line.commands) == 0 {
		return Line{}, &InvalidError{Reason: "no simple command"}
	}
	return a.line, nil
}

// Opaque tells the first construct that keeps the line from being understood,
// its column in code points from 1, and how to write it instead: "a variable",
// 12, "write the literal". Neither text holds a part of the line. ok is false
// for a line that is understood.
func (l Line) Opaque() (construct string, column int, advice string, ok bool) {
	if l.found == nil {
		return "", 0, "", false
	}
	return l.found.name, l.found.column, l.found.advice, true
}

// Explain is what to tell about an opaque line, "a variable at column 12:
// write the literal", and "" for a line that is understood.
func (l Line) Explain() string {
	if l.found == nil {
		return ""
	}
	return fmt.Sprintf("%s at column %d: %s", l.found.name, l.found.column, l.found.advice)
}

// Barred names what keeps every allow from holding on a line that is
// understood, "an assignment", with its column; ok is false without any.
func (l Line) Barred() (construct string, column int, ok bool) {
	if l.barred == nil {
		return "", 0, false
	}
	return l.barred.name, l.barred.column, true
}

// Commands are the simple commands in canonical form, as they stand in the
// line, for people and traces. They hold the secrets that the line holds: see
// [Line.Redacted]. Of an opaque line they are those that were understood.
func (l Line) Commands() []string {
	out := make([]string, len(l.commands))
	for i, words := range l.commands {
		out[i] = canonical(words)
	}
	return out
}
