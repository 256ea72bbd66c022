package main

import (
	"context"
	"errors"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

// suspendFlags name who is taken out of service.
type suspendFlags struct {
	targetFlags
	Kind   string `arg:"" enum:"agent,caller,tenant" help:"agent, caller (an application) or tenant."`
	ID     string `arg:"" help:"Its id."`
	Reason string `required:"" help:"Why, for the audit log." placeholder:"TEXT"`
	JSON   bool   `help:"Print JSON."`
}

type suspendCommand struct{ suspendFlags }

func (suspendCommand) Help() string {
	return "Every call of it is denied within one poll of each instance; no pack is published. In a folder of packs that is served as it is, this\n" +
		"edits its manifest.json.\n" +
		"Example: handler policy suspend agent finance-agent --reason 'orders nobody asked for' --env prod --dir published"
}

func (c *suspendCommand) Run(e *environment) error {
	return onStore(e, c.targetFlags, c.JSON, func(ctx context.Context, p *catalog.Publisher) (catalog.Step, error) {
		return p.Suspend(ctx, catalog.SuspendedKind(c.Kind), c.ID, c.Reason)
	})
}

type resumeCommand struct{ suspendFlags }

func (resumeCommand) Help() string {
	return "Example: handler policy resume agent finance-agent --reason 'fixed in 2.1' --env prod --dir published"
}

func (c *resumeCommand) Run(e *environment) error {
	return onStore(e, c.targetFlags, c.JSON, func(ctx context.Context, p *catalog.Publisher) (catalog.Step, error) {
		return p.Resume(ctx, catalog.SuspendedKind(c.Kind), c.ID, c.Reason)
	})
}

type validFromCommand struct {
	targetFlags
	Instant string `arg:"" help:"An instant such as 2026-06-01T09:00:00Z, or now."`
	JSON    bool   `help:"Print JSON."`
}

func (validFromCommand) Help() string {
	return "Revokes every approval that was opened before the instant: for a restored approval store. It never goes back.\n" +
		"Example: handler policy approvals-valid-from now --env prod --dir published"
}

func (c *validFromCommand) Run(e *environment) error {
	at := time.Now()
	if c.Instant != "now" {
		var err error
		if at, err = time.Parse(time.RFC3339Nano, c.Instant); err != nil {
			return usageError(errors.New("write an instant like 2026-06-01T09:00:00Z, or now"))
		}
	}
	return onStore(e, c.targetFlags, c.JSON, func(ctx context.Context, p *catalog.Publisher) (catalog.Step, error) {
		return p.ApprovalsValidFrom(ctx, at.Truncate(time.Millisecond))
	})
}
