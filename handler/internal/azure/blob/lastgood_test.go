package blob_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/blobserver"
	"github.com/authorization-fabric/fabric/handler/internal/azure/blob"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// T38: the contract of what is served without the store, in a container that
// nothing can be changed in.
func TestLastGood(t *testing.T) {
	storetest.LastGood(t, func(t *testing.T) (catalog.LastGood, storetest.KeepDocument) {
		s := blobserver.New(t, blobserver.Options{})
		s.SetImmutability("audit", blobserver.Immutability{Policy: true})
		c := open(t, s, "audit", blob.Options{})
		return blob.NewLastGood(c), func(t *testing.T, text []byte) {
			name := "v1/env=dev/packs/" + catalog.Hash(text)[len("sha256:"):] + ".json"
			if err := c.Put(t.Context(), name, text); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// R8: a kept manifest that was changed is passed over, and said to be.
func TestDamagedManifestIsPassedOver(t *testing.T) {
	s := blobserver.New(t, blobserver.Options{})
	kept := blob.NewLastGood(open(t, s, "audit", blob.Options{}))
	for epoch := range int64(2) {
		m := catalog.Manifest{Schema: catalog.Schema, Environment: "dev", Epoch: epoch + 1, IssuedAt: time.Unix(0, 0).UTC()}
		if err := kept.Save(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	newest := s.Names("audit")[0]
	whole := s.Contents("audit")[newest]
	for name, data := range map[string][]byte{"cut": whole[:10], "empty": {}, "altered": bytes.Replace(whole, []byte("1970"), []byte("1971"), 1)} {
		s.Tamper("audit", newest, data)
		m, err := kept.Newest(t.Context(), "dev")
		if err != nil || m.Epoch != 1 || kept.Damaged() == nil {
			t.Errorf("%s: Newest() = epoch %d, %v; Damaged() = %v, want epoch 1 and the damage", name, m.Epoch, err, kept.Damaged())
		}
	}
	s.Tamper("audit", s.Names("audit")[1], []byte("x"))
	if _, err := kept.Newest(t.Context(), "dev"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("Newest() of damaged ones = %v, want ErrNotFound", err)
	}
}
