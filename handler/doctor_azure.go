package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/azure"
	"github.com/authorization-fabric/fabric/handler/internal/azure/blob"
	"github.com/authorization-fabric/fabric/handler/internal/azure/keyvault"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
)

// azureChecks look at the services of a deployment, as whoever runs them.
func azureChecks(c config) []examination {
	if err := c.checkAzure(func(name string) string { return given(c, name) }); err != nil {
		return []examination{{"configuration", always(wrong("Set it; handler doctor --settings has the meaning of each.", "%v", err))}}
	}
	d := &deployment{config: c, logger: newLog(nowhere{})}
	if err := d.connect(); err != nil {
		return []examination{{"configuration", always(wrong("Correct the setting.", "%v", err))}}
	}
	return []examination{
		{"configuration", always(fine("every setting can be read, and nothing that Azure needs is missing"))},
		{"easy auth", always(checkEasyAuth(c))},
		{"identity", d.checkIdentity},
		{"entra id", d.checkTokens},
		{"cosmos", d.checkCosmos},
		{"policies", d.checkPolicies},
		{"audit log", func(ctx context.Context) []diagnosis { return d.checkContainer(ctx, d.log, "the log") }},
		{"anchors", func(ctx context.Context) []diagnosis { return d.checkContainer(ctx, d.anchors, "the anchors") }},
		{"key vault", d.checkVault},
		{"logic app", always(checkLogicApp(c))},
		{"copilot", always(checkCopilot(c))},
	}
}

// nowhere takes the log of clients that a doctor makes.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// given is whether a required setting was read, for [config.checkAzure].
func given(c config, name string) string {
	return map[string]string{
		"TENANT_IDS": strings.Join(c.cloud.tenants, ","), "AUDIENCES": strings.Join(c.cloud.audiences, ","), "CLIENT_ID": c.cloud.clientID,
		"PUBLIC_URL": c.publicURL, "COSMOS_ENDPOINT": c.cloud.cosmosEndpoint, "AUDIT_URL": c.cloud.auditURL,
		"ANCHOR_URL": c.cloud.anchorURL, "KEYVAULT_URL": c.cloud.vaultURL,
	}[strings.TrimPrefix(name, prefix)]
}

func always(d diagnosis) func(context.Context) []diagnosis {
	return func(context.Context) []diagnosis { return []diagnosis{d} }
}

func checkEasyAuth(c config) diagnosis {
	if c.mode != modeAzure {
		return unseen("Look at the site's authentication: it must answer 401 to whoever brings no token.",
			"whether App Service authentication stands in front is seen on the site alone")
	}
	return fine("App Service says that authentication stands in front")
}

func (d *deployment) checkIdentity(ctx context.Context) []diagnosis {
	who, err := azure.Who(ctx, d.credential, vaultScope)
	if err != nil {
		return []diagnosis{wrong("Sign in with az login; in Azure give the site its managed identity, and its client id in AZURE_CLIENT_ID.", "%v", err)}
	}
	return []diagnosis{fine("looking as %s", who)}
}

func (d *deployment) checkTokens(ctx context.Context) []diagnosis {
	ctx, cancel := context.WithTimeout(ctx, checkLimit-time.Second)
	defer cancel()
	go d.tokens.Run(ctx)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := d.tokens.Ready()
		if err == nil {
			return []diagnosis{fine("the signing keys of %d tenants can be read", len(d.config.cloud.tenants))}
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return []diagnosis{wrong("Open the way to the authority, and look at FABRIC_TENANT_IDS.", "%v", err)}
		}
	}
}

func (d *deployment) checkCosmos(ctx context.Context) []diagnosis {
	state, err := d.database.State(ctx)
	if err != nil {
		return []diagnosis{wrong("Give the identity the data-plane roles (Reader on catalog, Contributor on approvals) and open the network.", "%v", err)}
	}
	found := []diagnosis{compareClocks(state.Clock)}
	for _, c := range state.Containers {
		if c.Fault != "" {
			found = append(found, wrong("Create the container, and give the identity its role there.", "container %s: %s", c.Name, c.Fault))
			continue
		}
		found = append(found, fine("container %s can be used", c.Name))
	}
	if state.MultiWrite {
		return append(found, wrong("Turn multi-region writes off: an approval could be used once in each region.",
			"the account has several write regions: %s", strings.Join(state.WriteRegions, ", ")))
	}
	return append(found, fine("one write region, consistency %s", state.Consistency))
}

