package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// courierPause is how often due work on approvals is looked for when nothing
// was written here: what is due later, and what failed before.
const courierPause = 2 * time.Second

// courier does the due work on approvals while a server runs: expiry, events
// that are not logged yet, messages. Where the process may be stopped between
// requests a timer does the same from outside.
type courier struct {
	approvals *approval.Service
	log       *slog.Logger
	failing   bool // the last sweep failed; it is told once
}

// start runs the courier until stop is called, which waits for it.
func (c *courier) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ticker := time.NewTicker(courierPause)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer ticker.Stop()
		for {
			select {
			case <-c.approvals.Work():
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			c.sweep(ctx)
		}
	}()
	return func() { cancel(); <-done }
}

func (c *courier) sweep(ctx context.Context) {
	swept, err := c.approvals.Sweep(ctx, time.Now)
	switch {
	case ctx.Err() != nil:
	case err != nil && !c.failing:
		c.log.LogAttrs(ctx, slog.LevelError, "due work on approvals failed, and is tried again",
			slog.Int("failed", swept.Failed), slog.String("cause", err.Error()))
	case err == nil && c.failing:
		c.log.LogAttrs(ctx, slog.LevelInfo, "due work on approvals is in order again")
	}
	c.failing = err != nil
}
