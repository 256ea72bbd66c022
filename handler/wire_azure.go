package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/approval/mail"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/azure"
	"github.com/authorization-fabric/fabric/handler/internal/azure/blob"
	"github.com/authorization-fabric/fabric/handler/internal/azure/cosmos"
	"github.com/authorization-fabric/fabric/handler/internal/azure/easyauth"
	"github.com/authorization-fabric/fabric/handler/internal/azure/keyvault"
	"github.com/authorization-fabric/fabric/handler/internal/azure/logicapp"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	pages "github.com/authorization-fabric/fabric/handler/internal/console"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
)

// azurePoll is how often the newest manifest is looked for, ± 20 %.
const azurePoll = 10 * time.Second

// deployment is what a process has in Azure: clients of its services, and what
// it has read of them.
type deployment struct {
	config     config
	logger     *slog.Logger
	credential azure.Credential

	vault        *keyvault.Vault
	key          grant.EnvironmentKey
	database     *cosmos.Database
	log, anchors *blob.Container
	lastGood     *blob.LastGood
	tokens       *easyauth.Keys
	mails        *logicapp.Notifier // nil: nobody is mailed

	unsigned atomic.Bool // the vault did not sign when it was asked last

	background sync.WaitGroup
	stop       context.CancelFunc
}

// openAzure is everything in Azure. Only the vault must answer: without the
// environment's key nothing can be decided. The other services are asked when
// they are needed, and each may be down.
func openAzure(ctx context.Context, c config, logger *slog.Logger) (*backend, error) {
	d := &deployment{config: c, logger: logger}
	if err := d.connect(); err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	d.background.Go(func() { d.tokens.Run(background) })
	if err := d.openVault(ctx); err != nil {
		return nil, errors.Join(err, d.close())
	}
	secret := d.key.Current.Sum([]byte("fabric-console-forms-v1\n"))
	return &backend{
		log: d.log, anchors: d.anchors, approvals: d.database.Approvals(), key: d.key, signer: d,
		policies: d.database.Catalog(), poll: azurePoll, polls: true, lastGood: d.lastGood, authentic: d.authentic,
		secret: secret[:], notifier: d.notifier, authenticator: d.authenticator, sessions: d.sessions,
		missing: d.missing, unmailed: d.trouble, close: d.close,
	}, nil
}

// connect makes the clients; it asks nobody anything.
func (d *deployment) connect() (err error) {
	c := &d.config.cloud
	if d.credential, err = azure.NewCredential(d.config.mode == modeAzure, c.identity); err != nil {
		return err
	}
	if d.database, err = cosmos.Open(c.cosmosEndpoint, c.cosmosDatabase, d.credential, cosmos.Options{}); err != nil {
		return usageError(fmt.Errorf("%sCOSMOS_ENDPOINT: %w", prefix, err))
	}
	if d.log, err = blob.NewContainer(c.auditURL, d.credential, blob.Options{}); err != nil {
		return usageError(fmt.Errorf("%sAUDIT_URL: %w", prefix, err))
	}
	if d.anchors, err = blob.NewContainer(c.anchorURL, d.credential, blob.Options{}); err != nil {
		return usageError(fmt.Errorf("%sANCHOR_URL: %w", prefix, err))
	}
	d.lastGood = blob.NewLastGood(d.log)
	if d.tokens, err = easyauth.NewKeys(d.easyAuth(), easyauth.KeysOptions{Log: d.logger}); err != nil {
		return usageError(err)
	}
	return d.tryOut()
}

// tryOut makes what is made of the settings later, so that none of them stops
// a start behind the log.
func (d *deployment) tryOut() error {
	c := &d.config.cloud
	if _, err := d.authenticator(nil); err != nil {
		return usageError(err)
	}
	if _, _, err := d.sessions(nil); err != nil {
		return usageError(err)
	}
	if c.logicAppURL == "" {
		return nil
	}
	if _, err := logicapp.New(c.logicAppURL, c.logicAppAudience, d.credential, logicapp.Options{}); err != nil {
		return usageError(fmt.Errorf("%sLOGICAPP_URL: %w", prefix, err))
	}
	return nil
}

func (d *deployment) easyAuth() easyauth.Settings {
	c := &d.config.cloud
	return easyauth.Settings{
		ClientID: c.clientID, Audiences: c.audiences, Tenants: c.tenants, Scope: d.config.scope, Authority: c.authority,
	}
}

