package main

import (
	"fmt"
	"net/url"
	"regexp"
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
}

// setting is one environment variable.
type setting struct {
	name    string
	def     string
	meaning string
	read    func(*config, string) error // nil: the setting is of a mode this program does not have
}

// prefix stands in front of every setting's name.
const prefix = "FABRIC_"

// settings is the one list of settings, in the order they are told.
var settings = []setting{
	{"ENVIRONMENT", "dev", "the environment whose packs are served", func(c *config, v string) error {
		c.environment = v
		return matches(v, `^[A-Za-z0-9_-][A-Za-z0-9._-]{0,62}$`, "1 to 63 letters, digits, dots, dashes or underscores, not a dot first")
	}},
	{"PUBLIC_URL", "", "the address of this service in links; in local mode that of the listener", func(c *config, v string) (err error) {
		c.publicURL, err = baseURL(v)
		return err
	}},
	{"SCOPE", "access_as_user", "the scope in a person's token", func(c *config, v string) error {
		c.scope = v
		return matches(v, `^[!-~]{1,128}$`, "one word")
	}},
	{"RATE", "50", "requests a second and application, per instance", func(c *config, v string) error { return natural(&c.rate, v) }},
	{"BURST", "100", "requests at once and application, per instance", func(c *config, v string) error { return natural(&c.burst, v) }},
	{"SOFT_STALE", "PT15M", "age at which a policy is flagged as stale", func(c *config, v string) error { return duration(&c.softStale, v) }},
	{"HARD_STALE", "PT24H", "age at which a policy denies every call", func(c *config, v string) error { return duration(&c.hardStale, v) }},
	{"OPEN_PER_USER", "20", "open approvals per agent and user", func(c *config, v string) error { return natural(&c.openPerUser, v) }},
	{"OPEN_PER_AGENT", "500", "open approvals per agent", func(c *config, v string) error { return natural(&c.openPerAgent, v) }},
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
	if c.mode == modeAzure {
		return config{}, usageError(fmt.Errorf("%s: this program has no stores in Azure yet; unset it to run locally", inAzure(getenv)))
	}
	return c, nil
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

func matches(v, pattern, what string) error {
	if !regexp.MustCompile(pattern).MatchString(v) {
		return fmt.Errorf("%q is not %s", v, what)
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
		return "", fmt.Errorf("%q is no http or https address without query", v)
	}
	return strings.TrimSuffix(v, "/"), nil
}
