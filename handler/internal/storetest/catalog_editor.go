package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
)

// CatalogEditor runs the contract of [catalog.Editor], that of [catalog.Store]
// included. Open makes a fresh store, in which nothing was published.
func CatalogEditor(t *testing.T, open func(t *testing.T) catalog.Editor) {
	t.Run("store", func(t *testing.T) {
		Catalog(t, func(t *testing.T) (catalog.Store, Publish) {
			e := open(t)
			return e, PublishTo(e)
		})
	})
	for name, test := range map[string]func(*testing.T, catalog.Editor){
		"an environment without manifest has none":       editorEmpty,
		"a version never changes":                        versionNeverChanges,
		"the same bytes again are no error":              sameBytesAgain,
		"a document is not what its hash says":           wrongHash,
		"versions come by pack and rising version":       versionsInOrder,
		"a version of no manifest is readable":           versionWithoutManifest,
		"a manifest is what was put":                     manifestIsWhatWasPut,
		"a manifest is made once":                        manifestMadeOnce,
		"a manifest is replaced at its revision only":    manifestReplaced,
		"a revision is not believed twice":               revisionOnce,
		"environments are apart":                         environmentsApart,
		"one of two publishers wins":                     onePublisherWins,
		"one of many publishers makes the manifest":      oneMakesManifest,
		"one of two contents becomes the version":        oneContentWins,
		"an ended context writes nothing":                endedContextWritesNothing,
		"a large document":                               largeDocument,
		"results and arguments belong to the caller":     editorKeepsNothing,
		"a published manifest says unchanged to its own": unchangedAfterPut,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// PublishTo is a [Publish] through an editor: every document becomes a version
// of a pack of its own.
func PublishTo(e catalog.Editor) Publish {
	version := 0
	return func(t *testing.T, docs ...policy.Document) {
		t.Helper()
		version++
		was := catalog.Revision("")
		m, revision, err := e.Manifest(t.Context(), "dev", "")
		switch {
		case err == nil:
			was = revision
		case !errors.Is(err, catalog.ErrNotFound):
			t.Fatalf("Manifest = %v", err)
		}
		next := manifestOf(m.Epoch + 1)
		for i, d := range docs {
			p := publishedAs("pack"+strconv.Itoa(i), version, string(d.Text))
			putDocument(t, e, p)
			next.Packs = append(next.Packs, entryOf(p))
		}
		putManifest(t, e, next, was)
	}
}

// published is a version of a pack of that name with a text made of it.
func published(pack string, version int) catalog.Published {
	return publishedAs(pack, version, fmt.Sprintf(`{"pack":%q,"version":%d}`, pack, version))
}

func publishedAs(pack string, version int, text string) catalog.Published {
	return catalog.Published{
		Environment: "dev", Pack: pack, Version: version, Hash: catalog.Hash([]byte(text)), Text: []byte(text),
	}
}

func entryOf(p catalog.Published) catalog.Entry {
	return catalog.Entry{Pack: p.Pack, Version: p.Version, Hash: p.Hash, Mode: catalog.ModeEnforce}
}

// manifestOf is a manifest that uses every member.
func manifestOf(epoch int64, packs ...catalog.Published) catalog.Manifest {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	m := catalog.Manifest{
		Schema: catalog.Schema, Environment: "dev", Epoch: epoch, IssuedAt: at, ApprovalsValidFrom: at.Add(-time.Hour),
		Packs:     []catalog.Entry{},
		Suspended: []catalog.Suspension{{Kind: catalog.SuspendAgent, ID: "a", Since: at, By: "ana@contoso.com", Reason: "a \"test\""}},
		Change:    catalog.Made{Kind: "policy.published", By: "ana@contoso.com", At: at, Detail: "epoch " + strconv.FormatInt(epoch, 10)},
		Signature: "a.b.c",
	}
	for _, p := range packs {
		m.Packs = append(m.Packs, entryOf(p))
	}
	return m
}

func putDocument(t *testing.T, e catalog.Editor, p catalog.Published) {
	t.Helper()
	if err := e.PutDocument(t.Context(), p); err != nil {
		t.Fatalf("PutDocument(%s@%d) = %v", p.Pack, p.Version, err)
	}
}

func putManifest(t *testing.T, e catalog.Editor, m catalog.Manifest, was catalog.Revision) catalog.Revision {
	t.Helper()
	revision, err := e.PutManifest(t.Context(), m, was)
	if err != nil || revision == "" || revision == was {
		t.Fatalf("PutManifest(epoch %d, %q) = %q, %v, want another revision", m.Epoch, was, revision, err)
	}
	return revision
}

func wantManifest(t *testing.T, e catalog.Editor, want catalog.Manifest) catalog.Revision {
	t.Helper()
	got, revision, err := e.Manifest(t.Context(), want.Environment, "")
	if err != nil {
		t.Fatalf("Manifest = %v", err)
	}
	if diff := cmp.Diff(string(want.Encode()), string(got.Encode())); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	return revision
}

func wantVersions(t *testing.T, e catalog.Editor, pack string, want ...catalog.Published) {
	t.Helper()
	got, err := e.Versions(t.Context(), "dev", pack)
	if err != nil {
		t.Fatalf("Versions(%q) = %v", pack, err)
	}
	bare := []catalog.Published{}
	for _, p := range want {
		p.Text = nil
		bare = append(bare, p)
	}
	if diff := cmp.Diff(bare, append([]catalog.Published{}, got...)); diff != "" {
		t.Errorf("Versions(%q) (-want +got):\n%s", pack, diff)
	}
}

func editorEmpty(t *testing.T, e catalog.Editor) {
	_, _, err := e.Manifest(t.Context(), "dev", "")
	wantError(t, "Manifest of an empty store", err, catalog.ErrNotFound)
	wantVersions(t, e, "")
	wantVersions(t, e, "p")
}

// T35, T39: a published version never changes.
func versionNeverChanges(t *testing.T, e catalog.Editor) {
	first, other := publishedAs("p", 1, `{"v":1}`), publishedAs("p", 1, `{"v":2}`)
	putDocument(t, e, first)
	wantError(t, "another content for a version", e.PutDocument(t.Context(), other), catalog.ErrExists)
	wantVersions(t, e, "p", first)
	if text, err := e.Document(t.Context(), first.Hash); err != nil || string(text) != `{"v":1}` {
		t.Errorf("Document = %q, %v, want the first text", text, err)
	}
}

func sameBytesAgain(t *testing.T, e catalog.Editor) {
	p := published("p", 1)
	for range 3 {
		putDocument(t, e, p)
	}
	wantVersions(t, e, "", p)
	q := p // one text under two versions
	q.Version = 2
	putDocument(t, e, q)
	wantVersions(t, e, "", p, q)
}

func wrongHash(t *testing.T, e catalog.Editor) {
	p := published("p", 1)
	p.Hash = catalog.Hash([]byte("another"))
	if err := e.PutDocument(t.Context(), p); err == nil {
		t.Error("PutDocument under the hash of another text = nil, want an error")
	}
	wantVersions(t, e, "")
}

func versionsInOrder(t *testing.T, e catalog.Editor) {
	for _, p := range []catalog.Published{
		published("q", 2), published("p", 10), published("p-2", 1), published("p", 9), published("q", 1), published("p", 100),
	} {
		putDocument(t, e, p)
	}
	wantVersions(t, e, "p", published("p", 9), published("p", 10), published("p", 100))
	wantVersions(t, e, "q", published("q", 1), published("q", 2))
	wantVersions(t, e, "none")
	wantVersions(t, e, "", published("p", 9), published("p", 10), published("p", 100), published("p-2", 1), published("q", 1), published("q", 2))
}

// versionWithoutManifest: a rollback names a version that no manifest names any more.
func versionWithoutManifest(t *testing.T, e catalog.Editor) {
	first := published("p", 1)
	revision := catalog.Revision("")
	for v := range 5 {
		p := published("p", v+1)
		putDocument(t, e, p)
		revision = putManifest(t, e, manifestOf(int64(v+1), p), revision)
	}
	if text, err := e.Document(t.Context(), first.Hash); err != nil || string(text) != string(first.Text) {
		t.Errorf("Document of a version that four manifests do not name = %q, %v", text, err)
	}
}

func manifestIsWhatWasPut(t *testing.T, e catalog.Editor) {
	p, q := published("p", 1), published("q", 7)
	putDocument(t, e, p)
	putDocument(t, e, q)
	m := manifestOf(3, p, q)
	m.Packs[1].Mode = catalog.ModeShadow
	m.Packs[0].Rollout = &catalog.Rollout{BasisPoints: 2500, Salt: "r1", Agents: []string{"x", "y"}, Else: 4}
	revision := putManifest(t, e, m, "")
	if got := wantManifest(t, e, m); got != revision {
		t.Errorf("Manifest is at %q, PutManifest said %q", got, revision)
	}
}

func manifestMadeOnce(t *testing.T, e catalog.Editor) {
	m := manifestOf(1)
	putManifest(t, e, m, "")
	_, err := e.PutManifest(t.Context(), manifestOf(2), "")
	wantError(t, "making a manifest that is there", err, catalog.ErrConflict)
	wantManifest(t, e, m)
}

func manifestReplaced(t *testing.T, e catalog.Editor) {
	_, err := e.PutManifest(t.Context(), manifestOf(1), "a-revision")
	wantError(t, "replacing a manifest that is not there", err, catalog.ErrConflict)
	_, _, err = e.Manifest(t.Context(), "dev", "")
	wantError(t, "Manifest afterwards", err, catalog.ErrNotFound)

	first := putManifest(t, e, manifestOf(1), "")
	second := putManifest(t, e, manifestOf(2), first)
	for _, was := range []catalog.Revision{first, "another", second + "x"} {
		_, err := e.PutManifest(t.Context(), manifestOf(3), was)
		wantError(t, fmt.Sprintf("PutManifest at %q", was), err, catalog.ErrConflict)
	}
	wantManifest(t, e, manifestOf(2))
}

// revisionOnce: a manifest that was put back as it was is not at its old
// revision for whoever knows the one between, unless it is the very same.
func revisionOnce(t *testing.T, e catalog.Editor) {
	seen := map[catalog.Revision]int64{}
	revision := catalog.Revision("")
	for epoch := range int64(6) {
		revision = putManifest(t, e, manifestOf(epoch+1), revision)
		if was, ok := seen[revision]; ok {
			t.Errorf("epochs %d and %d are at one revision", was, epoch+1)
		}
		seen[revision] = epoch + 1
	}
}

// environmentsApart: what is put for one environment is never read as the
// manifest of another, and never replaces it. A store may keep one only.
func environmentsApart(t *testing.T, e catalog.Editor) {
	dev := manifestOf(5)
	putManifest(t, e, dev, "")
	if m, _, err := e.Manifest(t.Context(), "prod", ""); err == nil && m.Environment != "dev" {
		t.Errorf("Manifest of prod = %+v, want none", m)
	}
	prod := manifestOf(1)
	prod.Environment = "prod"
	if _, err := e.PutManifest(t.Context(), prod, ""); err == nil {
		wantManifest(t, e, prod)
	}
	wantManifest(t, e, dev)
}

// contend runs n writers at once and returns what each got.
func contend(n int, write func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { <-start; errs[i] = write(i) })
	}
	close(start)
	wg.Wait()
	return errs
}

