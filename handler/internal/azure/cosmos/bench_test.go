package cosmos

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
)

// A point read and a write of a record of 6 KB over the stub, on loopback,
// beside a bare request to it. What they cost in request units it cannot say.
func BenchmarkRecords(b *testing.B) {
	d, s := stubbed(b)
	store := d.Approvals()
	r := approval.Record{Tenant: "t", Slot: "s", Body: []byte(`"` + fmt.Sprintf("%06000d", 1) + `"`), Index: approval.Index{
		Agent: "a", User: "u", Opened: time.UnixMilli(1), Closes: time.UnixMilli(2), Keys: []approval.Key{"a", "b", "c"},
	}}
	revision, err := store.Put(b.Context(), r, "")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("bare request", func(b *testing.B) {
		for b.Loop() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, s.URL+"/", nil)
			if err != nil {
				b.Fatal(err)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			_ = res.Body.Close()
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := store.Get(b.Context(), "t", "s"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if revision, err = store.Put(b.Context(), r, revision); err != nil {
				b.Fatal(err)
			}
		}
	})
}
