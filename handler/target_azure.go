package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/azure"
	"github.com/authorization-fabric/fabric/handler/internal/azure/blob"
	"github.com/authorization-fabric/fabric/handler/internal/azure/cosmos"
	"github.com/authorization-fabric/fabric/handler/internal/azure/keyvault"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

// vaultScope is what a token is asked for that says who publishes.
const vaultScope = "https://vault.azure.net/.default"

// operator is who changes a deployment from outside: with an identity of their
// own, the vault's key, and a chain in the audit log.
type operator struct {
	config     config
	credential azure.Credential
	vault      *keyvault.Vault
	log        *blob.Container
	anchors    *blob.Container
	issuer     *grant.Issuer

	mu   sync.Mutex
	open *audit.Log // guarded by mu; nil until something is recorded
}

// newOperator opens what a step needs. The settings that are missing are named.
func newOperator(ctx context.Context, c config) (*operator, error) {
	for name, value := range map[string]string{"AUDIT_URL": c.cloud.auditURL, "ANCHOR_URL": c.cloud.anchorURL, "KEYVAULT_URL": c.cloud.vaultURL} {
		if value == "" {
			return nil, usageError(fmt.Errorf("%s%s is not set: a step in Azure is signed and recorded", prefix, name))
		}
	}
	o := &operator{config: c}
	var err error
	if o.credential, err = azure.NewCredential(c.mode == modeAzure, c.cloud.identity); err != nil {
		return nil, err
	}
	if o.log, err = blob.NewContainer(c.cloud.auditURL, o.credential, blob.Options{}); err != nil {
		return nil, usageError(err)
	}
	if o.anchors, err = blob.NewContainer(c.cloud.anchorURL, o.credential, blob.Options{}); err != nil {
		return nil, usageError(err)
	}
	if o.vault, err = keyvault.Open(ctx, c.cloud.vaultURL, c.cloud.signingKey, c.cloud.environmentKey, o.credential, keyvault.Options{}); err != nil {
		return nil, err
	}
	keeper, err := audit.NewKeeper(o.log, c.environment)
	if err != nil {
		return nil, errors.Join(err, o.close(ctx))
	}
	o.issuer = grant.NewIssuer(c.publicURL, o.vault, keeper.KeepKey)
	return o, nil
}

// signing is the id of the key that signs now.
func (o *operator) signing(ctx context.Context) string {
	keys, err := o.vault.PublicKeys(ctx)
	if err != nil || len(keys) == 0 {
		return ""
	}
	return keys[0].ID()
}

// record appends to a chain of this process's own, which begins with the first
// record.
func (o *operator) record(ctx context.Context, event catalog.Event) error {
	record, err := publishedRecord(event)
	if err != nil {
		return err
	}
	return o.append(ctx, record)
}

func (o *operator) append(ctx context.Context, record audit.Record) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		o.open, err = audit.Open(ctx, o.log, audit.Options{
			Environment: o.config.environment, Instance: instance(), Writer: version(), KeyID: o.signing(ctx), Clock: time.Now, Lanes: 1,
			Anchors: &audit.AnchorOptions{Store: o.anchors, Sign: o.signAnchor},
		})
		if err != nil {
			return err
		}
	}
	_, err = o.open.Append(ctx, record)
	return err
}

func (o *operator) signAnchor(ctx context.Context, payload []byte) (string, error) {
	return o.issuer.Sign(ctx, grant.AnchorType, payload)
}

func (o *operator) signManifest(ctx context.Context, canonical []byte) (string, error) {
	return o.issuer.Sign(ctx, grant.ManifestType, canonical)
}

func (o *operator) signedManifest(ctx context.Context, m *catalog.Manifest) error {
	return grant.Match(ctx, grant.ManifestType, m.Signature, o.vault.StatementKeys(), m.Canonical())
}

func (o *operator) close(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var err error
	if o.open != nil {
		err = o.open.Close(context.WithoutCancel(ctx))
	}
	o.vault.Close()
	return err
}

// openAzureTarget opens Cosmos, the audit containers and the signing key.
func openAzureTarget(e *environment, f targetFlags) (*policyStore, error) {
	c, err := readConfig(e.getenv)
	if err != nil {
		return nil, err
	}
	c.environment = f.environment(e)
	o, err := newOperator(e.ctx, c)
	if err != nil {
		return nil, err
	}
	database, err := cosmos.Open(c.cloud.cosmosEndpoint, c.cloud.cosmosDatabase, o.credential, cosmos.Options{})
	if err != nil {
		return nil, errors.Join(usageError(fmt.Errorf("%sCOSMOS_ENDPOINT: %w", prefix, err)), o.close(e.ctx))
	}
	by, err := azure.Who(e.ctx, o.credential, vaultScope)
	if err != nil {
		return nil, errors.Join(err, o.close(e.ctx))
	}
	return &policyStore{
		editor: database.Catalog(), by: by, record: o.record, sign: o.signManifest, signed: o.signedManifest,
		close: func(ctx context.Context) error { database.Close(); return o.close(ctx) },
	}, nil
}

// openContainer opens a blob container of a log, or of its anchors, for reading.
func (e *environment) openContainer(address string) (audit.Reader, error) {
	credential, err := azure.NewCredential(inAzure(e.getenv) != "", e.getenv("AZURE_CLIENT_ID"))
	if err != nil {
		return nil, err
	}
	c, err := blob.NewContainer(address, credential, blob.Options{})
	if err != nil {
		return nil, usageError(fmt.Errorf("--container: %w", err))
	}
	return c, nil
}

// openContainers opens the containers of a log and its anchors for writing,
// with the key that the settings name.
func (e *environment) openContainers(f *logFlags) (*logWriter, error) {
	c, err := readConfig(e.getenv)
	if err != nil {
		return nil, err
	}
	if f.Anchors == "" {
		return nil, usageError(errors.New("--anchors: an acknowledgement counts only under an anchor"))
	}
	c.cloud.auditURL, c.cloud.anchorURL = strings.TrimSuffix(f.Container, "/"), strings.TrimSuffix(f.Anchors, "/")
	o, err := newOperator(e.ctx, c)
	if err != nil {
		return nil, err
	}
	return &logWriter{
		sink: o.log, anchors: o.anchors, sign: o.signAnchor, keyID: o.signing(e.ctx),
		close: func() error { return o.close(e.ctx) },
	}, nil
}