// wantOneWinner returns who won; all others must have got that error.
func wantOneWinner(t *testing.T, errs []error, lost error) int {
	t.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Errorf("writers %d and %d both won", winner, i)
		case !errors.Is(err, lost):
			t.Errorf("writer %d = %v, want %v", i, err, lost)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	return winner
}

// T39: of two publishers at one revision exactly one wins, and what it put stays.
func onePublisherWins(t *testing.T, e catalog.Editor) {
	revision := putManifest(t, e, manifestOf(1), "")
	for epoch := int64(2); epoch < 12; epoch++ {
		by := func(i int) catalog.Manifest {
			m := manifestOf(epoch)
			m.Change.By = "publisher " + strconv.Itoa(i)
			return m
		}
		errs := contend(2, func(i int) error {
			_, err := e.PutManifest(t.Context(), by(i), revision)
			return err
		})
		revision = wantManifest(t, e, by(wantOneWinner(t, errs, catalog.ErrConflict)))
	}
}

func oneMakesManifest(t *testing.T, e catalog.Editor) {
	by := func(i int) catalog.Manifest {
		m := manifestOf(1)
		m.Change.By = "publisher " + strconv.Itoa(i)
		return m
	}
	errs := contend(8, func(i int) error {
		_, err := e.PutManifest(t.Context(), by(i), "")
		return err
	})
	wantManifest(t, e, by(wantOneWinner(t, errs, catalog.ErrConflict)))
}

