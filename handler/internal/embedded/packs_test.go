package embedded

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
	"github.com/authorization-fabric/fabric/policy"
)

func TestPacksContract(t *testing.T) {
	storetest.Catalog(t, func(t *testing.T) (catalog.Store, storetest.Publish) {
		dir := t.TempDir()
		return NewPacks(os.DirFS(dir)), func(t *testing.T, docs ...policy.Document) {
			for _, d := range docs {
				write(t, filepath.Join(dir, d.Name), string(d.Text))
			}
		}
	})
}

// policy-pack 1.3: which files of a directory are read.
func TestReadDocuments(t *testing.T) {
	fsys := fstest.MapFS{}
	for _, name := range []string{
		"b.json", "a.json", "a.bindings.dev.json", "UPPER.json", "with blank.json",
		"a.test.json", "pack.schema.json", "manifest.json", "notes.md", "json", "a.json~", "a.JSON", ".a.json", ".#a.json", "sub/c.json", "dir.json/d.json",
	} {
		fsys[name] = &fstest.MapFile{Data: []byte(name)}
	}
	docs, err := ReadDocuments(fsys)
	if err != nil {
		t.Fatalf("ReadDocuments = %v", err)
	}
	var got []string
	for _, d := range docs {
		if string(d.Text) != d.Name {
			t.Errorf("%s has the text %q", d.Name, d.Text)
		}
		got = append(got, d.Name)
	}
	if want := []string{"UPPER.json", "a.bindings.dev.json", "a.json", "b.json", "with blank.json"}; !slices.Equal(got, want) {
		t.Errorf("ReadDocuments = %q, want %q", got, want)
	}
}

func TestReadDocumentsErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadDocuments(os.DirFS(filepath.Join(dir, "none"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadDocuments of no directory = %v, want ErrNotExist", err)
	}
	write(t, filepath.Join(dir, "file"), "")
	if _, err := ReadDocuments(os.DirFS(filepath.Join(dir, "file"))); err == nil {
		t.Error("ReadDocuments of a file = nil, want an error")
	}
	big := fstest.MapFS{"big.json": &fstest.MapFile{Data: make([]byte, maxPackFile+1)}}
	if _, err := ReadDocuments(big); err == nil || !strings.Contains(err.Error(), "big.json") {
		t.Errorf("ReadDocuments of a large file = %v, want an error that names it", err)
	}
	many := fstest.MapFS{}
	for i := range maxPackFiles + 1 {
		many[strings.Repeat("x", i+1)+".json"] = &fstest.MapFile{}
	}
	if _, err := ReadDocuments(many); err == nil {
		t.Error("ReadDocuments of too many files = nil, want an error")
	}
}

// directory is a catalog over files.
type directory struct {
	t       *testing.T
	path    string
	catalog *catalog.Catalog
	now     time.Time
}

func newDirectory(t *testing.T) *directory {
	t.Helper()
	d := &directory{t: t, path: t.TempDir(), now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	d.catalog = catalog.New(NewPacks(os.DirFS(d.path)), catalog.Options{Environment: "dev"})
	return d
}

func (d *directory) write(name, text string) { write(d.t, filepath.Join(d.path, name), text) }

// refresh is one look at the directory, a second after the last.
func (d *directory) refresh() (bool, error) {
	d.now = d.now.Add(time.Second)
	return d.catalog.Refresh(d.t.Context(), d.now)
}

func (d *directory) want(what string, epoch int64, versions ...int) {
	d.t.Helper()
	a := d.catalog.Active(d.now)
	got := []int{}
	for _, p := range a.Set.Packs(d.now) {
		got = append(got, p.Version)
	}
	if a.Epoch != epoch || !slices.Equal(got, versions) {
		d.t.Errorf("%s: epoch %d, versions %v, want epoch %d, versions %v", what, a.Epoch, got, epoch, versions)
	}
}

func (d *directory) mustTake(what string) {
	d.t.Helper()
	if changed, err := d.refresh(); !changed || err != nil {
		d.t.Fatalf("%s: Refresh = %t, %v, want it taken", what, changed, err)
	}
}

func packText(version string) string {
	return `{"schema":1,"pack":"p","version":` + version + `,"environment":"dev","tenants":["11111111-1111-1111-1111-111111111111"]}`
}

func TestADirectoryFollowsItsFiles(t *testing.T) {
	d := newDirectory(t)
	d.write("p.json", packText("1"))
	d.mustTake("at start")
	d.want("at start", 1, 1)
	d.write("p.json", packText("2"))
	d.mustTake("a changed file")
	d.want("a changed file", 2, 2)
	d.write("q.json", strings.Replace(packText("7"), `"p"`, `"q"`, 1))
	d.mustTake("a new file")
	d.want("a new file", 3, 2, 7)
	remove(t, filepath.Join(d.path, "p.json"))
	d.mustTake("a removed file")
	d.want("a removed file", 4, 7)
	d.write("q.test.json", "no pack")
	d.write("notes.txt", "no pack")
	if changed, err := d.refresh(); changed || err != nil {
		t.Errorf("Refresh after files of no concern = %t, %v, want no change", changed, err)
	}
	d.write("q.json", `{"schema":1`)
	if changed, err := d.refresh(); changed || err == nil || !strings.Contains(err.Error(), "q.json") {
		t.Errorf("Refresh of a cut file = %t, %v, want a refusal that names it", changed, err)
	}
	d.want("a cut file", 4, 7)
	d.write("q.json", strings.Replace(packText("7"), `"p"`, `"q"`, 1))
	if changed, err := d.refresh(); changed || err != nil {
		t.Errorf("Refresh after it was put back = %t, %v, want no change", changed, err)
	}
	d.want("put back as it was", 4, 7)
	if age := d.catalog.Active(d.now).Age; age != 0 {
		t.Errorf("age after it was put back = %s, want 0", age)
	}
}

// A file changed in the very moment it was read, and within its times' grain,
// is noticed all the same.
func TestAChangeWithinTheGrainOfTimesIsNoticed(t *testing.T) {
	d := newDirectory(t)
	path := filepath.Join(d.path, "p.json")
	when := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	writeAt := func(version string) {
		write(t, path, packText(version)) // the same file, length and times
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	writeAt("1")
	d.mustTake("at start")
	writeAt("2")
	d.mustTake("a change in the same instant")
	d.want("a change in the same instant", 2, 2)
}

// A file that was replaced by another of the same length and times is noticed,
// as a copy that keeps times makes one.
func TestAReplacedFileIsNoticed(t *testing.T) {
	d := newDirectory(t)
	when := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	put := func(version string) {
		d.write("new", packText(version))
		if err := os.Chtimes(filepath.Join(d.path, "new"), when, when); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(d.path, "new"), filepath.Join(d.path, "p.json")); err != nil {
			t.Fatal(err)
		}
	}
	put("1")
	d.mustTake("at start")
	for range 3 { // long enough to be believed
		if changed, err := d.refresh(); changed || err != nil {
			t.Fatalf("Refresh = %t, %v, want no change", changed, err)
		}
	}
	put("2")
	d.mustTake("a replaced file")
}

// A settled file is not read again.
func TestASettledFileIsNotRead(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "p.json"), packText("1"))
	fsys := &counting{FS: os.DirFS(dir)}
	store := NewPacks(fsys)
	for range 10 {
		if _, _, err := store.Manifest(t.Context(), "dev", ""); err != nil {
			t.Fatal(err)
		}
	}
	if fsys.opened["p.json"] != 2 {
		t.Errorf("the file was read %d times in 10 looks, want 2", fsys.opened["p.json"])
	}
}

// counting counts what is opened and passes the rest through.
type counting struct {
	fs.FS
	opened map[string]int
}

func (c *counting) Open(name string) (fs.File, error) {
	if c.opened == nil {
		c.opened = map[string]int{}
	}
	c.opened[name]++
	return c.FS.Open(name)
}

func (c *counting) Stat(name string) (fs.FileInfo, error) { return fs.Stat(c.FS, name) }

// policy.none is for a directory that is empty from the start; one whose packs
// are all gone is an accident until a restart.
func TestAnEmptyDirectory(t *testing.T) {
	d := newDirectory(t)
	d.mustTake("empty at start")
	d.want("empty at start", 1)
	d.write("p.json", packText("1"))
	d.mustTake("a first pack")
	remove(t, filepath.Join(d.path, "p.json"))
	for range 2 {
		if changed, err := d.refresh(); changed || err == nil || !strings.Contains(err.Error(), "gone") {
			t.Errorf("Refresh when all packs are gone = %t, %v, want an error that says so", changed, err)
		}
	}
	d.want("all packs are gone", 2, 1)
	d.write("p.json", packText("1"))
	if changed, err := d.refresh(); changed || err != nil {
		t.Errorf("Refresh when the pack is back = %t, %v, want no change", changed, err)
	}
	again := catalog.New(NewPacks(fstest.MapFS{}), catalog.Options{Environment: "dev"})
	if changed, err := again.Refresh(t.Context(), d.now); !changed || err != nil {
		t.Errorf("Refresh of an empty file system = %t, %v, want it taken", changed, err)
	}
}

