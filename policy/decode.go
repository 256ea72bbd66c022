package policy

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// decoder turns a JSON tree into the Go types of pack.go and reports what does
// not fit, each with its pointer. It goes on after a finding, so that an
// author sees all of them at once.
type decoder struct {
	file     string
	findings []Finding
	blind    bool // says that something is wrong, not where: pointers cost a third of the time
}

// somewhere is the pointer of every place below the top while d is blind.
const somewhere = "/"

// below is the pointer of a member of the object at pointer.
func (d *decoder) below(pointer, name string) string {
	if d.blind {
		return somewhere
	}
	return pointer + "/" + escapePointer(name)
}

// item is the pointer of an element of the list at pointer.
func (d *decoder) item(pointer string, i int) string {
	if d.blind {
		return somewhere
	}
	return at(pointer, i)
}

func (d *decoder) report(pointer, check, fix, format string, args ...any) {
	d.findings = append(d.findings, Finding{
		Check: check, File: d.file, Pointer: pointer, Fix: fix, Message: fmt.Sprintf(format, args...),
	})
}

// selfDecoder is a type with a JSON form of its own.
type selfDecoder interface {
	decode(d *decoder, pointer string, v strictjson.Value)
}

var (
	valueType = reflect.TypeFor[strictjson.Value]()
	selfType  = reflect.TypeFor[selfDecoder]()
)

// decode fills target, which must be settable, from v.
func (d *decoder) decode(pointer string, v strictjson.Value, target reflect.Value) {
	if target.Type() == valueType {
		target.Set(reflect.ValueOf(v))
		return
	}
	if target.CanAddr() && reflect.PointerTo(target.Type()).Implements(selfType) {
		target.Addr().Interface().(selfDecoder).decode(d, pointer, v)
		return
	}
	switch target.Kind() {
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		d.decode(pointer, v, target.Elem())
	case reflect.Struct:
		d.object(pointer, v, target)
	case reflect.Map:
		d.mapping(pointer, v, target)
	case reflect.Slice:
		d.list(pointer, v, target)
	default:
		d.scalar(pointer, v, target)
	}
}

func (d *decoder) want(pointer string, v strictjson.Value, kind strictjson.Kind) bool {
	if v.Kind() == kind {
		return true
	}
	d.report(pointer, "type", "Write "+article(kind.String())+" here.", "is %s, not %s", article(v.Kind().String()), article(kind.String()))
	return false
}

func article(noun string) string {
	switch noun[0] {
	case 'a', 'o':
		return "an " + noun
	case 'n':
		if noun == "null" {
			return noun
		}
	}
	return "a " + noun
}

func (d *decoder) object(pointer string, v strictjson.Value, target reflect.Value) {
	if !d.want(pointer, v, strictjson.Object) {
		return
	}
	fields := fieldsOf(target.Type())
	var seen uint64
	for _, m := range v.Members() {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == m.Name })
		if i < 0 {
			if m.Name == "$schema" && pointer == "" {
				d.want("/$schema", m.Value, strictjson.String)
			} else {
				d.unknownKey(pointer, m.Name, fields)
			}
			continue
		}
		seen |= 1 << i
		at := d.below(pointer, m.Name)
		f := target.FieldByIndex(fields[i].index)
		before := len(d.findings)
		d.decode(at, m.Value, f)
		if len(d.findings) == before {
			d.constrain(at, fields[i], f)
		}
	}
	for i, f := range fields {
		if f.required && seen&(1<<i) == 0 {
			d.report(pointer, "key.missing", fmt.Sprintf("Add %q: %s", f.name, f.doc), "the required key %q is missing", f.name)
		}
	}
}

func (d *decoder) unknownKey(pointer, name string, fields []field) {
	fix := "Remove it."
	if near := nearest(name, fields); near != "" {
		fix = fmt.Sprintf("Did you mean %q?", near)
	}
	d.report(pointer+"/"+escapePointer(name), "key.unknown", fix, "the key %q is not known here", name)
}

