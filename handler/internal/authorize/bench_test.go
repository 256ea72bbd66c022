package authorize_test

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// BenchmarkDecide is the path of calls that no approval has a say in, without
// what a log and a door cost.
func BenchmarkDecide(b *testing.B) {
	w := newWorld(b)
	w.log = openLog(b, storetest.DiscardSink{})
	service, call := w.serve(), enforce
	call.Trace = false
	for _, c := range []struct {
		name    string
		request authorize.Request
	}{{"allow", view("Internal")}, {"mask", order("100")}, {"deny", view("Restricted")}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := service.Decide(b.Context(), ana(), c.request, call); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
