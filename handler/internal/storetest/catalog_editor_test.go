package storetest_test

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func TestMemoryEditor(t *testing.T) {
	storetest.CatalogEditor(t, func(*testing.T) catalog.Editor { return &storetest.MemoryEditor{} })
}
