package sheet

import "strings"

// facts are the parameters. Those of an earlier approval are the same: it was
// of the same call.
func (b *builder) facts() []Fact {
	facts := make([]Fact, 0, len(b.c.Facts))
	for _, f := range b.c.Facts {
		fact := Fact{Label: b.line(f.Label), Mark: b.line(f.Mark)}
		if len(f.Items) == 0 || f.Command {
			fact.Value = b.whole(f.Value)
		}
		if len(f.Items) > 0 {
			fact.Items, fact.Noun = b.each(f.Items), "items"
			if f.Command {
				fact.Noun = "commands"
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
