package mail_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/mail"
)

var notLetters = regexp.MustCompile(`[^\pL\pN]+`)

// told are the letters and digits of a body, in order: punctuation and layout
// differ between the two, what they say does not.
func told(s string) string { return notLetters.ReplaceAllString(s, "") }

func toldByHTML(t testing.TB, m mail.Mail) string {
	t.Helper()
	return told(strings.Join(cells(t, m.HTML), "\n"))
}

func toldByText(m mail.Mail) string {
	text := strings.Replace(m.Text, "  "+link+"\n", "", 1)
	if at := strings.Index(text, "In this text [.]"); at >= 0 {
		text = text[:at]
	}
	return told(relinked(text))
}

// approvals.md "Telling people": both bodies hold the same facts in the same
// order.
func TestTextAndHTMLTellTheSame(t *testing.T) {
	kinds := []approval.Notice{approval.NoticeAsked, approval.NoticeReminder, approval.NoticeEscalated, approval.NoticePassedOn, approval.NoticeOutcome}
	rapid.Check(t, func(r *rapid.T) {
		free := rapid.StringOfN(rapid.RuneFrom([]rune("ab1 .:/@\n|<&é\u200b")), 0, 200, -1)
		s := order(func(c *approval.Case) {
			if rapid.Bool().Draw(r, "closed") {
				denied(c)
				c.Comment = free.Draw(r, "comment")
			}
			c.Said = free.Draw(r, "said")
			c.Facts = append(c.Facts, approval.Fact{Label: "Free", Value: free.Draw(r, "value"), Mark: rapid.SampledFrom([]string{"", "defaulted"}).Draw(r, "mark")},
				approval.Fact{Label: "List", Value: "a list", Items: rapid.SliceOfN(free, 0, 3).Draw(r, "items")})
			c.Main.Fact = rapid.IntRange(-1, len(c.Facts)).Draw(r, "main")
		})
		m, err := mail.Render(mail.Input{Kind: rapid.SampledFrom(kinds).Draw(r, "kind"), Sheet: s, Link: link})
		if err != nil {
			r.Fatal(err)
		}
		if a, b := toldByHTML(t, m), toldByText(m); a != b {
			r.Errorf("the bodies differ:\nHTML %s\ntext %s", a, b)
		}
	})
}

// approvals.md "Telling people": the eight things, in this order, in both.
func TestOrderOfWhatIsTold(t *testing.T) {
	s := order()
	want := []string{
		s.Headline, s.Title, s.Who, s.Agent, s.Why[0],
		"Amount70000", "CurrencyEUR", "IBANmasked3000", "Ledgerpinned", "VendorV7",
		s.Deadline, s.Then, s.Effect, s.Past, "Written by the agent. Not verified.", s.Said, "Sign in and decide",
	}
	m := render(t, approval.NoticeAsked, s)
	for what, body := range map[string]string{"HTML": toldByHTML(t, m), "text": toldByText(m)} {
		rest := body
		for _, fact := range want {
			at := strings.Index(rest, told(fact))
			if at < 0 {
				t.Errorf("the %s does not have %q in its place", what, fact)
				break
			}
			rest = rest[at:]
		}
	}
}

// approvals.md "Telling people": the kinds of message differ in what they call
// for, and what is decided calls for nothing.
func TestKinds(t *testing.T) {
	approved := func(c *approval.Case) {
		c.Status, c.ExecuteBy = approval.Approved, noon.Add(4*time.Hour)
		c.Votes = []approval.Vote{{Voter: approval.Voter{ID: "mia", UPN: "mia@contoso.com"}, Choice: approval.Approve, At: noon, PolicyIDs: []string{"finance/po-over-limit"}}}
	}
	expired := func(c *approval.Case) { c.Status, c.ClosedAt = approval.Expired, c.ApproveBy }
	cases := []struct {
		kind          approval.Notice
		edit          func(*approval.Case)
		subject, says string
		decide        bool
	}{
		{approval.NoticeAsked, func(*approval.Case) {}, "Approval needed: ", "Sign in and decide", true},
		{approval.NoticeReminder, func(*approval.Case) {}, "Reminder: approval needed: ", "Sign in and decide", true},
		{approval.NoticeEscalated, func(*approval.Case) {}, "Approval needed, and you may decide now too: ", "Sign in and decide", true},
		{approval.NoticePassedOn, func(*approval.Case) {}, "Approval needed, passed on by another approver: ", "Sign in and decide", true},
		{approval.NoticeOutcome, denied, "Denied: ", "Please ask the vendor for a new one.", false},
		{approval.NoticeOutcome, approved, "Approved, not used yet: ", "Make the call by", false},
		{approval.NoticeOutcome, expired, "Expired: ", "Nothing was executed.", false},
		{approval.NoticeReminder, denied, "Denied: ", "Denied by mia@contoso.com", false},
	}
	for _, c := range cases {
		m := render(t, c.kind, order(c.edit))
		decide := strings.Contains(m.Text, "Sign in and decide") && strings.Contains(m.HTML, "Sign in and decide")
		if !strings.HasPrefix(m.Subject, c.subject) || !strings.Contains(toldByHTML(t, m), told(c.says)) || decide != c.decide {
			t.Errorf("%s: subject %q, decide %t, want %q, %t and %q in it:\n%s", c.kind, m.Subject, decide, c.subject, c.decide, c.says, m.Text)
		}
	}
}

