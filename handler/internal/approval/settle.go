package approval

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// tries is how often a lost race or an unclear write is read again and applied
// again before the caller is told.
const tries = 7

// load reads a slot's document and settles it: what the clock has closed is
// made durable, and every event is in the log, before anybody sees it.
func (s *Service) load(ctx context.Context, tenant, slot string, now time.Time) (held, error) {
	h, err := s.read(ctx, tenant, slot)
	if err != nil || s.settled(h.doc, now) {
		return h, err
	}
	unlock, err := s.slotLocks.lock(ctx, slot)
	if err != nil {
		return held{}, err
	}
	defer unlock()
	return s.loadLocked(ctx, tenant, slot, now)
}

// loadLocked is load for whoever holds the slot's lock.
func (s *Service) loadLocked(ctx context.Context, tenant, slot string, now time.Time) (held, error) {
	var err error
	for range tries {
		var h held
		if h, err = s.read(ctx, tenant, slot); err != nil {
			return held{}, err
		}
		if h, err = s.settle(ctx, h, now); !again(err) {
			return h, err
		}
	}
	return held{}, err
}

// again reports whether the document has to be read again to know.
func again(err error) bool { return errors.Is(err, ErrConflict) || errors.Is(err, ErrUnclear) }

func (s *Service) settled(d *Document, now time.Time) bool {
	return s.statusAt(&d.Current, now) == d.Current.Status && d.Current.logged()
}

func (c *Case) logged() bool {
	for _, e := range c.Events {
		if !e.Logged {
			return false
		}
	}
	return true
}

// settle brings h up to the instant now. An error for which [again] holds
// means that somebody else was faster, or may have been.
func (s *Service) settle(ctx context.Context, h held, now time.Time) (held, error) {
	if status := s.statusAt(&h.doc.Current, now); status != h.doc.Current.Status {
		by := "clock"
		if status == Revoked {
			by = "manifest"
		}
		h.doc.Current.close(closing{Status: status, By: by, Event: s.options.NewID(now)}, now)
		var err error
		if h, err = s.write(ctx, h); err != nil {
			return held{}, err
		}
	}
	if h.doc.Current.logged() {
		return h, nil
	}
	return s.logEvents(ctx, h)
}

// logEvents hands every unmarked event to the log and then marks them. When
// the log has them, h may be shown whether or not the marks were written, and
// whatever somebody else made of the document meanwhile: it was so when it was
// read. At worst the next reader logs the same ids again.
func (s *Service) logEvents(ctx context.Context, h held) (held, error) {
	for i := range h.doc.Current.Events {
		e := &h.doc.Current.Events[i]
		if e.Logged {
			continue
		}
		receipt, err := s.log.Append(ctx, Entry{Event: *e, Document: h.doc})
		if err != nil {
			return held{}, fmt.Errorf("log %s: %w", e.Kind, err)
		}
		if e.Kind == EventConsumed {
			h.receipt = receipt
		}
	}
	for i := range h.doc.Current.Events {
		h.doc.Current.Events[i].Logged = true
	}
	marked, err := s.write(ctx, h)
	if err != nil {
		return h, nil //nolint:nilerr // the events are in the log, which is what counts
	}
	marked.receipt = h.receipt
	return marked, nil
}
