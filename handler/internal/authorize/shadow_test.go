package authorize_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
)

// shadowed has the world decide by its packs, with a document as the shadow of
// the finance pack.
func (w *world) shadowed(t tester, shadow policy.Document) *shelf {
	t.Helper()
	s := w.onShelf()
	s.publish(t, func(entries []catalog.Entry) { entries[2].Mode = catalog.ModeShadow }, finance(1), ops(3), shadow)
	return s
}

// same gives the same bytes for ever, so that two runs can be compared.
type same struct{}

func (same) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// live is everything that a call gives and leaves behind, but for shadows.
func live(t *testing.T, o outcome, prepare func(*world)) string {
	t.Helper()
	w := newWorld(t)
	w.entropy = same{}
	w.limits.NewID = func(time.Time) string { return "event" }
	var text []string
	w.log = &recorder{take: func(r audit.Record) {
		if e, ok := r.(*audit.Event); ok && e.Kind == audit.KindShadow {
			return
		}
		encoded, err := audit.Encode(r)
		if err != nil {
			t.Errorf("Encode = %v", err)
		}
		text = append(text, string(encoded))
	}}
	prepare(w)
	a, err := w.serve().Decide(t.Context(), o.by, o.request, enforce)
	if err != nil {
		t.Fatalf("%s: Decide = %v", o.name, err)
	}
	if err := w.serve().Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return answerText(a) + "\n" + strings.Join(text, "\n")
}

// shadows are policies that answer nearly every call otherwise, and one that
// answers none.
var shadows = map[string]func(t tester, w *world){
	"denies everything": func(t tester, w *world) {
		w.shadowed(t, finance(2, `"allowedRegions": ["EU"]`, `"allowedRegions": ["US"]`))
	},
	"masks nothing": func(t tester, w *world) {
		w.shadowed(t, finance(2, `"match": {"actions": ["CreatePO"]}, "effect": "MASK"`, `"match": {"actions": ["CreatePO"], "classifications": ["Restricted"]}, "effect": "MASK"`))
	},
	"allows more": func(t tester, w *world) {
		w.shadowed(t, finance(2, `"max": "50000"`, `"max": "99999999"`, `"effect": "DENY"`, `"effect": "DENY", "until": "2020-01-01T00:00:00Z"`))
	},
	"asks always": func(t tester, w *world) {
		w.shadowed(t, finance(2, `"on": ["overLimit"]`, `"on": ["overLimit", "always"]`))
	},
	"serves nobody":      func(t tester, w *world) { w.shadowed(t, finance(2, tenant, elsewhere)) },
	"falls on its faces": func(t tester, w *world) { panics(w, w.shadowed(t, finance(2))) },
}

// panics has the shadow panic.
func panics(w *world, s *shelf) {
	w.policies.next = func(int) catalog.Active {
		a := s.catalog.Active(noon)
		return catalog.Active{Set: a.Set, Environment: a.Environment, Epoch: a.Epoch, Age: a.Age, Shadow: &catalog.Shadow{}}
	}
}

// T44: whatever a shadow says, the answer and its record are the same byte for
// byte, of every outcome there is.
func TestShadowsChangeNothing(t *testing.T) {
	for _, o := range outcomes() {
		want := live(t, o, func(w *world) { w.onShelf().publish(t, nil, finance(1), ops(3)) })
		for name, shadow := range shadows {
			if diff := cmp.Diff(want, live(t, o, func(w *world) { shadow(t, w) })); diff != "" {
				t.Errorf("%s, with a shadow that %s (-without +with):\n%s", o.name, name, diff)
			}
		}
	}
}

// shadowRecord is a shadow's record.
type shadowRecord struct {
	record
	Detail struct {
		Differs    bool
		ReasonCode policy.Code
		Enforced   struct {
			Decision   string
			ReasonCode policy.Code
		}
	}
}

