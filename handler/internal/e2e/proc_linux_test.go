package e2e

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
)

// peakMiB is the most memory that the process has had.
func peakMiB(t testing.TB, s *server) float64 {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(s.cmd.Process.Pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(text, []byte("VmHWM:"))
	kib, err := strconv.ParseFloat(strings.Fields(string(rest))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib / 1024
}
