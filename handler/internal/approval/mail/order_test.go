package mail_test

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/mail"
	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
	"github.com/authorization-fabric/fabric/policy"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const (
	slot = "0123456789abcdefghijklmnop"
	link = "https://fabric.contoso.com/console/approvals/apr_0123456789abcdefghijklmnop-01q2r3s4t5"
)

// order is a pending approval of a purchase order, changed by the edits.
func order(edits ...func(*approval.Case)) sheet.Sheet {
	d := &approval.Document{Schema: 1, Tenant: "t", Slot: slot, Current: approval.Case{
		Generation: approval.Generation(noon.UnixMilli()), Status: approval.Pending,
		Application: "aaaaaaaa-0000-4000-8000-000000000001", Agent: "finance-agent", AgentTitle: "Finance assistant",
		Requester: approval.Person{UPN: "ana@contoso.com"}, Identity: approval.Grade{Identity: policy.Asserted},
		Action: "CreatePO", Title: "Create purchase order", ResourceType: "PurchaseOrder", ResourceID: "PO-1001",
		Region: "EU", Label: "Internal", Zone: "Europe/Berlin", Digest: "hmac-sha256:00",
		Facts: []approval.Fact{
			{Label: "Amount", Value: "70000"},
			{Label: "Currency", Value: "EUR"},
			{Label: "IBAN", Value: "****3000", Mark: "masked"},
			{Label: "Ledger", Value: "GL-100", Mark: "pinned"},
			{Label: "Vendor", Value: "V-7"},
		},
		Main: approval.Main{Fact: 0, Unit: "EUR"}, Over: &approval.Over{Limit: "50000", Excess: "20000", Unit: "EUR"},
		Said: "The vendor needs the order today.\nThe quote is at https://quotes.example/4711 and was agreed last week.",
		Risk: "medium", RiskScore: "40",
		Requirements: []approval.Requirement{{
			PolicyID: "finance/po-over-limit", Approvers: []string{"role:FinanceManager"}, Need: 1, ApproveWithin: 8 * 3600, ExecuteWithin: 4 * 3600,
		}},
		Triggers: []string{"overLimit"}, OpenedAt: noon, ApproveBy: noon.Add(8 * time.Hour),
	}}
	c := &d.Current
	for _, edit := range edits {
		edit(c)
	}
	return sheet.Of(sheet.Input{Document: d, Now: noon, Past: approval.Past{Asked: 3, Approved: 1, Denied: 1}, Approval: approval.Approval{
		ID: d.ID(), Status: c.Status, ApproveBy: c.ApproveBy, ExecuteBy: c.ExecuteBy, Comment: c.Comment, Facts: c.Facts,
		Agent: c.Agent, Action: c.Action, Title: c.Title, Digest: c.Digest, OpenedAt: c.OpenedAt,
		Requester: approval.Requester{Name: c.Requester.UPN, Identity: c.Identity.Identity},
	}})
}

// denied is an order that a person has denied.
func denied(c *approval.Case) {
	c.Status, c.ClosedAt, c.Comment = approval.Denied, noon.Add(time.Hour), "The quote is from last year.\nPlease ask the vendor for a new one."
	c.Votes = []approval.Vote{{
		Event: "e2", Voter: approval.Voter{ID: "mia", UPN: "mia@contoso.com"}, Choice: approval.Deny,
		PolicyIDs: []string{"finance/po-over-limit"}, At: c.ClosedAt, Comment: c.Comment,
	}}
	c.Events = []approval.Event{{ID: "e3", Kind: approval.EventClosed, At: c.ClosedAt, Status: approval.Denied, By: "oid:mia"}}
}

// commands is a command of several, a list and a text of several lines, asked
// by the agent on its own.
func commands(c *approval.Case) {
	c.Facts = []approval.Fact{
		{
			Label: "Command", Value: "az group delete --name rg-test --yes && az keyvault purge --name kv-test --location westeurope", Command: true,
			Items: []string{"az group delete --name rg-test --yes", "az keyvault purge --name kv-test --location westeurope"},
		},
		{Label: "Hosts", Value: `["api.contoso.com","db.contoso.com"]`, Items: []string{"api.contoso.com", "db.contoso.com"}},
		{Label: "Note", Value: "first line\nsecond\u202eline https://x.example"},
	}
	c.Main, c.Over, c.Title = approval.Main{Fact: -1}, nil, "Run a command"
	c.Triggers = []string{"ask:it/destructive"}
	c.Requester, c.Identity = approval.Person{}, approval.Grade{}
}

func render(t testing.TB, kind approval.Notice, s sheet.Sheet) mail.Mail {
	t.Helper()
	m, err := mail.Render(mail.Input{Kind: kind, Sheet: s, Link: link})
	if err != nil {
		t.Fatalf("Render = %v", err)
	}
	return m
}

// golden compares with a file below testdata, or rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// approvals.md "Telling people": what the mail says, in its order.
func TestGolden(t *testing.T) {
	cases := []struct {
		name  string
		kind  approval.Notice
		sheet sheet.Sheet
	}{
		{"asked", approval.NoticeAsked, order()},
		{"command", approval.NoticeReminder, order(commands)},
		{"outcome", approval.NoticeOutcome, order(denied)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := render(t, c.kind, c.sheet)
			golden(t, c.name+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
			golden(t, c.name+".html", m.HTML)
		})
	}
}

// corpus reads a list of hostile texts, one Go string a line.
func corpus(t testing.TB, name string) []string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "sheet", "testdata", name))
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
