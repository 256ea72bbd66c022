package authorize_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

var swaps = flag.Int("swaps", 100, "policies that replace each other under load")

// shelf is a catalog and what was published to it.
type shelf struct {
	store   storetest.MemoryCatalog
	catalog *catalog.Catalog
}

// onShelf has the world decide by a catalog.
func (w *world) onShelf() *shelf {
	s := &shelf{}
	s.catalog = catalog.New(&s.store, catalog.Options{Environment: "dev"})
	w.policies.next = func(int) catalog.Active { return s.catalog.Active(noon) }
	return s
}

// finance is the finance pack at a version, with pairs of texts replaced.
func finance(version int, pairs ...string) policy.Document {
	pairs = append(pairs, `"version": 1`, fmt.Sprintf(`"version": %d`, version))
	return policy.Document{Name: fmt.Sprintf("finance@%d", version), Text: []byte(strings.NewReplacer(pairs...).Replace(financePack))}
}

func ops(version int) policy.Document {
	return policy.Document{Name: fmt.Sprintf("ops@%d", version), Text: []byte(strings.Replace(opsPack, `"version": 3`, fmt.Sprintf(`"version": %d`, version), 1))}
}

// publish takes documents named PACK@VERSION; edit says who gets which.
func (s *shelf) publish(t tester, edit func([]catalog.Entry), docs ...policy.Document) {
	t.Helper()
	s.store.Publish(func(m *catalog.Manifest) {
		for i := range m.Packs {
			e := &m.Packs[i]
			name, version, _ := strings.Cut(e.File, "@")
			e.Pack = name
			if _, err := fmt.Sscan(version, &e.Version); err != nil {
				t.Fatalf("%s: %v", e.File, err)
			}
		}
		if edit != nil {
			edit(m.Packs)
		}
	}, docs...)
	s.refresh(t)
}

func (s *shelf) refresh(t tester) {
	t.Helper()
	if changed, err := s.catalog.Refresh(context.Background(), noon); !changed || err != nil {
		t.Fatalf("Refresh = %t, %v, want it taken", changed, err)
	}
}

// toSecond rolls the first document out to second-agent; all others get the
// next one.
func toSecond(entries []catalog.Entry) {
	entries[0].Rollout = &catalog.Rollout{Salt: "s", Agents: []string{"second-agent"}, Else: entries[1].Version}
}

func second(r authorize.Request) authorize.Request {
	r.AgentID = "second-agent"
	return r
}

// Each agent is decided by the version of its cohort, and the record says
// which that was. Where nothing is rolled out it says nothing of it.
func TestEachCohortIsDecidedByItsVersion(t *testing.T) {
	w := newWorld(t)
	s := w.onShelf()
	s.publish(t, toSecond, finance(2, `"max": "50000"`, `"max": "50"`), finance(1), ops(3))
	for _, tc := range []struct {
		request authorize.Request
		want    policy.Outcome
		version int
		rollout string
	}{
		{order("100"), policy.Mask, 1, `"rollout":[{"pack":"finance","version":2,"bucket":7651,"in":false}]}`},
		{second(order("100")), policy.RequireApproval, 2, `"rollout":[{"pack":"finance","version":2,"bucket":8541,"in":true}]}`},
		{run("curl https://contoso.com"), policy.Allow, 1, `"in":false}]}`},
		{with(order("100"), func(r *authorize.Request) { r.AgentID = "nobody" }), policy.Deny, 1, `"in":false}]}`},
	} {
		a := w.decide(t, ana(), tc.request)
		if a.Decision != tc.want || a.Policy.Packs[0].Version != tc.version {
			t.Errorf("%s of %s = %s under %+v, want %s under version %d", tc.request.Action, tc.request.AgentID, a.Decision, a.Policy.Packs, tc.want, tc.version)
		}
		if line := w.line(t, a); !strings.HasSuffix(strings.TrimSpace(line), tc.rollout) {
			t.Errorf("recorded %s, want it to end in %s", line, tc.rollout)
		}
	}
	s.publish(t, nil, finance(2), ops(3))
	if line := w.line(t, w.decide(t, ana(), order("100"))); strings.Contains(line, "rollout") {
		t.Errorf("recorded %s where nothing is rolled out", line)
	}
}

