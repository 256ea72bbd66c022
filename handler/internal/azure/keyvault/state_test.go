package keyvault

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/azure"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/vault"
)

// State tells what doctor asks, and no secret.
func TestState(t *testing.T) {
	w := newWorld(t, vault.Options{})
	v := w.open(t, w.options())
	w.clock.move(time.Hour)
	waiting := w.AddKey(keyName)
	w.EditKey(keyName, waiting, func(k *vault.Key) { k.Expires = noon.Add(90 * 24 * time.Hour) })
	s := v.State(t.Context())
	if s.Key != nil || s.Sign != nil || s.Secret != nil || s.Signing == "" || s.KeyID == "" || s.PreviousID != "" || len(s.Versions) != 2 {
		t.Fatalf("State = %+v", s)
	}
	newest := s.Versions[0]
	if newest.Name != waiting || newest.Type != "EC" || newest.Curve != "P-256" || !newest.Enabled || !newest.Published ||
		newest.KeyID == s.Signing || newest.Expires.IsZero() || newest.Fault != "" || !newest.Turn.After(w.clock.read()) {
		t.Errorf("the newest version = %+v", newest)
	}
	// The vault dates its answers by the machine's clock, ours stands in 2026.
	if want := time.Since(w.clock.read()); s.ClockAhead < want-2*time.Minute || s.ClockAhead > want+2*time.Minute {
		t.Errorf("ClockAhead = %v, want about %v", s.ClockAhead, want)
	}
	if text := fmt.Sprintf("%+v", s); strings.Contains(text, "secret\":") {
		t.Errorf("State holds a secret: %s", text)
	}
}

// State names what is wrong where something is.
func TestStateOfTrouble(t *testing.T) {
	w := newWorld(t, vault.Options{})
	inspect := func() State {
		t.Helper()
		s, err := Inspect(t.Context(), w.URL(), keyName, secretName, identity{}, w.options())
		if err != nil {
			t.Fatalf("Inspect = %v", err)
		}
		return s
	}
	w.Break(vault.Fault{Op: vault.Sign, Status: 403, Code: "Forbidden"})
	if s := inspect(); s.Key != nil || azure.StatusOf(s.Sign) != 403 {
		t.Errorf("without the right to sign: %+v", s)
	}
	w.Mend()
	w.EditKey(keyName, w.first, func(k *vault.Key) { k.Enabled = false })
	if s := inspect(); s.Key == nil || s.Signing != "" || len(s.Versions) != 1 || s.Versions[0].Fault != "is disabled" || s.Secret != nil {
		t.Errorf("with the version disabled: %+v", s)
	}
	w.Break(vault.Fault{Status: 503})
	if s := inspect(); azure.StatusOf(s.Key) != 503 || azure.StatusOf(s.Secret) != 503 {
		t.Errorf("with the vault down: %+v", s)
	}
}

func TestClockAhead(t *testing.T) {
	for _, test := range []struct{ sent, received, date, want time.Duration }{
		{0, 0, 0, 0},
		{500 * time.Millisecond, 700 * time.Millisecond, 0, 0},
		{0, 100 * time.Millisecond, 90 * time.Second, 90*time.Second - 100*time.Millisecond},
		{90 * time.Second, 91 * time.Second, 0, -89 * time.Second},
	} {
		if got := clockAhead(noon.Add(test.sent), noon.Add(test.received), noon.Add(test.date)); got != test.want {
			t.Errorf("clockAhead(%v, %v, %v) = %v, want %v", test.sent, test.received, test.date, got, test.want)
		}
	}
}
