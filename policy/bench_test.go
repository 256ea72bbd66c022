package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// benchPack is a pack with about n rules: an entitlement with a limit for each
// action, a mask, an isolation rule and a threshold for every fifth, and one
// approval rule for all.
func benchPack(n int, when string) []byte {
	var actions, names, ents, masks, isos, thrs []string
	for i := range max(1, n*5/8) {
		actions = append(actions, fmt.Sprintf(`{"id":"Act%d","resource":"Thing","creates":true,"parameters":{"amount":{"type":"decimal","required":true,"scale":2},"currency":{"type":"string","enum":["EUR","USD"]},"vendor":{"type":"string"}}}`, i))
		names = append(names, fmt.Sprintf(`"Act%d"`, i))
		cond := ""
		if when != "" {
			cond = `"when":` + fmt.Sprintf("%q", when) + ","
		}
		ents = append(ents, fmt.Sprintf(`{"id":"e%d",%s"roles":["Buyer"],"match":{"actions":["Act%d"]},"limit":{"parameter":"amount","by":"currency","max":{"EUR":"50000","USD":"55000"}}}`, i, cond, i))
		if i%5 == 0 {
			masks = append(masks, fmt.Sprintf(`{"id":"m%d","match":{"actions":["Act%d"],"classificationAtLeast":"Confidential"},"effect":"MASK","mask":[{"path":"output.iban","method":"last4"}]}`, i, i))
			isos = append(isos, fmt.Sprintf(`{"id":"i%d","match":{"actions":["Act%d"]},"allowedRegions":["EU"]}`, i, i))
			thrs = append(thrs, fmt.Sprintf(`{"id":"t%d","match":{"actions":["Act%d"]},"value":"context.riskScore","askAbove":"70","denyAbove":"90"}`, i, i))
		}
	}
	return []byte(`{"schema":1,"pack":"bench","version":1,"environment":"dev","tenants":["11111111-1111-1111-1111-111111111111"],
"classifications":["Public","Internal","Confidential"],"defaultClassification":"Internal","regions":["EU","US"],"risks":["low","high"],"channels":["teams"],
"roles":[{"id":"Buyer","members":["user:ana@contoso.com"]},{"id":"Chief","members":["user:mia@contoso.com"]}],
"agents":[{"id":"bot","callers":["app:aaaaaaaa-0000-4000-8000-000000000001"],"users":["asserted"],"actions":[` + strings.Join(names, ",") + `]}],
"actions":[` + strings.Join(actions, ",") + `],"isolation":[` + strings.Join(isos, ",") + `],"classification":[` + strings.Join(masks, ",") + `],
"entitlements":[` + strings.Join(ents, ",") + `],"thresholds":[` + strings.Join(thrs, ",") + `],
"approvals":[{"id":"over","match":{"actions":["*"]},"on":["overLimit"],"approvers":["role:Chief"]}]}`)
}

func benchInput() *Input {
	return &Input{
		Request: Request{
			Agent: "bot", Action: "Act0",
			Resource: Resource{Type: "Thing", ID: "T-1", Region: "EU", Classification: "Internal"},
			Parameters: strictjson.ObjectOf(
				strictjson.Member{Name: "amount", Value: strictjson.NumberOf("49999.5")},
				strictjson.Member{Name: "currency", Value: strictjson.StringOf("EUR")},
				strictjson.Member{Name: "vendor", Value: strictjson.StringOf("V-7")}),
			Context: strictjson.ObjectOf(
				strictjson.Member{Name: "risk", Value: strictjson.StringOf("low")},
				strictjson.Member{Name: "riskScore", Value: strictjson.NumberOf("40")},
				strictjson.Member{Name: "channel", Value: strictjson.StringOf("teams")}),
		},
		Subject: Subject{Tenant: "11111111-1111-1111-1111-111111111111", Application: "aaaaaaaa-0000-4000-8000-000000000001", Identity: Asserted, User: User{UPN: "ana@contoso.com"}},
		Now:     time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC), Key: NewKey("bench", make([]byte, 32)),
	}
}

func benchSet(b *testing.B, n int, when string) *Set {
	b.Helper()
	set, findings := Load([]Document{{Name: "bench.json", Text: benchPack(n, when)}}, LoadOptions{})
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
				if v := set.Evaluate(in); v.Outcome != Allow {
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
	text := benchPack(10000, "")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if set, _ := Load([]Document{{Name: "bench.json", Text: text}}, LoadOptions{}); set == nil {
			b.Fatal("refused")
		}
	}
}
