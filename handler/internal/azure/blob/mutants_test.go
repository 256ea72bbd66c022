package blob_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var mutants = flag.Bool("mutants", false, "break the adapter in known ways and demand that its tests notice")

// R19: a safety test that has never failed proves nothing. Each mutant is a
// mistake that others made; the test named must fail on it.
func TestMutants(t *testing.T) {
	if !*mutants {
		t.Skip("takes a minute: run with -mutants")
	}
	for name, m := range map[string]struct{ file, old, new, test string }{
		"appends have no position":       {"write.go", "AppendPosition: to.Ptr(position), MaxSize: to.Ptr(position + int64(len(data))),", "", "TestEveryFaultAtEveryStep|TestSink"},
		"the SDK retries":                {"container.go", "Retry: azure.NoRetries(),", "", "TestOutcomes"},
		"412 is success":                 {"write.go", "		return e.outcome(), e\n", "		if e.Status == 412 {\n return audit.Durable, nil\n}\nreturn e.outcome(), e\n", "TestSink|TestOutcomes"},
		"5xx is certain":                 {"errors.go", "	case http.StatusUnauthorized, ", "	case 500, 503, http.StatusUnauthorized, ", "TestEveryFaultAtEveryStep"},
		"no answer is certain":           {"errors.go", "	certain = !sent || ", "	certain = true || !sent || ", "TestEveryFaultAtEveryStep"},
		"creation replaces":              {"write.go", "to.Ptr(azcore.ETagAny)", `to.Ptr(azcore.ETag("other"))`, "TestSink"},
		"whoever answers is the service": {"errors.go", `if e.RequestID == "" || e.Code == "" {`, "if false {", "TestOutcomes|TestAnswersOfOthers"},
		"the answer is not looked at":    {"write.go", "if !standsAt(answer, position) {", "if !standsAt(answer, position) && false {", "TestAnswersOfOthers"},
		"a call has no deadline":         {"container.go", "context.WithTimeout(context.WithValue(ctx, sentKey{}, k), c.timeout)", "context.WithCancel(context.WithValue(ctx, sentKey{}, k))", "TestEveryCallHasADeadline"},
		"a cut answer is the end":        {"read.go", "		return cutShort(ctx, b.name, b.next)", "		return io.EOF", "TestCutAnswer"},
		"a damaged manifest counts":      {"lastgood.go", `if catalog.Hash(text) != "sha256:"+parts[2] {`, "if false {", "TestDamagedManifestIsPassedOver"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := runMutant(t, m.file, m.old, m.new, m.test)
			switch {
			case err == nil:
				t.Errorf("%s passes, want it to fail", m.test)
			case !strings.Contains(out, "--- FAIL: ") && !strings.Contains(out, "panic: "):
				t.Errorf("%s did not run: %v\n%s", m.test, err, out)
			}
		})
	}
}

// runMutant runs tests with one text replaced in one file.
func runMutant(t *testing.T, file, old, changed, test string) (output string, err error) {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), old); n != 1 {
		t.Fatalf("%s holds %q %d times, want once", file, old, n)
	}
	dir := t.TempDir()
	mutant, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	rules, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{mutant: []byte(strings.Replace(string(source), old, changed, 1)), overlay: rules} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-vet=off", "-failfast", "-timeout=2m", "-run", "^("+test+")$", "-skip", "azurite|live", ".")
	out, err := command.CombinedOutput()
	return string(out), err
}
