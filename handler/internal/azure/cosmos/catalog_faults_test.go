package cosmos

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/cosmosserver"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

func manifestFor(epoch int64) catalog.Manifest {
	return catalog.Manifest{Schema: catalog.Schema, Environment: "dev", Epoch: epoch}
}

// T39: what stands for every revision in a header is none of a manifest.
func TestRevisionsThatMatchEverything(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *Database{
		"stub":   func(t testing.TB) *Database { d, _ := stubbed(t); return d },
		"server": emulated,
	} {
		t.Run(name, func(t *testing.T) {
			e := open(t).Catalog()
			at, err := e.PutManifest(t.Context(), manifestFor(1), "")
			if err != nil {
				t.Fatal(err)
			}
			for _, was := range []catalog.Revision{"*", `"x",` + at, "W/" + at} {
				if _, err := e.PutManifest(t.Context(), manifestFor(2), was); !errors.Is(err, catalog.ErrConflict) {
					t.Errorf("PutManifest at %s = %v, want ErrConflict", was, err)
				}
				if m, _, err := e.Manifest(t.Context(), "dev", was); err != nil || m.Epoch != 1 {
					t.Errorf("Manifest for one who knows %s = epoch %d, %v, want 1", was, m.Epoch, err)
				}
			}
		})
	}
}

// Revisions that match everything are not sent, whatever a server makes of them.
func TestNoHeaderMatchesEverything(t *testing.T) {
	d, s := stubbed(t)
	if _, err := d.Catalog().PutManifest(t.Context(), manifestFor(1), "*"); !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("PutManifest at * = %v, want ErrConflict", err)
	}
	r := approval.Record{Tenant: "t", Slot: "s", Body: []byte("{}")}
	if _, err := d.Approvals().Put(t.Context(), r, "*"); !errors.Is(err, approval.ErrConflict) {
		t.Errorf("Put at * = %v, want ErrConflict", err)
	}
	for _, c := range s.Calls() {
		if c.Write() {
			t.Errorf("%s was sent", c.Operation)
		}
	}
}

// A manifest that nobody could read is not put in the place of one.
func TestManifestsThatCannotBeReadAreNotPut(t *testing.T) {
	d, _ := stubbed(t)
	at, err := d.Catalog().PutManifest(t.Context(), manifestFor(1), "")
	if err != nil {
		t.Fatal(err)
	}
	long := manifestFor(2)
	long.Change.Detail = strings.Repeat("x", 1<<20)
	var refused *catalog.RefusedError
	if _, err := d.Catalog().PutManifest(t.Context(), long, at); !errors.As(err, &refused) {
		t.Errorf("PutManifest of more than 1 MiB = %v, want a RefusedError", err)
	}
	if m, _, err := d.Catalog().Manifest(t.Context(), "dev", ""); err != nil || m.Epoch != 1 {
		t.Errorf("Manifest afterwards = epoch %d, %v, want 1", m.Epoch, err)
	}
}

// FR26: what a create found is there, also where the replica that is asked then
// has not got it: the publisher learns that it cannot tell, never that it is
// not found.
func TestPublishedMeanwhileBehindAReplica(t *testing.T) {
	text := []byte(`{"pack":"p"}`)
	doc := catalog.Published{Environment: "dev", Pack: "p", Version: 1, Hash: catalog.Hash(text), Text: text}
	same := catalog.Published{Environment: "dev", Pack: "q", Version: 1, Hash: doc.Hash, Text: text}
	for name, seen := range map[string][]catalog.Published{
		"the document": nil,
		"the version":  {same}, // has its document from it
	} {
		t.Run(name, func(t *testing.T) {
			d, s := stubbed(t)
			late := another(t, s, Options{CallTimeout: time.Second}).Catalog()
			put := func(p catalog.Published) {
				t.Helper()
				if err := d.Catalog().PutDocument(t.Context(), p); err != nil && !errors.Is(err, catalog.ErrUnclear) {
					t.Fatal(err)
				}
			}
			for _, p := range seen {
				put(p)
			}
			s.Hold()
			put(doc)
			err := late.PutDocument(t.Context(), doc)
			if !errors.Is(err, catalog.ErrUnclear) || errors.Is(err, catalog.ErrNotFound) {
				t.Errorf("PutDocument = %v, want ErrUnclear", err)
			}
			s.Release()
			if err := late.PutDocument(t.Context(), doc); err != nil {
				t.Errorf("PutDocument again = %v", err)
			}
		})
	}
}

// A 304 that nobody asked for claims nothing.
func TestUnchangedUnasked(t *testing.T) {
	d, s := stubbed(t)
	if _, err := d.Catalog().PutManifest(t.Context(), manifestFor(1), ""); err != nil {
		t.Fatal(err)
	}
	s.Script(only(cosmosserver.Read, cosmosserver.Fault{Status: 304}))
	if _, _, err := d.Catalog().Manifest(t.Context(), "dev", ""); err == nil || errors.Is(err, catalog.ErrUnchanged) {
		t.Errorf("Manifest = %v, want an error that claims nothing", err)
	}
}

// The clocks are compared by whichever container answers.
func TestStateComparesClocks(t *testing.T) {
	for name, containers := range map[string][]string{"both": {catalogContainer, approvalsContainer}, "one": {catalogContainer}} {
		t.Run(name, func(t *testing.T) {
			d, s := stubbed(t)
			s.Make("fabric", containers...)
			d.tokens.now = func() time.Time { return time.Now().Add(-time.Hour) }
			got, err := d.State(t.Context())
			if err != nil || got.Clock < time.Hour-5*time.Second || got.Clock > time.Hour+5*time.Second {
				t.Errorf("State = clock %s, %v, want about 1h", got.Clock, err)
			}
		})
	}
}
