package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

var mutations = flag.Int("mutations", 500, "manifests and documents that somebody tampered with to offer a catalog")

// tampered is a store whose bytes somebody changes behind the publisher's back.
type tampered struct {
	manifest []byte
	docs     map[string][]byte
	revision int
	reads    error // of documents
}

func (s *tampered) Manifest(_ context.Context, _ string, known catalog.Revision) (catalog.Manifest, catalog.Revision, error) {
	revision := catalog.Revision(strconv.Itoa(s.revision))
	if known == revision {
		return catalog.Manifest{}, "", catalog.ErrUnchanged
	}
	m, err := catalog.ParseManifest(s.manifest)
	if err != nil {
		return catalog.Manifest{}, "", err
	}
	return m, revision, nil
}

func (s *tampered) Document(_ context.Context, hash string) ([]byte, error) {
	text, ok := s.docs[hash]
	switch {
	case s.reads != nil:
		return nil, s.reads
	case !ok:
		return nil, catalog.ErrNotFound
	}
	return slices.Clone(text), nil
}

// tamper is one way to change what is published. Each must leave something
// that may not be served; signed says that the publisher's key is in on it.
type tamper func(r *rand.Rand, w *tampered, m *catalog.Manifest)

// signed is what a careless publisher might do: the signature is right.
func signed(edit func(r *rand.Rand, w *tampered, m *catalog.Manifest)) tamper {
	return func(r *rand.Rand, w *tampered, m *catalog.Manifest) {
		edit(r, w, m)
		sign(m)
		w.manifest = m.Encode()
	}
}

// written puts it down as it is, under the signature of what it was.
func written(edit func(r *rand.Rand, m *catalog.Manifest)) tamper {
	return func(r *rand.Rand, w *tampered, m *catalog.Manifest) {
		edit(r, m)
		w.manifest = m.Encode()
	}
}

// inText changes the bytes.
func inText(edit func(r *rand.Rand, text []byte) []byte) tamper {
	return func(r *rand.Rand, w *tampered, m *catalog.Manifest) { w.manifest = edit(r, m.Encode()) }
}

// inDocument changes the bytes of one that is newly named.
func inDocument(edit func(r *rand.Rand, text []byte) []byte) tamper {
	return func(r *rand.Rand, w *tampered, m *catalog.Manifest) {
		hash := m.Packs[2*r.IntN(2)].Hash
		w.docs[hash] = edit(r, slices.Clone(w.docs[hash]))
		w.manifest = m.Encode()
	}
}

// flip changes one byte to another.
func flip(r *rand.Rand, text []byte) []byte {
	text[r.IntN(len(text))] ^= byte(1 + r.IntN(255))
	return text
}

func cut(r *rand.Rand, text []byte) []byte { return text[:r.IntN(len(text))] }

func insert(r *rand.Rand, text []byte) []byte {
	return slices.Insert(text, r.IntN(len(text)), byte('!'+r.IntN(93)))
}

func unknownField(r *rand.Rand, text []byte) []byte {
	return slices.Concat([]byte(`{"x`+strconv.Itoa(r.IntN(1000))+`":1,`), text[1:])
}

func fieldTwice(_ *rand.Rand, text []byte) []byte {
	return slices.Concat([]byte(`{"epoch":99,`), text[1:])
}

