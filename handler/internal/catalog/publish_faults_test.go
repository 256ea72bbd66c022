package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// interposed lets something else happen in front of each call of an editor.
type interposed struct {
	catalog.Editor
	before func(call string)
}

func (i interposed) Manifest(ctx context.Context, env string, known catalog.Revision) (catalog.Manifest, catalog.Revision, error) {
	i.before("manifest")
	return i.Editor.Manifest(ctx, env, known)
}

func (i interposed) PutManifest(ctx context.Context, m catalog.Manifest, was catalog.Revision) (catalog.Revision, error) {
	i.before("put manifest")
	return i.Editor.PutManifest(ctx, m, was)
}

func (i interposed) PutDocument(ctx context.Context, p catalog.Published) error {
	i.before("put document")
	return i.Editor.PutDocument(ctx, p)
}

var errNetwork = errors.New("the network is gone")

// drawFault is what goes wrong with a call, mostly nothing.
func drawFault(t *rapid.T, call string) storetest.EditorFault {
	switch rapid.IntRange(0, 9).Draw(t, call) {
	case 0:
		return storetest.EditorFault{Before: errNetwork}
	case 1:
		return storetest.EditorFault{After: errNetwork}
	case 2:
		return storetest.EditorFault{After: catalog.ErrUnclear}
	case 3:
		return storetest.EditorFault{Before: catalog.ErrUnclear, Late: strings.HasPrefix(call, "put")}
	}
	return storetest.EditorFault{}
}

// T39, R9: two publishers on one store that fails before and after taking
// effect, loses replies and lets writes land late. No update is lost, no two
// epochs are alike, no version is overwritten, every manifest was recorded
// before, and what was told to be done is done.
func TestTwoPublishersUnderFaults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := newNewsroom(t, nil)
		n.record = func(e catalog.Event) error {
			if h := n.editor.History(); len(h) > 0 && h[len(h)-1].Epoch >= e.Epoch && catalog.Hash(h[len(h)-1].Canonical()) == e.Manifest {
				t.Fatalf("epoch %d was recorded after it was written", e.Epoch)
			}
			return nil
		}
		next := map[string]int{}
		draw := func(who string) string {
			return rapid.Custom(func(t *rapid.T) string {
				pack := rapid.SampledFrom([]string{"p", "q"}).Draw(t, "pack")
				v := rapid.IntRange(1, 4).Draw(t, "version")
				switch rapid.IntRange(0, 5).Draw(t, "op") {
				case 0:
					next[who]++
					return fmt.Sprintf("suspend %s-%d", who, next[who])
				case 1:
					return fmt.Sprintf("rollout %s@%d %d", pack, v, rapid.IntRange(0, 10_000).Draw(t, "share"))
				case 2:
					return fmt.Sprintf("promote %s@%d", pack, v)
				case 3:
					return fmt.Sprintf("rollback %s@%d", pack, v)
				case 4:
					return fmt.Sprintf("publish %s@%d other", pack, v)
				}
				return fmt.Sprintf("publish %s@%d", pack, v)
			}).Draw(t, who)
		}
		suspended := []string{}
		do := func(p *catalog.Publisher, op string) {
			step, err := n.act(p, op)
			if id, ok := strings.CutPrefix(op, "suspend "); ok && err == nil {
				suspended = append(suspended, "agent:"+id)
			}
			if err == nil && step.Changed && step.Manifest.Epoch == 0 {
				t.Fatalf("%s is done in no epoch", op)
			}
		}
		n.editor.Fault = func(call string) storetest.EditorFault { return drawFault(t, call) }
		other := n.by("omar", n.editor, nil)
		busy := false
		mine := n.by("ana", interposed{n.editor, func(call string) {
			if !busy && rapid.IntRange(0, 3).Draw(t, "interrupted at "+call) == 0 {
				busy = true
				do(other, draw("omar"))
				busy = false
			}
		}}, nil)
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			do(mine, draw("ana"))
		}
		n.editor.Fault = nil
		if _, err := n.editor.Versions(context.Background(), "dev", ""); err != nil { // lets late writes land
			t.Fatal(err)
		}
		n.wantSound()
		final := n.manifest()
		for _, id := range suspended {
			if !slices.ContainsFunc(final.Suspended, func(s catalog.Suspension) bool { return s.String() == id }) {
				t.Fatalf("%s was told to be suspended, and is not", id)
			}
		}
		wantVersionsKept(t, n)
	})
}

// wantVersionsKept: every document that any manifest ever named is readable,
// and is the version it is named for.
func wantVersionsKept(t *rapid.T, n *newsroom) {
	seen := map[string]string{}
	for _, m := range n.editor.History() {
		for _, e := range m.Packs {
			name := fmt.Sprintf("%s@%d", e.Pack, e.Version)
			if was, ok := seen[name]; ok && was != e.Hash {
				t.Fatalf("%s was two documents", name)
			}
			seen[name] = e.Hash
			text, err := n.editor.Document(context.Background(), e.Hash)
			if err != nil || catalog.Hash(text) != e.Hash {
				t.Fatalf("%s cannot be read: %v", name, err)
			}
		}
	}
}

