package authorize_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
)

// told is a catalog's change on its way to the log, as the wiring does it.
func (s *shelf) told(t *testing.T, w *world, edit func(*catalog.Manifest), docs ...policy.Document) {
	t.Helper()
	s.store.Publish(edit, docs...)
	change := s.catalog.Start(t.Context(), noon)
	if err := authorize.NewPolicyLog(w.log, "dev", w.clock).Tell(t.Context(), change); err != nil {
		t.Fatalf("Tell = %v", err)
	}
}

// policyEvent is what a reader of the log finds of a policy.
type policyEvent struct {
	Kind    audit.Kind       `json:"kind"`
	TS      time.Time        `json:"ts"`
	EventID string           `json:"eventId"`
	UserUPN string           `json:"userUPN"`
	Reason  string           `json:"reason"`
	Epoch   int64            `json:"epoch"`
	Packs   []policy.PackRef `json:"packs"`
	Detail  struct {
		By, Change string
		LastGood   bool
	} `json:"detail"`
}

func (w *world) policyEvents(t *testing.T) (out []policyEvent) {
	t.Helper()
	for _, line := range w.lines(t) {
		var e policyEvent
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// The log has who published what, under one id on every instance, what each
// instance serves, and what it refused.
func TestTheLogTellsOfPolicies(t *testing.T) {
	w := newWorld(t)
	at := noon.Add(-time.Minute)
	made := func(m *catalog.Manifest) {
		m.Change = catalog.Made{Kind: "policy.rollout", By: "mia@contoso.com", At: at, Detail: "finance@2 to 25 %"}
	}
	for range 2 {
		w.onShelf().told(t, w, made, finance(2), ops(3))
	}
	events := w.policyEvents(t)
	if len(events) != 4 {
		t.Fatalf("the log has %+v, want two events of each instance", events)
	}
	published, activated := events[0], events[1]
	if published.Kind != audit.KindPolicyRollout || !published.TS.Equal(at) || !strings.HasPrefix(published.EventID, "policy.dev.1.") || events[2].EventID != published.EventID {
		t.Errorf("published = %+v, want one rollout on both instances", published)
	}
	if activated.Kind != audit.KindPolicyActivated || !activated.TS.Equal(noon) || activated.EventID == events[3].EventID {
		t.Errorf("activated = %+v, want one of each instance", activated)
	}
	for _, e := range []policyEvent{published, activated} {
		if e.Epoch != 1 || e.UserUPN != "mia@contoso.com" || e.Detail.By != "mia@contoso.com" || e.Reason != "finance@2 to 25 %" || e.Detail.LastGood {
			t.Errorf("%s = %+v, want who did what", e.Kind, e)
		}
		if len(e.Packs) != 2 || e.Packs[0].Version != 2 || e.Packs[0].RulesHash == "" {
			t.Errorf("%s has packs %+v, want both", e.Kind, e.Packs)
		}
	}
}

func TestTheLogTellsOfRefusals(t *testing.T) {
	w := newWorld(t)
	s := w.onShelf()
	s.publish(t, nil, finance(1), ops(3))
	s.told(t, w, func(m *catalog.Manifest) {
		m.Change = catalog.Made{Kind: "policy.published", By: "eve@contoso.com", At: noon}
	}, policy.Document{Name: "bad", Text: []byte(`{"nonsense` + strings.Repeat("x", 5000) + `":1}`)})
	events := w.policyEvents(t)
	if len(events) != 1 || events[0].Kind != audit.KindPolicyRejected || events[0].Epoch != 2 || events[0].Detail.By != "eve@contoso.com" {
		t.Fatalf("the log has %+v, want one refusal of epoch 2", events)
	}
	if n := len(events[0].Reason); n == 0 || n > 1_010 {
		t.Errorf("the reason has %d bytes, want it short", n)
	}
}

// A kind that is none of a publisher's writes no event of it, and trouble with
// the store none at all.
func TestWhatTheLogDoesNotTell(t *testing.T) {
	w := newWorld(t)
	w.onShelf().told(t, w, func(m *catalog.Manifest) {
		m.Change = catalog.Made{Kind: "approval.approved", By: "eve@contoso.com", At: noon}
	}, finance(1))
	if events := w.policyEvents(t); len(events) != 1 || events[0].Kind != audit.KindPolicyActivated {
		t.Errorf("the log has %+v, want that it is active", events)
	}
	if err := authorize.NewPolicyLog(w.log, "dev", nil).Tell(context.Background(), catalog.Change{Err: audit.ErrUnavailable}); err != nil {
		t.Fatal(err)
	}
	if events := w.policyEvents(t); len(events) != 1 {
		t.Errorf("the log has %+v, want nothing of the store", events)
	}
}