var tampers = map[string]tamper{
	"a byte of the manifest":   inText(flip),
	"the manifest, cut":        inText(cut),
	"a byte more":              inText(insert),
	"an unknown field":         inText(unknownField),
	"a field twice":            inText(fieldTwice),
	"a byte of a document":     inDocument(flip),
	"a document, cut":          inDocument(cut),
	"another document":         inDocument(func(*rand.Rand, []byte) []byte { return versionOf("p", 9) }),
	"no signature":             written(func(_ *rand.Rand, m *catalog.Manifest) { m.Signature = "" }),
	"another signature":        written(func(r *rand.Rand, m *catalog.Manifest) { m.Signature = catalog.Hash([]byte(fmt.Sprint(r.Uint64()))) }),
	"a suspension lifted":      written(func(_ *rand.Rand, m *catalog.Manifest) { m.Suspended = nil }),
	"a larger share":           written(func(r *rand.Rand, m *catalog.Manifest) { m.Packs[0].Rollout.BasisPoints += 1 + r.IntN(100) }),
	"another agent in":         written(func(_ *rand.Rand, m *catalog.Manifest) { m.Packs[0].Rollout.Agents = []string{"bot"} }),
	"a version for another":    written(func(_ *rand.Rand, m *catalog.Manifest) { m.Packs[1].Hash = m.Packs[2].Hash }),
	"approvals revived":        written(func(_ *rand.Rand, m *catalog.Manifest) { m.ApprovalsValidFrom = time.Time{} }),
	"a later epoch":            written(func(r *rand.Rand, m *catalog.Manifest) { m.Epoch += 1 + r.Int64N(100) }),
	"an earlier epoch, signed": signed(func(r *rand.Rand, _ *tampered, m *catalog.Manifest) { m.Epoch = 1 + r.Int64N(4) }),
	"the epoch served, signed": signed(func(_ *rand.Rand, _ *tampered, m *catalog.Manifest) { m.Epoch = 5 }),
	"an epoch below, signed":   signed(func(r *rand.Rand, _ *tampered, m *catalog.Manifest) { m.Epoch = -r.Int64N(100) - 1 }),
	"no epoch, signed":         signed(func(_ *rand.Rand, _ *tampered, m *catalog.Manifest) { m.Epoch = 0 }),
	"for prod, signed":         signed(func(_ *rand.Rand, _ *tampered, m *catalog.Manifest) { m.Environment = "prod" }),
	"a newer form, signed":     signed(func(_ *rand.Rand, _ *tampered, m *catalog.Manifest) { m.Schema = 2 }),
	"a missing document":       signed(func(_ *rand.Rand, _ *tampered, m *catalog.Manifest) { m.Packs[1].Hash = catalog.Hash(nil) }),
	"a broken pack, signed": signed(func(r *rand.Rand, w *tampered, m *catalog.Manifest) {
		text := []byte(fmt.Sprintf(`{"schema":1,"pack":"q","version":3,"environment":"dev","tenants":[%q],"nonsense":%d}`, tenant, r.IntN(1000)))
		m.Packs[2].Version, m.Packs[2].Hash = 3, catalog.Hash(text)
		w.docs[catalog.Hash(text)] = text
	}),
	"a pack of prod, signed": signed(func(_ *rand.Rand, w *tampered, m *catalog.Manifest) {
		text := bytes.Replace(versionOf("q", 3), []byte(`"dev"`), []byte(`"prod"`), 1)
		m.Packs[2].Version, m.Packs[2].Hash = 3, catalog.Hash(text)
		w.docs[catalog.Hash(text)] = text
	}),
	"documents that stop coming": func(_ *rand.Rand, w *tampered, m *catalog.Manifest) { w.manifest, w.reads = m.Encode(), errDown },
}

