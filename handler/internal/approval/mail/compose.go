package mail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
)

// Composer writes what a [approval.Notifier] sends. It is safe for concurrent
// use once its fields are set; all but PublicURL may be nil.
type Composer struct {
	PublicURL string // links lead below it

	// Past is what a requester asked for before. An error leaves that out of
	// the mail: a person is told without their past rather than not at all.
	Past func(ctx context.Context, tenant string, who approval.Person, now time.Time) (approval.Past, error)
	// Title is [sheet.Input]'s.
	Title func(policyID, approver string) string
	// Limit is the own limit of whoever reads at that address, as
	// [sheet.Input.ViewerLimit] has it.
	Limit func(address string, d *approval.Document, now time.Time) string
}

// Composed is a message ready to be sent.
type Composed struct {
	Mail
	// ID is of the message, so that sending it again gives the same one, and
	// no other message the same. It is a plain file name and shows nothing of
	// the nonce.
	ID    string
	Link  string // of the page
	Sheet sheet.Sheet
}

// Compose writes a message as it reads now. Every error wraps
// [approval.ErrRejected]: the message would be the same the next time.
func (c *Composer) Compose(ctx context.Context, m *approval.Message, now time.Time) (Composed, error) {
	out := Composed{Link: PageLink(c.PublicURL, m.Approval.ID)}
	var err error
	if out.ID, err = messageID(m); err == nil {
		_, err = bareAddress(m.Recipient)
	}
	if err == nil {
		out.Sheet = c.sheet(ctx, m, now)
		out.Mail, err = Render(Input{Kind: m.Kind, Sheet: out.Sheet, Link: out.Link})
	}
	if err != nil {
		return Composed{}, fmt.Errorf("%w: %w", approval.ErrRejected, err)
	}
	return out, nil
}

func (c *Composer) sheet(ctx context.Context, m *approval.Message, now time.Time) sheet.Sheet {
	in := sheet.Input{Document: m.Document, Approval: m.Approval, Now: now, Title: c.Title}
	if c.Limit != nil && m.Kind != approval.NoticeOutcome {
		in.ViewerLimit = c.Limit(m.Recipient, m.Document, now)
	}
	if c.Past != nil {
		if past, err := c.Past(ctx, m.Document.Tenant, m.Document.Current.Requester, now); err == nil {
			in.Past = past
		}
	}
	return sheet.Of(in)
}

// kinds are the notices there are.
var kinds = []approval.Notice{
	approval.NoticeAsked, approval.NoticeReminder, approval.NoticeEscalated, approval.NoticePassedOn, approval.NoticeOutcome,
}

// messageID names a message by approval and kind; the nonce, of which it shows
// only a hash, tells two messages of one kind to one person apart.
func messageID(m *approval.Message) (string, error) {
	if _, _, ok := approval.ParseID(m.Approval.ID); !ok {
		return "", errors.New("the message is about no approval")
	}
	if !slices.Contains(kinds, m.Kind) {
		return "", errors.New("the message is of no known kind")
	}
	sum := sha256.Sum256([]byte(m.Recipient + "\n" + m.Nonce))
	return m.Approval.ID + "." + string(m.Kind) + "." + hex.EncodeToString(sum[:8]), nil
}
