package console_test

import (
	"fmt"
	"os"
	"testing"
)

// issuerDir holds the key that signs the sessions of every test: making one
// takes longer than most tests.
var issuerDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "console")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	issuerDir = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
