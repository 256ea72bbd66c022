package embedded

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/mail"
)

// MailboxOptions of a [Mailbox]. The zero MailboxOptions are right.
type MailboxOptions struct {
	From  string           // "" is a sender on this machine
	Clock func() time.Time // nil is the machine's

	// As [mail.Composer] has them.
	Past  func(ctx context.Context, tenant string, who approval.Person, now time.Time) (approval.Past, error)
	Title func(policyID, approver string) string
	Limit func(address string, d *approval.Document, now time.Time) string
}

// Mailbox tells people by files: one .eml a message in a folder, to be opened
// with any mail program, and a line with the console link for whoever watches
// the terminal. Nothing is sent. It is safe for concurrent use.
type Mailbox struct {
	dir, from string
	clock     func() time.Time
	composer  mail.Composer

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
	composer := mail.Composer{PublicURL: publicURL, Past: o.Past, Title: o.Title, Limit: o.Limit}
	return &Mailbox{dir: path, from: o.From, clock: o.Clock, composer: composer, out: out}, nil
}

// Notify implements [approval.Notifier]. The message is durable once it
// returns nil; one that comes again takes the place of its first copy.
func (b *Mailbox) Notify(ctx context.Context, m approval.Message) error {
	now := b.clock()
	letter, err := b.composer.Compose(ctx, &m, now)
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	text, err := letter.EML(b.from, m.Recipient, letter.ID+"@fabric.localhost", now)
	if err != nil {
		return fmt.Errorf("notify: %w: %w", approval.ErrRejected, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := replaceFile(b.dir, letter.ID+".eml", text); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	fmt.Fprintf(b.out, "mail for %s: %s\n", m.Recipient, letter.Link) // Compose has refused a recipient that is more than an address
	return nil
}