// A conflict with a change of something else is no conflict; with one of the
// same, the other's stays and is told.
func TestAConflict(t *testing.T) {
	for name, tc := range map[string]struct{ other, want string }{
		"another pack":       {"publish q@1", "p@2 everybody; q@1 everybody"},
		"a suspension":       {"suspend p-agent", "p@2 everybody; suspended agent:p-agent"},
		"the same pack":      {"publish p@3", ""},
		"the very same step": {"publish p@2", "p@2 everybody"},
	} {
		n := newNewsroom(t, nil)
		if _, err := n.act(n.publisher, "publish p@1"); err != nil {
			t.Fatal(err)
		}
		other, once := n.by("omar", n.editor, nil), false
		mine := n.by("ana", interposed{n.editor, func(call string) {
			if call == "put manifest" && !once {
				once = true
				if _, err := n.act(other, tc.other); err != nil {
					t.Fatal(err)
				}
			}
		}}, nil)
		step, err := n.act(mine, "publish p@2")
		var overtaken *catalog.OvertakenError
		switch {
		case tc.want == "":
			if !errors.As(err, &overtaken) || overtaken.By.By != "omar" || lines(n.manifest()) != "p@3 everybody" {
				t.Errorf("%s: %+v, %v, served is %s; want what omar did to stay and be told", name, step, err, lines(n.manifest()))
			}
		case err != nil || lines(n.manifest()) != tc.want:
			t.Errorf("%s: %v, served is %s, want %s", name, err, lines(n.manifest()), tc.want)
		}
		n.wantSound()
	}
}

// R9: what the publisher accepts an instance accepts, and what the check
// refuses an instance refuses, had it been written.
func TestThePublisherChecksAsInstancesDo(t *testing.T) {
	pool := []policy.Document{
		edition("p", 1, ""), edition("q", 1, ""), edition("p", 2, `,"description":"x"`),
		edition("r", 1, `,"nonsense":true`),
		edition("s", 1, `,"entitlements":[{"id":"e","roles":["Nobody"],"match":{"actions":["s-do"]}}]`),
		{Name: "u.json", Text: []byte(strings.ReplaceAll(string(edition("p", 1, "").Text), `"pack":"p"`, `"pack":"u"`))}, // p's agent and action
		{Name: "cut.json", Text: []byte(`{"schema":`)},
	}
	rapid.Check(t, func(t *rapid.T) {
		n := newNewsroom(t, nil)
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			doc := rapid.SampledFrom(pool).Draw(t, "document")
			before := n.manifest()
			_, err := n.publisher.Publish(context.Background(), []policy.Document{doc}, catalog.Publication{})
			if ownRule(err) {
				continue
			}
			if err == nil {
				n.wantSound()
				continue
			}
			store := &storetest.MemoryCatalog{}
			docs := []policy.Document{doc}
			for _, e := range before.Packs {
				if text, err := n.editor.Document(context.Background(), e.Hash); err == nil && !strings.Contains(string(doc.Text), fmt.Sprintf("%q:%q", "pack", e.Pack)) {
					docs = append(docs, policy.Document{Name: e.Hash, Text: text})
				}
			}
			store.Publish(nil, docs...)
			c := catalog.New(store, catalog.Options{Environment: "dev"})
			if _, loadErr := c.Refresh(context.Background(), noon); loadErr == nil {
				t.Fatalf("the publisher refuses what an instance takes: %s", findings(err))
			}
		}
	})
}

// ownRule is a refusal for the order of steps, not for what would be served.
func ownRule(err error) bool {
	var refused *catalog.RefusedError
	return errors.As(err, &refused) && slices.ContainsFunc(refused.Findings, func(f policy.Finding) bool { return strings.HasPrefix(f.Check, "publish.") })
}

// What took effect unseen and was undone by somebody else is not done again.
func TestAnUndoneStepIsNotRedone(t *testing.T) {
	n := newNewsroom(t, nil)
	if _, err := n.act(n.publisher, "publish p@1"); err != nil {
		t.Fatal(err)
	}
	other, lost := n.by("omar", n.editor, nil), false
	n.editor.Fault = func(call string) storetest.EditorFault {
		if call == "put manifest" && !lost {
			lost = true
			return storetest.EditorFault{After: catalog.ErrUnclear}
		}
		return storetest.EditorFault{}
	}
	undone := false
	mine := n.by("ana", interposed{n.editor, func(string) {
		if lost && !undone {
			undone = true
			if _, err := n.act(other, "resume p-agent"); err != nil {
				t.Fatal(err)
			}
		}
	}}, nil)
	_, err := n.act(mine, "suspend p-agent")
	var overtaken *catalog.OvertakenError
	if !errors.As(err, &overtaken) || overtaken.By.By != "omar" || lines(n.manifest()) != "p@1 everybody" {
		t.Errorf("suspend = %v, served is %s, want what omar did to stay and be told", err, lines(n.manifest()))
	}
	n.wantSound()
}
