package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

// keyFlags name the keys that anchors may be signed with.
type keyFlags struct {
	Keys string `help:"Public keys of the service that were put aside: a JWKS file. Then no other key counts." placeholder:"FILE"`
}

// Where a key comes from, the best last. One that is kept in the log was put
// there by whoever could write the log.
const (
	keyInLog  = "from the log itself, which proves nothing about those who can write it: pin it with --keys"
	keyInData = "from grant-keys.json in the data directory"
	keyPinned = "pinned with --keys"
)

// maxKeySet is the longest key set, in bytes.
const maxKeySet = 64 << 10

// anchorKeys are the keys that count, and where each comes from.
type anchorKeys struct {
	set     grant.KeySet
	sources map[string]string // by key id
}

// keys finds the keys that anchors may be signed with: those of --keys, or
// those of the data directory and those that the log keeps.
func (f *keyFlags) keys(ctx context.Context, log *logFlags, r audit.Reader) (anchorKeys, error) {
	if f.Keys != "" {
		return readPinnedKeys(f.Keys)
	}
	var all keyList
	if log.Container == "" {
		local, err := embedded.ReadGrantKeys(log.Data, time.Now())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return anchorKeys{}, fmt.Errorf("keys of the data directory: %w", err)
		}
		all.add(keyInData, local.Keys()...)
	}
	kept, err := audit.KeptKeys(ctx, r, log.Environment)
	if err != nil {
		return anchorKeys{}, err
	}
	for _, k := range kept {
		// What is there and is no key signs nothing.
		if set, err := grant.ParseKeySet(fmt.Appendf(nil, `{"keys":[%s]}`, k.JWK)); err == nil {
			all.add(keyInLog, set.Keys()...)
		}
	}
	return all.keys(), nil
}

func readPinnedKeys(path string) (anchorKeys, error) {
	info, err := os.Stat(path)
	if err != nil {
		return anchorKeys{}, pathError(path, err)
	}
	if info.Size() > maxKeySet {
		return anchorKeys{}, usageError(fmt.Errorf("--keys: %s is longer than 64 KiB", path))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return anchorKeys{}, pathError(path, err)
	}
	set, err := grant.ParseKeySet(text)
	if err != nil {
		return anchorKeys{}, usageError(fmt.Errorf("--keys: %s: %w", path, err))
	}
	var all keyList
	all.add(keyPinned, set.Keys()...)
	return all.keys(), nil
}

// keyList gathers keys; the source that comes first counts.
type keyList struct {
	list    []grant.PublicKey
	sources map[string]string
}

func (l *keyList) add(source string, keys ...grant.PublicKey) {
	if l.sources == nil {
		l.sources = map[string]string{}
	}
	for _, k := range keys {
		if _, known := l.sources[k.ID()]; !known {
			l.list, l.sources[k.ID()] = append(l.list, k), source
		}
	}
}

func (l *keyList) keys() anchorKeys { return anchorKeys{grant.NewKeySet(l.list...), l.sources} }

// open is [audit.VerifyOptions].Open.
func (k anchorKeys) open(ctx context.Context, statement string) ([]byte, string, error) {
	return grant.Open(ctx, grant.AnchorType, statement, k.set)
}