// opinions are the records of shadows, once those on their way are there.
func (w *world) opinions(t tester) (out []shadowRecord) {
	t.Helper()
	if err := w.serve().Settle(t.Context()); err != nil {
		t.Fatalf("Settle = %v", err)
	}
	for _, line := range w.lines(t) {
		var r shadowRecord
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &r.record); err != nil {
			t.Fatal(err)
		}
		if r.Kind == audit.KindShadow {
			out = append(out, r)
		}
	}
	return out
}

// Each enforced decision leaves what its shadow would have said, with the packs
// that said it, and whether that is something else.
func TestShadowsAreRecorded(t *testing.T) {
	for _, tc := range []struct {
		name    string
		shadow  func(t tester, w *world)
		request authorize.Request
		outcome string
		code    policy.Code
		differs bool
	}{
		{"another answer", shadows["denies everything"], order("100"), "DENY", policy.ResidencyDenied, true},
		{"the same answer", shadows["denies everything"], run("curl https://contoso.com"), "ALLOW", policy.OK, false},
		{"the same question", shadows["asks always"], order("70000"), "REQUIRE_APPROVAL", policy.ApprovalRequired, false},
		{"another question", shadows["asks always"], order("100"), "REQUIRE_APPROVAL", policy.ApprovalRequired, true},
		{"the same denial", shadows["allows more"], order("1.234"), "DENY", policy.ParameterInvalid, false},
		{"a failure", shadows["falls on its faces"], order("100"), "", "", true},
	} {
		w := newWorld(t)
		tc.shadow(t, w)
		a := w.decide(t, ana(), tc.request)
		got := w.opinions(t)
		if len(got) != 1 {
			t.Fatalf("%s: %d opinions, want one", tc.name, len(got))
		}
		r := got[0]
		if r.Outcome != tc.outcome || r.Detail.ReasonCode != tc.code || r.Detail.Differs != tc.differs || (r.Reason != "") != (tc.outcome == "") {
			t.Errorf("%s: recorded %s %s (%s), differs %t, want %s %s, %t", tc.name, r.Outcome, r.Detail.ReasonCode, r.Reason, r.Detail.Differs, tc.outcome, tc.code, tc.differs)
		}
		if r.DecisionID != a.DecisionID || r.EventID == "" || r.AgentID != tc.request.AgentID || r.Epoch != a.Policy.Epoch || r.TenantID != tenant ||
			r.Detail.Enforced.Decision != a.Decision.String() || r.Detail.Enforced.ReasonCode != a.ReasonCode {
			t.Errorf("%s: recorded %+v, want it to be of %+v", tc.name, r, a)
		}
		if tc.outcome != "" && !slices.ContainsFunc(r.Packs, func(p policy.PackRef) bool { return p.Pack == "finance" && p.Version == 2 }) {
			t.Errorf("%s: recorded under %v, want version 2", tc.name, r.Packs)
		}
	}
}

// A shadow that masks less must not write what is masked: nothing of the call
// is in its record.
func TestShadowsWriteNoValues(t *testing.T) {
	w := newWorld(t)
	w.shadowed(t, finance(2, `"match": {"actions": ["CreatePO"]}, "effect": "MASK"`, `"match": {"actions": ["CreatePO"], "classifications": ["Restricted"]}, "effect": "MASK"`,
		`"token": {"type": "string"}`, `"token": {"type": "string", "enum": ["none"]}`))
	w.decide(t, ana(), with(order("100"), func(r *authorize.Request) {
		r.Parameters = object(`{"amount":100,"currency":"EUR","token":"s3cret-t0ken"}`)
	}))
	if got := w.opinions(t); len(got) != 1 || got[0].Detail.ReasonCode != policy.ParameterInvalid {
		t.Fatalf("opinions = %+v, want one that refuses the token", got)
	}
	for _, line := range w.lines(t) {
		if strings.Contains(string(line), "s3cret") {
			t.Errorf("the log has %s", line)
		}
	}
}

