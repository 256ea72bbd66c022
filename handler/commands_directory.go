package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"path/filepath"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/azure"
	"github.com/authorization-fabric/fabric/handler/internal/azure/graph"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/policy"
)

type directorySyncCommand struct {
	Files       []string      `arg:"" help:"Bindings; a pack beside them, or named too, is read for the groups it names." type:"path"`
	Environment string        `name:"env" help:"Of the files, only the bindings of this environment." placeholder:"NAME"`
	MaxAge      time.Duration `name:"max-age" help:"How old a snapshot may be for --check." default:"24h" placeholder:"DURATION"`
	Check       bool          `help:"Ask no directory: exit with 1 if a snapshot is missing, too old or without an age."`
	DryRun      bool          `help:"Print what would change, and write nothing."`
	As          string        `help:"How members are written: oid, by the object id, which is never given to another person; or upn, for agents whose applications name users by UPN alone." enum:"oid,upn" default:"oid"`
	Graph       string        `help:"Microsoft Graph of another cloud." default:"https://graph.microsoft.com/v1.0" placeholder:"URL"`
	Data        string        `help:"Data directory whose audit log tells of it, unless a running server has it." type:"path" default:".fabric"`
	JSON        bool          `help:"Print JSON."`
}

func (directorySyncCommand) Help() string {
	return "Reads the users of every group that the bindings, or the approval rules of their packs, name, and writes them into \"groups\" with the time.\n" +
		"A group that the directory does not know or may not be read stops it, and nothing is written. Groups that nothing names stay as they are.\n" +
		"Who asks is the managed identity, or whoever is signed in to the Azure CLI; it needs GroupMember.Read.All and User.ReadBasic.All.\n" +
		"Example: handler directory sync finance.bindings.prod.json --dry-run"
}

// groupReader is a directory: [graph.Directory].
type groupReader interface {
	Group(ctx context.Context, id string) (graph.Group, error)
}

func (c *directorySyncCommand) Run(e *environment) error {
	if c.Check {
		return c.check(e, time.Now())
	}
	credential, err := azure.NewCredential(inAzure(e.getenv) != "", e.getenv("AZURE_CLIENT_ID"))
	if err != nil {
		return err
	}
	directory, err := graph.NewDirectory(c.Graph, credential, graph.Options{})
	if err != nil {
		return usageError(err)
	}
	who, err := user.Current()
	if err != nil {
		return fmt.Errorf("who synchronizes: %w", err)
	}
	s := &directorySync{command: c, from: directory, by: "local:" + who.Username, record: c.recorder(e), now: time.Now}
	return s.run(e)
}

// recorder puts what was done into the audit log: that of the deployment whose
// settings are there, else that of the data directory.
func (c *directorySyncCommand) recorder(e *environment) func(context.Context, *audit.Event) error {
	if e.getenv(prefix+"AUDIT_URL") != "" {
		return func(ctx context.Context, event *audit.Event) error { return c.recordInAzure(ctx, e, event) }
	}
	return func(ctx context.Context, event *audit.Event) error {
		r := &localRecorder{env: c.Environment, data: c.Data}
		if r.env == "" {
			r.env = (&targetFlags{}).environment(e)
		}
		err := r.append(ctx, event)
		if errors.Is(err, embedded.ErrHeld) {
			fmt.Fprintln(e.err, c.Data+" is in use by a server: nothing was recorded")
			return nil
		}
		return err
	}
}

func (c *directorySyncCommand) recordInAzure(ctx context.Context, e *environment, event *audit.Event) error {
	conf, err := readConfig(e.getenv)
	if err != nil {
		return err
	}
	conf.environment = (&targetFlags{Environment: c.Environment}).environment(e)
	o, err := newOperator(ctx, conf)
	if err != nil {
		return err
	}
	return errors.Join(o.append(ctx, event), o.close(ctx))
}

// snapshotState is what --check says of one group.
type snapshotState struct {
	File       string `json:"file"`
	Group      string `json:"group"`
	Name       string `json:"name"`
	Members    int    `json:"members"`
	SyncedAt   string `json:"syncedAt"` // "" is not told
	AgeSeconds int64  `json:"ageSeconds"`
	Fault      string `json:"fault"` // "" is none
}

func (c *directorySyncCommand) check(e *environment, now time.Time) error {
	files, err := readBindings(c.Files, c.Environment)
	if err != nil {
		return err
	}
	states, bad := []snapshotState{}, false
	for _, f := range files {
		for _, id := range f.wanted {
			s := f.state(id, now, c.MaxAge)
			states, bad = append(states, s), bad || s.Fault != ""
		}
	}
	err = e.write(c.JSON, map[string]any{"groups": states}, func(w io.Writer) error {
		for _, s := range states {
			s.print(w)
		}
		_, err := fmt.Fprintf(w, "%d groups\n", len(states))
		return err
	})
	if err == nil && bad {
		return errFindings
	}
	return err
}

func (s *snapshotState) print(w io.Writer) {
	said := s.Fault
	if said == "" {
		said = "read " + (time.Duration(s.AgeSeconds) * time.Second).String() + " ago"
	}
	fmt.Fprintf(w, "%s: %s %s: %s\n", filepath.Base(s.File), s.Group, policy.Visible(s.Name), said)
}

// state judges the snapshot of a group.
func (f *bindingsFile) state(id string, now time.Time, most time.Duration) snapshotState {
	s := snapshotState{File: f.path, Group: id}
	old := f.snapshot(id)
	if old.Missing() {
		s.Fault = "there is no snapshot"
		return s
	}
	s.Name, s.Members, s.SyncedAt = old.Get("name").Text(), len(old.Get("members").Items()), old.Get("syncedAt").Text()
	at, err := time.Parse(time.RFC3339, s.SyncedAt)
	if err != nil {
		s.Fault = "it is not told when the members were read"
		return s
	}
	age := now.Sub(at).Truncate(time.Second)
	s.AgeSeconds = int64(age / time.Second)
	switch {
	case age > most:
		s.Fault = fmt.Sprintf("the members were read %s ago, at most %s", age, most)
	case age < -time.Minute:
		s.Fault = "the members were read at a time that is still to come"
	}
	return s
}
