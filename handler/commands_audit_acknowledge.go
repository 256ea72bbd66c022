package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

// logWriter is what it takes to write a record into a log from the command
// line, with an anchor over it.
type logWriter struct {
	sink      audit.Sink
	anchors   audit.Anchors
	sign      func(ctx context.Context, payload []byte) (statement string, err error)
	keyID     string
	successor bool // the sink admits one process at a time
	close     func() error
}

// open opens the log of an environment.
func (w *logWriter) open(ctx context.Context, environment string) (*audit.Log, error) {
	return audit.Open(ctx, w.sink, audit.Options{
		Environment: environment, Instance: instance(), Writer: version(), KeyID: w.keyID, Clock: time.Now, Continue: w.successor,
		Anchors: &audit.AnchorOptions{Store: w.anchors, Sign: w.sign},
	})
}

type acknowledgeCommand struct {
	logFlags
	keyFlags
	Object string `arg:"" name:"segment" help:"The segment, anchor or pack that verify names."`
	Reason string `required:"" help:"Why this is not to be red any more." placeholder:"TEXT"`
	By     string `help:"Who says so; the user of this machine if left out." placeholder:"NAME"`
	JSON   bool   `help:"Print JSON."`
}

func (acknowledgeCommand) Help() string {
	return "Writes into the log who took note of what verify finds about one object, and why. It covers these findings about these\n" +
		"bytes and no other. Stop the server first: a data directory admits one writer.\n" +
		"Example: handler audit acknowledge v1/env=dev/…-0.jsonl --reason 'disk replaced, see INC-7' --data .fabric"
}

// Run looks before it opens the log for writing, and once more afterwards: the
// segment that is opened names the ends of those before it.
func (c *acknowledgeCommand) Run(e *environment) error {
	by, err := c.who()
	if err != nil {
		return err
	}
	v := &verifyCommand{logFlags: c.logFlags, keyFlags: c.keyFlags}
	if _, err := c.find(e, v); err != nil {
		return err
	}
	w, err := c.openWriter(e)
	if err != nil {
		return err
	}
	acknowledged, err := c.write(e, v, w, by)
	if err := errors.Join(err, w.close()); err != nil {
		return err
	}
	return e.write(c.JSON, acknowledged, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "acknowledged: %d findings about %s\n", len(acknowledged), c.Object)
		return err
	})
}

func (c *acknowledgeCommand) who() (string, error) {
	if strings.TrimSpace(c.Reason) == "" {
		return "", usageError(errors.New("--reason: say why"))
	}
	if c.By != "" {
		return c.By, nil
	}
	u, err := user.Current()
	if err != nil {
		return "", usageError(errors.New("--by: this machine does not say who you are"))
	}
	return u.Username, nil
}

// find are the findings about the object.
func (c *acknowledgeCommand) find(e *environment, v *verifyCommand) ([]audit.Finding, error) {
	log, anchors, err := openLog(e, &c.logFlags)
	if err != nil {
		return nil, err
	}
	report, err := v.verify(e, log, anchors)
	if err != nil {
		return nil, err
	}
	findings := slices.DeleteFunc(report.Findings, func(f audit.Finding) bool { return f.Segment != c.Object })
	if len(findings) == 0 {
		return nil, usageError(fmt.Errorf("%q: verify finds nothing wrong with it", c.Object))
	}
	return findings, nil
}

// write puts the acknowledgement into the log.
func (c *acknowledgeCommand) write(e *environment, v *verifyCommand, w *logWriter, by string) (found []audit.Finding, err error) {
	environment, ok := audit.EnvironmentOf(c.Object)
	if !ok {
		return nil, usageError(fmt.Errorf("%q: names no environment", c.Object))
	}
	log, err := w.open(e.ctx, environment)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	defer func() {
		err = errors.Join(err, log.Close(e.ctx))
		if lag, cause := log.AnchorLag(); err == nil && (lag > 0 || cause != nil) {
			err = errors.Join(errors.New("the acknowledgement does not count: no anchor covers it"), cause)
		}
	}()
	if found, err = c.find(e, v); err != nil {
		return nil, err
	}
	event, err := audit.Acknowledge(e.ctx, audit.AcknowledgeOptions{
		Log: w.sink, Anchors: w.anchors, Findings: found, By: by, Reason: c.Reason, Now: time.Now(),
	})
	if err != nil {
		return nil, err
	}
	_, err = log.Append(e.ctx, event)
	return found, err
}

// openWriter takes the data directory, or the containers.
func (c *acknowledgeCommand) openWriter(e *environment) (*logWriter, error) {
	if c.Container != "" {
		return e.openContainers(&c.logFlags)
	}
	data, err := embedded.OpenDataDir(c.Data)
	if errors.Is(err, embedded.ErrHeld) {
		return nil, usageError(fmt.Errorf("%w: stop the server first", err))
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	environment, _ := audit.EnvironmentOf(c.Object)
	w, err := newLocalWriter(environment, data)
	if err != nil {
		return nil, errors.Join(err, data.Close())
	}
	return w, nil
}

// newLocalWriter writes the log of a data directory as its server does: what
// it opens is anchored too.
func newLocalWriter(environment string, data *embedded.DataDir) (*logWriter, error) {
	keeper, err := audit.NewKeeper(data.Audit(), environment)
	if err != nil {
		return nil, usageError(err)
	}
	signer, err := embedded.OpenGrantKeys(data.Path(), time.Now)
	if err != nil {
		return nil, fmt.Errorf("grant keys: %w", err)
	}
	issuer := grant.NewIssuer("command line", signer, keeper.KeepKey)
	return &logWriter{
		sink: data.Audit(), anchors: data.Anchors(), keyID: data.Key().Current.ID(), successor: true, close: data.Close,
		sign: func(ctx context.Context, payload []byte) (string, error) {
			return issuer.Sign(ctx, grant.AnchorType, payload)
		},
	}, nil
}
