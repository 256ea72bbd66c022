package cosmos

import (
	"context"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/cosmosserver"
	"github.com/authorization-fabric/fabric/handler/internal/e2e/emulators"
)

// emulatorKey is any key: the emulators take all.
const emulatorKey = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="

// emulated is a new database in the Cosmos server from npm.
func emulated(t testing.TB) *Database {
	t.Helper()
	endpoint, client := emulators.Cosmos(t)
	name := emulators.Name()
	createContainers(t, endpoint, name, client)
	return opened(t, endpoint, name, Options{Key: emulatorKey, Transport: client})
}

// stubbed is a new database in the stub, which is strict.
func stubbed(t testing.TB) (*Database, *cosmosserver.Server) {
	t.Helper()
	s := cosmosserver.New(t, cosmosserver.Options{})
	s.Make("fabric", catalogContainer, approvalsContainer)
	return another(t, s, Options{}), s
}

// another is one more program over the stub.
func another(t testing.TB, s *cosmosserver.Server, o Options) *Database {
	t.Helper()
	o.Key = emulatorKey
	return opened(t, s.URL, "fabric", o)
}

func opened(t testing.TB, endpoint, database string, o Options) *Database {
	t.Helper()
	d, err := Open(endpoint, database, nil, o)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(d.Close)
	return d
}

// createContainers makes what the deployment makes in Azure.
func createContainers(t testing.TB, endpoint, database string, client *http.Client) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	key, err := azcosmos.NewKeyCredential(emulatorKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := azcosmos.NewClientWithKey(endpoint, key, &azcosmos.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: client}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.CreateDatabase(ctx, azcosmos.DatabaseProperties{ID: database}, nil); err != nil {
		t.Fatalf("create the database: %v", err)
	}
	db, err := c.NewDatabase(database)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{catalogContainer, approvalsContainer} {
		noneByDefault := int32(-1)
		_, err := db.CreateContainer(ctx, azcosmos.ContainerProperties{
			ID: name, DefaultTimeToLive: &noneByDefault,
			PartitionKeyDefinition: azcosmos.PartitionKeyDefinition{Paths: []string{"/pk"}, Kind: azcosmos.PartitionKeyKindHash},
		}, nil)
		if err != nil {
			t.Fatalf("create container %s: %v", name, err)
		}
	}
}
