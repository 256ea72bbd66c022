package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/policy"
)

// FR34: what a person reads shows characters that cannot be seen.
func TestFieldReportFR34Visible(t *testing.T) {
	for value, want := range map[string]string{
		"Contoso\u202eDTL": `Contoso\u{202E}DTL`, "Con\u200btoso": `Con\u{200B}toso`, "Contoso\U000E0041": `Contoso\u{E0041}`,
		"Contoso\u2028Approved by CFO": `Contoso\u{2028}Approved by CFO`, "a\ufe0fb": `a\u{FE0F}b`, "a\u00a0b": `a\u{00A0}b`, "a\rb\tc": `a\u{000D}b\u{0009}c`,
	} {
		if got := policy.Visible(value); got != want {
			t.Errorf("FR34: Visible(%q) = %q, want %q", value, got, want)
		}
		if !policy.HasInvisible(value) {
			t.Errorf("FR34: HasInvisible(%q) = false, want true", value)
		}
	}
	for _, value := range []string{"", "Müller & Söhne", "two\nlines of text", "日本語", "é", "e\u0301", "naïve 🙂", "70 000,00 €", "~"} {
		if got := policy.Visible(value); got != value || policy.HasInvisible(value) {
			t.Errorf("FR34: Visible(%q) = %q, want it unchanged", value, got)
		}
	}
}

// FR34: every class of character that is not drawn, first and last.
func TestFieldReportFR34Classes(t *testing.T) {
	for name, runes := range map[string][]rune{
		"control":               {0, 1, '\t', '\v', 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9f},
		"format":                {0xad, 0x600, 0x61c, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2060, 0x2064, 0xfeff, 0xfff9, 0xfffb},
		"bidirectional":         {0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069},
		"tag":                   {0xe0000, 0xe0001, 0xe0002, 0xe001f, 0xe0020, 0xe007f, 0xe0080, 0xe00ff},
		"variation selector":    {0x180b, 0x180f, 0xfe00, 0xfe0f, 0xe0100, 0xe01ef, 0xe01f0, 0xe0fff},
		"line and paragraph":    {0x2028, 0x2029},
		"blank but the space":   {0xa0, 0x1680, 0x2000, 0x200a, 0x202f, 0x205f, 0x3000},
		"filler":                {0x34f, 0x115f, 0x1160, 0x17b4, 0x2800, 0x3164, 0xffa0, 0xfff0},
		"private, noncharacter": {0xe000, 0xf8ff, 0xffff, 0x1fffe, 0xf0000, 0x10ffff},
	} {
		for _, r := range runes {
			if got, want := policy.Visible("a"+string(r)+"b"), fmt.Sprintf("a\\u{%04X}b", r); got != want {
				t.Errorf("FR34: %s: Visible with U+%04X = %q, want %q", name, r, got, want)
			}
		}
	}
	for r := rune(0xe0000); r <= 0xe01ef; r++ {
		if !policy.HasInvisible(string(r)) {
			t.Errorf("FR34: HasInvisible(U+%X) = false, want true", r)
		}
	}
}

// FR34: a reason is one line, whatever the names in it.
func TestFieldReportFR34Reason(t *testing.T) {
	const tricky = `"roles": [{"id": "Lead\u202e\u2028\nOK", "members": ["user:ana@contoso.com"]}]`
	set := load(t, smallPack(tricky, `"entitlements": [{"id": "e", "roles": ["Lead\u202e\u2028\nOK"], "limit": {"parameter": "amount", "max": "1"}}]`,
		`"approvals": [{"id": "a", "on": ["overLimit"], "approvers": ["user:mia@contoso.com"]}]`))
	for _, amount := range []string{"1", "2"} {
		d := ask(t, set, "ana", `{"agentId": "agent", "action": "Read", "parameters": {"amount": `+amount+`}}`)
		if !strings.Contains(d.Reason, `Lead\u{202E}\u{2028}\u{000A}OK`) || policy.HasInvisible(d.Reason) || strings.Contains(d.Reason, "\n") {
			t.Errorf("FR34: %s: reason = %q, want the role's name in visible characters", short(d), d.Reason)
		}
	}
}
