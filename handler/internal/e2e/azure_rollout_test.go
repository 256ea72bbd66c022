package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// decided is what the test looks at of an audit record.
type decided struct {
	Kind, Decision, ReasonCode string
	Epoch                      int64
	Packs                      []struct {
		Pack    string
		Version int
	}
}

// decisions are the decisions in the log of a deployment.
func (d *deployment) decisions(t *testing.T) []decided {
	t.Helper()
	var all []decided
	for name, text := range d.blobs.Contents("audit") {
		if !strings.HasSuffix(name, ".jsonl") {
			continue
		}
		for line := range bytes.Lines(text) {
			var r decided
			if err := json.Unmarshal(line, &r); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if r.Kind == "decision" {
				all = append(all, r)
			}
		}
	}
	return all
}

// pressure asks without pause until stopped, and counts what was no decision.
type pressure struct {
	stop           chan struct{}
	work           sync.WaitGroup
	asked, refused atomic.Int64
}

func (d *deployment) press(t *testing.T, servers ...*server) *pressure {
	l := &pressure{stop: make(chan struct{})}
	flow, body := d.flow(), []byte(asserted(1000))
	for _, s := range servers {
		l.work.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				l.asked.Add(1)
				if r, err := s.call(t.Context(), "POST", "/api/authorize", body, flow); err != nil || r.status != 200 {
					l.refused.Add(1)
				}
			}
		})
	}
	return l
}

func (l *pressure) end() { close(l.stop); l.work.Wait() }

// secondVersion is the finance pack once more, as version 2.
func (d *deployment) secondVersion(t *testing.T) {
	t.Helper()
	path := filepath.Join(d.dir, "packs", "finance.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(`"version": 1`), []byte(`"version": 2`), 1)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// serves waits until both instances decide under an epoch.
func serves(t *testing.T, d *deployment, epoch int64, servers ...*server) {
	t.Helper()
	for _, s := range servers {
		eventually(t, fmt.Sprintf("epoch %d", epoch), func() (bool, string) {
			r, err := s.call(t.Context(), "POST", "/api/authorize", []byte(asserted(2000)), d.flow())
			if err != nil {
				return false, err.Error()
			}
			var answer struct{ Policy struct{ Epoch int64 } }
			_ = json.Unmarshal(r.body, &answer)
			return answer.Policy.Epoch == epoch, string(r.body)
		})
	}
}

// R10, T35, T55: two instances over one database, under load: publish, roll
// out to 25 %, promote, suspend, resume, roll back. No record is of two
// policies, both instances agree on every epoch, and nothing is left without
// an answer.
func TestAzureRollout(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for six polls of ten seconds")
	}
	d := newDeployment(t)
	d.env = append(d.env, "FABRIC_RATE=100000", "FABRIC_BURST=100000")
	d.publish(t)
	one, two := d.serve(t), d.serve(t)
	l := d.press(t, one, two)
	d.secondVersion(t)
	for i, step := range [][]string{
		{"publish", "packs/finance.json", "packs/finance.bindings.dev.json", "--percent", "25", "--yes"},
		{"promote", "finance@2"},
		{"suspend", "agent", "finance-agent", "--reason", "a test"},
		{"resume", "agent", "finance-agent", "--reason", "a test"},
		{"rollback", "finance@1"},
	} {
		d.cli(t, 0, append([]string{"policy"}, step...)...)
		serves(t, d, int64(i+2), one, two)
	}
	l.end()
	if n := l.refused.Load(); n > 0 {
		t.Errorf("%d of %d calls got no decision", n, l.asked.Load())
	}
	versions, outcomes := map[int64]map[int]int{}, map[int64]map[string]int{}
	for _, r := range d.decisions(t) {
		version := 0 // who is suspended is denied before any pack is looked at
		if len(r.Packs) == 1 {
			version = r.Packs[0].Version
		}
		if len(r.Packs) > 1 || version == 0 && r.ReasonCode != "suspended" {
			t.Fatalf("a record names no pack or several: %+v", r)
		}
		if versions[r.Epoch] == nil {
			versions[r.Epoch], outcomes[r.Epoch] = map[int]int{}, map[string]int{}
		}
		versions[r.Epoch][version]++
		outcomes[r.Epoch][r.ReasonCode]++
	}
	for epoch, want := range map[int64]int{1: 1, 3: 2, 4: 0, 5: 2, 6: 1} {
		if len(versions[epoch]) != 1 || versions[epoch][want] == 0 {
			t.Errorf("epoch %d was decided by versions %v, want %d alone", epoch, versions[epoch], want)
		}
	}
	if len(versions[2]) != 1 {
		t.Errorf("one agent was in and out of a cohort: %v", versions[2])
	}
	if len(outcomes[4]) != 1 || outcomes[4]["suspended"] == 0 || outcomes[6]["suspended"] > 0 {
		t.Errorf("while suspended: %v, and after it: %v", outcomes[4], outcomes[6])
	}
	t.Logf("%d calls, decided by epoch and version: %v", l.asked.Load(), versions)
}
