package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// archive is a log that a test writes with a clock of its own.
type archive struct {
	*testing.T
	sink *storetest.MemorySink
	now  time.Time
	log  *audit.Log
	ids  int
	pack policy.PackRef
}

const packDocument = `{"approvals":[{"approvers":["entitled"],"id":"po-over-limit","on":["overLimit"]}],` +
	`"entitlements":[{"id":"po-analyst","limit":{"max":"50000","parameter":"amount"},"roles":["FinanceAnalyst"]}],"pack":"finance","version":12}`

func newArchive(t *testing.T) *archive {
	a := &archive{T: t, sink: &storetest.MemorySink{}, now: time.Date(2026, 11, 21, 10, 15, 0, 0, time.UTC)}
	o := options()
	o.Clock = func() time.Time { return a.now }
	a.log = openLog(t, a.sink, o)
	sum := sha256.Sum256([]byte(packDocument))
	a.pack = policy.PackRef{Pack: "finance", Version: 12, Hash: "sha256:" + hex.EncodeToString(sum[:]), RulesHash: "sha256:00"}
	if err := a.log.KeepPack(t.Context(), a.pack.Hash, []byte(packDocument)); err != nil {
		t.Fatal(err)
	}
	return a
}

// id is a ULID of the clock.
func (a *archive) id() string {
	a.ids++
	return ulid.MustNew(ulid.Timestamp(a.now), bytes.NewReader(fmt.Appendf(nil, "%010d", a.ids))).String()
}

func (a *archive) write(r audit.Record) audit.Receipt {
	a.Helper()
	receipt, err := a.log.Append(a.Context(), r)
	if err != nil {
		a.Fatal(err)
	}
	return receipt
}

// decide writes a decision about a resource and returns it.
func (a *archive) decide(resource string, change func(*audit.Decision)) *audit.Decision {
	a.Helper()
	d := &audit.Decision{
		TS: a.now, DecisionID: a.id(), CorrelationID: "po-2026-000123", Door: "authorize", Mode: "enforce", TenantID: "tenant-1",
		AgentID: "finance-agent", CallerApp: "app-1", UserUPN: "ana@contoso.com", Identity: policy.Asserted,
		Roles:  []policy.RoleGrant{{Pack: "finance", Role: "FinanceAnalyst", Via: "user:ana@contoso.com"}},
		Action: "CreatePO", Resource: audit.Resource{Type: "PurchaseOrder", ID: resource, Region: "EU", Classification: "Internal"},
		Parameters: strictjson.ObjectOf(strictjson.Member{Name: "amount", Value: strictjson.NumberOf("70000")}),
		Decision:   policy.RequireApproval, ReasonCode: policy.ApprovalRequired, Reason: "70000 EUR is over the limit of FinanceAnalyst.",
		PolicyIDs: []string{"finance/po-analyst", "finance/po-over-limit"}, Packs: []policy.PackRef{a.pack},
		Epoch: 3, PolicyAge: 4 * time.Second,
	}
	if change != nil {
		change(d)
	}
	a.write(d)
	return d
}

func (a *archive) why(id string, change func(*audit.Query)) audit.Story {
	a.Helper()
	q := audit.Query{ID: id, Now: a.now}
	if change != nil {
		change(&q)
	}
	story, err := audit.Why(a.Context(), a.sink, q)
	if err != nil {
		a.Fatalf("Why(%s) = %v, want nil", id, err)
	}
	return story
}

