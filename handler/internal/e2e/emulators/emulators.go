// Package emulators starts the servers that stand in for Azure in tests:
// Azurite for blobs and @vercel/cosmosdb-server for Cosmos. Both come from npm,
// pinned by the lock file beside this file, and neither is faithful: each test
// names what it cannot show over them.
//
// A server is started by the first test that asks and serves the whole test
// process; it ends with it. Tests keep apart by databases and containers with
// names of their own ([Name]). What the servers hold is in memory only.
package emulators

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// install is what puts the servers in place.
const install = "npm ci --ignore-scripts"

// Azurite is the account URL of a blob server: devstoreaccount1, with the key
// that everybody knows. It knows no immutability and no versions. A machine
// without it skips the test, unless it is CI.
func Azurite(t testing.TB) (accountURL string) {
	t.Helper()
	folder := need(t)
	server, err := azurite(folder)
	if err != nil {
		t.Fatalf("start Azurite: %v", err)
	}
	return server.url + "/devstoreaccount1"
}

// Cosmos is the endpoint of a Cosmos server, and a client that trusts its
// certificate and repairs what of it would stop every test. The server takes
// any key or token. A machine without it skips the test, unless it is CI.
func Cosmos(t testing.TB) (endpoint string, client *http.Client) {
	t.Helper()
	folder := need(t)
	server, err := cosmos(folder)
	if err != nil {
		t.Fatalf("start the Cosmos server: %v", err)
	}
	return server.url, server.client
}

// Name is one for a database or container that no other test has.
func Name() string { return "t" + strings.ToLower(rand.Text()) }

var azurite = onceFor(func(folder string) (*running, error) {
	return start(folder, "--require", filepath.Join(folder, "parent.js"), "node_modules/azurite/dist/src/blob/main.js",
		"--silent", "--disableTelemetry", "--skipApiVersionCheck", "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence")
})

var cosmos = onceFor(func(folder string) (*running, error) {
	own, err := newCertificate()
	if err != nil {
		return nil, err
	}
	defer own.remove()
	server, err := start(folder, "--require", filepath.Join(folder, "parent.js"), "cosmos.js", own.certificate, own.key)
	if err != nil {
		return nil, err
	}
	server.client = &http.Client{Transport: shim{trusting(own.pool)}}
	return server, nil
})

// onceFor starts a server at the first call and remembers how that went.
func onceFor(start func(folder string) (*running, error)) func(folder string) (*running, error) {
	var once sync.Once
	var server *running
	var err error
	return func(folder string) (*running, error) {
		once.Do(func() { server, err = start(folder) })
		return server, err
	}
}

// need is this package's folder, with Node and the servers in place.
func need(t testing.TB) (folder string) {
	t.Helper()
	folder, err := source()
	if err == nil {
		err = installed(folder)
	}
	if err == nil {
		return folder
	}
	if os.Getenv("CI") != "" { //nolint:forbidigo // of the test's own machine, not of the program's configuration
		t.Fatalf("no emulators (%v): under CI the adapters must be tested against them. In %s run: %s", err, folder, install)
	}
	t.Skipf("no emulators (%v). In %s run: %s", err, folder, install)
	return ""
}

// source is where this file lies.
func source() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return "handler/internal/e2e/emulators", fmt.Errorf("built with -trimpath")
	}
	return filepath.Dir(file), nil
}

func installed(folder string) error {
	if _, err := exec.LookPath("node"); err != nil {
		return fmt.Errorf("Node is missing: %w", err)
	}
	for _, server := range []string{"azurite", "@vercel/cosmosdb-server"} {
		if _, err := os.Stat(filepath.Join(folder, "node_modules", filepath.FromSlash(server), "package.json")); err != nil {
			return fmt.Errorf("%s is not installed", server)
		}
	}
	return nil
}
