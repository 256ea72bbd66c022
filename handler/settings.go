package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// setting is one environment variable.
type setting struct {
	name    string
	def     string
	azure   bool // must be set in Azure mode, unless it has a default
	meaning string
	read    func(*config, string) error
}

// prefix stands in front of every setting's name.
const prefix = "FABRIC_"

// settings is the one list of settings, in the order they are told.
var settings = []setting{
	{"ENVIRONMENT", "dev", true, "the environment whose packs are served", func(c *config, v string) error {
		c.environment = v
		return matches(v, `^[A-Za-z0-9_-][A-Za-z0-9._-]{0,62}$`, "1 to 63 letters, digits, dots, dashes or underscores, not a dot first")
	}},
	{"TENANT_IDS", "", true, "the tenants whose tokens count, by comma", func(c *config, v string) (err error) {
		c.cloud.tenants, err = guids(v)
		return err
	}},
	{"AUDIENCES", "", true, "the identifier URIs of the API's registration, by comma", func(c *config, v string) (err error) {
		c.cloud.audiences, err = audiences(v)
		return err
	}},
	{"CLIENT_ID", "", true, "the client id of the API's registration", func(c *config, v string) (err error) {
		c.cloud.clientID, err = guid(v)
		return err
	}},
	{"SCOPE", "access_as_user", true, "the scope in a person's token", func(c *config, v string) error {
		c.scope = v
		return matches(v, `^[!-~]{1,128}$`, "one word")
	}},
	{"PUBLIC_URL", "", true, "the address of this service in links; in local mode that of the listener", func(c *config, v string) (err error) {
		c.publicURL, err = baseURL(v)
		return err
	}},
	{"COSMOS_ENDPOINT", "", true, "the Cosmos DB account, https://NAME.documents.azure.com", func(c *config, v string) (err error) {
		c.cloud.cosmosEndpoint, err = serviceURL(v)
		return err
	}},
	{"COSMOS_DATABASE", "fabric", true, "the database with the containers catalog and approvals", func(c *config, v string) error {
		c.cloud.cosmosDatabase = v
		return matches(v, `^[A-Za-z0-9_-]{1,128}$`, "the name of a database")
	}},
	{"AUDIT_URL", "", true, "the blob container of the audit log, https://ACCOUNT.blob.core.windows.net/NAME", func(c *config, v string) (err error) {
		c.cloud.auditURL, err = serviceURL(v)
		return err
	}},
	{"ANCHOR_URL", "", true, "the blob container of its anchors, best in another account", func(c *config, v string) (err error) {
		c.cloud.anchorURL, err = serviceURL(v)
		return err
	}},
	{"KEYVAULT_URL", "", true, "the vault of the signing key and the environment key", func(c *config, v string) (err error) {
		c.cloud.vaultURL, err = serviceURL(v)
		return err
	}},
	{"SIGNING_KEY", "fabric-signing", true, "the EC key in the vault that signs grants and anchors", func(c *config, v string) error {
		c.cloud.signingKey = v
		return matches(v, vaultName, "the name of a key in a vault")
	}},
	{"ENVIRONMENT_KEY", "fabric-environment", true, "the secret in the vault that holds the environment key", func(c *config, v string) error {
		c.cloud.environmentKey = v
		return matches(v, vaultName, "the name of a secret in a vault")
	}},
	{"LOGICAPP_URL", "", false, "the request trigger that mails approvers, without a signature; none: no mails", func(c *config, v string) (err error) {
		c.cloud.logicAppURL, err = triggerURL(v)
		return err
	}},
	{"LOGICAPP_AUDIENCE", "", false, "the audience that the trigger demands in a token", func(c *config, v string) error {
		c.cloud.logicAppAudience = v
		return matches(v, `^[!-~]{1,256}$`, "one word")
	}},
	{"COPILOT_APP_IDS", "", false, "the applications registered for the Copilot Studio webhook, by comma", func(c *config, v string) (err error) {
		c.cloud.copilotApps, err = guids(v)
		return err
	}},
	{"RATE", "50", false, "requests a second and application, per instance", func(c *config, v string) error { return natural(&c.rate, v) }},
	{"BURST", "100", false, "requests at once and application, per instance", func(c *config, v string) error { return natural(&c.burst, v) }},
	{"SOFT_STALE", "PT15M", false, "age at which a policy is flagged as stale", func(c *config, v string) error { return duration(&c.softStale, v) }},
	{"HARD_STALE", "PT24H", false, "age at which a policy denies every call", func(c *config, v string) error { return duration(&c.hardStale, v) }},
	{"OPEN_PER_USER", "20", false, "open approvals per agent and user", func(c *config, v string) error { return natural(&c.openPerUser, v) }},
	{"OPEN_PER_AGENT", "500", false, "open approvals per agent", func(c *config, v string) error { return natural(&c.openPerAgent, v) }},
	{"MCP_EXTENSION", "false", false, "answer the triggers of the Functions MCP extension", func(c *config, v string) (err error) {
		c.cloud.mcpExtension, err = strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", v)
		}
		return nil
	}},
}

