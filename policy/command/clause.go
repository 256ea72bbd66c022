package command

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// testWords are the words of [[ … ]], operators among them. Bash evaluates
// the operands of its arithmetic operators, and the subscript behind -v:
// whatever is there but a number or a name could run a command.
func (a *analysis) testWords(c *syntax.TestClause) []word {
	offset := int(c.Left.Offset())
	words := []word{{text: "[[", offset: offset}}
	words = a.testExpr(words, c.X)
	return append(words, word{text: "]]", offset: int(c.Right.Offset())})
}

func (a *analysis) testExpr(words []word, x syntax.TestExpr) []word {
	token := func(s string) word { return word{text: s, offset: int(x.Pos().Offset())} }
	switch x := x.(type) {
	case *syntax.Word:
		return append(words, a.operand(x))
	case *syntax.UnaryTest:
		words = a.testExpr(append(words, token(x.Op.String())), x.X)
		if x.Op == syntax.TsVarSet || x.Op == syntax.TsRefVar {
			a.plainName(words[len(words)-1])
		}
		return words
	case *syntax.BinaryTest:
		words = a.testExpr(words, x.X)
		left := words[len(words)-1]
		words = a.testExpr(append(words, token(x.Op.String())), x.Y)
		if comparesNumbers(x.Op) {
			a.number(left)
			a.number(words[len(words)-1])
		}
		return words
	case *syntax.ParenTest:
		words = a.testExpr(append(words, token("(")), x.X)
		return append(words, token(")"))
	}
	a.opaque(unknownSyntax, int(x.Pos().Offset()))
	return words
}

// operand is a word of [[ … ]], where braces and names of files are not
// expanded and extended globs are only patterns.
func (a *analysis) operand(w *syntax.Word) word {
	var r reader
	for _, part := range w.Parts {
		if g, ok := part.(*syntax.ExtGlob); ok {
			r.quoted(g.Op.String() + g.Pattern.Value + ")")
			continue
		}
		r.part(part)
	}
	offset := int(w.Pos().Offset())
	if r.found != nil {
		a.opaque(*r.found, offset)
	} else if expandsTilde(r.shape.String()) {
		a.opaque(tilde, offset)
	}
	return word{text: r.text.String(), offset: offset}
}

func comparesNumbers(op syntax.BinTestOperator) bool {
	return slices.Contains([]syntax.BinTestOperator{
		syntax.TsEql, syntax.TsNeq, syntax.TsLeq, syntax.TsGeq, syntax.TsLss, syntax.TsGtr,
	}, op)
}

func (a *analysis) number(w word) {
	if w.text == "" || !isDigits(strings.TrimPrefix(w.text, "-")) {
		a.opaque(arithmetic, w.offset)
	}
}

func (a *analysis) plainName(w word) {
	if !syntax.ValidName(w.text) {
		a.opaque(subscript, w.offset)
	}
}

// arithmeticWords are "((", the expression and "))".
func (a *analysis) arithmeticWords(c *syntax.ArithmCmd) []word {
	offset := int(c.Left.Offset())
	if !a.isConstant(c.X) {
		a.opaque(arithmetic, offset)
	}
	return []word{
		{text: "((", offset: offset},
		{text: a.expression(c.X), offset: offset},
		{text: "))", offset: int(c.Right.Offset())},
	}
}

func (a *analysis) letWords(c *syntax.LetClause) []word {
	words := []word{{text: "let", offset: int(c.Let.Offset())}}
	for _, x := range c.Exprs {
		if w, ok := x.(*syntax.Word); ok {
			words = append(words, a.literal(w))
			continue
		}
		words = append(words, word{text: a.expression(x), offset: int(x.Pos().Offset())})
	}
	return words
}

func (a *analysis) declarationWords(c *syntax.DeclClause) []word {
	words := []word{{text: c.Variant.Value, offset: int(c.Pos().Offset())}}
	for _, as := range c.Args {
		words = append(words, a.assignment(as))
	}
	return words
}

// isConstant reports whether an expression reads no variable: numbers, and at
// most a plain name that one of them is assigned to.
func (a *analysis) isConstant(x syntax.ArithmExpr) bool {
	if b, ok := x.(*syntax.BinaryArithm); ok && b.Op == syntax.Assgn {
		w, ok := b.X.(*syntax.Word)
		if !ok || !syntax.ValidName(w.Lit()) {
			return false
		}
		a.bar("an assignment", int(b.Pos().Offset()))
		return a.isNumber(b.Y)
	}
	return a.isNumber(x)
}

// isNumber reports whether an expression holds nothing but numbers and
// operators. A name would do: its value is an expression again.
func (a *analysis) isNumber(x syntax.ArithmExpr) bool {
	switch x := x.(type) {
	case *syntax.Word:
		lit := x.Lit()
		return lit != "" && isDigits(lit)
	case *syntax.UnaryArithm:
		return x.Op != syntax.Inc && x.Op != syntax.Dec && a.isNumber(x.X)
	case *syntax.BinaryArithm:
		return a.isNumber(x.X) && a.isNumber(x.Y)
	case *syntax.ParenArithm:
		return a.isNumber(x.X)
	}
	return false
}

// expression writes an expression without blanks; what is not literal in it
// has made the line opaque.
func (a *analysis) expression(x syntax.ArithmExpr) string {
	switch x := x.(type) {
	case *syntax.Word:
		return a.operand(x).text
	case *syntax.UnaryArithm:
		if x.Post {
			return a.expression(x.X) + x.Op.String()
		}
		return x.Op.String() + a.expression(x.X)
	case *syntax.BinaryArithm:
		return a.expression(x.X) + x.Op.String() + a.expression(x.Y)
	case *syntax.ParenArithm:
		return "(" + a.expression(x.X) + ")"
	}
	return ""
}