func nearest(name string, fields []field) string {
	for _, f := range fields {
		if strings.EqualFold(f.name, name) || strings.HasPrefix(f.name, name) || strings.HasPrefix(name, f.name) {
			return f.name
		}
	}
	return ""
}

func (d *decoder) mapping(pointer string, v strictjson.Value, target reflect.Value) {
	if !d.want(pointer, v, strictjson.Object) {
		return
	}
	target.Set(reflect.MakeMapWithSize(target.Type(), len(v.Members())))
	for _, m := range v.Members() {
		elem := reflect.New(target.Type().Elem()).Elem()
		d.decode(d.below(pointer, m.Name), m.Value, elem)
		target.SetMapIndex(reflect.ValueOf(m.Name), elem)
	}
}

func (d *decoder) list(pointer string, v strictjson.Value, target reflect.Value) {
	if !d.want(pointer, v, strictjson.Array) {
		return
	}
	target.Set(reflect.MakeSlice(target.Type(), len(v.Items()), len(v.Items())))
	for i, item := range v.Items() {
		d.decode(d.item(pointer, i), item, target.Index(i))
	}
}

func (d *decoder) scalar(pointer string, v strictjson.Value, target reflect.Value) {
	switch target.Kind() {
	case reflect.String:
		if d.want(pointer, v, strictjson.String) {
			target.SetString(v.Text())
		}
	case reflect.Bool:
		if d.want(pointer, v, strictjson.Bool) {
			target.SetBool(v.Bool())
		}
	case reflect.Int:
		if !d.want(pointer, v, strictjson.Number) {
			return
		}
		whole, ok := strictjson.ParseDecimal(v.Text())
		n, err := strconv.Atoi(whole.String()) // 1.0 is 1, as in JSON Schema
		if !ok || err != nil {
			d.report(pointer, "type", "Write a whole number.", "is no whole number")
			return
		}
		target.SetInt(int64(n))
	default:
		panic("policy: a field of kind " + target.Kind().String() + " has no JSON form")
	}
}

// constrain checks what the tags of a field demand of a value that is there.
func (d *decoder) constrain(pointer string, f field, v reflect.Value) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		d.constrainString(pointer, f, v.String())
	case reflect.Int:
		if n := int(v.Int()); n < f.min || n > f.max {
			d.report(pointer, "range", fmt.Sprintf("Use %s.", f.bounds()), "%d is out of range", n)
		}
	case reflect.Slice:
		if f.enum != nil {
			for i := range v.Len() {
				d.constrainString(d.item(pointer, i), f, v.Index(i).String())
			}
		}
	default:
	}
}

func (d *decoder) constrainString(pointer string, f field, s string) {
	if f.enum != nil && !slices.Contains(f.enum, s) {
		d.report(pointer, "choice", "Use one of "+strings.Join(f.enum, ", ")+".", "%q is none of the choices", s)
	}
	if f.pattern != nil && !f.pattern.MatchString(s) {
		d.report(pointer, "pattern", "It must match "+f.pattern.String()+".", "%q is not in the form it must have", s)
	}
	if f.maxLen > 0 && utf8.RuneCountInString(s) > f.maxLen {
		d.report(pointer, "length", fmt.Sprintf("Keep it within %d characters.", f.maxLen), "is longer than %d characters", f.maxLen)
	}
	if f.required && s == "" {
		d.report(pointer, "key.missing", fmt.Sprintf("Fill in %q: %s", f.name, f.doc), "%q is empty", f.name)
	}
}

// field is what the tags of a struct field say.
type field struct {
	name, doc, example string
	form, keys         string // for the schema: what a text, and what the names of a map, look like
	index              []int
	required, bind     bool
	enum               []string
	pattern            *regexp.Regexp
	min, max, maxLen   int
	typ                reflect.Type
}

func (f field) bounds() string {
	if f.max == maxInt {
		return fmt.Sprintf("at least %d", f.min)
	}
	return fmt.Sprintf("%d to %d", f.min, f.max)
}

const maxInt = int(^uint(0) >> 1)

var fieldCache sync.Map // reflect.Type -> []field, filled on first use

