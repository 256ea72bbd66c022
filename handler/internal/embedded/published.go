package embedded

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

// lockWait is how long a publisher waits for another one to finish.
const lockWait = 10 * time.Second

// Published is a [catalog.Editor] over a directory: a published one, or one
// that becomes it with its first manifest. Its manifests are of one environment.
// What it writes is durable and appears whole or not at all; two processes may
// publish to one directory.
//
// Over a folder of packs that is served as it is (see [Packs]) it keeps the
// suspensions and approvalsValidFrom in manifest.json, and nothing else.
type Published struct {
	dir string

	mu    sync.Mutex
	plain *Packs // guarded by mu: of the last manifest, if that was of such a folder
}

var _ catalog.Editor = (*Published)(nil)

// NewPublished makes an editor of a directory, which is made at the first
// write if it is not there.
func NewPublished(dir string) *Published { return &Published{dir: dir} }

func (p *Published) fsys() fs.FS { return os.DirFS(p.dir) }

// Manifest implements [catalog.Store].
func (p *Published) Manifest(ctx context.Context, environment string, known catalog.Revision) (catalog.Manifest, catalog.Revision, error) {
	m, revision, plain, err := p.read(ctx, environment)
	if err != nil {
		return catalog.Manifest{}, "", err
	}
	if revision == known {
		return catalog.Manifest{}, "", catalog.ErrUnchanged
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plain = plain
	return m, revision, nil
}

// read reads what the directory holds now; plain is nil for a published one.
func (p *Published) read(ctx context.Context, environment string) (m catalog.Manifest, revision catalog.Revision, plain *Packs, err error) {
	if err := ctx.Err(); err != nil {
		return m, "", nil, err
	}
	text, err := readPublished(p.fsys())
	if err != nil {
		return m, "", nil, err
	}
	if text != nil {
		m, err = catalog.ParseManifest(text)
		return m, catalog.Revision(catalog.Hash(text)), nil, err
	}
	if empty, err := p.empty(); empty || err != nil {
		return m, "", nil, cmp.Or(err, fmt.Errorf("manifest of %s: %w", environment, catalog.ErrNotFound))
	}
	plain = NewPacks(p.fsys())
	m, revision, err = plain.Manifest(ctx, environment, "")
	return m, revision, plain, err
}

// empty reports whether nothing in the directory is served, or it is not there.
func (p *Published) empty() (bool, error) {
	names, err := documentNames(p.fsys())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, err
	}
	_, err = fs.Stat(p.fsys(), manifestFile)
	return len(names) == 0 && errors.Is(err, fs.ErrNotExist), nil
}

// Document implements [catalog.Store].
func (p *Published) Document(ctx context.Context, hash string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	plain := p.plain
	p.mu.Unlock()
	if plain != nil {
		return plain.Document(ctx, hash)
	}
	return readPublishedDocument(p.fsys(), hash)
}

// versionFile is the form of a file in versions/.
type versionFile struct {
	Environment string `json:"environment"`
	Pack        string `json:"pack"`
	Version     int    `json:"version"`
	Hash        string `json:"hash"`
}

func (v versionFile) name() string { return v.Pack + "@" + strconv.Itoa(v.Version) + ".json" }

