package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"
)

// commands is the command line.
type commands struct {
	Serve  serveCommand `cmd:"" default:"withargs" help:"Serve decisions (the default)."`
	Policy struct {
		Init    initCommand    `cmd:"" help:"Write a pack, its bindings and tests that pass."`
		Lint    lintCommand    `cmd:"" help:"Check packs: errors, and warnings an author wants to know."`
		Test    testCommand    `cmd:"" help:"Run every *.test.json below a folder."`
		Explain explainCommand `cmd:"" help:"Decide one call and print how, stage by stage."`
		Matrix  matrixCommand  `cmd:"" help:"Write the table of roles, boundary amounts and labels as test cases."`
		Schema  schemaCommand  `cmd:"" help:"Print a JSON Schema for editors."`

		Publish  publishCommand   `cmd:"" help:"Publish packs to an environment."`
		Status   statusCommand    `cmd:"" help:"Print what an environment serves."`
		Rollout  rolloutCommand   `cmd:"" help:"Let a published version serve some agents, or nobody but the record."`
		Promote  promoteCommand   `cmd:"" help:"Let a version that is rolled out serve everybody."`
		Rollback rollbackCommand  `cmd:"" help:"Return to an older version, as a new epoch."`
		Diff     diffCommand      `cmd:"" help:"Compare two versions, rule by rule."`
		Suspend  suspendCommand   `cmd:"" help:"Take an agent, a caller or a tenant out of service."`
		Resume   resumeCommand    `cmd:"" help:"Put it back into service."`
		Validity validFromCommand `cmd:"" name:"approvals-valid-from" help:"Revoke the approvals opened before an instant."`
	} `cmd:"" help:"Write, check, try and publish policy packs."`
	Audit struct {
		Tail        tailCommand        `cmd:"" help:"Print the newest records."`
		Verify      verifyCommand      `cmd:"" help:"Check that no record was changed, lost or added."`
		Acknowledge acknowledgeCommand `cmd:"" help:"Take note of what verify found, in the log."`
		Why         whyCommand         `cmd:"" help:"Tell the story behind a decision."`
	} `cmd:"" help:"Read and check the audit log."`
	Approvals struct {
		List    approvalsListCommand `cmd:"" help:"List what waits for a person."`
		Show    approvalsShowCommand `cmd:"" help:"Print one approval."`
		Approve approveCommand       `cmd:"" help:"Vote for it."`
		Deny    denyCommand          `cmd:"" help:"Vote against it."`
		Revoke  revokeCommand        `cmd:"" help:"Take it back."`
	} `cmd:"" help:"Look at approvals of a running server, and decide on them."`
	Grant struct {
		Verify grantVerifyCommand `cmd:"" help:"Check a grant without asking the service."`
		Rotate grantRotateCommand `cmd:"" help:"Make a new key for grants."`
	} `cmd:"" help:"Check grants, and change the key they are signed with."`
	Directory struct {
		Sync directorySyncCommand `cmd:"" help:"Fill the groups of bindings from Microsoft Entra ID."`
	} `cmd:"" help:"Read groups from the directory."`
	Doctor doctorCommand `cmd:"" help:"Check what the program runs on, and say what to do."`
	Demo   demoCommand   `cmd:"" help:"Play the story of one purchase order, step by step."`
	Dev    struct {
		Token tokenCommand `cmd:"" help:"Sign a token of the local issuer."`
	} `cmd:"" help:"For development on this machine."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// environment is what every command gets besides its own flags.
type environment struct {
	ctx    context.Context //nolint:containedctx // one command, one run: kong hands commands no context of their own
	getenv func(string) string
	streams
}

// stop is what kong's exit function panics with; run recovers it.
type stop int

// run is the program without its process: parse, run one command, return.
func run(ctx context.Context, args []string, getenv func(string) string, s streams) (err error) {
	defer func() {
		if code, ok := recover().(stop); ok && code != exitOK {
			err = &codeError{code: int(code)}
		}
	}()
	var c commands
	parser, err := kong.New(&c, kong.Name("handler"), kong.Writers(s.out, s.err),
		kong.Description("Authorization Fabric decides whether this action, by this agent, for this user, now, may run."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Exit(func(code int) { panic(stop(code)) }))
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	k, err := parser.Parse(args)
	if err != nil {
		return usageError(fmt.Errorf("%w (try --help)", err))
	}
	return k.Run(&environment{ctx, getenv, s})
}

// write prints v as JSON where asked, else as text.
func (e *environment) write(asJSON bool, v any, text func(io.Writer) error) error {
	if !asJSON {
		return text(e.out)
	}
	encoder := json.NewEncoder(e.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// progress reports long work on the error stream: nothing in the first second,
// then at most twice a second, and only to a terminal's line.
type progress struct {
	w     io.Writer
	start time.Time
	last  time.Time
	shown bool
}

func (e *environment) progress() *progress {
	now := time.Now()
	return &progress{w: e.err, start: now, last: now}
}

func (p *progress) step(what string, done, of int64) {
	now := time.Now()
	if now.Sub(p.start) < time.Second || now.Sub(p.last) < 500*time.Millisecond {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprintf(p.w, "\r%s %d of %d", what, done, of)
}

func (p *progress) done() {
	if p.shown {
		fmt.Fprintln(p.w)
	}
}

type versionCommand struct {
	JSON bool `help:"Print JSON."`
}

func (c *versionCommand) Run(e *environment) error {
	v := version()
	return e.write(c.JSON, map[string]string{"version": v}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, v)
		return err
	})
}

// version is what the build says of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v == "(devel)" {
			v += " " + s.Value
		}
	}
	return v
}

// pathError says what is wrong with a path a user named.
func pathError(path string, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return usageError(fmt.Errorf("%s: there is no such file or folder", path))
	case errors.Is(err, os.ErrPermission):
		return usageError(fmt.Errorf("%s: may not be read", path))
	}
	return fmt.Errorf("%s: %w", path, err)
}
