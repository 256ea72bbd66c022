package suite

import (
	"slices"
	"strconv"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Mutant is a pack or bindings document with one change that a good test
// suite notices.
type Mutant struct {
	Pointer string           // RFC 6901, of what was changed
	Change  string           // in words, such as `"50000" -> "50001"`
	Value   strictjson.Value // the whole document
}

// Mutants are the one-change variants of a pack, of bindings or of a published
// pack, in the order of the document: each number one unit up and down, each
// word of a fixed set exchanged, each list a member shorter or a declared value
// longer, each key and rule removed, each boolean turned, durations and
// instants moved, conditions, patterns and paths altered. What decides nothing
// is left alone: ids, versions, descriptions, titles and labels for people.
func Mutants(doc strictjson.Value) []Mutant {
	m := mutator{doc: doc, words: vocabularyOf(doc)}
	m.object("", doc, false)
	return m.out
}

// decidesNothing are keys whose values no decision depends on.
var decidesNothing = []string{
	"$schema", "schema", "pack", "version", "environment", "timeZone", "id", "priority", "description", "title", "label", "name",
}

// namesInside are keys whose object is a map with names of the author's.
var namesInside = []string{"parameters", "pin", "lists", "inputs", "max", "roles", "agents", "groups"}

type mutator struct {
	doc   strictjson.Value
	words map[string][]string // values that may be added to lists, by key
	out   []Mutant
}

// to adds a mutant with another value at the pointer; a nil value removes it.
func (m *mutator) to(pointer, change string, v *strictjson.Value) {
	if mutated, err := edited(m.doc, pointer, v); err == nil {
		m.out = append(m.out, Mutant{Pointer: pointer, Change: change, Value: mutated})
	}
}

func edited(doc strictjson.Value, pointer string, v *strictjson.Value) (strictjson.Value, error) {
	if v == nil {
		return edit(doc, nil, []string{pointer})
	}
	return edit(doc, []strictjson.Member{{Name: pointer, Value: *v}}, nil)
}

func (m *mutator) object(pointer string, v strictjson.Value, free bool) {
	for _, member := range v.Members() {
		if !free && slices.Contains(decidesNothing, member.Name) {
			continue
		}
		at := pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(member.Name)
		key := member.Name
		if free {
			key = lastKey(pointer)
		}
		m.to(at, "removed", nil)
		m.value(at, key, member.Value)
	}
}

func lastKey(pointer string) string { return pointer[strings.LastIndexByte(pointer, '/')+1:] }

func (m *mutator) value(pointer, key string, v strictjson.Value) {
	switch v.Kind() {
	case strictjson.Object:
		m.object(pointer, v, slices.Contains(namesInside, key) && lastKey(pointer) == key)
	case strictjson.Array:
		m.array(pointer, key, v)
	case strictjson.Bool:
		flipped := strictjson.BoolOf(!v.Bool())
		m.to(pointer, strconv.FormatBool(v.Bool())+" -> "+strconv.FormatBool(!v.Bool()), &flipped)
	case strictjson.Number:
		for _, n := range oneUnit(v.Text()) {
			next := strictjson.NumberOf(n)
			m.to(pointer, v.Text()+" -> "+n, &next)
		}
	case strictjson.String:
		for _, s := range m.texts(key, v.Text()) {
			next := strictjson.StringOf(s)
			m.to(pointer, difference(v.Text(), s), &next)
		}
	case strictjson.Absent, strictjson.Null:
	}
}

func (m *mutator) array(pointer, key string, v strictjson.Value) {
	for i, item := range v.Items() {
		at := pointer + "/" + strconv.Itoa(i)
		m.to(at, "removed "+shortName(item), nil)
		m.value(at, key, item)
	}
	if slices.Contains(lowToHigh, key) && strings.Count(pointer, "/") == 1 {
		m.swaps(pointer, v.Items())
	}
	if strings.Count(pointer, "/") < 2 {
		return // what the pack declares: an unused value more decides nothing
	}
	for _, word := range m.words[key] {
		added := strictjson.StringOf(word)
		if !slices.ContainsFunc(v.Items(), func(x strictjson.Value) bool { return x.Text() == word }) {
			longer := strictjson.ArrayOf(append(slices.Clone(v.Items()), added)...)
			m.to(pointer, "added "+strconv.Quote(word), &longer)
		}
	}
}

// lowToHigh are the declared lists whose order decides.
var lowToHigh = []string{"classifications", "risks"}

func (m *mutator) swaps(pointer string, items []strictjson.Value) {
	for i := range len(items) - 1 {
		swapped := slices.Clone(items)
		swapped[i], swapped[i+1] = items[i+1], items[i]
		v := strictjson.ArrayOf(swapped...)
		m.to(pointer, canonical(items[i])+" and "+canonical(items[i+1])+" swapped", &v)
	}
}

// wholeText is the length up to which a change shows the text as a whole.
const wholeText = 60

// difference names a change of a text, of a long one only what differs.
func difference(from, to string) string {
	if len(from) <= wholeText {
		return strconv.Quote(from) + " -> " + strconv.Quote(to)
	}
	start, end := 0, 0
	for start < min(len(from), len(to)) && from[start] == to[start] {
		start++
	}
	for end < min(len(from), len(to))-start && from[len(from)-1-end] == to[len(to)-1-end] {
		end++
	}
	return "column " + strconv.Itoa(start+1) + ": " +
		strconv.Quote(from[start:len(from)-end]) + " -> " + strconv.Quote(to[start:len(to)-end])
}

// shortName is a list's member in a line: its text, or its id.
func shortName(v strictjson.Value) string {
	if id := v.Get("id"); id.Kind() == strictjson.String {
		return strconv.Quote(id.Text())
	}
	return canonical(v)
}

// vocabularyOf are the values that widen or narrow the lists of a document.
func vocabularyOf(doc strictjson.Value) map[string][]string {
	ids := func(key string) (out []string) {
		for _, x := range doc.Get(key).Items() {
			out = append(out, x.Get("id").Text())
		}
		return out
	}
	var people []string
	for _, role := range doc.Get("roles").Items() {
		people = append(people, "role:"+role.Get("id").Text())
	}
	words := map[string][]string{
		"allowedRegions": texts(doc.Get("regions")), "regions": texts(doc.Get("regions")),
		"classifications": texts(doc.Get("classifications")), "channels": texts(doc.Get("channels")), "risk": texts(doc.Get("risks")),
		"roles": ids("roles"), "actions": ids("actions"), "agents": ids("agents"), "approvers": people,
		"users": {"verified", "asserted", "none"}, "on": {"overLimit", "ask", "always"}, "schemes": {"https", "http"},
	}
	boundWords(doc, words)
	return words
}

// boundWords adds what bindings hold: each member to every other role, each
// caller to every other agent.
func boundWords(doc strictjson.Value, words map[string][]string) {
	for _, role := range doc.Get("roles").Members() {
		words["roles"] = append(words["roles"], texts(role.Value)...)
	}
	for _, agent := range doc.Get("agents").Members() {
		words["callers"] = append(words["callers"], texts(agent.Value.Get("callers"))...)
	}
	for _, group := range doc.Get("groups").Members() {
		words["members"] = append(words["members"], texts(group.Value.Get("members"))...)
	}
}
