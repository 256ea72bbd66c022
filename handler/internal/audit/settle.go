package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	maxAttempts = 4
	firstPause  = 10 * time.Millisecond // between attempts, doubled and jittered
)

// errForeign means that an object holds what this log did not write there.
var errForeign = errors.New("the object holds bytes that this log did not write")

// settle appends frame at position and finds out what became of it. An
// outcome that is not clear is settled by reading the range back, never by
// assuming; while it is not, only these same bytes are sent to that position,
// so that whichever copy lands first is the same data. Absent means that no
// byte of frame is there or ever will be. After Unknown frame may still land:
// nothing else may be written at that position, and frame not be changed.
func (g *guard) settle(ctx context.Context, name string, position int64, frame []byte) (Outcome, error) {
	unclear := false
	pause := firstPause
	var last error
	for range maxAttempts {
		outcome, err := g.append(ctx, name, position, frame)
		if outcome == Durable || outcome == Absent && !unclear {
			return outcome, err
		}
		unclear, last = true, err
		switch there, err := g.compare(ctx, name, position, frame); {
		case err != nil:
			last = errors.Join(last, err)
			if errors.Is(err, errForeign) {
				return Absent, last // the position is taken: frame cannot land any more
			}
		case there:
			return Durable, nil
		}
		if !wait(ctx, pause/2+rand.N(pause)) {
			break
		}
		pause *= 2
	}
	return Unknown, fmt.Errorf("append to %s at %d: %w", name, position, last)
}

// compare reports whether frame stands at position, which is then the end of
// the object, or nothing does. Anything else is errForeign.
func (g *guard) compare(ctx context.Context, name string, position int64, frame []byte) (there bool, err error) {
	got, err := g.read(ctx, name, position, len(frame)+1)
	switch {
	case err != nil:
		return false, err
	case len(got) == 0:
		return false, nil
	case bytes.Equal(got, frame):
		return true, nil
	}
	return false, errForeign
}

// wait lets d pass and reports whether ctx is still alive.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
