package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/suite"
)

// reachFlags say for whom a version serves.
type reachFlags struct {
	Percent string   `help:"For so many percent of the agents, such as 25 or 0.5." placeholder:"N"`
	Agents  []string `help:"For these agents." placeholder:"ID,…"`
	Shadow  bool     `help:"For nobody: what it would decide is recorded."`
}

var percentForm = regexp.MustCompile(`^(\d{1,3})(?:\.(\d{1,2}))?$`)

// reach is nil for everybody.
func (f *reachFlags) reach() (*catalog.Reach, error) {
	if f.Shadow && (f.Percent != "" || len(f.Agents) > 0) {
		return nil, usageError(errors.New("--shadow is for nobody: leave out --percent and --agents"))
	}
	if !f.Shadow && f.Percent == "" && len(f.Agents) == 0 {
		return nil, nil
	}
	r := &catalog.Reach{Agents: f.Agents, Shadow: f.Shadow}
	if f.Percent == "" {
		return r, nil
	}
	parts := percentForm.FindStringSubmatch(f.Percent)
	if parts == nil {
		return nil, usageError(fmt.Errorf("--percent: %q is no share such as 25 or 0.5", f.Percent))
	}
	r.BasisPoints, _ = strconv.Atoi(parts[1] + (parts[2] + "00")[:2])
	if r.BasisPoints > 10_000 {
		return nil, usageError(errors.New("--percent: at most 100"))
	}
	return r, nil
}

type publishCommand struct {
	targetFlags
	reachFlags
	Files     []string `arg:"" help:"Packs and bindings, or folders of them."`
	Tests     []string `help:"Test files or folders; the *.test.json beside the files that name them if left out." type:"path" placeholder:"PATH"`
	Immediate bool     `help:"Publish although the effectiveFrom is less than 30 s away: instances switch one after another."`
	DryRun    bool     `help:"Check, print what would change, and write nothing."`
	Yes       bool     `short:"y" help:"Do not ask."`
	JSON      bool     `help:"Print JSON."`
}

func (publishCommand) Help() string {
	return "Checks the packs as instances will, runs their tests, prints what changes, asks, records the step in the audit log and publishes.\n" +
		"The version takes the place of every other version of its pack: rollouts and shadows end. With an effectiveFrom that lies ahead, what\n" +
		"serves goes on until then. With --percent or --agents it serves those, and what serves now all others; with --shadow it decides\n" +
		"beside it for the record. A version is published once: other contents need a higher version.\n" +
		"With a folder (--dir), the step is recorded in the audit log of --data; while a server runs on that, the server records what it takes.\n" +
		"Example: handler policy publish finance.json finance.bindings.prod.json --env prod --dir published --percent 25"
}

// errNotWanted ends a step that was only to be shown, or was declined.
var errNotWanted = errors.New("not wanted")

func (c *publishCommand) Run(e *environment) error {
	to, err := c.reach()
	if err != nil {
		return err
	}
	docs, err := (&lintCommand{Paths: c.Files}).documents()
	if err != nil {
		return err
	}
	store, err := openPolicyStore(e, c.targetFlags)
	if err != nil {
		return err
	}
	defer store.close(context.WithoutCancel(e.ctx)) //nolint:errcheck // the step has its own error
	if err := c.test(e); err != nil {
		return err
	}
	env := c.environment(e)
	warnings := policy.Lint(docs, policy.LoadOptions{Environment: env}, time.Now())
	printFindings(e.err, slices.DeleteFunc(warnings, func(f policy.Finding) bool { return f.Severity != policy.Warning }))
	p := store.publisher(env, func(ctx context.Context, plan catalog.Plan) error { return c.confirm(ctx, e, store.editor, plan) })
	step, err := p.Publish(e.ctx, docs, catalog.Publication{To: to, Immediate: c.Immediate})
	return c.finish(e, step, err)
}

func (c *publishCommand) finish(e *environment, step catalog.Step, err error) error {
	switch {
	case errors.Is(err, errNotWanted) && c.DryRun:
		return nil
	case errors.Is(err, errNotWanted):
		fmt.Fprintln(e.err, "nothing was published; --yes publishes without asking")
		return errFindings
	}
	return printStep(e, c.JSON, step, err)
}

