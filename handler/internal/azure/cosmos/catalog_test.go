package cosmos

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func TestCatalogContract(t *testing.T) {
	t.Run("stub", func(t *testing.T) {
		storetest.CatalogEditor(t, func(t *testing.T) catalog.Editor {
			d, _ := stubbed(t)
			return d.Catalog()
		})
	})
	t.Run("server", func(t *testing.T) {
		storetest.CatalogEditor(t, func(t *testing.T) catalog.Editor { return emulated(t).Catalog() })
	})
}
