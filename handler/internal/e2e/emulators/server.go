package emulators

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"sync"
	"time"
)

// startLimit is how long a server may take to its first line; about a second
// on an idle machine.
const startLimit = 60 * time.Second

// running is a started server. It ends when its standard input does, which
// this process holds open until it ends.
type running struct {
	url    string
	client *http.Client // of the Cosmos server
	stdin  io.WriteCloser
	cmd    *exec.Cmd
}

var listens = regexp.MustCompile(`listens on (https?://127\.0\.0\.1:\d+)`)

// start runs a script and waits until it says where it listens.
func start(folder string, args ...string) (*running, error) {
	cmd := exec.Command("node", args...) //nolint:noctx // it outlives the test that starts it
	cmd.Dir = folder
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr := &complaints{}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	found := make(chan string, 1)
	go watch(stdout, found)
	select {
	case url := <-found:
		if url != "" {
			return &running{url: url, stdin: stdin, cmd: cmd}, nil
		}
		err = errors.New("it ended")
	case <-time.After(startLimit):
		err = fmt.Errorf("it did not listen within %s", startLimit)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return nil, fmt.Errorf("%w: %s", err, stderr)
}

// watch sends where the server listens, or "" if it ends before, and then
// drains it, so that it never waits for a reader.
func watch(stdout io.Reader, found chan<- string) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if m := listens.FindStringSubmatch(lines.Text()); m != nil {
			found <- m[1]
			_, _ = io.Copy(io.Discard, stdout)
			return
		}
	}
	found <- ""
}

// complaints keeps the beginning of what a server complains of.
type complaints struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

// Write implements [io.Writer].
func (t *complaints) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text.Len() < 4096 {
		t.text.Write(p)
	}
	return len(p), nil
}

// String is what was kept.
func (t *complaints) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
