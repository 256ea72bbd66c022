package e2e

import (
	"bytes"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// edit changes the only place with a text, as an editor does that writes a new
// file and puts it in place of the old one.
func (s *script) edit(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	path, from, to := ts.MkAbs(args[0]), []byte(args[1]), []byte(args[2])
	text, err := os.ReadFile(path)
	ts.Check(err)
	if n := bytes.Count(text, from); n != 1 {
		ts.Fatalf("%s holds %q %d times, want once", args[0], from, n)
	}
	ts.Check(os.WriteFile(path+".new", bytes.Replace(text, from, to, 1), 0o600))
	ts.Check(os.Rename(path+".new", path))
}

// flip changes one bit of a file, in the first place with a text.
func (s *script) flip(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: flip FILE TEXT")
	}
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	i := bytes.Index(text, []byte(args[1]))
	if i < 0 {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	text[i] ^= 1
	ts.Check(os.WriteFile(path, text, 0o600))
}
