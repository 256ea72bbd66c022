package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/azure/graph"
	"github.com/authorization-fabric/fabric/policy"
)

const (
	approversGroup = "22222222-2222-2222-2222-222222222222"
	analystsGroup  = "44444444-4444-4444-4444-444444444444"
	oneMember      = "33333333-3333-3333-3333-333333333331"
	otherMember    = "33333333-3333-3333-3333-333333333332"
)

const syncedBindings = `{
  "schema": 1, "pack": "tours",   "environment": "dev",
  "tenants": ["11111111-1111-1111-1111-111111111111"],
  "groups": { "55555555-5555-5555-5555-555555555555": {"name": "by hand",  "members": ["user:kim@contoso.com"]},
              "22222222-2222-2222-2222-222222222222": {"members": ["oid:33333333-3333-3333-3333-333333333339"]} },
  "roles": { "Analyst": ["group:44444444-4444-4444-4444-444444444444", "user:ana@contoso.com"] }
}
`

const syncedPack = `{"schema": 1, "pack": "tours", "version": 1, "approvals": [{"id": "a", "approvers": ["group:22222222-2222-2222-2222-222222222222"]}]}`

// fakeDirectory gives groups, or fails.
type fakeDirectory struct {
	groups map[string]graph.Group
	err    error
	reads  int
}

func (d *fakeDirectory) Group(_ context.Context, id string) (graph.Group, error) {
	d.reads++
	if d.err != nil {
		return graph.Group{}, fmt.Errorf("group %s: %w", id, d.err)
	}
	return d.groups[id], nil
}

// syncWorld is a folder of bindings and a directory.
type syncWorld struct {
	path      string
	directory *fakeDirectory
	recorded  []*audit.Event
	recordErr error
	out       bytes.Buffer
}

