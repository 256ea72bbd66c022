package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// maxCalls bounds the calls of the sink that are under way, most of which are
// then ones that hang.
const maxCalls = 32

// guard calls a sink so that a call which hangs costs its time-out and no
// more, even if the sink ignores its context.
type guard struct {
	sink    Sink
	timeout time.Duration
	slots   chan struct{}
}

func newGuard(sink Sink, timeout time.Duration) *guard {
	return &guard{sink: sink, timeout: timeout, slots: make(chan struct{}, maxCalls)}
}

type answer struct {
	outcome Outcome
	data    []byte
	err     error
}

// call runs f beside the caller and waits for it until the time-out. A late
// answer is dropped: the caller must treat the effect of f as unknown.
func (g *guard) call(ctx context.Context, f func(context.Context) answer) answer {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return answer{err: fmt.Errorf("the sink hangs: %w", ctx.Err())}
	}
	done := make(chan answer, 1)
	go func() {
		done <- f(ctx)
		<-g.slots
	}()
	select {
	case a := <-done:
		return a
	case <-ctx.Done():
		return answer{err: ctx.Err()}
	}
}

// within runs f beside the caller and returns when it does, or ctx ends.
func within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// append is [Sink.Append]. Frame must not be changed after an Unknown.
func (g *guard) append(ctx context.Context, name string, position int64, frame []byte) (Outcome, error) {
	a := g.call(ctx, func(ctx context.Context) answer {
		outcome, err := g.sink.Append(ctx, name, position, frame)
		return answer{outcome: outcome, err: err}
	})
	if a.outcome != Durable && a.err == nil {
		a.err = errors.New("the sink gave no reason")
	}
	return a.outcome, a.err
}

// create is [Sink.Create], but for an object that exists and is empty, which
// it takes for its own: the names of segments hold fresh random bits.
func (g *guard) create(ctx context.Context, name string) error {
	a := g.call(ctx, func(ctx context.Context) answer { return answer{err: g.sink.Create(ctx, name)} })
	if a.err == nil {
		return nil
	}
	data, err := g.read(ctx, name, 0, 1)
	switch {
	case err == nil && len(data) == 0:
		return nil
	case err == nil:
		return fmt.Errorf("create %s: %w", name, errForeign)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("create %s: %w", name, a.err)
	}
	return fmt.Errorf("create %s: %w", name, errors.Join(a.err, err))
}

// read reads at most limit bytes of an object from a position on.
func (g *guard) read(ctx context.Context, name string, from int64, limit int) ([]byte, error) {
	a := g.call(ctx, func(ctx context.Context) answer {
		data, err := readRange(ctx, g.sink, name, from, int64(limit))
		return answer{data: data, err: err}
	})
	return a.data, a.err
}

func readRange(ctx context.Context, r Reader, name string, from, limit int64) (data []byte, err error) {
	body, err := r.ReadRange(ctx, name, from)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	return io.ReadAll(io.LimitReader(body, limit))
}
