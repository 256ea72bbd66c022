package mail_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// skeleton is a page without its texts: every element with its attributes, one
// a line, and "#" for each run of text. What the template puts inside a text,
// a line break or a lone character, is text.
func skeleton(t testing.TB, body string) []string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatalf("html.Parse = %v", err)
	}
	var lines []string
	var walk func(*html.Node, int)
	walk = func(n *html.Node, depth int) {
		switch {
		case n.Type == html.TextNode && n.Parent.Data == "style":
			lines = append(lines, "style "+n.Data)
			return
		case n.Type == html.TextNode && strings.TrimSpace(n.Data) == "":
			return
		case n.Type == html.TextNode, insideText(n):
			if lines[len(lines)-1] != "#" {
				lines = append(lines, "#")
			}
			return
		case n.Type == html.CommentNode:
			lines = append(lines, "comment")
		default:
			line := strings.Repeat(" ", depth) + n.Data
			for _, a := range n.Attr {
				line += " " + a.Key + "=" + a.Val
			}
			lines = append(lines, line)
		}
		for c := range n.ChildNodes() {
			walk(c, depth+1)
		}
	}
	walk(root, 0)
	return lines
}

// insideText reports whether n is one of the two elements that the template
// puts into a text.
func insideText(n *html.Node) bool {
	if n.Type != html.ElementNode || len(n.Attr) > 0 {
		return false
	}
	first := n.FirstChild
	switch n.Data {
	case "br":
		return first == nil
	case "span":
		return first != nil && first.NextSibling == nil && first.Type == html.TextNode && len(first.Data) == 1 && strings.Contains(".:/@", first.Data)
	}
	return false
}

// cells are the texts of the innermost cells, rows of a fact included, in
// order; line breaks are line feeds.
func cells(t testing.TB, body string) []string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatalf("html.Parse = %v", err)
	}
	var all []string
	var b strings.Builder
	flush := func() {
		if s := b.String(); strings.TrimSpace(s) != "" {
			all = append(all, s)
		}
		b.Reset()
	}
	blocks := []string{"td", "div", "em", "tr", "table", "body", "a"}
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
		case n.Data == "head":
			return
		case n.Data == "br":
			b.WriteByte('\n')
		}
		if slices.Contains(blocks, n.Data) {
			flush()
			defer flush()
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(root)
	return all
}

// split parts the plain text into our lines and those of free text and long
// values.
func split(text string) (ours, boxed string) {
	var out, in strings.Builder
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "    | "):
			in.WriteString("\n" + strings.TrimSuffix(line[6:], "\n"))
		case strings.HasPrefix(line, "    |+ "):
			in.WriteString(strings.TrimSuffix(line[7:], "\n"))
		default:
			out.WriteString(line)
		}
	}
	return out.String(), strings.TrimPrefix(in.String(), "\n")
}

// relinked undoes what the plain text does against links.
func relinked(s string) string {
	return strings.NewReplacer("[.]", ".", "[:]", ":").Replace(s)
}

// places are where a caller or a model can put text.
var places = []struct {
	name string
	put  func(*approval.Case, string)
}{
	{"the agent's text", func(c *approval.Case, s string) { c.Said = s }},
	{"a parameter", func(c *approval.Case, s string) { c.Facts[4].Value = s }},
	{"an item of a list", func(c *approval.Case, s string) { c.Facts[4].Value, c.Facts[4].Items = "a list", []string{"V-7", s} }},
	{"the requester", func(c *approval.Case, s string) { c.Requester.UPN = s }},
	{"a resource", func(c *approval.Case, s string) { c.ResourceID = s }},
	{"a title", func(c *approval.Case, s string) { c.Title = s }},
	{"a label", func(c *approval.Case, s string) { c.Facts[4].Label = s }},
	{"the main fact", func(c *approval.Case, s string) { c.Facts[0].Value = s }},
	{"the unit", func(c *approval.Case, s string) { c.Main.Unit, c.Over.Unit = s, s }},
	{"a risk", func(c *approval.Case, s string) { c.Risk = s }},
	{"a comment", func(c *approval.Case, s string) { denied(c); c.Comment = s }},
}

