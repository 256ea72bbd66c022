package suite_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/packs"
	"github.com/authorization-fabric/fabric/policy/suite"
)

var monday = time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)

func sampleDocuments(t *testing.T, names ...string) []policy.Document {
	t.Helper()
	var docs []policy.Document
	for _, name := range names {
		for _, file := range []string{name + ".json", name + ".bindings.dev.json"} {
			text, err := fs.ReadFile(packs.FS, file)
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, policy.Document{Name: file, Text: text})
		}
	}
	return docs
}

// runMatrix writes the matrix beside its packs and runs it as a test file.
func runMatrix(t *testing.T, docs []policy.Document) ([]byte, suite.Report) {
	t.Helper()
	text, err := suite.Matrix(docs, monday)
	if err != nil {
		t.Fatalf("Matrix: %v", err)
	}
	fsys := fstest.MapFS{"matrix.test.json": {Data: text}}
	for _, d := range docs {
		fsys[d.Name] = &fstest.MapFile{Data: d.Text}
	}
	return text, suite.Run(fsys, []string{"matrix.test.json"}, nil)
}

func TestMatrixPassesAsItIsWritten(t *testing.T) {
	for _, names := range [][]string{{"finance"}, {"hr"}, {"it-operations"}, {"finance", "hr", "it-operations"}} {
		text, r := runMatrix(t, sampleDocuments(t, names...))
		if r.Failed > 0 || r.Passed < 50 {
			t.Errorf("Run(Matrix(%v)) = %d passed, %d failed: %+v", names, r.Passed, r.Failed, r.Results[0])
		}
		again, err := suite.Matrix(sampleDocuments(t, names...), monday)
		if err != nil || !bytes.Equal(text, again) {
			t.Errorf("Matrix(%v) is not the same twice (%v)", names, err)
		}
	}
}

func TestMatrixHoldsRolesBoundariesAndLabels(t *testing.T) {
	text, _ := runMatrix(t, sampleDocuments(t, "finance", "hr", "it-operations"))
	for rule, row := range map[string]string{
		"an amount at its limit": `{"name": "CreatePO as FinanceAnalyst through finance-agent, amount 50000 EUR, riskScore 70", ` +
			`"want": {"decision": "ALLOW", "reasonCode": "ok", "policyIds": ["finance/po-analyst"]}`,
		"one unit above": `"CreatePO as FinanceAnalyst through finance-agent, amount 50000.01 EUR, no riskScore", "want": {"decision": "REQUIRE_APPROVAL"`,
		"by currency":    `"CreatePO as FinanceManager through finance-agent, amount 110000.01 USD, riskScore 91", "want": {"decision": "DENY", "reasonCode": "threshold.denied"`,
		"a label":        `"ViewVendor as FinanceDirector through finance-agent, Confidential", "want": {"decision": "MASK"`,
		"no label":       `"ViewVendor as FinanceDirector through finance-agent, no label", "want": {"decision": "MASK"`,
		"nobody":         `"ViewVendor as nobody through finance-agent, Public", "want": {"decision": "DENY", "reasonCode": "entitlement.none"`,
		"a group":        `"ViewEmployee as HRAdvisor through hr-agent, Confidential", "want": {"decision": "MASK"`,
		"an app role":    `"ExportSalaries as PayrollOfficer through hr-agent, rows 201, Confidential", "want": {"decision": "REQUIRE_APPROVAL"`,
		"a command":      `"bash as Operator through ops-agent, rm x", "want": {"decision": "DENY", "reasonCode": "guardrail.denied"`,
		"an agent's own": `"bash as Unattended through night-agent, uptime", "want": {"decision": "ALLOW"`,
		"a host":         `"FetchPage as Operator through ops-agent", "want": {"decision": "ALLOW"`,
	} {
		if !strings.Contains(string(text), row) {
			t.Errorf("Matrix lacks %s: %s", rule, row)
		}
	}
}

func TestMatrixNoticesAChange(t *testing.T) {
	docs := sampleDocuments(t, "finance")
	text, err := suite.Matrix(docs, monday)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(docs[0].Text, []byte(`"EUR": "50000"`), []byte(`"EUR": "50001"`))
	r := suite.Run(fstest.MapFS{
		"m.test.json": {Data: text}, docs[0].Name: {Data: changed}, docs[1].Name: {Data: docs[1].Text},
	}, []string{"m.test.json"}, nil)
	if r.Failed == 0 {
		t.Error("Run(Matrix) = no failure after a limit rose by one, want some")
	}
}

func TestMatrixRefusesWhatDoesNotLoad(t *testing.T) {
	if text, err := suite.Matrix([]policy.Document{{Name: "x.json", Text: []byte(`{"schema": 1}`)}}, monday); err == nil {
		t.Errorf("Matrix(broken) = %d bytes, nil, want an error", len(text))
	}
}

// TestMatrixTakesEveryType: a required parameter of any type gets a value that
// its declaration admits.
func TestMatrixTakesEveryType(t *testing.T) {
	pack := `{"schema": 1, "pack": "p", "version": 1, "environment": "dev", "tenants": ["11111111-1111-1111-1111-111111111111"],
	"classifications": ["Low"], "defaultClassification": "Low", "lists": {"colours": ["red"], "hosts": ["*.example.org"]},
	"roles": [{"id": "R", "members": ["oid:cccccccc-0000-4000-8000-000000000001"]}],
	"agents": [{"id": "a", "actions": ["Do"], "users": ["asserted"], "callers": ["app:aaaaaaaa-0000-4000-8000-000000000001"]}],
	"actions": [{"id": "Do", "resource": "Thing", "parameters": {
		"b": {"type": "boolean", "required": true}, "c": {"type": "string", "required": true, "enum": ["@colours"]},
		"d": {"type": "datetime", "required": true}, "i": {"type": "integer", "required": true, "min": "3"},
		"j": {"type": "json", "required": true}, "l": {"type": "strings", "required": true},
		"n": {"type": "decimal", "required": true}, "o": {"type": "string"},
		"p": {"type": "string", "required": true, "pattern": "(?:A|B)[0-9]{2,3}x+y?z*."}, "u": {"type": "url", "required": true}}}],
	"isolation": [{"id": "hosts", "match": {"actions": ["D*"]}, "parameter": "u", "allowedHosts": ["@hosts"]}],
	"entitlements": [{"id": "e", "roles": ["R"], "match": {"actions": ["*o"]}, "limit": {"parameter": "i", "max": "7"}}],
	"thresholds": [{"id": "t", "value": "parameters.n", "askAbove": "1.5"}],
	"approvals": [{"id": "over", "on": ["overLimit", "ask"], "approvers": ["user:x@example.com", "user:y@example.com"]}]}`
	text, r := runMatrix(t, []policy.Document{{Name: "p.json", Text: []byte(pack)}})
	if r.Failed > 0 || r.Passed == 0 {
		t.Fatalf("Run(Matrix) = %+v", r)
	}
	for _, row := range []string{
		`"Do as R through a, i 7, n 1.5", "want": {"decision": "ALLOW"`,
		`"Do as R through a, i 8, n 1.5", "want": {"decision": "REQUIRE_APPROVAL"`,
		`"Do as R through a, i 7, n 1.51", "want": {"decision": "REQUIRE_APPROVAL"`,
	} {
		if !strings.Contains(string(text), row) {
			t.Errorf("Matrix lacks %s in\n%s", row, text)
		}
	}
}
