package cosmos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
	"github.com/go-json-experiment/json"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

// published is a [catalog.Editor] in the container "catalog".
type published struct{ d *Database }

// Catalog is the database's store of packs.
func (d *Database) Catalog() catalog.Editor { return published{d} }

var _ catalog.Editor = published{}

// manifestItem is the manifest of an environment, as the text that is signed.
type manifestItem struct {
	ID       string `json:"id"`
	PK       string `json:"pk"` // the environment
	Type     string `json:"type"`
	Epoch    int64  `json:"epoch"` // for people
	Manifest string `json:"manifest"`
	ETag     string `json:"_etag,omitzero"`
}

// versionItem says which document a version of a pack is.
type versionItem struct {
	ID      string `json:"id"`
	PK      string `json:"pk"` // the environment
	Type    string `json:"type"`
	Pack    string `json:"pack"`
	Version int    `json:"version"`
	Hash    string `json:"hash"`
}

const (
	manifestID   = "manifest"
	manifestType = "manifest"
	versionType  = "version"
)

// Manifest implements [catalog.Store].
func (p published) Manifest(ctx context.Context, environment string, known catalog.Revision) (catalog.Manifest, catalog.Revision, error) {
	if environment == "" {
		return catalog.Manifest{}, "", fmt.Errorf("manifest: %w", catalog.ErrNotFound)
	}
	asked := single(string(known))
	if asked {
		ctx = policy.WithHTTPHeader(ctx, http.Header{"If-None-Match": {string(known)}})
	}
	item, err := p.d.read(ctx, call{"read the manifest in", catalogContainer, environment}, manifestID)
	if err != nil {
		return catalog.Manifest{}, "", inCatalog(err)
	}
	if asked && item.RawResponse.StatusCode == http.StatusNotModified {
		return catalog.Manifest{}, "", catalog.ErrUnchanged
	}
	var m manifestItem
	if err := json.Unmarshal(item.Value, &m); err != nil || m.ETag == "" || m.Type != manifestType || m.PK != environment {
		return catalog.Manifest{}, "", errors.New("a damaged manifest: it is not what was published")
	}
	if catalog.Revision(m.ETag) == known { // a server that knows no 304
		return catalog.Manifest{}, "", catalog.ErrUnchanged
	}
	out, err := catalog.ParseManifest([]byte(m.Manifest))
	if err != nil {
		return catalog.Manifest{}, "", err
	}
	return out, catalog.Revision(m.ETag), nil
}

// PutManifest implements [catalog.Editor]. What could not be read again is
// refused: nobody could publish after it.
func (p published) PutManifest(ctx context.Context, m catalog.Manifest, was catalog.Revision) (catalog.Revision, error) {
	if m.Environment == "" {
		return "", errors.New("a manifest needs an environment")
	}
	if was != "" && !single(string(was)) {
		return "", fmt.Errorf("no revision of a manifest: %w", catalog.ErrConflict)
	}
	encoded := m.Encode()
	if _, err := catalog.ParseManifest(encoded); err != nil {
		return "", err
	}
	item := manifestItem{ID: manifestID, PK: m.Environment, Type: manifestType, Epoch: m.Epoch, Manifest: string(encoded)}
	text, err := json.Marshal(item)
	if err != nil {
		return "", errors.New("a manifest that cannot be encoded")
	}
	etag, err := p.d.put(ctx, call{"write the manifest in", catalogContainer, m.Environment}, manifestID, text, string(was))
	var f *Fault
	if errors.As(err, &f) && f.outcome == absent { // what is not there is at no revision
		f.outcome = conflict
	}
	return catalog.Revision(etag), inCatalog(err)
}

// PutDocument implements [catalog.Editor]. The document is written before the
// version that names it, so that a version is never without one: whoever stops
// in between leaves a document that nothing names, and may start again.
func (p published) PutDocument(ctx context.Context, doc catalog.Published) error {
	switch {
	case doc.Environment == "" || doc.Pack == "" || doc.Version < 1:
		return errors.New("a document needs an environment, a pack and a version")
	case catalog.Hash(doc.Text) != doc.Hash:
		return errors.New("the document has another hash")
	}
	there, err := p.version(ctx, doc)
	if err == nil {
		return sameVersion(there, doc)
	}
	if err = inCatalog(err); !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	if err := p.putText(ctx, doc.Hash, doc.Text); err != nil {
		return err
	}
	return p.putVersion(ctx, doc)
}

