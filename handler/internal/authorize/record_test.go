package authorize_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// record is a line of the log, as far as a decision and what belongs to an
// approval fill it in.
type record struct {
	Kind            audit.Kind       `json:"kind"`
	TS              time.Time        `json:"ts"`
	EventID         string           `json:"eventId"`
	DecisionID      string           `json:"decisionId"`
	CorrelationID   string           `json:"correlationId"`
	Door            string           `json:"door"`
	Mode            string           `json:"mode"`
	TenantID        string           `json:"tenantId"`
	AgentID         string           `json:"agentId"`
	CallerApp       string           `json:"callerApp"`
	UserID          string           `json:"userId"`
	UserUPN         string           `json:"userUPN"`
	Identity        string           `json:"identity"`
	Roles           []string         `json:"roles"`
	Action          string           `json:"action"`
	Resource        resource         `json:"resource"`
	Parameters      json.RawMessage  `json:"parameters"`
	Context         json.RawMessage  `json:"context"`
	RequestDigest   string           `json:"requestDigest"`
	Decision        string           `json:"decision"`
	ReasonCode      policy.Code      `json:"reasonCode"`
	Reason          string           `json:"reason"`
	Advice          []string         `json:"advice"`
	PolicyIDs       []string         `json:"policyIds"`
	Packs           []policy.PackRef `json:"packs"`
	Epoch           int64            `json:"epoch"`
	PolicyAge       int64            `json:"policyAgeSeconds"`
	Stale           bool             `json:"stale"`
	Obligations     []policy.Obligation
	ApprovalID      string   `json:"approvalId"`
	ApprovalOutcome string   `json:"approvalOutcome"`
	Approvers       []string `json:"approvers"`
	LatencyUs       int64    `json:"latencyUs"`
	KeyID           string   `json:"keyId"`
	Outcome         string   `json:"outcome"`
	Facts           []struct{ Label, Value, Mark string }
}

type resource struct{ Type, ID, Region, Classification string }

// lines are the lines of the log, without those about segments, in no order
// but that of their segments.
func (w *world) lines(t tester) [][]byte {
	t.Helper()
	objects, err := w.sink.List(t.Context(), "v1/")
	if err != nil {
		t.Fatalf("List = %v", err)
	}
	var lines [][]byte
	for _, o := range objects {
		for line := range bytes.Lines(w.sink.Bytes(o.Name)) {
			if !bytes.Contains(line, []byte(`"kind":"segment.`)) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// recorded are the records of some kinds, all without any.
func (w *world) recorded(t tester, kinds ...audit.Kind) []record {
	t.Helper()
	var records []record
	for _, line := range w.lines(t) {
		if r := parseRecord(t, line); len(kinds) == 0 || slices.Contains(kinds, r.Kind) {
			records = append(records, r)
		}
	}
	return records
}

func parseRecord(t tester, line []byte) record {
	t.Helper()
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatalf("the line %s: %v", line, err)
	}
	return r
}

// of is the record that an answer's receipt names.
func (w *world) of(t tester, a authorize.Answer) record {
	t.Helper()
	lines := bytes.SplitAfter(w.sink.Bytes(a.Receipt.Segment), []byte{'\n'})
	if a.Receipt.Seq >= uint64(len(lines)) {
		t.Fatalf("receipt = %+v, and the segment has %d lines", a.Receipt, len(lines)-1)
	}
	line := lines[a.Receipt.Seq]
	if sum := sha256.Sum256(line); a.Receipt.Hash != "sha256:"+hex.EncodeToString(sum[:]) {
		t.Fatalf("receipt hash = %s, want that of %s", a.Receipt.Hash, line)
	}
	return parseRecord(t, line)
}

// agree holds an answer against its record.
func (w *world) agree(t tester, a authorize.Answer) {
	t.Helper()
	r := w.of(t, a)
	ts, err := ulid.ParseStrict(a.DecisionID)
	if err != nil {
		t.Fatalf("decisionId = %q: %v", a.DecisionID, err)
	}
	type said struct {
		ID, Correlation, Decision, Identity, Digest, Reason, ApprovalID, ApprovalStatus string
		Code                                                                            policy.Code
		Advice, PolicyIDs                                                               []string
		Packs                                                                           []policy.PackRef
		Obligations                                                                     []policy.Obligation
		Epoch, Age                                                                      int64
		Stale                                                                           bool
		At, Made                                                                        time.Time
	}
	answered := said{
		a.DecisionID, a.CorrelationID, a.Decision.String(), a.Identity.String(), a.RequestDigest, a.Reason, a.Approval.ID, a.Approval.Status,
		a.ReasonCode, a.Advice, a.PolicyIDs, a.Policy.Packs, a.Obligations, a.Policy.Epoch, a.Policy.AgeSeconds, a.Policy.Stale,
		a.EvaluatedAt, ulid.Time(ts.Time()).UTC(),
	}
	recorded := said{
		r.DecisionID, r.CorrelationID, r.Decision, r.Identity, r.RequestDigest, r.Reason, r.ApprovalID, r.ApprovalOutcome,
		r.ReasonCode, r.Advice, r.PolicyIDs, r.Packs, r.Obligations, r.Epoch, r.PolicyAge, r.Stale, r.TS, r.TS,
	}
	if diff := cmp.Diff(recorded, answered); diff != "" {
		t.Errorf("the answer says other than its record (-record +answer):\n%s", diff)
	}
	if want := canonical(a.EffectiveParameters); a.Decision != policy.Deny && r.Action != "bash" && string(r.Parameters) != want {
		t.Errorf("recorded parameters = %s, want %s as answered", r.Parameters, want)
	}
	if a.Grant != "" && w.grants == nil || a.Decision == policy.Deny && len(a.EffectiveParameters.Members()) > 0 {
		t.Errorf("a denial or a service without grants gives %q and %s, want nothing", a.Grant, canonical(a.EffectiveParameters))
	}
	wantNoNil(t, a)
}

// wantNoNil: a slice that is nil would be written as null by somebody.
func wantNoNil(t tester, a authorize.Answer) {
	t.Helper()
	for name, isNil := range map[string]bool{
		"advice": a.Advice == nil, "policyIds": a.PolicyIDs == nil, "packs": a.Policy.Packs == nil, "obligations": a.Obligations == nil,
		"alternatives": a.Alternatives == nil, "warnings": a.Warnings == nil, "trace": a.Trace == nil,
		"triggers": a.Approval.Triggers == nil, "requirements": a.Approval.Requirements == nil,
	} {
		if isNil {
			t.Errorf("%s of %s %s is nil", name, a.Decision, a.ReasonCode)
		}
	}
}

func canonical(v strictjson.Value) string { return string(strictjson.AppendCanonical(nil, v)) }

// openings are the ids of approval.opened events: a reader counts one once.
func (w *world) openings(t tester) []string {
	t.Helper()
	var ids []string
	for _, r := range w.recorded(t, audit.KindApprovalOpened) {
		if !slices.Contains(ids, r.EventID) {
			ids = append(ids, r.EventID)
		}
	}
	return ids
}

// answerText is everything an answer says, to compare.
func answerText(a authorize.Answer) string {
	text, err := json.MarshalIndent(struct {
		authorize.Answer
		EffectiveParameters string
	}{a, canonical(a.EffectiveParameters)}, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}
