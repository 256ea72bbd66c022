package policy_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// shuffled is v with the members of its objects in another order.
func shuffled(r *rand.Rand, v strictjson.Value) strictjson.Value {
	switch v.Kind() {
	case strictjson.Array:
		items := make([]strictjson.Value, len(v.Items()))
		for i, item := range v.Items() {
			items[i] = shuffled(r, item)
		}
		return strictjson.ArrayOf(items...)
	case strictjson.Object:
		members := make([]strictjson.Member, len(v.Members()))
		for to, from := range r.Perm(len(members)) {
			m := v.Members()[from]
			members[to] = strictjson.Member{Name: m.Name, Value: shuffled(r, m.Value)}
		}
		return strictjson.ObjectOf(members...)
	default:
		return v
	}
}

func drawRand(t *rapid.T) *rand.Rand {
	return rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
}

// The order of keys, of documents and of a request's members changes nothing.
func TestOrderOfKeysAndDocumentsChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, taste{})
		r := drawRand(t)
		texts := w.texts()
		for i, doc := range texts {
			texts[i] = string(appendJSON(nil, shuffled(r, valueOfText(t, doc))))
		}
		slices.Reverse(texts)
		again, findings := policy.Load(documents(texts...), policy.LoadOptions{})
		if again == nil {
			t.Fatalf("Load refuses the same packs in another order: %v", findings)
		}
		set := w.load(t)
		for range 3 {
			c := drawCall(t, w)
			if oneIn(t, 3, "two mistakes") {
				c.parameters["iban"], c.parameters["unheard-of"] = 5, pick[any](t, "unheard of", 1, nil)
			}
			in := c.input()
			other := *in
			other.Request.Parameters = shuffled(r, in.Request.Parameters)
			other.Request.Context = shuffled(r, in.Request.Context)
			other.Request.Resource.Attributes = shuffled(r, in.Request.Resource.Attributes)
			if got, want := text(again.Decide(&other, true)), text(set.Decide(in, true)); got != want {
				t.Fatalf("Decide in another order = %s, want %s", got, want)
			}
		}
	})
}

func valueOfText(t *rapid.T, doc string) strictjson.Value {
	v, err := strictjson.Parse([]byte(doc), strictjson.Limits{Names: 100_000})
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return v
}

var hashedMask = regexp.MustCompile(`hmac-sha256:[0-9a-f]{32}\b`)

// asSets is a decision without what the order of rules may change: the order of
// lists, the sentence that names them, and the path under which a value that
// two rules cover is hashed (11.1).
func asSets(d policy.Decision) string {
	d.Reason, d.UserMessage, d.Packs, d.Trace = "", "", nil, nil // packs: the hashes change with the order
	d.PolicyIDs, d.Triggers, d.Advice = sortedCopy(d.PolicyIDs), sortedCopy(d.Triggers), sortedCopy(d.Advice)
	d.Obligations, d.Requirements = slices.Clone(d.Obligations), slices.Clone(d.Requirements)
	slices.SortFunc(d.Obligations, func(a, b policy.Obligation) int { return strings.Compare(text(a), text(b)) })
	slices.SortFunc(d.Requirements, func(a, b policy.Requirement) int { return strings.Compare(a.PolicyID, b.PolicyID) })
	return hashedMask.ReplaceAllString(text(d), "hashed")
}

// The order of rules in a section says in which order they are listed, and
// nothing else.
func TestOrderOfRulesOnlyOrdersTheirIDs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, taste{})
		other, r := w.clone(), drawRand(t)
		for _, p := range other.packs {
			for _, section := range sections {
				rules := p[section].([]any)
				r.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
			}
		}
		set, again := w.load(t), other.load(t)
		for range 3 {
			in := drawCall(t, w).input()
			if got, want := asSets(again.Decide(in, true)), asSets(set.Decide(in, true)); got != want {
				t.Fatalf("Decide with rules in another order = %s, want %s\nworld %s", got, want, strings.Join(w.texts(), "\n"))
			}
		}
	})
}

// A rule that names a rule of the own pack with a threshold or a guardrail
// counts its place in policyIds by stage, priority, pack, section, position.
func TestPolicyIDsAreInTheirOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, taste{})
		set := w.load(t)
		place := places(w)
		for range 4 {
			v := set.Evaluate(drawCall(t, w).input())
			for i := 1; i < len(v.PolicyIDs); i++ {
				if before, after := place[v.PolicyIDs[i-1]], place[v.PolicyIDs[i]]; slices.Compare(before, after) >= 0 {
					t.Fatalf("policyIds = %v, want the order of 5.1 (%v is before %v)", v.PolicyIDs, after, before)
				}
			}
		}
	})
}

// places gives each rule its place: stage, -priority, pack, section, position.
func places(w *world) map[string][]int {
	stages := map[string]int{"guardrails": 1, "isolation": 1, "classification": 2, "entitlements": 3, "thresholds": 4, "approvals": 5}
	out := map[string][]int{}
	for i, p := range w.packs { // packs are named in the order of their ids
		for j, section := range sections {
			for k, r := range p[section].([]any) {
				out[p["pack"].(string)+"/"+r.(tree)["id"].(string)] = []int{stages[section], -p["priority"].(int), i, j, k}
			}
		}
	}
	return out
}

// Equal inputs give byte-identical decisions, from many goroutines at once too.
func TestDecisionsAreDeterministic(t *testing.T) {
	t.Parallel()
	type drawn struct {
		w *world
		c *call
	}
	source := rapid.Custom(func(t *rapid.T) drawn {
		w := drawWorld(t, taste{})
		return drawn{w, drawCall(t, w)}
	})
	for seed := range 12 {
		d := source.Example(seed)
		set, _ := policy.Load(documents(d.w.texts()...), policy.LoadOptions{})
		again, _ := policy.Load(documents(d.w.texts()...), policy.LoadOptions{})
		want := text(set.Decide(d.c.input(), true))
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				for n := range 50 {
					from := set
					if (i+n)%2 == 0 {
						from = again
					}
					if got := text(from.Decide(d.c.input(), true)); got != want {
						t.Errorf("Decide again = %s, want %s", got, want)
						return
					}
				}
			})
		}
		group.Wait()
	}
}

// T05: roles, groups and identities that a body names are never believed.
func TestRolesNamedInABodyNeverCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, taste{})
		set := w.load(t)
		for range 4 {
			c := drawCall(t, w)
			liar := c.clone()
			for _, claims := range []tree{liar.context, liar.attributes} {
				claims["roles"], claims["groups"], claims["appRoles"] = roles, []string{groupOne, groupTwo}, []string{"Finance.Manager"}
				claims["user"] = tree{"roles": roles, "verified": true, "upn": "mia@contoso.com"}
				claims["identity"], claims["verified"] = "verified", true
			}
			before, after := set.Decide(c.input(), false), set.Decide(liar.input(), false)
			if got, want := text(undigested(after)), text(undigested(before)); got != want { // attributes are part of the call
				t.Fatalf("Decide with roles in the body = %s, want %s", got, want)
			}
		}
	})
}
