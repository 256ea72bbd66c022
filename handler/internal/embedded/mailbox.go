package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/mail"
	"github.com/authorization-fabric/fabric/handler/internal/approval/sheet"
)

// MailboxOptions of a [Mailbox]. The zero MailboxOptions are right.
type MailboxOptions struct {
	From  string           // "" is a sender on this machine
	Clock func() time.Time // nil is the machine's

	// Past is what a requester asked for before. nil, or an error, leaves that
	// out of the mail.
	Past func(ctx context.Context, tenant string, who approval.Person, now time.Time) (approval.Past, error)
	// Title is [sheet.Input]'s.
	Title func(policyID, approver string) string
	// Limit is the own limit of whoever reads at that address, as
	// [sheet.Input.ViewerLimit] has it.
	Limit func(address string, d *approval.Document, now time.Time) string
}

// Mailbox tells people by files: one .eml a message in a folder, to be opened
// with any mail program, and a line with the console link for whoever watches
// the terminal. Nothing is sent. It is safe for concurrent use.
type Mailbox struct {
	dir, publicURL string
	options        MailboxOptions

	mu  sync.Mutex
	out io.Writer // guarded by mu
}

var _ approval.Notifier = (*Mailbox)(nil)

// OpenMailbox makes the folder where it is missing, for its owner only. Links
// lead below publicURL; out gets a line for each message.
func OpenMailbox(dir, publicURL string, out io.Writer, o MailboxOptions) (*Mailbox, error) {
	if o.From == "" {
		o.From = "Authorization Fabric <fabric@localhost>"
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	path, err := filepath.Abs(dir)
	if err == nil {
		err = makeLasting(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open mailbox: %w", err)
	}
	return &Mailbox{dir: path, publicURL: publicURL, options: o, out: out}, nil
}

// Notify implements [approval.Notifier]. The message is durable once it
// returns nil; one that comes again takes the place of its first copy.
func (b *Mailbox) Notify(ctx context.Context, m approval.Message) error {
	now := b.options.Clock()
	link := mail.PageLink(b.publicURL, m.Approval.ID)
	rendered, err := mail.Render(mail.Input{Kind: m.Kind, Sheet: b.sheet(ctx, &m, now), Link: link})
	if err != nil {
		return fmt.Errorf("notify: %w: %w", approval.ErrRejected, err)
	}
	name, err := fileName(&m)
	if err != nil {
		return fmt.Errorf("notify: %w: %w", approval.ErrRejected, err)
	}
	text, err := rendered.EML(b.options.From, m.Recipient, name+"@fabric.localhost", now)
	if err != nil {
		return fmt.Errorf("notify: %w: %w", approval.ErrRejected, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := replaceFile(b.dir, name+".eml", text); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	fmt.Fprintf(b.out, "mail for %s: %s\n", m.Recipient, link) // EML has refused a recipient that is more than an address
	return nil
}

func (b *Mailbox) sheet(ctx context.Context, m *approval.Message, now time.Time) sheet.Sheet {
	in := sheet.Input{Document: m.Document, Approval: m.Approval, Now: now, Title: b.options.Title}
	if b.options.Limit != nil && m.Kind != approval.NoticeOutcome {
		in.ViewerLimit = b.options.Limit(m.Recipient, m.Document, now)
	}
	if b.options.Past != nil {
		// A person is told without their past rather than not at all.
		if past, err := b.options.Past(ctx, m.Document.Tenant, m.Document.Current.Requester, now); err == nil {
			in.Past = past
		}
	}
	return sheet.Of(in)
}

// fileName is of the message, so that sending it again names the same file. The
// nonce, of which it shows only a hash, tells two messages of one kind to one
// person apart.
func fileName(m *approval.Message) (string, error) {
	if _, _, ok := approval.ParseID(m.Approval.ID); !ok {
		return "", errors.New("the message is about no approval")
	}
	switch m.Kind {
	case approval.NoticeAsked, approval.NoticeReminder, approval.NoticeEscalated, approval.NoticePassedOn, approval.NoticeOutcome:
	default:
		return "", errors.New("the message is of no known kind")
	}
	sum := sha256.Sum256([]byte(m.Recipient + "\n" + m.Nonce))
	return m.Approval.ID + "." + string(m.Kind) + "." + hex.EncodeToString(sum[:8]), nil
}
