package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/policy"
)

// What the tests of approvals share.
const (
	Tenant = "11111111-1111-1111-1111-111111111111"
	Flow   = "aaaaaaaa-0000-4000-8000-000000000001" // an asking application
)

// Noon is when the tests' clock begins.
var Noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Key is the tests' environment key.
var Key = policy.NewKey("k2", []byte(strings.Repeat("2", 32)))

// CallOf is a call that differs from others by its name.
func CallOf(name string) approval.Call {
	return approval.Call{Tenant: Tenant, Application: Flow, Digest: "hmac-sha256:" + name}
}

// Order asks for an approval of a purchase order.
func Order(name string) approval.OpenRequest {
	return approval.OpenRequest{
		Call: CallOf(name), DecisionID: "01JD" + name, CorrelationID: "c-" + name,
		Agent: "finance-agent", User: policy.User{ID: "ana", UPN: "ana@contoso.com"}, Identity: policy.Asserted, Door: "authorize",
		Action: "CreatePO", Title: "Create purchase order", ResourceType: "PurchaseOrder", ResourceID: "PO-1",
		Received: []byte(`{"agentId":"finance-agent","parameters":{"amount":70000.00}}`), Canonical: []byte(`{"amount":"70000"}`),
		Requirements: []policy.Requirement{{
			PolicyID: "finance/over", Approvers: []string{"role:Manager"}, Need: 1,
			ApproveWithin: 8 * time.Hour, ExecuteWithin: 24 * time.Hour,
		}},
		Triggers: []string{"overLimit"}, Packs: []policy.PackRef{{Pack: "finance", Version: 12, Hash: "sha256:1", RulesHash: "sha256:2"}},
		Facts: []approval.Fact{{Label: "Amount", Value: "70,000 EUR"}, {Label: "IBAN", Value: "****4711", Mark: "masked"}},
		Risk:  "medium", RiskScore: "40",
	}
}

// ErrLog is what an [EventLog] that is down says.
var ErrLog = errors.New("the log is down")

// EventLog is a log that remembers. The zero value is empty and takes all.
type EventLog struct {
	Down func() error // asked before an entry is taken; nil takes it

	mu       sync.Mutex
	entries  []approval.Entry
	refusals []approval.Refusal
}

var _ approval.Log = (*EventLog)(nil)

// Append implements [approval.Log].
func (l *EventLog) Append(_ context.Context, e approval.Entry) (audit.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Down != nil {
		if err := l.Down(); err != nil {
			return audit.Receipt{}, err
		}
	}
	doc := *e.Document
	l.entries = append(l.entries, approval.Entry{Event: e.Event, Document: &doc})
	n := uint64(len(l.entries))
	return audit.Receipt{Segment: "memory", Seq: n, Hash: fmt.Sprintf("sha256:%064x", n)}, nil
}

// Refuse implements [approval.Log].
func (l *EventLog) Refuse(_ context.Context, r approval.Refusal) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Down != nil {
		if err := l.Down(); err != nil {
			return err
		}
	}
	l.refusals = append(l.refusals, r)
	return nil
}

// Refusals are the attempts that changed nothing, in order.
func (l *EventLog) Refusals() []approval.Refusal {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refusals[:len(l.refusals):len(l.refusals)]
}

// Entries are what was taken, in order.
func (l *EventLog) Entries() []approval.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[:len(l.entries):len(l.entries)]
}

// Lines are the entries as "kind status".
func (l *EventLog) Lines() []string {
	lines := []string{}
	for _, e := range l.Entries() {
		lines = append(lines, fmt.Sprintf("%s %s", e.Event.Kind, e.Event.Status))
	}
	return lines
}
