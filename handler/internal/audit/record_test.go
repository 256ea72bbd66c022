package audit

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123_456_789, time.UTC)

func lineOf(r Record) string {
	return string(appendLine(nil, r.kind(), 812, []byte("sha256:"+strings.Repeat("0", 64)), r.appendBody(nil)))
}

// The bytes of a record are the product's promise to auditors: they change
// with the version of the record and not before.
func TestRecordBytes(t *testing.T) {
	const head = `,"seq":812,"prev":"sha256:0000000000000000000000000000000000000000000000000000000000000000","ts":"2026-11-21T12:00:00.123Z",`
	pack := policy.PackRef{Pack: "finance", Version: 12, Hash: "sha256:aa", RulesHash: "sha256:bb"}
	resource := Resource{Type: "PurchaseOrder", ID: "PO-1001", Region: "EU", Classification: "Internal"}
	for name, test := range map[string]struct {
		record Record
		want   string
	}{
		"decision": {
			&Decision{
				TS: noon, DecisionID: "01JD", CorrelationID: "po-1", Door: "authorize", Mode: "enforce", TenantID: "t",
				AgentID: "finance-agent", CallerApp: "app", UserID: "oid", UserUPN: "ana@contoso.com", Identity: policy.Verified,
				Roles:  []policy.RoleGrant{{Pack: "finance", Role: "FinanceAnalyst", Via: "user:ana@contoso.com"}},
				Action: "CreatePO", Resource: resource,
				Parameters: strictjson.ObjectOf(
					strictjson.Member{Name: "note", Value: strictjson.StringOf("\x1b[2Jline\nfeed\u202e")},
					strictjson.Member{Name: "amount", Value: strictjson.NumberOf("70000.0")}),
				RequestDigest: "hmac-sha256:cc", Decision: policy.RequireApproval, ReasonCode: policy.ApprovalRequired,
				Reason: "over", Advice: []string{"ask"}, PolicyIDs: []string{"finance/po"}, Packs: []policy.PackRef{pack},
				Epoch: 3, PolicyAge: 4900 * time.Millisecond, Stale: true,
				Obligations: []policy.Obligation{{Type: "mask", Path: "output.iban", Method: "last4"}},
				ApprovalID:  "apr_1", ApprovalOutcome: "pending", Approvers: []string{"oid:mia"},
				Latency: 1500 * time.Microsecond, KeyID: "k1",
			},
			`{"v":1,"kind":"decision"` + head + `"decisionId":"01JD","correlationId":"po-1","door":"authorize","mode":"enforce","tenantId":"t","agentId":"finance-agent","callerApp":"app","userId":"oid","userUPN":"ana@contoso.com","identity":"verified","roles":["finance/FinanceAnalyst"],"rolesVia":["user:ana@contoso.com"],"action":"CreatePO","resource":{"type":"PurchaseOrder","id":"PO-1001","region":"EU","classification":"Internal"},"parameters":{"amount":70000,"note":"\u001b[2Jline\nfeed` + "\u202e" + `"},"context":{},"requestDigest":"hmac-sha256:cc","decision":"REQUIRE_APPROVAL","reasonCode":"approval.required","reason":"over","advice":["ask"],"policyIds":["finance/po"],"packs":[{"pack":"finance","version":12,"hash":"sha256:aa","rulesHash":"sha256:bb"}],"epoch":3,"policyAgeSeconds":4,"stale":true,"obligations":[{"type":"mask","path":"output.iban","method":"last4"}],"approvalId":"apr_1","approvalOutcome":"pending","approvers":["oid:mia"],"latencyUs":1500,"keyId":"k1"}` + "\n",
		},
		"an empty preview has every member": {
			&Decision{As: KindPreview, TS: noon, DecisionID: "01JD"},
			`{"v":1,"kind":"preview"` + head + `"decisionId":"01JD","correlationId":"","door":"","mode":"","tenantId":"","agentId":"","callerApp":"","userId":"","userUPN":"","identity":"none","roles":[],"rolesVia":[],"action":"","resource":{"type":"","id":"","region":"","classification":""},"parameters":{},"context":{},"requestDigest":"","decision":"DENY","reasonCode":"","reason":"","advice":[],"policyIds":[],"packs":[],"epoch":0,"policyAgeSeconds":0,"stale":false,"obligations":[],"approvalId":"","approvalOutcome":"","approvers":[],"latencyUs":0,"keyId":""}` + "\n",
		},
		"the cohorts of a rollout come last": {
			&Decision{As: KindPreview, TS: noon, DecisionID: "01JD", Rollout: []Cohort{{Pack: "finance", Version: 13, Bucket: 2499, In: true}, {Pack: "hr", Version: 2, Bucket: -1}}},
			`{"v":1,"kind":"preview"` + head + `"decisionId":"01JD","correlationId":"","door":"","mode":"","tenantId":"","agentId":"","callerApp":"","userId":"","userUPN":"","identity":"none","roles":[],"rolesVia":[],"action":"","resource":{"type":"","id":"","region":"","classification":""},"parameters":{},"context":{},"requestDigest":"","decision":"DENY","reasonCode":"","reason":"","advice":[],"policyIds":[],"packs":[],"epoch":0,"policyAgeSeconds":0,"stale":false,"obligations":[],"approvalId":"","approvalOutcome":"","approvers":[],"latencyUs":0,"keyId":"","rollout":[{"pack":"finance","version":13,"bucket":2499,"in":true},{"pack":"hr","version":2,"bucket":-1,"in":false}]}` + "\n",
		},
		"refused": {
			&Refused{TS: noon, EventID: "01JE", CorrelationID: "c", Door: "authorize", TenantID: "t", CallerApp: "app", ReasonCode: "role.missing", Reason: "needs Fabric.Authorize"},
			`{"v":1,"kind":"refused"` + head + `"eventId":"01JE","correlationId":"c","door":"authorize","tenantId":"t","agentId":"","callerApp":"app","userId":"","userUPN":"","approvalId":"","reasonCode":"role.missing","reason":"needs Fabric.Authorize"}` + "\n",
		},
		"approval.opened": {
			&ApprovalOpened{
				TS: noon, EventID: "01JF", ApprovalID: "apr_1", DecisionID: "01JD", TenantID: "t", AgentID: "a", CallerApp: "app", UserUPN: "ana@contoso.com",
				Identity: policy.Asserted, Action: "CreatePO", Title: "Create purchase order", Resource: resource, RequestDigest: "hmac-sha256:cc",
				Facts: []Fact{{"Amount", "70000 EUR", ""}}, Triggers: []string{"overLimit"},
				Requirements: []Requirement{{PolicyID: "finance/po", Approvers: []string{"role:FinanceManager"}, Need: 1, ApproveWithin: 8 * time.Hour, ExecuteWithin: 24 * time.Hour}},
				Packs:        []policy.PackRef{pack}, ApproveBy: noon.Add(8 * time.Hour),
			},
			`{"v":1,"kind":"approval.opened"` + head + `"eventId":"01JF","approvalId":"apr_1","decisionId":"01JD","correlationId":"","tenantId":"t","agentId":"a","callerApp":"app","userId":"","userUPN":"ana@contoso.com","identity":"asserted","action":"CreatePO","title":"Create purchase order","resource":{"type":"PurchaseOrder","id":"PO-1001","region":"EU","classification":"Internal"},"requestDigest":"hmac-sha256:cc","facts":[{"label":"Amount","value":"70000 EUR","mark":""}],"triggers":["overLimit"],"requirements":[{"policyId":"finance/po","approvers":["role:FinanceManager"],"exclude":[],"need":1,"approveWithinSeconds":28800,"executeWithinSeconds":86400}],"packs":[{"pack":"finance","version":12,"hash":"sha256:aa","rulesHash":"sha256:bb"}],"approveBy":"2026-11-21T20:00:00.123Z"}` + "\n",
		},
		"event": {
			&Event{Kind: KindOutcome, TS: noon, EventID: "01JG", DecisionID: "01JD", Outcome: "executed", Detail: strictjson.ObjectOf(strictjson.Member{Name: "n", Value: strictjson.NumberOf("1")})},
			`{"v":1,"kind":"outcome"` + head + `"eventId":"01JG","correlationId":"","decisionId":"01JD","approvalId":"","tenantId":"","agentId":"","callerApp":"","userId":"","userUPN":"","identity":"none","requestDigest":"","outcome":"executed","reason":"","comment":"","policyIds":[],"packs":[],"epoch":0,"keyId":"","detail":{"n":1}}` + "\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.record.check(); err != nil {
				t.Errorf("check() = %v, want nil", err)
			}
			got := lineOf(test.record)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
			if _, err := parseBody([]byte(got)); err != nil {
				t.Errorf("parseBody(%s) = %v, want nil", got, err)
			}
		})
	}
}

