package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// from is an environment of name=value.
func from(variables ...string) func(string) string {
	return func(name string) string {
		for _, v := range variables {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// What holds where nothing is set, and in which mode.
func TestConfigDefaults(t *testing.T) {
	got, err := readConfig(from())
	want := config{
		mode: modeLocal, addr: "127.0.0.1:7071", environment: "dev", scope: "access_as_user", rate: 50, burst: 100,
		softStale: 15 * time.Minute, hardStale: 24 * time.Hour, openPerUser: 20, openPerAgent: 500,
	}
	if err != nil || got != want {
		t.Errorf("readConfig() = %+v, %v, want %+v", got, err, want)
	}
	var zero config
	if zero.mode != modeAzure {
		t.Errorf("the zero mode is %s, want the strictest", zero.mode)
	}
}

// settingCase is what one setting takes, how it shows, and what it refuses.
type settingCase struct {
	good map[string]string
	bad  []string
	show func(config) any
}

func settingCases() map[string]settingCase {
	naturals := []string{"0", "-1", "+5", "1.5", "fast", "1e3", " 5", "5 ", "0x10", "99999999999999999999"}
	durations := []string{"15m", "PT", "P1D", "PT0S", "PT0H0M", "-PT1H", "pt15m", "PT15", "PT1.5H", "PT99999H", "15"}
	natural := func(show func(config) any) settingCase {
		return settingCase{good: map[string]string{"1": "1", "250": "250", "007": "7"}, bad: naturals, show: show}
	}
	return map[string]settingCase{
		"ENVIRONMENT": {
			map[string]string{"prod": "prod", "Test-1_a.b": "Test-1_a.b", strings.Repeat("e", 63): strings.Repeat("e", 63)},
			[]string{"..", ".dev", "a b", "a/b", `a\b`, "é", "a\n", strings.Repeat("e", 64)},
			func(c config) any { return c.environment },
		},
		"PUBLIC_URL": {
			map[string]string{
				"https://fabric.contoso.com": "https://fabric.contoso.com", "https://fabric.contoso.com/": "https://fabric.contoso.com",
				"http://localhost:7071": "http://localhost:7071", "https://gateway.contoso.com/fabric/": "https://gateway.contoso.com/fabric",
			},
			[]string{"fabric.contoso.com", "localhost:7071", "ftp://x", "https://", "https://x?a=1", "https://x#a", "https://ana@x", "https://ana:pw@x", "javascript:alert(1)", "://", "https://x y"},
			func(c config) any { return c.publicURL },
		},
		"SCOPE": {
			map[string]string{"Fabric.Call": "Fabric.Call"},
			[]string{"two words", "é", strings.Repeat("s", 129), "a\tb"},
			func(c config) any { return c.scope },
		},
		"RATE":           natural(func(c config) any { return c.rate }),
		"BURST":          natural(func(c config) any { return c.burst }),
		"OPEN_PER_USER":  natural(func(c config) any { return c.openPerUser }),
		"OPEN_PER_AGENT": natural(func(c config) any { return c.openPerAgent }),
		"SOFT_STALE": {
			map[string]string{"PT1S": "1s", "PT1H30M": "1h30m0s", "PT24H": "24h0m0s"},
			append(durations, "PT24H1S"),
			func(c config) any { return c.softStale },
		},
		"HARD_STALE": {
			map[string]string{"PT15M": "15m0s", "PT9999H": "9999h0m0s", "PT48H0M1S": "48h0m1s"},
			append(durations, "PT14M59S"),
			func(c config) any { return c.hardStale },
		},
	}
}

// Every setting: its good values are taken, and a bad one stops the start with
// exit code 2 and a message that names the variable.
func TestEverySetting(t *testing.T) {
	cases := settingCases()
	for name, c := range cases {
		variable := prefix + name
		for value, want := range c.good {
			got, err := readConfig(from(variable + "=" + value))
			if err != nil || fmt.Sprint(c.show(got)) != want {
				t.Errorf("readConfig(%s=%s) = %v, %v, want %s", variable, value, c.show(got), err, want)
			}
		}
		for _, value := range c.bad {
			_, err := readConfig(from(variable + "=" + value))
			mustBeUsage(t, variable+"="+value, err, name)
		}
	}
	for _, s := range settings {
		if _, ok := cases[s.name]; !ok {
			t.Errorf("%s%s has no cases here", prefix, s.name)
		}
	}
}

// mustBeUsage demands an error that ends the program with exit code 2 and
// names what is wrong.
func mustBeUsage(t *testing.T, what string, err error, name string) {
	t.Helper()
	var coded *codeError
	if !errors.As(err, &coded) || coded.code != exitUsage || !strings.Contains(err.Error(), name) {
		t.Errorf("readConfig(%s) = %v, want a usage error that names %s", what, err, name)
	}
}

// architecture.md: the settings that this version reads, each told once with a
// meaning, and none that it does not know.
func TestSettingsAreThoseOfTheDesign(t *testing.T) {
	want := []string{"ENVIRONMENT", "PUBLIC_URL", "SCOPE", "RATE", "BURST", "SOFT_STALE", "HARD_STALE", "OPEN_PER_USER", "OPEN_PER_AGENT"}
	var got []string
	for _, s := range settings {
		got = append(got, s.name)
		if s.meaning == "" || s.read == nil {
			t.Errorf("%s%s has no meaning or no reader", prefix, s.name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("settings = %q, want %q", got, want)
	}
}

// The mode follows from what the host sets, and from nothing that is ours: in
// Azure the program never runs as if it were on a laptop.
func TestMode(t *testing.T) {
	for _, c := range []struct {
		variables []string
		mode      mode
		addr      string
		names     string // of the variable in the error; "" for none
	}{
		{nil, modeLocal, "127.0.0.1:7071", ""},
		{[]string{"FUNCTIONS_CUSTOMHANDLER_PORT=51234"}, modeCoreTools, "127.0.0.1:51234", ""},
		{[]string{"FUNCTIONS_CUSTOMHANDLER_PORT=65536"}, 0, "", "FUNCTIONS_CUSTOMHANDLER_PORT"},
		{[]string{"FUNCTIONS_CUSTOMHANDLER_PORT=0"}, 0, "", "FUNCTIONS_CUSTOMHANDLER_PORT"},
		{[]string{"FUNCTIONS_CUSTOMHANDLER_PORT=http"}, 0, "", "FUNCTIONS_CUSTOMHANDLER_PORT"},
		{[]string{"FUNCTIONS_CUSTOMHANDLER_PORT=1:2"}, 0, "", "FUNCTIONS_CUSTOMHANDLER_PORT"},
		{[]string{"WEBSITE_SITE_NAME=fabric"}, 0, "", "WEBSITE_SITE_NAME"},
		{[]string{"WEBSITE_INSTANCE_ID=1"}, 0, "", "WEBSITE_INSTANCE_ID"},
		{[]string{"WEBSITE_SITE_NAME=fabric", "FUNCTIONS_CUSTOMHANDLER_PORT=51234"}, 0, "", "WEBSITE_SITE_NAME"},
	} {
		got, err := readConfig(from(c.variables...))
		if c.names != "" {
			mustBeUsage(t, strings.Join(c.variables, " "), err, c.names)
			continue
		}
		if err != nil || got.mode != c.mode || got.addr != c.addr {
			t.Errorf("readConfig(%q) = %s %s, %v, want %s %s", c.variables, got.mode, got.addr, err, c.mode, c.addr)
		}
	}
}

// Whatever a setting is, the program listens for this machine alone.
func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:0": true, "127.1.2.3:80": true, "[::1]:7071": true, "localhost:7071": true,
		"": false, ":7071": false, "0.0.0.0:7071": false, "[::]:7071": false, "192.0.2.1:7071": false, "example.org:7071": false,
		"127.0.0.1": false, "localhost.example.org:1": false, "[::ffff:192.0.2.1]:1": false, "169.254.169.254:80": false, "LOCALHOST:1": false,
	} {
		if err := loopback(addr); (err == nil) != want {
			t.Errorf("loopback(%q) = %v, want admitted: %t", addr, err, want)
		}
	}
}
