package authorize_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// keyHolder signs with one key in memory.
type keyHolder struct{ key *ecdsa.PrivateKey }

func (h keyHolder) PublicKeys(context.Context) ([]grant.PublicKey, error) {
	k, err := grant.NewPublicKey(&h.key.PublicKey)
	return []grant.PublicKey{k}, err
}

func (h keyHolder) Sign(_ context.Context, _ string, digest [sha256.Size]byte) ([]byte, error) {
	r, s, err := ecdsa.Sign(rand.Reader, h.key, digest[:])
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature, nil
}

// issuing is a world that issues real grants, and the keys to check them with.
func issuing(t tester) (*world, grant.KeySet) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	issuer := grant.NewIssuer(w.public, keyHolder{key}, func(context.Context, string, []byte) error { return nil })
	w.grants = issuer
	keys, err := issuer.KeySet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w, keys
}

// claims are what a grant says, as its verifier reads it.
func (w *world) claims(t tester, keys grant.KeySet, token, audience string) grant.Claims {
	t.Helper()
	c, err := grant.Verify(t.Context(), token, keys, grant.Expected{Issuer: w.public, Audience: audience, Now: w.clock()})
	if err != nil {
		t.Fatalf("Verify = %v", err)
	}
	return c
}

// approvals.md, Grant: a grant comes with ALLOW and MASK for an action with an
// audience, after an approval and where an output is to be masked; else none.
func TestWhenThereIsAGrant(t *testing.T) {
	audience := []string{`{"id": "ViewVendor", "resource"`, `{"id": "ViewVendor", "audience": "api://vendors", "resource"`}
	for _, c := range []struct {
		name     string
		pairs    []string
		by       identity.Principal
		r        authorize.Request
		call     authorize.Call
		approved bool
		want     bool
	}{
		{name: "allow", by: ana(), r: view("Internal"), call: enforce},
		{name: "allow, with an audience", pairs: audience, by: ana(), r: view("Internal"), call: enforce, want: true},
		{name: "mask of an input", by: ana(), r: view("Confidential"), call: enforce},
		{name: "mask of an input, with an audience", pairs: audience, by: ana(), r: view("Confidential"), call: enforce, want: true},
		{name: "mask of an output", by: ana(), r: order("100"), call: enforce, want: true},
		{name: "mask of an output, for nobody", by: app(flow), r: robot(order("100")), call: enforce, want: true},
		{name: "mask of an output, for the developer's user", by: developer(), r: by(order("100"), "ana@contoso.com"), call: enforce, want: true},
		{name: "approved", by: ana(), r: run("systemctl restart nginx"), call: enforce, approved: true, want: true},
		{name: "approved, with a mask", by: ana(), r: order("70000"), call: enforce, approved: true, want: true},
		{name: "waiting", by: ana(), r: order("70000"), call: enforce},
		{name: "denied, with an audience", pairs: audience, by: ana(), r: view("Restricted"), call: enforce},
		{name: "refused", by: ana(), r: by(order("100"), "mia@contoso.com"), call: enforce},
		{name: "a preview", by: ana(), r: order("100"), call: preview},
		{name: "a preview, with an audience", pairs: audience, by: ana(), r: view("Internal"), call: preview},
		{name: "a preview of what is approved", by: ana(), r: order("70000"), call: preview, approved: true},
	} {
		w, keys := issuing(t)
		w.policies.use(changed(t, c.pairs...))
		if c.approved {
			w.approved(t, c.by, c.r)
		}
		a := w.decideAs(t, c.by, c.r, c.call)
		if (a.Grant != "") != c.want {
			t.Errorf("%s: %s %s with the grant %q, want one: %t", c.name, a.Decision, a.ReasonCode, a.Grant, c.want)
		}
		if !c.want || a.Grant == "" {
			continue
		}
		want := "dev"
		if c.pairs != nil {
			want = "api://vendors"
		}
		w.wantClaims(t, c.name, w.claims(t, keys, a.Grant, want), a, c.r)
	}
}

