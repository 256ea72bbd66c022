package main

import (
	"errors"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
)

// openContainer opens a blob container of a log, or of its anchors, for reading.
func (*environment) openContainer(string) (audit.Reader, error) {
	return nil, usageError(errors.New("--container: this program reads logs in data directories: use --data"))
}

// openContainers opens the containers of a log and its anchors for writing.
func (*environment) openContainers(*logFlags) (*logWriter, error) {
	return nil, usageError(errors.New("--container: this program writes logs in data directories: use --data"))
}
