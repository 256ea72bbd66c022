package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

// versionOf is a published pack in the form in which it is hashed, with an
// agent of the pack's name.
func versionOf(pack string, version int, more ...string) []byte {
	text := fmt.Sprintf(`{"schema":1,"pack":%q,"version":%d,"environment":"dev","tenants":[%q]%s}`, pack, version, tenant, strings.Join(more, ""))
	set, findings := policy.Load([]policy.Document{{Name: pack, Text: []byte(text)}}, policy.LoadOptions{Environment: "dev"})
	if set == nil {
		panic(fmt.Sprint(findings))
	}
	for _, canonical := range set.Documents() {
		return canonical
	}
	panic("no document")
}

// calls is a store, each of whose calls can be made to fail or to wait.
type calls struct {
	catalog.Store
	before func(ctx context.Context, call string) error // nil: nothing
	mu     sync.Mutex
	counts map[string]int
}

func (c *calls) begin(ctx context.Context, call string) error {
	c.mu.Lock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[call]++
	before := c.before
	c.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(ctx, call)
}

func (c *calls) count(call string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[call]
}

// fail has the calls fail from now on; nil repairs.
func (c *calls) fail(before func(ctx context.Context, call string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = before
}

func (c *calls) Manifest(ctx context.Context, environment string, known catalog.Revision) (catalog.Manifest, catalog.Revision, error) {
	if err := c.begin(ctx, "manifest"); err != nil {
		return catalog.Manifest{}, "", err
	}
	return c.Store.Manifest(ctx, environment, known)
}

func (c *calls) Document(ctx context.Context, hash string) ([]byte, error) {
	if err := c.begin(ctx, "document"); err != nil {
		return nil, err
	}
	return c.Store.Document(ctx, hash)
}

var errDown = errors.New("the store is down")

func down(context.Context, string) error { return errDown }

// hung answers when its caller gives up.
func hung(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// cloud is a database with published packs, what keeps the last good beside
// it, and instances over both.
type cloud struct {
	editor storetest.MemoryEditor
	store  *calls
	kept   storetest.MemoryLastGood
	keeper *calls // of kept
	hard   time.Duration
}

func newCloud() *cloud {
	c := &cloud{hard: 24 * time.Hour}
	c.store, c.keeper = &calls{Store: &c.editor}, &calls{}
	c.kept.Fail = c.keeper.begin
	return c
}

// instance is a process that has not looked at anything yet.
func (c *cloud) instance() *catalog.Catalog {
	return catalog.New(c.store, catalog.Options{
		Environment: "dev", SoftStale: 15 * time.Minute, HardStale: c.hard,
		BeforeUse: c.kept.KeepPacks, Authentic: authentic, LastGood: &c.kept,
	})
}

// sign stands for the publisher's key.
func sign(m *catalog.Manifest) {
	m.Signature = catalog.Hash(append([]byte("the publisher's key"), m.Canonical()...))
}

var errForged = errors.New("forged")

func authentic(_ context.Context, m *catalog.Manifest) error {
	signed := *m
	if sign(&signed); signed.Signature != m.Signature {
		return errForged
	}
	return nil
}

// enforce is an entry for everybody, shadow one for the record.
func enforce(pack string, version int) catalog.Entry {
	return catalog.Entry{Pack: pack, Version: version, Hash: catalog.Hash(versionOf(pack, version)), Mode: catalog.ModeEnforce}
}

func shadow(pack string, version int) catalog.Entry {
	e := enforce(pack, version)
	e.Mode = catalog.ModeShadow
	return e
}

func rollout(pack string, version, basisPoints, other int) catalog.Entry {
	e := enforce(pack, version)
	e.Rollout = &catalog.Rollout{BasisPoints: basisPoints, Salt: "s", Else: other}
	return e
}

func agents(e catalog.Entry, ids ...string) catalog.Entry {
	e.Rollout.Agents = ids
	return e
}

// serves is an edit to those entries.
func serves(entries ...catalog.Entry) func(*catalog.Manifest) {
	return func(m *catalog.Manifest) { m.Packs = entries }
}

// publish makes the next epoch of what is published, as a publisher does.
func (c *cloud) publish(t testing.TB, at time.Time, edit func(*catalog.Manifest)) catalog.Manifest {
	t.Helper()
	m, was, err := c.editor.Manifest(t.Context(), "dev", "")
	if errors.Is(err, catalog.ErrNotFound) {
		m, err = catalog.Manifest{Schema: catalog.Schema, Environment: "dev"}, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	m.Epoch, m.IssuedAt = m.Epoch+1, at.UTC()
	edit(&m)
	for _, e := range m.Packs {
		text := versionOf(e.Pack, e.Version)
		if e.Hash != catalog.Hash(text) {
			continue // put there by the test
		}
		if err := c.editor.PutDocument(t.Context(), catalog.Published{Environment: "dev", Pack: e.Pack, Version: e.Version, Hash: e.Hash, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	sign(&m)
	if _, err := c.editor.PutManifest(t.Context(), m, was); err != nil {
		t.Fatal(err)
	}
	return m
}

// put publishes a version with more in it than [versionOf] gives.
func (c *cloud) put(t testing.TB, pack string, version int, more string) catalog.Entry {
	t.Helper()
	return c.putText(t, pack, version, versionOf(pack, version, more))
}

func (c *cloud) putText(t testing.TB, pack string, version int, text []byte) catalog.Entry {
	t.Helper()
	e := catalog.Entry{Pack: pack, Version: version, Hash: catalog.Hash(text)}
	if err := c.editor.PutDocument(t.Context(), catalog.Published{Environment: "dev", Pack: pack, Version: version, Hash: e.Hash, Text: text}); err != nil {
		t.Fatal(err)
	}
	return e
}

// refresh is a look that must go well.
func refresh(t testing.TB, c *catalog.Catalog, now time.Time) {
	t.Helper()
	if _, err := c.Refresh(t.Context(), now); err != nil {
		t.Fatalf("Refresh = %v", err)
	}
}

// served are the packs for an agent, such as "p@1 q@2".
func served(c *catalog.Catalog, agent string, now time.Time) string {
	a := c.Active(now).For(agent)
	if a.Set == nil {
		return "nothing"
	}
	var names []string
	for _, p := range a.Set.Packs(now) {
		names = append(names, fmt.Sprintf("%s@%d", p.Pack, p.Version))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func wantServed(t testing.TB, what string, c *catalog.Catalog, agent string, now time.Time, want string) {
	t.Helper()
	if got := served(c, agent, now); got != want {
		t.Errorf("%s: %s gets %q, want %q", what, agent, got, want)
	}
}
