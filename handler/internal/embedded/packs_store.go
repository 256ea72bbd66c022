package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

// Packs is a [catalog.Store] over a directory of packs: its manifest is made
// of what the directory holds, and manifest.json there may name suspensions and
// approvalsValidFrom. Where manifest.json names packs, the directory was
// published to (see [Published]), and is served as that manifest says. It is
// safe for concurrent use.
//
// A directory that is empty from the start is a manifest without packs, which
// serves nobody. One whose packs are all gone is an error: that is an accident
// more often than a wish, and a restart makes it one.
type Packs struct {
	fsys fs.FS

	mu    sync.Mutex
	files map[string]packFile // guarded by mu: as last read
	held  map[string][]byte   // guarded by mu: documents of the last two manifests, by hash
	last  map[string][]byte   // guarded by mu: those of the last

	published bool // guarded by mu: the directory was published to
}

// packFile is a file as it was read.
type packFile struct {
	info    fs.FileInfo
	text    []byte
	settled bool // read twice alike since its times changed
}

var _ catalog.Store = (*Packs)(nil)

// NewPacks makes a store over a directory, such as [os.DirFS] or packs embedded
// in the program.
func NewPacks(fsys fs.FS) *Packs { return &Packs{fsys: fsys, files: map[string]packFile{}} }

var errGone = errors.New("every pack is gone from the directory: restart to serve none")

// Manifest implements [catalog.Store].
func (p *Packs) Manifest(ctx context.Context, environment string, known catalog.Revision) (catalog.Manifest, catalog.Revision, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m, revision, published, err := p.readManifest(ctx, known); published || err != nil {
		return m, revision, err
	}
	names, err := p.read()
	if err != nil {
		return catalog.Manifest{}, "", err
	}
	revision := p.revision()
	switch {
	case revision == known:
		return catalog.Manifest{}, "", catalog.ErrUnchanged
	case len(names) == 0 && len(p.last) > 0:
		return catalog.Manifest{}, "", errGone
	}
	m := catalog.Manifest{}
	if f, ok := p.files[manifestFile]; ok {
		if m, err = parseManifest(f.text); err != nil {
			return catalog.Manifest{}, "", err
		}
	}
	m.Schema, m.Environment = catalog.Schema, environment
	p.hold(names, &m)
	return m, revision, nil
}

// read brings p.files up to date and returns the names of the documents.
func (p *Packs) read() ([]string, error) {
	names, err := documentNames(p.fsys)
	if err != nil {
		return nil, err
	}
	files := make(map[string]packFile, len(names)+1)
	for _, name := range append(slices.Clone(names), manifestFile) {
		f, err := p.readFile(name)
		if name == manifestFile && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files[name] = f
	}
	p.files = files
	return names, nil
}

// readFile spares reading a file whose times and size have not changed. That
// proves nothing for a file that was read in the very moment of its last
// change, so each is read once more before that is believed.
func (p *Packs) readFile(name string) (packFile, error) {
	info, err := fs.Stat(p.fsys, name)
	if err != nil {
		return packFile{}, fmt.Errorf("read the packs: %w", err)
	}
	old := p.files[name]
	same := old.info != nil && os.SameFile(old.info, info) && old.info.Size() == info.Size() && old.info.ModTime().Equal(info.ModTime())
	if same && old.settled {
		return old, nil
	}
	text, err := readPackFile(p.fsys, name)
	return packFile{info: info, text: text, settled: same && string(text) == string(old.text)}, err
}

func (p *Packs) revision() catalog.Revision {
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		hash.Write(fmt.Appendf(nil, "%q %s\n", name, catalog.Hash(p.files[name].text)))
	}
	return catalog.Revision(hex.EncodeToString(hash.Sum(nil)))
}

// hold names the documents in the manifest and keeps them as they were read,
// with those of the manifest before.
func (p *Packs) hold(names []string, m *catalog.Manifest) {
	before := p.last
	p.last, p.held = map[string][]byte{}, maps.Clone(before)
	if p.held == nil {
		p.held = map[string][]byte{}
	}
	for _, name := range names {
		text := p.files[name].text
		hash := catalog.Hash(text)
		p.last[hash], p.held[hash] = text, text
		m.Packs = append(m.Packs, catalog.Entry{File: name, Hash: hash})
	}
}

// Document implements [catalog.Store].
func (p *Packs) Document(ctx context.Context, hash string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if p.published {
		return readPublishedDocument(p.fsys, hash)
	}
	text, ok := p.held[hash]
	if !ok {
		return nil, fmt.Errorf("document %s: %w", hash, catalog.ErrNotFound)
	}
	return slices.Clone(text), nil
}
