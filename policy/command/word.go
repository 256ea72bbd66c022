package command

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// word is one word of a command after quote removal.
type word struct {
	text   string
	marked string // text with wild and single where the shell may put names of files; "" without any
	offset int    // in the text that is being read
}

func texts(words []word) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w.text
	}
	return out
}

// reader removes the quotes of one word and notes what would be expanded.
type reader struct {
	found *construct      // the first expansion, nil for a literal
	text  strings.Builder // after quote removal
	shape strings.Builder // text, with quoted bytes as 'x', so that what is left is unquoted
}

// literal reads a word. What the shell would expand, names of files aside,
// makes the line opaque.
func (a *analysis) literal(w *syntax.Word) word {
	offset := int(w.Pos().Offset())
	if lit, ok := soleLiteral(w); ok {
		return word{text: lit, offset: offset}
	}
	var r reader
	r.parts(w.Parts)
	out := word{text: r.text.String(), offset: offset}
	shape := r.shape.String()
	switch {
	case r.found != nil:
		a.opaque(*r.found, offset)
	case expandsBraces(shape):
		a.opaque(braces, offset)
	case expandsTilde(shape):
		a.opaque(tilde, offset)
	}
	out.marked = mark(out.text, shape)
	return out
}

// soleLiteral is the usual word: one part, nothing in it that is special.
func soleLiteral(w *syntax.Word) (string, bool) {
	if len(w.Parts) != 1 {
		return "", false
	}
	switch p := w.Parts[0].(type) {
	case *syntax.Lit:
		return p.Value, !strings.ContainsAny(p.Value, "\\*?[{~")
	case *syntax.SglQuoted:
		return p.Value, !p.Dollar
	}
	return "", false
}

func (r *reader) parts(parts []syntax.WordPart) {
	for _, part := range parts {
		r.part(part)
	}
}

func (r *reader) part(part syntax.WordPart) {
	switch p := part.(type) {
	case *syntax.Lit:
		r.unquoted(p.Value)
	case *syntax.SglQuoted:
		if p.Dollar {
			r.expands(ansiQuote)
		}
		r.quoted(p.Value)
	case *syntax.DblQuoted:
		r.double(p)
	case *syntax.ParamExp:
		r.expands(variable)
	case *syntax.CmdSubst:
		r.expands(substitution)
	case *syntax.ArithmExp:
		r.expands(arithmetic)
	case *syntax.ProcSubst:
		r.expands(process)
	case *syntax.ExtGlob:
		r.expands(extendedGlob)
	default:
		r.expands(unknownSyntax)
	}
}

func (r *reader) expands(c construct) {
	if r.found == nil {
		r.found = &c
	}
}

func (r *reader) quoted(s string) {
	r.text.WriteString(s)
	for range len(s) {
		r.shape.WriteByte('x')
	}
}

// unquoted takes a literal outside quotes, where a backslash quotes the byte
// behind it.
func (r *reader) unquoted(s string) {
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			r.quoted(s[i : i+1])
			continue
		}
		r.text.WriteByte(s[i])
		r.shape.WriteByte(s[i])
	}
}

func (r *reader) double(q *syntax.DblQuoted) {
	if q.Dollar {
		r.expands(ansiQuote)
	}
	for _, part := range q.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok {
			r.part(part)
			continue
		}
		r.quoted(unescapeDouble(lit.Value))
	}
	if len(q.Parts) == 0 {
		r.quoted("")
	}
}

// unescapeDouble removes the backslashes that double quotes remove.
func unescapeDouble(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\\n", s[i+1]) >= 0 {
			i++
			if s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// mark puts wild and single for the globs of a word, or returns "".
func mark(text, shape string) string {
	if !strings.ContainsAny(shape, "*?[") {
		return ""
	}
	b := []byte(text)
	globs := false
	for i := 0; i < len(shape); i++ {
		switch end := strings.IndexByte(shape[i:], ']'); {
		case shape[i] == '*':
			b[i], globs = wild, true
		case shape[i] == '?':
			b[i], globs = single, true
		case shape[i] == '[' && end > 0:
			// Any one character: what else a class may hold is not worth
			// knowing. Its bytes are dropped below.
			b[i], globs = single, true
			for j := i + 1; j <= i+end; j++ {
				b[j] = dropped
			}
			i += end
		}
	}
	if !globs {
		return ""
	}
	return strings.ReplaceAll(string(b), string(dropped), "")
}

const dropped = '\x03'

// expandsBraces reports whether unquoted braces hold a list or a range.
func expandsBraces(shape string) bool {
	for i := 0; i < len(shape); i++ {
		if shape[i] == '{' && listInBraces(shape[i+1:]) {
			return true
		}
	}
	return false
}

// listInBraces looks for a comma or two dots in front of the closing brace.
// Unbalanced braces count as closed by the last one.
func listInBraces(s string) bool {
	depth, list := 1, false
	for i := range len(s) {
		switch {
		case s[i] == '{':
			depth++
		case s[i] == '}':
			depth--
		case s[i] == ',', s[i] == '.' && i+1 < len(s) && s[i+1] == '.':
			list = true
		}
		if depth == 0 {
			return list
		}
	}
	return list && strings.Contains(s, "}")
}

// expandsTilde reports whether a tilde stands where bash replaces it: at the
// start, and in what looks like an assignment behind its sign or a colon.
func expandsTilde(shape string) bool {
	if strings.HasPrefix(shape, "~") {
		return true
	}
	name, value, ok := strings.Cut(shape, "=")
	if !ok || !syntax.ValidName(strings.TrimSuffix(name, "+")) {
		return false
	}
	return tildeInValue(value)
}

func tildeInValue(shape string) bool {
	return strings.HasPrefix(shape, "~") || strings.Contains(shape, ":~")
}
