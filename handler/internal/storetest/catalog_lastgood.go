package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
)

// KeepDocument keeps a document of environment "dev" where a
// [catalog.LastGood] finds it, before the manifest that names it is saved.
type KeepDocument func(t *testing.T, text []byte)

// LastGood runs the contract of [catalog.LastGood]. Open makes a fresh one, in
// which nothing was saved.
func LastGood(t *testing.T, open func(t *testing.T) (catalog.LastGood, KeepDocument)) {
	for name, test := range map[string]func(*testing.T, catalog.LastGood, KeepDocument){
		"nothing is kept at first":         nothingKept,
		"a kept manifest is what was":      keptIsWhatWas,
		"the highest epoch is the newest":  highestIsNewest,
		"saving again is no error":         savingAgain,
		"documents are read by their hash": keptDocuments,
		"an ended context keeps nothing":   endedContextKeeps,
	} {
		t.Run(name, func(t *testing.T) {
			kept, keep := open(t)
			test(t, kept, keep)
		})
	}
}

// keptManifest is one that has everything a manifest can have.
func keptManifest(epoch int64) catalog.Manifest {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	return catalog.Manifest{
		Schema: catalog.Schema, Environment: "dev", Epoch: epoch, IssuedAt: at, ApprovalsValidFrom: at.Add(-time.Hour),
		Packs: []catalog.Entry{
			{Pack: "p", Version: 2, Hash: catalog.Hash([]byte(`{}`)), Mode: catalog.ModeEnforce, Rollout: &catalog.Rollout{BasisPoints: 2500, Salt: "s", Agents: []string{"bot"}, Else: 1}},
			{Pack: "p", Version: 1, Hash: catalog.Hash([]byte(`[]`)), Mode: catalog.ModeEnforce},
		},
		Suspended: []catalog.Suspension{{Kind: catalog.SuspendAgent, ID: "bot", Since: at, By: "mia@contoso.com", Reason: "odd"}},
		Change:    catalog.Made{Kind: "policy.rollout", By: "mia@contoso.com", At: at, Detail: "p@2 to 25 %"},
		Signature: "a.b.c",
	}
}

func save(t *testing.T, kept catalog.LastGood, m catalog.Manifest) {
	t.Helper()
	if err := kept.Save(t.Context(), m); err != nil {
		t.Fatalf("Save(epoch %d) = %v", m.Epoch, err)
	}
}

func wantNewest(t *testing.T, kept catalog.LastGood, want catalog.Manifest) {
	t.Helper()
	got, err := kept.Newest(t.Context(), "dev")
	if err != nil {
		t.Fatalf("Newest = %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Newest (-want +got):\n%s", diff)
	}
}

func nothingKept(t *testing.T, kept catalog.LastGood, _ KeepDocument) {
	_, err := kept.Newest(t.Context(), "dev")
	wantError(t, "Newest of nothing", err, catalog.ErrNotFound)
	save(t, kept, keptManifest(1))
	_, err = kept.Newest(t.Context(), "prod")
	wantError(t, "Newest of another environment", err, catalog.ErrNotFound)
}

func keptIsWhatWas(t *testing.T, kept catalog.LastGood, _ KeepDocument) {
	save(t, kept, keptManifest(7))
	wantNewest(t, kept, keptManifest(7))
}

func highestIsNewest(t *testing.T, kept catalog.LastGood, _ KeepDocument) {
	for _, epoch := range []int64{2, 10, 9, 1} {
		save(t, kept, keptManifest(epoch))
	}
	wantNewest(t, kept, keptManifest(10))
}

func savingAgain(t *testing.T, kept catalog.LastGood, _ KeepDocument) {
	for range 3 {
		save(t, kept, keptManifest(3))
		wantNewest(t, kept, keptManifest(3))
	}
}

