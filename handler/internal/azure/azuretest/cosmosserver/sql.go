package cosmosserver

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// statement is a query of the part of SQL that this account knows: a
// selection of fields by comparisons, ordered by one field at most.
type statement struct {
	value  bool     // SELECT VALUE, of one field
	fields []string // nil: *
	where  condition
	order  string // "" for none
}

// condition reports whether an item is selected. What an item does not have,
// or has of another type, is selected by nothing.
type condition func(fields map[string]any) bool

var word = regexp.MustCompile(`^\s*(c\.[a-z]+|@[a-zA-Z0-9]+|[A-Za-z_]+|<=|>=|[<>=(),*])`)

// parser reads one word at a time; "" is the end.
type parser struct {
	rest string
	args map[string]any
}

func parseSQL(text string, args map[string]any) (st *statement, err error) {
	defer func() {
		if wrong, ok := recover().(syntaxError); ok {
			err = wrong
		}
	}()
	p := &parser{text, args}
	return p.statement(), nil
}

type syntaxError string

func (e syntaxError) Error() string { return string(e) }

func (p *parser) fail() {
	panic(syntaxError(fmt.Sprintf("this account does not know the query at %q", p.rest)))
}

func (p *parser) peek() string {
	m := word.FindStringSubmatch(p.rest)
	if m == nil {
		if strings.TrimSpace(p.rest) != "" {
			p.fail()
		}
		return ""
	}
	return m[1]
}

func (p *parser) next() string {
	w := p.peek()
	p.rest = p.rest[len(p.rest)-len(strings.TrimLeft(p.rest, " \n\t"))+len(w):]
	return w
}

func (p *parser) take(w string) bool {
	if p.peek() != w {
		return false
	}
	p.next()
	return true
}

func (p *parser) want(words ...string) {
	for _, w := range words {
		if !p.take(w) {
			p.fail()
		}
	}
}

func (p *parser) field() string {
	name, ok := strings.CutPrefix(p.peek(), "c.")
	if !ok {
		p.fail()
	}
	p.next()
	return name
}

func (p *parser) arg() any {
	v, ok := p.args[p.peek()]
	if !ok {
		p.fail()
	}
	p.next()
	return v
}

func (p *parser) statement() *statement {
	st := &statement{}
	p.want("SELECT")
	if !p.take("*") {
		st.value = p.take("VALUE")
		st.fields = []string{p.field()}
		for !st.value && p.take(",") {
			st.fields = append(st.fields, p.field())
		}
	}
	p.want("FROM", "c", "WHERE")
	st.where = p.any()
	if p.take("ORDER") {
		p.want("BY")
		st.order = p.field()
		p.want("ASC")
	}
	if p.peek() != "" {
		p.fail()
	}
	return st
}

func (p *parser) any() condition {
	all := []condition{p.all()}
	for p.take("OR") {
		all = append(all, p.all())
	}
	return func(fields map[string]any) bool {
		return slices.ContainsFunc(all, func(c condition) bool { return c(fields) })
	}
}

func (p *parser) all() condition {
	all := []condition{p.one()}
	for p.take("AND") {
		all = append(all, p.one())
	}
	return func(fields map[string]any) bool {
		return !slices.ContainsFunc(all, func(c condition) bool { return !c(fields) })
	}
}

func (p *parser) one() condition {
	if p.take("(") {
		inner := p.any()
		p.want(")")
		return inner
	}
	if p.take("ARRAY_CONTAINS") {
		p.want("(")
		field := p.field()
		p.want(",")
		arg := p.arg()
		p.want(")")
		return func(fields map[string]any) bool {
			list, _ := fields[field].([]any)
			return slices.Contains(list, arg)
		}
	}
	field, op := p.field(), p.next()
	if !slices.Contains([]string{"=", "<", "<=", ">", ">="}, op) {
		p.fail()
	}
	arg := p.arg()
	return func(fields map[string]any) bool {
		order, ok := compare(fields[field], arg)
		return ok && (order == 0 && strings.HasSuffix(op, "=") || order < 0 && op[0] == '<' || order > 0 && op[0] == '>')
	}
}

// compare orders two values of one type.
func compare(a, b any) (order int, ok bool) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	case float64:
		b, ok := b.(float64)
		switch {
		case a < b:
			return -1, ok
		case a > b:
			return 1, ok
		}
		return 0, ok
	}
	return 0, false
}
