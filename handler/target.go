package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// targetFlags say what is published to.
type targetFlags struct {
	Environment string `name:"env" help:"Environment; FABRIC_ENVIRONMENT, or dev, if left out." placeholder:"NAME"`
	Dir         string `help:"Published folder, as of serve --packs; Cosmos if FABRIC_COSMOS_ENDPOINT is set." type:"path" placeholder:"DIR"`
	Data        string `help:"Data directory whose audit log tells of the step, unless a running server has it: that tells what it takes." type:"path" default:".fabric"`
}

// policyStore is where an operator publishes to.
type policyStore struct {
	editor catalog.Editor
	by     string
	record func(context.Context, catalog.Event) error
	sign   func(context.Context, []byte) (string, error)  // nil: unsigned
	signed func(context.Context, *catalog.Manifest) error // whether a manifest is a publisher's; nil: nobody signs
	close  func(context.Context) error
}

func (f *targetFlags) environment(e *environment) string {
	for _, name := range []string{f.Environment, e.getenv(prefix + "ENVIRONMENT")} {
		if name != "" {
			return name
		}
	}
	return "dev"
}

// openPolicyStore opens what the flags and settings name.
func openPolicyStore(e *environment, f targetFlags) (*policyStore, error) {
	switch endpoint := e.getenv(prefix + "COSMOS_ENDPOINT"); {
	case endpoint != "" && f.Dir != "":
		return nil, usageError(errors.New("--dir and FABRIC_COSMOS_ENDPOINT name two places: leave one out"))
	case endpoint != "":
		return openAzureTarget(e, f)
	case f.Dir == "":
		return nil, usageError(errors.New("name the published folder with --dir, or set FABRIC_COSMOS_ENDPOINT"))
	}
	who, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("who publishes: %w", err)
	}
	r := &localRecorder{env: f.environment(e), data: f.Data, say: func(text string) { fmt.Fprintln(e.err, text) }}
	return &policyStore{
		editor: embedded.NewPublished(f.Dir), by: "local:" + who.Username, record: r.record,
		close: func(context.Context) error { return nil },
	}, nil
}

// publisher is the use case on the store.
func (s *policyStore) publisher(environment string, confirm func(context.Context, catalog.Plan) error) *catalog.Publisher {
	return catalog.NewPublisher(s.editor, catalog.PublisherOptions{
		Environment: environment, By: s.by, Sign: s.sign, Authentic: s.signed, Record: s.record, Confirm: confirm,
	})
}

// serverWait is how long the data directory may be another publisher's before
// it is taken to be a running server's.
const serverWait = time.Second

// localRecorder appends to the audit log of a data directory that no server
// has. A server that runs has it, and records what it takes, with who.
type localRecorder struct {
	env, data string
	say       func(string)
}

func (r *localRecorder) record(ctx context.Context, event catalog.Event) error {
	record, err := publishedRecord(event)
	if err != nil {
		return err
	}
	err = r.append(ctx, record)
	if errors.Is(err, embedded.ErrHeld) {
		r.say(r.data + " is in use: its server records the step when it takes it")
		return nil
	}
	return err
}

// append is [embedded.ErrHeld] while a server has the directory.
func (r *localRecorder) append(ctx context.Context, record *audit.Event) (err error) {
	dir, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	w, err := newLocalWriter(r.env, dir)
	if err != nil {
		return err
	}
	log, err := w.open(ctx, r.env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close(context.WithoutCancel(ctx))) }()
	_, err = log.Append(ctx, record)
	return err
}

// open waits while another publisher has the directory.
func (r *localRecorder) open(ctx context.Context) (*embedded.DataDir, error) {
	ctx, cancel := context.WithTimeout(ctx, serverWait)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		dir, err := embedded.OpenDataDir(r.data)
		if !errors.Is(err, embedded.ErrHeld) {
			return dir, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-again.C:
		}
	}
}

// publishedRecord is the audit record of a step.
func publishedRecord(e catalog.Event) (*audit.Event, error) {
	detail := map[string]any{"change": e.Detail, "manifest": e.Manifest, "packs": notNil(e.Packs), "by": e.By}
	if e.Suspension != nil {
		detail["suspension"] = map[string]string{"kind": string(e.Suspension.Kind), "id": e.Suspension.ID}
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return nil, fmt.Errorf("record the step: %w", err)
	}
	value, err := strictjson.Parse(text, strictjson.Limits{})
	if err != nil {
		return nil, fmt.Errorf("record the step: %w", err)
	}
	record := &audit.Event{
		Kind: audit.Kind(e.Kind), TS: e.At, EventID: e.ID(e.Environment, e.Epoch),
		Outcome: e.Detail + ", by " + e.By, Comment: e.Reason, Epoch: e.Epoch, Detail: value,
	}
	if strings.Contains(e.By, "@") { // a person in the directory
		record.UserUPN = e.By
	}
	for _, p := range e.Packs {
		record.Packs = append(record.Packs, policy.PackRef{Pack: p.Pack, Version: p.Version, Hash: p.Hash})
	}
	return record, nil
}

// answer reads standard input. The reading goes on when ctx ends, the program
// does not wait for it.
func answer(ctx context.Context) string {
	got := make(chan string, 1)
	go func() {
		buf := make([]byte, 64)
		n, _ := os.Stdin.Read(buf)
		got <- string(buf[:n])
	}()
	select {
	case <-ctx.Done():
		return ""
	case text := <-got:
		return text
	}
}