func keptDocuments(t *testing.T, kept catalog.LastGood, keep KeepDocument) {
	keep(t, []byte(`{}`))
	keep(t, []byte(`[]`))
	save(t, kept, keptManifest(1))
	for _, want := range []string{`{}`, `[]`} {
		got, err := kept.Document(t.Context(), "dev", catalog.Hash([]byte(want)))
		if err != nil || string(got) != want {
			t.Errorf("Document = %q, %v, want %s", got, err, want)
		}
	}
	_, err := kept.Document(t.Context(), "dev", catalog.Hash([]byte("never")))
	wantError(t, "Document that was never kept", err, catalog.ErrNotFound)
	if _, err := kept.Document(t.Context(), "dev", "../x"); err == nil {
		t.Error("Document by what is no hash = nil, want an error")
	}
}

func endedContextKeeps(t *testing.T, kept catalog.LastGood, _ KeepDocument) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := kept.Save(ended, keptManifest(1)); err == nil {
		t.Error("Save with an ended context = nil, want an error")
	}
	_, err := kept.Newest(t.Context(), "dev")
	wantError(t, "Newest after it", err, catalog.ErrNotFound)
}

// MemoryLastGood is a [catalog.LastGood] in memory, whose calls can be broken.
// The zero value is empty.
type MemoryLastGood struct {
	// Fail is asked before each call: "save", "newest" or "document". It may
	// wait. nil: nothing fails.
	Fail func(ctx context.Context, call string) error

	mu        sync.Mutex
	manifests map[int64][]byte
	docs      map[string][]byte
}

var _ catalog.LastGood = (*MemoryLastGood)(nil)

// KeepPacks keeps the documents of a set: a catalog's BeforeUse.
func (m *MemoryLastGood) KeepPacks(_ context.Context, set *policy.Set) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.docs == nil {
		m.docs = map[string][]byte{}
	}
	for _, text := range set.Documents() {
		m.docs[catalog.Hash(text)] = slices.Clone(text)
	}
	return nil
}

// Keep is [MemoryLastGood.KeepPacks] for one document.
func (m *MemoryLastGood) Keep(text []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.docs == nil {
		m.docs = map[string][]byte{}
	}
	m.docs[catalog.Hash(text)] = slices.Clone(text)
}

// Edit changes everything that is kept, as somebody would who can write there.
// A nil function leaves its part.
func (m *MemoryLastGood) Edit(manifest, document func([]byte) []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for epoch, text := range m.manifests {
		if manifest != nil {
			m.manifests[epoch] = manifest(slices.Clone(text))
		}
	}
	for hash, text := range m.docs {
		if document != nil {
			m.docs[hash] = document(slices.Clone(text))
		}
	}
}

func (m *MemoryLastGood) fail(ctx context.Context, call string) error {
	if m.Fail != nil {
		if err := m.Fail(ctx, call); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Save implements [catalog.LastGood].
func (m *MemoryLastGood) Save(ctx context.Context, manifest catalog.Manifest) error {
	if err := m.fail(ctx, "save"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.manifests == nil {
		m.manifests = map[int64][]byte{}
	}
	m.manifests[manifest.Epoch] = manifest.Encode()
	return nil
}

// Newest implements [catalog.LastGood].
func (m *MemoryLastGood) Newest(ctx context.Context, environment string) (catalog.Manifest, error) {
	if err := m.fail(ctx, "newest"); err != nil {
		return catalog.Manifest{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	newest, found := int64(0), false
	for epoch := range m.manifests {
		if !found || epoch > newest {
			newest, found = epoch, true
		}
	}
	if !found || environment != "dev" {
		return catalog.Manifest{}, fmt.Errorf("manifest of %s: %w", environment, catalog.ErrNotFound)
	}
	return catalog.ParseManifest(m.manifests[newest])
}

// Document implements [catalog.LastGood].
func (m *MemoryLastGood) Document(ctx context.Context, environment, hash string) ([]byte, error) {
	if err := m.fail(ctx, "document"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	text, ok := m.docs[hash]
	if !ok || environment != "dev" {
		return nil, errors.Join(fmt.Errorf("document %s", hash), catalog.ErrNotFound)
	}
	return slices.Clone(text), nil
}
