package blob_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/azure"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/blobserver"
	"github.com/authorization-fabric/fabric/handler/internal/azure/blob"
	"github.com/authorization-fabric/fabric/handler/internal/e2e/emulators"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// open is a container of a server, over that server's client.
func open(t testing.TB, s *blobserver.Server, name string, o blob.Options) *blob.Container {
	t.Helper()
	if o.Transport == nil {
		o.Transport = s.Client()
	}
	c, err := blob.NewContainer(s.URL+"/"+name, nil, o)
	if err != nil {
		t.Fatalf("NewContainer() = %v, want nil", err)
	}
	return c
}

// everywhere runs a test over every kind of container there is here. Of those,
// the stand-in shows what immutability forbids; Azurite, whose program is not
// ours, that the requests are understood by somebody else. Neither shows
// latency, throttling, role assignments or the lock of a policy.
//
// With LIVE_AZURE=1 a real account joins them: FABRIC_LIVE_AUDIT_URL is a
// container of it that exists and may be filled, https://ACCOUNT.blob.core.
// windows.net/NAME; whoever runs the test is signed in to it, with az login or
// azd auth login, as Storage Blob Data Contributor. A container serves one
// run: the suites want it empty.
func everywhere(t *testing.T, test func(t *testing.T, fresh func(t *testing.T) *blob.Container)) {
	t.Run("stand-in", func(t *testing.T) {
		test(t, func(t *testing.T) *blob.Container {
			return open(t, blobserver.New(t, blobserver.Options{Page: 2}), "audit", blob.Options{})
		})
	})
	t.Run("stand-in, immutable", func(t *testing.T) {
		test(t, func(t *testing.T) *blob.Container {
			s := blobserver.New(t, blobserver.Options{})
			s.SetImmutability("audit", blobserver.Immutability{Policy: true})
			return open(t, s, "audit", blob.Options{})
		})
	})
	t.Run("azurite", func(t *testing.T) {
		account := emulators.Azurite(t)
		test(t, func(t *testing.T) *blob.Container { return inAzurite(t, account) })
	})
	t.Run("live", func(t *testing.T) {
		if os.Getenv("LIVE_AZURE") == "" {
			t.Skip("set LIVE_AZURE=1 and FABRIC_LIVE_AUDIT_URL to use a real account")
		}
		test(t, live)
	})
}

// inAzurite is a container of its own in Azurite.
func inAzurite(t *testing.T, account string) *blob.Container {
	t.Helper()
	address := account + "/" + emulators.Name()
	key, err := container.NewSharedKeyCredential(blobserver.EmulatorAccount, blobserver.EmulatorKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := container.NewClientWithSharedKeyCredential(address, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(t.Context(), nil); err != nil {
		t.Fatalf("create the container: %v", err)
	}
	opened, err := blob.NewContainer(address, nil, blob.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// live is the container of FABRIC_LIVE_AUDIT_URL.
func live(t *testing.T) *blob.Container {
	t.Helper()
	credential, err := azure.NewCredential(false, "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := blob.NewContainer(os.Getenv("FABRIC_LIVE_AUDIT_URL"), credential, blob.Options{Transport: &http.Client{}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// T48: the contract that every sink keeps.
func TestSink(t *testing.T) {
	everywhere(t, func(t *testing.T, fresh func(*testing.T) *blob.Container) {
		storetest.Sink(t, func(t *testing.T) audit.Sink { return fresh(t) })
	})
}

// T47: the contract that every store of anchors keeps.
func TestAnchors(t *testing.T) {
	everywhere(t, func(t *testing.T, fresh func(*testing.T) *blob.Container) {
		storetest.Anchors(t, func(t *testing.T) audit.Anchors { return fresh(t) })
	})
}
