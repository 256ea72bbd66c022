package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkStart measures from the start of the process to its first decision,
// with packs of about so many rules, on an empty data directory and on one that
// it has been started on before. MiB-binary is the size of the program,
// stripped; peak-MiB the memory it had when it answered.
func BenchmarkStart(b *testing.B) {
	for _, rules := range []int{10, 10_000} {
		packs := b.TempDir()
		if err := os.WriteFile(filepath.Join(packs, "bench.json"), startPack(rules), 0o600); err != nil {
			b.Fatal(err)
		}
		for _, data := range []string{"new", "used"} {
			b.Run(fmt.Sprintf("rules=%d/data=%s", rules, data), func(b *testing.B) { benchmarkStart(b, packs, data == "used") })
		}
	}
}

func benchmarkStart(b *testing.B, packs string, used bool) {
	dir, peak := b.TempDir(), 0.0
	once := func(dir string) time.Duration {
		began := time.Now()
		s, err := start(b.Context(), launch{dir: dir, env: unlimited, args: []string{"--packs", packs}})
		if err != nil {
			b.Fatal(err)
		}
		s.mustDecide(b, "ALLOW", startCall)
		took := time.Since(began)
		peak = max(peak, peakMiB(b, s))
		if err := s.stop(); err != nil {
			b.Fatal(err)
		}
		return took
	}
	if used {
		once(dir)
	}
	var total time.Duration
	n := 0
	for b.Loop() {
		if !used {
			dir = b.TempDir()
		}
		total += once(dir)
		n++
	}
	info, err := os.Stat(binary)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(total.Seconds()*1000/float64(n), "ms/start")
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB-binary")
	b.ReportMetric(peak, "peak-MiB")
}

const startCall = `{"agentId":"bot","userUPN":"ana@contoso.com","action":"Act0","resource":{"type":"Thing","id":"T-1","region":"EU",` +
	`"classification":"Internal"},"parameters":{"amount":"49999.5","currency":"EUR","vendor":"V-7"},"context":{"risk":"low","riskScore":40}}`

// startPack is a pack of about n structured rules: an entitlement with a limit
// for each action, a mask, an isolation rule and a threshold for every fifth.
func startPack(n int) []byte {
	var actions, names, entitlements, masks, isolation, thresholds []string
	for i := range max(1, n*5/8) {
		names = append(names, fmt.Sprintf(`"Act%d"`, i))
		actions = append(actions, fmt.Sprintf(`{"id":"Act%d","resource":"Thing","creates":true,"parameters":{`+
			`"amount":{"type":"decimal","required":true,"scale":2},"currency":{"type":"string","enum":["EUR","USD"]},"vendor":{"type":"string"}}}`, i))
		entitlements = append(entitlements, fmt.Sprintf(`{"id":"e%d","roles":["Buyer"],"match":{"actions":["Act%d"]},`+
			`"limit":{"parameter":"amount","by":"currency","max":{"EUR":"50000","USD":"55000"}}}`, i, i))
		if i%5 == 0 {
			masks = append(masks, fmt.Sprintf(`{"id":"m%d","match":{"actions":["Act%d"],"classificationAtLeast":"Confidential"},`+
				`"effect":"MASK","mask":[{"path":"output.iban","method":"last4"}]}`, i, i))
			isolation = append(isolation, fmt.Sprintf(`{"id":"i%d","match":{"actions":["Act%d"]},"allowedRegions":["EU"]}`, i, i))
			thresholds = append(thresholds, fmt.Sprintf(`{"id":"t%d","match":{"actions":["Act%d"]},"value":"context.riskScore","askAbove":"70","denyAbove":"90"}`, i, i))
		}
	}
	list := func(items []string) string { return "[" + strings.Join(items, ",") + "]" }
	return []byte(`{"schema":1,"pack":"bench","version":1,"environment":"dev","tenants":["11111111-1111-1111-1111-111111111111"],
"classifications":["Public","Internal","Confidential"],"defaultClassification":"Internal","regions":["EU","US"],"risks":["low","high"],
"roles":[{"id":"Buyer","members":["user:ana@contoso.com"]},{"id":"Chief","members":["user:mia@contoso.com"]}],
"agents":[{"id":"bot","callers":["app:aaaaaaaa-0000-4000-8000-000000000001"],"users":["asserted"],"actions":` + list(names) + `}],
"actions":` + list(actions) + `,"isolation":` + list(isolation) + `,"classification":` + list(masks) + `,
"entitlements":` + list(entitlements) + `,"thresholds":` + list(thresholds) + `,
"approvals":[{"id":"over","match":{"actions":["*"]},"on":["overLimit"],"approvers":["role:Chief"]}]}`)
}
