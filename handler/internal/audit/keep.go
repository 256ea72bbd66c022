package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"
)

// maxChunk is what one append of a kept document holds: below the smallest
// limit of a sink.
const maxChunk = 2 << 20

// maxPack is more than any pack document.
const maxPack = 64 << 20

// Keeper stores documents that a log needs for ever: packs and public keys, in
// the container of the log. It writes no records, and works before a log is
// open and beside it. It is safe for concurrent use.
type Keeper struct {
	sink        *guard
	environment string
	deadline    time.Duration

	mu    sync.Mutex
	names map[string]bool // guarded by mu: what is known to be kept
}

// NewKeeper makes a keeper for an environment of a sink.
func NewKeeper(sink Sink, environment string) (*Keeper, error) {
	o, err := Options{Environment: environment, Instance: "keeper", Clock: time.Now}.withDefaults()
	if err != nil {
		return nil, err
	}
	return newKeeper(newGuard(sink, o.CallTimeout), &o), nil
}

func newKeeper(sink *guard, o *Options) *Keeper {
	return &Keeper{sink: sink, environment: o.Environment, deadline: o.Deadline, names: map[string]bool{}}
}

// KeepPack stores a published pack document in the log's container, so that
// [Why] needs nothing else years later. Call it before the first decision
// under that pack. Hash is "sha256:" and the hex SHA-256 of document, which is
// therefore the canonical form that policies are hashed in. It is idempotent,
// also between processes, and returns once the document is durable.
func (k *Keeper) KeepPack(ctx context.Context, hash string, document []byte) error {
	if string(appendHash(nil, document)) != hash {
		return fmt.Errorf("%w: the pack document does not have the hash %s", ErrRecord, hash)
	}
	return k.keep(ctx, packName(k.environment, hash), document)
}

// KeepKey stores a public key, as a JWK, under its key id. Call it before the
// first signature. A key id never gets another key: that is an error.
func (k *Keeper) KeepKey(ctx context.Context, keyID string, jwk []byte) error {
	if !plainName(keyID) {
		return fmt.Errorf("%w: key id %q", ErrRecord, keyID)
	}
	return k.keep(ctx, keyName(k.environment, keyID), jwk)
}

// KeepPack is [Keeper.KeepPack].
func (l *Log) KeepPack(ctx context.Context, hash string, document []byte) error {
	return l.kept.KeepPack(ctx, hash, document)
}

// KeepKey is [Keeper.KeepKey].
func (l *Log) KeepKey(ctx context.Context, keyID string, jwk []byte) error {
	return l.kept.KeepKey(ctx, keyID, jwk)
}

func packName(environment, hash string) string {
	return environmentPrefix(environment) + "packs/" + strings.TrimPrefix(hash, hashPrefix) + ".json"
}

func keyName(environment, keyID string) string {
	return environmentPrefix(environment) + "keys/" + keyID + ".json"
}

// isKept reports whether an object of that name is kept in a folder of an
// environment.
func isKept(name, folder string) bool {
	parts := strings.Split(name, "/")
	return len(parts) == 4 && parts[2] == folder && strings.HasSuffix(parts[3], ".json")
}

// isManifest reports whether an object is one that the catalog keeps beside the
// log, in an order of its own.
func isManifest(name string) bool {
	parts := strings.Split(name, "/")
	return len(parts) > 3 && parts[0] == "v1" && parts[2] == "manifests"
}

func (k *Keeper) keep(ctx context.Context, name string, document []byte) error {
	if k.has(name) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, k.deadline)
	defer cancel()
	if err := k.keepBytes(ctx, name, document); err != nil {
		return fmt.Errorf("%w: keep %s: %w", ErrUnavailable, name, err)
	}
	k.add(name)
	return nil
}

// keepBytes appends what is missing of document until nothing is. Whoever else
// keeps it writes the same bytes at the same positions.
func (k *Keeper) keepBytes(ctx context.Context, name string, document []byte) error {
	var last error
	for pause := firstPause; ; pause *= 2 {
		done, err := k.keepStep(ctx, name, document)
		for err == nil && !done {
			done, err = k.keepStep(ctx, name, document)
		}
		if done {
			return err
		}
		last = err
		if !wait(ctx, pause) {
			return errors.Join(last, ctx.Err())
		}
	}
}

// keepStep does one thing towards a kept document. Done with an error means
// that trying again cannot help.
func (k *Keeper) keepStep(ctx context.Context, name string, document []byte) (done bool, err error) {
	there, err := k.sink.read(ctx, name, 0, len(document)+1)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := k.sink.create(ctx, name); !errors.Is(err, errForeign) {
			return false, err
		}
		return false, nil // somebody else began it meanwhile
	case err != nil:
		return false, err
	case !bytes.HasPrefix(document, there):
		return true, errForeign
	case len(there) == len(document):
		return true, nil
	}
	chunk := document[len(there):min(len(there)+maxChunk, len(document))]
	outcome, err := k.sink.append(ctx, name, int64(len(there)), bytes.Clone(chunk))
	if outcome == Durable {
		return false, nil
	}
	return outcome == Absent, err
}

func (k *Keeper) has(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.names[name]
}

func (k *Keeper) add(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.names[name] = true
}
