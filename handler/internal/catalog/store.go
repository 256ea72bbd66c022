package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// Sentinels of a [Store].
var (
	// ErrUnchanged: the manifest is at the revision the caller knows.
	ErrUnchanged = errors.New("the manifest is unchanged")
	// ErrNotFound: there is no such manifest or document.
	ErrNotFound = errors.New("not in the catalog")
)

// Revision is what a manifest is at. Only equality means anything; "" is none.
type Revision string

// Store holds a manifest per environment and documents by their hash. It is
// not trusted: the catalog checks every hash and everything it reads.
//
// A document that a returned manifest names stays readable for as long as the
// next manifest is the newest, so that whoever reads one can read all of it.
// All methods are safe for concurrent use; results belong to the caller.
type Store interface {
	// Manifest reads the newest manifest, or [ErrUnchanged] where that is at
	// the revision known. [ErrNotFound]: the environment has none. A
	// [*RefusedError] says what in it cannot be read.
	Manifest(ctx context.Context, environment string, known Revision) (Manifest, Revision, error)

	// Document reads one document by the hash in an [Entry].
	Document(ctx context.Context, hash string) ([]byte, error)
}

// Hash names a document by its bytes.
func Hash(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