// A record that could not be found again, or that claims to be what its type
// is not, is not written.
func TestRecordCheck(t *testing.T) {
	for name, r := range map[string]Record{
		"decision without id":        &Decision{TS: noon},
		"decision without time":      &Decision{DecisionID: "01JD"},
		"decision as outcome":        &Decision{As: KindOutcome, TS: noon, DecisionID: "01JD"},
		"event without kind":         &Event{TS: noon, EventID: "01JE"},
		"event as decision":          &Event{Kind: KindDecision, TS: noon, EventID: "01JE"},
		"event as first line":        &Event{Kind: KindSegmentOpened, TS: noon, EventID: "01JE"},
		"event of an unknown kind":   &Event{Kind: "x\",\"seq\":0", TS: noon, EventID: "01JE"},
		"event without id":           &Event{Kind: KindMask, TS: noon},
		"refusal without id":         &Refused{TS: noon},
		"approval without its id":    &ApprovalOpened{TS: noon, EventID: "01JE"},
		"approval without id of its": &ApprovalOpened{TS: noon, ApprovalID: "apr_1"},
	} {
		if err := r.check(); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: check() = %v, want ErrRecord", name, err)
		}
	}
}

// Every kind of the design has exactly one type that writes it.
func TestKinds(t *testing.T) {
	events := 0
	for _, k := range Kinds() {
		if k.isEvent() {
			events++
		}
		if !plainKind([]byte(k)) {
			t.Errorf("plainKind(%q) = false, want true", k)
		}
	}
	if total := len(Kinds()); total != 24 || events != total-7 {
		t.Errorf("%d kinds of which %d events, want 24 and 17", total, events)
	}
}