func newSyncWorld(t *testing.T, bindings string) *syncWorld {
	t.Helper()
	dir := t.TempDir()
	w := &syncWorld{path: filepath.Join(dir, "tours.bindings.dev.json"), directory: &fakeDirectory{groups: map[string]graph.Group{
		approversGroup: {Name: "Approvers", Mail: "po@contoso.com", Members: []graph.User{{ID: strings.ToUpper(otherMember), UPN: "Mia@contoso.com"}, {ID: oneMember, UPN: "no address"}}},
		analystsGroup:  {Name: "Ana\"lysts"},
	}}}
	for path, text := range map[string]string{w.path: bindings, filepath.Join(dir, "tours.json"): syncedPack} {
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

var syncTime = time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)

func (w *syncWorld) environment(t *testing.T) *environment {
	return &environment{t.Context(), func(string) string { return "" }, streams{out: &w.out, err: &w.out}}
}

func (w *syncWorld) run(t *testing.T, c directorySyncCommand) error {
	t.Helper()
	c.Files = []string{w.path}
	s := &directorySync{command: &c, from: w.directory, by: "local:test", now: func() time.Time { return syncTime }, record: func(_ context.Context, e *audit.Event) error {
		w.recorded = append(w.recorded, e)
		return w.recordErr
	}}
	return s.run(w.environment(t))
}

func (w *syncWorld) text(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every group that the bindings or the pack's approval rules name is written,
// with its age; all else stays as it stands.
func TestDirectorySync(t *testing.T) {
	w := newSyncWorld(t, syncedBindings)
	if err := w.run(t, directorySyncCommand{}); err != nil {
		t.Fatalf("sync = %v", err)
	}
	want := strings.Replace(syncedBindings, syncedBindings[strings.Index(syncedBindings, `{ "5555`):strings.Index(syncedBindings, ",\n  \"roles\"")], `{
    "55555555-5555-5555-5555-555555555555": {
      "name": "by hand",
      "members": [
        "user:kim@contoso.com"
      ]
    },
    "22222222-2222-2222-2222-222222222222": {
      "name": "Approvers",
      "mail": "po@contoso.com",
      "members": [
        "oid:33333333-3333-3333-3333-333333333331",
        "oid:33333333-3333-3333-3333-333333333332"
      ],
      "syncedAt": "2026-06-01T09:00:00Z"
    },
    "44444444-4444-4444-4444-444444444444": {
      "name": "Ana\"lysts",
      "members": [],
      "syncedAt": "2026-06-01T09:00:00Z"
    }
  }`, 1)
	if got := w.text(t); got != want {
		t.Errorf("the file is\n%s\nwant\n%s", got, want)
	}
	if len(w.recorded) != 1 || w.recorded[0].Kind != audit.KindDirectorySynced || !strings.Contains(w.recorded[0].Outcome, "2 read, 2 members added, 1 removed, by local:test") {
		t.Errorf("recorded %+v", w.recorded)
	}
	for _, line := range []string{"  - oid:33333333-3333-3333-3333-333333333339", "  + oid:" + oneMember, "  + oid:" + otherMember} {
		if !strings.Contains(w.out.String(), line+"\n") {
			t.Errorf("the diff lacks %q:\n%s", line, w.out.String())
		}
	}
	if info, err := os.Stat(w.path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(w.path)); err != nil || len(entries) != 2 {
		t.Errorf("files = %v, %v, want no rests", entries, err)
	}
}

// Bindings without groups get them; what is written passes lint.
func TestDirectorySyncFillsAndLints(t *testing.T) {
	for name, edit := range map[string]func(string) string{
		"with line feeds":       func(s string) string { return s },
		"with carriage returns": func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	} {
		w := newSyncWorld(t, edit("{\n  \"schema\": 1, \"pack\": \"tours\", \"environment\": \"dev\", \"tenants\": [\"11111111-1111-1111-1111-111111111111\"]\n}\n"))
		if err := w.run(t, directorySyncCommand{As: "upn"}); err != nil {
			t.Fatalf("%s: sync = %v", name, err)
		}
		text := w.text(t)
		if !strings.Contains(text, `"user:mia@contoso.com"`) || !strings.Contains(text, `"oid:`+oneMember+`"`) || strings.Contains(text, "\r") != (name == "with carriage returns") {
			t.Errorf("%s: %s", name, text)
		}
		pack := `{"schema": 1, "pack": "tours", "version": 1}`
		docs := []policy.Document{{Name: "tours.json", Text: []byte(pack)}, {Name: "tours.bindings.dev.json", Text: []byte(text)}}
		if findings := policy.Lint(docs, policy.LoadOptions{}, syncTime); len(findings) > 0 {
			t.Errorf("%s: %v", name, findings)
		}
	}
}

// T46: what fails before the end changes nothing: a group that cannot be read
// is named, a change that cannot be recorded is not made.
func TestDirectorySyncFailsWhole(t *testing.T) {
	for name, test := range map[string]struct {
		edit    func(*syncWorld)
		command directorySyncCommand
		want    string
	}{
		"unknown group":       {func(w *syncWorld) { w.directory.err = errors.New("no such group") }, directorySyncCommand{}, approversGroup},
		"no record":           {func(w *syncWorld) { w.recordErr = errors.New("log down") }, directorySyncCommand{}, "log down"},
		"another environment": {func(*syncWorld) {}, directorySyncCommand{Environment: "prod"}, "none of the files"},
		"a dry run":           {func(*syncWorld) {}, directorySyncCommand{DryRun: true}, ""},
		"a dry run as JSON":   {func(*syncWorld) {}, directorySyncCommand{DryRun: true, JSON: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSyncWorld(t, syncedBindings)
			test.edit(w)
			err := w.run(t, test.command)
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("sync = %v, want %q", err, test.want)
			}
			if w.text(t) != syncedBindings {
				t.Error("the file was written")
			}
			if test.command.DryRun && len(w.recorded) > 0 {
				t.Error("a dry run was recorded")
			}
		})
	}
}

// --check asks no directory and fails for what is missing, old or without age.
func TestDirectorySyncCheck(t *testing.T) {
	w := newSyncWorld(t, syncedBindings)
	check := func(at time.Time) error {
		w.out.Reset()
		c := directorySyncCommand{Files: []string{w.path}, MaxAge: 24 * time.Hour}
		return c.check(w.environment(t), at)
	}
	if err := check(syncTime); !errors.Is(err, errFindings) || !strings.Contains(w.out.String(), "there is no snapshot") || !strings.Contains(w.out.String(), "not told") {
		t.Errorf("before = %v:\n%s", err, w.out.String())
	}
	if err := w.run(t, directorySyncCommand{}); err != nil {
		t.Fatal(err)
	}
	reads := w.directory.reads
	for at, want := range map[time.Duration]bool{0: true, 24 * time.Hour: true, 24*time.Hour + time.Second: false, -2 * time.Minute: false} {
		if err := check(syncTime.Add(at)); (err == nil) != want {
			t.Errorf("at %v: check = %v:\n%s", at, err, w.out.String())
		}
	}
	if w.directory.reads != reads {
		t.Error("--check asked the directory")
	}
}

// A file that somebody changed meanwhile is left alone.
func TestDirectorySyncLeavesWhatChanged(t *testing.T) {
	w := newSyncWorld(t, syncedBindings)
	files, err := readBindings([]string{w.path}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := files[0].replace([]byte("mine")); err == nil || w.text(t) != "{}" {
		t.Errorf("replace = %v, the file is %q", err, w.text(t))
	}
}

// The step is in the audit log of a data directory that is free; one that a
// server has is said to tell nothing.
func TestDirectorySyncRecords(t *testing.T) {
	w := newSyncWorld(t, syncedBindings)
	c := &directorySyncCommand{Data: filepath.Join(t.TempDir(), "data")}
	s := &directorySync{command: c, from: w.directory, by: "local:test", record: c.recorder(w.environment(t)), now: time.Now}
	c.Files = []string{w.path}
	if err := s.run(w.environment(t)); err != nil {
		t.Fatalf("sync = %v", err)
	}
	w.out.Reset()
	if err := run(t.Context(), []string{"audit", "tail", "--data", c.Data}, func(string) string { return "" }, streams{out: &w.out, err: &w.out}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(w.out.String(), "directory.synced") {
		t.Errorf("the log tells\n%s", w.out.String())
	}
}
