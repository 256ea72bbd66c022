package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	pages "github.com/authorization-fabric/fabric/handler/internal/console"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy/packs"
)

// localPoll is how often a directory of packs is looked at.
const localPoll = time.Second

// openLocal is everything on the files of this machine.
func openLocal(_ context.Context, c config, o wireOptions) (*backend, error) {
	from, err := packsFrom(c.packs)
	if err != nil {
		return nil, err
	}
	data, err := embedded.OpenDataDir(c.data)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	signer, err := embedded.OpenGrantKeys(c.data, time.Now)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("grant keys: %w", err), data.Close())
	}
	l := &local{data: data, issuer: embedded.NewIssuer(c.data, c.scope, time.Now), people: o.people}
	return &backend{
		log: data.Audit(), anchors: data.Anchors(), successor: true, approvals: data.Approvals(), key: data.Key(), signer: signer,
		policies: embedded.NewPacks(from), poll: localPoll, secret: data.SessionKey(),
		notifier: l.mailbox, authenticator: l.authenticator, sessions: l.sessions,
		missing: func() []httpapi.Lack { return nil }, close: data.Close,
	}, nil
}

// packsFrom is the folder of packs; the samples where none is named.
func packsFrom(dir string) (fs.FS, error) {
	if dir == "" {
		return packs.FS, nil
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, usageError(fmt.Errorf("--packs: %s is no folder that can be read", dir))
	}
	return os.DirFS(dir), nil
}

// local is what a laptop has for people: mails that are files, an issuer of
// its own.
type local struct {
	data   *embedded.DataDir
	issuer *embedded.Issuer
	people io.Writer // for whoever watches the terminal; nil: nobody
}

func (l *local) mailbox(s *service) (approval.Notifier, error) {
	out := l.people
	if out == nil {
		out = io.Discard
	}
	mailbox, err := embedded.OpenMailbox(l.data.Mail(), s.config.publicURL, out, embedded.MailboxOptions{
		Title: func(policyID, approver string) string { return s.words.Approver(policyID, approver, time.Now()) },
		Limit: s.words.LimitOf,
		Past: func(ctx context.Context, tenant string, who approval.Person, now time.Time) (approval.Past, error) {
			return s.approvals.History(ctx, tenant, who, now)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("mails: %w", err)
	}
	return mailbox, nil
}

func (l *local) authenticator(s *service) (httpapi.Authenticator, error) {
	tokens, err := identity.NewValidator(l.issuer.Config())
	if err != nil {
		return nil, err
	}
	return identity.Local{Tokens: tokens, Developer: s.config.mode == modeLocal}, nil
}

func (l *local) sessions(s *service) (pages.Sessions, pages.SignIn, error) {
	tokens, err := identity.NewValidator(l.issuer.Config())
	if err != nil {
		return nil, nil, err
	}
	cookies := pages.NewCookies(sessionIssuer{l.issuer}, tokens, s.people, isHTTPS(s.config.publicURL))
	return cookies, cookies, nil
}
