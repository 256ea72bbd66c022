package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/policy/suite"
)

// BenchmarkStart measures from the start of the process to its first decision,
// with packs of about so many rules, on an empty data directory and on one that
// it has been started on before. MiB-binary is the size of the program,
// stripped; peak-MiB the memory it had when it answered.
func BenchmarkStart(b *testing.B) {
	for _, rules := range []int{10, 10_000} {
		packs := b.TempDir()
		if err := os.WriteFile(filepath.Join(packs, "bench.json"), suite.Scale(rules, "").Text, 0o600); err != nil {
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