// wantClaims: a grant says what its answer says.
func (w *world) wantClaims(t *testing.T, what string, got grant.Claims, a authorize.Answer, r authorize.Request) {
	t.Helper()
	rec := w.of(t, a)
	want := grant.Claims{
		Issuer: w.public, Audience: got.Audience, Agent: r.AgentID, User: grant.User{ID: rec.UserID, UPN: rec.UserUPN},
		Application: rec.CallerApp, Tenant: tenant, Call: grant.Call{Action: rec.Action, ResourceType: rec.Resource.Type, ResourceID: rec.Resource.ID},
		Effective: grant.EffectiveHash(a.EffectiveParameters), Obligations: a.Obligations, DecisionID: a.DecisionID,
		IssuedAt: w.clock(), NotBefore: w.clock(), Expires: w.clock().Add(grant.Lifetime), RequestDigest: a.RequestDigest,
	}
	for _, p := range a.Policy.Packs {
		want.PolicyHashes = append(want.PolicyHashes, p.RulesHash)
	}
	if a.ReasonCode == policy.OKApproved {
		want.ApprovalID = a.Approval.ID
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: claims (-want +got):\n%s", what, diff)
	}
	if err := got.Permits(want.Call, a.EffectiveParameters); err != nil {
		t.Errorf("%s: Permits = %v", what, err)
	}
}

// A grant never outlives what it rests on: the approval's executeBy.
func TestAGrantEndsWithItsApproval(t *testing.T) {
	w, keys := issuing(t)
	now := noon
	w.clock = func() time.Time { return now }
	w.policies.use(changed(t, overRule, strings.Replace(overRule, `"advice"`, `"executeWithin": "PT20M", "advice"`, 1)))
	id := w.approved(t, ana(), order("70000"))
	now = noon.Add(10 * time.Minute)
	a := w.decideAs(t, ana(), order("70000"), keyed("k"))
	wantCode(t, "the use", a, policy.Mask, policy.OKApproved)
	if got, want := w.claims(t, keys, a.Grant, "dev").Expires, noon.Add(20*time.Minute); !got.Equal(want) {
		t.Errorf("the grant ends at %s, want %s", got, want)
	}
	if got := w.document(t, id).Current.Use.GrantEnds; !got.Equal(noon.Add(20 * time.Minute)) {
		t.Errorf("stored end of the grant = %s, want that of the grant", got)
	}
	auditor := person("aaa", "aud@contoso.com")
	auditor.AppRoles = []string{identity.RoleAuditor}
	_, err := w.votes.Revoke(t.Context(), approval.Reader{Principal: auditor, Tenant: tenant}, id, "", now)
	var closed *approval.ClosedError
	if !errors.As(err, &closed) || !strings.Contains(closed.Detail, "2026-11-21T12:20:00Z") {
		t.Errorf("Revoke after the use = %v, want to be told when the grant ends", err)
	}
	// An approval that is there and not used shortens nothing.
	b := w.decideAs(t, ana(), order("100"), keyed("k"))
	if got := w.claims(t, keys, b.Grant, "dev"); !got.Expires.Equal(now.Add(grant.Lifetime)) || got.ApprovalID != "" {
		t.Errorf("a grant without an approval ends at %s for %q, want %s and none", got.Expires, got.ApprovalID, now.Add(grant.Lifetime))
	}
}

// FR15: a reply that is given again carries the same grant, with the same id.
func TestAReplayCarriesItsGrant(t *testing.T) {
	w, keys := issuing(t)
	now := noon
	w.clock = func() time.Time { return now }
	w.approved(t, ana(), order("70000"))
	first := w.decideAs(t, ana(), order("70000"), keyed("k"))
	now = noon.Add(10 * time.Minute)
	a := w.again(t, ana(), order("70000"), "k")
	w.wantReplayed(t, "with a grant", first, a)
	if got := w.claims(t, keys, a.Grant, "dev").DecisionID; got != first.DecisionID {
		t.Errorf("the grant's id = %s, want %s", got, first.DecisionID)
	}
}

// A service that cannot sign gives no answer that needs a grant, burns nothing
// and records nothing; other answers need no signer.
func TestASignerThatFails(t *testing.T) {
	w := newWorld(t)
	w.grants = failingSigner{}
	id := w.approved(t, ana(), order("70000"))
	before := len(w.recorded(t))
	w.unavailable(t, ana(), order("100"), "grants")
	w.unavailable(t, ana(), order("70000"), "grants")
	if got := len(w.recorded(t)); got != before {
		t.Errorf("%d records more, want none", got-before)
	}
	w.wantStatus(t, "without a signer", id, approval.Approved)
	wantCode(t, "what needs no grant", w.decide(t, ana(), view("Internal")), policy.Allow, policy.OK)
	wantCode(t, "what is denied", w.decide(t, ana(), view("Restricted")), policy.Deny, policy.ClassificationDenied)
	wantCode(t, "what waits", w.decide(t, ana(), order("80000")), policy.RequireApproval, policy.ApprovalRequired)
	wantCode(t, "a preview", w.decideAs(t, ana(), order("100"), preview), policy.Mask, policy.OKMasked)
}

type failingSigner struct{}

func (failingSigner) Issue(context.Context, grant.Facts) (string, time.Time, error) {
	return "half a grant", noon, errBroken
}
