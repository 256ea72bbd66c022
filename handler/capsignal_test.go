package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

// T29: a thousand refusals are one signal for each agent, and one more an hour
// later.
func TestT29CapIsSignalledOnce(t *testing.T) {
	var log strings.Builder
	now := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	c := &capSignal{log: slog.New(slog.NewJSONHandler(&log, nil)), clock: func() time.Time { return now }}
	for range 1000 {
		c.tell("t", "bot")
		c.tell("t", "other")
	}
	now = now.Add(time.Hour)
	c.tell("t", "bot")
	if got := strings.Count(log.String(), `"level":"WARN"`); got != 3 {
		t.Errorf("%d signals, want 3:\n%s", got, log.String())
	}
}
