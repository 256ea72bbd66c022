package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// Refresh asks the store for a newer manifest and takes it if all of it can be
// served. Changed says that the active snapshot is another one. An error, a
// [*RefusedError] among them, leaves the active one as it was, unless the last
// good is newer than what the store has: then changed is true beside it. A
// refused manifest is reported once and then reads as no change until it
// changes.
func (c *Catalog) Refresh(ctx context.Context, now time.Time) (changed bool, err error) {
	change := c.look(ctx, 0, now)
	return change.Taken, change.Err
}

// look is one look at the store, and at the last good until that has answered
// once. Limit bounds the reading of both, and the preparation of what was read;
// 0 leaves that to ctx.
func (c *Catalog) look(ctx context.Context, limit time.Duration, now time.Time) Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh, last := c.ask(ctx, limit)
	change := Change{}
	if last != nil && newer(last, &fresh) {
		c.takeKept(ctx, limit, last, now, &change)
		last = nil
	}
	c.takeFresh(ctx, limit, &fresh, now, &change)
	if last != nil {
		c.takeKept(ctx, limit, last, now, &change)
	}
	if s := c.active.Load(); s != nil {
		change.Epoch = s.epoch
		if change.Taken {
			change.Manifest, change.Packs = &s.manifest, s.packs(now)
		}
	}
	return change
}

// newer reports whether the last good has to come first: it is above what the
// store has, or there is nothing from the store.
func newer(last, fresh *offer) bool {
	return last.err == nil && (fresh.err != nil || last.manifest.Epoch > fresh.manifest.Epoch) && !fresh.unchanged
}

// takeFresh makes what the store has the active snapshot, confirms that it is,
// or says why not.
func (c *Catalog) takeFresh(ctx context.Context, limit time.Duration, o *offer, now time.Time, change *Change) {
	active := c.active.Load()
	switch {
	case o.unchanged:
		c.refused = c.refused && !active.at(c.seen)
		c.confirm(now)
		return
	case o.err == nil && active.is(o):
		revision := o.revision
		active.revision.Store(&revision)
		c.seen, c.refused = revision, false
		c.confirm(now)
		return
	case o.err == nil:
		o.err = c.take(ctx, limit, o, now)
	}
	if o.err == nil {
		c.seen, c.refused = o.revision, false
		change.Taken, change.Kept = true, false
		return
	}
	c.refuse(o)
	if c.worthTelling(o) {
		change.Err = errors.Join(change.Err, o.err)
		if o.manifest.Schema != 0 {
			change.Refused = &o.manifest
		}
	}
}

// refuse remembers a manifest whose fault is its own: another look at it would
// show the same.
func (c *Catalog) refuse(o *offer) {
	var refused *RefusedError
	if !errors.As(o.err, &refused) {
		c.counters.failed.Add(1)
		return
	}
	c.refused = true
	if o.revision != "" && !o.again {
		c.seen = o.revision
	}
	if active := c.active.Load(); active != nil && o.manifest.Epoch > 0 && o.manifest.Epoch < active.epoch {
		c.counters.regressed.Add(1)
	}
}

// worthTelling is false for a numbered manifest that was refused for the same
// fault and told before: of replicas that lag behind each other, one may show
// it again and again.
func (c *Catalog) worthTelling(o *offer) bool {
	var refused *RefusedError
	if !errors.As(o.err, &refused) {
		return true
	}
	key := o.revision + Revision("\x00"+o.err.Error())
	known := c.told[key]
	if !known {
		if len(c.told) >= maxTold {
			clear(c.told)
		}
		c.told[key] = true
		c.counters.refused.Add(1)
	}
	return !known || o.manifest.Epoch == 0
}

// maxTold bounds what is remembered of refused manifests.
const maxTold = 256

// is reports whether an offer is what is served already: read at the same
// revision, or the same manifest whatever the store calls it.
func (s *snapshot) is(o *offer) bool {
	if s == nil {
		return false
	}
	return s.at(o.revision) || o.manifest.Epoch > 0 && o.manifest.Epoch == s.epoch && bytes.Equal(o.manifest.Canonical(), s.manifest.Canonical())
}