func TestSegmentNames(t *testing.T) {
	id := sampleSegment()
	got, ok := parseSegmentName(id.name())
	if !ok || got != id {
		t.Errorf("parseSegmentName(%s) = %+v, %t, want %+v", id.name(), got, ok, id)
	}
	for _, name := range []string{
		"", "v1/env=dev/packs/aa.json", strings.Replace(id.name(), "v1", "v2", 1), id.name() + "x",
		strings.Replace(id.name(), "-1.jsonl", "-01.jsonl", 1), strings.Replace(id.name(), "/hh=", "/hh=0", 1),
		strings.Replace(id.name(), "dt=", "dt=1", 1), strings.Replace(id.name(), "-a-b.c-1", "", 1),
	} {
		if got, ok := parseSegmentName(name); ok {
			t.Errorf("parseSegmentName(%q) = %+v, want none", name, got)
		}
	}
}

// The first line of a segment says the same to whoever reads it.
func TestOpenedReadsBack(t *testing.T) {
	id := sampleSegment()
	want := opened{
		ts: noon.Truncate(time.Millisecond), segment: id, ordinal: 37, writer: "1.2.3", keyID: "k1",
		previous: tail{
			segment: id.name(), length: 1234, tip: "sha256:dd",
			uncertain: uncertain{length: 99, hash: "sha256:ee", seq: 12, records: 3, torn: true},
		},
	}
	line := appendLine(nil, KindSegmentOpened, 0, nil, want.appendBody(nil))
	got, err := parseOpened(line)
	if err != nil || got != want {
		t.Errorf("parseOpened(%s) = %+v, %v, want %+v", line, got, err, want)
	}
	spaced := strings.Replace(string(line), `"lane":1`, `"lane": 1`, 1)
	if _, err := parseOpened([]byte(spaced)); !errors.Is(err, errNoOpening) {
		t.Errorf("parseOpened(%s) = %v, want errNoOpening", spaced, err)
	}
}

func sampleSegment() segmentID {
	id := ulid.MustNew(ulid.Timestamp(noon), zeros{})
	return segmentID{environment: "dev", opened: noon.Truncate(time.Millisecond), id: id.String(), instance: "a-b.c", lane: 1}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