func TestADirectoryThatGoesAway(t *testing.T) {
	d := newDirectory(t)
	d.write("p.json", packText("1"))
	d.mustTake("at start")
	if err := os.RemoveAll(d.path); err != nil {
		t.Fatal(err)
	}
	if changed, err := d.refresh(); changed || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Refresh without the directory = %t, %v, want ErrNotExist", changed, err)
	}
	d.want("without the directory", 1, 1)
}

// A link that leads nowhere is a pack that is missing, not one that is not there.
func TestALinkToNothing(t *testing.T) {
	d := newDirectory(t)
	d.write("p.json", packText("1"))
	d.mustTake("at start")
	if err := os.Symlink("nowhere", filepath.Join(d.path, "q.json")); err != nil {
		t.Skip("no links: ", err)
	}
	if changed, err := d.refresh(); changed || err == nil || !strings.Contains(err.Error(), "q.json") {
		t.Errorf("Refresh with a link to nothing = %t, %v, want an error that names it", changed, err)
	}
}

func TestLocalManifest(t *testing.T) {
	d := newDirectory(t)
	d.write("p.json", packText("1"))
	d.write("manifest.json", `{"$schema":"x","schema":1,"approvalsValidFrom":"2026-01-02T03:04:05+01:00",
		"suspended":[{"kind":"agent","id":"bot","since":"2026-01-01T00:00:00Z","by":"omar","reason":"loops"}]}`)
	d.mustTake("with a manifest")
	if got := d.catalog.Active(d.now).Suspended; !slices.Equal(got, []string{"agent:bot"}) {
		t.Errorf("suspended = %q, want the agent", got)
	}
	if got, want := d.catalog.ApprovalsValidFrom(), time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC); !got.Equal(want) {
		t.Errorf("approvalsValidFrom = %s, want %s", got, want)
	}
	for text, pointer := range map[string]string{
		"":                                 "manifest.json", // emptied: must not lift the suspension
		"null":                             "manifest.json",
		`{"suspended":{}}`:                 "manifest.json#/suspended",
		`{"suspended":[1]}`:                "manifest.json#/suspended/0",
		`{"suspended":[{"kind":"agent"}]}`: "manifest.json#/suspended/0",
		`{"suspended":[{"kind":"a/b","id":"x"}]}`:               "manifest.json#/suspended/0",
		`{"suspended":[{"kind":"agent","id":1}]}`:               "manifest.json#/suspended/0/id",
		`{"suspended":[{"kind":"agent","id":"x","till":"y"}]}`:  "manifest.json#/suspended/0/till",
		`{"suspended":[{"kind":"agent","id":"x","since":"y"}]}`: "manifest.json#/suspended/0/since",
		`{"suspend":[]}`:                     "manifest.json#/suspend",
		`{"a/b":1}`:                          "manifest.json#/a~1b",
		`{"schema":2}`:                       "manifest.json#/schema",
		`{"approvalsValidFrom":"yesterday"}`: "manifest.json#/approvalsValidFrom",
		`{"suspended":[],"suspended":[]}`:    "manifest.json",
	} {
		d.write("manifest.json", text)
		changed, err := d.refresh()
		var refused *catalog.RefusedError
		if changed || !errors.As(err, &refused) || !strings.HasPrefix(refused.Error(), pointer) {
			t.Errorf("manifest %s: Refresh = %t, %v, want a refusal at %s", text, changed, err, pointer)
		}
		if got := d.catalog.Active(d.now).Suspended; len(got) != 1 {
			t.Errorf("manifest %s: suspended = %q, want it as before", text, got)
		}
	}
	remove(t, filepath.Join(d.path, "manifest.json"))
	d.mustTake("without a manifest")
	if got := d.catalog.Active(d.now).Suspended; len(got) != 0 {
		t.Errorf("suspended without a manifest = %q, want none", got)
	}
}