// at reports whether the store calls the snapshot by that revision.
func (s *snapshot) at(revision Revision) bool {
	if s == nil {
		return false
	}
	r := s.revision.Load()
	return r != nil && *r == revision
}

// confirm notes that the active snapshot is the newest there is: not so while
// a newer manifest is refused.
func (c *Catalog) confirm(now time.Time) {
	if s := c.active.Load(); s != nil && !c.refused {
		s.checked.Store(now.UnixNano())
	}
}

// take makes an offer the active snapshot, all of it or nothing.
func (c *Catalog) take(ctx context.Context, limit time.Duration, o *offer, now time.Time) error {
	active := c.active.Load()
	if err := active.refuseOlder(&o.manifest); err != nil {
		return err
	}
	next, fresh, err := c.build(o, active)
	if err != nil {
		return err
	}
	ctx, cancel := bounded(ctx, limit)
	defer cancel()
	if err := within(ctx, func() error { return c.prepare(ctx, fresh) }); err != nil {
		return fmt.Errorf("prepare the packs: %w", err)
	}
	next.checked.Store(now.UnixNano())
	if o.kept {
		next.checked.Store(min(now.UnixNano(), o.manifest.IssuedAt.UnixNano()))
	} else {
		next.revision.Store(&o.revision)
	}
	c.active.Store(next)
	clear(c.told)
	c.counters.unsaved.Store(nil)
	if c.options.LastGood != nil && !o.kept {
		c.counters.unsaved.Store(next)
	}
	return nil
}

// refuseOlder: epochs never fall, and one epoch is one manifest.
func (s *snapshot) refuseOlder(m *Manifest) error {
	counted := m.Epoch != 0 || s != nil && s.manifest.Epoch != 0
	if s == nil || !counted || m.Epoch > s.epoch {
		return nil
	}
	return &RefusedError{Findings: []policy.Finding{{
		Check: "manifest", File: "manifest.json", Pointer: "/epoch",
		Message: fmt.Sprintf("epoch %d is not above %d, which is served", m.Epoch, s.epoch),
		Fix:     "An older policy returns as a new epoch.",
	}}}
}

// build compiles what an offer holds. Fresh are the sets that have not decided
// yet.
func (c *Catalog) build(o *offer, active *snapshot) (next *snapshot, fresh []*policy.Set, err error) {
	m := &o.manifest
	compiler := &compiler{environment: c.options.Environment, texts: o.texts, made: map[string]*compiled{}}
	next = &snapshot{epoch: m.Epoch, suspended: m.suspended(), validFrom: m.ApprovalsValidFrom, manifest: *m, texts: o.texts}
	if active != nil {
		compiler.before = active.compiled
	}
	if m.Epoch == 0 {
		next.epoch = 1
		if active != nil {
			next.epoch = active.epoch + 1
		}
	}
	next.arms = compiler.arms(m)
	if policy.Refused(compiler.findings) {
		return nil, nil, &RefusedError{Findings: compiler.findings}
	}
	next.notices, next.compiled = compiler.findings, compiler.made
	for key, made := range compiler.made {
		if compiler.before[key] == nil {
			fresh = append(fresh, made.set)
		}
	}
	return next, fresh, nil
}

func (c *Catalog) prepare(ctx context.Context, sets []*policy.Set) error {
	if c.options.BeforeUse == nil {
		return nil
	}
	for _, set := range sets {
		if err := c.options.BeforeUse(ctx, set); err != nil {
			return err
		}
	}
	return nil
}

// packs are the packs of a manifest: those in effect, and whatever else it
// names.
func (s *snapshot) packs(now time.Time) []policy.PackRef {
	var refs []policy.PackRef
	known := map[string]bool{}
	for _, made := range s.compiled {
		for _, ref := range made.set.Packs(now) {
			if !known[ref.Hash] {
				known[ref.Hash] = true
				refs = append(refs, ref)
			}
		}
	}
	for _, e := range s.manifest.Packs {
		if e.Pack != "" && !known[e.Hash] {
			refs = append(refs, policy.PackRef{Pack: e.Pack, Version: e.Version, Hash: e.Hash})
		}
	}
	sortPacks(refs)
	return refs
}