func (d *deployment) checkPolicies(ctx context.Context) []diagnosis {
	m, _, err := d.database.Catalog().Manifest(ctx, d.config.environment, "")
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return []diagnosis{wrong("Publish a pack: handler policy publish FILE --env "+d.config.environment+".", "nothing is published for %s", d.config.environment)}
	case err != nil:
		return []diagnosis{wrong("See what is said of cosmos.", "no manifest can be read: %v", err)}
	}
	age := time.Since(m.IssuedAt).Round(time.Second)
	found := []diagnosis{fine("epoch %d, %d packs, issued %s ago by %s", m.Epoch, len(m.Packs), age, m.Change.By)}
	if age > d.config.hardStale {
		found = append(found, doubtful("Publish it again, so that a start without Cosmos can serve it.",
			"it is older than %s: a process that starts while Cosmos is down denies every call", d.config.hardStale))
	}
	for _, s := range m.Suspended {
		found = append(found, doubtful("handler policy resume lifts it.", "%s is suspended since %s: %s", s, s.Since.Format(time.RFC3339), s.Reason))
	}
	kept, err := d.lastGood.Newest(ctx, d.config.environment)
	switch {
	case err != nil:
		found = append(found, doubtful("It is kept as soon as an instance serves the manifest.", "no last good manifest can be read: %v", err))
	case kept.Epoch < m.Epoch:
		found = append(found, doubtful("It is kept as soon as an instance serves the manifest.", "the last good manifest is of epoch %d", kept.Epoch))
	}
	if err := d.lastGood.Damaged(); err != nil {
		found = append(found, wrong("Find out who wrote there.", "a kept manifest is damaged: %v", err))
	}
	return append(found, d.checkDocuments(ctx, &m)...)
}

// checkDocuments loads what the manifest names, as an instance would.
func (d *deployment) checkDocuments(ctx context.Context, m *catalog.Manifest) []diagnosis {
	var docs []policy.Document
	for _, e := range m.Packs {
		text, err := d.database.Catalog().Document(ctx, e.Hash)
		if err != nil || catalog.Hash(text) != e.Hash {
			return []diagnosis{wrong("Publish it again.", "the document of %s@%d cannot be read as it was published", e.Pack, e.Version)}
		}
		docs = append(docs, policy.Document{Name: fmt.Sprintf("%s@%d", e.Pack, e.Version), Text: text})
	}
	if _, findings := policy.Load(docs, policy.LoadOptions{Environment: d.config.environment}); policy.Refused(findings) {
		return []diagnosis{wrong("Publish what lints.", "%s", firstError(findings))}
	}
	return []diagnosis{fine("every document is what was published, and loads")}
}

func (d *deployment) checkContainer(ctx context.Context, c *blob.Container, what string) []diagnosis {
	state, err := c.State(ctx)
	switch {
	case err != nil:
		return []diagnosis{wrong("Give the identity Storage Blob Data Contributor, or a role that may add, write and read, and open the network.", "%v", err)}
	case !state.Exists:
		return []diagnosis{wrong("Create the container.", "the container of %s is not there", what)}
	case state.ByVersion:
		return []diagnosis{wrong("Use a policy on the container with protected appends.", "immutability by version admits no appends")}
	}
	found := []diagnosis{fine("the container of %s is there", what), compareClocks(state.Clock)}
	switch state.Protection {
	case blob.Unprotected:
		return append(found, doubtful("Set a retention policy with protected appends, and lock it.", "anybody with the rights can delete %s: no retention policy, no legal hold", what))
	case blob.PolicyHeld, blob.LegallyHeld, blob.PolicyAndHold:
	case blob.ProtectionUnknown:
		return append(found, unseen("az storage container immutability-policy show", "whether %s are kept from being deleted may not be asked by this identity", what))
	}
	return append(found, fine("protected by %s", state.Protection),
		unseen("az storage container immutability-policy show --query state", "whether the policy is locked is known to the management plane alone"))
}

func (d *deployment) checkVault(ctx context.Context) []diagnosis {
	c := &d.config.cloud
	state, err := keyvault.Inspect(ctx, c.vaultURL, c.signingKey, c.environmentKey, d.credential, keyvault.Options{})
	if err != nil {
		return []diagnosis{wrong("Correct FABRIC_KEYVAULT_URL and the names.", "%v", err)}
	}
	var found []diagnosis
	if state.Key == nil || state.Secret == nil { // it answered
		found = append(found, compareClocks(state.ClockAhead))
	}
	switch {
	case state.Key != nil:
		found = append(found, wrong("Create an EC key on P-256 with sign and verify, and give the identity Key Vault Crypto User.", "the signing key: %v", state.Key))
	case state.Sign != nil:
		found = append(found, wrong("Give the identity Key Vault Crypto User.", "the key does not sign: %v", state.Sign))
	default:
		found = append(found, fine("%d versions of the signing key, %s signs", len(state.Versions), state.Signing))
	}
	if state.Secret != nil {
		return append(found, wrong("Put the key there once, and never another: handler cannot find open approvals under a new one. The identity needs Key Vault Secrets User.", "the environment key: %v", state.Secret))
	}
	return append(found, fine("the environment key is %s", state.KeyID))
}

// checkLogicApp sends nothing: every message is a mail to a person.
func checkLogicApp(c config) diagnosis {
	if c.cloud.logicAppURL == "" {
		return doubtful("Set FABRIC_LOGICAPP_URL and FABRIC_LOGICAPP_AUDIENCE.", "no Logic App: approvers are not mailed, and find what waits for them in the console")
	}
	return unseen("GET /api/health/ready names the Logic App while it refuses mails.", "a trigger is set; it is not tried, since every message is a mail")
}

func checkCopilot(c config) diagnosis {
	if len(c.cloud.copilotApps) == 0 {
		return fine("no application is registered for the Copilot Studio webhook")
	}
	return unseen("In the Power Platform admin center set the error behaviour to block, and on the plan keep at least one instance always ready for http: "+
		"the platform waits one second, start-up included, and then goes on by default.",
		"what the platform does when this service is late cannot be seen from here")
}