func oneContentWins(t *testing.T, e catalog.Editor) {
	text := func(i int) catalog.Published { return publishedAs("p", 1, fmt.Sprintf(`{"by":%d}`, i)) }
	errs := contend(8, func(i int) error { return e.PutDocument(t.Context(), text(i)) })
	won := text(wantOneWinner(t, errs, catalog.ErrExists))
	wantVersions(t, e, "", won)
	if got, err := e.Document(t.Context(), won.Hash); err != nil || string(got) != string(won.Text) {
		t.Errorf("Document of the winner = %q, %v", got, err)
	}
}

func endedContextWritesNothing(t *testing.T, e catalog.Editor) {
	revision := putManifest(t, e, manifestOf(1), "")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.PutDocument(ended, published("p", 1)); err == nil {
		t.Error("PutDocument with an ended context = nil, want an error")
	}
	if _, err := e.PutManifest(ended, manifestOf(2), revision); err == nil {
		t.Error("PutManifest with an ended context = nil, want an error")
	}
	if _, err := e.Versions(ended, "dev", ""); err == nil {
		t.Error("Versions with an ended context = nil, want an error")
	}
	wantVersions(t, e, "")
	wantManifest(t, e, manifestOf(1))
}

func largeDocument(t *testing.T, e catalog.Editor) {
	text := make([]byte, 1_500_000)
	for i := range text {
		text[i] = "abcdefgh"[(i*7+i/13)%8]
	}
	p := publishedAs("large", 1, `{"v":"`+string(text)+`"}`)
	putDocument(t, e, p)
	got, err := e.Document(t.Context(), p.Hash)
	if err != nil || string(got) != string(p.Text) {
		t.Errorf("Document = %d bytes, %v, want the %d that were put", len(got), err, len(p.Text))
	}
	wantVersions(t, e, "", p)
}