func versionID(doc catalog.Published) string {
	return idOf("pack", doc.Pack) + "." + strconv.Itoa(doc.Version)
}

// version is what a version is published as.
func (p published) version(ctx context.Context, doc catalog.Published) (versionItem, error) {
	item, err := p.d.read(ctx, call{"read a version in", catalogContainer, doc.Environment}, versionID(doc))
	if err != nil {
		return versionItem{}, err
	}
	var v versionItem
	if err := json.Unmarshal(item.Value, &v); err != nil || v.Type != versionType || v.Hash == "" {
		return versionItem{}, errors.New("a damaged version: it is not what was published")
	}
	return v, nil
}

func sameVersion(there versionItem, doc catalog.Published) error {
	if there.Pack != doc.Pack || there.Version != doc.Version || there.Hash != doc.Hash {
		return fmt.Errorf("%s@%d: %w", doc.Pack, doc.Version, catalog.ErrExists)
	}
	return nil
}

func (p published) putVersion(ctx context.Context, doc catalog.Published) error {
	item := versionItem{ID: versionID(doc), PK: doc.Environment, Type: versionType, Pack: doc.Pack, Version: doc.Version, Hash: doc.Hash}
	text, err := json.Marshal(item)
	if err != nil {
		return errors.New("a version that cannot be encoded")
	}
	_, err = p.d.create(ctx, call{"publish a version in", catalogContainer, doc.Environment}, text)
	var f *Fault
	if !errors.As(err, &f) || f.outcome != conflict {
		return inCatalog(err)
	}
	there, err := p.version(ctx, doc)
	if err != nil {
		return unseen(inCatalog(err))
	}
	return sameVersion(there, doc)
}

// unseen is the error of reading what a create has found there: a replica that
// has not got it cannot say what it is.
func unseen(err error) error {
	if errors.Is(err, catalog.ErrNotFound) {
		return fmt.Errorf("%w: a replica is behind", catalog.ErrUnclear)
	}
	return err
}

// Versions implements [catalog.Editor].
func (p published) Versions(ctx context.Context, environment, pack string) ([]catalog.Published, error) {
	q := query{text: "SELECT * FROM c WHERE c.pk = @pk AND c.type = @type", pageSize: 1000}
	q.args = []azcosmos.QueryParameter{{Name: "@pk", Value: environment}, {Name: "@type", Value: versionType}}
	if pack != "" {
		q.text += " AND c.pack = @pack"
		q.arg("@pack", pack)
	}
	if environment == "" {
		return nil, ctx.Err()
	}
	var out []catalog.Published
	err := p.d.query(ctx, call{"list versions in", catalogContainer, environment}, q, func(item []byte) (bool, error) {
		var v versionItem
		if err := json.Unmarshal(item, &v); err != nil || v.Hash == "" {
			return false, errors.New("a damaged version: it is not what was published")
		}
		out = append(out, catalog.Published{Environment: environment, Pack: v.Pack, Version: v.Version, Hash: v.Hash})
		return true, nil
	})
	if err != nil {
		return nil, inCatalog(err)
	}
	slices.SortFunc(out, func(a, b catalog.Published) int {
		return cmp.Or(cmp.Compare(a.Pack, b.Pack), cmp.Compare(a.Version, b.Version))
	})
	return out, nil
}

// inCatalog says what a call's end means in the contract of the catalog. What
// is no call's end stays as it is.
func inCatalog(err error) error {
	var f *Fault
	if !errors.As(err, &f) {
		return err
	}
	switch f.outcome {
	case absent:
		return fmt.Errorf("%w: %w", catalog.ErrNotFound, err)
	case conflict:
		return fmt.Errorf("%w: %w", catalog.ErrConflict, err)
	case unclear:
		return fmt.Errorf("%w: %w", catalog.ErrUnclear, err)
	case tooLarge, refused:
	}
	return err
}
