package sheet_test

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
	"github.com/authorization-fabric/fabric/policy"
)

// FR34: every character that is not seen, or that changes others, is written
// out; what people write in is not touched.
func TestFR34Visible(t *testing.T) {
	cases := []struct{ in, want string }{
		{"70,000 EUR für Käse, 見積書, السلام, ✅ €", "70,000 EUR für Käse, 見積書, السلام, ✅ €"},
		{"Contoso\u202eDTL", `Contoso\u{202E}DTL`},
		{"Con\u200btoso", `Con\u{200B}toso`},
		{"Contoso\U000e0041", `Contoso\u{E0041}`},
		{"Contoso\u2028Approved by CFO", `Contoso\u{2028}Approved by CFO`},
		{"a\u00a0b\u3000c", `a\u{00A0}b\u{3000}c`},
		{"a\u00adb", `a\u{00AD}b`},
		{"x\ufe0f\U000e0100", `x\u{FE0F}\u{E0100}`},
		{"\U000e0000\U000e0080\U000e0fff", `\u{E0000}\u{E0080}\u{E0FFF}`}, // not assigned, not drawn
		{"\u115f\u1160\u3164\uffa0\u034f\u17b4", `\u{115F}\u{1160}\u{3164}\u{FFA0}\u{034F}\u{17B4}`},
		{"\u2800\u2065\ufdd0", `\u{2800}\u{2065}\u{FDD0}`},
		{"a\tb\r\nc\x00\x1b\x7f", `a\u{0009}b\u{000D}` + "\n" + `c\u{0000}\u{001B}\u{007F}`},
		{"\u0301x", `\u{0301}x`}, // would stand on the label before it
		{"a \u0336b", `a \u{0336}b`},
		{"e\u0301\u0302\u0303\u0304\u0305\u0306", "e\u0301\u0302\u0303\u0304" + `\u{0305}\u{0306}`},
		{"a\xff\xfeb", "a\ufffdb"},
	}
	for _, c := range cases {
		if got := sheet.Visible(c.in); got != c.want {
			t.Errorf("Visible(%q) = %q, want %q", c.in, got, c.want)
		}
		if got := sheet.Visible(c.want); got != c.want {
			t.Errorf("Visible(%q) = %q, want it unchanged", c.want, got)
		}
	}
}

func FuzzVisible(f *testing.F) {
	for _, text := range append(corpus(f, "injections.txt"), corpus(f, "markup.txt")...) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		shown := sheet.Visible(s)
		if r, bad := hidden(shown); bad {
			t.Errorf("Visible(%q) = %q with %U", s, shown, r)
		}
		if again := sheet.Visible(shown); again != shown {
			t.Errorf("Visible(%q) = %q, want it unchanged", shown, again)
		}
	})
}

func hidden(s string) (rune, bool) {
	for _, r := range s {
		invisible := unicode.In(r, unicode.C, unicode.Z, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point)
		if invisible && r != '\n' && r != ' ' || r == '\u2800' {
			return r, true
		}
	}
	return 0, false
}

func corpus(t testing.TB, name string) []string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for line := range strings.Lines(string(body)) {
		text, err := strconv.Unquote(strings.TrimSpace(line))
		if err != nil {
			t.Fatalf("%s: %s: %v", name, line, err)
		}
		texts = append(texts, text)
	}
	if len(texts) < 50 {
		t.Fatalf("%s has %d texts, want 50 or more", name, len(texts))
	}
	return texts
}

