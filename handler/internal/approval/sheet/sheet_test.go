package sheet_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
	"github.com/authorization-fabric/fabric/policy"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const slot = "0123456789abcdefghijklmnop"

// order is a pending approval of a purchase order.
func order() sheet.Input {
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
		Said: "The vendor needs the order today.", Risk: "medium", RiskScore: "40",
		Requirements: []approval.Requirement{{
			PolicyID: "finance/po-over-limit", Approvers: []string{"role:FinanceManager"}, Exclude: []string{"owner"}, Need: 1,
			ApproveWithin: 8 * 3600, ExecuteWithin: 4 * 3600,
			Escalate: &approval.Escalation{After: 4 * 3600, Approvers: []string{"role:FinanceDirector"}},
		}},
		Triggers: []string{"overLimit", "ask:finance/order-risk"}, OpenedAt: noon, ApproveBy: noon.Add(8 * time.Hour),
	}}
	return sheet.Input{Document: d, Approval: viewOf(d), Past: approval.Past{Asked: 3, Approved: 1, Denied: 1}, Now: noon, ViewerLimit: "100,000 EUR"}
}

// viewOf is what a service says of a document's current approval.
func viewOf(d *approval.Document) approval.Approval {
	c := &d.Current
	a := approval.Approval{
		ID: d.ID(), Status: c.Status, Final: !c.Status.Open(), ApproveBy: c.ApproveBy, ExecuteBy: c.ExecuteBy, Comment: c.Comment,
		Agent: c.Agent, Action: c.Action, Title: c.Title, Digest: c.Digest, OpenedAt: c.OpenedAt,
		Requester: approval.Requester{Name: c.Requester.UPN, Identity: c.Identity.Identity},
	}
	for _, r := range c.Requirements {
		have := 0
		for _, v := range c.Votes {
			if v.Choice == approval.Approve {
				have++
			}
		}
		a.Requirements = append(a.Requirements, policy.Requirement{PolicyID: r.PolicyID, Need: r.Need, Have: have})
	}
	return a
}

// approvals.md "Telling people": what an approver sees.
func TestOrder(t *testing.T) {
	want := sheet.Sheet{
		ID: approval.ID(slot, approval.Generation(noon.UnixMilli())), Digest: "hmac-sha256:00",
		Status: "Waiting for approval", Open: true, Pending: true,
		Headline: "70,000 EUR", Amount: "70,000 EUR", Title: "Create purchase order", Resource: "PurchaseOrder PO-1001, region EU, label Internal",
		Who:   "ana@contoso.com, stated by the application aaaaaaaa-0000-4000-8000-000000000001, not signed in",
		Agent: "Finance assistant (finance-agent)",
		Why: []string{
			"20,000 EUR over ana@contoso.com's limit of 50,000 EUR; yours is 100,000 EUR",
			"The rule finance/order-risk asks for a person",
			"Risk as the caller states it: medium, score 40",
		},
		Facts: []sheet.Fact{
			{Label: "Amount", Value: "70000"},
			{Label: "Currency", Value: "EUR"},
			{Label: "IBAN", Value: "****3000", Mark: "masked"},
			{Label: "Ledger", Value: "GL-100", Mark: "pinned"},
			{Label: "Vendor", Value: "V-7"},
		},
		Deadline: "Sat 21 Nov 2026, 21:00 CET (Europe/Berlin)",
		Then:     "If nothing is done, it expires then and nothing is executed. From Sat 21 Nov 2026, 17:00 CET (Europe/Berlin) others may decide too: FinanceDirector.",
		Effect:   "Allows exactly this call, once, until 4 hours after the last approval, and at the latest until Sun 22 Nov 2026, 01:00 CET (Europe/Berlin)",
		Past:     "ana@contoso.com in the last 30 days, this one included: asked 3, approved 1, denied 1",
		Said:     "The vendor needs the order today.",
		Progress: []sheet.Requirement{{
			Title: "finance/po-over-limit", Approvers: []string{"FinanceManager"}, Except: []string{"the agent's owner"}, Need: 1,
		}},
	}
	if diff := cmp.Diff(want, sheet.Of(order())); diff != "" {
		t.Errorf("Of (-want +got):\n%s", diff)
	}
}
