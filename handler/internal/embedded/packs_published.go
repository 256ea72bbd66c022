package embedded

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// A published directory is one whose manifest.json names packs:
//
//	manifest.json                 the whole manifest, replaced at each epoch
//	documents/<sha-256>.json      published documents, by their hash
//	versions/<pack>@<version>.json  which document a version is, for good
//
// Any other *.json in it is not served.
const (
	documentFolder = "documents"
	versionFolder  = "versions"
)

var errUnpublished = errors.New("manifest.json is gone or names no packs any more: restart to serve the folder as it is")

// readPublished reads the manifest of a published directory; nil where the
// directory is none.
func readPublished(fsys fs.FS) ([]byte, error) {
	text, err := readPackFile(fsys, manifestFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	v, err := strictjson.Parse(text, strictjson.Limits{Names: len(text)})
	if err != nil || !v.Has("packs") {
		return nil, nil //nolint:nilerr // whoever reads it as the manifest of a folder says what is wrong in it
	}
	return text, nil
}

// readPublishedDocument reads a document by its hash.
func readPublishedDocument(fsys fs.FS, hash string) ([]byte, error) {
	name, ok := documentName(hash)
	if !ok {
		return nil, fmt.Errorf("document %q: %w", hash, catalog.ErrNotFound)
	}
	text, err := readPackFile(fsys, path.Join(documentFolder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("document %s: %w", hash, catalog.ErrNotFound)
	}
	return text, err
}

// documentName is the file of a document; not ok where the hash is none.
func documentName(hash string) (string, bool) {
	digits, ok := strings.CutPrefix(hash, "sha256:")
	sum, err := hex.DecodeString(digits)
	return digits + ".json", ok && err == nil && len(sum) == 32 && digits == strings.ToLower(digits)
}

// published is the manifest of a published directory, if the store is over one.
func (p *Packs) readManifest(ctx context.Context, known catalog.Revision) (m catalog.Manifest, revision catalog.Revision, published bool, err error) {
	if err := ctx.Err(); err != nil {
		return m, "", false, err
	}
	text, err := readPublished(p.fsys)
	switch {
	case err != nil:
		return m, "", false, err
	case text == nil && p.published:
		return m, "", false, errUnpublished
	case text == nil:
		return m, "", false, nil
	}
	p.published = true
	if revision = catalog.Revision(catalog.Hash(text)); revision == known {
		return m, "", true, catalog.ErrUnchanged
	}
	m, err = catalog.ParseManifest(text)
	return m, revision, true, err
}
