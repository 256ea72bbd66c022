package mail

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
)

// width of the plain text, in characters.
const width = 72

// Every line of a block begins with one of these, so that nothing in it can
// pass for a line of ours: a line of the text, and the rest of a long one.
const (
	blockLine = "    | "
	blockRest = "    |+ "
)

// text is the plain body.
func (l *letter) text() string {
	p := &plain{}
	p.line("", "Authorization Fabric: "+l.Kicker)
	p.gap()
	for _, s := range []string{l.Headline, l.Title, l.Resource} {
		if s != "" {
			p.line("", s)
		}
	}
	for i := range l.Sections {
		p.section(&l.Sections[i])
	}
	p.gap()
	p.line("", l.Button)
	p.out.WriteString("  " + l.Link + "\n") // the one link, whole in its line
	p.gap()
	p.line("", l.Foot)
	if p.unlinked {
		p.line("", "In this text [.] and [:] stand for a dot and a colon, so that nothing in it becomes a link.")
	}
	return p.out.String()
}

// plain writes plain text.
type plain struct {
	out      strings.Builder
	unlinked bool
}

func (p *plain) gap() { p.out.WriteByte('\n') }

func (p *plain) section(s *section) {
	p.gap()
	p.line("", s.Title)
	for _, line := range s.Lines {
		p.line("  ", line)
	}
	for _, f := range s.Facts {
		p.fact(f)
	}
	if s.Note != "" {
		p.line("  ", s.Note)
	}
	if s.Box != "" {
		p.block(s.Box)
	}
}

func (p *plain) fact(f sheet.Fact) {
	label := f.Label
	if f.Mark != "" {
		label += " (" + f.Mark + ")"
	}
	switch {
	case f.Value == "" && len(f.Items) > 0:
		p.line("  ", label+":")
	case strings.Contains(f.Value, "\n") || utf8.RuneCountInString(label+f.Value) > width-10:
		p.line("  ", label+":")
		p.block(f.Value)
	default:
		p.line("  ", label+": "+f.Value)
	}
	if len(f.Items) > 0 {
		p.line("    ", count(f)+":")
		for _, item := range f.Items {
			p.block(item)
		}
	}
}

// line writes a text of one line, wrapped.
func (p *plain) line(indent, s string) {
	for i, part := range wrap(p.unlink(s), width-len(indent)-2) {
		if i == 1 {
			indent += "  "
		}
		p.out.WriteString(indent + strings.TrimRight(part, " ") + "\n")
	}
}

// block writes a text of any form.
func (p *plain) block(s string) {
	for _, line := range strings.Split(s, "\n") {
		prefix := blockLine
		for _, part := range wrap(p.unlink(line), width-len(blockRest)) {
			p.out.WriteString(prefix + part + "\n")
			prefix = blockRest
		}
	}
}

func (p *plain) unlink(s string) string {
	out := unlink(s)
	p.unlinked = p.unlinked || out != s
	return out
}

// wrap splits a line into parts of at most that many characters, behind a
// space where there is one. It loses nothing: joined, the parts are s.
func wrap(s string, most int) []string {
	var parts []string
	for utf8.RuneCountInString(s) > most {
		end, space, n := 0, 0, 0
		for i, r := range s {
			if n == most {
				end = i
				break
			}
			if n++; r == ' ' {
				space = i + 1
			}
		}
		if space > 0 {
			end = space
		}
		parts, s = append(parts, s[:end]), s[end:]
	}
	return append(parts, s)
}

// count says how many items a fact has.
func count(f sheet.Fact) string {
	if len(f.Items) == 1 {
		return "1 " + strings.TrimSuffix(f.Noun, "s")
	}
	return strconv.Itoa(len(f.Items)) + " " + f.Noun
}
