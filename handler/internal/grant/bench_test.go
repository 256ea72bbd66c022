package grant_test

import (
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

// BenchmarkIssue is what a grant adds to an answer: sign, and check what was
// signed.
func BenchmarkIssue(b *testing.B) {
	i := grant.NewIssuer(service, newSigner(b), kept)
	f := facts()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := i.Issue(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify is what a tool pays for a check.
func BenchmarkVerify(b *testing.B) {
	w := newBench(b)
	token := forge(b, w.key, w.header, claimsText)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.verify(token); err != nil {
			b.Fatal(err)
		}
	}
}
