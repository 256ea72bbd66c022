package gate_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/handler/gate"
)

// Whoever goes on after a crash has the key alone. The answer that is given
// again names the request it was given to first, so that one key must always
// make one name.
func TestGoingOnWithAKey(t *testing.T) {
	again := call
	again.CorrelationID, again.IdempotencyKey = "", "order-17"
	ids := map[string]bool{}
	for range 2 {
		s := &scripted{replies: []reply{denied}}
		_, _ = newClient(t, s, gate.Options{Attempts: 1}).Ask(context.Background(), again)
		var sent struct {
			CorrelationID string `json:"correlationId"`
		}
		if err := json.Unmarshal([]byte(s.asked[0].body), &sent); err != nil {
			t.Fatalf("Unmarshal = %v", err)
		}
		if s.asked[0].key != "order-17" || sent.CorrelationID == "" {
			t.Errorf("sent key %q and correlation id %q", s.asked[0].key, sent.CorrelationID)
		}
		ids[sent.CorrelationID] = true
	}
	if len(ids) != 1 {
		t.Errorf("two processes with one key sent the correlation ids %v, want one: the stored answer has the first", ids)
	}
	other := again
	other.IdempotencyKey = "order-18"
	s := &scripted{replies: []reply{denied}}
	_, _ = newClient(t, s, gate.Options{Attempts: 1}).Ask(context.Background(), other)
	for id := range ids {
		if strings.Contains(s.asked[0].body, id) {
			t.Errorf("two keys share the correlation id %q", id)
		}
	}
}
