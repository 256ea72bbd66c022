package storetest_test

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func TestMemoryAnchors(t *testing.T) {
	storetest.Anchors(t, func(*testing.T) audit.Anchors { return &storetest.MemoryAnchors{} })
}

func TestFaultyAnchorsWithoutFaults(t *testing.T) {
	storetest.Anchors(t, func(*testing.T) audit.Anchors {
		return storetest.FaultyAnchors{Anchors: &storetest.MemoryAnchors{}, Faults: &storetest.FaultySink{}}
	})
}
