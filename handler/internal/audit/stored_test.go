package audit

import (
	"errors"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// A record that went through a store is the line it would have been.
func TestStoredRecordIsTheSameLine(t *testing.T) {
	ts := time.Date(2026, 11, 25, 10, 0, 0, 123e6, time.UTC)
	parameters, err := strictjson.Parse([]byte(`{"amount":70000.10,"note":"a\u001bb\u2028","list":[1,{"x":null}]}`), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Record{
		"decision": &Decision{
			TS: ts, DecisionID: "01J", Parameters: parameters, Decision: policy.Allow, ReasonCode: policy.OKApproved,
			Approvers: []string{"mia@contoso.com"}, Roles: []policy.RoleGrant{{Pack: "p", Role: "r", Via: "v"}}, Latency: time.Millisecond,
		},
		"event":   &Event{Kind: KindOutcome, TS: ts, EventID: "e1", Outcome: "executed", Detail: parameters},
		"refused": &Refused{TS: ts, EventID: "e2", Reason: "no"},
	} {
		text, err := Encode(r)
		if err != nil {
			t.Fatalf("Encode(%s) = %v", name, err)
		}
		again, err := Decode(text)
		if err != nil {
			t.Fatalf("Decode(%s) = %v", name, err)
		}
		if got, want := string(again.appendBody(nil)), string(r.appendBody(nil)); got != want || again.kind() != r.kind() {
			t.Errorf("%s came back as %s %s, want %s", name, again.kind(), got, want)
		}
	}
}

func TestStoredRecordIsChecked(t *testing.T) {
	for _, text := range []string{
		``, `[]`, `{}`, `{"kind":"decision"}`, `{"kind":"decision","ts":"x","decisionId":"1"}`,
		`{"kind":"segment.opened","ts":"2026-11-25T10:00:00.000Z","eventId":"1"}`,
		`{"kind":"decision","ts":"2026-11-25T10:00:00.000Z","decisionId":""}`,
		`{"kind":"decision","kind":"decision","ts":"2026-11-25T10:00:00.000Z","decisionId":"1"}`,
	} {
		if _, err := Decode([]byte(text)); !errors.Is(err, ErrRecord) {
			t.Errorf("Decode(%s) = %v, want ErrRecord", text, err)
		}
	}
}