// PutDocument implements [catalog.Editor].
func (p *Published) PutDocument(ctx context.Context, d catalog.Published) error {
	v := versionFile{d.Environment, d.Pack, d.Version, d.Hash}
	name, ok := documentName(d.Hash)
	switch named, err := catalog.ParsePackVersion(strings.TrimSuffix(v.name(), ".json")); {
	case err != nil:
		return err
	case !ok || catalog.Hash(d.Text) != d.Hash:
		return fmt.Errorf("publish %s: the document has another hash", named)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.putOnce(documentFolder, name, d.Text); err != nil {
		return fmt.Errorf("publish %s: %w", d.Hash, err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := p.putOnce(versionFolder, v.name(), append(text, '\n')); err != nil {
		return fmt.Errorf("publish %s: %w", strings.TrimSuffix(v.name(), ".json"), err)
	}
	return nil
}

// putOnce makes a file durable that never changes. One that is there with the
// same text is the same; with another it is [catalog.ErrExists].
func (p *Published) putOnce(folder, name string, text []byte) error {
	dir := filepath.Join(p.dir, folder)
	if err := makeLasting(dir); err != nil {
		return err
	}
	if err := createOnce(dir, name, text); err != nil {
		return err
	}
	there, err := os.ReadFile(filepath.Join(dir, name))
	switch {
	case err != nil:
		return err
	case string(there) != string(text):
		return catalog.ErrExists
	}
	return syncDirectory(dir)
}

// Versions implements [catalog.Editor].
func (p *Published) Versions(ctx context.Context, environment, pack string) ([]catalog.Published, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(p.dir, versionFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []catalog.Published
	for _, e := range entries {
		v, err := p.readVersion(e.Name())
		if err != nil {
			return nil, err
		}
		if v.Environment == environment && v.Pack != "" && (pack == "" || v.Pack == pack) {
			out = append(out, catalog.Published{Environment: v.Environment, Pack: v.Pack, Version: v.Version, Hash: v.Hash})
		}
	}
	slices.SortFunc(out, func(a, b catalog.Published) int {
		return cmp.Or(cmp.Compare(a.Pack, b.Pack), cmp.Compare(a.Version, b.Version))
	})
	return out, nil
}

// readVersion reads one file of versions/; the zero file where the name is none
// of a version, such as that of a file that is being made.
func (p *Published) readVersion(name string) (versionFile, error) {
	if _, err := catalog.ParsePackVersion(strings.TrimSuffix(name, ".json")); err != nil || !strings.HasSuffix(name, ".json") {
		return versionFile{}, nil //nolint:nilerr // no version
	}
	text, err := os.ReadFile(filepath.Join(p.dir, versionFolder, name))
	if err != nil {
		return versionFile{}, err
	}
	var v versionFile
	if err := json.Unmarshal(text, &v); err != nil || v.name() != name {
		return versionFile{}, fmt.Errorf("%s: not what a version's file holds", filepath.Join(p.dir, versionFolder, name))
	}
	return v, nil
}

// PutManifest implements [catalog.Editor].
func (p *Published) PutManifest(ctx context.Context, m catalog.Manifest, was catalog.Revision) (revision catalog.Revision, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := makeLasting(p.dir); err != nil {
		return "", err
	}
	unlock, err := p.lock(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	stored, at, plain, err := p.read(ctx, m.Environment)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return "", err
	}
	switch {
	case at != was:
		return "", catalog.ErrConflict
	case plain != nil:
		return p.putPlain(ctx, m, stored)
	case was != "" && stored.Environment != m.Environment:
		return "", fmt.Errorf("%s is published for %q", p.dir, stored.Environment)
	}
	text := m.Encode()
	if _, err := catalog.ParseManifest(text); err != nil {
		return "", err
	}
	if err := p.replace(text); err != nil {
		return "", err
	}
	return catalog.Revision(catalog.Hash(text)), nil
}

// lock keeps other publishers out until it is called back. The operating system
// gives it back when the process ends.
func (p *Published) lock(ctx context.Context) (unlock func() error, err error) {
	file, err := os.OpenFile(filepath.Join(p.dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := lockFile(file)
		if err == nil {
			return file.Close, nil
		}
		if !errors.Is(err, ErrHeld) {
			return nil, errors.Join(err, file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%s is being published to: %w", p.dir, err), file.Close())
		case <-again.C:
		}
	}
}

// replace puts a text in place of manifest.json. From the moment that readers
// may see it an error is [catalog.ErrUnclear].
func (p *Published) replace(text []byte) error {
	f, err := os.CreateTemp(p.dir, ".manifest.*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(p.dir, manifestFile)); err != nil {
		return fmt.Errorf("%w: %w", catalog.ErrUnclear, err)
	}
	if err := syncDirectory(p.dir); err != nil {
		return fmt.Errorf("%w: %w", catalog.ErrUnclear, err)
	}
	return nil
}

// plainManifest is the manifest.json of a folder that is served as it is.
type plainManifest struct {
	Schema             int                  `json:"schema"`
	ApprovalsValidFrom time.Time            `json:"approvalsValidFrom,omitzero"`
	Suspended          []catalog.Suspension `json:"suspended"`
	Change             catalog.Made         `json:"change,omitzero"`
}

// putPlain keeps what the manifest of a folder can say beside its files.
func (p *Published) putPlain(ctx context.Context, m, stored catalog.Manifest) (catalog.Revision, error) {
	same := func(a, b catalog.Entry) bool { return a.Hash == b.Hash && a.Mode == b.Mode && a.Rollout == b.Rollout }
	if !slices.EqualFunc(m.Packs, stored.Packs, same) {
		return "", fmt.Errorf("%s is a folder of packs that is served as it is: change its files", p.dir)
	}
	text, err := json.MarshalIndent(plainManifest{catalog.Schema, m.ApprovalsValidFrom, m.Suspended, m.Change}, "", "  ")
	if err != nil {
		return "", err
	}
	if err := p.replace(append(text, '\n')); err != nil {
		return "", err
	}
	_, revision, _, err := p.read(ctx, m.Environment)
	if err != nil {
		return "", fmt.Errorf("%w: %w", catalog.ErrUnclear, err)
	}
	return revision, nil
}
