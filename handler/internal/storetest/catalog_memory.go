package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
)

// MemoryCatalog is a [catalog.Store] in memory, whose calls can be broken. The
// zero value is empty.
type MemoryCatalog struct {
	Fail func(call string) error // asked before each call: manifest or document

	mu       sync.Mutex
	manifest catalog.Manifest
	revision int
	docs     map[string][]byte
}

var _ catalog.Store = (*MemoryCatalog)(nil)

// Publish makes a manifest of documents; edit may change it before it is seen.
func (m *MemoryCatalog) Publish(edit func(*catalog.Manifest), docs ...policy.Document) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.revision++
	m.docs = maps.Clone(m.docs)
	if m.docs == nil {
		m.docs = map[string][]byte{}
	}
	m.manifest = catalog.Manifest{Schema: catalog.Schema, Environment: "dev", Epoch: int64(m.revision)}
	for _, d := range docs {
		hash := catalog.Hash(d.Text)
		m.docs[hash] = slices.Clone(d.Text)
		m.manifest.Packs = append(m.manifest.Packs, catalog.Entry{File: d.Name, Hash: hash})
	}
	if edit != nil {
		edit(&m.manifest)
	}
}

// Damage puts another text where a document lies.
func (m *MemoryCatalog) Damage(hash, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.docs[hash] = []byte(text)
}

// Manifest implements [catalog.Store].
func (m *MemoryCatalog) Manifest(ctx context.Context, environment string, known catalog.Revision) (catalog.Manifest, catalog.Revision, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.err(ctx, "manifest"); err != nil {
		return catalog.Manifest{}, "", err
	}
	revision := catalog.Revision(strconv.Itoa(m.revision))
	switch {
	case m.revision == 0 || environment != "dev":
		return catalog.Manifest{}, "", fmt.Errorf("manifest of %s: %w", environment, catalog.ErrNotFound)
	case revision == known:
		return catalog.Manifest{}, "", catalog.ErrUnchanged
	}
	out := m.manifest
	out.Packs, out.Suspended = slices.Clone(out.Packs), slices.Clone(out.Suspended)
	return out, revision, nil
}

// Document implements [catalog.Store].
func (m *MemoryCatalog) Document(ctx context.Context, hash string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.err(ctx, "document"); err != nil {
		return nil, err
	}
	text, ok := m.docs[hash]
	if !ok {
		return nil, fmt.Errorf("document %s: %w", hash, catalog.ErrNotFound)
	}
	return slices.Clone(text), nil
}

func (m *MemoryCatalog) err(ctx context.Context, call string) error {
	if err := ctx.Err(); err != nil || m.Fail == nil {
		return err
	}
	return m.Fail(call)
}
