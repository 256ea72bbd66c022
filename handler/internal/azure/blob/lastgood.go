package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

// LastGood keeps the manifests that were served, in the container of the audit
// log, where the documents they name are kept before the first decision under
// them. Each is a blob of its own that never changes, named by its epoch,
// counted down so that the newest is listed soonest, and by its hash: there is
// no pointer to move, so that an immutable container does. It is safe for
// concurrent use.
type LastGood struct {
	container *Container

	mu      sync.Mutex
	damaged error // guarded by mu
}

var _ catalog.LastGood = (*LastGood)(nil)

// NewLastGood keeps manifests in a container.
func NewLastGood(c *Container) *LastGood { return &LastGood{container: c} }

const (
	lastEpoch    = 999_999_999_999
	maxManifest  = 1 << 20  // more than [catalog.ParseManifest] takes
	maxDocument  = 64 << 20 // more than any pack
	mostLookedAt = 50       // manifests, newest to oldest, before one is good
)

var (
	environmentForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	hashForm        = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	manifestForm    = regexp.MustCompile(`^([0-9]{12})-([0-9a-f]{64})\.json$`)
)

// folder is where a kind of objects of an environment lies.
func folder(environment, kind string) (string, error) {
	if !environmentForm.MatchString(environment) || strings.Trim(environment, ".") == "" {
		return "", fmt.Errorf("%q is no environment: %w", environment, fs.ErrInvalid)
	}
	return "v1/env=" + environment + "/" + kind + "/", nil
}

// Save implements [catalog.LastGood]. The documents must have been kept, with
// [audit.Log.KeepPack].
func (l *LastGood) Save(ctx context.Context, m catalog.Manifest) error {
	manifests, err := folder(m.Environment, "manifests")
	if err != nil {
		return fmt.Errorf("keep the manifest: %w", err)
	}
	if m.Epoch <= 0 || m.Epoch > lastEpoch {
		return fmt.Errorf("keep the manifest: epoch %d: %w", m.Epoch, fs.ErrInvalid)
	}
	text := m.Encode()
	name := fmt.Sprintf("%s%012d-%s.json", manifests, lastEpoch-m.Epoch, strings.TrimPrefix(catalog.Hash(text), "sha256:"))
	if err := l.container.Put(ctx, name, text); err != nil {
		return fmt.Errorf("keep the manifest: %w", err)
	}
	return nil
}

// Newest implements [catalog.LastGood]. One that is not what its name says, or
// cannot be read as a manifest, is passed over for the next older one;
// [LastGood.Damaged] then says so.
func (l *LastGood) Newest(ctx context.Context, environment string) (catalog.Manifest, error) {
	m, damaged, err := l.newest(ctx, environment)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil || errors.Is(err, catalog.ErrNotFound) {
		l.damaged = damaged
	}
	return m, err
}

// Damaged is what the last [LastGood.Newest] passed over, nil if nothing. In a
// container that nobody else writes to it is nil.
func (l *LastGood) Damaged() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.damaged
}

func (l *LastGood) newest(ctx context.Context, environment string) (m catalog.Manifest, damaged, err error) {
	manifests, err := folder(environment, "manifests")
	if err != nil {
		return m, nil, err
	}
	objects, err := l.container.list(ctx, manifests, mostLookedAt)
	if err != nil {
		return m, nil, fmt.Errorf("look for a manifest: %w", err)
	}
	for _, o := range objects[:min(len(objects), mostLookedAt)] {
		m, reason, err := l.read(ctx, environment, manifests, o.Name)
		switch {
		case err != nil:
			return catalog.Manifest{}, damaged, fmt.Errorf("read a kept manifest: %w", err)
		case reason == "":
			return m, damaged, nil
		}
		damaged = errors.Join(damaged, fmt.Errorf("%s: %s", o.Name, reason))
	}
	if damaged != nil {
		return m, damaged, fmt.Errorf("no manifest of %s can be used: %w: %w", environment, damaged, catalog.ErrNotFound)
	}
	return m, nil, fmt.Errorf("no manifest of %s is kept: %w", environment, catalog.ErrNotFound)
}

// read reads one kept manifest, or says what is wrong with it.
func (l *LastGood) read(ctx context.Context, environment, manifests, name string) (m catalog.Manifest, reason string, err error) {
	parts := manifestForm.FindStringSubmatch(strings.TrimPrefix(name, manifests))
	if parts == nil {
		return m, "not the name of a manifest", nil
	}
	text, err := l.container.readAll(ctx, name, maxManifest+1)
	if err != nil {
		return m, "", err
	}
	if catalog.Hash(text) != "sha256:"+parts[2] {
		return m, "not the text that its name says", nil
	}
	m, err = catalog.ParseManifest(text)
	if err != nil {
		return catalog.Manifest{}, "not a manifest: " + err.Error(), nil
	}
	countdown, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || m.Epoch != lastEpoch-countdown || m.Environment != environment {
		return catalog.Manifest{}, "of another epoch or environment than its name says", nil
	}
	return m, "", nil
}

// Document implements [catalog.LastGood]. Bytes that do not have the hash are
// an error, as is a document that was not kept to its end.
func (l *LastGood) Document(ctx context.Context, environment, hash string) ([]byte, error) {
	packs, err := folder(environment, "packs")
	if err != nil {
		return nil, err
	}
	if !hashForm.MatchString(hash) {
		return nil, fmt.Errorf("%q is no hash: %w", hash, fs.ErrInvalid)
	}
	text, err := l.container.readAll(ctx, packs+strings.TrimPrefix(hash, "sha256:")+".json", maxDocument+1)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("document %s: %w", hash, catalog.ErrNotFound)
	case err != nil:
		return nil, fmt.Errorf("document %s: %w", hash, err)
	case catalog.Hash(text) != hash:
		return nil, fmt.Errorf("document %s: what is kept under this hash does not have it", hash)
	}
	return text, nil
}