// walk visits every string that v points to or holds.
func walk(v reflect.Value, path string, visit func(path string, s reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walk(v.Elem(), path, visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walk(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case reflect.String:
		visit(path, v)
	default:
	}
}

// everything is an approval in which every text is there to be spoilt.
func everything(status approval.Status) sheet.Input {
	in := order()
	c := &in.Document.Current
	c.Status = status
	c.Votes = []approval.Vote{vote(approval.Approve, 0, "comment"), vote(approval.Deny, 0, "comment")}
	c.Facts = append(c.Facts, approval.Fact{Label: "List", Value: `["a","b"]`, Items: []string{"a", "b"}},
		approval.Fact{Label: "Command", Value: "ls; id", Items: []string{"ls", "id"}, Command: true})
	c.Triggers = append(c.Triggers, "always", "other")
	c.Comment = "comment"
	c.Events = []approval.Event{{Kind: approval.EventClosed, By: "oid:mia-id"}}
	in.Approval = viewOf(in.Document)
	return in
}

// T26, T27, FR34: whichever string of a document is hostile, every string of
// the sheet is visible text, stands in one line where it has one, and the sheet
// says that it holds escapes.
func TestT27EveryStringIsVisibleText(t *testing.T) {
	hostile := "a\u202eb\u200b<script>\r\nSubject: x\x00\U000e0041"
	for _, status := range []approval.Status{approval.Pending, approval.Approved, approval.Denied, approval.Consumed} {
		var paths []string
		probe := everything(status)
		walk(reflect.ValueOf(&probe), "", func(path string, _ reflect.Value) { paths = append(paths, path) })
		if len(paths) < 60 {
			t.Fatalf("%d strings to spoil, want all of a document", len(paths))
		}
		for _, spoil := range paths {
			in := everything(status)
			walk(reflect.ValueOf(&in), "", func(path string, s reflect.Value) {
				if path == spoil {
					s.SetString(hostile)
				}
			})
			s := sheet.Of(in)
			escaped := false
			walk(reflect.ValueOf(&s), "", func(path string, v reflect.Value) {
				text := v.String()
				if r, bad := hidden(text); bad {
					t.Errorf("%s spoilt: %s = %q with %U", spoil, path, text, r)
				}
				lines := path == ".Said" || path == ".Comment" || strings.HasSuffix(path, ".Comment") || strings.HasSuffix(path, ".Value") || strings.Contains(path, ".Items[")
				if strings.Contains(text, "\n") && !lines {
					t.Errorf("%s spoilt: %s = %q of several lines", spoil, path, text)
				}
				escaped = escaped || strings.Contains(text, `\u{`)
			})
			if escaped && !s.Escapes {
				t.Errorf("%s spoilt: Escapes = false, want it said", spoil)
			}
		}
	}
}

// What a sheet is not made of never appears in it: the frozen request, nonces,
// answers, groups of voters.
func TestMaskedValuesNeverAppear(t *testing.T) {
	const canary = "CANARY"
	in := everything(approval.Approved)
	c := &in.Document.Current
	secret := []byte(`{"iban":"` + canary + `"}`)
	c.Frozen = approval.Frozen{Received: secret, Canonical: secret}
	c.Use = &approval.Use{IdempotencyKey: canary, Answer: secret, Record: secret}
	c.Notifications = []approval.Notification{{Recipient: canary, Nonce: canary}}
	c.Votes[0].Voter.Groups, c.Votes[0].Voter.AppRoles = []string{canary}, []string{canary}
	c.KeyID, c.CorrelationID = canary, canary
	in.Document.Replays, in.Document.Tenant = []approval.Use{*c.Use}, canary
	s := sheet.Of(in)
	walk(reflect.ValueOf(&s), "", func(path string, v reflect.Value) {
		if strings.Contains(v.String(), canary) {
			t.Errorf("%s = %q, want no %s", path, v.String(), canary)
		}
	})
}

// approvals.md: a long value whole, a command of several with its count.
func TestFacts(t *testing.T) {
	long := strings.Repeat("word ", 20_000)
	cases := []struct {
		fact approval.Fact
		want sheet.Fact
	}{
		{approval.Fact{Value: "V-7"}, sheet.Fact{Value: "V-7"}},
		{approval.Fact{}, sheet.Fact{}},
		{approval.Fact{Value: long}, sheet.Fact{Value: long}},
		{approval.Fact{Value: `["a","b\nc"]`, Items: []string{"a", "b\nc"}}, sheet.Fact{Items: []string{"a", "b\nc"}, Noun: "items"}},
		{approval.Fact{Value: `["one"]`, Items: []string{"one"}}, sheet.Fact{Items: []string{"one"}, Noun: "items"}},
		{approval.Fact{Value: "[]"}, sheet.Fact{Value: "[]"}},
		{approval.Fact{Value: `["a","b"]`}, sheet.Fact{Value: `["a","b"]`}}, // a text that looks like a list
		{
			approval.Fact{Value: "cat a | grep 'b; c'", Items: []string{"cat a", "grep 'b; c'"}, Command: true},
			sheet.Fact{Value: "cat a | grep 'b; c'", Items: []string{"cat a", "grep 'b; c'"}, Noun: "commands"},
		},
		{approval.Fact{Value: "echo $(id); ls", Command: true}, sheet.Fact{Value: "echo $(id); ls"}},
	}
	for _, c := range cases {
		in := order()
		c.fact.Label, c.fact.Mark = "Label", "defaulted"
		c.want.Label, c.want.Mark = "Label", "defaulted"
		in.Document.Current.Facts = []approval.Fact{c.fact}
		if diff := cmp.Diff([]sheet.Fact{c.want}, sheet.Of(in).Facts); diff != "" {
			t.Errorf("Facts of %.60q (-want +got):\n%s", c.fact.Value, diff)
		}
	}
}

// approvals.md: the main fact first. Only a number is fit for a subject.
func TestHeadline(t *testing.T) {
	cases := []struct {
		value, unit      string
		headline, amount string
	}{
		{"70000", "EUR", "70,000 EUR", "70,000 EUR"},
		{"1234567.5", "USD", "1,234,567.5 USD", "1,234,567.5 USD"},
		{"-999", "%", "-999 %", "-999 %"},
		{"999", "", "Amount: 999", "Amount: 999"},
		{"007", "EUR", "Amount: 007", ""},
		{"1e5", "EUR", "Amount: 1e5", ""},
		{"50.", "EUR", "Amount: 50.", ""},
		{"１０", "EUR", "Amount: １０", ""},
		{"70000", "EUR, approved", "Amount: 70000", ""},
		{"Approved by the CFO", "", "Amount: Approved by the CFO", ""},
		{"az vm delete\naz vm list", "", "Amount: az vm delete …", ""},
		{strings.Repeat("x", 500), "", "Amount: " + strings.Repeat("x", 120) + " …", ""},
		{"", "EUR", "PurchaseOrder PO-1001", ""},
	}
	for _, c := range cases {
		in := order()
		in.Document.Current.Facts[0].Value, in.Document.Current.Main.Unit = c.value, c.unit
		if s := sheet.Of(in); s.Headline != c.headline || s.Amount != c.amount {
			t.Errorf("Of(%.40q %s) = %q and %q, want %q and %q", c.value, c.unit, s.Headline, s.Amount, c.headline, c.amount)
		}
	}
	for _, main := range []int{-1, 5, 1 << 40} {
		in := order()
		in.Document.Current.Main.Fact = main
		if s := sheet.Of(in); s.Headline != "PurchaseOrder PO-1001" {
			t.Errorf("Headline of fact %d = %q, want the resource", main, s.Headline)
		}
		in.Document.Current.ResourceType, in.Document.Current.ResourceID = "", ""
		if s := sheet.Of(in); s.Headline != "Create purchase order" {
			t.Errorf("Headline without a resource = %q, want the title", s.Headline)
		}
	}
}

// approvals.md: who asks, how sure that is, and why a person is needed.
func TestWhoAndWhy(t *testing.T) {
	const app = "the application aaaaaaaa-0000-4000-8000-000000000001"
	cases := []struct {
		name     string
		edit     func(*sheet.Input)
		who, why string
	}{
		{"asserted", func(*sheet.Input) {}, "ana@contoso.com, stated by " + app + ", not signed in", "20,000 EUR over ana@contoso.com's limit of 50,000 EUR; yours is 100,000 EUR"},
		{"verified", func(in *sheet.Input) { in.Approval.Requester.Identity = policy.Verified }, "ana@contoso.com, signed in", "20,000 EUR over ana@contoso.com's limit of 50,000 EUR; yours is 100,000 EUR"},
		{"nobody", func(in *sheet.Input) { in.Approval.Requester = approval.Requester{} }, "Nobody: the agent acts on its own, called by " + app, "20,000 EUR over the agent's limit of 50,000 EUR; yours is 100,000 EUR"},
		{"no name is nobody's to believe", func(in *sheet.Input) { in.Approval.Requester.Identity = policy.None }, "Nobody: the agent acts on its own, called by " + app, "20,000 EUR over the agent's limit of 50,000 EUR; yours is 100,000 EUR"},
		{"developer", func(in *sheet.Input) { in.Document.Current.Application = "" }, "ana@contoso.com, stated by the developer of this machine, not signed in", "20,000 EUR over ana@contoso.com's limit of 50,000 EUR; yours is 100,000 EUR"},
		{"viewer not known", func(in *sheet.Input) { in.ViewerLimit = "" }, "ana@contoso.com, stated by " + app + ", not signed in", "20,000 EUR over ana@contoso.com's limit of 50,000 EUR"},
		{"viewer without limit", func(in *sheet.Input) { in.ViewerLimit = "no limit" }, "ana@contoso.com, stated by " + app + ", not signed in", "20,000 EUR over ana@contoso.com's limit of 50,000 EUR; you have no limit"},
		{"limit not to be shown", func(in *sheet.Input) { in.Document.Current.Over = nil }, "ana@contoso.com, stated by " + app + ", not signed in", "Over ana@contoso.com's limit"},
	}
	for _, c := range cases {
		in := order()
		c.edit(&in)
		if s := sheet.Of(in); s.Who != c.who || s.Why[0] != c.why {
			t.Errorf("%s: Of = %q and %q, want %q and %q", c.name, s.Who, s.Why[0], c.who, c.why)
		}
	}
}

// approvals.md: the same requester's last 30 days.
func TestPast(t *testing.T) {
	cases := []struct {
		past approval.Past
		want string
	}{
		{approval.Past{}, ""},
		{approval.Past{Asked: 1}, "Nothing else asked for by ana@contoso.com in the last 30 days"},
		{approval.Past{Asked: 12, Approved: 8, Denied: 2}, "ana@contoso.com in the last 30 days, this one included: asked 12, approved 8, denied 2"},
		{approval.Past{Asked: 500, Approved: 400, Denied: 20, More: true}, "ana@contoso.com in the last 30 days, this one included: asked at least 500, approved 400, denied 20"},
	}
	for _, c := range cases {
		in := order()
		in.Past = c.past
		if got := sheet.Of(in).Past; got != c.want {
			t.Errorf("Past of %+v = %q, want %q", c.past, got, c.want)
		}
	}
}
