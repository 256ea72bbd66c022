package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

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
	p := parser{dec: jsontext.NewDecoder(bytes.NewBuffer(text)), limits: limits}
	v, err := p.value()
	if err != nil {
		return Value{}, p.explain(err)
	}
	if _, err := p.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return Value{}, &Error{Detail: "something follows the JSON value"}
	}
	return v, nil
}

type parser struct {
	dec    *jsontext.Decoder
	limits Limits
	names  int
}

func (p *parser) value() (Value, error) {
	tok, err := p.dec.ReadToken()
	if err != nil {
		return Value{}, err
	}
	switch tok.Kind() {
	case 'n':
		return Value{kind: Null}, nil
	case 't', 'f':
		return BoolOf(tok.Bool()), nil
	case '"':
		return Value{kind: String, text: tok.String()}, nil
	case '0':
		return p.number(tok.String())
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
	v := Value{kind: Array}
	for p.dec.PeekKind() != ']' {
		item, err := p.value()
		if err != nil {
			return Value{}, err
		}
		v.items = append(v.items, item)
	}
	_, err := p.dec.ReadToken()
	return v, err
}

func (p *parser) object() (Value, error) {
	if p.dec.StackDepth() > p.limits.Depth {
		return Value{}, p.here(fmt.Sprintf("nested deeper than %d", p.limits.Depth))
	}
	v := Value{kind: Object, members: make([]Member, 0, 8)}
	for p.dec.PeekKind() != '}' {
		name, err := p.dec.ReadToken()
		if err != nil {
			return Value{}, err
		}
		if p.names++; p.names > p.limits.Names {
			return Value{}, &Error{Detail: fmt.Sprintf("more than %d names in all", p.limits.Names)}
		}
		text := name.String()
		member, err := p.value()
		if err != nil {
			return Value{}, err
		}
		v.members = append(v.members, Member{text, member})
	}
	_, err := p.dec.ReadToken()
	return v, err
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
