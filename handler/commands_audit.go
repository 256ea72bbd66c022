package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
)

// logFlags name the audit log of a command.
type logFlags struct {
	Data        string `help:"Data directory of the log." type:"path" default:".fabric"`
	Container   string `help:"Blob container of the log, instead of a data directory." placeholder:"URL"`
	Anchors     string `help:"Blob container of the anchors, beside --container." placeholder:"URL"`
	Environment string `name:"env" help:"Only this environment." placeholder:"NAME"`
}

// openLog opens a log and its anchors for reading. Of a container without
// --anchors there are none.
func openLog(e *environment, f *logFlags) (log, anchors audit.Reader, err error) {
	switch {
	case f.Container == "" && f.Anchors != "":
		return nil, nil, usageError(errors.New("--anchors: goes with --container"))
	case f.Container == "":
		log, anchors, err := embedded.OpenLogReaders(f.Data)
		if err != nil {
			return nil, nil, pathError(f.Data, err)
		}
		return log, anchors, nil
	}
	if log, err = e.openContainer(f.Container); err != nil || f.Anchors == "" {
		return log, nil, err
	}
	anchors, err = e.openContainer(f.Anchors)
	return log, anchors, err
}

type verifyCommand struct {
	logFlags
	keyFlags
	JSON bool `help:"Print JSON."`
}

func (verifyCommand) Help() string {
	return "Needs the files and the public keys alone. Exits with 1 if anything was changed, lost or added that nobody acknowledged.\n" +
		"Example: handler audit verify --data .fabric --keys pinned.json"
}

func (c *verifyCommand) Run(e *environment) error {
	log, anchors, err := openLog(e, &c.logFlags)
	if err != nil {
		return err
	}
	report, err := c.verify(e, log, anchors)
	if err != nil {
		return err
	}
	if err := e.write(c.JSON, report, report.WriteText); err != nil {
		return err
	}
	if !report.Clean {
		return errFindings
	}
	return nil
}

// verify checks a log with the keys that the flags name.
func (c *verifyCommand) verify(e *environment, log, anchors audit.Reader) (audit.Report, error) {
	keys, err := c.keys(e.ctx, &c.logFlags, log)
	if err != nil {
		return audit.Report{}, err
	}
	p := e.progress()
	report, err := audit.Verify(e.ctx, log, audit.VerifyOptions{
		Environment: c.Environment, Anchors: anchors, Open: keys.open,
		Progress: func(done, total int64) { p.step("read", done, total) },
	})
	p.done()
	for i, k := range report.Anchors.Keys {
		report.Anchors.Keys[i].Source = keys.sources[k.ID]
	}
	return report, err
}

type whyCommand struct {
	logFlags
	ID    string `arg:"" help:"A decision, approval, correlation or resource id."`
	Since string `help:"Look from this instant on; 30 days back if left out." placeholder:"RFC3339"`
	Until string `help:"Look up to this instant." placeholder:"RFC3339"`
	Limit int    `help:"Tell at most so many decisions." default:"20"`
	JSON  bool   `help:"Print JSON."`
}

func (whyCommand) Help() string {
	return "Exits with 1 if nothing is found or the log was tampered with.\nExample: handler audit why PO-1001 --data .fabric"
}

func (c *whyCommand) Run(e *environment) error {
	r, _, err := openLog(e, &c.logFlags)
	if err != nil {
		return err
	}
	q := audit.Query{ID: c.ID, Environment: c.Environment, Now: time.Now(), Limit: c.Limit}
	for _, t := range []struct {
		flag, text string
		to         *time.Time
	}{{"--since", c.Since, &q.Since}, {"--until", c.Until, &q.Until}} {
		if t.text == "" {
			continue
		}
		if *t.to, err = time.Parse(time.RFC3339Nano, t.text); err != nil {
			return usageError(fmt.Errorf("%s: write an instant like 2026-06-01T09:00:00Z", t.flag))
		}
	}
	story, err := audit.Why(e.ctx, r, q)
	if err != nil {
		return err
	}
	if err := e.write(c.JSON, story, story.WriteText); err != nil {
		return err
	}
	failed := slices.ContainsFunc(story.Segments, func(s audit.SegmentVerdict) bool { return s.Integrity == audit.Failed })
	if failed || len(story.Decisions)+len(story.Events) == 0 {
		return errFindings
	}
	return nil
}

type tailCommand struct {
	logFlags
	Last   int  `short:"n" help:"How many of the newest records." default:"10"`
	Follow bool `short:"f" help:"Go on with what comes, until Ctrl-C."`
	JSON   bool `help:"Print the records as JSON Lines."`
}

func (tailCommand) Help() string { return "Example: handler audit tail -f --data .fabric" }

func (c *tailCommand) Run(e *environment) error {
	r, _, err := openLog(e, &c.logFlags)
	if err != nil {
		return err
	}
	last := c.Last
	if last == 0 {
		last = -1 // none of those that are there
	}
	return audit.Tail(e.ctx, r, audit.TailOptions{Environment: c.Environment, Last: last, Follow: c.Follow}, func(entry audit.Entry) error {
		return c.print(e.out, entry)
	})
}

func (c *tailCommand) print(w io.Writer, entry audit.Entry) error {
	if !c.JSON {
		_, err := fmt.Fprintln(w, entry.Text())
		return err
	}
	line, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", line)
	return err
}