// line is the record of an answer as it stands in the log.
func (w *world) line(t tester, a authorize.Answer) string {
	t.Helper()
	for _, line := range w.lines(t) {
		if strings.Contains(string(line), `"kind":"decision"`) && strings.Contains(string(line), a.DecisionID) {
			return string(line)
		}
	}
	t.Fatalf("no record of %s", a.DecisionID)
	return ""
}

// Who may approve is said by the version of the agent's cohort; the lists that
// may name a person are those of every cohort.
func TestApproversOfACohort(t *testing.T) {
	w := newWorld(t)
	s := w.onShelf()
	s.publish(t, toSecond, finance(2, `"user:mia@contoso.com", "oid:`+miaID+`", `, ``, `"approvals": [
  {"id": "over", `, `"approvals": [
  {"id": "extra", "match": {"actions": ["CreatePO"]}, "on": ["overLimit"], "approvers": ["user:zoe@contoso.com"]},
  {"id": "over", `), finance(1), ops(3))
	old, rolled := w.decide(t, ana(), order("70000")), w.decide(t, ana(), second(order("70000")))
	approvers := authorize.NewApprovers(w.policies, key)
	w.says(t, mia(), old.Approval.ID, approval.Approve, approval.Approved)
	var refused *approval.RefusedError
	if _, err := w.ballot(t, mia(), rolled.Approval.ID, approval.Approve); !errors.As(err, &refused) {
		t.Errorf("mia on the version rolled out = %v, want that it may not count", err)
	}
	zoe := person("", "zoe@contoso.com")
	if got, want := approvers.Lists(tenant, zoe, noon), approval.ByApprover("finance/extra", "user:zoe@contoso.com"); !slices.Contains(got, want) {
		t.Errorf("Lists of zoe = %v, want %v of the version rolled out", got, want)
	}
	if got, want := approvers.Lists(tenant, mia(), noon), approval.ByApprover("finance/over", "role:Manager"); !slices.Contains(got, want) {
		t.Errorf("Lists of mia = %v, want %v of the other version", got, want)
	}
}

// T55: nothing remembers a yes. A suspension, a rollback and a rule that is
// gone are in force for the next call, an approval's use given again too.
func TestNothingRemembersAYes(t *testing.T) {
	suspend := func(m *catalog.Manifest) {
		m.Suspended = []catalog.Suspension{{Kind: catalog.SuspendAgent, ID: "finance-agent"}}
	}
	for name, tc := range map[string]struct {
		edit func(*catalog.Manifest)
		docs []policy.Document
		want policy.Code
	}{
		"suspended":        {suspend, []policy.Document{finance(2), ops(3)}, policy.SuspendedCode},
		"rolled back":      {nil, []policy.Document{finance(1, `"allowedRegions": ["EU"]`, `"allowedRegions": ["US"]`), ops(3)}, policy.ResidencyDenied},
		"nothing in force": {nil, nil, policy.PolicyNone},
	} {
		w := newWorld(t)
		s := w.onShelf()
		s.publish(t, nil, finance(2), ops(3))
		once := enforce
		once.IdempotencyKey = "once"
		w.approved(t, ana(), order("70000"))
		yes := []authorize.Answer{w.decide(t, ana(), order("100")), w.decideAs(t, ana(), order("70000"), once), w.decideAs(t, ana(), order("70000"), once)}
		for _, a := range yes {
			if !a.Decision.Execute() {
				t.Fatalf("%s: %s %s before, want a yes", name, a.Decision, a.ReasonCode)
			}
		}
		s.store.Publish(tc.edit, tc.docs...)
		s.refresh(t)
		wantCode(t, name, w.decide(t, ana(), order("100")), policy.Deny, tc.want)
		if again := w.decideAs(t, ana(), order("70000"), once); again.Decision.Execute() {
			t.Errorf("%s: a use given again = %s %s, want a no", name, again.Decision, again.ReasonCode)
		}
	}
}

