package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// Bounds of one step.
const (
	maxAttempts   = 10               // at a manifest that others change, or a store that answers badly
	finishingTime = 60 * time.Second // from the record on, when nothing ends a step any more
)

// make plans a step on the newest manifest, and makes it.
func (p *Publisher) make(ctx context.Context, plan func(*reader, *Manifest) (change, error)) (Step, error) {
	if p.options.Record == nil {
		return Step{}, errNoRecord
	}
	s := &stepping{Publisher: p, reader: p.newReader(ctx), plan: plan, finish: func() {}}
	return s.run(ctx)
}

// stepping is one step under way.
type stepping struct {
	*Publisher
	*reader
	plan func(*reader, *Manifest) (change, error)

	was      Manifest
	revision Revision
	change   change
	agreed   bool
	finish   context.CancelFunc
}

func (s *stepping) run(ctx context.Context) (Step, error) {
	defer func() { s.finish() }()
	if err := s.read(ctx); err != nil {
		return Step{}, err
	}
	before := ""
	for attempt := range maxAttempts {
		if attempt > 0 && s.change.scope.of(&s.was) != before {
			return Step{}, &OvertakenError{By: s.was.Change}
		}
		if err := s.replan(); err != nil {
			return Step{}, err
		}
		if s.change.nothing != "" {
			return Step{Manifest: s.was, Note: s.change.nothing, Findings: s.change.warn}, nil
		}
		before = s.change.scope.of(&s.was)
		next, err := s.propose(ctx)
		if err != nil {
			return Step{}, err
		}
		if s.options.Confirm != nil && !s.agreed {
			if err := s.agree(ctx, next); err != nil {
				return Step{}, err
			}
			continue // people take their time: plan it again
		}
		if err := s.record(ctx, &next); err != nil {
			return Step{}, err
		}
		ctx = s.untilDone(ctx)
		if made, err := s.write(ctx, next); made || err != nil {
			return Step{Manifest: s.was, Changed: made, Findings: s.change.warn}, err
		}
	}
	return Step{}, fmt.Errorf("the manifest was changed %d times meanwhile: %w", maxAttempts, ErrConflict)
}

// read reads the newest manifest.
func (s *stepping) read(ctx context.Context) error {
	m, revision, err := s.Publisher.editor.Manifest(ctx, s.env, "")
	switch {
	case errors.Is(err, ErrNotFound):
		m, revision = Manifest{Schema: Schema, Environment: s.env}, ""
	case err != nil:
		return fmt.Errorf("read the manifest: %w", err)
	case m.Environment != s.env:
		return refuseStep("publish.environment", "manifest.json", "the manifest is for "+quote(m.Environment)+", not for "+quote(s.env), "Name that environment, or another place to publish to.")
	}
	if revision != "" && s.options.Authentic != nil {
		if err := s.options.Authentic(ctx, &m); err != nil {
			return refuseStep("publish.signature", "manifest.json", "the stored manifest is not one that a publisher signed: somebody else wrote it",
				"Find out who may write there, and put the last signed manifest back.")
		}
	}
	s.was, s.revision = m, revision
	return nil
}

func (s *stepping) replan() (err error) {
	s.reader.manifest, s.reader.counted = &s.was, s.revision == "" || s.was.Epoch > 0
	s.reader.now = s.Publisher.options.Now().UTC().Truncate(time.Millisecond)
	s.change, err = s.plan(s.reader, &s.was)
	return err
}

// propose makes the change a manifest and checks it.
func (s *stepping) propose(ctx context.Context) (Manifest, error) {
	next := s.change.next
	next.Schema, next.Environment, next.Signature = Schema, s.env, ""
	next.IssuedAt, next.Change = s.now, s.change.made
	next.Change.By, next.Change.At = s.options.By, s.now
	if s.reader.counted {
		next.Epoch = s.was.Epoch + 1
		next.remember(&s.was)
	}
	findings, err := s.check(ctx, &next)
	for _, f := range findings {
		if !slices.Contains(s.change.warn, f) {
			s.change.warn = append(s.change.warn, f)
		}
	}
	return next, err
}

// agree asks whether the step is wanted.
func (s *stepping) agree(ctx context.Context, next Manifest) error {
	err := s.options.Confirm(ctx, Plan{Change: next.Change, Was: s.was, Next: next, Published: s.change.docs, Findings: s.change.warn})
	if err != nil {
		return err
	}
	s.agreed = true
	return s.read(ctx)
}

