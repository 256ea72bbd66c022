package sheet

import (
	"strings"

	"github.com/authorization-fabric/fabric/policy/command"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// facts are the parameters. Those of an earlier approval are the same: it was
// of the same call.
func (b *builder) facts() []Fact {
	facts := make([]Fact, 0, len(b.c.Facts))
	for _, f := range b.c.Facts {
		fact := Fact{Label: b.line(f.Label), Mark: b.line(f.Mark)}
		if items, ok := list(f.Value); ok {
			fact.Noun = "items"
			fact.Items = b.each(items)
		} else {
			fact.Value = b.whole(f.Value)
			if several := commands(f.Label, f.Value); several != nil {
				fact.Noun = "commands"
				fact.Items = b.each(several)
			}
		}
		facts = append(facts, fact)
	}
	return facts
}

func (b *builder) each(items []string) []string {
	shown := make([]string, len(items))
	for i, item := range items {
		shown[i] = b.whole(item)
	}
	return shown
}

// list are the items of a list of strings, which a fact holds as JSON.
func list(value string) (items []string, ok bool) {
	if !strings.HasPrefix(value, "[") {
		return nil, false
	}
	v, err := strictjson.Parse([]byte(value), strictjson.Limits{Depth: 2, Names: 1})
	if err != nil || v.Kind() != strictjson.Array || len(v.Items()) == 0 {
		return nil, false
	}
	for _, item := range v.Items() {
		if item.Kind() != strictjson.String {
			return nil, false
		}
		items = append(items, item.Text())
	}
	return items, true
}

// commands are the simple commands of a line of several, nil otherwise. A fact
// does not say that it is a command: its label and its form must look like one.
// A text that is mistaken for one is shown whole all the same.
func commands(label, value string) []string {
	if !strings.Contains(strings.ToLower(label), "command") {
		return nil
	}
	line, err := command.Parse(value)
	if err != nil {
		return nil
	}
	if _, _, _, opaque := line.Opaque(); opaque {
		return nil
	}
	all := line.Commands()
	if len(all) < 2 {
		return nil
	}
	return all
}

// grouped separates the thousands of a plain decimal; anything else is left.
func grouped(s string) string {
	if !number(s) {
		return s
	}
	digits, fraction, pointed := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	var out strings.Builder
	out.WriteString(s[:len(s)-len(strings.TrimPrefix(s, "-"))])
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteByte(digits[i])
	}
	if pointed {
		out.WriteString("." + fraction)
	}
	return out.String()
}

// number reports whether s is a plain decimal of a length people read.
func number(s string) bool {
	digits, fraction, pointed := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return len(s) <= 40 && allDigits(digits) && (len(digits) == 1 || digits[0] != '0') && (!pointed || allDigits(fraction))
}

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
