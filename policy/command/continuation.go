package command

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// doubts looks for what the parser and bash are known to read differently.
// Each was found by running both on generated lines, and each could hide a
// command. The first such place is always seen, since up to there both
// readings are the same.
func (a *analysis) doubts(file *syntax.File) {
	a.comments(file)
	a.continuations(file)
}

// comments refuses a comment right behind a bracket: A=(1)#b is one word.
func (a *analysis) comments(file *syntax.File) {
	if !strings.Contains(a.source, ")#") {
		return
	}
	syntax.Walk(file, func(node syntax.Node) bool {
		if c, ok := node.(*syntax.Comment); ok {
			if at := int(c.Hash.Offset()); at > 0 && a.source[at-1] == ')' {
				a.opaque(notBash, at)
			}
		}
		return true
	})
}

// continuations looks for a backslash at the end of a line, or of all, that is
// no plain continuation: behind a comment, where bash knows none; inside of
// what is not a plain word, such as a dollar and its name; in a here-document,
// whose end bash looks for in joined lines.
func (a *analysis) continuations(file *syntax.File) {
	text := a.source
	if rest := strings.TrimRight(text, `\`); (len(text)-len(rest))%2 == 1 {
		a.opaque(continuation, len(text)-1)
	}
	if !strings.Contains(text, "\\\n") {
		return
	}
	plain, documents := quotedRanges(file)
	for at := 0; ; at += 2 {
		next := strings.Index(text[at:], "\\\n")
		if next < 0 {
			return
		}
		at += next
		line := text[strings.LastIndexByte(text[:at], '\n')+1 : at]
		switch {
		case plain.hold(at):
		case documents.hold(at), mayComment(line), !joins(line, text[at+2:]):
			a.opaque(continuation, at)
			return
		}
	}
}

type ranges [][2]int

func (r ranges) hold(offset int) bool {
	for _, span := range r {
		if span[0] <= offset && offset < span[1] {
			return true
		}
	}
	return false
}

// quotedRanges are where a backslash is itself, and where here-documents join
// lines.
func quotedRanges(file *syntax.File) (plain, documents ranges) {
	syntax.Walk(file, func(node syntax.Node) bool {
		switch n := node.(type) {
		case *syntax.SglQuoted:
			plain = append(plain, [2]int{int(n.Pos().Offset()), int(n.End().Offset())})
		case *syntax.Redirect:
			if n.Hdoc == nil {
				break
			}
			span := [2]int{int(n.Hdoc.Pos().Offset()), int(n.Hdoc.End().Offset())}
			if quotedDelimiter(n.Word) {
				plain = append(plain, span)
			} else {
				documents = append(documents, span)
			}
		}
		return true
	})
	return plain, documents
}

// quotedDelimiter reports whether a part of the delimiter is quoted, so that
// nothing in the here-document is special.
func quotedDelimiter(w *syntax.Word) bool {
	for _, part := range w.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok || strings.Contains(lit.Value, `\`) {
			return true
		}
	}
	return false
}

// mayComment reports whether a comment can begin in a line.
func mayComment(line string) bool {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || strings.IndexByte(" \t;&|()<>`", line[i-1]) >= 0) {
			return true
		}
	}
	return false
}

// joins reports whether a continuation stands between words, or between two
// plain characters of one.
func joins(before, after string) bool {
	if after == "" || strings.HasPrefix(after, "#") {
		return false
	}
	if before == "" || strings.HasSuffix(before, " ") || strings.HasSuffix(before, "\t") {
		return true
	}
	const joined = `'" ` + "\t"
	last, next := before[len(before)-1], after[0]
	return (plainByte(last) || strings.IndexByte(joined, last) >= 0) && (plainByte(next) || strings.IndexByte(joined, next) >= 0)
}
