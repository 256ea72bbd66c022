package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/authorization-fabric/fabric/policy"
)

// offer is what the store, or the last good, has: a manifest that is authentic
// and well formed, and its documents where they are needed.
type offer struct {
	manifest  Manifest
	revision  Revision          // in the store
	texts     map[string][]byte // by hash
	kept      bool              // it is the last good
	unchanged bool              // it is at the revision that was seen last
	again     bool              // the fault may be in the reading: look again
	err       error
}

// ask reads the store and, until that has answered, the last good beside it;
// last is nil where nobody was asked. What does not answer in time is left to
// itself: it can change nothing any more.
func (c *Catalog) ask(ctx context.Context, limit time.Duration) (fresh offer, last *offer) {
	ctx, cancel := bounded(ctx, limit)
	defer cancel()
	active, seen := c.active.Load(), c.seen
	answered := make(chan offer, 1)
	if c.options.LastGood != nil && !c.lastRead {
		last = new(offer)
		go func() { answered <- c.readKept(ctx, active) }()
	}
	fresh = orLate(ctx, start(func() offer { return c.readFresh(ctx, seen, active) }))
	if last != nil {
		*last = orLate(ctx, answered)
		last.kept = true
	}
	return fresh, last
}

func start[T any](f func() T) <-chan T {
	done := make(chan T, 1)
	go func() { done <- f() }()
	return done
}

func orLate(ctx context.Context, answered <-chan offer) offer {
	select {
	case o := <-answered:
		return o
	case <-ctx.Done():
	}
	select {
	case o := <-answered: // just in time
		return o
	default:
		return offer{err: fmt.Errorf("read the catalog: %w", ctx.Err())}
	}
}

// within runs f and returns when ctx ends, though f may not.
func within(ctx context.Context, f func() error) error {
	done := start(f)
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func bounded(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit > 0 {
		return context.WithTimeout(ctx, limit)
	}
	return context.WithCancel(ctx)
}

// readFresh reads what the store has.
func (c *Catalog) readFresh(ctx context.Context, seen Revision, active *snapshot) offer {
	m, revision, err := c.store.Manifest(ctx, c.options.Environment, seen)
	if errors.Is(err, ErrUnchanged) {
		return offer{unchanged: true}
	}
	o := offer{manifest: m, revision: revision}
	if err != nil {
		o.err = fmt.Errorf("read the catalog: %w", err)
		return o
	}
	c.fill(ctx, &o, active, c.store.Document)
	return o
}

// fill checks a manifest and reads its documents, unless nothing newer than
// the active snapshot can come of it.
func (c *Catalog) fill(ctx context.Context, o *offer, active *snapshot, read documentReader) {
	if c.options.Authentic != nil {
		if err := c.options.Authentic(ctx, &o.manifest); err != nil {
			o.again, o.err = true, inauthentic(err)
			o.manifest.Change = Made{} // anybody may have written it
			return
		}
	}
	if findings := o.manifest.check(c.options.Environment); len(findings) > 0 {
		o.err = &RefusedError{Findings: findings}
		return
	}
	if active.is(o) || active.refuseOlder(&o.manifest) != nil {
		return
	}
	var known map[string][]byte
	if active != nil {
		known = active.texts
	}
	o.texts, o.err = documents(ctx, &o.manifest, known, read)
	var refused *RefusedError
	o.again = errors.As(o.err, &refused)
}

// inauthentic is a refusal that keeps its cause for those who ask.
func inauthentic(err error) error {
	return fmt.Errorf("%w: %w", &RefusedError{Findings: []policy.Finding{{
		Check: "signature", File: "manifest.json", Pointer: "/signature", Message: "the manifest is not known to be the publisher's",
		Fix: "Publish again, with the key that this environment trusts.",
	}}}, err)
}

// documentReader reads a document by its hash.
type documentReader func(ctx context.Context, hash string) ([]byte, error)

// atOnce is how many documents are read at the same time.
const atOnce = 8

// documents reads what the entries name, and believes no byte of it unchecked.
// Those that are known were checked before.
func documents(ctx context.Context, m *Manifest, known map[string][]byte, read documentReader) (map[string][]byte, error) {
	texts, errs := make([][]byte, len(m.Packs)), make([]error, len(m.Packs))
	var all sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for i, e := range m.Packs {
		if text, ok := known[e.Hash]; ok {
			texts[i], errs[i] = text, e.describes(m.Environment, text)
			continue
		}
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			texts[i], errs[i] = document(ctx, m.Environment, e, read)
		})
	}
	all.Wait()
	byHash := make(map[string][]byte, len(texts))
	for i, e := range m.Packs {
		if errs[i] != nil {
			return nil, errs[i]
		}
		byHash[e.Hash] = texts[i]
	}
	return byHash, nil
}

func document(ctx context.Context, environment string, e Entry, read documentReader) ([]byte, error) {
	text, err := read(ctx, e.Hash)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", e.name(), err)
	}
	if Hash(text) != e.Hash {
		return nil, &RefusedError{Findings: []policy.Finding{{
			Check: "hash", File: e.name(), Message: "the document is not the one that was published: its hash is another",
			Fix: "Publish it again.",
		}}}
	}
	return text, e.describes(environment, text)
}

// describes is nil where the document is the version that the entry says, for
// that environment: who gets which version is decided by what entries say.
// Entries of a store that does not look into documents say nothing.
func (e Entry) describes(environment string, text []byte) error {
	if e.Pack == "" {
		return nil
	}
	var is struct {
		Pack        string `json:"pack"`
		Version     int    `json:"version"`
		Environment string `json:"environment"`
	}
	// Whatever else is wrong with it is for the loader to say.
	if err := json.Unmarshal(text, &is); err == nil && is.Pack == e.Pack && is.Version == e.Version && is.Environment == environment {
		return nil
	}
	return &RefusedError{Findings: []policy.Finding{{
		Check: "manifest", File: e.name(), Message: "the document is another pack, another version or for another environment than the manifest says",
		Fix: "Publish it again.",
	}}}
}

func sortPacks(refs []policy.PackRef) {
	slices.SortFunc(refs, func(a, b policy.PackRef) int {
		return cmp.Or(cmp.Compare(a.Pack, b.Pack), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Hash, b.Hash))
	})
}