// T27: no text becomes an element or an attribute, wherever it stands.
func TestT27MarkupStaysText(t *testing.T) {
	for _, place := range places {
		want := map[bool][]string{}
		for _, harmless := range []string{"harmless words", "harm\u200bless words"} {
			s := order(func(c *approval.Case) { place.put(c, harmless) })
			want[s.Escapes] = skeleton(t, render(t, approval.NoticeAsked, s).HTML)
		}
		for _, text := range append(corpus(t, "markup.txt"), corpus(t, "injections.txt")...) {
			s := order(func(c *approval.Case) { place.put(c, text) })
			m := render(t, approval.NoticeAsked, s)
			if got := skeleton(t, m.HTML); !slices.Equal(got, want[s.Escapes]) {
				t.Errorf("%q as %s changes the page (-want +got):\n%s", text, place.name, cmp.Diff(want[s.Escapes], got))
			}
		}
	}
}

// T27: the page itself has nothing that runs, loads or sends, and one link.
// With [TestT27MarkupStaysText] no page has.
func TestT27Elements(t *testing.T) {
	elements := strings.Fields("html head meta title style body table tbody tr td div em span br a")
	attributes := strings.Fields("lang charset name content style class role width cellpadding cellspacing border align valign href")
	for _, edit := range []func(*approval.Case){func(*approval.Case) {}, denied, commands} {
		m := render(t, approval.NoticeAsked, order(edit))
		root, err := html.Parse(strings.NewReader(m.HTML))
		if err != nil {
			t.Fatal(err)
		}
		links := 0
		for n := range root.Descendants() {
			if n.Type == html.CommentNode || n.Type == html.ElementNode && !slices.Contains(elements, n.Data) {
				t.Errorf("the page has %s %q", n.Data, n.Attr)
			}
			for _, a := range n.Attr {
				if !slices.Contains(attributes, a.Key) || a.Key == "href" && a.Val != link || strings.Contains(a.Val, "url(") {
					t.Errorf("the page has the attribute %s=%q", a.Key, a.Val)
				}
				if a.Key == "href" {
					links++
				}
			}
		}
		if links != 1 || strings.Contains(m.HTML, "url(") || strings.Contains(m.HTML, "@import") {
			t.Errorf("%d links, want one, and nothing to load", links)
		}
	}
}

// T26: what the agent wrote stands in its box and nowhere else: the rest of
// both bodies and the subject are what they are for any other text.
func TestT26InjectionStaysInItsBox(t *testing.T) {
	const innocent = "innocent words"
	want := render(t, approval.NoticeAsked, order(func(c *approval.Case) { c.Said = innocent }))
	wantCells := withoutNotes(cells(t, want.HTML))
	box := slices.Index(wantCells, innocent)
	wantText, _ := split(want.Text)
	for _, text := range append(corpus(t, "injections.txt"), corpus(t, "markup.txt")...) {
		s := order(func(c *approval.Case) { c.Said = text })
		m := render(t, approval.NoticeAsked, s)
		got := withoutNotes(cells(t, m.HTML))
		if len(got) != len(wantCells) || box < 1 || wantCells[box-1] != "Written by the agent. Not verified." {
			t.Fatalf("%q: %d cells, want %d with a box", text, len(got), len(wantCells))
		}
		if got[box] != s.Said {
			t.Errorf("the box has %q, want %q", got[box], s.Said)
		}
		got[box] = innocent
		if diff := cmp.Diff(wantCells, got); diff != "" {
			t.Errorf("%q leaves its box (-want +got):\n%s", text, diff)
		}
		ours, boxed := split(m.Text)
		if diff := cmp.Diff(withoutNotes(strings.Split(wantText, "\n")), withoutNotes(strings.Split(ours, "\n"))); diff != "" {
			t.Errorf("%q leaves its box in the plain text (-want +got):\n%s", text, diff)
		}
		if relinked(boxed) != relinked(s.Said) {
			t.Errorf("the plain box has %q, want %q", relinked(boxed), s.Said)
		}
		if m.Subject != want.Subject {
			t.Errorf("%q changes the subject to %q", text, m.Subject)
		}
	}
}

