package cosmos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

// documentItem is a document, or a part of a long one, in a partition of its
// own: instances that start together do not read one partition. The item that
// says how many parts there are is written last.
type documentItem struct {
	ID     string `json:"id"`
	PK     string `json:"pk"` // the hash
	Type   string `json:"type"`
	Size   int    `json:"size,omitzero"`  // of the text, in bytes
	Parts  int    `json:"parts,omitzero"` // 0: the text is here
	Set    string `json:"set,omitzero"`   // in the ids of the parts: another compressor's are others
	Packed []byte `json:"packed,omitzero"`
}

const (
	documentID   = "document"
	documentType = "document"
	partType     = "part"

	partSize    = 1_400_000 // bytes packed; in base64 below the 2 MB of an item
	maxParts    = 40
	maxDocument = 128 << 20 // bytes of a text
)

func partID(set string, n int) string { return "part-" + set + "-" + strconv.Itoa(n) }

// putText writes a document, unless it is there.
func (p published) putText(ctx context.Context, hash string, text []byte) error {
	packed := pack(text)
	if len(text) > maxDocument || len(packed) > partSize*maxParts {
		return fmt.Errorf("a document of %d bytes, %d packed, is too long for Cosmos", len(text), len(packed))
	}
	head := documentItem{ID: documentID, PK: hash, Type: documentType, Size: len(text)}
	if len(packed) <= partSize {
		head.Packed = packed
		return p.putHead(ctx, head)
	}
	head.Set = digest(string(packed))
	for from := 0; from < len(packed); from += partSize {
		head.Parts++
		part := documentItem{ID: partID(head.Set, head.Parts), PK: hash, Type: partType, Packed: packed[from:min(from+partSize, len(packed))]}
		if err := p.putPart(ctx, part); err != nil {
			return err
		}
	}
	return p.putHead(ctx, head)
}

// putHead creates the item that makes a document whole, or finds one.
func (p published) putHead(ctx context.Context, head documentItem) error {
	err := p.create(ctx, head)
	if !errors.Is(err, catalog.ErrConflict) {
		return err
	}
	_, err = p.Document(ctx, head.PK) // checks the hash
	return unseen(err)
}

// putPart creates a part, or finds that it is there.
func (p published) putPart(ctx context.Context, item documentItem) error {
	err := p.create(ctx, item)
	if !errors.Is(err, catalog.ErrConflict) {
		return err
	}
	there, err := p.item(ctx, item.PK, item.ID)
	if err != nil {
		return unseen(inCatalog(err))
	}
	if there.Type != partType || !bytes.Equal(there.Packed, item.Packed) {
		return errDocument
	}
	return nil
}

func (p published) create(ctx context.Context, item documentItem) error {
	text, err := json.Marshal(item)
	if err != nil {
		return errors.New("a document that cannot be encoded")
	}
	_, err = p.d.create(ctx, call{"publish a document in", catalogContainer, item.PK}, text)
	return inCatalog(err)
}

func (p published) item(ctx context.Context, hash, id string) (documentItem, error) {
	read, err := p.d.read(ctx, call{"read a document in", catalogContainer, hash}, id)
	if err != nil {
		return documentItem{}, err
	}
	var item documentItem
	if err := json.Unmarshal(read.Value, &item); err != nil || item.PK != hash || item.ID != id {
		return documentItem{}, errDocument
	}
	return item, nil
}

var errDocument = errors.New("a damaged document: it is not what its hash says")

// Document implements [catalog.Store].
func (p published) Document(ctx context.Context, hash string) ([]byte, error) {
	if !strings.HasPrefix(hash, "sha256:") || len(hash) != len(catalog.Hash(nil)) {
		return nil, fmt.Errorf("document: %w", catalog.ErrNotFound)
	}
	head, err := p.item(ctx, hash, documentID)
	if err != nil {
		return nil, inCatalog(err)
	}
	packed := head.Packed
	if head.Parts < 0 || head.Parts > maxParts || head.Size < 0 || head.Size > maxDocument {
		return nil, errDocument
	}
	for n := range head.Parts {
		part, err := p.item(ctx, hash, partID(head.Set, n+1))
		if err = inCatalog(err); errors.Is(err, catalog.ErrNotFound) {
			return nil, errDocument // the head was written after all parts
		}
		if err != nil {
			return nil, err
		}
		packed = append(packed, part.Packed...)
	}
	text, err := unpack(packed, head.Size)
	if err != nil || catalog.Hash(text) != hash {
		return nil, errDocument
	}
	return text, nil
}