// The whole story of an order that needed a person.
func (a *archive) order() (asked, ran *audit.Decision) {
	asked = a.decide("PO-1001", func(d *audit.Decision) { d.ApprovalID = "apr_slot-1" })
	a.write(&audit.ApprovalOpened{
		TS: a.now, EventID: a.id(), ApprovalID: "apr_slot-1", DecisionID: asked.DecisionID, TenantID: "tenant-1", Action: "CreatePO",
		Facts: []audit.Fact{{Label: "Amount", Value: "70000 EUR"}},
	})
	a.now = a.now.Add(3 * time.Hour)
	vote := &audit.Event{
		Kind: audit.KindApprovalVoted, TS: a.now, EventID: a.id(), ApprovalID: "apr_slot-1", TenantID: "tenant-1", UserID: "oid-mia",
		UserUPN: "mia@contoso.com", Outcome: "approve", Comment: "as agreed",
	}
	a.write(vote)
	a.write(vote) // an unlogged event is appended by whoever reads it, perhaps twice
	a.now = a.now.Add(time.Hour)
	ran = a.decide("PO-1001", func(d *audit.Decision) {
		d.Decision, d.ReasonCode, d.ApprovalID, d.ApprovalOutcome = policy.Allow, policy.OKApproved, "apr_slot-1", "consumed"
	})
	a.write(&audit.Event{Kind: audit.KindApprovalConsumed, TS: a.now, EventID: a.id(), ApprovalID: "apr_slot-1", DecisionID: ran.DecisionID, TenantID: "tenant-1"})
	a.now = a.now.Add(time.Hour)
	replay := *ran
	replay.As = audit.KindReplayed
	a.write(&replay)
	a.write(&audit.Event{Kind: audit.KindOutcome, TS: a.now, EventID: a.id(), DecisionID: ran.DecisionID, CallerApp: "app-1", TenantID: "tenant-1", Outcome: "executed", Reason: "PO 4500012"})
	a.write(&audit.Event{Kind: audit.KindOutcome, TS: a.now, EventID: a.id(), DecisionID: ran.DecisionID, CallerApp: "app-2", TenantID: "tenant-1", Outcome: "failed", Reason: "not from who asked"})
	return asked, ran
}

func kinds(entries []audit.Entry) []audit.Kind {
	var all []audit.Kind
	for _, e := range entries {
		all = append(all, e.Kind)
	}
	return all
}