func editorKeepsNothing(t *testing.T, e catalog.Editor) {
	p := published("p", 1)
	putDocument(t, e, p)
	m := manifestOf(1, p)
	putManifest(t, e, m, "")
	p.Text[0] = 'X'
	m.Packs[0].Version, m.Suspended[0].ID = 99, "another"
	got, _, err := e.Manifest(t.Context(), "dev", "")
	if err != nil || len(got.Packs) != 1 || got.Packs[0].Version != 1 || got.Suspended[0].ID != "a" {
		t.Fatalf("Manifest after the caller changed its own = %+v, %v", got, err)
	}
	got.Packs[0].Version = 98
	wantManifest(t, e, manifestOf(1, published("p", 1)))
	if text, err := e.Document(t.Context(), p.Hash); err != nil || catalog.Hash(text) != p.Hash {
		t.Errorf("Document after the caller changed its own = %q, %v", text, err)
	}
}

func unchangedAfterPut(t *testing.T, e catalog.Editor) {
	first := putManifest(t, e, manifestOf(1), "")
	_, _, err := e.Manifest(t.Context(), "dev", first)
	wantError(t, "Manifest at the revision that was put", err, catalog.ErrUnchanged)
	putManifest(t, e, manifestOf(2), first)
	if m, _, err := e.Manifest(t.Context(), "dev", first); err != nil || m.Epoch != 2 {
		t.Errorf("Manifest for one who knows the old revision = epoch %d, %v, want 2", m.Epoch, err)
	}
}
