package packs

import (
	"slices"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/policy/suite"
)

// equivalent are mutants that change no decision, by why they do not.
var equivalent = map[string][]string{
	"the value is the default": {
		`finance.json#/disclosure: removed`,
		`hr.json#/agents/0/users: removed`,
		`hr.json#/agents/0/users/0: removed "verified"`,
	},
	"verified is accepted wherever asserted is (2.7)": {
		`finance.json#/agents/0/users/0: removed "verified"`,
		`it-operations.json#/agents/0/users/0: removed "verified"`,
	},
	"an audience shows in grants, not in decisions": {
		`finance.json#/actions/0/audience: removed`,
		`finance.json#/actions/0/audience: "erp" -> "erpx"`,
		`hr.json#/actions/2/audience: removed`,
		`hr.json#/actions/2/audience: "payroll" -> "payrollx"`,
	},
	"the owner is for people to know and approves nothing here": {
		`finance.bindings.dev.json#/agents/finance-agent/owner: removed`,
		`finance.bindings.dev.json#/agents/finance-agent/owner: "user:otto@contoso.com" -> "user:otto@contoso.comx"`,
		`it-operations.bindings.dev.json#/agents/night-agent/owner: removed`,
		`it-operations.bindings.dev.json#/agents/night-agent/owner: "user:uma@contoso.com" -> "user:uma@contoso.comx"`,
	},
	"an undeclared value counts as absent, and no rule tells it from that": {
		`finance.json#/regions/1: removed "US"`,
		`hr.json#/channels/0: removed "teams"`,
	},
	"no rule of the pack tells these labels apart": {
		`finance.json#/classifications: "Public" and "Internal" swapped`,
		`finance.json#/defaultClassification: "Confidential" -> "Restricted"`,
		`it-operations.json#/classifications: "Internal" and "Restricted" swapped`,
		`it-operations.json#/defaultClassification: "Internal" -> "Restricted"`,
	},
	"no other action that the rule may reach has the parameter": {
		`finance.json#/entitlements/0/match: removed`,
		`finance.json#/entitlements/0/match/actions: removed`,
		`finance.json#/entitlements/0/match/actions: added "ViewVendor"`,
		`finance.json#/entitlements/1/match: removed`,
		`finance.json#/entitlements/1/match/actions: removed`,
		`finance.json#/entitlements/1/match/actions: added "ViewVendor"`,
		`it-operations.json#/isolation/0/match: removed`,
		`it-operations.json#/isolation/0/match/actions: removed`,
		`it-operations.json#/isolation/0/match/actions: added "bash"`,
	},
	"nothing else raises what the rule answers to": {
		`finance.json#/approvals/0/match: removed`,
		`finance.json#/approvals/0/match/actions: removed`,
		`finance.json#/approvals/0/match/actions: added "ViewVendor"`,
		`finance.json#/approvals/1/match: removed`,
		`finance.json#/approvals/1/match/actions: removed`,
		`finance.json#/approvals/1/match/actions: added "ViewVendor"`,
		`finance.json#/approvals/2/match: removed`,
		`finance.json#/approvals/2/match/actions: removed`,
		`finance.json#/approvals/2/match/actions: added "ViewVendor"`,
		`hr.json#/approvals/1/match/actions: added "ViewEmployee"`,
		`hr.json#/approvals/1/match/actions: added "UpdateEmployee"`,
		`it-operations.json#/approvals/0/match: removed`,
		`it-operations.json#/approvals/0/match/actions: removed`,
		`it-operations.json#/approvals/0/match/actions: added "FetchPage"`,
	},
	"the rule is there already whenever that is raised, or it never is": {
		`finance.json#/approvals/0/on: added "ask"`,
		`finance.json#/approvals/1/on: added "ask"`,
		`finance.json#/approvals/2/on: added "ask"`,
		`hr.json#/approvals/0/on: added "overLimit"`,
		`hr.json#/approvals/0/on: added "ask"`,
		`hr.json#/approvals/1/on: added "overLimit"`,
		`it-operations.json#/approvals/0/on: added "overLimit"`,
		`it-operations.json#/approvals/0/on: added "ask"`,
	},
	"within working hours it is the same day in Berlin and in UTC": {
		`hr.json#/isolation/1/when: column 21: "Europe/Berlin" -> "UTC"`,
		`hr.json#/isolation/1/when: column 63: "Europe/Berlin" -> "UTC"`,
	},
	"another rule decides such a call before": {
		`hr.json#/classification/3/match/actions: added "ExportSalaries"`, // only payroll exports
		`hr.json#/entitlements/1/match/actions: added "UpdateEmployee"`,   // not-own-record denies
		`hr.json#/approvals/0/match/actions: added "ExportSalaries"`,      // no-restricted-export denies
	},
	"the agent does not expose the action": {
		`it-operations.json#/entitlements/0/roles: added "Unattended"`,
	},
	"who is added may do or be all that already": {
		`hr.bindings.dev.json#/roles/HRAdvisor: added "group:bbbbbbbb-0000-4000-8000-000000000002"`,
		`hr.bindings.dev.json#/groups/bbbbbbbb-0000-4000-8000-000000000001/members: added "user:hanna@contoso.com"`,
		`hr.bindings.dev.json#/groups/bbbbbbbb-0000-4000-8000-000000000001/members: added "user:jonas@contoso.com"`,
		`hr.bindings.dev.json#/groups/bbbbbbbb-0000-4000-8000-000000000001/members: added "user:karla@contoso.com"`,
		`it-operations.json#/guardrails/1/agents: added "night-agent"`,
		`it-operations.bindings.dev.json#/roles/PlatformLead: added "agent:night-agent"`,
		`it-operations.bindings.dev.json#/roles/Unattended: added "user:olga@contoso.com"`,
		`it-operations.bindings.dev.json#/roles/Unattended: added "user:nils@contoso.com"`,
		`it-operations.bindings.dev.json#/roles/Unattended: added "user:pat@contoso.com"`,
		`it-operations.bindings.dev.json#/roles/Unattended: added "user:quinn@contoso.com"`,
		`it-operations.bindings.dev.json#/roles/Unattended: added "user:uma@contoso.com"`,
	},
}

// TestSamplesKillEveryMutant: whoever changes a number, an effect, a list or
// anything else that decides in a sample, breaks one of its tests. Under the
// race detector, which has nothing to find in one goroutine, it is a part.
func TestSamplesKillEveryMutant(t *testing.T) {
	m, err := suite.Mutate(FS, testFiles(t), suite.MutateOptions{Every: oneMutantIn})
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, list := range equivalent {
		known = append(known, list...)
	}
	unnoticed := 0
	for _, s := range m.Survivors {
		if i := slices.Index(known, s.String()); i >= 0 {
			known = slices.Delete(known, i, i+1)
			continue
		}
		unnoticed++
		t.Errorf("no test notices %v", s)
	}
	if len(known) > 0 && oneMutantIn == 1 {
		t.Errorf("listed as equivalent, and killed or gone:\n%s", strings.Join(known, "\n"))
	}
	same := len(m.Survivors) - unnoticed
	t.Logf("killed %d of %d mutants that change a decision (%d by lint); %d more change none", m.Killed, m.Total-same, m.Refused, same)
}
