package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// reporter is what a test and a property have in common.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// newsroom is a publisher over a store in memory, and what it recorded.
type newsroom struct {
	t         reporter
	editor    *storetest.MemoryEditor
	now       time.Time
	events    []catalog.Event
	record    func(catalog.Event) error // asked before the event is kept; nil: fine
	publisher *catalog.Publisher
}

func newNewsroom(t reporter, edit func(*catalog.PublisherOptions)) *newsroom {
	n := &newsroom{t: t, editor: &storetest.MemoryEditor{}, now: noon}
	n.publisher = n.by("ana", n.editor, edit)
	return n
}

// by is a publisher of that name on the newsroom's log.
func (n *newsroom) by(name string, editor catalog.Editor, edit func(*catalog.PublisherOptions)) *catalog.Publisher {
	o := catalog.PublisherOptions{
		Environment: "dev", By: name, Now: func() time.Time { return n.now },
		Record: func(_ context.Context, e catalog.Event) error {
			if n.record != nil {
				if err := n.record(e); err != nil {
					return err
				}
			}
			n.events = append(n.events, e)
			return nil
		},
	}
	if edit != nil {
		edit(&o)
	}
	return catalog.NewPublisher(editor, o)
}

// edition is a version of a pack, in the published form, with an agent.
func edition(pack string, version int, more string) policy.Document {
	return policy.Document{Name: pack + ".json", Text: fmt.Appendf(nil,
		`{"schema":1,"pack":%q,"version":%d,"environment":"dev","tenants":[%q],`+
			`"classifications":["Public"],"defaultClassification":"Public",`+
			`"agents":[{"id":"%s-agent","actions":["%s-do"],"callers":["app:22222222-2222-2222-2222-222222222222"]}],`+
			`"actions":[{"id":"%s-do","resource":"R","creates":true,"parameters":{}}]%s}`,
		pack, version, tenant, pack, pack, pack, more)}
}

// lines are what the packs do, such as "p@2 25 % else 1".
func lines(m catalog.Manifest) string {
	var out []string
	for _, e := range m.Packs {
		line := fmt.Sprintf("%s@%d %s", e.Pack, e.Version, e.Reach())
		if e.Rollout != nil {
			line += fmt.Sprintf(" else %d", e.Rollout.Else)
		}
		out = append(out, line)
	}
	for _, s := range m.Suspended {
		out = append(out, "suspended "+s.String())
	}
	return strings.Join(out, "; ")
}

// act is one operation, as the scripts below write them.
func (n *newsroom) act(p *catalog.Publisher, op string) (catalog.Step, error) {
	words := strings.Fields(op)
	v := func() catalog.PackVersion {
		v, err := catalog.ParsePackVersion(words[1])
		if err != nil {
			n.t.Fatal(err)
		}
		return v
	}
	reach := func(rest []string) *catalog.Reach {
		if len(rest) == 0 {
			return nil
		}
		if rest[0] == "shadow" {
			return &catalog.Reach{Shadow: true}
		}
		r := &catalog.Reach{}
		if _, err := fmt.Sscan(rest[0], &r.BasisPoints); err != nil {
			r.Agents = rest
		}
		return r
	}
	ctx := context.Background()
	switch words[0] {
	case "publish":
		more, rest := "", words[2:]
		if len(rest) > 0 && strings.HasPrefix(rest[0], "+") {
			from := n.now.Add(mustDuration(n.t, rest[0][1:])).Format(time.RFC3339)
			more, rest = fmt.Sprintf(`,"effectiveFrom":%q`, from), rest[1:]
		}
		if len(rest) > 0 && rest[0] == "other" {
			more, rest = `,"description":"another content"`, rest[1:]
		}
		if len(rest) > 0 && rest[0] == "wide" { // declares what another pack may declare too
			more, rest = `,"description":"wide"`, rest[1:]
			doc := edition(v().Pack, v().Version, more)
			doc.Text = []byte(strings.Replace(string(doc.Text), `"actions":[{`, `"actions":[{"id":"wide-do","resource":"R","creates":true,"parameters":{}},{`, 1))
			return p.Publish(ctx, []policy.Document{doc}, catalog.Publication{To: reach(rest)})
		}
		return p.Publish(ctx, []policy.Document{edition(v().Pack, v().Version, more)}, catalog.Publication{To: reach(rest)})
	case "rollout":
		return p.Rollout(ctx, v(), *reach(words[2:]))
	case "promote":
		return p.Promote(ctx, v())
	case "rollback":
		return p.Rollback(ctx, v())
	case "suspend":
		return p.Suspend(ctx, catalog.SuspendAgent, words[1], "test")
	case "resume":
		return p.Resume(ctx, catalog.SuspendAgent, words[1], "test")
	case "wait":
		n.now = n.now.Add(mustDuration(n.t, words[1]))
		return catalog.Step{Changed: true}, nil
	}
	n.t.Fatalf("no operation %q", op)
	return catalog.Step{}, nil
}