// R9, T35, T38, T39: nothing that somebody tampered with is ever activated, no
// part of it either, and what was served answers throughout. What the publisher
// made is taken after all of it.
func TestNothingTamperedIsServed(t *testing.T) {
	base, next, docs := publications()
	store := &tampered{manifest: base.Encode(), docs: maps.Clone(docs)}
	c := catalog.New(store, catalog.Options{Environment: "dev", Authentic: authentic})
	refresh(t, c, noon)
	was := fingerprint(c)
	names := slices.Sorted(maps.Keys(tampers))
	for i := range *mutations {
		name, random := names[i%len(names)], rand.New(rand.NewPCG(uint64(i), 9))
		m := copied(next)
		store.docs, store.reads = maps.Clone(docs), nil
		tampers[name](random, store, &m)
		store.revision++
		if bytes.Equal(store.manifest, next.Encode()) && maps.EqualFunc(store.docs, docs, bytes.Equal) && store.reads == nil {
			continue // by chance it is what it was
		}
		for range 2 {
			changed, err := c.Refresh(t.Context(), noon.Add(time.Duration(i)*time.Second))
			if got := fingerprint(c); changed || got != was {
				t.Fatalf("try %d, %s: changed %t, %v, serves %s, want %s\n%s", i, name, changed, err, got, was, store.manifest)
			}
		}
		if age := c.Active(noon.Add(time.Duration(i) * time.Second)).Age; age != time.Duration(i)*time.Second {
			t.Fatalf("try %d, %s: age %s, want %d s: nothing confirmed it", i, name, age, i)
		}
	}
	store.manifest, store.docs, store.reads = next.Encode(), docs, nil
	store.revision++
	if changed, err := c.Refresh(t.Context(), noon); !changed || err != nil {
		t.Errorf("Refresh of what was published = %t, %v, want it taken", changed, err)
	}
	if h := c.Health(); h.Refused < int64(min(*mutations/2, 400)) || h.Regressed == 0 {
		t.Errorf("Health = %+v, want what was refused", h)
	}
}

// publications are two manifests of one publisher, and their documents.
func publications() (base, next catalog.Manifest, docs map[string][]byte) {
	docs = map[string][]byte{}
	for _, p := range []struct {
		pack    string
		version int
	}{{"p", 1}, {"p", 2}, {"q", 1}, {"q", 2}} {
		text := versionOf(p.pack, p.version)
		docs[catalog.Hash(text)] = text
	}
	base = catalog.Manifest{
		Schema: catalog.Schema, Environment: "dev", Epoch: 5, IssuedAt: noon, ApprovalsValidFrom: noon,
		Packs:     []catalog.Entry{enforce("p", 1), enforce("q", 1)},
		Suspended: []catalog.Suspension{{Kind: catalog.SuspendAgent, ID: "rogue", Since: noon, By: "mia@contoso.com"}},
	}
	next = base
	next.Epoch, next.IssuedAt = 6, noon.Add(time.Minute)
	next.Packs = []catalog.Entry{rollout("p", 2, 2500, 1), enforce("p", 1), enforce("q", 2)}
	sign(&base)
	sign(&next)
	return base, next, docs
}

func copied(m catalog.Manifest) catalog.Manifest {
	out, err := catalog.ParseManifest(m.Encode())
	if err != nil {
		panic(err)
	}
	return out
}

// fingerprint is everything of the active snapshot that a decision depends on.
func fingerprint(c *catalog.Catalog) string {
	a := c.Active(noon)
	text := fmt.Sprint(a.Epoch, a.Suspended, c.ApprovalsValidFrom().Unix())
	for _, agent := range []string{"", "bot", "other", "rogue"} {
		text += " " + served(c, agent, noon)
	}
	return text
}

// R9: a manifest that is refused stays refused while it is what the store has,
// and one whose document came damaged is looked at again: the fault may be in
// the reading.
func TestADocumentThatCameDamagedIsReadAgain(t *testing.T) {
	base, next, docs := publications()
	store := &tampered{manifest: base.Encode(), docs: docs}
	c := catalog.New(store, catalog.Options{Environment: "dev", Authentic: authentic})
	refresh(t, c, noon)
	hash := next.Packs[0].Hash
	whole := docs[hash]
	docs[hash] = whole[:len(whole)-1]
	store.manifest, store.revision = next.Encode(), 1
	var refused *catalog.RefusedError
	if _, err := c.Refresh(t.Context(), noon); !errors.As(err, &refused) {
		t.Errorf("Refresh = %v, want it refused", err)
	}
	if changed, err := c.Refresh(t.Context(), noon); changed || err != nil {
		t.Errorf("Refresh again = %t, %v, want it told once", changed, err)
	}
	docs[hash] = whole
	if changed, err := c.Refresh(t.Context(), noon); !changed || err != nil {
		t.Errorf("Refresh when it comes whole = %t, %v, want it taken", changed, err)
	}
}
