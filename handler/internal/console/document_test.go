package console_test

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// sent is a form as a page offers it.
type sent struct {
	action, method string
	hidden         url.Values
}

func parse(t *testing.T, page string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatalf("the page cannot be parsed: %v", err)
	}
	return root
}

// elements are those of one name, in order; all of them for "".
func elements(root *html.Node, name string) []*html.Node {
	var out []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && (name == "" || n.Data == name) {
			out = append(out, n)
		}
	}
	return out
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// textOf is what stands in an element, blanks folded.
func textOf(n *html.Node) string {
	var text strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			text.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

func formsOf(t *testing.T, page string) []sent {
	t.Helper()
	var forms []sent
	for _, f := range elements(parse(t, page), "form") {
		form := sent{attribute(f, "action"), attribute(f, "method"), url.Values{}}
		for _, input := range elements(f, "input") {
			if attribute(input, "type") == "hidden" {
				form.hidden.Add(attribute(input, "name"), attribute(input, "value"))
			}
		}
		forms = append(forms, form)
	}
	return forms
}

// reads checks what a person reads in the main part of a page.
func reads(t *testing.T, what string, a answer, want ...string) {
	t.Helper()
	text := mainText(t, a)
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s does not say %q:\n%s", what, w, text)
		}
	}
}

// silent checks what a page must not say, anywhere.
func silent(t *testing.T, what string, a answer, banned ...string) {
	t.Helper()
	for _, b := range banned {
		if strings.Contains(a.body, b) {
			t.Errorf("%s says %q:\n%s", what, b, a.body)
		}
	}
}

func mainText(t *testing.T, a answer) string {
	t.Helper()
	for _, n := range elements(parse(t, a.body), "main") {
		return textOf(n)
	}
	return ""
}
