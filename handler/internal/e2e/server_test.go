package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait for an event. It is no measurement: the machine
// may be busy.
const patience = 30 * time.Second

// server is one process of the program that serves.
type server struct {
	url    string
	cmd    *exec.Cmd
	out    *logbook // structured log
	err    *logbook
	client *http.Client
	exited chan struct{} // closed when the process has ended
	wait   error         // valid once exited
}

// launch says how to start a server. Zero values start it on a free port with
// the data directory "data" below dir.
type launch struct {
	dir  string
	env  []string // NAME=value
	args []string // of serve, besides --addr and --data
	addr string   // "": a free port; "-": whatever the environment says
	data string   // "": data
}

// settingPrefixes are how variables begin that the program reads. What the
// tests themselves run under must not reach it.
var settingPrefixes = []string{"FABRIC_", "FUNCTIONS_", "WEBSITE_"}

// raceSettings spare each process under the race detector the second that it
// would wait at its end.
const raceSettings = "GORACE=atexit_sleep_ms=0"

// command is the program with arguments, in a folder, with an environment that
// holds no settings but env.
func command(ctx context.Context, dir string, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(cmd.Environ(), func(v string) bool {
		return slices.ContainsFunc(settingPrefixes, func(prefix string) bool { return strings.HasPrefix(v, prefix) })
	})
	cmd.Env = append(cmd.Env, raceSettings)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// start starts a server and waits until it says that it serves. The process
// ends with ctx at the latest.
func start(ctx context.Context, l launch) (*server, error) {
	args := []string{"serve"}
	if l.addr != "-" {
		args = append(args, "--addr", orElse(l.addr, "127.0.0.1:0"))
	}
	args = append(args, "--data", orElse(l.data, "data"))
	return startCommand(ctx, command(ctx, l.dir, l.env, append(args, l.args...)...))
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func startCommand(ctx context.Context, cmd *exec.Cmd) (*server, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{
		cmd: cmd, out: keepLines(out), err: keepLines(errs), exited: make(chan struct{}),
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 256},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	go func() {
		<-s.out.done
		<-s.err.done
		s.wait = cmd.Wait()
		close(s.exited)
	}()
	return s, s.awaitServing(ctx)
}

func (s *server) awaitServing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	line, _, err := s.out.await(ctx, 0, func(line string) bool { return strings.Contains(line, `"msg":"serving"`) })
	if err != nil {
		kill := s.kill()
		return errors.Join(fmt.Errorf("the server does not start: %w\n%s", err, strings.Join(s.err.all(), "\n")), kill)
	}
	var serving struct{ Address string }
	if err := json.Unmarshal([]byte(line), &serving); err != nil {
		return err
	}
	s.url = "http://" + serving.Address
	return nil
}

// stop asks the process to stop and waits for its end. The error is that of
// the process, or what its output says went wrong.
func (s *server) stop() error {
	if err := askToStop(s.cmd.Process); err != nil {
		return err
	}
	return s.end()
}

// kill ends the process in the middle of whatever it does. An error is what its
// output says went wrong before, or an end of its own.
func (s *server) kill() error {
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err := s.awaitEnd(); err != nil {
		return err
	}
	if s.cmd.ProcessState.Exited() {
		return fmt.Errorf("the server ended by itself: %w\n%s", s.wait, strings.Join(s.err.all(), "\n"))
	}
	return s.complaints()
}

// end waits for a process that was asked to stop.
func (s *server) end() error {
	if err := s.awaitEnd(); err != nil {
		return err
	}
	if s.wait != nil && graceful {
		return fmt.Errorf("the server ended with: %w\n%s", s.wait, strings.Join(s.err.all(), "\n"))
	}
	return s.complaints()
}

func (s *server) awaitEnd() error {
	defer s.client.CloseIdleConnections()
	select {
	case <-s.exited:
		return nil
	case <-time.After(patience):
		return errors.Join(errors.New("the server does not end"), s.cmd.Process.Kill())
	}
}

// complaints are what no run may leave in its output: a panic, a race, a line
// of the structured log that is none.
func (s *server) complaints() error {
	var errs []error
	for _, line := range s.err.all() {
		for _, sign := range []string{"DATA RACE", "panic:", "fatal error:"} {
			if strings.Contains(line, sign) {
				errs = append(errs, fmt.Errorf("on the error stream: %s", strings.Join(s.err.all(), "\n")))
			}
		}
	}
	for i, line := range s.out.all() {
		var entry struct{ Time, Level, Msg string }
		err := json.Unmarshal([]byte(line), &entry)
		switch {
		case err != nil && i == len(s.out.all())-1 && s.wait != nil: // killed in the middle of it
		case err != nil, entry.Time == "", entry.Level == "", entry.Msg == "":
			errs = append(errs, fmt.Errorf("no line of a structured log: %s", line))
		case entry.Msg == "panic":
			errs = append(errs, fmt.Errorf("a panic: %s", line))
		}
	}
	return errors.Join(errs...)
}

// serve starts a server for a test, which stops it at its end if the test has
// not.
func serve(t testing.TB, l launch) *server {
	t.Helper()
	s, err := start(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-s.exited:
		default:
			_ = s.cmd.Process.Kill()
			<-s.exited
		}
		if err := s.complaints(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// cli runs a command of the program to its end.
func cli(ctx context.Context, dir string, env []string, args ...string) (stdout, stderr string, code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := command(ctx, dir, env, args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		err = nil
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode(), err
}

// token signs a token of the server's issuer.
func token(t testing.TB, dir string, args ...string) string {
	t.Helper()
	stdout, stderr, code, err := cli(t.Context(), dir, nil, append([]string{"dev", "token", "--data", "data"}, args...)...)
	if err != nil || code != 0 {
		t.Fatalf("dev token = %d %s, %v", code, stderr, err)
	}
	lines := strings.Fields(stdout)
	return lines[len(lines)-1]
}
