package storetest_test

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func TestMemorySink(t *testing.T) {
	storetest.Sink(t, func(*testing.T) audit.Sink { return &storetest.MemorySink{} })
}

func TestFaultySinkWithoutFaults(t *testing.T) {
	storetest.Sink(t, func(*testing.T) audit.Sink { return &storetest.FaultySink{Sink: &storetest.MemorySink{}} })
}
