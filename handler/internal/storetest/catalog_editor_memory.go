package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

// EditorFault is what goes wrong with one call of a [MemoryEditor]. The zero
// fault is none.
type EditorFault struct {
	Before error // the caller gets it, and nothing took effect
	After  error // the caller gets it, although the call took effect
	Late   bool  // with Before: a write takes effect in front of the next call
}

// MemoryEditor is a [catalog.Editor] in memory: the plainest code that keeps
// the contract, whose calls can be broken. The zero value is empty.
type MemoryEditor struct {
	// Fault is asked at each call, one at a time: "manifest", "document",
	// "versions", "put document" or "put manifest". nil: none.
	Fault func(call string) EditorFault

	mu        sync.Mutex
	counter   int
	manifests map[string]editorManifest
	versions  []catalog.Published
	late      []func()
	history   []catalog.Manifest
}

type editorManifest struct {
	text     []byte
	revision catalog.Revision
}

var _ catalog.Editor = (*MemoryEditor)(nil)

// History is every manifest that ever took effect, in that order.
func (m *MemoryEditor) History() []catalog.Manifest {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.history)
}

// call runs one call under the lock, with whatever goes wrong with it.
func (m *MemoryEditor) call(ctx context.Context, name string, do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, land := range m.late {
		land()
	}
	m.late = nil
	if err := ctx.Err(); err != nil {
		return err
	}
	fault := EditorFault{}
	if m.Fault != nil {
		fault = m.Fault(name)
	}
	if fault.Before != nil {
		if fault.Late {
			m.late = append(m.late, func() { _ = do() })
		}
		return fault.Before
	}
	return cmp.Or(do(), fault.After)
}

// Manifest implements [catalog.Store].
func (m *MemoryEditor) Manifest(ctx context.Context, environment string, known catalog.Revision) (out catalog.Manifest, revision catalog.Revision, err error) {
	err = m.call(ctx, "manifest", func() (err error) {
		stored, ok := m.manifests[environment]
		switch {
		case !ok:
			return fmt.Errorf("manifest of %s: %w", environment, catalog.ErrNotFound)
		case stored.revision == known:
			return catalog.ErrUnchanged
		}
		revision = stored.revision
		out, err = catalog.ParseManifest(stored.text)
		return err
	})
	if err != nil {
		return catalog.Manifest{}, "", err
	}
	return out, revision, nil
}

// Document implements [catalog.Store].
func (m *MemoryEditor) Document(ctx context.Context, hash string) (text []byte, err error) {
	err = m.call(ctx, "document", func() error {
		i := slices.IndexFunc(m.versions, func(p catalog.Published) bool { return p.Hash == hash })
		if i < 0 {
			return fmt.Errorf("document %s: %w", hash, catalog.ErrNotFound)
		}
		text = slices.Clone(m.versions[i].Text)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return text, nil
}

// PutDocument implements [catalog.Editor].
func (m *MemoryEditor) PutDocument(ctx context.Context, p catalog.Published) error {
	p.Text = slices.Clone(p.Text)
	return m.call(ctx, "put document", func() error {
		if catalog.Hash(p.Text) != p.Hash {
			return errors.New("the document has another hash")
		}
		same := func(q catalog.Published) bool {
			return q.Environment == p.Environment && q.Pack == p.Pack && q.Version == p.Version
		}
		if i := slices.IndexFunc(m.versions, same); i >= 0 {
			if m.versions[i].Hash != p.Hash {
				return catalog.ErrExists
			}
			return nil
		}
		m.versions = append(m.versions, p)
		return nil
	})
}

// Versions implements [catalog.Editor].
func (m *MemoryEditor) Versions(ctx context.Context, environment, pack string) (out []catalog.Published, err error) {
	err = m.call(ctx, "versions", func() error {
		for _, p := range m.versions {
			if p.Environment == environment && (pack == "" || p.Pack == pack) {
				p.Text = nil
				out = append(out, p)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b catalog.Published) int {
		return cmp.Or(cmp.Compare(a.Pack, b.Pack), cmp.Compare(a.Version, b.Version))
	})
	return out, nil
}

// PutManifest implements [catalog.Editor].
func (m *MemoryEditor) PutManifest(ctx context.Context, next catalog.Manifest, was catalog.Revision) (revision catalog.Revision, err error) {
	text := next.Encode()
	err = m.call(ctx, "put manifest", func() error {
		if m.manifests[next.Environment].revision != was {
			return catalog.ErrConflict
		}
		stored, err := catalog.ParseManifest(text)
		if err != nil {
			return err
		}
		if m.manifests == nil {
			m.manifests = map[string]editorManifest{}
		}
		m.counter++
		revision = catalog.Revision(strconv.Itoa(m.counter))
		m.manifests[next.Environment] = editorManifest{text, revision}
		m.history = append(m.history, stored)
		return nil
	})
	if err != nil {
		return "", err
	}
	return revision, nil
}
