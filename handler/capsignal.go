package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	capSignalEvery  = time.Hour
	capSignalAgents = 1000 // remembered at a time
)

// capSignal says once an hour and agent that an agent has as many approvals
// open as it may: a fault of its own, or an attempt to tire the people who
// decide. Every single refusal is in the audit log besides. It is safe for
// concurrent use.
type capSignal struct {
	log   *slog.Logger
	clock func() time.Time

	mu   sync.Mutex
	told map[string]time.Time // guarded by mu
}

func (c *capSignal) tell(tenant, agent string) {
	if c.due(tenant+" "+agent, c.clock()) {
		c.log.LogAttrs(context.Background(), slog.LevelWarn, "too many approvals are open",
			slog.String("tenantId", tenant), slog.String("agentId", agent))
	}
}

func (c *capSignal) due(who string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, told := c.told[who]; told && now.Sub(last) < capSignalEvery {
		return false
	}
	if c.told == nil || len(c.told) >= capSignalAgents {
		c.told = map[string]time.Time{}
	}
	c.told[who] = now
	return true
}
