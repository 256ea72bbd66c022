package embedded

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func TestPublishedContract(t *testing.T) {
	storetest.CatalogEditor(t, func(t *testing.T) catalog.Editor { return NewPublished(t.TempDir()) })
}
