package main

import (
	"errors"
	"fmt"
	"reflect"
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
		cloud: cloud{
			authority: "https://login.microsoftonline.com", cosmosDatabase: "fabric",
			signingKey: "fabric-signing", environmentKey: "fabric-environment",
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("readConfig() = %+v, %v, want %+v", got, err, want)
	}
	var zero config
	if zero.mode != modeAzure {
		t.Errorf("the zero mode is %s, want the strictest", zero.mode)
	}
}

const someID = "aaaaaaaa-0000-4000-8000-000000000001"

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
	identifiers := func(show func(config) any) settingCase {
		return settingCase{
			good: map[string]string{someID: "[" + someID + "]", someID + ", " + strings.ToUpper(someID): "[" + someID + "]"},
			bad:  []string{"common", "*", someID + ",", "contoso.com", someID + ";" + someID}, show: show,
		}
	}
	service := func(show func(config) any) settingCase {
		return settingCase{
			good: map[string]string{"https://x.example/c": "https://x.example/c", "http://127.0.0.1:10000/devstoreaccount1/c/": "http://127.0.0.1:10000/devstoreaccount1/c"},
			bad:  []string{"http://x.example/c", "https://x.example/c?sv=1&sig=2", "x.example", "https://key@x.example/c", "http://127.0.0.1.x.example/c", "DefaultEndpointsProtocol=https;AccountKey=x"}, show: show,
		}
	}
	named := func(show func(config) any) settingCase {
		return settingCase{good: map[string]string{"my-Name1": "my-Name1"}, bad: []string{"a/b", "a b", "../x", "é"}, show: show}
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
		"TENANT_IDS":      identifiers(func(c config) any { return c.cloud.tenants }),
		"COPILOT_APP_IDS": identifiers(func(c config) any { return c.cloud.copilotApps }),
		"CLIENT_ID": {
			map[string]string{strings.ToUpper(someID): someID},
			[]string{"fabric", someID + "," + someID, someID[1:], "{" + someID + "}"},
			func(c config) any { return c.cloud.clientID },
		},
		"AUDIENCES": {
			map[string]string{"api://fabric": "[api://fabric]", "api://fabric, https://fabric.contoso.com/api": "[api://fabric https://fabric.contoso.com/api]"},
			[]string{"*", "api://*", "api://", "fabric", "https://management.azure.com", "https://management.core.windows.net/", "api://a b", "api://a,"},
			func(c config) any { return c.cloud.audiences },
		},
		"COSMOS_ENDPOINT": service(func(c config) any { return c.cloud.cosmosEndpoint }),
		"AUDIT_URL":       service(func(c config) any { return c.cloud.auditURL }),
		"ANCHOR_URL":      service(func(c config) any { return c.cloud.anchorURL }),
		"KEYVAULT_URL":    service(func(c config) any { return c.cloud.vaultURL }),
		"COSMOS_DATABASE": named(func(c config) any { return c.cloud.cosmosDatabase }),
		"SIGNING_KEY":     named(func(c config) any { return c.cloud.signingKey }),
		"ENVIRONMENT_KEY": named(func(c config) any { return c.cloud.environmentKey }),
		"LOGICAPP_URL": {
			map[string]string{
				"https://prod-1.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke?api-version=2016-10-01": "https://prod-1.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke?api-version=2016-10-01",
			},
			[]string{"http://x.logic.azure.com/a", "https://x.logic.azure.com/a?sig=1", "https://x.logic.azure.com/a?api-version=1&sv=1.0&sp=x", "https://x/a?%zz"},
			func(c config) any { return c.cloud.logicAppURL },
		},
		"LOGICAPP_AUDIENCE": {
			map[string]string{"api://mail": "api://mail"},
			[]string{"two words", strings.Repeat("a", 257)},
			func(c config) any { return c.cloud.logicAppAudience },
		},
		"MCP_EXTENSION": {
			map[string]string{"true": "true", "false": "false"},
			[]string{"yes", "2", "on"},
			func(c config) any { return c.cloud.mcpExtension },
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
	want := strings.Fields(`ENVIRONMENT TENANT_IDS AUDIENCES CLIENT_ID SCOPE PUBLIC_URL COSMOS_ENDPOINT COSMOS_DATABASE AUDIT_URL ANCHOR_URL
		KEYVAULT_URL SIGNING_KEY ENVIRONMENT_KEY LOGICAPP_URL LOGICAPP_AUDIENCE COPILOT_APP_IDS RATE BURST SOFT_STALE HARD_STALE
		OPEN_PER_USER OPEN_PER_AGENT MCP_EXTENSION`)
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

// Whatever is pasted into a setting that is not for it, no message holds it.
func TestSettingsAreNotRepeated(t *testing.T) {
	for _, s := range settings {
		for _, value := range []string{
			"https://a.blob.core.windows.net/audit?sv=1&sig=SECRET", "AccountEndpoint=https://c;AccountKey=SECRET==", "SECRET+key=/ ",
			"https://user:SECRET@host.example/x", "https://x.logic.azure.com/a?api-version=1#SECRET",
		} {
			if _, err := readConfig(from(prefix + s.name + "=" + value)); err != nil && !plainNumber(s.name) && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("%s: %v", s.name, err)
			}
		}
	}
}

// plainNumber is a setting for which nobody takes a secret: its message shows
// what was written.
func plainNumber(name string) bool {
	return slices.Contains([]string{"RATE", "BURST", "SOFT_STALE", "HARD_STALE", "OPEN_PER_USER", "OPEN_PER_AGENT", "MCP_EXTENSION"}, name)
}

// azureSettings are those of a deployment.
func azureSettings() []string {
	return []string{
		"WEBSITE_SITE_NAME=fabric", "WEBSITE_AUTH_ENABLED=True", "FUNCTIONS_CUSTOMHANDLER_PORT=51234", "AZURE_CLIENT_ID=" + someID,
		"FABRIC_TENANT_IDS=" + someID, "FABRIC_AUDIENCES=api://fabric", "FABRIC_CLIENT_ID=" + someID,
		"FABRIC_PUBLIC_URL=https://fabric.contoso.com", "FABRIC_COSMOS_ENDPOINT=https://c.documents.azure.com",
		"FABRIC_AUDIT_URL=https://a.blob.core.windows.net/audit", "FABRIC_ANCHOR_URL=https://b.blob.core.windows.net/anchors",
		"FABRIC_KEYVAULT_URL=https://v.vault.azure.net",
	}
}

// T01: in Azure the program does not start with anything missing or open that
// its security rests on.
func TestAzureSettings(t *testing.T) {
	got, err := readConfig(from(azureSettings()...))
	if err != nil || got.mode != modeAzure || got.addr != "127.0.0.1:51234" || !got.cloud.easyAuth || got.cloud.identity != someID {
		t.Fatalf("readConfig(a deployment) = %+v, %v", got, err)
	}
	for _, name := range []string{
		"WEBSITE_AUTH_ENABLED", "FABRIC_TENANT_IDS", "FABRIC_AUDIENCES", "FABRIC_CLIENT_ID", "FABRIC_PUBLIC_URL",
		"FABRIC_COSMOS_ENDPOINT", "FABRIC_AUDIT_URL", "FABRIC_ANCHOR_URL", "FABRIC_KEYVAULT_URL",
	} {
		without := slices.DeleteFunc(azureSettings(), func(v string) bool { return strings.HasPrefix(v, name+"=") })
		_, err := readConfig(from(without...))
		mustBeUsage(t, "without "+name, err, name)
	}
	for variable, name := range map[string]string{
		"WEBSITE_AUTH_ENABLED=false":                                    "WEBSITE_AUTH_ENABLED",
		"WEBSITE_AUTH_ENABLED=0":                                        "WEBSITE_AUTH_ENABLED",
		"WEBSITE_AUTH_ENABLED=maybe":                                    "WEBSITE_AUTH_ENABLED",
		"FABRIC_PUBLIC_URL=http://fabric.contoso.com":                   "FABRIC_PUBLIC_URL",
		"FABRIC_ANCHOR_URL=https://a.blob.core.windows.net/audit":       "FABRIC_ANCHOR_URL",
		"FABRIC_ANCHOR_URL=HTTPS://A.blob.core.windows.net//audit/":     "FABRIC_ANCHOR_URL",
		"FABRIC_LOGICAPP_URL=https://x.logic.azure.com/a?api-version=1": "FABRIC_LOGICAPP_AUDIENCE",
		"FABRIC_LOGICAPP_AUDIENCE=api://mail":                           "FABRIC_LOGICAPP_URL",
		"AZURE_AUTHORITY_HOST=http://127.0.0.1:1":                       "AZURE_AUTHORITY_HOST",
	} {
		_, err := readConfig(from(append([]string{variable}, azureSettings()...)...))
		mustBeUsage(t, variable, err, name)
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
