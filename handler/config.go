package main

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// mode is where the program runs.
type mode uint8

const (
	modeAzure     mode = iota // behind Easy Auth: the zero mode is the strictest
	modeCoreTools             // func start: local stores, tokens demanded
	modeLocal                 // a laptop: local stores, no token is the developer
)

func (m mode) String() string { return [...]string{"azure", "core-tools", "local"}[m] }

// config is every setting of the program, read once. Only this file reads the
// environment.
type config struct {
	mode        mode
	addr        string // listen address
	environment string
	publicURL   string
	scope       string

	rate, burst               int
	softStale, hardStale      time.Duration
	openPerUser, openPerAgent int

	packs string // directory of packs; "" for the samples
	data  string // data directory

	cloud cloud
}

// cloud is what is where in Azure. On a laptop the commands that publish or
// read there use it; the server does in Azure mode.
type cloud struct {
	tenants   []string // allowed tid
	clientID  string   // of the API's registration: aud of version 2 tokens
	audiences []string // identifier URIs: aud of version 1 tokens
	authority string   // of Entra ID, without a slash at the end
	identity  string   // client id of the managed identity; "" is the system-assigned one
	easyAuth  bool     // the platform says that Easy Auth stands in front

	cosmosEndpoint, cosmosDatabase       string
	auditURL, anchorURL                  string
	vaultURL, signingKey, environmentKey string
	logicAppURL, logicAppAudience        string
	copilotApps                          []string
	mcpExtension                         bool
}

// readConfig reads and checks the environment. The error names the variable.
func readConfig(getenv func(string) string) (config, error) {
	c := config{mode: modeOf(getenv), addr: "127.0.0.1:7071"}
	for _, s := range settings {
		v := getenv(prefix + s.name)
		if v == "" {
			v = s.def
		}
		if v == "" {
			continue
		}
		if err := s.read(&c, v); err != nil {
			return config{}, usageError(fmt.Errorf("%s%s: %w", prefix, s.name, err))
		}
	}
	if c.hardStale < c.softStale {
		return config{}, usageError(fmt.Errorf("%sHARD_STALE: is below %sSOFT_STALE", prefix, prefix))
	}
	if port := getenv("FUNCTIONS_CUSTOMHANDLER_PORT"); port != "" {
		var n int
		if err := natural(&n, port); err != nil || n > 65535 {
			return config{}, usageError(fmt.Errorf("FUNCTIONS_CUSTOMHANDLER_PORT: %q is no port", port))
		}
		c.addr = "127.0.0.1:" + port
	}
	c.readPlatform(getenv)
	if c.mode == modeAzure {
		if err := c.checkAzure(getenv); err != nil {
			return config{}, usageError(fmt.Errorf("in Azure (%s is set): %w", inAzure(getenv), err))
		}
	}
	return c, nil
}

// readPlatform reads what App Service and the Azure SDKs name.
func (c *config) readPlatform(getenv func(string) string) {
	c.cloud.identity = getenv("AZURE_CLIENT_ID")
	c.cloud.authority = strings.TrimSuffix(getenv("AZURE_AUTHORITY_HOST"), "/")
	if c.cloud.authority == "" {
		c.cloud.authority = "https://login.microsoftonline.com"
	}
	on, err := strconv.ParseBool(strings.ToLower(getenv("WEBSITE_AUTH_ENABLED")))
	c.cloud.easyAuth = on && err == nil
}

// checkAzure refuses to run in Azure with anything of what its security rests
// on missing.
func (c *config) checkAzure(getenv func(string) string) error {
	for _, s := range settings {
		if s.azure && getenv(prefix+s.name) == "" && s.def == "" {
			return fmt.Errorf("%s%s is not set: %s", prefix, s.name, s.meaning)
		}
	}
	switch {
	case c.mode == modeAzure && !c.cloud.easyAuth:
		return errors.New("WEBSITE_AUTH_ENABLED is not true: App Service authentication must stand in front")
	case !strings.HasPrefix(c.publicURL, "https://"):
		return fmt.Errorf("%sPUBLIC_URL: it is not https", prefix)
	case !strings.HasPrefix(c.cloud.authority, "https://"):
		return errors.New("AZURE_AUTHORITY_HOST is not https")
	case (c.cloud.logicAppURL == "") != (c.cloud.logicAppAudience == ""):
		return fmt.Errorf("%[1]sLOGICAPP_URL and %[1]sLOGICAPP_AUDIENCE: set both or neither", prefix)
	case sameContainer(c.cloud.anchorURL, c.cloud.auditURL):
		return fmt.Errorf("%sANCHOR_URL: is the container of the log itself", prefix)
	}
	return nil
}

// modeOf tells the host from the variables it sets.
func modeOf(getenv func(string) string) mode {
	switch {
	case inAzure(getenv) != "":
		return modeAzure
	case getenv("FUNCTIONS_CUSTOMHANDLER_PORT") != "":
		return modeCoreTools
	}
	return modeLocal
}

// inAzure is the variable by which App Service gives itself away; "" elsewhere.
func inAzure(getenv func(string) string) string {
	for _, name := range []string{"WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID"} {
		if getenv(name) != "" {
			return name
		}
	}
	return ""
}

// sameContainer compares addresses as their service does.
func sameContainer(a, b string) bool {
	one, err := url.Parse(a)
	other, err2 := url.Parse(b)
	return err == nil && err2 == nil && strings.EqualFold(one.Host, other.Host) && path.Clean(one.Path) == path.Clean(other.Path)
}