// withoutNotes drops our own remarks about escapes and links.
func withoutNotes(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
		l = strings.TrimSpace(l)
		return l == `Characters that cannot be seen are written as \u{…}.` || strings.HasPrefix(l, "In this text [.]") || l == "in it becomes a link."
	})
}

// T26: nothing in a mail is a link but the one to the page.
func TestT26NoLinksOfTheAgent(t *testing.T) {
	for _, text := range append(corpus(t, "injections.txt"), "see https://a.example/b", "www.a.example", "a.example/approve", "ftp://a.example", "HTTPS://A.EXAMPLE") {
		m := render(t, approval.NoticeAsked, order(func(c *approval.Case) { c.Said, c.Facts[4].Value = text, text }))
		plain := strings.Replace(m.Text, link, "", 1)
		for _, word := range strings.Fields(plain) {
			if word == "fabric.contoso.com," || strings.Contains(word, "@") && !strings.Contains(word, "/") {
				continue
			}
			if strings.Contains(word, "://") || dotted(word) {
				t.Errorf("%q: the plain text has %q, which becomes a link", text, word)
			}
		}
		root, err := html.Parse(strings.NewReader(m.HTML))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			if n.Type == html.TextNode && n.Parent.Data != "style" && (strings.Contains(n.Data, "://") || dotted(strings.TrimSpace(n.Data))) {
				t.Errorf("%q: one text node has %q, which becomes a link", text, n.Data)
			}
		}
	}
}

// dotted reports whether a word has a dot between a letter or digit and a
// letter, as names of hosts have.
func dotted(word string) bool {
	runes := []rune(word)
	for i := 1; i+1 < len(runes); i++ {
		if runes[i] == '.' && (unicode.IsLetter(runes[i-1]) || unicode.IsDigit(runes[i-1])) && unicode.IsLetter(runes[i+1]) {
			return true
		}
	}
	return false
}

// FR34: the reader sees the characters that the tool gets.
func TestFR34EscapesAreVisible(t *testing.T) {
	for _, text := range []string{"Contoso\u202eDTL", "Con\u200btoso", "Contoso\U000e0041", "Contoso\u2028Approved by CFO", "Con\u00a0toso", "Con\u3164toso", "Con\u034ftoso", "V\ufe0f", "\U000e0080", "a\u2800b", "\ufdd0", "a\rb", "\x1b[2J"} {
		for _, place := range places {
			m := render(t, approval.NoticeAsked, order(func(c *approval.Case) { place.put(c, text) }))
			for what, body := range map[string]string{"subject": m.Subject, "text": m.Text, "HTML": strings.Join(cells(t, m.HTML), "\n")} {
				if r, bad := hidden(body); bad {
					t.Errorf("%q as %s: the %s has %U", text, place.name, what, r)
				}
			}
			if !strings.Contains(m.Text, `\u{…}`) || !strings.Contains(m.HTML, `\u{…}`) {
				t.Errorf("%q as %s: a body does not tell of escapes", text, place.name)
			}
		}
	}
}

// hidden finds a character that a person does not see.
func hidden(s string) (rune, bool) {
	for _, r := range s {
		invisible := unicode.In(r, unicode.C, unicode.Z, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point)
		if invisible && r != '\n' && r != ' ' || r == '\u2800' {
			return r, true
		}
	}
	return 0, false
}
