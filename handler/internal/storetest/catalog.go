package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
)

// Publish makes documents the newest of a catalog's environment "dev".
type Publish func(t *testing.T, docs ...policy.Document)

// Catalog runs the contract of [catalog.Store]. Open makes a fresh store, in
// which nothing was published, and the way to publish there.
func Catalog(t *testing.T, open func(t *testing.T) (catalog.Store, Publish)) {
	for name, test := range map[string]func(*testing.T, catalog.Store, Publish){
		"documents are what was published":    documentsArePublished,
		"an unchanged manifest says so":       unchangedSaysSo,
		"a change has another revision":       changeHasRevision,
		"the manifest before can be read":     manifestBefore,
		"an unknown document is not found":    unknownDocument,
		"results belong to the caller":        resultsBelong,
		"an ended context is an error":        catalogEndedContext,
		"a document that was put back is one": documentPutBack,
	} {
		t.Run(name, func(t *testing.T) {
			store, publish := open(t)
			test(t, store, publish)
		})
	}
}

func doc(name, text string) policy.Document { return policy.Document{Name: name, Text: []byte(text)} }

func manifest(t *testing.T, s catalog.Store, known catalog.Revision) (catalog.Manifest, catalog.Revision) {
	t.Helper()
	m, revision, err := s.Manifest(t.Context(), "dev", known)
	if err != nil {
		t.Fatalf("Manifest = %v", err)
	}
	if m.Schema != catalog.Schema || m.Environment != "dev" || revision == "" {
		t.Fatalf("Manifest = schema %d, environment %q at revision %q", m.Schema, m.Environment, revision)
	}
	return m, revision
}

// texts are the documents of a manifest, each checked against its hash.
func texts(t *testing.T, s catalog.Store, m catalog.Manifest) []string {
	t.Helper()
	out := []string{}
	for _, e := range m.Packs {
		text, err := s.Document(t.Context(), e.Hash)
		if err != nil {
			t.Fatalf("Document(%s) = %v", e.Hash, err)
		}
		if hash := catalog.Hash(text); hash != e.Hash {
			t.Errorf("Document(%s) has hash %s", e.Hash, hash)
		}
		out = append(out, string(text))
	}
	return out
}

func wantTexts(t *testing.T, s catalog.Store, m catalog.Manifest, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, texts(t, s, m)); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
}

func documentsArePublished(t *testing.T, s catalog.Store, publish Publish) {
	publish(t, doc("a.json", `{"pack": "a"}`), doc("b.json", " {\"pack\":\"b\"}\n"))
	m, _ := manifest(t, s, "")
	wantTexts(t, s, m, `{"pack": "a"}`, " {\"pack\":\"b\"}\n")
}

func unchangedSaysSo(t *testing.T, s catalog.Store, publish Publish) {
	docs := []policy.Document{doc("a.json", `{}`), doc("b.json", `[]`), doc("c.json", `1`), doc("d.json", `2`)}
	publish(t, docs...)
	_, revision := manifest(t, s, "")
	for range 10 {
		_, _, err := s.Manifest(t.Context(), "dev", revision)
		wantError(t, "Manifest at the revision it is at", err, catalog.ErrUnchanged)
	}
	publish(t, docs...)
	_, _, err := s.Manifest(t.Context(), "dev", revision)
	if err != nil && !errors.Is(err, catalog.ErrUnchanged) {
		t.Errorf("Manifest after the same was published = %v", err)
	}
	if m, _ := manifest(t, s, "another"); len(m.Packs) != len(docs) {
		t.Errorf("Manifest for one who knows another revision = %+v, want it whole", m)
	}
}

func changeHasRevision(t *testing.T, s catalog.Store, publish Publish) {
	seen := map[catalog.Revision]string{}
	known := catalog.Revision("")
	for _, text := range []string{`{"v":1}`, `{"v":2}`, `{"v":3}`} { // all of one length
		publish(t, doc("a.json", text))
		m, revision := manifest(t, s, known)
		if was := seen[revision]; was != "" {
			t.Errorf("%s and %s are at one revision", was, text)
		}
		wantTexts(t, s, m, text)
		seen[revision], known = text, revision
	}
}

// manifestBefore: whoever has read a manifest can read all of it, although the
// next was published meanwhile.
func manifestBefore(t *testing.T, s catalog.Store, publish Publish) {
	publish(t, doc("a.json", `{"v":1}`))
	before, revision := manifest(t, s, "")
	publish(t, doc("a.json", `{"v":2}`))
	wantTexts(t, s, before, `{"v":1}`)
	after, _ := manifest(t, s, revision)
	wantTexts(t, s, before, `{"v":1}`)
	wantTexts(t, s, after, `{"v":2}`)
}

func unknownDocument(t *testing.T, s catalog.Store, publish Publish) {
	publish(t, doc("a.json", `{}`))
	manifest(t, s, "")
	for _, hash := range []string{"", "x", catalog.Hash([]byte("never"))} {
		_, err := s.Document(t.Context(), hash)
		wantError(t, "Document("+hash+")", err, catalog.ErrNotFound)
	}
}

func resultsBelong(t *testing.T, s catalog.Store, publish Publish) {
	publish(t, doc("a.json", `{"v":1}`))
	m, _ := manifest(t, s, "")
	text, err := s.Document(t.Context(), m.Packs[0].Hash)
	if err != nil {
		t.Fatal(err)
	}
	text[0] = 'X'
	wantTexts(t, s, m, `{"v":1}`)
}

func catalogEndedContext(t *testing.T, s catalog.Store, publish Publish) {
	publish(t, doc("a.json", `{}`))
	m, _ := manifest(t, s, "")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Manifest(ended, "dev", ""); err == nil {
		t.Error("Manifest with an ended context = nil, want an error")
	}
	if _, err := s.Document(ended, m.Packs[0].Hash); err == nil {
		t.Error("Document with an ended context = nil, want an error")
	}
}

func documentPutBack(t *testing.T, s catalog.Store, publish Publish) {
	publish(t, doc("a.json", `{"v":1}`))
	first, revision := manifest(t, s, "")
	publish(t, doc("a.json", `{"v":2}`))
	_, revision = manifest(t, s, revision)
	publish(t, doc("a.json", `{"v":1}`))
	third, _ := manifest(t, s, revision)
	if first.Packs[0].Hash != third.Packs[0].Hash {
		t.Errorf("one text has hashes %s and %s", first.Packs[0].Hash, third.Packs[0].Hash)
	}
	wantTexts(t, s, third, `{"v":1}`)
}
