package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits bound what [Parse] accepts. The zero Limits are those of the HTTP
// contract: depth 32, 2,000 names, request numbers.
type Limits struct {
	Depth int // containers inside one another; 0 means 32
	Names int // object names in the whole text; 0 means 2,000
}

// MaxDepth and MaxNames are the defaults of [Limits].
const (
	MaxDepth = 32
	MaxNames = 2000
)

// Error is a text that is not in the profile. Pointer is the RFC 6901 pointer
// of the place and Detail what is wrong there; it never holds the value.
type Error struct {
	Pointer string
	Detail  string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Pointer == "" {
		return e.Detail
	}
	return e.Pointer + ": " + e.Detail
}

// Parse reads exactly one JSON value from text. The error is an [*Error].
func Parse(text []byte, limits Limits) (Value, error) {
	if limits.Depth == 0 {
		limits.Depth = MaxDepth
	}
	if limits.Names == 0 {
		limits.Names = MaxNames
	}
	if bytes.HasPrefix(text, []byte("\xEF\xBB\xBF")) {
		return Value{}, &Error{Detail: "starts with a byte-order mark: send UTF-8 without one"}
	}
	p := parsers.Get().(*parser)
	defer p.release()
	p.whole, p.limits = string(text), limits
	p.dec.Reset(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true)) // object refuses them, for less
	v, err := p.value()
	if err != nil {
		return Value{}, p.explain(err)
	}
	if _, err := p.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return Value{}, &Error{Detail: "something follows the JSON value"}
	}
	return v, nil
}

// parser reads one text. Its values share the copy of the text in whole; the
// stacks are scratch, kept from one text to the next.
type parser struct {
	dec     *jsontext.Decoder
	whole   string
	limits  Limits
	names   int
	before  int64    // end of the token before the last
	members []Member // of the objects that are open
	items   []Value  // of the arrays that are open
}

var parsers = sync.Pool{New: func() any { return &parser{dec: new(jsontext.Decoder)} }}

// maxScratch is the longest stack that is kept.
const maxScratch = 256

func (p *parser) release() {
	clear(p.members[:cap(p.members)])
	clear(p.items[:cap(p.items)])
	p.whole, p.names, p.before, p.members, p.items = "", 0, 0, p.members[:0], p.items[:0]
	if cap(p.members) > maxScratch {
		p.members = nil
	}
	if cap(p.items) > maxScratch {
		p.items = nil
	}
	p.dec.Reset(nothing{})
	parsers.Put(p)
}

// nothing is an empty text.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }

func (p *parser) next() (jsontext.Token, error) {
	p.before = p.dec.InputOffset()
	return p.dec.ReadToken()
}

// text is the string or number that tok is. Without escapes it is a piece of
// the text, which the tokenizer has found to be valid UTF-8.
func (p *parser) text(tok jsontext.Token) string {
	start, end := p.before, p.dec.InputOffset()
	for strings.IndexByte(" \t\r\n,:", p.whole[start]) >= 0 {
		start++
	}
	raw := p.whole[start:end]
	if raw[0] != '"' {
		return raw
	}
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	return tok.String()
}

func (p *parser) value() (Value, error) {
	tok, err := p.next()
	if err != nil {
		return Value{}, err
	}
	return p.valueOf(tok)
}

func (p *parser) valueOf(tok jsontext.Token) (Value, error) {
	switch tok.Kind() {
	case 'n':
		return Value{kind: Null}, nil
	case 't', 'f':
		return BoolOf(tok.Bool()), nil
	case '"':
		return Value{kind: String, text: p.text(tok)}, nil
	case '0':
		return p.number(p.text(tok))
	case '[':
		return p.array()
	default:
		return p.object()
	}
}

func (p *parser) number(literal string) (Value, error) {
	if err := checkNumber(literal); err != "" {
		return Value{}, p.here(err)
	}
	return Value{kind: Number, text: literal}, nil
}

func (p *parser) array() (Value, error) {
	if p.dec.StackDepth() > p.limits.Depth {
		return Value{}, p.here(fmt.Sprintf("nested deeper than %d", p.limits.Depth))
	}
	start := len(p.items)
	for {
		tok, err := p.next()
		if err != nil {
			return Value{}, err
		}
		if tok.Kind() == ']' {
			break
		}
		item, err := p.valueOf(tok)
		if err != nil {
			return Value{}, err
		}
		p.items = append(p.items, item)
	}
	v := Value{kind: Array}
	if len(p.items) > start {
		v.items = slices.Clone(p.items[start:])
		p.items = p.items[:start]
	}
	return v, nil
}

func (p *parser) object() (Value, error) {
	if p.dec.StackDepth() > p.limits.Depth {
		return Value{}, p.here(fmt.Sprintf("nested deeper than %d", p.limits.Depth))
	}
	start := len(p.members)
	var seen map[string]bool // nil while there are few
	for {
		tok, err := p.next()
		if err != nil {
			return Value{}, err
		}
		if tok.Kind() == '}' {
			break
		}
		if p.names++; p.names > p.limits.Names {
			return Value{}, &Error{Detail: fmt.Sprintf("more than %d names in all", p.limits.Names)}
		}
		name := p.text(tok)
		if p.standsTwice(name, start, &seen) {
			return Value{}, p.here("the name stands twice in one object")
		}
		member, err := p.value()
		if err != nil {
			return Value{}, err
		}
		p.members = append(p.members, Member{name, member})
	}
	v := Value{kind: Object, members: []Member{}}
	if len(p.members) > start {
		v.members = slices.Clone(p.members[start:])
		p.members = p.members[:start]
	}
	return v, nil
}

// fewNames are compared one by one; more are looked up.
const fewNames = 16

// standsTwice reports whether name is one of the members since start, and
// notes it for the next.
func (p *parser) standsTwice(name string, start int, seen *map[string]bool) bool {
	open := p.members[start:]
	if len(open) < fewNames {
		return slices.ContainsFunc(open, func(m Member) bool { return m.Name == name })
	}
	if *seen == nil {
		*seen = make(map[string]bool, 4*fewNames)
		for _, m := range open {
			(*seen)[m.Name] = true
		}
	}
	twice := (*seen)[name]
	(*seen)[name] = true
	return twice
}

func (p *parser) here(detail string) error {
	return &Error{Pointer: string(p.dec.StackPointer()), Detail: detail}
}

// explain turns an error of the tokenizer into one that names the place.
func (p *parser) explain(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return &Error{Pointer: string(syntax.JSONPointer), Detail: detailOf(syntax)}
	}
	return &Error{Detail: "ends before the JSON value does"}
}

func detailOf(err *jsontext.SyntacticError) string {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "the name stands twice in one object"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "ends before the JSON value does"
	case strings.Contains(err.Err.Error(), "UTF-8"):
		return "not valid UTF-8"
	default:
		return fmt.Sprintf("not JSON at byte %d", err.ByteOffset)
	}
}
