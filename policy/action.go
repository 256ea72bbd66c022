package policy

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/authorization-fabric/fabric/policy/command"
	"github.com/authorization-fabric/fabric/policy/strictjson"
	"github.com/authorization-fabric/fabric/policy/weburl"
)

// action is a compiled action. Its params are in the order of RFC 8785, which
// is also the order of digests and of effectiveParameters.
type action struct {
	src        *Action
	pack       *pack
	params     []*param
	command    int // index of the command parameter, or -1
	floor      string
	attested   string
	hasDecimal bool
}

func (a *action) param(name string) *param {
	if i := a.paramIndex(name); i >= 0 {
		return a.params[i]
	}
	return nil
}

func (a *action) paramIndex(name string) int {
	lo, hi := 0, len(a.params)
	for lo < hi {
		mid := (lo + hi) / 2
		if c := strictjson.CompareNames(a.params[mid].name, name); c == 0 {
			return mid
		} else if c < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return -1
}

// paramType is the type of a parameter (2.1).
type paramType uint8

const (
	typeString paramType = iota
	typeInteger
	typeDecimal
	typeBoolean
	typeDatetime
	typeStrings
	typeURL
	typeCommand
	typeJSON
)

var paramTypes = []string{"string", "integer", "decimal", "boolean", "datetime", "strings", "url", "command", "json"}

func (t paramType) String() string { return paramTypes[t] }
func (t paramType) isNumber() bool { return t == typeInteger || t == typeDecimal }

// param is a compiled parameter declaration.
type param struct {
	name      string
	src       Parameter
	typ       paramType
	maxLength int // -1: none
	enum      []string
	pattern   *regexp.Regexp
	min, max  *strictjson.Decimal
	scale     int // -1: none
	schemes   []string
	pinned    bool
	pin       arg
}

func (c *compiler) compileActions() {
	seen := map[string]bool{}
	for i := range c.src.Actions {
		src := &c.src.Actions[i]
		pointer := at("/actions", i)
		c.unique(pointer, "action", src.ID, seen)
		a := &action{src: src, pack: c.pack, command: -1, floor: src.Classification}
		if a.floor != "" {
			c.declaredLabel(pointer+"/classification", a.floor)
		}
		if src.Attested != nil {
			a.attested = src.Attested.Region
			c.declared(pointer+"/attested/region", "region", a.attested, c.src.Regions)
		}
		c.compileParams(pointer, a)
		c.compilePins(pointer, a)
		c.pack.actions[src.ID] = a
	}
}

func (c *compiler) compileParams(pointer string, a *action) {
	for _, name := range slices.SortedFunc(maps.Keys(a.src.Parameters), strictjson.CompareNames) {
		at := pointer + "/parameters/" + escapePointer(name)
		if name == "" {
			c.report(at, "key.missing", "Give the parameter a name.", "a parameter has no name")
		}
		p := c.compileParam(at, name, a.src.Parameters[name])
		switch p.typ {
		case typeDecimal:
			a.hasDecimal = true
		case typeCommand:
			if a.command >= 0 {
				c.report(at, "command.second", "Split the action.", "an action has at most one parameter of type command")
			}
			a.command = len(a.params)
		default:
		}
		a.params = append(a.params, p)
	}
}

func (c *compiler) compileParam(pointer, name string, src Parameter) *param {
	p := &param{name: name, src: src, maxLength: -1, scale: -1, schemes: src.Schemes}
	p.typ = paramType(max(0, slices.Index(paramTypes, src.Type)))
	if src.MaxLength != nil {
		p.maxLength = *src.MaxLength
	}
	if src.Scale != nil {
		p.scale = *src.Scale
	}
	p.enum = c.expand(pointer+"/enum", src.Enum)
	if src.Pattern != "" {
		p.pattern = c.compilePattern(pointer+"/pattern", src.Pattern)
	}
	if p.typ == typeURL && len(p.schemes) == 0 {
		p.schemes = []string{"https"}
	}
	p.min, p.max = c.bound(pointer+"/min", src.Min), c.bound(pointer+"/max", src.Max)
	if p.min != nil && p.max != nil && p.min.Compare(*p.max) > 0 {
		c.report(pointer+"/max", "interval", "Let max be at least min.", "max is below min")
	}
	c.applicable(pointer, p)
	return p
}

// compilePattern compiles the expression by itself before it is anchored, so
// that no bracket in it can end the anchors.
func (c *compiler) compilePattern(pointer, pattern string) *regexp.Regexp {
	if _, err := regexp.Compile(pattern); err != nil {
		c.report(pointer, "regexp", "Use RE2 syntax.", "the pattern does not compile: %v", err)
		return nil
	}
	return regexp.MustCompile("^(?:" + pattern + ")$")
}

func (c *compiler) bound(pointer string, text *string) *strictjson.Decimal {
	if text == nil {
		return nil
	}
	d, ok := c.decimal(pointer, *text)
	if !ok {
		return nil
	}
	return &d
}

// decimal is [decoder.plainDecimal] for the rule at hand.
func (c *compiler) decimal(pointer, text string) (strictjson.Decimal, bool) {
	d, ok := c.plainDecimal(pointer, text)
	if !ok {
		c.findings[len(c.findings)-1].Rule = c.rule
	}
	return d, ok
}

// applicable reports keys that mean nothing for the type: a bound that is not
// checked is worse than none.
func (c *compiler) applicable(pointer string, p *param) {
	text := p.typ == typeString || p.typ == typeStrings
	for _, k := range []struct {
		key   string
		given bool
		ok    bool
	}{
		{"maxLength", p.maxLength >= 0, text || p.typ == typeURL || p.typ == typeCommand},
		{"enum", p.src.Enum != nil, text},
		{"pattern", p.src.Pattern != "", text},
		{"min", p.src.Min != nil, p.typ.isNumber()},
		{"max", p.src.Max != nil, p.typ.isNumber()},
		{"scale", p.scale >= 0, p.typ == typeDecimal},
		{"schemes", p.src.Schemes != nil, p.typ == typeURL},
	} {
		if k.given && !k.ok {
			c.report(pointer+"/"+k.key, "parameter.key", "Remove it, or change the type.", "%q means nothing for a parameter of type %s", k.key, p.typ)
		}
	}
}

func (c *compiler) compilePins(pointer string, a *action) {
	for _, name := range slices.Sorted(maps.Keys(a.src.Pin)) {
		at := pointer + "/pin/" + escapePointer(name)
		p := a.param(name)
		if p == nil {
			c.report(at, "undeclared.parameter", "Declare it under \"parameters\".", "the action has no parameter %q", name)
			continue
		}
		p.pinned = true
		if problem := p.read(a.src.Pin[name], &p.pin); problem != "" || !p.pin.set {
			c.report(at, "pin", "Pin a value that the declaration admits.", "the pinned value is not what %q may be: %s", name, problem)
		}
	}
}

// arg is a parameter's value, typed. The zero arg is an absent parameter.
type arg struct {
	set     bool
	value   strictjson.Value // canonical, in the kind that was sent (2.5)
	dec     strictjson.Decimal
	text    string // datetime: the canonical UTC form; url: the canonical form
	instant time.Time
	line    *command.Line
	url     *weburl.URL
}

// read types v into a. It returns what is wrong with the value, never the
// value itself, or "".
func (p *param) read(v strictjson.Value, a *arg) string {
	*a = arg{}
	if v.Missing() {
		return ""
	}
	a.set, a.value = true, v
	switch p.typ {
	case typeString:
		return p.readString(v)
	case typeInteger, typeDecimal:
		return p.readNumber(v, a)
	case typeBoolean:
		return wantKind(v, strictjson.Bool)
	case typeDatetime:
		return p.readDatetime(v, a)
	case typeStrings:
		return p.readStrings(v)
	case typeURL:
		return p.readURL(v, a)
	case typeCommand:
		return p.readCommand(v, a)
	default: // typeJSON: anything in the strict profile
		return ""
	}
}

func wantKind(v strictjson.Value, kind strictjson.Kind) string {
	if v.Kind() == kind {
		return ""
	}
	return "it is " + article(v.Kind().String()) + ", not " + article(kind.String())
}

func (p *param) readString(v strictjson.Value) string {
	if problem := wantKind(v, strictjson.String); problem != "" {
		return problem
	}
	return p.checkText(v.Text())
}

func (p *param) readStrings(v strictjson.Value) string {
	if problem := wantKind(v, strictjson.Array); problem != "" {
		return problem
	}
	for i, item := range v.Items() {
		if problem := p.readString(item); problem != "" {
			return "item " + strconv.Itoa(i) + ": " + problem
		}
	}
	return ""
}

func (p *param) checkText(s string) string {
	if problem := p.checkLength(s); problem != "" {
		return problem
	}
	if p.enum != nil && !slices.Contains(p.enum, s) {
		return "it is none of its choices"
	}
	if p.pattern != nil && !p.pattern.MatchString(s) {
		return "it does not match its pattern"
	}
	return ""
}

func (p *param) checkLength(s string) string {
	if p.maxLength < 0 || len(s) <= p.maxLength {
		return ""
	}
	if n := utf8.RuneCountInString(s); n > p.maxLength {
		return strconv.Itoa(n) + " characters, at most " + strconv.Itoa(p.maxLength)
	}
	return ""
}

func (p *param) readURL(v strictjson.Value, a *arg) string {
	if problem := p.readBounded(v); problem != "" {
		return problem
	}
	u, err := weburl.Parse(v.Text(), p.schemes)
	if err != nil {
		return err.Error()
	}
	a.url, a.text = &u, u.String()
	a.value = strictjson.StringOf(a.text)
	return ""
}

func (p *param) readCommand(v strictjson.Value, a *arg) string {
	if problem := p.readBounded(v); problem != "" {
		return problem
	}
	line, err := command.Parse(v.Text())
	if err != nil {
		return err.Error()
	}
	a.line = &line
	return ""
}

func (p *param) readBounded(v strictjson.Value) string {
	if problem := wantKind(v, strictjson.String); problem != "" {
		return problem
	}
	return p.checkLength(v.Text())
}
