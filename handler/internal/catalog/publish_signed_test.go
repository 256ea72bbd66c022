package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
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

// swapped is a store in which somebody put another document under a version.
type swapped struct {
	*storetest.MemoryEditor
	version int
	hash    string
}

func (s swapped) Versions(ctx context.Context, environment, pack string) ([]catalog.Published, error) {
	all, err := s.MemoryEditor.Versions(ctx, environment, pack)
	for i := range all {
		if all[i].Version == s.version {
			all[i].Hash = s.hash
		}
	}
	return all, err
}

// T35, T39: a rollback takes back what was published under that number, and
// not what the store says now.
func TestRollbackTakesWhatWasPublished(t *testing.T) {
	n := newNewsroom(t, signing)
	for _, op := range []string{"publish p@1", "publish p@2", "rollback p@1", "publish p@3"} {
		if _, err := n.act(n.publisher, op); err != nil {
			t.Fatalf("%s: %v", op, err)
		}
	}
	text := edition("p", 1, `,"regions":["EU"]`).Text
	other := catalog.Published{Environment: "other", Pack: "p", Version: 1, Hash: catalog.Hash(text), Text: text}
	if err := n.editor.PutDocument(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	poisoned := n.by("ana", swapped{n.editor, 1, other.Hash}, signing)
	for _, op := range []string{"rollback p@1", "rollout p@1 5000"} {
		var refused *catalog.RefusedError
		if _, err := n.act(poisoned, op); !errors.As(err, &refused) || refused.Findings[0].Check != "publish.signature" {
			t.Errorf("%s of another document = %v, want it refused", op, err)
		}
	}
	if _, err := n.act(n.publisher, "rollback p@1"); err != nil {
		t.Errorf("rollback of what was published: %v", err)
	}
}

// A manifest remembers the newest versions of each pack, each once.
func TestManifestsRememberTheNewestVersions(t *testing.T) {
	n := newNewsroom(t, signing)
	for v := range 60 {
		if _, err := n.act(n.publisher, fmt.Sprintf("publish p@%d", v+1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.act(n.publisher, "publish q@1"); err != nil {
		t.Fatal(err)
	}
	m, _, err := n.editor.Manifest(t.Context(), "dev", "")
	if err != nil || len(m.Versions) != 51 || m.Versions[0].Version != 60 || m.Versions[49].Version != 11 || m.Versions[50].Pack != "q" {
		t.Errorf("it remembers %d versions, %v", len(m.Versions), err)
	}
	if _, err := n.act(n.publisher, "rollback p@11"); err != nil {
		t.Errorf("the oldest that it remembers: %v", err)
	}
	if _, err := n.act(n.publisher, "rollback p@10"); err == nil {
		t.Error("one that it does not remember came back")
	}
}