func (d *deployment) openVault(ctx context.Context) (err error) {
	c := &d.config.cloud
	d.vault, err = keyvault.Open(ctx, c.vaultURL, c.signingKey, c.environmentKey, d.credential, keyvault.Options{Tell: d.tellVault})
	if err == nil {
		d.key, err = d.vault.EnvironmentKey(ctx)
	}
	if err != nil {
		return &authorize.UnavailableError{Component: "key vault", Err: err}
	}
	return nil
}

func (d *deployment) tellVault(err error) {
	ctx := context.Background()
	if err != nil {
		d.logger.LogAttrs(ctx, slog.LevelError, "the versions of the signing key cannot be read, the known ones go on", slog.String("cause", err.Error()))
		return
	}
	d.logger.LogAttrs(ctx, slog.LevelInfo, "the versions of the signing key are read again")
}

// authentic admits manifests that the vault's key signed: whoever can write to
// the database is not believed for that (T39).
func (d *deployment) authentic(ctx context.Context, m *catalog.Manifest) error {
	return grant.Match(ctx, grant.ManifestType, m.Signature, d.vault.StatementKeys(), m.Canonical())
}

// notifier is the Logic App; without one nobody is mailed, and approvers find
// what waits for them in the console.
func (d *deployment) notifier(s *service) (approval.Notifier, error) {
	c := &d.config.cloud
	if c.logicAppURL == "" {
		return nil, nil
	}
	mails, err := logicapp.New(c.logicAppURL, c.logicAppAudience, d.credential, logicapp.Options{
		Environment: d.config.environment,
		Composer: mail.Composer{
			PublicURL: d.config.publicURL,
			Title:     func(policyID, approver string) string { return s.words.Approver(policyID, approver, time.Now()) },
			Limit:     s.words.LimitOf,
			Past: func(ctx context.Context, tenant string, who approval.Person, now time.Time) (approval.Past, error) {
				return s.approvals.History(ctx, tenant, who, now)
			},
		},
	})
	if err != nil {
		return nil, usageError(fmt.Errorf("%sLOGICAPP_URL: %w", prefix, err))
	}
	d.mails = mails
	return mails, nil
}

func (d *deployment) authenticator(*service) (httpapi.Authenticator, error) {
	return easyauth.NewAuthenticator(d.tokens, d.easyAuth())
}

func (d *deployment) sessions(*service) (pages.Sessions, pages.SignIn, error) {
	sessions, err := easyauth.NewSessions(d.tokens, d.easyAuth())
	return sessions, nil, err
}

// PublicKeys implements [grant.Signer].
func (d *deployment) PublicKeys(ctx context.Context) ([]grant.PublicKey, error) {
	return d.vault.PublicKeys(ctx)
}

// Sign implements [grant.Signer], and remembers whether the vault signs.
func (d *deployment) Sign(ctx context.Context, kid string, digest [sha256.Size]byte) ([]byte, error) {
	signature, err := d.vault.Sign(ctx, kid, digest)
	d.unsigned.Store(err != nil && ctx.Err() == nil)
	return signature, err
}

// missing is what an operator must act on. The causes are in the log.
func (d *deployment) missing() []httpapi.Lack {
	var lacks []httpapi.Lack
	if d.unsigned.Load() {
		lacks = append(lacks, httpapi.Lack{Component: "key vault", Detail: "it does not sign: calls that need a grant get no decision"})
	}
	if d.tokens.Ready() != nil {
		lacks = append(lacks, httpapi.Lack{
			Component: "identity", Detail: "the keys of Entra ID could not be read for every tenant", Warning: d.tokens.Usable(),
		})
	}
	if trouble := d.trouble(); trouble != "" {
		lacks = append(lacks, httpapi.Lack{Component: "logic app", Detail: trouble, Warning: true})
	}
	return lacks
}

// trouble is why approvers get no mail; "" while they do. The cause is in the
// log.
func (d *deployment) trouble() string {
	if d.mails == nil {
		return ""
	}
	status, since, _ := d.mails.Trouble()
	switch at := since.UTC().Format(time.RFC3339); {
	case since.IsZero():
		return ""
	case status == 0:
		return "no mails since " + at + ": there is no token for the Logic App"
	default:
		return fmt.Sprintf("no mails since %s: the Logic App answers %d", at, status)
	}
}

func (d *deployment) close() error {
	d.stop()
	d.background.Wait()
	if d.vault != nil {
		d.vault.Close()
	}
	d.database.Close()
	return nil
}