func mustDuration(t reporter, s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (n *newsroom) manifest() catalog.Manifest {
	history := n.editor.History()
	if len(history) == 0 {
		return catalog.Manifest{}
	}
	return history[len(history)-1]
}

// Each line is an operation and what is served then; "!" and a word of the
// refusal, or "=" where nothing is to be done.
func TestWhatServesAfterEachStep(t *testing.T) {
	for name, script := range map[string]string{
		"publish replaces": `
			publish p@1 -> p@1 everybody
			publish p@1 -> =
			publish p@3 -> p@3 everybody
			publish q@1 -> p@3 everybody; q@1 everybody`,
		"T35 a version is published once": `
			publish p@2 -> p@2 everybody
			publish p@2 other -> ! raise the version
			publish p@1 -> ! Versions only rise
			publish p@3 -> p@3 everybody
			publish p@2 -> ! by rollback`,
		"rollout, promote": `
			publish p@1 -> p@1 everybody
			publish p@2 2500 -> p@1 everybody; p@2 25 % else 1
			rollout p@2 5000 -> p@1 everybody; p@2 50 % else 1
			rollout p@2 p-agent -> p@1 everybody; p@2 agents p-agent else 1
			rollout p@2 nobody -> ! no pack declares the agent
			rollout p@1 2500 -> ! serves everybody
			publish p@3 100 -> ! being rolled out
			promote p@1 -> ! neither rolled out
			promote p@2 -> p@2 everybody
			promote p@2 -> =`,
		"rollback ends a rollout": `
			publish p@1 -> p@1 everybody
			publish p@2 2500 -> p@1 everybody; p@2 25 % else 1
			rollback p@1 -> p@1 everybody
			rollback p@1 -> =
			rollback p@2 -> ! newer
			rollback p@7 -> ! never published
			rollout p@2 2500 -> p@1 everybody; p@2 25 % else 1
			promote p@2 -> p@2 everybody
			rollback p@1 -> p@1 everybody
			publish p@2 -> p@2 everybody`,
		"a shadow stands beside": `
			publish p@1 -> p@1 everybody
			publish p@2 shadow -> p@1 everybody; p@2 shadow
			publish p@3 2500 -> p@1 everybody; p@2 shadow; p@3 25 % else 1
			rollout p@1 shadow -> ! serves everybody
			rollout p@3 shadow -> p@1 everybody; p@3 shadow
			promote p@3 -> p@3 everybody`,
		"T37 a version for later": `
			publish p@1 -> p@1 everybody
			publish p@2 +10s -> ! less than 30 s away
			publish p@2 +-10s -> ! less than 30 s away
			publish p@2 +1h -> p@1 everybody; p@2 everybody
			rollout p@2 100 -> ! serves everybody from
			wait 2h -> -
			publish p@3 100 -> p@2 everybody; p@3 1 % else 2`,
		"R9 every cohort is checked": `
			publish p@1 -> p@1 everybody
			publish q@1 -> p@1 everybody; q@1 everybody
			publish p@2 wide 2500 -> p@1 everybody; p@2 25 % else 1; q@1 everybody
			publish q@2 wide -> ! declared by p too
			rollback p@1 -> p@1 everybody; q@1 everybody
			publish q@2 wide -> p@1 everybody; q@2 everybody
			promote p@2 -> ! neither rolled out
			rollout p@2 1 -> ! declared by`,
		"a rollout of the first version": `
			publish p@1 100 -> p@1 1 % else 0
			rollout p@1 10000 -> p@1 100 % else 0
			promote p@1 -> p@1 everybody`,
		"suspensions": `
			publish p@1 -> p@1 everybody
			suspend p-agent -> p@1 everybody; suspended agent:p-agent
			suspend p-agent -> =
			publish p@2 -> p@2 everybody; suspended agent:p-agent
			resume other -> =
			resume p-agent -> p@2 everybody`,
	} {
		t.Run(name, func(t *testing.T) {
			n := newNewsroom(t, nil)
			for line := range strings.Lines(strings.TrimSpace(script)) {
				op, want, _ := strings.Cut(strings.TrimSpace(line), " -> ")
				before, told := len(n.editor.History()), len(n.events)
				step, err := n.act(n.publisher, op)
				refusal, refused := strings.CutPrefix(want, "! ")
				switch {
				case refused && (err == nil || !strings.Contains(findings(err), refusal)):
					t.Fatalf("%s = %v, want it refused for %q", op, findings(err), refusal)
				case !refused && err != nil:
					t.Fatalf("%s = %s", op, findings(err))
				case want == "=" && step.Changed, want == "=" || refused:
					if step.Changed || len(n.editor.History()) != before || len(n.events) != told {
						t.Fatalf("%s made an epoch or a record, want none", op)
					}
				case want != "-" && lines(n.manifest()) != want:
					t.Fatalf("%s: %s, want %s", op, lines(n.manifest()), want)
				}
			}
			n.wantSound()
		})
	}
}

// findings is all of a refusal.
func findings(err error) string {
	var refused *catalog.RefusedError
	if !errors.As(err, &refused) {
		return fmt.Sprint(err)
	}
	var out []string
	for _, f := range refused.Findings {
		out = append(out, f.String())
	}
	return strings.Join(out, "\n")
}

// wantSound holds everything that ever took effect to what a publisher
// promises: epochs rise by one, each was recorded before, no step undoes what
// it is not about, and an instance takes every one.
func (n *newsroom) wantSound() {
	n.t.Helper()
	was := catalog.Manifest{}
	for _, m := range n.editor.History() {
		if m.Epoch != was.Epoch+1 {
			n.t.Errorf("epoch %d follows %d", m.Epoch, was.Epoch)
		}
		i := slices.IndexFunc(n.events, func(e catalog.Event) bool { return e.Manifest == catalog.Hash(m.Canonical()) })
		if i < 0 {
			n.t.Errorf("epoch %d (%s) was not recorded", m.Epoch, m.Change.Detail)
		} else if lost := lostBetween(was, m, n.events[i]); lost != "" {
			n.t.Errorf("epoch %d (%s by %s) changed %s too", m.Epoch, m.Change.Detail, m.Change.By, lost)
		}
		was = m
	}
	n.editor.Fault = nil
	c := catalog.New(n.editor, catalog.Options{Environment: "dev"})
	if _, err := c.Refresh(context.Background(), n.now); err != nil && was.Epoch > 0 {
		n.t.Errorf("an instance does not take epoch %d: %s", was.Epoch, findings(err))
	}
}

// lostBetween is what differs between two manifests besides what the event is about.
func lostBetween(a, b catalog.Manifest, e catalog.Event) string {
	packs := func(m catalog.Manifest) string {
		m.Packs = slices.DeleteFunc(slices.Clone(m.Packs), func(x catalog.Entry) bool {
			return slices.ContainsFunc(e.Packs, func(y catalog.Entry) bool { return x.Pack == y.Pack })
		})
		m.Suspended = slices.DeleteFunc(slices.Clone(m.Suspended), func(s catalog.Suspension) bool {
			return e.Suspension != nil && s.String() == e.Suspension.String()
		})
		return lines(m)
	}
	if before, after := packs(a), packs(b); before != after {
		return before + " into " + after
	}
	return ""
}

func TestNothingIsWrittenUnrecorded(t *testing.T) {
	broken := errors.New("broken")
	for name, edit := range map[string]func(*catalog.PublisherOptions){
		"the log does not take it": func(o *catalog.PublisherOptions) {
			o.Record = func(context.Context, catalog.Event) error { return broken }
		},
		"it cannot be signed": func(o *catalog.PublisherOptions) {
			o.Sign = func(context.Context, []byte) (string, error) { return "", broken }
		},
		"it is declined": func(o *catalog.PublisherOptions) {
			o.Confirm = func(context.Context, catalog.Plan) error { return broken }
		},
		"there is no log": func(o *catalog.PublisherOptions) { o.Record = nil },
	} {
		n := newNewsroom(t, edit)
		if _, err := n.act(n.publisher, "publish p@1"); err == nil {
			t.Errorf("%s: published all the same", name)
		}
		versions, err := n.editor.Versions(t.Context(), "dev", "")
		if len(n.editor.History()) > 0 || len(versions) > 0 || err != nil || len(n.events) > 0 {
			t.Errorf("%s: %d manifests, %d versions, %d events were written", name, len(n.editor.History()), len(versions), len(n.events))
		}
	}
}

// Ctrl-C leaves nothing half done: before the record nothing happens, after it
// everything does.
func TestAStepIsMadeWholeOrNotAtAll(t *testing.T) {
	for _, when := range []string{"confirm", "record"} {
		ctx, cancel := context.WithCancel(t.Context())
		n := newNewsroom(t, func(o *catalog.PublisherOptions) {
			o.Confirm = func(context.Context, catalog.Plan) error {
				if when == "confirm" {
					cancel()
				}
				return nil
			}
		})
		n.record = func(catalog.Event) error {
			if when == "record" {
				cancel()
			}
			return nil
		}
		step, err := n.publisher.Publish(ctx, []policy.Document{edition("p", 1, "")}, catalog.Publication{})
		if made := when == "record"; step.Changed != made || (err == nil) != made || (lines(n.manifest()) != "") != made {
			t.Errorf("interrupted at the %s: %+v, %v, served is %q", when, step, err, lines(n.manifest()))
		}
		cancel()
	}
}