// No decision reads the store: it may be gone, or answer nobody.
func TestNoDecisionReadsTheStore(t *testing.T) {
	w := newWorld(t)
	s := w.onShelf()
	s.publish(t, toSecond, finance(2), finance(1), ops(3))
	s.store.Fail = func(call string) error {
		t.Errorf("%s was read for a decision", call)
		return errors.New("down")
	}
	for _, o := range outcomes() {
		w.decide(t, o.by, o.request)
	}
	approvers := authorize.NewApprovers(w.policies, key)
	approvers.Lists(tenant, ana(), noon)
	approvers.Title("finance/over", "role:Manager", noon)
}

// recorder keeps what is appended and answers at once.
type recorder struct {
	mu   sync.Mutex
	take func(audit.Record)
}

func (*recorder) Admit() error { return nil }

func (r *recorder) Append(_ context.Context, record audit.Record) (audit.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take(record)
	return audit.Receipt{}, nil
}

// R10: while policies replace each other under load, every record is of one of
// them: packs, cohorts, epoch, code and shadow.
func TestNoRecordIsOfTwoPolicies(t *testing.T) {
	w := newWorld(t)
	s := w.onShelf()
	seen, shadows := map[int64]int{}, 0
	w.log = &recorder{take: func(r audit.Record) {
		switch r := r.(type) {
		case *audit.Decision:
			seen[r.Epoch]++
			wantOnePolicy(t, r.Epoch, r.AgentID, r.Packs, r.Rollout)
		case *audit.Event:
			shadows++
			if r.Kind != audit.KindShadow || !cmp.Equal(packVersions(r.Packs), []int{int(r.Epoch) + 1_000_000, int(r.Epoch)}) {
				t.Errorf("a shadow of epoch %d under %v", r.Epoch, r.Packs)
			}
		}
	}}
	swap := func(epoch int) { // every version tells its epoch
		s.publish(t, func(entries []catalog.Entry) {
			toSecond(entries)
			entries[3].Mode = catalog.ModeShadow
		}, finance(epoch+500_000), finance(epoch), ops(epoch), finance(epoch+1_000_000))
	}
	swap(1)
	service, stop := w.serve(), make(chan struct{})
	var load sync.WaitGroup
	for i := range 4 {
		load.Go(func() {
			requests := []authorize.Request{order("100"), second(order("100")), view(""), run("curl https://contoso.com")}
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := service.Decide(context.Background(), ana(), requests[n%4], enforce); err != nil {
					t.Errorf("Decide = %v", err)
				}
			}
		})
	}
	for epoch := 2; epoch <= *swaps; epoch++ {
		swap(epoch)
	}
	close(stop)
	load.Wait()
	if err := service.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range seen {
		total += n
	}
	if len(seen) < *swaps/3 || shadows == 0 {
		t.Errorf("%d decisions under %d of %d policies, %d shadows, want most of them met", total, len(seen), *swaps, shadows)
	}
	t.Logf("%d decisions under %d policies, %d opinions of shadows", total, len(seen), shadows)
}

func packVersions(packs []policy.PackRef) (out []int) {
	for _, p := range packs {
		out = append(out, p.Version)
	}
	return out
}

func wantOnePolicy(t *testing.T, epoch int64, agent string, packs []policy.PackRef, cohorts []audit.Cohort) {
	version, in := int(epoch), agent == "second-agent"
	if in {
		version += 500_000
	}
	if !cmp.Equal(packVersions(packs), []int{version, int(epoch)}) {
		t.Errorf("epoch %d, %s: packs %v, want versions %d and %d", epoch, agent, packs, version, epoch)
	}
	if len(cohorts) != 1 || cohorts[0].Version != int(epoch)+500_000 || cohorts[0].In != in {
		t.Errorf("epoch %d, %s: cohorts %+v", epoch, agent, cohorts)
	}
}
