package embedded

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

func TestAuditFiles(t *testing.T) {
	storetest.Sink(t, func(t *testing.T) audit.Sink { return openFiles(t, t.TempDir()) })
}

func openFiles(t *testing.T, dir string) *AuditFiles {
	t.Helper()
	files, err := OpenAuditFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := files.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	return files
}
