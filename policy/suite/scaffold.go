package suite

import (
	"bytes"
	"embed"
	"fmt"
	"regexp"
)

//go:embed scaffold/*.json
var scaffold embed.FS

var packName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// Scaffold is a new pack of that name with bindings for the environment dev
// and tests, by file name, for the author to change. They lint without a
// finding and the tests pass and exercise every rule. A name that no pack may
// have is an error.
func Scaffold(name string) (map[string][]byte, error) {
	if !packName.MatchString(name) {
		return nil, fmt.Errorf("%q is no name of a pack: it must match %s", name, packName)
	}
	files := map[string][]byte{}
	for template, file := range map[string]string{
		"pack": name + ".json", "bindings": name + ".bindings.dev.json", "tests": name + ".test.json",
	} {
		text, err := scaffold.ReadFile("scaffold/" + template + ".json")
		if err != nil {
			return nil, fmt.Errorf("read the template: %w", err)
		}
		files[file] = bytes.ReplaceAll(text, []byte("{{name}}"), []byte(name))
	}
	return files, nil
}
