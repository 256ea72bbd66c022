package main

import (
	"encoding/json"
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
	Environment string `name:"env" help:"Only this environment." placeholder:"NAME"`
}

func (f *logFlags) open() (audit.Reader, error) {
	r, err := embedded.OpenAuditReader(f.Data)
	if err != nil {
		return nil, pathError(f.Data, err)
	}
	return r, nil
}

type verifyCommand struct {
	logFlags
	JSON bool `help:"Print JSON."`
}

func (verifyCommand) Help() string {
	return "Needs the files alone. Exits with 1 if anything was changed, lost or added.\nExample: handler audit verify --data .fabric"
}

func (c *verifyCommand) Run(e *environment) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	p := e.progress()
	report, err := audit.Verify(e.ctx, r, audit.VerifyOptions{
		Environment: c.Environment,
		Progress:    func(done, total int64) { p.step("read", done, total) },
	})
	p.done()
	if err != nil {
		return err
	}
	if err := e.write(c.JSON, report, func(w io.Writer) error { return printReport(w, &report) }); err != nil {
		return err
	}
	if !report.Clean {
		return errFindings
	}
	return nil
}

func printReport(w io.Writer, r *audit.Report) error {
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%s: line %d: %s: %s\n", f.Segment, f.Line, f.Fault, f.Detail)
	}
	for _, u := range r.Uncertain {
		fmt.Fprintf(w, "%s: the last %d bytes were never answered for\n", u.Segment, u.Length)
	}
	verdict := "clean"
	if !r.Clean {
		verdict = fmt.Sprintf("%d faults", len(r.Findings))
	}
	_, err := fmt.Fprintf(w, "%s: %d segments, %d records, %d bytes\n", verdict, r.Segments, r.Records, r.Bytes)
	return err
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
	r, err := c.open()
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
	r, err := c.open()
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