// What no policy decided has no shadow: previews, calls that are not believed,
// uses given again, and calls without an answer.
func TestWhatHasNoShadow(t *testing.T) {
	w := newWorld(t)
	shadows["denies everything"](t, w)
	once := enforce
	once.IdempotencyKey = "once"
	id := w.approved(t, ana(), order("70000"))
	w.decideAs(t, ana(), order("70000"), once)
	before := len(w.opinions(t))
	if before != 2 {
		t.Errorf("%d opinions on a call that was asked for and one that used it, want two", before)
	}
	w.decideAs(t, ana(), order("70000"), once)
	w.decideAs(t, ana(), order("100"), preview)
	w.decide(t, ana(), by(order("100"), "mia@contoso.com"))
	w.decide(t, person("", "eve@contoso.com"), resume(id))
	if got := len(w.opinions(t)); got != before {
		t.Errorf("%d opinions more, want none", got-before)
	}
	w.policies.next = func(int) catalog.Active { return catalog.Active{} }
	w.unavailable(t, ana(), order("100"), "policy")
	if got := w.serve().Shadows(); got.Recorded != int64(before) || got.Dropped+got.Failed != 0 {
		t.Errorf("Shadows = %+v, want %d recorded", got, before)
	}
}

// A resumption that does not fit gets an answer that tells nothing of what is
// frozen, and no opinion on it either.
func TestAResumptionThatDoesNotFitHasNoShadow(t *testing.T) {
	w := newWorld(t)
	s := w.shadowed(t, finance(2))
	id := w.decide(t, ana(), order("70000")).Approval.ID
	before := len(w.opinions(t))
	s.publish(t, func(entries []catalog.Entry) { entries[2].Mode = catalog.ModeShadow }, finance(3, "GL-100", "GL-200"), ops(3), finance(2))
	wantCode(t, "another pin", w.decide(t, ana(), resume(id)), policy.Deny, policy.ApprovalMismatchCode)
	if got := len(w.opinions(t)); got != before {
		t.Errorf("%d opinions more, want none", got-before)
	}
}

// slow is a log that takes decisions at once and shadows when it likes.
type slow struct {
	recorder
	shadow   func(ctx context.Context) error
	overload atomic.Bool
}

func (s *slow) Admit() error {
	if s.overload.Load() {
		return audit.ErrOverloaded
	}
	return nil
}

func (s *slow) Append(ctx context.Context, r audit.Record) (audit.Receipt, error) {
	if e, ok := r.(*audit.Event); ok && e.Kind == audit.KindShadow {
		return audit.Receipt{}, s.shadow(ctx)
	}
	return s.recorder.Append(ctx, r)
}

// A log that does not take opinions delays no answer and fails none: so many
// wait for it, the rest is dropped, and all of it is counted.
func TestShadowsThatCannotBeRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		shadows["denies everything"](t, w)
		log := &slow{recorder: recorder{take: func(audit.Record) {}}}
		log.shadow = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		w.log = log
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		for range 100 {
			a, err := w.serve().Decide(ctx, ana(), order("100"), enforce)
			if err != nil || a.Decision != policy.Mask {
				t.Fatalf("Decide = %s, %v, want an answer", a.Decision, err)
			}
		}
		cancel() // the callers are gone: opinions are not their business
		if took := time.Since(began); took > 0 {
			t.Errorf("answers took %s", took)
		}
		if err := w.serve().Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("opinions waited %s for the log, want two seconds", took)
		}
		if got, want := w.serve().Shadows(), (authorize.Shadows{Dropped: 36, Failed: 64}); got != want {
			t.Errorf("Shadows = %+v, want %+v", got, want)
		}
	})
}

// A log that has too much to do gets no opinions besides.
func TestShadowsGiveWay(t *testing.T) {
	w := newWorld(t)
	shadows["denies everything"](t, w)
	log := &slow{shadow: func(context.Context) error { t.Error("an opinion was written"); return errors.New("full") }}
	log.take = func(audit.Record) { log.overload.Store(true) } // full with this one
	w.log = log
	if _, err := w.serve().Decide(t.Context(), ana(), order("100"), enforce); err != nil {
		t.Fatal(err)
	}
	if err := w.serve().Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := w.serve().Shadows(), (authorize.Shadows{Dropped: 1}); got != want {
		t.Errorf("Shadows = %+v, want %+v", got, want)
	}
}