func TestWhyByDecision(t *testing.T) {
	a := newArchive(t)
	_, ran := a.order()
	a.decide("PO-2002", nil)
	story := a.why(ran.DecisionID, nil)
	if len(story.Decisions) != 1 || story.More || len(story.Events) != 0 {
		t.Fatalf("Why() tells %d decisions, more %t, and %v besides, want one decision", len(story.Decisions), story.More, kinds(story.Events))
	}
	got := story.Decisions[0]
	if diff := cmp.Diff([]audit.Kind{"approval.opened", "approval.voted", "approval.consumed"}, kinds(got.Approval)); diff != "" {
		t.Errorf("Approval (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]audit.Kind{"outcome"}, kinds(got.Outcomes)); diff != "" || !strings.Contains(string(got.Outcomes[0].Record), "PO 4500012") {
		t.Errorf("Outcomes = %v, want only that of the application that asked", got.Outcomes)
	}
	if len(got.Replays) != 1 {
		t.Errorf("%d replays, want 1", len(got.Replays))
	}
	if diff := cmp.Diff([]audit.HeldRole{{Role: "finance/FinanceAnalyst", Via: "user:ana@contoso.com"}}, got.Roles); diff != "" {
		t.Errorf("Roles (-want +got):\n%s", diff)
	}
	want := []audit.RuleText{
		{ID: "finance/po-analyst", Pack: "finance", Version: 12, Hash: a.pack.Hash, Section: "entitlements", Text: json.RawMessage(`{"id":"po-analyst","limit":{"max":"50000","parameter":"amount"},"roles":["FinanceAnalyst"]}`)},
		{ID: "finance/po-over-limit", Pack: "finance", Version: 12, Hash: a.pack.Hash, Section: "approvals", Text: json.RawMessage(`{"approvers":["entitled"],"id":"po-over-limit","on":["overLimit"]}`)},
	}
	if diff := cmp.Diff(want, got.Rules); diff != "" {
		t.Errorf("Rules (-want +got):\n%s", diff)
	}
	for i, v := range story.Segments {
		if want := map[bool]audit.Integrity{true: audit.Verified, false: audit.OpenEnd}[i < len(story.Segments)-1]; v.Integrity != want {
			t.Errorf("verdict %d of %d = %+v, want %s", i, len(story.Segments), v, want)
		}
	}
}

func TestWhyByOtherIDs(t *testing.T) {
	a := newArchive(t)
	asked, ran := a.order()
	for i := range 25 {
		a.now = a.now.Add(time.Minute)
		a.decide("PO-many", func(d *audit.Decision) { d.CorrelationID = fmt.Sprintf("c-%d", i) })
	}
	for id, want := range map[string][]string{
		"apr_slot-1":     {ran.DecisionID, asked.DecisionID},
		"po-2026-000123": {ran.DecisionID, asked.DecisionID},
		"PO-1001":        {ran.DecisionID, asked.DecisionID},
	} {
		var got []string
		for _, d := range a.why(id, nil).Decisions {
			var record struct{ DecisionID string }
			if err := json.Unmarshal(d.Decision.Record, &record); err != nil {
				t.Fatal(err)
			}
			got = append(got, record.DecisionID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Why(%s) (-want +got):\n%s", id, diff)
		}
	}
	if many := a.why("PO-many", nil); len(many.Decisions) != 20 || !many.More {
		t.Errorf("Why(PO-many) tells %d decisions, more %t, want 20 and more", len(many.Decisions), many.More)
	}
	if few := a.why("PO-many", func(q *audit.Query) { q.Limit = 3 }); len(few.Decisions) != 3 {
		t.Errorf("Why(PO-many, 3) tells %d decisions, want 3", len(few.Decisions))
	}
}

// What is named somewhere in a record is not what the record is about, and
// the range is what was asked for.
func TestWhyFindsNothingElse(t *testing.T) {
	a := newArchive(t)
	a.decide("PO-1", func(d *audit.Decision) { d.Reason, d.AgentID = "see PO-7", "PO-8" })
	a.now = a.now.Add(40 * 24 * time.Hour)
	a.decide("PO-2", nil)
	for _, id := range []string{"PO-7", "PO-8", "PO-1", "", "01JD0000000000000000000000", `PO"`} {
		if story, err := audit.Why(t.Context(), a.sink, audit.Query{ID: id, Now: a.now}); !errors.Is(err, audit.ErrNoStory) {
			t.Errorf("Why(%q) = %+v, %v, want ErrNoStory", id, story, err)
		}
	}
	if story := a.why("PO-1", func(q *audit.Query) { q.Since = a.now.Add(-41 * 24 * time.Hour) }); len(story.Decisions) != 1 {
		t.Errorf("Why(PO-1) further back tells %d decisions, want 1", len(story.Decisions))
	}
}

// FR38: the id says 19 h, the record lies in 20 h; and a clock set back.
func TestWhyAcrossTheHour(t *testing.T) {
	a := newArchive(t)
	a.now = time.Date(2026, 11, 21, 19, 59, 59, 990e6, time.UTC)
	id, ts := a.id(), a.now
	a.now = a.now.Add(410 * time.Millisecond)
	late := a.decide("PO-1", func(d *audit.Decision) { d.DecisionID, d.TS = id, ts })
	a.now = a.now.Add(-90 * time.Second)
	back := a.decide("PO-2", nil)
	for _, d := range []*audit.Decision{late, back} {
		if story := a.why(d.DecisionID, nil); len(story.Decisions) != 1 {
			t.Errorf("Why(%s) tells %d decisions, want 1", d.DecisionID, len(story.Decisions))
		}
	}
	closeLog(t, a.log)
	check(t, a.sink, nil)
}

func TestWhyWithoutThePack(t *testing.T) {
	a := newArchive(t)
	d := a.decide("PO-1", func(d *audit.Decision) { d.PolicyIDs = append(d.PolicyIDs, "hr/x", "finance/gone") })
	missing := func() (texts []string) {
		for _, r := range a.why(d.DecisionID, nil).Decisions[0].Rules {
			texts = append(texts, r.Missing)
		}
		return texts
	}
	noPack, noRule := "the record names no pack for it", "the pack has no such rule"
	if diff := cmp.Diff([]string{"", "", noPack, noRule}, missing()); diff != "" {
		t.Errorf("Missing (-want +got):\n%s", diff)
	}
	name := "v1/env=dev/packs/" + strings.TrimPrefix(a.pack.Hash, "sha256:") + ".json"
	a.sink.Tamper(name, []byte(strings.Replace(packDocument, "50000", "90000", 1)))
	changed := "the pack that was kept does not have its hash"
	if diff := cmp.Diff([]string{changed, changed, noPack, changed}, missing()); diff != "" {
		t.Errorf("Missing with a changed pack (-want +got):\n%s", diff)
	}
	a.sink.Tamper(name, nil)
	gone := "the pack was not kept in the log"
	if diff := cmp.Diff([]string{gone, gone, noPack, gone}, missing()); diff != "" {
		t.Errorf("Missing without the pack (-want +got):\n%s", diff)
	}
}

// A story says when what it rests on was tampered with.
func TestWhyOfATamperedLog(t *testing.T) {
	a := newArchive(t)
	d := a.decide("PO-1", nil)
	a.decide("PO-2", nil)
	a.decide("PO-3", nil)
	name := a.why(d.DecisionID, nil).Segments[0].Segment
	a.sink.Tamper(name, bytes.Replace(a.sink.Bytes(name), []byte("ana@"), []byte("bob@"), 1))
	story := a.why(d.DecisionID, nil)
	if v := story.Segments[0]; v.Integrity != audit.Failed || len(v.Findings) != 1 || v.Findings[0].Line != 2 {
		t.Errorf("verdict = %+v, want failed at line 2", v)
	}
	var text strings.Builder
	if err := story.WriteText(&text); err != nil || !strings.Contains(text.String(), "CHAIN BROKEN") {
		t.Errorf("WriteText() = %v:\n%s\nwant it to say that the chain is broken", err, text.String())
	}
}

// Records of a batch whose callers got an error may be in the log: they are
// told as what they are.
func TestWhyOfUncertainRecords(t *testing.T) {
	c := uncertainChain(t)
	story, err := audit.Why(t.Context(), c.sink, audit.Query{ID: "u01", Now: time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC)})
	if err != nil || len(story.Decisions) != 1 || !story.Decisions[0].Decision.Uncertain {
		t.Fatalf("Why(u01) = %+v, %v, want one uncertain decision", story, err)
	}
	if v := story.Segments[0].Integrity; v != audit.Verified {
		t.Errorf("verdict = %s, want verified", v)
	}
	// Bytes that prove nothing are not told: part of the frame, made up.
	name, data := c.names[0], c.sink.Bytes(c.names[0])
	i := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
	forged := bytes.Replace(data[i:], []byte(`"latencyUs":0,`), nil, 1)
	forged = bytes.Replace(forged, []byte(`"u00"`), []byte(`"u77"`), 1)
	c.sink.Tamper(name, append(bytes.Clone(data[:i]), forged...))
	if story, err := audit.Why(t.Context(), c.sink, audit.Query{ID: "u77", Now: time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC)}); !errors.Is(err, audit.ErrNoStory) {
		t.Errorf("Why(a forged record in a torn end) = %+v, %v, want ErrNoStory", story, err)
	}
}

