package storetest_test

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func TestMemoryApprovals(t *testing.T) {
	storetest.Approvals(t, func(*testing.T) approval.Store { return &storetest.MemoryApprovals{} })
}
