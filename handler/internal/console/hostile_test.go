package console_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
)

// hostile is a corpus of what agents may write: quoted strings, one a line.
func hostile(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "approval", "sheet", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, err := strconv.Unquote(line)
		if err != nil {
			t.Fatalf("%s: %s: %v", name, line, err)
		}
		all = append(all, s)
	}
	if len(all) < 50 {
		t.Fatalf("%s has %d texts, want 50", name, len(all))
	}
	return all
}

func everythingHostile(t *testing.T) []string {
	t.Helper()
	return append(hostile(t, "injections.txt"), hostile(t, "markup.txt")...)
}

func quoted(t *testing.T, s string) string {
	t.Helper()
	text, err := json.Marshal(strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// skeleton is a page without its texts: elements and attribute names, and the
// attribute values but for those that are meant to differ.
func skeleton(root *html.Node) string {
	var b strings.Builder
	for _, n := range elements(root, "") {
		b.WriteString("<" + n.Data)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Key)
			if a.Key != "value" && a.Key != "href" && a.Key != "action" {
				b.WriteString("=" + strings.TrimSuffix(a.Val, " absent"))
			}
		}
		b.WriteString(">\n")
	}
	return b.String()
}

// T26, T27: what the agent writes is text in its box, and nowhere else.
func TestT26T27AgentsWordsStayInTheirBox(t *testing.T) {
	w := newWorld(t)
	b := w.as(t, mia)
	harmless := skeleton(parse(t, b.get("/console/approvals/"+w.orders(t, ana, "70000")).body))
	for i, text := range everythingHostile(t) {
		a := w.asks(t, ana, orderOf(strconv.Itoa(60000+i), quoted(t, text)))
		if a.Approval.ID == "" {
			t.Fatalf("%q: Decide = %s %s", text, a.Decision, a.ReasonCode)
		}
		page := b.get("/console/approvals/" + a.Approval.ID)
		root := parse(t, page.body)
		if got := skeleton(root); got != harmless {
			t.Errorf("T27: %q makes the page\n%s\nwant\n%s", text, got, harmless)
		}
		inert(t, text, root)
		boxed(t, root, text)
	}
}

// boxed checks that the agent's words are text in the box and nowhere else.
func boxed(t *testing.T, root *html.Node, text string) {
	t.Helper()
	var box *html.Node
	for _, n := range elements(root, "section") {
		if attribute(n, "class") == "said" {
			box = n
		}
	}
	if box == nil {
		t.Errorf("T26: %q: no box", text)
		return
	}
	if got := textOf(elements(box, "h2")[0]); got != "Written by the agent. Not verified." {
		t.Errorf("T26: %q: the box is labelled %q", text, got)
	}
	p := elements(box, "p")[0]
	said := textOf(p)
	if p.FirstChild != p.LastChild || said != strings.Join(strings.Fields(sheet.Visible(strings.TrimSpace(text))), " ") {
		t.Errorf("T26: %q is shown as %q", text, said)
	}
	p.Parent.RemoveChild(p)
	if len(said) > 12 && strings.Contains(textOf(root), said) {
		t.Errorf("T26: %q stands outside its box too", text)
	}
}

// T27: names, ids and comments are text too, on every page that shows them.
func TestT27HostileNamesAndComments(t *testing.T) {
	w := newWorld(t)
	for i, text := range hostile(t, "markup.txt") {
		c := "c-" + strconv.Itoa(i)
		user, resource := hostileUPN(text), strings.Map(plain, text)
		body := `{"correlationId":"` + c + `","agentId":"finance-agent","userUPN":` + quoted(t, user) + `,"action":"ViewVendor",
			"resource":{"id":` + quoted(t, resource) + `,"region":"EU"},"parameters":{"iban":` + quoted(t, first(text, 30)) + `}}`
		decided := w.asks(t, "", body)
		id := w.orders(t, ana, strconv.Itoa(60000+i))
		w.as(t, omar).votes(id, "deny", strings.Map(plain, text))
		auditor := w.auditor(t, dora)
		call := auditor.form(auditor.get("/console/playground"), "/console/playground#result")
		for name, a := range map[string]answer{
			"approval": auditor.get("/console/approvals/" + id), "closed list": auditor.get("/console/approvals?status=closed"),
			"search": auditor.get("/console/decisions?correlation=" + c), "story": auditor.get("/console/decisions/" + decided.DecisionID),
			"search terms": auditor.get("/console/decisions?" + url.Values{"agent": {text}, "since": {text}, "user": {text}}.Encode()),
			"preview":      auditor.post("/console/playground", with(call, "call", body)),
			"no call":      auditor.post("/console/playground", with(call, "call", text)),
			"its pointers": auditor.post("/console/playground", with(call, "call", `{`+quoted(t, text)+`:1}`)),
			"problem":      auditor.get("/console/" + url.PathEscape(text)),
			"next":         w.browser(t).get("/console/sign-in?" + url.Values{"next": {text}}.Encode()),
		} {
			root := parse(t, a.body)
			what := fmt.Sprintf("T27: %s of %q", name, text)
			sound(t, what, root)
			headings(t, what, root)
			inert(t, what, root)
		}
		reads(t, "the comment", auditor.get("/console/approvals/"+id), strings.Join(strings.Fields(sheet.Visible(strings.Map(plain, text))), " "))
	}
}

func plain(r rune) rune {
	if r < ' ' || r == 0x7f || sheet.Visible(string(r)) != string(r) {
		return '.'
	}
	return r
}

func hostileUPN(text string) string { return first(strings.Map(plain, text), 60) + "@contoso.com" }

func first(s string, n int) string {
	runes := []rune(s)
	return string(runes[:min(n, len(runes))])
}
