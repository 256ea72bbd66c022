package policy

import "testing"

// BenchmarkLint measures what an author waits for: errors and warnings of a
// pack of 10,000 rules.
func BenchmarkLint(b *testing.B) {
	docs := []Document{{Name: "bench.json", Text: benchPack(10000, "")}}
	for b.Loop() {
		if findings := Lint(docs, LoadOptions{}, lintNow()); Refused(findings) {
			b.Fatal(findings[0])
		}
	}
}