func fieldsOf(t reflect.Type) []field {
	if cached, ok := fieldCache.Load(t); ok {
		return cached.([]field)
	}
	var fields []field
	for _, sf := range reflect.VisibleFields(t) {
		if name, ok := sf.Tag.Lookup("json"); ok {
			fields = append(fields, fieldOf(name, sf))
		}
	}
	fieldCache.Store(t, fields)
	return fields
}

func fieldOf(name string, sf reflect.StructField) field {
	f := field{
		name: name, doc: sf.Tag.Get("doc"), example: sf.Tag.Get("example"), index: sf.Index, typ: sf.Type,
		form: sf.Tag.Get("form"), keys: sf.Tag.Get("keys"),
		required: sf.Tag.Get("required") != "", bind: sf.Tag.Get("bind") != "",
		min: tagInt(sf, "min", -maxInt), max: tagInt(sf, "max", maxInt), maxLen: tagInt(sf, "maxlen", 0),
	}
	if enum := sf.Tag.Get("enum"); enum != "" {
		f.enum = strings.Split(enum, ",")
	}
	if pattern := sf.Tag.Get("pattern"); pattern != "" {
		f.pattern = regexp.MustCompile(pattern)
	}
	return f
}

func tagInt(sf reflect.StructField, key string, otherwise int) int {
	n, err := strconv.Atoi(sf.Tag.Get(key))
	if err != nil {
		return otherwise
	}
	return n
}

func escapePointer(name string) string {
	if !strings.ContainsAny(name, "~/") {
		return name
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func (i *Instant) decode(d *decoder, pointer string, v strictjson.Value) {
	if !d.want(pointer, v, strictjson.String) {
		return
	}
	t, ok := parseInstant(v.Text())
	if !ok || !strings.HasSuffix(v.Text(), "Z") {
		d.report(pointer, "instant", "Write it like 2026-01-01T00:00:00Z.", "is no RFC 3339 instant in UTC")
		return
	}
	i.Time = t
}

func (l *LimitMax) decode(d *decoder, pointer string, v strictjson.Value) {
	if v.Kind() == strictjson.String {
		l.One = v.Text()
		d.plainDecimal(pointer, l.One)
		return
	}
	if v.Kind() != strictjson.Object {
		d.report(pointer, "type", "Write an amount as a string, or one for each value of by.", "is %s", article(v.Kind().String()))
		return
	}
	d.decode(pointer, v, reflect.ValueOf(&l.Each).Elem())
	for value, amount := range l.Each {
		d.plainDecimal(d.below(pointer, value), amount)
	}
}

// plainDecimal reports a number that is not in plain notation or has more than
// 18 integer or 6 fraction digits (policy-pack 2.2).
func (d *decoder) plainDecimal(pointer, text string) (strictjson.Decimal, bool) {
	dec, _, ok := strictjson.ParsePlain(text)
	if !ok || dec.IntegerDigits() > maxIntegerDigits || dec.FractionDigits() > maxFractionDigits {
		d.report(pointer, "decimal", "Write a plain number as a string, such as \"50000\" or \"0.01\".",
			"%q is no plain number of at most %d integer and %d fraction digits", text, maxIntegerDigits, maxFractionDigits)
		return strictjson.Decimal{}, false
	}
	return dec, true
}

const (
	maxIntegerDigits  = 18
	maxFractionDigits = 6
)

var durationForm = regexp.MustCompile(`^P(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?$`)

func (u *Duration) decode(d *decoder, pointer string, v strictjson.Value) {
	if !d.want(pointer, v, strictjson.String) {
		return
	}
	parts := durationForm.FindStringSubmatch(v.Text())
	if parts == nil || strings.HasSuffix(v.Text(), "T") || v.Text() == "P" {
		d.report(pointer, "duration", "Write it like PT8H, PT30M or P2D.", "%q is no duration of days, hours, minutes or seconds", v.Text())
		return
	}
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi("0" + parts[i+1])
		u.Duration += time.Duration(n) * unit
	}
	if u.Duration <= 0 {
		d.report(pointer, "duration", "Write it like PT8H, PT30M or P2D.", "is no time at all")
	}
}
