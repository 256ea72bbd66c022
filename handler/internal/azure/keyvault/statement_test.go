package keyvault

import (
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/vault"
)

// T39: statements of long ago count until their version is disabled, and none
// once the vault has not told of its versions for a day.
func TestT39StatementKeys(t *testing.T) {
	w := newWorld(t, vault.Options{})
	v := w.open(t, w.options())
	old := v.StatementKeys().Keys()[0].ID()
	w.clock.move(100 * 24 * time.Hour)
	w.AddKey(keyName)
	w.clock.move(2 * 24 * time.Hour) // the old one is published no more
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.StatementKeys().Key(t.Context(), old); err != nil {
		t.Errorf("a version that is enabled: %v", err)
	}
	w.EditKey(keyName, w.first, func(k *vault.Key) { k.Enabled = false })
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.StatementKeys().Key(t.Context(), old); err == nil {
		t.Error("a version that was disabled still counts")
	}
	w.clock.move(maxUntold)
	if n := len(v.StatementKeys().Keys()); n != 1 {
		t.Errorf("%d keys after a day, want 1", n)
	}
	w.clock.move(time.Second)
	if n := len(v.StatementKeys().Keys()); n != 0 {
		t.Errorf("%d keys of a vault that tells nothing any more, want none", n)
	}
}
