package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
)

// logbook keeps the lines of a stream as they come.
type logbook struct {
	mu    sync.Mutex
	lines []string      // guarded by mu
	more  chan struct{} // closed when a line comes or the stream ends; guarded by mu
	ended bool          // guarded by mu
	done  chan struct{} // closed when the stream has ended
}

// keepLines reads r to its end in a goroutine.
func keepLines(r io.Reader) *logbook {
	l := &logbook{more: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		in := bufio.NewReader(r)
		for {
			line, err := in.ReadString('\n')
			l.add(strings.TrimSuffix(line, "\n"), err != nil)
			if err != nil {
				return
			}
		}
	}()
	return l
}

func (l *logbook) add(line string, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if line != "" {
		l.lines = append(l.lines, line)
	}
	l.ended = last
	close(l.more)
	l.more = make(chan struct{})
}

// since are the lines from the nth on, and what tells of further ones.
func (l *logbook) since(n int) (lines []string, more <-chan struct{}, ended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines[min(n, len(l.lines)):], l.more, l.ended
}

// all are the lines so far.
func (l *logbook) all() []string {
	lines, _, _ := l.since(0)
	return lines
}

// await waits for a line from the nth on for which match says so, and returns
// it with the number of the next one.
func (l *logbook) await(ctx context.Context, n int, match func(string) bool) (line string, next int, err error) {
	for {
		lines, more, ended := l.since(n)
		for _, line := range lines {
			if n++; match(line) {
				return line, n, nil
			}
		}
		if ended {
			return "", n, fmt.Errorf("the log has ended without the line: %w", io.EOF)
		}
		select {
		case <-more:
		case <-ctx.Done():
			return "", n, fmt.Errorf("wait for a line of the log: %w", ctx.Err())
		}
	}
}
