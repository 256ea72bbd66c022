// Command handler is Authorization Fabric: the decision service, as a custom
// handler of Azure Functions or by itself on a laptop, and its command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes of the program.
const (
	exitOK       = 0
	exitFindings = 1 // something was found wrong, or failed
	exitUsage    = 2 // the command line or a setting is wrong
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, streams{os.Stdout, os.Stderr})
	stop()
	os.Exit(exitCode(err, os.Stderr))
}

// streams are where a command writes: results to out, progress and errors to
// err.
type streams struct{ out, err io.Writer }

// codeError is an error with an exit code of its own. One without a message was
// reported already.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

// errFindings ends a command that has printed what it found wrong.
var errFindings = &codeError{code: exitFindings}

func usageError(err error) error { return &codeError{exitUsage, err} }

func exitCode(err error, w io.Writer) int {
	if err == nil || errors.Is(err, context.Canceled) {
		return exitOK
	}
	code := exitFindings
	if coded, ok := errors.AsType[*codeError](err); ok {
		code = coded.code
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(w, "handler: "+text)
	}
	return code
}
