package policy

import (
	"fmt"
	"io"
	"strings"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// WriteText writes a decision as a person reads it: the answer, why, what to do
// instead, and then the trace stage by stage. Invisible characters are written
// as escapes.
func (d *Decision) WriteText(w io.Writer) error {
	p := &printer{w: w}
	p.line("%s  %s", d.Outcome, d.Code)
	p.line("  %s", d.Reason)
	for _, a := range d.Advice {
		p.line("  advice: %s", a)
	}
	p.list("decided by", d.PolicyIDs)
	if d.Outcome != Deny {
		p.line("  parameters: %s", strictjson.AppendCanonical(nil, d.Effective))
	}
	for _, o := range d.Obligations {
		p.line("  obligation: %s %s of %s", o.Type, o.Method, o.Path)
	}
	for _, a := range d.Alternatives {
		p.line("  instead: %s = %s would be %s", a.Parameter, a.Value, a.Outcome)
	}
	p.list("raised", d.Triggers)
	for _, r := range d.Requirements {
		p.line("  needs: %d of %s (%s), has %d", r.Need, strings.Join(r.Approvers, ", "), r.PolicyID, r.Have)
	}
	p.trace(d.Trace)
	return p.err
}

// printer writes lines and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, Visible(fmt.Sprintf(format, args...))+"\n")
	}
}

func (p *printer) list(label string, items []string) {
	if len(items) > 0 {
		p.line("  %s: %s", label, strings.Join(items, ", "))
	}
}

func (p *printer) trace(lines []TraceLine) {
	stage := ""
	for _, l := range lines {
		if l.Stage != stage {
			stage = l.Stage
			p.line("\n%s", stage)
		}
		detail := l.Detail
		if detail != "" {
			detail = "  " + detail
		}
		p.line("  %-12s %s%s", l.Result, l.Rule, detail)
	}
}
