package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	netmail "net/mail"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

const localURL = "http://127.0.0.1:7071"

// nobodyElse names no approver at all.
type nobodyElse struct{}

func (nobodyElse) Lists(string, identity.Principal, time.Time) []approval.Key { return nil }
func (nobodyElse) Judge(approval.Voter, bool, *approval.Document, time.Time) []string {
	return nil
}

// keeping keeps the messages that a service sends.
type keeping struct{ messages []approval.Message }

func (k *keeping) Notify(_ context.Context, m approval.Message) error {
	k.messages = append(k.messages, m)
	return nil
}

// messages are what a service says of a new order to its approvers.
func messages(t *testing.T, notify ...string) []approval.Message {
	t.Helper()
	k := &keeping{}
	s := approval.New(&storetest.MemoryApprovals{}, approval.Keys{Current: storetest.Key}, &storetest.EventLog{}, nobodyElse{}, approval.Options{Notifier: k})
	r := storetest.Order("a")
	r.Requirements[0].Notify = notify
	if _, _, err := s.Open(t.Context(), r, storetest.Noon); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sweep(t.Context(), func() time.Time { return storetest.Noon }); err != nil {
		t.Fatal(err)
	}
	if len(k.messages) != len(notify) {
		t.Fatalf("%d messages, want %d", len(k.messages), len(notify))
	}
	return k.messages
}

func openMailbox(t *testing.T, out io.Writer, o embedded.MailboxOptions) (m *embedded.Mailbox, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data", "mail")
	o.Clock = func() time.Time { return storetest.Noon }
	m, err := embedded.OpenMailbox(dir, localURL, out, o)
	if err != nil {
		t.Fatalf("OpenMailbox = %v", err)
	}
	return m, dir
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// approvals.md "Telling people": locally the mail is a file and the console
// link is printed.
func TestMailboxWritesAndPrints(t *testing.T) {
	var out bytes.Buffer
	past := func(context.Context, string, approval.Person, time.Time) (approval.Past, error) {
		return approval.Past{Asked: 4, Approved: 2}, nil
	}
	b, dir := openMailbox(t, &out, embedded.MailboxOptions{Past: past})
	m := messages(t, "mailto:mia@contoso.com")[0]
	for range 2 { // sent twice is the same file
		if err := b.Notify(t.Context(), m); err != nil {
			t.Fatalf("Notify = %v", err)
		}
	}
	link := localURL + "/console/approvals/" + m.Approval.ID
	if got, want := out.String(), strings.Repeat("mail for mia@contoso.com: "+link+"\n", 2); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	names := files(t, dir)
	if len(names) != 1 || !strings.HasPrefix(names[0], m.Approval.ID+".asked.") || !strings.HasSuffix(names[0], ".eml") {
		t.Fatalf("files = %q, want one of the message", names)
	}
	raw, err := os.ReadFile(filepath.Join(dir, names[0]))
	if err != nil {
		t.Fatal(err)
	}
	mail, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil || mail.Header.Get("To") != "<mia@contoso.com>" || !strings.HasPrefix(mail.Header.Get("Subject"), "Approval needed: Create purchase order") {
		t.Errorf("mail = %v, %v, want it to mia@contoso.com about the order", mail.Header, err)
	}
	if plain := strings.ReplaceAll(string(raw), "=\r\n", ""); !strings.Contains(plain, link) || !strings.Contains(plain, "asked 4,") || strings.Contains(plain, m.Nonce) {
		t.Errorf("the mail has not the link and the past, or it has the nonce:\n%s", raw)
	}
	if info, err := os.Stat(filepath.Join(dir, names[0])); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600", info.Mode(), err)
	}
}

// Each person and each message has a file of its own, whoever writes at the
// same time.
func TestMailboxOneFileAMessage(t *testing.T) {
	var out bytes.Buffer
	b, dir := openMailbox(t, &out, embedded.MailboxOptions{})
	all := messages(t, "mailto:mia@contoso.com", "mailto:omar@contoso.com", "mailto:po-approvals@contoso.com")
	again := all[0]
	again.Kind, again.Nonce = approval.NoticePassedOn, "another"
	twice := again
	twice.Nonce = "and another"
	other := again
	other.Recipient = "nora@contoso.com"
	all = append(all, again, twice, other)
	var wg sync.WaitGroup
	for range 8 {
		for _, m := range all {
			wg.Go(func() {
				if err := b.Notify(t.Context(), m); err != nil {
					t.Errorf("Notify = %v", err)
				}
			})
		}
	}
	wg.Wait()
	if names := files(t, dir); len(names) != len(all) {
		t.Errorf("files = %q, want %d", names, len(all))
	}
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "mail for ") || !strings.HasSuffix(line, all[0].Approval.ID+"\n") {
			t.Errorf("printed %q, want whole lines", line)
		}
	}
}

// T27: what a message is about cannot choose the file, the recipient or the
// line that is printed.
func TestT27MailboxRefusesHostileNames(t *testing.T) {
	m := messages(t, "mailto:mia@contoso.com")[0]
	cases := map[string]func(*approval.Message){
		"an id with a path":       func(m *approval.Message) { m.Approval.ID = "../../x" },
		"no id":                   func(m *approval.Message) { m.Approval.ID = "" },
		"a kind with a path":      func(m *approval.Message) { m.Kind = "../x" },
		"no kind":                 func(m *approval.Message) { m.Kind = "" },
		"a recipient with a line": func(m *approval.Message) { m.Recipient = "mia@contoso.com\r\nBcc: evil@evil.example" },
		"two recipients":          func(m *approval.Message) { m.Recipient = "mia@contoso.com,evil@evil.example" },
		"a hidden character":      func(m *approval.Message) { m.Recipient = "mia\u200b@contoso.com" },
		"a terminal sequence":     func(m *approval.Message) { m.Recipient = "\x1b[2Jmia@contoso.com" },
		"no recipient":            func(m *approval.Message) { m.Recipient = "" },
	}
	for name, edit := range cases {
		var out bytes.Buffer
		b, dir := openMailbox(t, &out, embedded.MailboxOptions{})
		hostile := m
		edit(&hostile)
		if err := b.Notify(t.Context(), hostile); err == nil {
			t.Errorf("%s: Notify = nil, want an error", name)
		}
		if names := files(t, dir); len(names) > 0 || out.Len() > 0 {
			t.Errorf("%s: wrote %q and printed %q, want nothing", name, names, out.String())
		}
	}
}

// A message that cannot be written is not accepted, and what cannot be looked
// up does not keep it from being told.
func TestMailboxFailures(t *testing.T) {
	m := messages(t, "mailto:mia@contoso.com")[0]
	var out bytes.Buffer
	b, dir := openMailbox(t, &out, embedded.MailboxOptions{
		Past: func(context.Context, string, approval.Person, time.Time) (approval.Past, error) {
			return approval.Past{Asked: 9}, errors.New("the store is down")
		},
	})
	if err := b.Notify(t.Context(), m); err != nil {
		t.Errorf("Notify without a past = %v, want nil", err)
	}
	out.Reset()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := b.Notify(t.Context(), m); err == nil || out.Len() > 0 {
		t.Errorf("Notify without a folder = %v and printed %q, want an error and nothing", err, out.String())
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.OpenMailbox(file, localURL, &out, embedded.MailboxOptions{}); err == nil {
		t.Error("OpenMailbox(a file) = nil, want an error")
	}
}
