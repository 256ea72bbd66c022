package main

import (
	"net"
	"net/http"
	"sync"
)

// newcomers are the connections on which nothing was sent yet: browsers and
// clients open some ahead of use. A server that stops would wait five seconds
// for what they may send. It is safe for concurrent use.
type newcomers struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{} // guarded by mu
}

// track is the ConnState of a server.
func (n *newcomers) track(c net.Conn, state http.ConnState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if state != http.StateNew {
		delete(n.conns, c)
		return
	}
	if n.conns == nil {
		n.conns = map[net.Conn]struct{}{}
	}
	n.conns[c] = struct{}{}
}

// close closes those there are.
func (n *newcomers) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		c.Close() //nolint:errcheck // nobody has asked anything on it
	}
}
