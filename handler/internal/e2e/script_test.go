package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/scripts. Besides the commands of testscript they
// have these:
//
//	serve [args]            start a server on a free port; data directory: data
//	sigterm, sigkill        end it; sigterm demands exit code 0
//	cli CODE args           run the program; it must exit with CODE
//	http METHOD PATH [FILE|-] [HEADER...]
//	                        print status, headers and body
//	json POINTER WANT       compare a value of the JSON printed last
//	save NAME POINTER       keep one in a variable
//	token NAME args         keep what "dev token args" signs in a variable
//	logged REGEXP           wait for a line of the server's log behind the last
//	                        one waited for, and print it; with ! there is none
//	edit FILE OLD NEW       change the only place with that text in a file
//	flip FILE TEXT          flip a bit of the first byte of TEXT in a file
//	freeport NAME           keep the number of a free port in a variable
//
// $PACKS is the folder of the sample packs, $URL and $HOST are of the server.
func TestScripts(t *testing.T) {
	packs, err := filepath.Abs(filepath.Join(root, "policy", "packs"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "scripts"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PACKS", packs)
			env.Vars = append(env.Vars, raceSettings)
			env.Setenv("PATH", filepath.Dir(binary)+string(filepath.ListSeparator)+env.Getenv("PATH"))
			s := &script{ctx: t.Context()}
			env.Values[script{}] = s
			env.Defer(s.cleanUp)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": cmd((*script).serve), "sigterm": cmd((*script).sigterm), "sigkill": cmd((*script).sigkill),
			"cli": cmd((*script).cli), "http": cmd((*script).http), "json": cmd((*script).json), "save": cmd((*script).save),
			"token": cmd((*script).token), "logged": cmd((*script).logged), "edit": cmd((*script).edit),
			"flip": cmd((*script).flip), "freeport": cmd((*script).freeport),
		},
		RequireUniqueNames: true,
	})
}

// script is what the commands of one script share.
type script struct {
	ctx    context.Context //nolint:containedctx // of one test, which ends what its commands started
	server *server
	logAt  int // line of the log after the one found last
}

func (s *script) cleanUp() {
	if s.server != nil {
		_ = s.server.cmd.Process.Kill()
		<-s.server.exited
	}
}

func cmd(run func(*script, *testscript.TestScript, bool, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		run(ts.Value(script{}).(*script), ts, neg, args)
	}
}

// environment are the settings that the script has made with env.
func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{
		"FABRIC_ENVIRONMENT", "FABRIC_PUBLIC_URL", "FABRIC_SCOPE", "FABRIC_RATE", "FABRIC_BURST", "FABRIC_SOFT_STALE", "FABRIC_HARD_STALE",
		"FABRIC_OPEN_PER_USER", "FABRIC_OPEN_PER_AGENT", "FUNCTIONS_CUSTOMHANDLER_PORT", "WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID",
	} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func (s *script) serve(ts *testscript.TestScript, _ bool, args []string) {
	l := launch{dir: ts.MkAbs("."), env: environment(ts), args: args}
	if ts.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT") != "" {
		l.addr = "-"
	}
	server, err := start(s.ctx, l)
	ts.Check(err)
	s.server, s.logAt = server, 0
	ts.Setenv("URL", server.url)
	ts.Setenv("HOST", strings.TrimPrefix(server.url, "http://"))
}

func (s *script) sigterm(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(s.running(ts).stop())
	s.server = nil
}

func (s *script) sigkill(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(s.running(ts).kill())
	s.server = nil
}

func (s *script) running(ts *testscript.TestScript) *server {
	if s.server == nil {
		ts.Fatalf("no server is running")
	}
	return s.server
}

func (s *script) cli(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: cli CODE args")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	stdout, stderr, code, err := cli(s.ctx, ts.MkAbs("."), environment(ts), args[1:]...)
	fmt.Fprint(ts.Stdout(), stdout)
	fmt.Fprint(ts.Stderr(), stderr)
	ts.Check(err)
	if code != want {
		ts.Fatalf("handler %s = exit code %d, want %d", strings.Join(args[1:], " "), code, want)
	}
}

func (s *script) http(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: http METHOD PATH [FILE|-] [HEADER...]")
	}
	var body []byte
	var headers []string
	if len(args) > 2 {
		headers = args[3:]
		if args[2] != "-" {
			body = []byte(ts.ReadFile(args[2]))
		}
	}
	r, err := s.running(ts).call(s.ctx, args[0], args[1], body, headers...)
	ts.Check(err)
	out := ts.Stdout()
	fmt.Fprintln(out, r.status)
	for name, values := range r.header {
		if name != "Date" {
			fmt.Fprintf(out, "%s: %s\n", name, strings.Join(values, ", "))
		}
	}
	fmt.Fprintf(out, "\n%s\n", r.body)
}

// printed is the JSON that the last command printed, behind the headers if it
// was http.
func printed(ts *testscript.TestScript) any {
	text := ts.ReadFile("stdout")
	if len(text) > 0 && text[0] >= '0' && text[0] <= '9' {
		_, text, _ = strings.Cut(text, "\n\n")
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		ts.Fatalf("the last command has not printed JSON: %v", err)
	}
	return v
}

// at is the value at a JSON pointer.
func at(v any, pointer string) (any, bool) {
	for _, name := range strings.Split(pointer, "/")[1:] {
		switch parent := v.(type) {
		case map[string]any:
			child, ok := parent[name]
			if !ok {
				return nil, false
			}
			v = child
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(parent) {
				return nil, false
			}
			v = parent[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func (s *script) json(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: json POINTER WANT")
	}
	var want any
	if err := json.Unmarshal([]byte(args[1]), &want); err != nil {
		want = args[1]
	}
	got, ok := at(printed(ts), args[0])
	if same := ok && reflect.DeepEqual(got, want); same == neg {
		ts.Fatalf("%s = %v, want %v%v", args[0], got, map[bool]string{true: "anything but "}[neg], want)
	}
}

func (s *script) save(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: save NAME POINTER")
	}
	v, ok := at(printed(ts), args[1])
	text, isText := v.(string)
	if !ok || !isText || text == "" {
		ts.Fatalf("%s = %v, want a text", args[1], v)
	}
	ts.Setenv(args[0], text)
}

func (s *script) token(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: token NAME args")
	}
	stdout, stderr, code, err := cli(s.ctx, ts.MkAbs("."), environment(ts), append([]string{"dev", "token", "--data", "data"}, args[1:]...)...)
	ts.Check(err)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || lines[len(lines)-1] == "" {
		ts.Fatalf("handler dev token = exit code %d, %q, %s, want a token", code, stdout, stderr)
	}
	ts.Setenv(args[0], lines[len(lines)-1])
}

func (s *script) logged(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: logged REGEXP")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	log := s.running(ts).out
	if neg {
		if i := slices.IndexFunc(log.all(), pattern.MatchString); i >= 0 {
			ts.Fatalf("the log has the line %s", log.all()[i])
		}
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	line, next, err := log.await(ctx, s.logAt, pattern.MatchString)
	ts.Check(err)
	s.logAt = next
	fmt.Fprintln(ts.Stdout(), line)
}

func (s *script) freeport(ts *testscript.TestScript, _ bool, args []string) {
	l, err := (&net.ListenConfig{}).Listen(s.ctx, "tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], port)
}
