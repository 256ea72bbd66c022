package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

func TestPublishedContract(t *testing.T) {
	storetest.CatalogEditor(t, func(t *testing.T) catalog.Editor { return NewPublished(t.TempDir()) })
}

func packDocument(version int) catalog.Published {
	text := fmt.Appendf(nil, `{"environment":"dev","pack":"p","schema":1,"tenants":["11111111-1111-1111-1111-111111111111"],"version":%d}`, version)
	return catalog.Published{Environment: "dev", Pack: "p", Version: version, Hash: catalog.Hash(text), Text: text}
}

func publishedBy(dir, by string) *catalog.Publisher {
	return catalog.NewPublisher(NewPublished(dir), catalog.PublisherOptions{
		Environment: "dev", By: by, Record: func(context.Context, catalog.Event) error { return nil },
	})
}

func publishVersion(t *testing.T, dir string, version int) {
	t.Helper()
	doc := policy.Document{Name: "p.json", Text: packDocument(version).Text}
	if _, err := publishedBy(dir, "ana").Publish(t.Context(), []policy.Document{doc}, catalog.Publication{}); err != nil {
		t.Fatal(err)
	}
}

// What is published is served by manifest, other files beside it are not, and
// what is served stays when the directory is damaged.
func TestPacksServeAPublishedDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "below", "published")
	publishVersion(t, dir, 1)
	writeFile(t, filepath.Join(dir, "stray.json"), `{"schema":1,"pack":"stray"}`)
	c := catalog.New(NewPacks(os.DirFS(dir)), catalog.Options{Environment: "dev"})
	refresh := func(want bool) error {
		t.Helper()
		changed, err := c.Refresh(t.Context(), time.Now())
		if changed != want {
			t.Fatalf("Refresh = %t, %v, want %t", changed, err, want)
		}
		return err
	}
	wantServed := func(epoch int64, version int) {
		t.Helper()
		a := c.Active(time.Now())
		if packs := a.Set.Packs(time.Now()); a.Epoch != epoch || len(packs) != 1 || packs[0].Version != version || packs[0].Hash != packDocument(version).Hash {
			t.Fatalf("served are %v at epoch %d, want version %d at %d", packs, a.Epoch, version, epoch)
		}
	}
	_ = refresh(true)
	wantServed(1, 1)
	publishVersion(t, dir, 2)
	_ = refresh(true)
	wantServed(2, 2)

	// T39: a document that was changed is not what was published.
	publishVersion(t, dir, 3)
	name, _ := documentName(packDocument(3).Hash)
	writeFile(t, filepath.Join(dir, documentFolder, name), `{"schema":1,"pack":"p","version":3}`)
	if err := refresh(false); err == nil {
		t.Error("a document with another hash was taken without a word")
	}
	wantServed(2, 2)

	// A manifest that is gone, or cut, lifts no suspension and serves nobody else.
	for _, text := range []string{"", "{", `{"suspended":[]}`, `{"schema":1,"packs":[]}`} {
		if text == "" {
			if err := os.Remove(filepath.Join(dir, manifestFile)); err != nil {
				t.Fatal(err)
			}
		} else {
			writeFile(t, filepath.Join(dir, manifestFile), text)
		}
		if err := refresh(false); err == nil {
			t.Errorf("manifest.json as %q was taken without a word", text)
		}
		wantServed(2, 2)
	}
}

// What a publisher leaves that is killed anywhere is no version and no manifest.
func TestRemainsOfAKilledPublisher(t *testing.T) {
	dir := t.TempDir()
	publishVersion(t, dir, 1)
	for _, name := range []string{".manifest.123", "versions/p@2.json.456", "documents/" + strings.Repeat("a", 64) + ".json.7"} {
		writeFile(t, filepath.Join(dir, name), "{")
	}
	versions, err := NewPublished(dir).Versions(t.Context(), "dev", "")
	if err != nil || len(versions) != 1 {
		t.Errorf("Versions = %v, %v, want the one that was published", versions, err)
	}
	publishVersion(t, dir, 2)
	m, _, err := NewPublished(dir).Manifest(t.Context(), "dev", "")
	if err != nil || m.Epoch != 2 || len(m.Packs) != 1 || m.Packs[0].Version != 2 {
		t.Errorf("Manifest = %+v, %v, want epoch 2", m, err)
	}
}

// T06: no name of a pack leads out of the directory.
func TestPublishedNamesStayInside(t *testing.T) {
	for _, pack := range []string{"../p", "p/q", "", ".", "P", "p@1"} {
		d := packDocument(1)
		d.Pack = pack
		if err := NewPublished(t.TempDir()).PutDocument(t.Context(), d); err == nil {
			t.Errorf("PutDocument of pack %q = nil, want an error", pack)
		}
	}
	for _, hash := range []string{"sha256:../../manifest", "sha256:", "sha256:" + strings.Repeat("A", 64), "md5:" + strings.Repeat("a", 64)} {
		if _, err := NewPublished(t.TempDir()).Document(t.Context(), hash); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("Document(%q) = %v, want ErrNotFound", hash, err)
		}
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
