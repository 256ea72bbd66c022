package policy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
	"github.com/authorization-fabric/fabric/policy/suite"
)

func benchInput() *policy.Input {
	return &policy.Input{
		Request: policy.Request{
			Agent: "bot", Action: "Act0",
			Resource: policy.Resource{Type: "Thing", ID: "T-1", Region: "EU", Classification: "Internal"},
			Parameters: strictjson.ObjectOf(
				strictjson.Member{Name: "amount", Value: strictjson.NumberOf("49999.5")},
				strictjson.Member{Name: "currency", Value: strictjson.StringOf("EUR")},
				strictjson.Member{Name: "vendor", Value: strictjson.StringOf("V-7")}),
			Context: strictjson.ObjectOf(
				strictjson.Member{Name: "risk", Value: strictjson.StringOf("low")},
				strictjson.Member{Name: "riskScore", Value: strictjson.NumberOf("40")},
				strictjson.Member{Name: "channel", Value: strictjson.StringOf("teams")}),
		},
		Subject: policy.Subject{Tenant: "11111111-1111-1111-1111-111111111111", Application: "aaaaaaaa-0000-4000-8000-000000000001", Identity: policy.Asserted, User: policy.User{UPN: "ana@contoso.com"}},
		Now:     time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC), Key: policy.NewKey("bench", make([]byte, 32)),
	}
}

func benchSet(b *testing.B, n int, when string) *policy.Set {
	b.Helper()
	set, findings := policy.Load([]policy.Document{suite.Scale(n, when)}, policy.LoadOptions{})
	if set == nil {
		b.Fatalf("Load: %v", findings[0])
	}
	return set
}

// BenchmarkEvaluate measures the bare decision for packs of growing size.
func BenchmarkEvaluate(b *testing.B) {
	for _, when := range []string{"", "parameters.amount < 100000 && resource.region == \"EU\""} {
		for _, n := range []int{10, 100, 1000, 10000} {
			name := fmt.Sprintf("rules=%d", n)
			if when != "" {
				name = fmt.Sprintf("cel-rules=%d", n)
			}
			b.Run(name, func(b *testing.B) {
				set, in := benchSet(b, n, when), benchInput()
				if v := set.Evaluate(in); v.Outcome != policy.Allow {
					b.Fatalf("Evaluate = %v %v, want ALLOW", v.Outcome, v.Code)
				}
				b.ReportAllocs()
				for b.Loop() {
					set.Evaluate(in)
				}
			})
		}
	}
}

// BenchmarkDecide adds digest, reason, effective parameters and the record.
func BenchmarkDecide(b *testing.B) {
	set, in := benchSet(b, 1000, ""), benchInput()
	b.ReportAllocs()
	for b.Loop() {
		set.Decide(in, false)
	}
}

// BenchmarkLoad measures what a start with 10,000 rules pays.
func BenchmarkLoad(b *testing.B) {
	doc := suite.Scale(10000, "")
	b.SetBytes(int64(len(doc.Text)))
	for b.Loop() {
		if set, _ := policy.Load([]policy.Document{doc}, policy.LoadOptions{}); set == nil {
			b.Fatal("refused")
		}
	}
}
