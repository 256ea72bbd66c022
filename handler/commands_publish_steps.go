package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
)

// versionFlags name a published version.
type versionFlags struct {
	targetFlags
	Version string `arg:"" name:"pack@version" help:"A published version, such as finance@12."`
	JSON    bool   `help:"Print JSON."`
}

func (f *versionFlags) run(e *environment, do func(context.Context, *catalog.Publisher, catalog.PackVersion) (catalog.Step, error)) error {
	v, err := catalog.ParsePackVersion(f.Version)
	if err != nil {
		return usageError(err)
	}
	return onStore(e, f.targetFlags, f.JSON, func(ctx context.Context, p *catalog.Publisher) (catalog.Step, error) { return do(ctx, p, v) })
}

type rolloutCommand struct {
	versionFlags
	reachFlags
}

func (rolloutCommand) Help() string {
	return "The version that serves everybody goes on for all others. A higher percentage adds agents and moves none. --percent 0 pauses.\n" +
		"Example: handler policy rollout finance@13 --percent 25 --env prod --dir published"
}

func (c *rolloutCommand) Run(e *environment) error {
	to, err := c.reach()
	switch {
	case err != nil:
		return err
	case to == nil:
		return usageError(errors.New("say for whom: --percent, --agents or --shadow"))
	}
	return c.run(e, func(ctx context.Context, p *catalog.Publisher, v catalog.PackVersion) (catalog.Step, error) {
		return p.Rollout(ctx, v, *to)
	})
}

type promoteCommand struct{ versionFlags }

func (promoteCommand) Help() string {
	return "Makes a version that is rolled out or a shadow serve everybody; what served before goes.\n" +
		"Example: handler policy promote finance@13 --env prod --dir published"
}

func (c *promoteCommand) Run(e *environment) error {
	return c.run(e, func(ctx context.Context, p *catalog.Publisher, v catalog.PackVersion) (catalog.Step, error) {
		return p.Promote(ctx, v)
	})
}

type rollbackCommand struct{ versionFlags }

func (rollbackCommand) Help() string {
	return "A new epoch that names an older version: it serves everybody, and rollout, shadow and schedule of the pack end.\n" +
		"Example: handler policy rollback finance@12 --env prod --dir published"
}

func (c *rollbackCommand) Run(e *environment) error {
	return c.run(e, func(ctx context.Context, p *catalog.Publisher, v catalog.PackVersion) (catalog.Step, error) {
		return p.Rollback(ctx, v)
	})
}

type statusCommand struct {
	targetFlags
	JSON bool `help:"Print JSON."`
}

func (statusCommand) Help() string {
	return "Example: handler policy status --env prod --dir published"
}

func (c *statusCommand) Run(e *environment) error {
	store, err := openPolicyStore(e, c.targetFlags)
	if err != nil {
		return err
	}
	defer store.close(context.WithoutCancel(e.ctx)) //nolint:errcheck // nothing was written
	m, err := store.publisher(c.environment(e), nil).Status(e.ctx)
	if err != nil {
		return err
	}
	age := time.Since(m.IssuedAt).Truncate(time.Second)
	if m.IssuedAt.IsZero() {
		age = 0
	}
	said := struct {
		catalog.Manifest
		AgeSeconds int64 `json:"ageSeconds"`
	}{m, int64(age / time.Second)}
	return e.write(c.JSON, said, func(w io.Writer) error { return printManifest(w, &m, age) })
}

func printManifest(w io.Writer, m *catalog.Manifest, age time.Duration) error {
	if m.Epoch == 0 {
		fmt.Fprintf(w, "%s, a folder that is served as it is: %d documents\n", policy.Visible(m.Environment), len(m.Packs))
	} else {
		fmt.Fprintf(w, "%s, epoch %d, %s old (%s)\nlast: %s, by %s\n", policy.Visible(m.Environment), m.Epoch, age, m.IssuedAt.Format(time.RFC3339),
			policy.Visible(m.Change.Detail), policy.Visible(m.Change.By))
	}
	for _, p := range m.Packs {
		name := fmt.Sprintf("%s@%d", p.Pack, p.Version)
		if p.Pack == "" {
			name = p.File
		}
		fmt.Fprintf(w, "%-28s %-28s %s\n", policy.Visible(name), policy.Visible(p.Reach().String()), p.Hash)
	}
	for _, s := range m.Suspended {
		fmt.Fprintf(w, "suspended: %s %s since %s by %s: %s\n", s.Kind, policy.Visible(s.ID), s.Since.Format(time.RFC3339), policy.Visible(s.By), policy.Visible(s.Reason))
	}
	if !m.ApprovalsValidFrom.IsZero() {
		fmt.Fprintf(w, "approvals count if opened from %s on\n", m.ApprovalsValidFrom.Format(time.RFC3339Nano))
	}
	return nil
}

type diffCommand struct {
	targetFlags
	A    string `arg:"" help:"PACK@VERSION, a file, or active."`
	B    string `arg:"" help:"PACK@VERSION, a file, or active."`
	JSON bool   `help:"Print JSON."`
}

func (diffCommand) Help() string {
	return "By the ids of rules, field by field. A file without bindings is compared without them. active is the version of the other side's pack\n" +
		"that serves. Exits with 1 if they differ.\n" +
		"Example: handler policy diff active finance.json --env prod --dir published"
}

func (c *diffCommand) Run(e *environment) error {
	if c.A == "active" && c.B == "active" {
		return usageError(errors.New("name a version or a file on one side"))
	}
	texts := [2][]byte{}
	for i, name := range []string{c.A, c.B} {
		if name == "active" {
			continue
		}
		text, err := c.text(e, name)
		if err != nil {
			return err
		}
		texts[i] = text
	}
	for i, name := range []string{c.A, c.B} {
		if name == "active" {
			text, err := c.active(e, texts[1-i])
			if err != nil {
				return err
			}
			texts[i] = text
		}
	}
	comparison, err := catalog.Diff(texts[0], texts[1])
	if err != nil {
		return err
	}
	if err := e.write(c.JSON, comparison, comparison.WriteText); err != nil {
		return err
	}
	if len(comparison.Differences) > 0 {
		return errFindings
	}
	return nil
}

// text is a file, where there is one of that name, else a published version.
func (c *diffCommand) text(e *environment, name string) ([]byte, error) {
	v, wrong := catalog.ParsePackVersion(name)
	if _, err := os.Stat(name); err == nil || wrong != nil {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, pathError(name, err)
		}
		return text, nil
	}
	return c.published(e, func(p *catalog.Publisher) (catalog.PackVersion, error) { return v, nil })
}

func (c *diffCommand) active(e *environment, other []byte) ([]byte, error) {
	return c.published(e, func(p *catalog.Publisher) (catalog.PackVersion, error) {
		pack, err := catalog.PackOf(other)
		if err != nil {
			return catalog.PackVersion{}, err
		}
		return p.Serving(e.ctx, pack)
	})
}

func (c *diffCommand) published(e *environment, which func(*catalog.Publisher) (catalog.PackVersion, error)) ([]byte, error) {
	store, err := openPolicyStore(e, c.targetFlags)
	if err != nil {
		return nil, err
	}
	defer store.close(context.WithoutCancel(e.ctx)) //nolint:errcheck // nothing was written
	p := store.publisher(c.environment(e), nil)
	v, err := which(p)
	if err != nil {
		return nil, err
	}
	return p.Text(e.ctx, v)
}
