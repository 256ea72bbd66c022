package catalog

import (
	"context"
	"errors"
)

// Sentinels of an [Editor].
var (
	// ErrConflict: the manifest is not at the revision the write was made for.
	// Nothing was written. Read again.
	ErrConflict = errors.New("the manifest was changed by someone else")
	// ErrExists: that version of the pack is published with another content.
	ErrExists = errors.New("this version is published already, with another content")
	// ErrUnclear: the store cannot say whether a write took effect. Read again.
	ErrUnclear = errors.New("the catalog cannot say what happened")
)

// Published is one immutable version of a pack in an environment.
type Published struct {
	Environment string
	Pack        string
	Version     int
	Hash        string // [Hash] of Text
	Text        []byte // the published document in canonical form; nil in lists
}

// Editor is a store that can be published to. A write that returned nil is
// durable, and reads that begin afterwards see it.
type Editor interface {
	Store

	// PutDocument publishes a version, whose Hash is that of its Text. Publishing
	// the same bytes again is no error; other bytes under that pack and version
	// are [ErrExists]. A version stays readable by its hash for good: a rollback
	// may name it.
	PutDocument(ctx context.Context, p Published) error

	// Versions lists what was ever published in an environment, without texts,
	// by pack and rising version. Pack "" means all.
	Versions(ctx context.Context, environment, pack string) ([]Published, error)

	// PutManifest makes m the newest manifest of its environment if the stored
	// one is at revision was ("" creates it), else [ErrConflict]. No two
	// manifests of different epochs are at one revision.
	PutManifest(ctx context.Context, m Manifest, was Revision) (Revision, error)
}

// LastGood keeps what was served where it survives the store: another service,
// in which nothing is changed once it is written. It is trusted no more than a
// [Store]. It is safe for concurrent use.
type LastGood interface {
	// Save keeps a manifest; its documents are kept before. Saving one again is
	// no error.
	Save(ctx context.Context, m Manifest) error

	// Newest is the kept manifest of the highest epoch, or [ErrNotFound].
	Newest(ctx context.Context, environment string) (Manifest, error)

	// Document reads one document of a kept manifest by its hash.
	Document(ctx context.Context, environment, hash string) ([]byte, error)
}
