package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// health is what one check found.
type health string

const (
	healthy health = "ok"
	warned  health = "warning" // works, and somebody should know
	failed  health = "failed"
	unknown health = "unknown" // cannot be seen from here
)

// diagnosis is one thing that the doctor looked at.
type diagnosis struct {
	Component string `json:"component"`
	State     health `json:"state"`
	Detail    string `json:"detail"`
	Fix       string `json:"fix"` // what to do; "" where nothing is
}

// checkLimit bounds one check: a service that hangs is a finding, not a wait.
const checkLimit = 10 * time.Second

// examination is a check under its name; it never returns nothing.
type examination struct {
	component string
	run       func(context.Context) []diagnosis
}

// examine runs checks side by side and tells what they found in their order.
func examine(ctx context.Context, checks []examination) []diagnosis {
	found := make([]chan []diagnosis, len(checks))
	for i, c := range checks {
		found[i] = make(chan []diagnosis, 1)
		go func() { found[i] <- c.within(ctx) }()
	}
	var all []diagnosis
	for _, f := range found {
		all = append(all, <-f...)
	}
	return all
}

// within is the check, or that it took too long.
func (c examination) within(ctx context.Context) []diagnosis {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	done := make(chan []diagnosis, 1)
	go func() { done <- c.run(ctx) }()
	select {
	case found := <-done:
		for i := range found {
			found[i].Component = c.component
		}
		return found
	case <-ctx.Done():
		return []diagnosis{{c.component, failed, fmt.Sprintf("no answer within %s", checkLimit), "Look whether the service is up and reachable from here."}}
	}
}

func fine(format string, args ...any) diagnosis {
	return diagnosis{State: healthy, Detail: fmt.Sprintf(format, args...)}
}

func wrong(fix, format string, args ...any) diagnosis {
	return diagnosis{State: failed, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

func doubtful(fix, format string, args ...any) diagnosis {
	return diagnosis{State: warned, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

func unseen(fix, format string, args ...any) diagnosis {
	return diagnosis{State: unknown, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

// clockLimit is how far this machine's clock may be off: tokens have 60 s of
// leeway, and an approval's times are only ever shortened by it.
const clockLimit = 30 * time.Second

// compareClocks judges the difference between this machine's clock and a
// service's, which tells whole seconds.
func compareClocks(off time.Duration) diagnosis {
	switch {
	case off.Abs() > 60*time.Second:
		return wrong("Set the clock by NTP.", "this machine's clock is %s off", off.Round(time.Second))
	case off.Abs() > clockLimit:
		return doubtful("Set the clock by NTP.", "this machine's clock is %s off", off.Round(time.Second))
	}
	return fine("this machine's clock is within %s", clockLimit)
}

// doctorReport is all of it.
type doctorReport struct {
	Mode    string      `json:"mode"`
	Healthy bool        `json:"healthy"` // nothing failed
	Checks  []diagnosis `json:"checks"`
}

func (r *doctorReport) print(w io.Writer) error {
	for _, d := range r.Checks {
		fmt.Fprintf(w, "%-8s %-14s %s\n", d.State, d.Component, policy.Visible(d.Detail))
		if d.Fix != "" {
			fmt.Fprintf(w, "%s-> %s\n", strings.Repeat(" ", 24), policy.Visible(d.Fix))
		}
	}
	verdict := "Nothing is wrong that can be seen from here."
	if !r.Healthy {
		verdict = "Something is wrong: see the lines that say failed."
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}