// record signs a manifest and tells the audit log of it.
func (s *stepping) record(ctx context.Context, next *Manifest) (err error) {
	if s.options.Sign != nil {
		if next.Signature, err = s.options.Sign(ctx, next.Canonical()); err != nil {
			return fmt.Errorf("sign the manifest: %w", err)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.options.Record(ctx, s.event(next)); err != nil {
		return fmt.Errorf("nothing was changed, for the audit log does not take it: %w", err)
	}
	return nil
}

func (s *stepping) event(next *Manifest) Event {
	e := Event{
		Environment: s.env, Epoch: next.Epoch, Manifest: Hash(next.Canonical()), Made: next.Change,
		Suspension: s.change.suspension, Reason: s.change.reason,
	}
	for _, x := range next.Packs {
		if slices.Contains(s.change.scope.packs, x.Pack) {
			e.Packs = append(e.Packs, x)
		}
	}
	return e
}

// untilDone is a context that does not end with the caller's: once a step is
// recorded it is made, and what is unclear is found out.
func (s *stepping) untilDone(ctx context.Context) context.Context {
	s.finish()
	ctx, s.finish = context.WithTimeout(context.WithoutCancel(ctx), finishingTime)
	s.reader.ctx = ctx
	return ctx
}

// write puts the documents and the manifest. Not made without an error: another
// manifest came first, which has been read.
func (s *stepping) write(ctx context.Context, next Manifest) (made bool, err error) {
	for _, d := range s.change.docs {
		if err := s.putDocument(ctx, d); err != nil {
			return false, err
		}
	}
	was, unclear := s.revision, false
	for range maxAttempts {
		_, err = s.editor().PutManifest(ctx, next, was)
		var refused *RefusedError
		switch {
		case err == nil:
			s.was = next
			return true, nil
		case errors.As(err, &refused):
			return false, err
		}
		// Whatever the error says: a reply may be lost, and a conflict be with
		// what an earlier attempt of ours has done.
		unclear = unclear || !errors.Is(err, ErrConflict)
		if readErr := s.read(ctx); readErr != nil {
			return false, s.cannotSay(next, errors.Join(err, readErr))
		}
		if s.revision != was {
			return s.landed(&next, unclear)
		}
	}
	return false, s.cannotSay(next, err)
}

// landed says whether next was written, now that another manifest than before
// is there.
func (s *stepping) landed(next *Manifest, unclear bool) (bool, error) {
	scope := s.change.scope
	switch {
	case bytes.Equal(s.was.Encode(), next.Encode()):
		return true, nil
	case scope.of(&s.was) == scope.of(next): // by us or not: what was asked for is in force
		return true, nil
	case unclear && s.was.Epoch > next.Epoch: // perhaps it was written, and then undone: not for us to redo
		return false, &OvertakenError{By: s.was.Change}
	}
	return false, nil
}

func (s *stepping) cannotSay(next Manifest, err error) error {
	return fmt.Errorf("%w: the status tells whether epoch %d of %s came about: %w", ErrUnclear, next.Epoch, s.env, err)
}

func (s *stepping) editor() Editor { return s.Publisher.editor }

// putDocument publishes a version; the same again is no error, so a lost reply
// costs one more try.
func (s *stepping) putDocument(ctx context.Context, d Published) (err error) {
	for range maxAttempts {
		err = s.editor().PutDocument(ctx, d)
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrExists) {
			return refuseReuse(&version{PackVersion: PackVersion{d.Pack, d.Version}})
		}
	}
	return fmt.Errorf("publish %s: %w", PackVersion{d.Pack, d.Version}, err)
}

// check loads a manifest as an instance would, from nothing.
func (s *stepping) check(ctx context.Context, next *Manifest) ([]policy.Finding, error) {
	c := New(&proposal{s.reader, next}, Options{Environment: s.env})
	if _, err := c.Refresh(ctx, s.now); err != nil {
		return nil, err
	}
	return c.Notices(), nil
}

// proposal is a [Store] of a manifest that is not written yet.
type proposal struct {
	reader *reader
	next   *Manifest
}

func (p *proposal) Manifest(context.Context, string, Revision) (Manifest, Revision, error) {
	return p.next.clone(), "proposed", nil
}

func (p *proposal) Document(_ context.Context, hash string) ([]byte, error) {
	return p.reader.text(hash)
}
