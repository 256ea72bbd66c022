package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/azure/graph"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// directorySync is one run of the command.
type directorySync struct {
	command *directorySyncCommand
	from    groupReader
	by      string
	record  func(context.Context, *audit.Event) error
	now     func() time.Time
}

// groupChange is what becomes of one snapshot.
type groupChange struct {
	Group    string   `json:"group"`
	Name     string   `json:"name"`
	Mail     string   `json:"mail"`
	SyncedAt string   `json:"syncedAt"`
	Was      string   `json:"was"` // when it was read before; "" is not told, or never
	Members  []string `json:"members"`
	Added    []string `json:"added"`
	Removed  []string `json:"removed"`
}

// fileChange is what becomes of one file.
type fileChange struct {
	File   string        `json:"file"`
	Groups []groupChange `json:"groups"`

	of   *bindingsFile
	text []byte
}

// run reads everything before it writes anything.
func (s *directorySync) run(e *environment) error {
	files, err := readBindings(s.command.Files, s.command.Environment)
	if err != nil {
		return err
	}
	known := map[string]graph.Group{}
	var changes []fileChange
	for _, f := range files {
		change, err := s.change(e.ctx, f, known)
		if err != nil {
			return fmt.Errorf("%w; nothing was written", err)
		}
		changes = append(changes, change)
	}
	if !s.command.DryRun {
		for _, change := range changes {
			if err := s.commit(e.ctx, &change); err != nil {
				return err
			}
		}
	}
	return e.write(s.command.JSON, map[string]any{"files": changes, "written": !s.command.DryRun}, func(w io.Writer) error {
		return s.print(w, changes)
	})
}

// change is what becomes of a file; known are the groups that were read.
func (s *directorySync) change(ctx context.Context, f *bindingsFile, known map[string]graph.Group) (fileChange, error) {
	out := fileChange{File: f.path, Groups: []groupChange{}, of: f}
	for _, id := range f.wanted {
		g, done := known[id]
		if !done {
			var err error
			if g, err = s.from.Group(ctx, id); err != nil {
				return fileChange{}, err
			}
			known[id] = g
		}
		out.Groups = append(out.Groups, s.compare(f.snapshot(id), id, &g))
	}
	var err error
	out.text, err = f.with(out.Groups)
	return out, err
}

func (s *directorySync) compare(old strictjson.Value, id string, g *graph.Group) groupChange {
	c := groupChange{
		Group: id, Name: g.Name, Mail: g.Mail, SyncedAt: s.now().UTC().Format(time.RFC3339), Was: old.Get("syncedAt").Text(),
		Members: []string{}, Added: []string{}, Removed: []string{},
	}
	for _, u := range g.Members {
		c.Members = append(c.Members, s.member(&u))
	}
	slices.Sort(c.Members)
	var before []string
	for _, m := range old.Get("members").Items() {
		before = append(before, m.Text())
	}
	c.Added, c.Removed = without(c.Members, before), without(before, c.Members)
	return c
}

// member is a user in the bindings: one entry a person, since two could be
// taken for two.
func (s *directorySync) member(u *graph.User) string {
	if s.command.As == "upn" && strings.Contains(u.UPN, "@") && !strings.ContainsFunc(u.UPN, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "user:" + strings.ToLower(u.UPN)
	}
	return "oid:" + strings.ToLower(u.ID)
}

// without are those of a list that another has not, whatever the capitals.
func without(list, other []string) []string {
	out := []string{}
	has := map[string]bool{}
	for _, s := range other {
		has[strings.ToLower(s)] = true
	}
	for _, s := range list {
		if !has[strings.ToLower(s)] {
			out = append(out, s)
		}
	}
	return out
}

// commit records what is about to be written, and writes it.
func (s *directorySync) commit(ctx context.Context, c *fileChange) error {
	event, err := s.event(c)
	if err == nil {
		err = s.record(ctx, event)
	}
	if err != nil {
		return fmt.Errorf("record the change of %s: %w; it was not written", c.File, err)
	}
	return c.of.replace(c.text)
}

// mostNamed is how many people a record names of those who came or went.
const mostNamed = 100

func (s *directorySync) event(c *fileChange) (*audit.Event, error) {
	type line struct {
		Group        string   `json:"group"`
		Members      int      `json:"members"`
		Added        []string `json:"added"`
		Removed      []string `json:"removed"`
		AddedCount   int      `json:"addedCount"`
		RemovedCount int      `json:"removedCount"`
	}
	lines, added, removed := []line{}, 0, 0
	for _, g := range c.Groups {
		lines = append(lines, line{
			g.Group, len(g.Members), g.Added[:min(len(g.Added), mostNamed)], g.Removed[:min(len(g.Removed), mostNamed)], len(g.Added), len(g.Removed),
		})
		added, removed = added+len(g.Added), removed+len(g.Removed)
	}
	text, err := json.Marshal(map[string]any{"by": s.by, "pack": c.of.pack, "environment": c.of.environment, "groups": lines})
	if err != nil {
		return nil, err
	}
	detail, err := strictjson.Parse(text, strictjson.Limits{})
	if err != nil {
		return nil, err
	}
	return &audit.Event{
		Kind: audit.KindDirectorySynced, TS: s.now().UTC(), EventID: ulid.Make().String(), Detail: detail,
		Outcome: fmt.Sprintf("groups of %s in %s: %d read, %d members added, %d removed, by %s", c.of.pack, c.of.environment, len(c.Groups), added, removed, s.by),
	}, nil
}

func (s *directorySync) print(w io.Writer, changes []fileChange) error {
	for _, c := range changes {
		for _, g := range c.Groups {
			was := "for the first time"
			if g.Was != "" {
				was = "before at " + g.Was
			}
			fmt.Fprintf(w, "%s: %s %s: %d members, %d added, %d removed, read %s\n", filepath.Base(c.File), g.Group, policy.Visible(g.Name), len(g.Members), len(g.Added), len(g.Removed), policy.Visible(was))
			for _, m := range g.Removed {
				fmt.Fprintln(w, "  - "+policy.Visible(m))
			}
			for _, m := range g.Added {
				fmt.Fprintln(w, "  + "+policy.Visible(m))
			}
		}
		if len(c.Groups) == 0 {
			fmt.Fprintf(w, "%s: nothing names a group\n", filepath.Base(c.File))
		}
	}
	if s.command.DryRun {
		fmt.Fprintln(w, "nothing was written")
	}
	return nil
}
