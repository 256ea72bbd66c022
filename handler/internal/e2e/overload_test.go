package e2e

import (
	"context"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// R13, T54: far more calls than the rate allows. All there is are decisions,
// 429 and 503, each of them a denial; memory stays bounded, and another
// application gets all its answers meanwhile.
func TestOverload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const rate, burst, calls, bound = 50, 20, 4000, 64.0
	s := serve(t, launch{dir: dir, env: []string{
		"FABRIC_RATE=50", "FABRIC_BURST=20", "FABRIC_OPEN_PER_USER=1000000", "FABRIC_OPEN_PER_AGENT=1000000",
	}})
	other := token(t, dir, "--user", "ana@contoso.com")
	var l load
	var pressed atomic.Int64
	start := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var neighbour []outcome // guarded by mu
	l.press(ctx, s, 48, func(int, int) {
		switch n := pressed.Add(1); {
		case n == calls:
			stop()
		case n%(calls/10) == 0: // well below its own burst
			o, err := s.decide(t.Context(), "ALLOW", order(100), "Authorization: Bearer "+other)
			if err != nil {
				t.Errorf("the other application: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			neighbour = append(neighbour, o)
		}
	})
	took := time.Since(start)
	for _, odd := range l.odd {
		t.Errorf("answered %s", odd)
	}
	for status := range l.statuses {
		if status != http.StatusOK && status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
			t.Errorf("status %d among %v, want 200, 429 and 503 alone", status, l.statuses)
		}
	}
	if l.statuses[http.StatusTooManyRequests] == 0 || len(neighbour) < 5 {
		t.Errorf("statuses %v, %d answers to the other application: that was no overload", l.statuses, len(neighbour))
	}
	if most := burst + rate*(took.Seconds()+1); float64(len(l.answers)) > most {
		t.Errorf("%d decisions in %s, want at most %.0f", len(l.answers), took, most)
	}
	peak := peakMiB(t, s)
	if peak > bound && !raceDetector {
		t.Errorf("%.0f MiB of memory, want at most %.0f", peak, bound)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	mustVerify(t, dir)
	compareWithLog(t, filepath.Join(dir, "data"), append(l.answers, neighbour...))
	t.Logf("%d calls in %s: %v, %d to the other application, peak %.0f MiB", pressed.Load(), took.Round(time.Millisecond), l.statuses, len(neighbour), peak)
}
