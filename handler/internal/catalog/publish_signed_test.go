package catalog_test

import (
	"context"
	"errors"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

// signing is a publisher whose manifests are signed, by a hash that stands for
// a signature.
func signing(o *catalog.PublisherOptions) {
	o.Sign = func(_ context.Context, canonical []byte) (string, error) { return catalog.Hash(canonical), nil }
	o.Authentic = func(_ context.Context, m *catalog.Manifest) error {
		if m.Signature != catalog.Hash(m.Canonical()) {
			return errors.New("another signature")
		}
		return nil
	}
}

// T39: what somebody else wrote into the store is signed by no later step.
func TestNoStepIsBuiltOnWhatNobodySigned(t *testing.T) {
	n := newNewsroom(t, signing)
	for _, op := range []string{"publish p@1", "suspend agent a"} {
		if _, err := n.act(n.publisher, op); err != nil {
			t.Fatal(err)
		}
	}
	m, at, err := n.editor.Manifest(t.Context(), "dev", "")
	if err != nil {
		t.Fatal(err)
	}
	m.Epoch, m.Suspended = m.Epoch+1, nil // by a contributor to the database
	if _, err := n.editor.PutManifest(t.Context(), m, at); err != nil {
		t.Fatal(err)
	}
	before, events := len(n.editor.History()), len(n.events)
	for _, op := range []string{"suspend agent b", "publish p@2"} {
		var refused *catalog.RefusedError
		if _, err := n.act(n.publisher, op); !errors.As(err, &refused) || refused.Findings[0].Check != "publish.signature" {
			t.Errorf("%s on a manifest that nobody signed = %v, want it refused", op, err)
		}
	}
	if len(n.editor.History()) != before || len(n.events) != events {
		t.Error("something was written or recorded all the same")
	}
}