func TestWriteText(t *testing.T) {
	a := newArchive(t)
	_, ran := a.order()
	var text strings.Builder
	if err := a.why(ran.DecisionID, nil).WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"2026-11-21 14:15:00.000Z  ALLOW  ok.approved", "agent finance-agent for ana@contoso.com (asserted), through application app-1",
		`{"amount":70000}`, "70000 EUR is over the limit", `"max":"50000"`, "finance/FinanceAnalyst through user:ana@contoso.com",
		"epoch 3, checked 4 s before, current", "shown: Amount: 70000 EUR", "approve  by mia@contoso.com (oid-mia)", `"as agreed"`,
		"executed  PO 4500012", "the same answer was given", "chain verified",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("WriteText() lacks %q:\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "not from who asked") {
		t.Error("WriteText() shows the outcome that another application claimed")
	}
}

// An id that everything has, chosen by a caller, costs no more than what is
// told of it.
func TestWhyOfAnIDThatEverythingHas(t *testing.T) {
	a := newArchive(t)
	for range 60 {
		a.now = a.now.Add(time.Hour)
		for range 3 {
			a.decide("PO-1", nil)
		}
	}
	story := a.why("PO-1", func(q *audit.Query) { q.Limit = 5 })
	if len(story.Decisions) != 5 || !story.More || !story.Decisions[0].Decision.Time.Equal(a.now) {
		t.Errorf("Why() tells %d decisions, more %t, want the newest 5 and more", len(story.Decisions), story.More)
	}
	if n := len(story.Segments); n > 20 {
		t.Errorf("Why() rests on %d segments, want a few", n)
	}
}
