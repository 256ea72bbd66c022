package storetest_test

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

func TestMemoryCatalog(t *testing.T) {
	storetest.Catalog(t, func(*testing.T) (catalog.Store, storetest.Publish) {
		store := &storetest.MemoryCatalog{}
		return store, func(_ *testing.T, docs ...policy.Document) { store.Publish(nil, docs...) }
	})
}

func TestMemoryLastGood(t *testing.T) {
	storetest.LastGood(t, func(*testing.T) (catalog.LastGood, storetest.KeepDocument) {
		kept := &storetest.MemoryLastGood{}
		return kept, func(_ *testing.T, text []byte) { kept.Keep(text) }
	})
}
