package e2e

import "os"

// graceful says that a process can be asked to stop.
const graceful = false

// askToStop ends the process: there is no signal to ask with.
func askToStop(p *os.Process) error { return p.Kill() }
