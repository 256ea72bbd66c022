package authorize_test

import (
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
)

// What the catalog knows of the policy reaches the decision, the answer and
// the record.
func TestTheStateOfThePolicy(t *testing.T) {
	for _, c := range []struct {
		name    string
		active  func(*catalog.Active)
		by      string
		outcome policy.Outcome
		code    policy.Code
	}{
		{"stale", func(a *catalog.Active) { a.Stale, a.Age = true, 20*time.Minute }, flow, policy.Allow, policy.OK},
		{"expired", func(a *catalog.Active) { a.Stale, a.Expired, a.Age = true, true, 25*time.Hour }, flow, policy.Deny, policy.PolicyStale},
		{"the agent is suspended", func(a *catalog.Active) { a.Suspended = []string{"agent:finance-agent"} }, flow, policy.Deny, policy.SuspendedCode},
		{"the application is suspended", func(a *catalog.Active) { a.Suspended = []string{"caller:" + flow} }, flow, policy.Deny, policy.SuspendedCode},
		{"the tenant is suspended", func(a *catalog.Active) { a.Suspended = []string{"tenant:" + tenant} }, flow, policy.Deny, policy.SuspendedCode},
		{"another application is suspended", func(a *catalog.Active) { a.Suspended = []string{"caller:" + otherFlow} }, flow, policy.Allow, policy.OK},
		{"no pack is in effect", func(a *catalog.Active) { a.Set = load(t) }, flow, policy.Deny, policy.PolicyNone},
	} {
		w := newWorld(t)
		c.active(&w.policies.active)
		p := ana()
		p.Application = c.by
		a := w.decide(t, p, view(""))
		wantCode(t, c.name, a, c.outcome, c.code)
		if active := w.policies.active; a.Policy.Stale != active.Stale || a.Policy.AgeSeconds != int64(active.Age/time.Second) || a.Policy.Epoch != 7 {
			t.Errorf("%s: policy = %+v, want that of %+v", c.name, a.Policy, active)
		}
	}
}

// A policy that was never loaded decides nothing, not even a denial.
func TestNoPolicyIsNoDecision(t *testing.T) {
	for _, r := range []authorize.Request{view(""), order("70000"), resume("apr_x"), with(view(""), func(r *authorize.Request) { r.TenantID = elsewhere })} {
		w := newWorld(t)
		w.policies.use(nil)
		w.unavailable(t, ana(), r, "policy")
		if got := w.recorded(t); len(got) > 0 {
			t.Errorf("the log has %+v, want nothing", got)
		}
	}
}

// One reading of the clock makes the decision: the record, the answer, the id,
// the age of the policy and the approval have the same instant. The second
// reading is only measured with.
func TestOneReadingOfTheClock(t *testing.T) {
	w := newWorld(t)
	started := noon.Add(700 * time.Microsecond).In(time.FixedZone("east", 7200))
	readings := 0
	w.clock = func() time.Time {
		readings++
		return started.Add(time.Duration(readings-1) * 1500 * time.Microsecond)
	}
	a := w.decide(t, ana(), order("70000"))
	if readings != 2 {
		t.Errorf("the clock was read %d times, want 2", readings)
	}
	if !a.EvaluatedAt.Equal(noon) || a.EvaluatedAt.Location() != time.UTC || ulid.Time(ulid.MustParseStrict(a.DecisionID).Time()).UTC() != noon {
		t.Errorf("evaluated at %s under %s, want %s", a.EvaluatedAt, a.DecisionID, noon)
	}
	for _, now := range w.policies.asked {
		if !now.Equal(noon) {
			t.Errorf("the policy was asked for %s, want %s", now, noon)
		}
	}
	for _, r := range w.recorded(t) {
		if !r.TS.Equal(noon) {
			t.Errorf("%s at %s, want %s", r.Kind, r.TS, noon)
		}
	}
	if got := w.of(t, a).LatencyUs; got != 1500 {
		t.Errorf("recorded latency = %d µs, want 1500", got)
	}
	if want := noon.Add(8 * time.Hour); !a.Approval.ApproveBy.Equal(want) {
		t.Errorf("approve by %s, want %s", a.Approval.ApproveBy, want)
	}
}

// A clock that is set back in the middle makes no negative latency, and one
// that cannot be written as an id no decision.
func TestClocksThatStep(t *testing.T) {
	w := newWorld(t)
	now := noon
	w.clock = func() time.Time { now = now.Add(-time.Hour); return now }
	if got := w.of(t, w.decide(t, ana(), view(""))).LatencyUs; got != 0 {
		t.Errorf("recorded latency = %d µs, want 0", got)
	}
	w = newWorld(t)
	w.clock = func() time.Time { return time.Unix(0, 0).Add(-time.Hour) }
	w.unavailable(t, ana(), view(""), "randomness")
}

// A policy that changes in the middle of a call is not seen by it: set, epoch
// and age are of one look.
func TestOneLookAtThePolicy(t *testing.T) {
	old := catalog.Active{Set: changed(t, `"version": 1`, `"version": 2`), Environment: "dev", Epoch: 2, Age: 2 * time.Second}
	newer := catalog.Active{Set: changed(t, `"version": 1`, `"version": 3`, "po-analyst", "renamed"), Environment: "dev", Epoch: 3, Age: 3 * time.Second}
	for _, c := range outcomes() {
		w := newWorld(t)
		w.policies.next = func(asked int) catalog.Active {
			if asked == 1 {
				return old
			}
			return newer
		}
		a := w.decide(t, c.by, c.request)
		wantCode(t, c.name, a, c.want, c.code)
		wantOneSet(t, w.of(t, a))
	}
}

// wantOneSet: the versions of the finance pack above are their epochs.
func wantOneSet(t tester, r record) {
	t.Helper()
	if r.Kind == audit.KindDecision && r.PolicyAge != r.Epoch {
		t.Errorf("%s: epoch %d with the age of %d", r.DecisionID, r.Epoch, r.PolicyAge)
	}
	for _, p := range r.Packs {
		if p.Pack == "finance" && int64(p.Version) != r.Epoch && r.Kind == audit.KindDecision {
			t.Errorf("%s: epoch %d with version %d", r.DecisionID, r.Epoch, p.Version)
		}
	}
	for _, id := range r.PolicyIDs {
		if id == "finance/po-analyst" && r.Epoch != 2 || id == "finance/renamed" && r.Epoch != 3 {
			t.Errorf("%s: rule %s in epoch %d", r.DecisionID, id, r.Epoch)
		}
	}
}