// test runs the tests that name what is published.
func (c *publishCommand) test(e *environment) error {
	paths := c.Tests
	if len(paths) == 0 {
		paths = testsBeside(c.Files)
	}
	if len(paths) == 0 {
		fmt.Fprintln(e.err, "no *.test.json names these files: nothing was tested")
		return nil
	}
	report, err := (&testCommand{Dirs: paths}).run(e)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.err, "tests: %d passed, %d failed\n", report.Passed, report.Failed)
	if report.Failed > 0 || report.Passed == 0 {
		if err := report.WriteText(e.err, false); err != nil {
			return err
		}
		fmt.Fprintln(e.err, "nothing was published: the tests fail")
		return errFindings
	}
	return nil
}

// testsBeside are the tests in the folders of files that name one of the files.
func testsBeside(files []string) []string {
	var out []string
	for _, file := range files {
		dir, names := filepath.Dir(file), []string{filepath.Base(file)}
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			dir, names = file, nil
		}
		tests, _ := fs.Glob(os.DirFS(dir), "*.test.json")
		for _, name := range tests {
			path := filepath.Join(dir, name)
			f, err := suite.Read(os.DirFS(dir), name)
			// One that cannot be read is run all the same, and says why.
			about := err != nil || names == nil || slices.ContainsFunc(f.Packs, func(p string) bool { return slices.Contains(names, p) })
			if about && !slices.Contains(out, path) {
				out = append(out, path)
			}
		}
	}
	return out
}

// confirm prints what a publication changes, and asks.
func (c *publishCommand) confirm(ctx context.Context, e *environment, store catalog.Store, plan catalog.Plan) error {
	out := e.out
	if c.JSON {
		out = e.err
	}
	fmt.Fprintf(out, "epoch %d: %s, by %s\n", plan.Next.Epoch, policy.Visible(plan.Change.Detail), policy.Visible(plan.Change.By))
	for _, d := range plan.Published {
		if err := printChange(ctx, out, store, &plan.Was, d); err != nil {
			return err
		}
	}
	switch {
	case c.DryRun:
		return errNotWanted
	case c.Yes:
		return nil
	}
	fmt.Fprint(e.err, "Publish? [y/N] ")
	if text := strings.ToLower(strings.TrimSpace(answer(ctx))); text != "y" && text != "yes" {
		fmt.Fprintln(e.err)
		return errNotWanted
	}
	return nil
}

// printChange compares a version with the highest that was enforced.
func printChange(ctx context.Context, w io.Writer, store catalog.Store, was *catalog.Manifest, d catalog.Published) error {
	hash := ""
	for _, entry := range was.Packs { // by rising version
		if entry.Pack == d.Pack && entry.Reach() == nil {
			hash = entry.Hash
		}
	}
	if hash == "" {
		_, err := fmt.Fprintf(w, "%s@%d is new\n", d.Pack, d.Version)
		return err
	}
	before, err := store.Document(ctx, hash)
	if err != nil {
		return err
	}
	comparison, err := catalog.Diff(before, d.Text)
	if err != nil {
		return err
	}
	return comparison.WriteText(w)
}

// printStep says what became of a step, or why nothing did.
func printStep(e *environment, asJSON bool, step catalog.Step, err error) error {
	var refused *catalog.RefusedError
	if errors.As(err, &refused) {
		printFindings(e.err, refused.Findings)
		fmt.Fprintln(e.err, "refused: nothing was changed")
		return errFindings
	}
	if err != nil {
		return err
	}
	m := step.Manifest
	for _, f := range step.Findings {
		if f.Severity == policy.Warning {
			fmt.Fprintln(e.err, policy.Visible(f.String()))
		}
	}
	said := map[string]any{"changed": step.Changed, "epoch": m.Epoch, "change": m.Change, "note": step.Note}
	return e.write(asJSON, said, func(w io.Writer) error {
		if !step.Changed {
			_, err := fmt.Fprintf(w, "nothing to do: %s\n", policy.Visible(step.Note))
			return err
		}
		_, err := fmt.Fprintf(w, "epoch %d: %s, by %s\n", m.Epoch, policy.Visible(m.Change.Detail), policy.Visible(m.Change.By))
		return err
	})
}

// onStore runs one step on what the flags name.
func onStore(e *environment, f targetFlags, asJSON bool, do func(context.Context, *catalog.Publisher) (catalog.Step, error)) error {
	store, err := openPolicyStore(e, f)
	if err != nil {
		return err
	}
	defer store.close(context.WithoutCancel(e.ctx)) //nolint:errcheck // the step has its own error
	step, err := do(e.ctx, store.publisher(f.environment(e), nil))
	return printStep(e, asJSON, step, err)
}