const vaultName = `^[A-Za-z0-9-]{1,127}$`

func matches(v, pattern, what string) error {
	if !regexp.MustCompile(pattern).MatchString(v) {
		return fmt.Errorf("it is not %s", what) // what it holds may be a secret in the wrong place
	}
	return nil
}

func natural(n *int, v string) error {
	parsed, err := strconv.Atoi(v)
	if err != nil || parsed < 1 || strings.ContainsAny(v, "+") {
		return fmt.Errorf("%q is no plain integer of at least 1", v)
	}
	*n = parsed
	return nil
}

var isoDuration = regexp.MustCompile(`^PT(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?$`)

func duration(d *time.Duration, v string) error {
	parts := isoDuration.FindStringSubmatch(v)
	if parts == nil || v == "PT" {
		return fmt.Errorf("%q is no duration such as PT15M or PT24H", v)
	}
	*d = 0
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi("0" + parts[i+1])
		*d += time.Duration(n) * unit
	}
	if *d == 0 {
		return fmt.Errorf("%q is no time at all", v)
	}
	return nil
}

func baseURL(v string) (string, error) {
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", errors.New("it is no http or https address without query, fragment or sign-in")
	}
	return strings.TrimSuffix(v, "/"), nil
}

// serviceURL is the address of an Azure service: https, or http on this
// machine, where an emulator is. A key or signature in it is refused: the
// program has an identity.
func serviceURL(v string) (string, error) {
	u, err := baseURL(v)
	if err != nil {
		return "", err
	}
	parsed, err := url.Parse(u)
	if err != nil {
		return "", errors.New("it is no address")
	}
	if parsed.Scheme != "https" && loopback(net.JoinHostPort(parsed.Hostname(), "0")) != nil {
		return "", errors.New("it is not https")
	}
	return u, nil
}

// triggerURL is the one address with a query: its API version.
func triggerURL(v string) (string, error) {
	bare, query, _ := strings.Cut(v, "?")
	if strings.Contains(v, "#") {
		return "", errors.New("an address with a fragment")
	}
	if _, err := serviceURL(bare); err != nil {
		return "", err
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return "", errors.New("the query is malformed")
	}
	for name := range q {
		if name != "api-version" {
			return "", fmt.Errorf("a query with %q: the trigger takes this program's identity, no signature; leave api-version alone", name)
		}
	}
	return v, nil
}

func guid(v string) (string, error) {
	return strings.ToLower(v), matches(v, `^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`, "a GUID")
}

func list(v string, read func(string) (string, error)) ([]string, error) {
	var out []string
	for item := range strings.SplitSeq(v, ",") {
		one, err := read(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out, nil
}

func guids(v string) ([]string, error) { return list(v, guid) }

// audiences refuses what would let tokens for others in: Entra writes an
// identifier URI into aud as it is registered.
func audiences(v string) ([]string, error) {
	return list(v, func(item string) (string, error) {
		if strings.HasPrefix(item, "https://management.") {
			return "", errors.New("tokens for Azure itself are none for this service")
		}
		return item, matches(item, `^(api|https)://[A-Za-z0-9._~:/-]{1,240}$`, "an identifier URI such as api://fabric, and never a wildcard")
	})
}
