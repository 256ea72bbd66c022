package policy_test

import (
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/suite"
)

// BenchmarkLint measures what an author waits for: errors and warnings of a
// pack of 10,000 rules.
func BenchmarkLint(b *testing.B) {
	docs := []policy.Document{suite.Scale(10000, "")}
	now := time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)
	for b.Loop() {
		if findings := policy.Lint(docs, policy.LoadOptions{}, now); policy.Refused(findings) {
			b.Fatal(findings[0])
		}
	}
}
