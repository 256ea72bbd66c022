package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	lease       = 2 * time.Minute // how long a message is one process's to send
	firstDelay  = 10 * time.Second
	longestWait = time.Hour
	sweepPage   = 100
	sweepPages  = 100 // of one call of Sweep
)

// Swept is what one call of [Service.Sweep] has done.
type Swept struct {
	Looked int // documents that were due
	Sent   int // messages accepted
	Failed int // documents and messages that are to be tried again
}

// Work has an element when something may be due at once; after taking it, call
// [Service.Sweep].
func (s *Service) Work() <-chan struct{} { return s.work }

func (s *Service) wake() {
	select {
	case s.work <- struct{}{}:
	default:
	}
}

// Sweep does what is due: it makes expiry durable, logs what is not logged yet
// and sends messages. One failure does not keep it from the rest; errors are
// joined. It may run in several processes at a time, and once at a time in one.
// The clock is read anew for every document: there may be many.
func (s *Service) Sweep(ctx context.Context, clock func() time.Time) (Swept, error) {
	var swept Swept
	now := clock()
	errs := []error{s.revokeOld(ctx, now)}
	page := ""
	for range sweepPages {
		due, err := s.store.Due(ctx, now, sweepPage, page)
		if err != nil {
			return swept, errors.Join(append(errs, err)...)
		}
		for _, r := range due.Records {
			sent, err := s.deliver(ctx, r.Tenant, r.Slot, clock)
			swept.Looked++
			swept.Sent += sent
			if err != nil {
				swept.Failed++
				errs = append(errs, err)
			}
		}
		if page = due.Next; page == "" || ctx.Err() != nil {
			break
		}
	}
	return swept, errors.Join(errs...)
}

// revokeOld makes durable what a new approvalsValidFrom revokes. What fails is
// tried again by the next call.
func (s *Service) revokeOld(ctx context.Context, now time.Time) error {
	from := s.options.ValidFrom()
	if s.options.Tenants == nil || !from.After(s.revoked) {
		return nil
	}
	var errs []error
	for _, tenant := range s.options.Tenants(now) {
		errs = append(errs, s.settleOpen(ctx, lower(tenant), now))
	}
	err := errors.Join(errs...)
	if err == nil {
		s.revoked = from
	}
	return err
}

// settleOpen settles all that is open in a tenant.
func (s *Service) settleOpen(ctx context.Context, tenant string, now time.Time) error {
	query := Query{Tenant: tenant, Keys: []Key{Everything}, Filter: OnlyOpen, At: now, Limit: sweepPage}
	var errs []error
	for {
		page, err := s.store.List(ctx, query)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, r := range page.Records {
			if _, err := s.listed(ctx, r, now); err != nil && !errors.Is(err, ErrNotFound) {
				errs = append(errs, err)
			}
		}
		if query.Page = page.Next; page.Next == "" || ctx.Err() != nil {
			return errors.Join(append(errs, ctx.Err())...)
		}
	}
}

// deliver settles a document and sends its messages that are due. A message is
// leased by a conditional write before it is sent, and marked afterwards: a
// crash between the two sends it again, never loses it. What is not accepted in
// half of the lease is tried again later.
func (s *Service) deliver(ctx context.Context, tenant, slot string, clock func() time.Time) (sent int, err error) {
	leased, err := s.leaseDue(ctx, tenant, slot, clock())
	if err != nil || len(leased) == 0 {
		return 0, err
	}
	done, errs := s.send(ctx, leased)
	now := clock()
	_, err = s.change(context.WithoutCancel(ctx), place{tenant: tenant, slot: slot}, "", now, func(d *Document) error {
		return d.markSent(leased, done, now)
	})
	return done.accepted(), errors.Join(append(errs, err)...)
}

// delivered says by nonce what will not be tried again: true was accepted,
// false refused for good.
type delivered map[string]bool

func (d delivered) accepted() (n int) {
	for _, accepted := range d {
		if accepted {
			n++
		}
	}
	return n
}

// send gives messages to the notifier.
func (s *Service) send(ctx context.Context, messages []Message) (done delivered, errs []error) {
	ctx, cancel := context.WithTimeout(ctx, lease/2)
	defer cancel()
	done = delivered{}
	for _, m := range messages {
		err := s.options.Notifier.Notify(ctx, m)
		if err != nil {
			errs = append(errs, fmt.Errorf("notify: %w", err))
		}
		if err == nil || errors.Is(err, ErrRejected) {
			done[m.Nonce] = err == nil
		}
	}
	return done, errs
}

// leaseDue settles the document and takes its due messages for this process.
func (s *Service) leaseDue(ctx context.Context, tenant, slot string, now time.Time) (leased []Message, err error) {
	_, err = s.change(ctx, place{tenant: tenant, slot: slot}, "", now, func(d *Document) error {
		leased = nil
		changed := d.dropQuestions(now)
		if s.options.Notifier != nil {
			leased = s.lease(d, now)
		}
		if len(leased) == 0 && !changed {
			return errUnchanged
		}
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return leased, err
}

// dropQuestions drops, of an approval that waits for nobody any more, what a
// process that died was sending to approvers.
func (d *Document) dropQuestions(now time.Time) bool {
	before := len(d.Current.Notifications)
	if d.Current.Status != Pending {
		d.Current.stopAsking(now)
	}
	return len(d.Current.Notifications) != before
}

// lease takes d's messages that are due.
func (s *Service) lease(d *Document, now time.Time) (leased []Message) {
	for n := range d.unsent() {
		if !n.sendAt().After(now) {
			n.LeasedUntil = stamp(now.Add(lease))
			n.Attempts++
			leased = append(leased, s.message(d, n, now))
		}
	}
	return leased
}

// message is n with what it is about.
func (s *Service) message(d *Document, n *Notification, now time.Time) Message {
	m := Message{Kind: n.Kind, Recipient: n.Recipient, Nonce: n.Nonce, Document: d, Approval: s.view(d, now)}
	for i := range d.Leftover {
		if &d.Leftover[i].Notification == n {
			m.Approval = d.earlier(&d.Leftover[i].Line)
		}
	}
	return m
}

// markSent notes which messages were accepted or refused, and when the others are tried
// again.
func (d *Document) markSent(leased []Message, done delivered, now time.Time) error {
	changed := errUnchanged
	for n := range d.unsent() {
		if !slices.ContainsFunc(leased, func(m Message) bool { return m.Nonce == n.Nonce }) {
			continue
		}
		changed, n.LeasedUntil = nil, time.Time{}
		switch accepted, over := done[n.Nonce]; {
		case accepted:
			n.SentAt = stamp(now)
		case over:
			n.RejectedAt = stamp(now)
		default:
			n.Due = stamp(now.Add(min(firstDelay<<min(n.Attempts-1, 10), longestWait)))
		}
	}
	d.Leftover = slices.DeleteFunc(d.Leftover, func(l Leftover) bool { return !l.Notification.waits() })
	if d.Current.Status != Pending {
		d.Current.stopAsking(now)
	}
	return changed
}
