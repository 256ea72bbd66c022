//go:build unix

package e2e

import (
	"os"
	"syscall"
)

// graceful says that a process can be asked to stop.
const graceful = true

// askToStop sends what a host or a terminal sends.
func askToStop(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
