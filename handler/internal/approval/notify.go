package approval

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"
)

// Message is one notification on its way. What it says is rendered from the
// document, which is read only.
type Message struct {
	Kind      Notice
	Recipient string // a mail address
	Nonce     string
	Approval  Approval
	Document  *Document
}

// ErrRejected is wrapped by the error of a [Notifier] that will never accept
// the message: it is not tried again.
var ErrRejected = errors.New("the message is refused for good")

// Notifier sends messages. It returns nil once the message is accepted for
// delivery; a message may come again, also after it was accepted.
type Notifier interface {
	Notify(ctx context.Context, m Message) error
}

// asking are the messages to approvers that a new approval gives rise to. Each
// recipient gets one of a kind, however many requirements name it.
func (c *Case) asking() []Notification {
	var out []Notification
	add := func(kind Notice, to string, due time.Time) {
		address, ok := strings.CutPrefix(to, "mailto:")
		known := slices.ContainsFunc(out, func(n Notification) bool { return n.Kind == kind && strings.EqualFold(n.Recipient, address) })
		if ok && !known && due.Before(c.ApproveBy) {
			out = append(out, Notification{Kind: kind, Recipient: address, Nonce: rand.Text(), Due: stamp(due)})
		}
	}
	for _, r := range c.Requirements {
		for _, to := range r.Notify {
			add(NoticeAsked, to, c.OpenedAt)
			add(NoticeReminder, to, c.OpenedAt.Add(c.ApproveBy.Sub(c.OpenedAt)/2))
		}
		if r.Escalate == nil {
			continue
		}
		for _, to := range r.Escalate.Notify {
			add(NoticeEscalated, to, c.OpenedAt.Add(r.Escalate.After.Duration()))
		}
	}
	return out
}

// stopAsking drops what is still to be said to approvers, but for what somebody
// is sending at the instant now.
func (c *Case) stopAsking(now time.Time) {
	c.Notifications = slices.DeleteFunc(c.Notifications, func(n Notification) bool {
		return n.waits() && !n.LeasedUntil.After(now) && n.Kind != NoticeOutcome
	})
}

// tellRequester adds the message about what became of c, where the requester's
// address is known. One that waits to be sent will tell that too.
func (c *Case) tellRequester(now time.Time) {
	waits := slices.ContainsFunc(c.Notifications, func(n Notification) bool {
		return n.Kind == NoticeOutcome && n.waits() && n.LeasedUntil.IsZero()
	})
	if strings.Contains(c.Requester.UPN, "@") && !waits {
		c.Notifications = append(c.Notifications, Notification{
			Kind: NoticeOutcome, Recipient: c.Requester.UPN, Nonce: rand.Text(), Due: stamp(now),
		})
	}
}

// PassOn says for an approver that an approval is not theirs: the others who
// were told are told again, once for each approver who says so. Votes and
// status stay. For whoever may not vote it is [ErrNotFound]. After ten approvers
// the others have heard it often enough.
func (s *Service) PassOn(ctx context.Context, r Reader, id string, now time.Time) (Approval, error) {
	p, err := placeOf(r, id)
	if err != nil {
		return Approval{}, err
	}
	h, err := s.change(ctx, p, "", now, func(d *Document) error {
		if !s.mayDecide(r.Principal, d, now) {
			return ErrNotFound
		}
		if err := s.closed(d, p.generation, now); err != nil {
			return err
		}
		return d.Current.passOn(UserKey(r.Principal.ObjectID, r.Principal.UPN), r.Principal.UPN, now)
	})
	if err != nil {
		return Approval{}, err
	}
	return s.answer(h, p, now)
}

func (c *Case) passOn(who, address string, now time.Time) error {
	if c.Status != Pending || len(c.PassedOn) >= maxPassedOn || slices.Contains(c.PassedOn, who) {
		return errUnchanged
	}
	c.PassedOn = append(c.PassedOn, who)
	for _, n := range slices.Clone(c.Notifications) {
		room := len(c.Notifications) < maxNotifications
		if n.Kind == NoticeAsked && room && !strings.EqualFold(n.Recipient, address) {
			c.Notifications = append(c.Notifications, Notification{
				Kind: NoticePassedOn, Recipient: n.Recipient, Nonce: rand.Text(), Due: stamp(now),
			})
		}
	}
	return nil
}

// unsent are the messages that are still to be sent, of d's current approval
// and of earlier ones. What they point to may be changed.
func (d *Document) unsent() iter.Seq[*Notification] {
	return func(yield func(*Notification) bool) {
		for i := range d.Current.Notifications {
			if n := &d.Current.Notifications[i]; n.waits() && !yield(n) {
				return
			}
		}
		for i := range d.Leftover {
			if !yield(&d.Leftover[i].Notification) {
				return
			}
		}
	}
}

// leave keeps the messages about old that are still to be sent when it gives
// way: what became of it, and no question about it.
func (d *Document) leave(old *Case, line Line) {
	for _, n := range old.Notifications {
		if n.waits() && n.Kind == NoticeOutcome {
			d.Leftover = append(d.Leftover, Leftover{line, n})
		}
	}
	if over := len(d.Leftover) - keepLeftover; over > 0 {
		d.Leftover = slices.Delete(d.Leftover, 0, over)
	}
}

// waits reports whether n is still to be sent.
func (n *Notification) waits() bool { return n.SentAt.IsZero() && n.RejectedAt.IsZero() }

// sendAt is when n may be sent, or sent again.
func (n *Notification) sendAt() time.Time {
	if n.LeasedUntil.After(n.Due) {
		return n.LeasedUntil
	}
	return n.Due
}

// sameText compares secrets without telling by the time how much was right.
func sameText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
