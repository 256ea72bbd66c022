package cosmos

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func TestApprovalsContract(t *testing.T) {
	t.Run("stub", func(t *testing.T) {
		storetest.Approvals(t, func(t *testing.T) approval.Store {
			d, _ := stubbed(t)
			return d.Approvals()
		})
	})
	t.Run("server", func(t *testing.T) {
		storetest.Approvals(t, func(t *testing.T) approval.Store { return emulated(t).Approvals() })
	})
}
