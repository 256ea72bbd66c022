package catalog

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Difference is one thing in which two documents of a pack differ.
type Difference struct {
	Kind string `json:"kind"` // "added", "removed", "changed" or "moved"
	// What is a section and the id in it, such as "entitlements po-analyst", or
	// a key of the pack itself.
	What   string        `json:"what"`
	Fields []FieldChange `json:"fields"`
}

// FieldChange is one value; "" is absent.
type FieldChange struct {
	Field string `json:"field"` // below What, such as "limit.max.EUR"; "" for all of it
	From  string `json:"from"`  // JSON
	To    string `json:"to"`
}

// Comparison is what [Diff] found.
type Comparison struct {
	From, To string // versions, such as "finance@12"
	// Unbound says that one side alone has bindings, so that bindings
	// were not compared.
	Unbound     bool
	Differences []Difference
}

// bindingKeys are what bindings add to a pack (policy-pack §1.4).
var bindingKeys = map[string][]string{
	"": {"environment", "timeZone", "tenants", "groups"}, "roles": {"members"}, "agents": {"callers", "owner"},
}

// Diff compares two documents of one pack, by the ids of rules, roles, agents
// and actions, field by field. An error is a text that is no JSON.
func Diff(from, to []byte) (Comparison, error) {
	a, err := parseDocument(from)
	if err != nil {
		return Comparison{}, err
	}
	b, err := parseDocument(to)
	if err != nil {
		return Comparison{}, err
	}
	name := func(v strictjson.Value) string { return v.Get("pack").Text() + "@" + v.Get("version").Text() }
	c := Comparison{From: name(a), To: name(b), Unbound: isBound(a) != isBound(b), Differences: []Difference{}}
	for _, key := range keysOf(a, b) {
		skip := c.Unbound && slices.Contains(bindingKeys[""], key)
		if x, y := a.Get(key), b.Get(key); !skip && key != "$schema" && key != "version" {
			c.section(key, x, y)
		}
	}
	return c, nil
}

func isBound(v strictjson.Value) bool {
	return slices.ContainsFunc(bindingKeys[""], v.Has)
}

// keysOf are the keys of two objects, those of a first.
func keysOf(a, b strictjson.Value) []string {
	var keys []string
	for _, m := range slices.Concat(a.Members(), b.Members()) {
		if !slices.Contains(keys, m.Name) {
			keys = append(keys, m.Name)
		}
	}
	return keys
}

// section compares one top-level key: by ids where it is a list of things with
// ids, else as a whole.
func (c *Comparison) section(key string, a, b strictjson.Value) {
	x, xok := byID(a)
	y, yok := byID(b)
	if !xok || !yok {
		c.note(key, a, b, nil)
		return
	}
	var skip []string
	if c.Unbound {
		skip = bindingKeys[key]
	}
	both := func(id string) bool { return x.has(id) && y.has(id) }
	for _, id := range x.ids {
		c.note(key+" "+id, x.values[id], y.values[id], skip)
	}
	for _, id := range y.ids {
		if !x.has(id) {
			c.note(key+" "+id, strictjson.Value{}, y.values[id], skip)
		}
	}
	was, is := slices.Clone(x.ids), slices.Clone(y.ids)
	not := func(id string) bool { return !both(id) }
	if !slices.Equal(slices.DeleteFunc(was, not), slices.DeleteFunc(is, not)) {
		c.Differences = append(c.Differences, Difference{Kind: "moved", What: key + ": the order", Fields: []FieldChange{}})
	}
}

type identified struct {
	ids    []string
	values map[string]strictjson.Value
}

func (i identified) has(id string) bool { return slices.Contains(i.ids, id) }

// byID reads a list of objects with ids of their own; an absent one is empty.
func byID(v strictjson.Value) (identified, bool) {
	out := identified{values: map[string]strictjson.Value{}}
	if v.Kind() != strictjson.Array {
		return out, v.Kind() == strictjson.Absent
	}
	for _, item := range v.Items() {
		id := item.Get("id").Text()
		if item.Kind() != strictjson.Object || id == "" || out.has(id) {
			return out, false
		}
		out.ids = append(out.ids, id)
		out.values[id] = item
	}
	return out, true
}

// note adds how one thing differs, if it does.
func (c *Comparison) note(what string, a, b strictjson.Value, skip []string) {
	d := Difference{Kind: "changed", What: what, Fields: []FieldChange{}}
	switch {
	case a.Missing() && b.Missing():
		return
	case a.Missing():
		d.Kind = "added"
	case b.Missing():
		d.Kind = "removed"
	default:
		d.fields("", a, b, skip)
		if len(d.Fields) == 0 {
			return
		}
		c.Differences = append(c.Differences, d)
		return
	}
	d.Fields = append(d.Fields, FieldChange{From: jsonOf(a), To: jsonOf(b)})
	c.Differences = append(c.Differences, d)
}

func (d *Difference) fields(at string, a, b strictjson.Value, skip []string) {
	if a.Kind() != strictjson.Object || b.Kind() != strictjson.Object {
		if from, to := jsonOf(a), jsonOf(b); from != to {
			d.Fields = append(d.Fields, FieldChange{Field: at, From: from, To: to})
		}
		return
	}
	for _, key := range keysOf(a, b) {
		below := key
		if at != "" {
			below = at + "." + key
		}
		if !slices.Contains(skip, below) {
			d.fields(below, a.Get(key), b.Get(key), skip)
		}
	}
}

func jsonOf(v strictjson.Value) string {
	if v.Missing() {
		return ""
	}
	return string(strictjson.AppendCanonical(nil, v))
}

// WriteText writes the comparison for people. Whatever the documents hold comes
// out as visible text.
func (c *Comparison) WriteText(w io.Writer) error {
	lines := []string{c.From + " -> " + c.To + ": " + strconv.Itoa(len(c.Differences)) + " differences"}
	if c.Unbound {
		lines = append(lines, "One of them has no bindings: bindings are not compared.")
	}
	for _, d := range c.Differences {
		sign := map[string]string{"added": "+", "removed": "-", "moved": "="}[d.Kind]
		if sign == "" {
			sign = "~"
		}
		lines = append(lines, sign+" "+d.What)
		for _, f := range d.Fields {
			lines = append(lines, "    "+f.text())
		}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, policy.Visible(line)); err != nil {
			return err
		}
	}
	return nil
}

func (f FieldChange) text() string {
	orNone := func(s string) string {
		if s == "" {
			return "(none)"
		}
		return s
	}
	switch {
	case f.Field == "" && f.From == "":
		return f.To
	case f.Field == "" && f.To == "":
		return f.From
	case f.Field == "":
		return f.From + " -> " + f.To
	}
	return f.Field + ": " + orNone(f.From) + " -> " + orNone(f.To)
}

// PackOf is the name of the pack that a document is.
func PackOf(text []byte) (string, error) {
	v, err := parseDocument(text)
	if err != nil {
		return "", err
	}
	return v.Get("pack").Text(), nil
}