// approvals.md: a long value is whole, and a mail that would have to cut it
// holds no button.
func TestLongValues(t *testing.T) {
	value := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "line %d of the command\n", i)
		}
		return b.String()
	}
	cases := []struct {
		name string
		edit func(*approval.Case)
		cut  bool
	}{
		{"a long value", func(c *approval.Case) { c.Facts[4].Value = value(1000) }, false},
		{"too long a value", func(c *approval.Case) { c.Facts[4].Value = value(10_000) }, true},
		{"dots weigh more in HTML", func(c *approval.Case) { c.Facts[4].Value = strings.Repeat("a.b ", 6000) }, true},
		{"too many values", func(c *approval.Case) {
			for range 2000 {
				c.Facts = append(c.Facts, approval.Fact{Label: "More", Value: "value"})
			}
		}, true},
		{"too long a list", func(c *approval.Case) { c.Facts[4].Items = strings.Fields(strings.Repeat("item ", 20_000)) }, true},
		{"too long a label", func(c *approval.Case) { c.Facts[4].Label = strings.Repeat("l", 200_000) }, false}, // a name is cut
		{"too many reasons", func(c *approval.Case) { c.Triggers = strings.Fields(strings.Repeat("ask:a/b ", 5000)) }, true},
		{"too many approvers", func(c *approval.Case) {
			c.Requirements[0].Approvers = strings.Fields(strings.Repeat("user:somebody@contoso.com ", 5000))
		}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := order(c.edit)
			m := render(t, approval.NoticeAsked, s)
			if len(m.Text) > mail.MaxBody || len(m.HTML) > mail.MaxBody {
				t.Errorf("bodies of %d and %d bytes, want at most %d", len(m.Text), len(m.HTML), mail.MaxBody)
			}
			button := strings.Contains(m.Text, "Sign in and decide") || strings.Contains(m.HTML, "Sign in and decide") || strings.Contains(m.HTML, `class="button"`)
			if cut := strings.Contains(m.Text, "too long for a mail"); cut != c.cut || button == c.cut {
				t.Errorf("cut %t with button %t, want %t and the opposite", cut, button, c.cut)
			}
			if a, b := toldByHTML(t, m), toldByText(m); a != b {
				t.Errorf("the bodies differ:\nHTML %.300s\ntext %.300s", a, b)
			}
			if !c.cut && !strings.Contains(toldByHTML(t, m), told(s.Facts[4].Value)) {
				t.Error("the long value is not whole")
			}
		})
	}
}

// A masked value is nowhere in a mail: the frozen request, which holds it, is
// not what a mail is made of.
func TestMaskedValuesNeverAppear(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		canary := rapid.StringMatching(`CANARY[0-9]{8}`).Draw(r, "canary")
		s := order(func(c *approval.Case) {
			secret := []byte(`{"parameters":{"iban":"` + canary + `"},"context":{"reason":"` + canary + `"}}`)
			c.Frozen = approval.Frozen{Received: secret, Canonical: secret}
			c.Use = &approval.Use{Answer: secret, Record: secret}
			c.Notifications = []approval.Notification{{Recipient: canary + "@contoso.com", Nonce: canary}}
			if rapid.Bool().Draw(r, "closed") {
				denied(c)
			}
		})
		m, err := mail.Render(mail.Input{Kind: approval.NoticeAsked, Sheet: s, Link: link})
		if err != nil || strings.Contains(m.Subject+m.Text+m.HTML, canary) {
			r.Errorf("Render = %v with %s in it:\n%s", err, canary, m.Text)
		}
	})
}

// T22: a mail's link holds no authority and leads to us.
func TestT22LinkLeadsToThePage(t *testing.T) {
	if got, want := mail.PageLink("https://fabric.contoso.com/", "apr_x-1"), "https://fabric.contoso.com/console/approvals/apr_x-1"; got != want {
		t.Errorf("PageLink = %s, want %s", got, want)
	}
	for _, good := range []string{link, "http://127.0.0.1:7071/console/approvals/x", "http://[::1]:7071/x", "http://localhost/x", "https://f.example/.auth/login/aad?post_login_redirect_uri=%2Fconsole%2Fapprovals%2Fx"} {
		if _, err := mail.Render(mail.Input{Sheet: order(), Link: good}); err != nil {
			t.Errorf("Render(link %s) = %v, want it taken", good, err)
		}
	}
	for _, bad := range []string{"", "/console", "javascript:alert(1)", "http://fabric.contoso.com/", "https://user:secret@f.example/", "https://f.example/\r\nx", "https://f.example/ x", "data:text/html,x", "//f.example/x", "https://f.example/\u202e", "http://localhost.evil.example/"} {
		if m, err := mail.Render(mail.Input{Sheet: order(), Link: bad}); err == nil {
			t.Errorf("Render(link %q) = %s, want an error", bad, m.Subject)
		}
	}
}

// FuzzRender holds every text against what must be true of each mail.
func FuzzRender(f *testing.F) {
	for i, text := range append(corpus(f, "injections.txt"), corpus(f, "markup.txt")...) {
		if i%10 == 0 { // the tables above have them all
			f.Add(text, text)
		}
	}
	f.Fuzz(func(t *testing.T, said, value string) {
		s := order(func(c *approval.Case) { c.Said, c.Facts[4].Value, c.Title, c.Comment = said, value, value, said })
		m := render(t, approval.NoticeAsked, s)
		raw := eml(t, m)
		wellFormed(t, raw)
		_, text, html := parsed(t, raw)
		if text != m.Text || html != m.HTML {
			t.Error("a body does not read back")
		}
		for _, body := range []string{m.Subject, m.Text, strings.Join(cells(t, m.HTML), "\n")} {
			if r, bad := hidden(body); bad {
				t.Errorf("%U in %q", r, body)
			}
		}
		if a, b := toldByHTML(t, m), toldByText(m); a != b {
			t.Errorf("the bodies differ:\nHTML %s\ntext %s", a, b)
		}
	})
}
