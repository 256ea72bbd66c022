package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Schema is the JSON Schema 2020-12 of a kind of file: "pack" (a pack, or its
// published form), "bindings" or "test". It refuses every file that [Load]
// refuses for its shape. What a file means as a whole (undeclared names,
// conditions, intervals) only Load and [Lint] can tell.
func Schema(name string) ([]byte, error) {
	var root reflect.Type
	var title string
	switch name {
	case "pack":
		root, title = reflect.TypeFor[Pack](), "Policy pack"
	case "bindings":
		root, title = reflect.TypeFor[Bindings](), "Bindings of a policy pack"
	case "test":
		root, title = reflect.TypeFor[testFile](), "Tests of policy packs"
	default:
		return nil, fmt.Errorf("there is no schema %q, only pack, bindings and test", name)
	}
	b := schemaBuilder{defs: map[string]*schemaNode{}}
	top := b.object(root)
	top.Schema, top.ID = "https://json-schema.org/draft/2020-12/schema", "urn:authorization-fabric:schema:"+name
	top.Title, top.Defs = title, b.defs
	top.Properties["$schema"] = &schemaNode{Type: "string", Description: "Where this schema is, for editors."}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(top)
	return out.Bytes(), err
}

// schemaNode is one schema, its keywords in the order a person reads them.
type schemaNode struct {
	Schema               string                 `json:"$schema,omitempty"`
	ID                   string                 `json:"$id,omitempty"`
	Ref                  string                 `json:"$ref,omitempty"`
	Title                string                 `json:"title,omitempty"`
	Description          string                 `json:"description,omitempty"`
	Examples             []any                  `json:"examples,omitempty"`
	Type                 string                 `json:"type,omitempty"`
	Enum                 []string               `json:"enum,omitempty"`
	Pattern              string                 `json:"pattern,omitempty"`
	Format               string                 `json:"format,omitempty"`
	MinLength            int                    `json:"minLength,omitempty"`
	MaxLength            int                    `json:"maxLength,omitempty"`
	Minimum              *int                   `json:"minimum,omitempty"`
	Maximum              *int                   `json:"maximum,omitempty"`
	Not                  *schemaNode            `json:"not,omitempty"`
	AllOf                []*schemaNode          `json:"allOf,omitempty"`
	OneOf                []*schemaNode          `json:"oneOf,omitempty"`
	Required             []string               `json:"required,omitempty"`
	DependentRequired    map[string][]string    `json:"dependentRequired,omitempty"`
	PropertyNames        *schemaNode            `json:"propertyNames,omitempty"`
	Properties           map[string]*schemaNode `json:"properties,omitempty"`
	AdditionalProperties any                    `json:"additionalProperties,omitempty"` // *schemaNode or false
	Items                *schemaNode            `json:"items,omitempty"`
	Defs                 map[string]*schemaNode `json:"$defs,omitempty"`
}

// schemaBuilder turns Go types into schemas by their tags; defs gathers the
// struct types below the root.
type schemaBuilder struct{ defs map[string]*schemaNode }

func (b *schemaBuilder) object(t reflect.Type) *schemaNode {
	n := &schemaNode{Type: "object", Properties: map[string]*schemaNode{}, AdditionalProperties: false}
	var bound []string
	for _, f := range fieldsOf(t) {
		n.Properties[f.name] = b.property(f)
		if f.required {
			n.Required = append(n.Required, f.name)
		}
		if f.bind {
			bound = append(bound, f.name)
		}
	}
	if t == reflect.TypeFor[Pack]() { // the published form: what bindings add comes together
		n.DependentRequired = map[string][]string{}
		for _, key := range bound {
			n.DependentRequired[key] = slices.DeleteFunc([]string{"environment", "tenants"}, func(k string) bool { return k == key })
		}
	}
	return n
}

// property is the schema of a field: of its type, narrowed by its tags.
func (b *schemaBuilder) property(f field) *schemaNode {
	n := b.typed(f.typ, f)
	n.Title, n.Description, n.Examples = titleOf(f.name), f.doc, examplesOf(f)
	return n
}

func (b *schemaBuilder) typed(t reflect.Type, f field) *schemaNode {
	if n := selfDecoded(t); n != nil {
		return n
	}
	switch t.Kind() {
	case reflect.Pointer:
		return b.typed(t.Elem(), f)
	case reflect.String:
		return text(f)
	case reflect.Bool:
		return &schemaNode{Type: "boolean"}
	case reflect.Int:
		return integer(f)
	case reflect.Slice:
		return &schemaNode{Type: "array", Items: b.typed(t.Elem(), element(f))}
	case reflect.Map:
		return b.mapping(t, f)
	default:
		return b.reference(t)
	}
}

func (b *schemaBuilder) mapping(t reflect.Type, f field) *schemaNode {
	n := &schemaNode{Type: "object", AdditionalProperties: b.typed(t.Elem(), element(f))}
	if f.keys != "" {
		n.PropertyNames = &schemaNode{Pattern: forms[f.keys].Pattern}
	}
	return n
}

func (b *schemaBuilder) reference(t reflect.Type) *schemaNode {
	name := strings.ToLower(t.Name()[:1]) + t.Name()[1:]
	if b.defs[name] == nil {
		b.defs[name] = &schemaNode{} // against recursion
		b.defs[name] = b.object(t)
		b.defs[name].Title = titleOf(name)
	}
	return &schemaNode{Ref: "#/$defs/" + name}
}

// element is what the tags of a list or a map say of each of its members: a
// required list may still hold an empty string.
func element(f field) field {
	f.required = false
	return f
}

func text(f field) *schemaNode {
	n := &schemaNode{Type: "string", Enum: f.enum, MaxLength: f.maxLen}
	if f.required {
		n.MinLength = 1
	}
	if f.pattern != nil {
		n.Pattern = f.pattern.String()
	}
	if form, ok := forms[f.form]; ok {
		n.Pattern, n.Enum = form.Pattern, append(n.Enum, form.Enum...)
	}
	return n
}

func integer(f field) *schemaNode {
	n := &schemaNode{Type: "integer"}
	if f.min > -maxInt {
		n.Minimum = &f.min
	}
	if f.max < maxInt {
		n.Maximum = &f.max
	}
	return n
}

const guidForm = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"

// forms are what the tag form stands for: texts that [Load] checks by more than
// a pattern.
var forms = map[string]schemaNode{
	"decimal":     {Pattern: `^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,6}0*)?$`},
	"guid":        {Pattern: "^" + guidForm + "$"},
	"application": {Pattern: "^app:" + guidForm + "$"},
	"person":      {Pattern: "^(user|oid):.+$"},
	"owner":       {Pattern: "^((user|oid):.+)?$"},
	"member":      {Pattern: "^(user:.+|(oid|group):" + guidForm + "|appRole:.+|agent:.+)$"},
	"approver":    {Pattern: "^(entitled|role:.+|user:.+|(oid|group):" + guidForm + ")$"},
	"excluded":    {Pattern: "^(owner|role:.+|user:.+|(oid|group):" + guidForm + ")$"},
	"mail":        {Pattern: `^mailto:[^@ \r\n\t,;<>"]*@[^@ \r\n\t,;<>"]*$`},
	"trigger":     {Pattern: "^(overLimit|always|ask(:.+)?)$"},
	"path":        {Pattern: `^(parameters|output)(\.[^.]+)+$`},
	"value":       {Pattern: `^(parameters\..+|context(\.[^.]+)+)$`},
	"pointer":     {Pattern: "^/"},
	"code":        {Enum: slices.Sorted(codes)},
}

func codes(yield func(string) bool) {
	for c := range maps.Keys(sentences) {
		if !yield(string(c)) {
			return
		}
	}
}

// selfDecoded is the schema of a type with a JSON form of its own, else nil.
func selfDecoded(t reflect.Type) *schemaNode {
	switch t {
	case valueType:
		return &schemaNode{}
	case reflect.TypeFor[Instant]():
		return &schemaNode{Type: "string", Format: "date-time", Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?Z$`}
	case reflect.TypeFor[Duration]():
		return &schemaNode{Type: "string", Pattern: durationForm.String(), AllOf: []*schemaNode{{Pattern: "[1-9]"}, {Not: &schemaNode{Pattern: "T$"}}}}
	case reflect.TypeFor[LimitMax]():
		amount := &schemaNode{Type: "string", Pattern: forms["decimal"].Pattern}
		return &schemaNode{OneOf: []*schemaNode{amount, {Type: "object", AdditionalProperties: amount}}}
	}
	return nil
}

// titleOf makes words of a name: classificationAtLeast is "Classification at
// least".
func titleOf(name string) string {
	var b strings.Builder
	for i, r := range name {
		switch {
		case i == 0:
			b.WriteRune(unicode.ToUpper(r))
		case unicode.IsUpper(r):
			b.WriteRune(' ')
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func examplesOf(f field) []any {
	if f.example == "" {
		return nil
	}
	switch f.typ.Kind() {
	case reflect.Slice:
		return []any{strings.Split(f.example, ",")}
	case reflect.Int:
		return []any{json.Number(f.example)}
	default:
		return []any{f.example}
	}
}
